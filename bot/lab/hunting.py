"""The hunt for who makes a group fail: asks for one smaller group after the other, and keeps what was learnt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from bot.core import bisecting
from bot.core.bisecting import Bisected, Found
from bot.core.model import Member

Parts = tuple[Member, ...]


class _Over(Exception):
    """No more can be asked."""


def _always() -> str:
    return ""


@dataclass(slots=True, kw_only=True)
class Hunt:
    """parts: they fail all together. fails: asks of some of them alone; None where that cannot be told.

    stop: why no more may be asked, "" to go on. unsure: why something could not be told, the smallest of which counts.
    among: the smallest group that was seen to fail. others: whether the rest passes, None while that is not known.
    """

    parts: Parts
    fails: Callable[[Parts], Awaitable[bool | None]]
    stop: Callable[[], str] = _always
    unsure: list[tuple[int, str]] = field(default_factory=list)
    among: Parts = ()
    guilty: Parts = ()
    alone: Parts = ()
    spare: Parts = ()
    others: bool | None = None
    _told: dict[frozenset[int], bool | None] = field(default_factory=dict)

    async def run(self) -> Bisected:
        """Who is found. Once somebody is, the others are asked for without him, and while they fail the hunt goes on.

        Errors of `fails` are let through; `told` says what was learnt until then.
        """
        left = self.parts
        try:
            while left:
                found = await self._fewest(left)
                if not self._take(found, left):
                    break
                left = tuple(one for one in left if all(one is not bad for bad in found.parts))
                # Who fails only together comes apart in another way: one of them goes on with the others.
                if found.spare or not left or not await self._still_fail(left):
                    break
        except _Over as over:
            return self.told(str(over))
        return self.told(min(self.unsure, default=(0, ""))[1])

    def told(self, why: str) -> Bisected:
        """What is known by now. why: what stood in the way of more."""
        return Bisected(
            guilty=self.guilty,
            alone=self.alone,
            spare=self.spare,
            others=self.others is True,
            among=() if self.guilty else self.among,
            why=why,
        )

    def _take(self, found: Found[Member], left: Sequence[Member]) -> bool:
        """Whether it is something new. Where nothing smaller fails, and nothing passes for want of one, it is not."""
        whole = len(found.parts) == len(left) > 1 and not found.spare
        if whole or (self.guilty and found.spare):
            return False
        self.guilty += found.parts
        self.spare = found.spare
        self.alone += found.parts if len(found.parts) == 1 else ()
        return True

    async def _still_fail(self, left: Parts) -> bool:
        fails = await self._ask(left)
        self.others = None if fails is None else not fails
        return bool(fails)

    async def _fewest(self, parts: Parts) -> Found[Member]:
        search = bisecting.guilty(parts)
        try:
            wanted = next(search)
            while True:
                wanted = search.send(await self._ask(wanted))
        except StopIteration as end:
            found: Found[Member] = end.value
            return found

    async def _ask(self, parts: Parts) -> bool | None:
        key = frozenset(map(id, parts))
        if key not in self._told:
            if why := self.stop():
                raise _Over(why)
            self._told[key] = await self.fails(parts)
        if self._told[key] and not self.guilty:
            self.among = parts
        return self._told[key]
