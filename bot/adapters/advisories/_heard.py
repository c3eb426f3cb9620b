"""Advisories with what GitHub told by itself: heard first, kept where databases are away, and silent when withdrawn.

A database learns of an advisory minutes or hours after GitHub told of it, and its answers are remembered for an hour.
So each word makes it forget what it knew of the package, in every process, and until it says the same the word counts
by itself. Where both speak of a flaw the database is believed, but for two things: a flaw that nobody has rated there
has GitHub's severity, and one that GitHub withdrew is withdrawn, unless another database reported it as well.

What somebody dismissed as harmless in a repository counts for nothing in that repository; what is malicious does.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from cachetools import LRUCache

from bot.adapters.advisories import _affected, _names, _told
from bot.adapters.advisories._entries import Entry, Event
from bot.adapters.advisories._joined import Forgetful
from bot.core.advisories import Advisory
from bot.core.alerts import Heard, Word
from bot.core.errors import Transient
from bot.core.model import Component, RepoName
from bot.core.ports import Advisories, Words

MOST_PACKAGES = 50_000  # of how many it is remembered which word was the last


@runtime_checkable
class Noting(Protocol):
    """Advisories that have something to add to what others say."""

    async def noted(self, known: Sequence[Advisory]) -> tuple[Advisory, ...]:
        """These, with what there is to add."""
        ...


class Listener:
    """Makes advisories for one look each. inner: the database, None where nobody is asked; told: what GitHub said."""

    def __init__(self, inner: Advisories | None, told: Words) -> None:
        self._inner, self._told = inner, told
        self._last: LRUCache[tuple[str, str], Heard] = LRUCache(MOST_PACKAGES)

    def of(self, repo: RepoName | None) -> Listening:
        """As one repository should hear it; None: as all of them."""
        return Listening(self._inner, self._told, repo, self._last)


class Listening:
    """A `core.ports.Advisories` for one look: what GitHub said is read once."""

    def __init__(
        self,
        inner: Advisories | None,
        told: Words,
        repo: RepoName | None,
        last: LRUCache[tuple[str, str], Heard],
    ) -> None:
        self._inner, self._told, self._repo, self._last = inner, told, repo, last
        self._more: object = inner  # what it may be able to do besides
        self._words: Mapping[tuple[str, str], list[Heard]] | None = None
        self._aside: frozenset[str] = frozenset()
        self._reading = asyncio.Lock()

    async def of(self, component: Component, versions: Sequence[str]) -> Mapping[str, Sequence[Advisory]]:
        """What both know against each of these versions.

        Transient where the database is away and GitHub has said nothing of the package; else GitHub's word, with a
        note on every version that nobody could be asked about.
        """
        words = (await self._read()).get(_package(component), [])
        self._renewed(component, words)
        said: Mapping[str, Sequence[Advisory]] = {}
        away = ""
        try:
            said = await self._inner.of(component, versions) if self._inner is not None else {}
        except Transient as error:
            heard = {version: _said(words, component, version) for version in versions}
            if not any(heard.values()):
                raise
            away = str(error)
        found = {version: self._joined(said.get(version, ()), words, component, version) for version in versions}
        if isinstance(self._more, Noting):
            found = {version: await self._more.noted(known) for version, known in found.items()}
        if away:
            note = Advisory(id="", unasked=away)
            found = {version: (*known, note) for version, known in found.items()}
        return {version: known for version, known in found.items() if known}

    async def _read(self) -> Mapping[tuple[str, str], list[Heard]]:
        async with self._reading:  # many components are asked about at once, and one reads
            if self._words is None:
                words: defaultdict[tuple[str, str], list[Heard]] = defaultdict(list)
                for heard in await self._told.words():
                    words[_place(heard.word)].append(heard)
                self._aside = await self._told.asides(self._repo) if self._repo is not None else frozenset()
                self._words = words
        return self._words

    def _renewed(self, component: Component, words: Sequence[Heard]) -> None:
        latest = max(words, key=lambda heard: heard.at, default=None)
        place = _package(component)
        if latest is None or self._last.get(place) == latest:
            return
        if isinstance(self._more, Forgetful):
            self._more.forget(component)
        self._last[place] = latest

    def _joined(
        self, known: Sequence[Advisory], words: Sequence[Heard], component: Component, version: str
    ) -> tuple[Advisory, ...]:
        heard = _said(words, component, version)
        gone = {one.word.id for one in words if one.word.withdrawn}
        joined = [_with(one, heard, gone) for one in known]
        named = {name for one in joined for name in (one.id, *one.aliases)}
        joined += [one for one in heard if not {one.id, *one.aliases} & named]
        return tuple(one for one in joined if one.malicious or not {one.id, *one.aliases} & self._aside)


def _with(known: Advisory, heard: Sequence[Advisory], gone: set[str]) -> Advisory:
    """What a database says, with what GitHub says of the same flaw."""
    names = {known.id, *known.aliases}
    # A CVE is only a name; whoever else has a number for it reported it, and GitHub withdraws nothing of theirs.
    reporters = {name for name in names if not name.startswith("CVE-")}
    if reporters and reporters <= gone:
        return replace(known, withdrawn=True)
    rated = next((one.score for one in heard if {one.id, *one.aliases} & names and one.score is not None), None)
    return replace(known, score=rated) if known.score is None and rated is not None else known


def _said(words: Sequence[Heard], component: Component, version: str) -> tuple[Advisory, ...]:
    """GitHub's standing words against one version."""
    ecosystem = _names.ecosystem_of(component)
    entries = [_entry(one.word) for one in words if not one.word.withdrawn]
    return _told.told(
        (one for one in entries if _affected.affected(one, ecosystem, version)), ecosystem, lambda one: one.link
    )


def _entry(word: Word) -> Entry:
    ranges = [_range(text) for text in word.ranges] or [_EVERY]
    fixes = tuple(("fixed", version) for version in word.fixed)
    # A range that ends in no version that mends it still names one elsewhere; what begins nowhere holds nothing.
    return Entry(
        id=word.id,
        ranges=(*ranges, fixes),
        summary=word.summary,
        aliases=word.aliases,
        vectors=word.vectors,
        word=word.severity,
        link=word.url,
        malicious=word.malicious,
        withdrawn=word.withdrawn,
    )


_EVERY: tuple[Event, ...] = (("introduced", "0"),)


def _range(text: str) -> tuple[Event, ...]:
    """GitHub's range as OSV's events; one that cannot be read might be any version.

    The form is that of GitHub's REST API, "vulnerable_version_range": "= 1", "<= 1", "< 1", ">= 1, < 2". One that is
    open at its lower end ("> 1") takes its end in, for want of such an event.
    """
    low, high = "0", tuple[Event, ...]()
    for part in text.split(","):
        sign, _, version = part.strip().partition(" ")
        version = version.strip()
        match sign if version else "":
            case "=":
                low, high = version, (("last_affected", version),)
            case ">=" | ">":
                low = version
            case "<":
                high = (("fixed", version),)
            case "<=":
                high = (("last_affected", version),)
            case _:
                return _EVERY
    return (("introduced", low), *high)


def _place(word: Word) -> tuple[str, str]:
    return _package(Component(name=word.name, ecosystem=word.ecosystem))


def _package(component: Component) -> tuple[str, str]:
    ecosystem = _names.ecosystem_of(component)
    return ecosystem, _names.folded(ecosystem, _names.name_of(component))
