"""Any other file, by a pattern that the repository's owner writes: what its `version` group matches is the pin.

Each entry of `files` names paths (globs) and one pattern, in RE2's syntax, which always ends in linear time. The group
`version` is the version; the groups `name` and `digest` are optional. The rest of the component is written beside it:
its ecosystem, its name where the pattern has no such group, its registry and its scheme where they are not the usual
ones. `^` and `$` match at each line. A rewrite changes the characters of `version`, and of `digest`, and no others.

    files:
      - paths: ["Makefile", "*.mk"]
        pattern: '^KUBECTL_VERSION *:?= *(?P<version>v[0-9.]+)'
        ecosystem: github
        name: kubernetes/kubernetes
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import msgspec
import re2

from bot.adapters import Options, Tools, decode
from bot.adapters.manifests import _spots
from bot.core.ecosystems import ECOSYSTEMS
from bot.core.errors import ConfigProblem
from bot.core.model import Component, Pin, Release

KIND = "regex"
LONGEST = 1000  # characters of a pattern
MOST_PINS = 1000  # in one file; a pattern that matches everywhere is a mistake
MEMORY = 8 << 20  # what one compiled pattern may take


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    paths: list[str]
    pattern: str
    ecosystem: str
    name: str = ""
    registry: str = ""
    scheme: str = ""


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    files: list[_Entry] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    entry: _Entry
    pattern: Any  # re2 has no types
    groups: Mapping[str, int]


def open(options: Options, tools: Tools) -> Regex:
    """files: see above. ConfigProblem for a pattern that cannot be meant."""
    return Regex([_rule(entry, number) for number, entry in enumerate(decode(options, _Options, KIND).files)])


class Regex:
    """A `core.ports.Manifest`."""

    def __init__(self, rules: Sequence[_Rule]) -> None:
        self._rules = rules

    def matches(self, path: str) -> bool:
        """By the globs of the entries: over the whole path, or over the file's name where a glob has no slash."""
        return any(_wants(rule, path) for rule in self._rules)

    def read(self, path: str, text: str) -> Sequence[Pin]:
        """The pins of every entry whose paths fit, in reading order. ConfigProblem where one matches everywhere."""
        return [pin for pin, _ in self._found(path, text)]

    def rewrite(self, text: str, pin: Pin, release: Release) -> str:
        """The text with this pin at the release. ConfigProblem when it is no longer there."""
        return _spots.rewrite(text, self._found(pin.path, text), pin, release)

    def _found(self, path: str, text: str) -> list[_spots.Found]:
        found = [pair for rule in self._rules if _wants(rule, path) for pair in _pins(rule, path, text)]
        return sorted(found, key=lambda pair: (pair[0].line, pair[0].column))


def _rule(entry: _Entry, number: int) -> _Rule:
    where = f"files[{number}].pattern"
    if len(entry.pattern) > LONGEST:
        raise ConfigProblem(f"is longer than {LONGEST} characters", where=where)
    options = re2.Options()
    options.max_mem, options.log_errors = MEMORY, False
    try:
        pattern = re2.compile(f"(?m){entry.pattern}", options)
    except re2.error as error:
        said = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise ConfigProblem(f"is no RE2 pattern: {said}", where=where) from None
    groups = dict(pattern.groupindex)
    if "version" not in groups:
        raise ConfigProblem("has no group named version", where=where, mend="Write (?P<version>…) around it")
    if not entry.name and "name" not in groups:
        mend = "Write name: beside the pattern, or (?P<name>…) in it"
        raise ConfigProblem("says of no component", where=where, mend=mend)
    if entry.ecosystem not in ECOSYSTEMS:
        mend = f"There are {', '.join(ECOSYSTEMS)}"
        raise ConfigProblem(f"there is no ecosystem {entry.ecosystem!r}", where=f"files[{number}]", mend=mend)
    return _Rule(entry=entry, pattern=pattern, groups=groups)


def _wants(rule: _Rule, path: str) -> bool:
    name = path.rpartition("/")[2]
    return any(fnmatchcase(path if "/" in glob else name, glob) for glob in rule.entry.paths)


def _pins(rule: _Rule, path: str, text: str) -> Iterator[_spots.Found]:
    for number, match in enumerate(rule.pattern.finditer(text)):
        if number >= MOST_PINS:
            raise ConfigProblem(f"the pattern {rule.entry.pattern!r} matches more than {MOST_PINS} times", where=path)
        if (found := _pin(rule, path, text, match)) is not None:
            yield found


def _pin(rule: _Rule, path: str, text: str, match: Any) -> _spots.Found | None:
    parts: Mapping[str, str | None] = {name: match.group(number) for name, number in rule.groups.items()}
    version, name = parts["version"], parts.get("name") or rule.entry.name
    if not version or not name:
        return None
    line, column = _spots.at(text, match.start(rule.groups["version"]))
    entry, digest = rule.entry, parts.get("digest") or ""
    component = Component(name=name, ecosystem=entry.ecosystem, registry=entry.registry, scheme=entry.scheme)
    pin = Pin(
        path=path, line=line, column=column, manifest=KIND, component=component, requirement=version, version=version,
        digest=digest,
    )  # fmt: skip
    beside = match.span(rule.groups["digest"]) if digest else None
    return pin, _spots.Spot(version=match.span(rule.groups["version"]), digest=beside)
