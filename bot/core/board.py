"""The dashboard issue: what waits, what is open, what was turned down, and for every component why nothing is proposed.

It is one view of the answers that detection gives, written anew when they change. A box that somebody ticks releases
what waits: only who may write can edit an issue of ours, so GitHub itself has checked the right. A box names an
update by its id, so no text of a repository is ever read back out of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core import names
from bot.core.grouping import ids_of
from bot.core.lifecycle import PULL_IS_OPEN
from bot.core.model import ENDS, Kind, Member, Priority, State, Update, UpdateId, Verdict
from bot.core.quoting import calm, code, table
from bot.core.render import WORDS

TITLE = "Surefoot: dashboard of updates"
MARK = "<!-- surefoot:dashboard -->"
MOST = 60_000  # characters; GitHub takes 65,536
ROWS = 100  # of one part; a longer one is cut, and says so
RETURNED = frozenset({State.REJECTED, State.CLOSED, State.ROLLED_BACK})

_BOX = re.compile(r"^- \[[xX]\] <!-- surefoot:release=([0-9a-f]{16}) -->", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What detection says of one component, also when it proposes nothing.

    id: of the update that would be proposed if it came alone. waits: whether it is time, or its turn, that it waits
    for. group: with whose name it comes, or would come, together with others. folder: where the component is asked
    for, if it has other answers elsewhere in the repository.
    """

    name: str
    current: str
    verdict: Verdict
    why: tuple[str, ...]
    target: str | None = None
    held_until: datetime | None = None
    ecosystem: str = "pypi"
    kind: Kind | None = None
    priority: Priority = Priority.LOW
    id: UpdateId | None = None
    waits: bool = False
    group: str = ""
    folder: str = ""


def ticked(body: str) -> frozenset[UpdateId]:
    """The updates whose boxes somebody ticked."""
    return frozenset(UpdateId(found) for found in _BOX.findall(body[:MOST]))


def body(answers: Sequence[Answer], updates: Sequence[Update], problems: Sequence[str] = ()) -> str:
    """The issue's text, the same for the same answers: a look that finds nothing new edits nothing."""
    # What gave way says nothing of its members: each may wait for its turn again.
    given = State.SUPERSEDED
    known = frozenset(uid for one in updates for uid in ({one.id} if one.state is given else ids_of(one)))
    parts = [MARK, _head(answers, updates), *_problems(problems), *_open(updates), *_held(answers, known)]
    parts += [*_returned(updates), _all(answers)]
    text = "\n\n".join(parts)
    return text if len(text) <= MOST else text[:MOST].rpartition("\n")[0] + "\n\n…and more than fits into an issue."


def _head(answers: Sequence[Answer], updates: Sequence[Update]) -> str:
    waiting = sum(answer.verdict is Verdict.HOLD and answer.target is not None for answer in answers)
    untold = sum(answer.verdict is Verdict.HOLD and answer.target is None for answer in answers)
    current = sum(answer.verdict is Verdict.CURRENT for answer in answers)
    open_ones = sum(update.state in PULL_IS_OPEN for update in updates)
    pulls = "1 pull request is" if open_ones == 1 else f"{open_ones} pull requests are"
    noun = "answer" if len(answers) == 1 else "answers"
    rest = f", {untold} left alone or not known" if untold else ""
    return f"{len(answers)} {noun}: {current} up to date, {waiting} held back{rest}. {pulls} open."


def _problems(problems: Sequence[str]) -> Iterator[str]:
    if problems:
        yield "### Could not be read\n\n" + "\n".join(f"- {code(problem)}" for problem in problems[:ROWS])


def _open(updates: Sequence[Update]) -> Iterator[str]:
    mine = sorted((update for update in updates if update.state not in ENDS | RETURNED), key=_urgent)
    if not mine:
        return
    rows = [
        (_pull(update), _of_group(code(part.component.name), update), _step(part), WORDS[update.state])
        for update in mine
        for part in update.parts
    ]
    yield "### On their way\n\n" + table(("Pull request", "Component", "Step", "State"), rows[:ROWS]) + _more(rows)


def _held(answers: Sequence[Answer], known: Collection[UpdateId]) -> Iterator[str]:
    held = [one for one in answers if one.verdict is Verdict.HOLD and one.target and one.id not in known]
    # Of several places that wait for the same update the first has its box.
    named = [one.id for one in held]
    mine = [one for place, one in enumerate(held) if one.id is None or named.index(one.id) == place]
    if not mine:
        return
    mine.sort(key=lambda one: (-one.priority, one.name))
    lines = [_box(one) for one in mine]
    ticks = "Tick a box, and what waits for its time or its turn comes now.\n\n"
    boxes = ticks if any(one.id and one.waits for one in mine) else ""
    yield f"### Held back\n\n{boxes}" + "\n".join(lines[:ROWS]) + _more(lines)


def _returned(updates: Sequence[Update]) -> Iterator[str]:
    mine = [update for update in updates if update.state in RETURNED]
    mine.sort(key=lambda update: update.changed, reverse=True)
    if not mine:
        return
    lines = [f"- {_pull(one)} {_steps(one)}: {WORDS[one.state]}" for one in mine[:20]]
    yield "### Turned down\n\n" + "\n".join(lines) + _more(mine, 20)


def _all(answers: Sequence[Answer]) -> str:
    rows = [
        (_named(one), one.ecosystem, code(one.current), one.verdict.value, calm(one.why[0]) if one.why else "")
        for one in answers[: ROWS * 3]
    ]
    head = ("Component", "Ecosystem", "Now", "Verdict", "Why")
    inside = table(head, rows) + _more(answers, ROWS * 3)
    return f"<details><summary>Every component and its answer</summary>\n\n{inside}\n\n</details>"


def _box(answer: Answer) -> str:
    what = f"{_named(answer)} {code(answer.current)} → {code(answer.target or '')}"
    # In one line, whatever it quotes: a box stands at the beginning of a line, and only ours may.
    reason = calm(answer.why[0]).strip() if answer.why else "no reason is on record"
    reason = reason.removeprefix(f"{answer.target}: ")
    box = f"[ ] <!-- surefoot:release={answer.id} --> " if answer.id and answer.waits else ""
    return f"- {box}{what}: {reason}"


def _pull(update: Update) -> str:
    return f"#{update.pull.number}" if update.pull else "none yet"


def _step(part: Member) -> str:
    grave = f" ({', '.join(map(code, part.fixes[:3]))})" if part.fixes else ""
    return f"{code(part.current)} → {code(part.target)}{grave}"


def _steps(update: Update) -> str:
    parts = [f"{code(part.component.name)} {_step(part)}" for part in update.parts]
    more = f" and {len(parts) - names.NAMED} more" if len(parts) > names.NAMED else ""
    return _of_group(", ".join(parts[: names.NAMED]) + more, update)


def _of_group(what: str, update: Update) -> str:
    return f"{what} ({code(update.component.name)})" if update.members else what


def _named(answer: Answer) -> str:
    where = f" in {code(answer.folder)}" if answer.folder else ""
    return code(answer.name) + where + (f" ({code(answer.group)})" if answer.group else "")


def _more(rows: Sequence[object], most: int = ROWS) -> str:
    return f"\n\nand {len(rows) - most} more" if len(rows) > most else ""


def _urgent(update: Update) -> tuple[int, str, str]:
    return -update.priority, update.component.name, update.target
