"""`setup.cfg`: what a Python project needs that setuptools builds.

Read are `install_requires`, `setup_requires` and `tests_require` of `[options]`, and every list of
`[options.extras_require]`: one requirement a line, or on one line with semicolons between them, as setuptools has it.

Left alone: `file:` (a requirements file is read for itself), comments, requirements with a URL, and everything else.

A rewrite changes the characters of one version, or of one range where ranges are widened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from packaging.requirements import InvalidRequirement

from bot.adapters import Options, Tools, no_options
from bot.adapters.manifests import _exact, _folders, _requirement
from bot.adapters.manifests._file import File, reading, templated
from bot.adapters.manifests._reader import Reader
from bot.adapters.manifests._spots import Found, Spot
from bot.adapters.manifests._tree import Text
from bot.core.errors import ConfigProblem
from bot.core.model import Component

KIND = "setup_cfg"

_FILE = re.compile(r"setup\.cfg")
_LISTS = frozenset({"install_requires", "setup_requires", "tests_require"})
_LINE = re.compile(r"(?P<blank>[^\S\n]*+)(?P<body>[^\n]+)")
_SECTION = re.compile(r"\[(?P<name>.+)\]")
_BETWEEN = re.compile(r"[=:]\s*+")


def open(options: Options, tools: Tools) -> Reader[Spot]:
    """No options, and it needs nothing of what is lent."""
    no_options(options, KIND)
    return Reader(owns=partial(_folders.named, names=_FILE), find=_found, write=_exact.rewrite)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """An option: its section, its name, and the lines of its value as they stand."""

    section: str
    name: str
    lines: list[Text]


def _found(path: str, text: str) -> list[Found]:
    file = reading(path, text, KIND)
    try:
        settings = list(_settings(file))
    except ConfigProblem:
        if templated(text):
            return []
        raise
    wanted = (setting for setting in settings if _is_ours(setting))
    return [found for setting in wanted for entry in _entries(setting) for found in _pin(file, entry)]


def _is_ours(setting: _Setting) -> bool:
    if setting.section == "options":
        # Older files write the names with hyphens.
        return setting.name.lower().replace("-", "_") in _LISTS
    return setting.section == "options.extras_require"


def _entries(setting: _Setting) -> Iterator[Text]:
    """The requirements of a list, with the blanks around them."""
    first, *more = setting.lines
    if more:
        yield from setting.lines
        return
    at = 0
    for part in first.value.split(";"):
        yield Text(value=part, at=first.at + at)
        at += len(part) + 1


def _pin(file: File, entry: Text) -> Iterator[Found]:
    body = entry.value.strip()
    if not body or body.startswith(("#", "file:", "attr:")):
        return
    try:
        found = _requirement.parse(entry.value)
    except InvalidRequirement as error:
        at = entry.at + len(entry.value) - len(entry.value.lstrip())
        raise file.problem(f"{body!r} is no requirement: {str(error).splitlines()[0]}", at) from None
    if found is None:
        return
    span = None
    if found.version is not None and found.version_at is not None:
        span = (entry.at + found.version_at, entry.at + found.version_at + len(found.version))
    ranged = None
    if span is None and found.spec:
        ranged = (entry.at + found.spec_at, entry.at + found.spec_at + len(found.spec))
    pin = file.pin(
        Component(name=found.name),
        entry.at + found.name_at,
        requirement=found.spec,
        version=found.version,
        widens=ranged is not None,
    )
    yield pin, Spot(version=span, requirement=ranged)


def _settings(file: File) -> Iterator[_Setting]:
    """Options with their lines, as the standard library's reader of such files tells them apart.

    Its own pattern of an option takes time with the square of a line's length, so it is not asked.
    """
    section, setting, indent = None, None, 0
    seen: set[tuple[str, str]] = set()
    for line in _LINE.finditer(file.text):
        body, at = line["body"].rstrip(), line.start("body")
        if body.startswith("\ufeff"):
            body, at = body[1:], at + 1
        if not body or body[0] in "#;":
            continue
        depth = len(line["blank"])
        if setting is not None and depth > indent:
            setting.lines.append(Text(value=body, at=at))
            continue
        if setting is not None:
            yield setting
        indent = depth
        if header := _SECTION.match(body):
            section, setting = header["name"], None
            _once(file, seen, (section, ""), at)
        else:
            setting = _option(file, section, Text(value=body, at=at))
            _once(file, seen, (setting.section, setting.name), at)
    if setting is not None:
        yield setting


def _option(file: File, section: str | None, line: Text) -> _Setting:
    between = _BETWEEN.search(line.value)
    if section is None:
        raise file.problem("stands before the first section", line.at, mend="Write [section] above it")
    if between is None or not (name := line.value[: between.start()].rstrip()):
        raise file.problem(f"{line.value[:80]!r} is neither a section nor an option", line.at)
    value = Text(value=line.value[between.end() :], at=line.at + between.end())
    return _Setting(section=section, name=name, lines=[value])


def _once(file: File, seen: set[tuple[str, str]], name: tuple[str, str], at: int) -> None:
    if name in seen:
        raise file.problem(f"{name[1] or name[0]!r} is there twice", at)
    seen.add(name)
