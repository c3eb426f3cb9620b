"""What the parts of an image tag mean. A tag has no grammar, only habits, and these are the ones that we read.

    [prefix] core [stage] [build] [variant]      v 1.27.3 -rc1 _8 -slim-bookworm

prefix: a v, or words before the first number (release-, jdk-, RELEASE., bookworm- before a date).
core: numbers that count (1.27.3), a date (20240101, 2024-01-02, RELEASE.2024-01-01T00-00-00Z), or a serial number that
    is too long to be either (seconds since 1970). Java's 8u392 is 8.0.392.
stage: that it is not finished (rc1, -beta.2, -ea-7, -SNAPSHOT).
build: the same release packed again: _8 of a JDK, -r3, -903 at the end, a date after the core, +metadata, the number
    after a branch (-master-777).
variant: every other word, with the numbers in it. They name another product (alpine3.19, -24- for Node 24,
    otp-26, ltsc2022, nanoserver-1809), and whether to change that is a person's choice.

A commit's hash tells builds apart and orders nothing. A tag without a core (latest, bookworm, alpine3.19, ltsc2022,
sha-…, a bare hash, pr-12) is no version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

YEARS = range(1990, 2200)
SHORTEST_SERIAL = 10  # digits; seconds since 1970 have had ten since 2001, and nobody counts releases that far


class Sort(IntEnum):
    """What the core's numbers are. In this order, so that a stray date is never newer than a count."""

    SERIAL = 0
    DATE = 1
    COUNT = 2


class Stage(IntEnum):
    """How far the work in it had come."""

    DEVELOPMENT = 0
    ALPHA = 1
    BETA = 2
    PREVIEW = 3
    CANDIDATE = 4
    FINISHED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag taken apart.

    numbers: of a count as written; of a date year, month, day, hour, minute, second and then what counts within it.
    style: how the core is written, where dates and Java's 8u392 differ. marks: how each build number is announced.
    commit: whether it names a commit.
    """

    prefix: str
    sort: Sort
    numbers: tuple[int, ...]
    style: str
    stage: Stage
    stage_numbers: tuple[int, ...]
    build: tuple[int, ...]
    marks: tuple[str, ...]
    variant: str
    commit: bool


_STAGES = {
    **dict.fromkeys(("dev", "snapshot", "nightly", "canary", "unstable", "experimental"), Stage.DEVELOPMENT),
    "alpha": Stage.ALPHA,
    **dict.fromkeys(("beta", "milestone"), Stage.BETA),
    **dict.fromkeys(("prerelease", "preview", "pre", "ea"), Stage.PREVIEW),
    **dict.fromkeys(("rc", "cr"), Stage.CANDIDATE),
}
_SHORT_STAGES = {"a": Stage.ALPHA, "b": Stage.BETA, "m": Stage.BETA, "c": Stage.CANDIDATE}
_ANY_STAGE = _STAGES | _SHORT_STAGES
_FINISHED = frozenset({"final", "ga"})
_BRANCHES = frozenset({"master", "main", "trunk", "develop", "build", "ci", "release", "rev"})
_MACHINES = frozenset(
    {"amd64", "arm64", "arm64v8", "arm32v6", "arm32v7", "armhf", "i386", "ppc64le", "s390x", "riscv64", "x86_64"}
)
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)*")

# The numbers that a base has itself. zabbix:alpine-6.4.10 is no Alpine, and golang:alpine-3.19 no Go.
_SYSTEMS = {
    "alpine": re.compile(r"3\.[0-9]+(?:\.[0-9]+)?"),
    "debian": re.compile(r"[0-9]{1,2}(?:\.[0-9]+)?"),
    "ubuntu": re.compile(r"[0-9]{2}\.(?:04|10)(?:\.[0-9])?"),
    **dict.fromkeys(("centos", "fedora", "rhel", "ubi", "rocky", "rockylinux", "alma", "almalinux"), _NUMBER),
    **dict.fromkeys(("ol", "oraclelinux", "suse", "opensuse", "leap", "photon"), _NUMBER),
    **dict.fromkeys(("nanoserver", "windowsservercore", "servercore", "windows", "ltsc"), _NUMBER),
}
_NOT_RELEASES = frozenset({"sha", "sha1", "sha256", "sha512", "git", "commit", "pr", "pull", "mr", "issue"})

_LEGAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")  # a + is no registry's, but charts and configs write it
_COMMIT = re.compile(r"(?:^|[-._])(?:g[0-9a-f]{5,40}|(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{7,64})(?=$|[-_.])")
_PREFIX = re.compile(
    r"(?:x86_64[-_]|(?!(?:[vrnb]|ver|version|rel|release|build)[0-9])(?:[a-z][a-z0-9]*[-_]|[a-z]+\.|[a-z]+[0-9]+(?:\.[0-9]+)+[-_]))*"
    r"(?:[vrnb]|ver|version|rel|release|build)?(?=[0-9])",
    re.IGNORECASE,
)
_DASHED = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T_-](\d\d)[-:.]?(\d\d)(?:[-:.]?(\d\d))?Z?)?(?![0-9])", re.ASCII)
_SPLIT = re.compile(r"(\d{4})(\d\d)(\d\d)[_-](\d\d)(\d\d)(\d\d)Z?(?![0-9A-Za-z])", re.ASCII)
_SOLID = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)?(\d\d)?Z?)?(?![0-9A-Za-z])", re.ASCII)
_COUNTED = re.compile(r"(?:\.[0-9]+)*")
_COUNT = re.compile(r"([0-9]+)(?:u([0-9]+)|((?:\.[0-9]+)*))")
_STAGE = re.compile(
    r"(alpha|beta|milestone|m(?=[0-9])|prerelease|preview|pre|ea|rc|cr|dev|snapshot|nightly|canary|unstable"
    r"|experimental)\.?([0-9]+(?:\.[0-9]+)*)?(?:\.([a-z][a-z0-9.]*))?",
    re.IGNORECASE,
)
_GLUED = re.compile(r"\.[A-Za-z]{2}[A-Za-z0-9.]*")  # 2.1.3.RELEASE; a series (1.x) is no release
_SHORT_STAGE = re.compile(r"([abc])([0-9]+)()", re.IGNORECASE)  # only right after the core: 3.13.0a1
_BUILD = re.compile(
    r"(r|k3s|rke2r|ls|build|b|kb|eksbuild|gke|rev|p|patch|hotfix|post|ubuntu(?=\.))\.?([0-9]+(?:\.[0-9]+)*)",
    re.IGNORECASE,
)


def parse(text: str) -> Tag:
    """ValueError when no part of it says which release it is."""
    if not _LEGAL.fullmatch(text):
        raise ValueError(f"no image tag: {text!r}")
    bare, commits = _COMMIT.subn("", text)
    head = _PREFIX.match(bare)
    if head is None:
        raise ValueError(f"no number says which release {text!r} is")
    prefix = head.group()
    words = re.split(r"[-_.]", prefix.lower())[:-1]
    sort, numbers, style, end = _core(bare, head.end())
    own = _SYSTEMS.get(words[-1]) if words and sort is Sort.COUNT else None
    if not _NOT_RELEASES.isdisjoint(words) or (own and own.fullmatch(bare, head.end(), end)):
        raise ValueError(f"the number of {text!r} is not a release's")
    rest = _Rest(stage=min((_STAGES.get(word, Stage.FINISHED) for word in words), default=Stage.FINISHED))
    rest.read(bare[end:])
    return Tag(
        prefix=prefix,
        sort=sort,
        numbers=numbers,
        style=style,
        stage=rest.stage,
        stage_numbers=rest.stage_numbers,
        build=rest.build,
        marks=tuple(rest.marks),
        variant=rest.variant,
        commit=commits > 0,
    )


def numbers_of(text: str) -> tuple[Sort, tuple[int, ...]]:
    """The core alone, as a range names it. ValueError when there is anything else but a v before it."""
    tag = parse(text)
    rest = (tag.stage is not Stage.FINISHED, tag.build, tag.variant, tag.commit, tag.prefix not in ("", "v", "V"))
    if any(rest):
        raise ValueError(f"a range compares numbers or dates alone, not {text!r}")
    return tag.sort, tag.numbers


def _core(text: str, start: int) -> tuple[Sort, tuple[int, ...], str, int]:
    """Sort, numbers, how they are written, and where they end."""
    for pattern in (_DASHED, _SPLIT, _SOLID):
        found = pattern.match(text, start)
        if found is not None and (moment := _moment(found)) is not None:
            within = _COUNTED.match(text, found.end())
            assert within is not None  # it matches the empty text too
            counted = tuple(map(int, within.group().split(".")[1:]))
            return Sort.DATE, (*moment, *counted), re.sub("[0-9]", "0", found.group()), within.end()
    found = _COUNT.match(text, start)
    assert found is not None  # a digit stands at the start, by the pattern of the prefix
    first, update, dotted = found.groups()
    if update is not None:
        return Sort.COUNT, (int(first), 0, int(update)), "u", found.end()
    sort = Sort.SERIAL if len(first) >= SHORTEST_SERIAL else Sort.COUNT
    return sort, tuple(map(int, (first + dotted).split("."))), "", found.end()


def _moment(found: re.Match[str]) -> tuple[int, ...] | None:
    """Year, month, day, hour, minute, second; None when the digits are no date."""
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    real = year in YEARS and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60
    return (year, month, day, hour, minute, second) if real else None


def _is_stamp(number: str) -> bool:
    """Whether it is a date or a serial number, which say when and never what."""
    if number.isdigit() and len(number) >= SHORTEST_SERIAL:
        return True
    found = _SOLID.fullmatch(number)
    return found is not None and _moment(found) is not None


@dataclass(slots=True)
class _Rest:
    """What comes after the core, read word by word from left to right."""

    stage: Stage
    stage_numbers: tuple[int, ...] = ()
    build: tuple[int, ...] = ()
    marks: list[str] = field(default_factory=list)
    variant: str = ""
    _last: str = "core"  # what the word before was, or that word itself when it belongs to the variant
    _waiting: list[str] = field(
        default_factory=list
    )  # numbers after the core; whether they are builds shows at the end

    def read(self, rest: str) -> None:
        """ValueError for what can be no part of a tag's habits."""
        rest, plus, metadata = rest.partition("+")
        for separator, word in _words(rest):
            if not self._is_stage(separator, word) and not self._is_build(separator, word):
                self._is_variant(separator, word)
        self._settle()
        if plus:
            self.marks.append(plus)
            self.build += tuple(map(int, re.findall("[0-9]+", metadata)))

    def _is_stage(self, separator: str, word: str) -> bool:
        bare = word.lower() if separator else word.lower().removeprefix(".")
        if bare in _FINISHED:
            return True
        if self._last == "stage" and not self.stage_numbers and _NUMBER.fullmatch(word):
            self.stage_numbers = _ints(word)
            return True
        found = _STAGE.fullmatch(bare) or (None if separator else _SHORT_STAGE.fullmatch(bare))
        if found is None:
            return False
        self.stage = min(self.stage, _ANY_STAGE[found[1]])
        self.stage_numbers += _ints(found[2]) if found[2] else ()
        self._last = "stage"
        if found[3]:  # GitLab's 16.7.0-rc42.ce.0 leads to 16.7.0-ce.0
            self._is_variant(separator or "-", found[3])
        return True

    def _is_build(self, separator: str, word: str) -> bool:
        if _NUMBER.fullmatch(word):
            return self._is_build_number(separator, word)
        found = _BUILD.fullmatch(word if separator else word.removeprefix("."))
        if found is None:
            return False
        self._take(found[1].lower(), found[2])
        return True

    def _is_build_number(self, separator: str, word: str) -> bool:
        if self._last in ("core", "waiting") and separator == "-" and not _is_stamp(word):
            self._waiting.append(word)
            self._last = "waiting"
        elif self._last == "core":
            self._take("_" if separator == "_" else "stamp", word)
        elif self._last == "build" or _is_stamp(word):
            self._take("stamp" if _is_stamp(word) else _shape(word), word)
        elif self._last in _BRANCHES and word.isdigit():
            self._take(_shape(word), word)
        else:
            return False
        return True

    def _take(self, mark: str, numbers: str) -> None:
        self.marks.append(mark)
        self.build += _ints(numbers)
        self._last = "build"

    def _is_variant(self, separator: str, word: str) -> None:
        if not separator and not _GLUED.fullmatch(word):
            raise ValueError(f"{word!r} right after a number is not known")
        self.variant += separator + word
        self._last = word.lower()

    def _settle(self) -> None:
        """A number between core and variant names what is inside (Node 24 in 4.0.13-24-trixie); alone it is a build."""
        if not self.variant or self.variant.lower()[1:] in _MACHINES:
            self.build = (*(n for numbers in self._waiting for n in _ints(numbers)), *self.build)
            self.marks = [*map(_shape, self._waiting), *self.marks]
        else:
            self.variant = "".join(f"-{numbers}" for numbers in self._waiting) + self.variant


def _words(rest: str) -> Iterator[tuple[str, str]]:
    """(separator, word); the word right after the core has no separator. ValueError for an empty word."""
    glued, *pieces = re.split("([-_])", rest)
    if glued:
        yield "", glued
    for separator, word in zip(pieces[::2], pieces[1::2], strict=True):
        if not word.strip("."):
            raise ValueError(f"nothing between the separators of {rest!r}")
        yield separator, word


def _shape(numbers: str) -> str:
    """How many numbers count; a stamp behind them does not."""
    return "#" * sum(len(number) < SHORTEST_SERIAL for number in numbers.split("."))


def _ints(numbers: str) -> tuple[int, ...]:
    return tuple(map(int, numbers.split(".")))
