"""What a type checker newly reports: its lines read, and both sides compared.

The lines are mypy's `path:line: error: words  [code]` and tsc's `path(line,column): error TS1234: words`; what
pyright-like checkers write as JSON is brought to the same shape before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_MOST_ERRORS = 20_000
_LONGEST = 500


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Complaint:
    """One error of a type checker. rule: its code, as `arg-type`; "" for none."""

    path: str
    line: int
    rule: str
    words: str


def of_mypy(text: str) -> tuple[Complaint, ...]:
    """The errors among the lines of its output; notes and all else is passed over."""
    found = (_line(line) for line in text.splitlines()[:_MOST_ERRORS])
    return tuple(error for error in found if error is not None)


def _line(line: str) -> Complaint | None:
    place, mark, rest = line.partition(": error: ")
    path, _, after = place.partition(":")
    number = after.partition(":")[0]
    if not mark or not number.isdecimal() or len(number) > 9 or path.startswith(("/", "..")):
        return None
    words, _, tail = rest.rpartition("  [")
    rule = tail[:-1] if words and tail.endswith("]") else ""
    return Complaint(path=path, line=int(number), rule=rule, words=(words if rule else rest)[:_LONGEST])


def of_tsc(text: str) -> tuple[Complaint, ...]:
    """The errors among the lines of its output; what is indented says more of the one above and is passed over."""
    found = (_line_of_tsc(line) for line in text.splitlines()[:_MOST_ERRORS])
    return tuple(error for error in found if error is not None)


def _line_of_tsc(line: str) -> Complaint | None:
    place, mark, rest = line.partition("): error TS")
    path, _, position = place.rpartition("(")
    number, rule = position.partition(",")[0], rest.partition(":")[0]
    if not mark or not path or not number.isdecimal() or len(number) > 9 or not rule.isdecimal():
        return None
    if path.startswith(("/", "..", " ")):
        return None
    words = rest.partition(":")[2].strip()
    return Complaint(path=path, line=int(number), rule=f"TS{rule}", words=words[:_LONGEST])


def newly(before: Iterable[Complaint], after: Sequence[Complaint]) -> tuple[Complaint, ...]:
    """Those of after that before does not have, however often each stands there, in their order.

    The line is left out of the comparison where a file has the same error: it may have moved.
    """
    known = Counter((error.path, error.rule, error.words) for error in before)
    found = []
    for error in sorted(after):
        same = (error.path, error.rule, error.words)
        if known[same]:
            known[same] -= 1
        else:
            found.append(error)
    return tuple(found)
