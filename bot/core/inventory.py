"""Which repository is on what: the answers of all of them, turned over, one entry for each component."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.core import ecosystems, versions
from bot.core.errors import ConfigProblem, InvalidVersion
from bot.core.model import Component, Verdict

HOLD = Verdict.HOLD.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One repository's word on one component. target: what is there beyond it, None when nothing is."""

    repo: str
    name: str
    ecosystem: str
    current: str
    verdict: str
    target: str | None = None
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One component over the whole fleet. uses: by version, the newest first; newest: beyond what any of them has."""

    name: str
    ecosystem: str
    uses: tuple[tuple[str, tuple[Use, ...]], ...]
    newest: str | None

    @property
    def repos(self) -> int:
        """How many repositories use it."""
        return len({use.repo for _, uses in self.uses for use in uses})

    @property
    def behind(self) -> int:
        """How many of them could have something newer."""
        return len({use.repo for _, uses in self.uses for use in uses if use.target})

    @property
    def untold(self) -> int:
        """How many of them nobody can say this of: left alone, or whoever lists the versions did not answer."""
        return len({use.repo for _, uses in self.uses for use in uses if use.verdict == HOLD and not use.target})


def entries(uses: Iterable[Use], wanted: str = "") -> tuple[Entry, ...]:
    """By name. wanted: a part of the name, in any case; "" for all."""
    found: defaultdict[tuple[str, str], list[Use]] = defaultdict(list)
    for use in uses:
        if wanted.lower() in use.name.lower():
            found[use.name, use.ecosystem].append(use)
    return tuple(_entry(name, ecosystem, mine) for (name, ecosystem), mine in sorted(found.items()))


def _entry(name: str, ecosystem: str, uses: list[Use]) -> Entry:
    by_version: defaultdict[str, list[Use]] = defaultdict(list)
    for use in uses:
        by_version[use.current].append(use)
    order = _ordered(ecosystem, by_version)
    held = [(version, tuple(sorted(by_version[version], key=lambda use: use.repo))) for version in order]
    targets = _ordered(ecosystem, {use.target: () for use in uses if use.target})
    return Entry(name=name, ecosystem=ecosystem, uses=tuple(held), newest=targets[0] if targets else None)


def _ordered(ecosystem: str, texts: Mapping[str, object]) -> list[str]:
    """The newest first; what is no version (a range, nothing) stands at the end, by its letters."""
    try:
        scheme = ecosystems.scheme_of(Component(name="", ecosystem=ecosystem))
    except ConfigProblem:
        return sorted(texts)
    ranked, others = [], []
    for text in sorted(texts):
        try:
            ranked.append((versions.key(scheme, text), text))
        except InvalidVersion:
            others.append(text)
    return [text for _, text in sorted(ranked, key=lambda pair: pair[0], reverse=True)] + others
