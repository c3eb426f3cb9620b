"""RubyGems' versions and requirements: to the letter of Gem::Version and Gem::Requirement.

A version with a letter is a pre-release, wherever the letter stands; a hyphen reads as `.pre.`, so there is neither
build metadata nor a post-release. Of RubyGems 4, which reads a zero just before letters as if it were not there
(`1.a.0.b` is `1.a.b`; RubyGems before 3.5 told them apart).
"""

from __future__ import annotations

import re
from functools import lru_cache

from bot.core.model import Kind
from bot.core.versions import _numbering

_SPACE = r"[ \t\r\n\f\v]*"
_VERSION = r"[0-9]+(?:\.[0-9a-zA-Z]+)*+(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
_ONE = re.compile(rf"{_SPACE}({_VERSION})?{_SPACE}")
_REQUIREMENT = re.compile(rf"{_SPACE}(=|!=|>=|<=|~>|>|<)?{_SPACE}({_VERSION}){_SPACE}")
_SEGMENT = re.compile(r"[0-9]+|[a-zA-Z]+")
_ZEROS_AT_END = re.compile(r"(?<=[a-zA-Z.])[.0]+\Z")
_ZEROS_BEFORE_LETTERS = re.compile(r"(?:(?<=\.)|\A)[0.]+(?=[a-zA-Z])")

# Segments compare one by one, and a shorter version goes on with zeros for ever: letters come below a zero, other
# numbers above. Each segment that is no zero carries how many zeros stood before it, so that plain tuples do it.
END = 0
BELOW = -(1 << 30)
ABOVE = 1 << 30

Key = tuple[int | str, ...]


def key(text: str) -> Key:
    """Gem::Version's order; "" is 0, as there. ValueError when the text is malformed."""
    return _key(_read(text))


def is_stable(text: str) -> bool:
    """No letter in it."""
    return not _is_prerelease(_read(text))


def same_release(one: str, other: str) -> bool:
    """The numbers before the first letter are the same, trailing zeros apart."""
    return _numbering.trimmed(_release(_read(one))) == _numbering.trimmed(_release(_read(other)))


def is_zero(text: str) -> bool:
    """0.y."""
    return _release(_read(text))[0] == 0


def satisfies(text: str, wanted: str) -> bool:
    """By Gem::Requirement; several with commas must all hold, as in a gemspec's list."""
    version = _read(text)
    return all(_holds(version, operator, bound) for operator, bound in _requirements(wanted))


def bump(before: str, after: str) -> Kind:
    """The first number that differs names the kind; letters are a patch."""
    return _numbering.step(_release(_read(before)), _release(_read(after)))


def _read(text: str) -> str:
    found = _ONE.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return (found[1] or "0").replace("-", ".pre.")


def _is_prerelease(version: str) -> bool:
    return not version.replace(".", "").isdigit()


def _key(version: str) -> Key:
    canonical = _ZEROS_AT_END.sub("", version)
    if _is_prerelease(version):
        canonical = _ZEROS_BEFORE_LETTERS.sub("", canonical, count=1)
    out: list[int | str] = []
    zeros = 0
    for segment in _SEGMENT.findall(canonical):
        if not segment.isdigit():
            out += (BELOW + zeros, segment)
        elif number := int(segment):
            out += (ABOVE - zeros, number)
        else:
            zeros += 1
            continue
        zeros = 0
    out.append(END)
    return tuple(out)


def _release(version: str) -> tuple[int, ...]:
    """The numbers before the first letter; there is always one."""
    numbers: list[int] = []
    for segment in _SEGMENT.findall(version):
        if not segment.isdigit():
            break
        numbers.append(int(segment))
    return tuple(numbers)


@lru_cache(maxsize=4096)
def _requirements(wanted: str) -> tuple[tuple[str, str], ...]:
    if not wanted.strip():
        return ()
    found = [_REQUIREMENT.fullmatch(part) for part in wanted.split(",")]
    if None in found:
        raise ValueError(wanted)
    return tuple((one[1] or "=", _read(one[2])) for one in found if one)


def _holds(version: str, operator: str, bound: str) -> bool:
    left, right = _key(version), _key(bound)
    match operator:
        case "=":
            return left == right
        case "!=":
            return left != right
        case ">":
            return left > right
        case "<":
            return left < right
        case ">=":
            return left >= right
        case "<=":
            return left <= right
        case _:  # ~>
            return left >= right and _key(_join(_release(version))) < _key(_next(bound))


def _next(bound: str) -> str:
    """The first version that ~> shuts out: 5.3.1 -> 5.4, 5 -> 6."""
    numbers = list(_release(bound))
    if len(numbers) > 1:
        numbers.pop()
    numbers[-1] += 1
    return _join(tuple(numbers))


def _join(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
