"""NuGet's versions and ranges: to the letter of NuGet.Versioning.

Up to four numbers, the fourth for those who count in .NET's old way; labels compare without regard to case, build
metadata not at all. A range without brackets is the lowest version (`1.0` takes 1.0 and all above). A floating one
(`1.*`, `1.0.0-rc*`) takes what it floats over: NuGet would fall back to a version above when there is none, but that
is a compromise of its installer and not what was asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from bot.core.model import Kind
from bot.core.versions import _numbering

INT_MAX = 2**31 - 1

# What .NET takes for white space; it allows that around the version and around each of its numbers.
_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_NUMBER = rf"[{_BLANKS}]*+([0-9]+)[{_BLANKS}]*+"
_VERSION = re.compile(
    rf"{_NUMBER}(?:\.{_NUMBER})?(?:\.{_NUMBER})?(?:\.{_NUMBER})?"
    r"(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?"
    rf"[{_BLANKS}]*+"
)
_INTEGER = re.compile(r"-?[0-9]+")
_LEADING_ZERO = re.compile(r"0[0-9]+")

Numbers = tuple[int, int, int, int]
Key = tuple[Numbers, int, tuple[tuple[int, int | str], ...]]


@dataclass(frozen=True, slots=True)
class Version:
    """A version without its metadata; labels as they were written."""

    numbers: Numbers
    labels: tuple[str, ...]

    @property
    def key(self) -> Key:
        """Numbers, then finished after unfinished, then label by label: numbers before words, by .NET's integers."""
        return self.numbers, not self.labels, tuple(_label(label) for label in self.labels)

    @property
    def release(self) -> str:
        """The labels as one text, in lower case."""
        return ".".join(self.labels).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """From a version to a version (None is no limit), and what floats if anything does."""

    low: Version | None
    low_in: bool
    high: Version | None
    high_in: bool
    floats: Floating | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Floating:
    """The first `fixed` numbers stand; with a prefix, pre-releases whose labels begin with it are in too."""

    fixed: int
    low: Version
    prefix: str | None


def key(text: str) -> Key:
    """VersionComparer.Default's order. ValueError when NuGetVersion cannot parse the text."""
    return _read(text).key


def is_stable(text: str) -> bool:
    """No labels."""
    return not _read(text).labels


def same_release(one: str, other: str) -> bool:
    """All four numbers are the same."""
    return _read(one).numbers == _read(other).numbers


def is_zero(text: str) -> bool:
    """0.y."""
    return _read(text).numbers[0] == 0


def satisfies(text: str, wanted: str) -> bool:
    """By NuGet's intervals and floating versions."""
    if not wanted.strip():
        return True
    version, asked = _read(text), _range(wanted)
    return _between(version.key, asked) and (asked.floats is None or _floats(version, asked.floats))


def bump(before: str, after: str) -> Kind:
    """The first number that differs names the kind; the fourth is a patch."""
    return _numbering.step(_read(before).numbers, _read(after).numbers)


@lru_cache(maxsize=4096)
def _read(text: str) -> Version:
    found = _VERSION.fullmatch(text)
    if found is None:
        raise ValueError(text)
    numbers = tuple(int(part or 0) for part in found.group(1, 2, 3, 4))
    labels = tuple(found[5].split(".")) if found[5] else ()
    metadata = found[6].split(".") if found[6] else []
    if max(numbers) > INT_MAX or "" in labels or "" in metadata or any(map(_LEADING_ZERO.fullmatch, labels)):
        raise ValueError(text)
    first, second, third, fourth = numbers
    return Version((first, second, third, fourth), labels)


def _label(label: str) -> tuple[int, int | str]:
    """A label that does not fit into 32 bits is a word, and one with a minus is a number."""
    if _INTEGER.fullmatch(label) and -INT_MAX - 1 <= (number := int(label)) <= INT_MAX:
        return 0, number
    return 1, label.upper()


@lru_cache(maxsize=4096)
def _range(wanted: str) -> Range:
    text = wanted.strip()
    if text[0] not in "[(":
        low, floats = _low(text)
        return Range(low=low, low_in=True, high=None, high_in=False, floats=floats)
    if text[-1] not in "])":
        raise ValueError(wanted)
    low_in, high_in = text[0] == "[", text[-1] == "]"
    parts = text[1:-1].split(",")
    if len(parts) > 2 or not any(parts) or (len(parts) == 1 and not (low_in and high_in)):
        raise ValueError(wanted)
    bottom, floats = _low(parts[0]) if parts[0].strip() else (None, None)
    top = _read(parts[-1]) if parts[-1].strip() else None
    if bottom and top and (bottom.key > top.key or (bottom.key == top.key and low_in != high_in)):
        raise ValueError(wanted)
    return Range(low=bottom, low_in=low_in, high=top, high_in=high_in, floats=floats)


def _low(text: str) -> tuple[Version, Floating | None]:
    """The lower end, which alone may float."""
    if "*" not in text:
        return _read(text), None
    if "+" in text or text[-1] != "*":
        raise ValueError(text)
    stem, hyphen, labels = text.partition("-")
    if not hyphen:
        return _stable_float(text)
    if stem.endswith("*"):
        return _double_float(stem, labels[:-1])
    # With a second hyphen NuGet takes the label as it stands; else it appends what makes the lowest one.
    low = _read(text[:-1] if "-" in labels else f"{stem}-{_lowest(labels[:-1])}")
    return low, Floating(fixed=4, low=low, prefix=low.release if "-" in labels else labels[:-1].lower())


def _stable_float(text: str) -> tuple[Version, Floating | None]:
    """`*`, `1.*`, `1.0.*`, `1.0.0.*`. A star after a digit stands for a zero: NuGet reads `1*` as 10."""
    low = _read(f"{text[:-1]}0")
    fixed = text.count(".")
    if not fixed and text != "*":
        return low, None
    return low, Floating(fixed=fixed, low=low, prefix=None)


def _double_float(stem: str, prefix: str) -> tuple[Version, Floating]:
    """`*-*`, `1.*-rc*`: what is floated over, and its pre-releases with that prefix."""
    low = _read(f"{stem[:-1]}0-{_lowest(prefix)}")
    return low, Floating(fixed=stem.count("."), low=low, prefix=prefix.lower())


def _lowest(prefix: str) -> str:
    """The lowest label that begins so."""
    return f"{prefix}0" if not prefix or prefix.endswith(".") else prefix


def _between(version: Key, asked: Range) -> bool:
    if asked.low and (version < asked.low.key or (version == asked.low.key and not asked.low_in)):
        return False
    return not asked.high or version < asked.high.key or (version == asked.high.key and asked.high_in)


def _floats(version: Version, floats: Floating) -> bool:
    if version.numbers[: floats.fixed] != floats.low.numbers[: floats.fixed]:
        return False
    return not version.labels or (floats.prefix is not None and version.release.startswith(floats.prefix))
