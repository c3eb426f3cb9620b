"""Takes one change back out of a text that moved on since: lines of others stay, nothing is guessed."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import Match, SequenceMatcher


def taken_back(before: str, after: str, there: str) -> str | None:
    """`there` without the change from before to after; None when somebody changed those very lines since.

    A three-way merge by lines with `after` as the common base. Lines beside the change may differ: pins of other
    components stand there, and each line of such a file means something by itself.
    """
    old, new, now = (text.splitlines(keepends=True) for text in (before, after, there))
    kept = SequenceMatcher(None, new, now, autojunk=False).get_matching_blocks()
    made: list[str] = []
    at = 0
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, new, old, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        place = _place(kept, i1, i2)
        if place is None or place[0] < at:
            return None
        made += [*now[at : place[0]], *old[j1:j2]]
        at = place[1]
    return "".join([*made, *now[at:]])


def holds(before: str, after: str, there: str) -> bool:
    """Whether any line that the change from before to after brought is in `there`, wherever."""
    brought = set(after.splitlines()) - set(before.splitlines())
    return not brought.isdisjoint(there.splitlines())


def _place(kept: Sequence[Match], start: int, end: int) -> tuple[int, int] | None:
    """Where new[start:end] stands now, all of it in one block; for no lines, the place between its neighbours."""
    for there, here, size in kept:
        # Where nothing is to be replaced, a neighbour shows the place; the empty block at the end shows none.
        if size and there <= start and end <= there + size:
            return here + start - there, here + end - there
    return None
