"""Which operation a concrete path belongs to: the most literal template wins, and some values may hold slashes."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

# GitHub documents that the path may be left out here, to list the root of the repository.
MAY_BE_EMPTY = "/repos/{owner}/{repo}/contents/{path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One path of the description and the expression that recognises it."""

    path: str
    pattern: re.Pattern[str]
    literals: int

    def values(self, concrete: str) -> dict[str, str] | None:
        """The decoded values of the parameters, or None where `concrete` is another path."""
        found = self.pattern.fullmatch(concrete)
        return None if found is None else {name: unquote(value or "") for name, value in found.groupdict().items()}


def template(path: str, slashed: Iterable[str]) -> Template:
    """Compile `path`; the parameters named in `slashed` may hold slashes (`heads/main`, `src/a.py`)."""
    wide = set(slashed)

    def piece(segment: str) -> str:
        if not segment.startswith("{"):
            return re.escape(segment)
        name = segment.strip("{}")
        return f"(?P<{name}>{'.+' if name in wide else '[^/]+'})"

    text = "/".join(piece(segment) for segment in path.split("/"))
    if path == MAY_BE_EMPTY:
        text = text.replace("/(?P<path>.+)", "(?:/(?P<path>.*))?")
    literals = sum(not segment.startswith("{") for segment in path.split("/"))
    return Template(path=path, pattern=re.compile(text), literals=literals)


class Routes:
    """Finds the operation of a request. Paths come as they stand in a URL, percent signs and all."""

    def __init__(self, paths: Mapping[str, Mapping[str, Any]], slashed: Mapping[str, Iterable[str]]) -> None:
        """`slashed` names, by path, the parameters whose values may hold slashes."""
        made = [template(path, slashed.get(path, ())) for path in paths]
        # `/commits/{ref}/status` before `/commits/{ref}`, whose ref may hold slashes too.
        self._templates = sorted(made, key=lambda each: (-each.literals, each.path))
        self._paths = paths

    def find(self, method: str, concrete: str) -> tuple[str, dict[str, str]] | None:
        """(template path, parameter values) of the operation, or None where no template with that method fits."""
        for each in self._templates:
            values = each.values(concrete)
            if values is not None and method.lower() in self._paths[each.path]:
                return each.path, values
        return None
