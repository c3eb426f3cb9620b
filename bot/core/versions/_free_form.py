"""A version of unknown discipline is a name, numbers, and a tail of words and numbers that come before or after them.

The numbers begin where most makers write them: v1.2, release-1.2, OpenSSL_1_1_1w, log4j-2.17.1, go1.20.3, k8s-v1. The
name says nothing about the order. In the tail, words that announce a release come before it, all other words and
numbers after it.
"""

from __future__ import annotations

import re

Tail = tuple[int | str, ...]
Key = tuple[tuple[int, ...], Tail]

FINISHED = 5
_WORD, _NUMBER = 6, 7
END: Tail = (FINISHED, 0)

EARLY = {
    **dict.fromkeys(("dev", "devel", "snapshot", "nightly", "canary", "unstable", "experimental", "insiders"), 0),
    **dict.fromkeys(("alpha", "a", "ea", "eap"), 1),
    **dict.fromkeys(("beta", "b"), 2),
    **dict.fromkeys(("pre", "preview", "prerelease", "milestone", "m", "next", "test", "testing", "draft"), 3),
    **dict.fromkeys(("rc", "c", "cr", "candidate"), 4),
}
SILENT = frozenset({"final", "release", "ga", "stable"})

_STARTS = (
    re.compile(r"(?<![0-9A-Za-z.])(?<![0-9][_-])[vV]?([0-9]+(?:[._-][0-9]+)+)"),  # a row of numbers, after no letter
    re.compile(r"([0-9]+(?:[._][0-9]+)+)"),  # one anywhere
    re.compile(r"(?<![0-9A-Za-z.])[vV]?([0-9]+)"),  # one number, after no letter
    re.compile(r"([0-9]+)"),
)
_MORE = re.compile(r"(?:[._-][0-9]+)*")
_BREAK = re.compile(r"[._-]")
# A commit's id is one word, though it looks like many: git describe appends -4-g1a2b3c4.
_TOKEN = re.compile(r"(?<![0-9A-Za-z])g?(?=[0-9]*[a-f])[0-9a-f]{7,40}(?![0-9A-Za-z])|[0-9]+|[A-Za-z]+")


def split(text: str) -> tuple[str, list[str], str]:
    """Its name (without a v before the numbers), its numbers as they are written, and the rest.

    ValueError when there is no digit in it.
    """
    found = next((found for start in _STARTS if (found := start.search(text))), None)
    if not found:
        raise ValueError(f"{text!r} has no number in it")
    rest = _MORE.match(text, found.end(1))
    end = rest.end() if rest else found.end(1)
    return text[: found.start()], _BREAK.split(text[found.start(1) : end]), text[end:]


def tail(text: str) -> Tail:
    """What stands for the rest in a key: two items for each word or number, and a mark for the end.

    Single letters announce a release only where a number follows (1.0b2), and are patches otherwise (1.1.1b).
    """
    if not text:
        return END
    tokens = _TOKEN.findall(text.lower())
    found: list[int | str] = []
    for token, following in zip(tokens, [*tokens, ""][1:], strict=True):
        if token.isdigit():
            found += (_NUMBER, int(token))
        elif token in EARLY and (len(token) > 1 or following.isdigit()):
            found += (EARLY[token], 0)
        elif token not in SILENT:
            found += (_WORD, token)
    return (*found, *END)


def early(tail: Tail) -> int:
    """Where in the tail the release is announced, or where the tail ends."""
    return next(place for place in range(0, len(tail), 2) if int(tail[place]) <= FINISHED)


def is_stable(key: Key) -> bool:
    """Whether nothing in it announces a release to come."""
    return early(key[1]) == len(key[1]) - len(END)


def same_release(one: Key, other: Key) -> bool:
    """Whether numbers and tail are the same up to where a release is announced."""
    return (one[0], one[1][: early(one[1])]) == (other[0], other[1][: early(other[1])])


def begins(key: Key, numbers: tuple[int, ...]) -> bool:
    """Whether its numbers begin with these; a missing one is a zero."""
    return (key[0] + (0,) * len(numbers))[: len(numbers)] == numbers


def fits(before: str, after: str) -> bool:
    """Whether both have the same name, so that one may take the other's place; a lone v is no part of it."""
    return split(before)[0].lower() == split(after)[0].lower()
