"""`pyproject.toml`: dependencies (PEP 621), dependency groups (PEP 735) and what the build needs (PEP 518).

Read are `project.dependencies`, `project.optional-dependencies`, `dependency-groups` and `build-system.requires`; and
what PDM alone writes besides, `tool.pdm.dev-dependencies`, but for what is installed from a folder (`-e`).
A rewrite changes the characters of one version, or of one range where ranges are widened, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from packaging.requirements import InvalidRequirement

from bot.adapters import Options, Tools, no_options
from bot.adapters.manifests import _folders, _requirement, _spots, _toml, _toml_tables
from bot.adapters.manifests._file import reading
from bot.adapters.manifests._spots import Found, Spot
from bot.core.errors import ConfigProblem
from bot.core.model import Component, Pin, Release

KIND = "pyproject"
_FILE = re.compile(r"pyproject\.toml")
PLACES: tuple[tuple[str, ...], ...] = (("project", "dependencies"), ("build-system", "requires"))
PDM = ("tool", "pdm", "dev-dependencies")
TABLES: tuple[tuple[str, ...], ...] = (("project", "optional-dependencies"), ("dependency-groups",), PDM)


def open(options: Options, tools: Tools) -> PyProject:
    """No options, and it needs nothing of what is lent."""
    no_options(options, KIND)
    return PyProject()


class PyProject:
    """A `core.ports.Manifest`."""

    def matches(self, path: str) -> bool:
        """Any file of this very name, in whatever folder."""
        return _folders.named(path, _FILE)

    def read(self, path: str, text: str) -> Sequence[Pin]:
        """Every requirement, exact or not; those that name a URL are left out. ConfigProblem for what is no TOML."""
        return [pin for pin, _ in _pins(path, text)]

    def rewrite(self, text: str, pin: Pin, release: Release) -> str:
        """The text with this pin at the release's version. ConfigProblem when the pin is no longer there."""
        return _spots.rewrite(text, list(_pins(pin.path, text)), pin, release)


def _pins(path: str, text: str) -> Iterator[Found]:
    """Pins, each with where its version, or its range, begins and ends in the text."""
    _must_be_toml(path, text)
    for string in _toml.strings(text):
        if not _is_ours(string.path) or (string.path[:-1] == PDM and string.value.lstrip().startswith("-e ")):
            continue
        line, column = _requirement.place(text, string.at[0])
        try:
            found = _requirement.parse(string.value)
        except InvalidRequirement as error:
            first = str(error).splitlines()[0]
            raise ConfigProblem(
                f"{string.value!r} is no requirement: {first}", where=f"{path}:{line}:{column}"
            ) from None
        if found is None:
            continue
        line, column = _requirement.place(text, string.at[found.name_at])
        spot = _spot(string.at, found)
        pin = Pin(
            path=path,
            line=line,
            column=column,
            manifest=KIND,
            component=Component(name=found.name),
            requirement=found.spec,
            version=found.version,
            widens=spot.requirement is not None,
        )
        yield pin, spot


def _spot(at: Sequence[int], found: _requirement.Found) -> Spot:
    if found.version is None or found.version_at is None:
        return Spot(version=None, requirement=_requirement.contiguous(at, found.spec_at, len(found.spec)))
    return Spot(version=(at[found.version_at], at[found.version_at + len(found.version)]))


def _is_ours(path: tuple[str, ...]) -> bool:
    # A group may include another by {include-group = "name"}: its path is longer, and it is no requirement.
    return path in PLACES or any(path[:-1] == table for table in TABLES)


def _must_be_toml(path: str, text: str) -> None:
    # The standard library's reader alone could be kept busy for minutes by one long key.
    _toml_tables.table(reading(path, text, KIND))
