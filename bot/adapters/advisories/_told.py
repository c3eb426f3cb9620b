"""Entries become advisories, and what several databases report of one flaw becomes one, rated by whoever rated it.

OSV holds a flaw as often as there are databases that know it, tied together by aliases, and only some of them say how
grave it is. Told one by one, each would count as unrated, and be named twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bot.adapters.advisories import _cvss, _names
from bot.adapters.advisories._entries import UNNAMED, Entry
from bot.core.advisories import Advisory

Page = Callable[[Entry], str]


def advisory(entry: Entry, ecosystem: str, page: Page) -> Advisory:
    """What the entry says. page: where a person can read on.

    A notice that speaks of no flaw is rated 0. What nobody reviewed names no fix: a fix that is named need not ripen.
    """
    score = _cvss.score(entry.vectors, entry.word)
    named = (text for events in entry.ranges for kind, text in events if kind == "fixed" and entry.reviewed)
    return Advisory(
        id=entry.id,
        aliases=entry.aliases,
        summary=entry.summary,
        score=0.0 if score is None and entry.notice and not entry.malicious else score,
        malicious=entry.malicious,
        withdrawn=entry.withdrawn,
        fixed=tuple(dict.fromkeys(way for text in named for way in _names.spellings(ecosystem, text))),
        url=page(entry),
    )


def told(entries: Iterable[Entry], ecosystem: str, page: Page) -> tuple[Advisory, ...]:
    """The advisories of these entries, one for each flaw; those that were withdrawn stay apart."""
    every = [advisory(entry, ecosystem, page) for entry in entries]
    gone = [one for one in every if one.withdrawn]
    return (*(_one(group) for group in _groups([one for one in every if not one.withdrawn])), *gone)


def _groups(advisories: Sequence[Advisory]) -> list[list[Advisory]]:
    """Those that share a name, each directly or over others, in the order in which they came."""
    groups: list[tuple[set[str], list[Advisory]]] = []
    for one in advisories:
        names = {one.id, *one.aliases} - {UNNAMED}
        mine: tuple[set[str], list[Advisory]] = (names, [one])
        for group in [group for group in groups if group[0] & names]:
            groups.remove(group)
            mine = (group[0] | mine[0], group[1] + mine[1])
        groups.append(mine)
    return [members for _, members in groups]


def _one(group: Sequence[Advisory]) -> Advisory:
    if len(group) == 1:
        return group[0]
    head = max(group, key=lambda one: (one.malicious, one.score is not None, one.score or 0.0))
    rest = [one for one in group if one is not head]
    names = dict.fromkeys(name for one in (head, *rest) for name in (one.id, *one.aliases) if name != head.id)
    return Advisory(
        id=head.id,
        aliases=tuple(names),
        summary=head.summary or next((one.summary for one in rest if one.summary), ""),
        score=head.score,
        malicious=head.malicious,
        fixed=tuple(dict.fromkeys(version for one in (head, *rest) for version in one.fixed)),
        url=head.url or next((one.url for one in rest if one.url), ""),
    )
