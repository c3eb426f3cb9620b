"""Whether a registry of npm's has signed, with its own keys, the very content that an update installs.

Nothing of it needs Sigstore. What is signed is put together of the lock's own words: a registry's word for the content
of a version is what is to be proven.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from bot.core import signatures
from bot.core.attestations import Answer, Standing, Told, worst
from bot.core.quoting import code
from bot.core.signatures import Checked
from bot.lab import security_vouched
from bot.lab.learnt import Learnt, key_of
from bot.lab.ready import NPM
from bot.lab.security_lock import Change, Sides
from bot.lab.security_vouched import Package
from bot.lab.vouched.holding import holds
from bot.lab.vouched.registries import Registries, Signed, Unasked, sha512_of
from bot.lab.workbench import Workbench

_LAYOUT = "1"  # part of every key: raise it when something is judged differently
# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_ANSWERS = msgspec.json.Decoder(Answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is to be said: (name, sentence, what it means). Of those asked for: how many are verified, and how many are
    not signed. keyless: the registries that publish no keys, by their hosts.
    """

    told: tuple[tuple[str, str, Told], ...] = ()
    asked: int = 0
    verified: int = 0
    without: int = 0
    keyless: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What decides nothing."""
        of, hosts = f"of {self.asked} packages", ", ".join(map(code, self.keyless[:5]))
        said = {
            f"{self.verified} {of} are verified": self.verified,
            f"{self.without} {of} have none": self.without,
            f"not looked at, as no keys are published by {hosts}": self.keyless,
        }
        return tuple(f"registry signatures: {note}" for note, counts in said.items() if counts)


async def examine(
    bench: Workbench, sides: Sides, changes: Sequence[Change], learnt: Learnt, asked: Registries | None = None
) -> Found:
    """What its registry signed of each package that comes; of the old version only where the new one is not signed.

    That it is verified is kept, by the hashes of the lock; all else may be mended tomorrow, and is asked for again.
    asked: with whom other questions were asked already. OutOfTime.
    """
    if sides.ecosystem != NPM or bench.fetching is None:
        return Found()
    asked = asked or security_vouched.registries(bench)
    look = _Look(bench=bench, sides=sides, learnt=learnt, asked=asked)
    pairs, _ = security_vouched.pairs(bench, changes)
    signed = [(before, after) for before, after in pairs if sha512_of(after.bound)]
    after = await look.at([one for _, one in signed])
    unsigned = {one for one, found in after.items() if isinstance(found, Answer) and found.standing is Standing.NONE}
    before = await look.at([old for old, one in signed if old and one in unsigned and sha512_of(old.bound)])
    told = []
    for old, one in signed:
        found, was = after[one], before.get(old) if old else None
        if isinstance(found, Answer) and (said := signatures.told(was if isinstance(was, Answer) else None, found)):
            told.append((one.name, f"{code(f'{one.name} {one.version}')} {said.why}", said))
    answers = [found for found in after.values() if isinstance(found, Answer)]
    counted = Counter(found.standing for found in answers)
    return Found(
        told=tuple(told), asked=len(answers), verified=counted[Standing.VERIFIED], without=counted[Standing.NONE],
        keyless=tuple(sorted({found for found in after.values() if isinstance(found, str)})),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """With what it is looked."""

    bench: Workbench
    sides: Sides
    learnt: Learnt
    asked: Registries

    async def at(self, packages: Sequence[Package]) -> dict[Package, Answer | str]:
        """What came of each; the host of its registry where that has no keys."""
        keys = await asyncio.to_thread(lambda: {one: self._key(one) for one in packages})
        known = await asyncio.to_thread(self._recalled, keys)
        missing = [one for one in keys if one not in known]
        fresh = await security_vouched.in_time(self.bench, self._of, missing)
        found = known | dict(zip(missing, fresh, strict=True))
        for one in missing:
            answer = found[one]
            if isinstance(answer, Answer) and answer.standing is Standing.VERIFIED:
                await asyncio.to_thread(self.learnt.remember, keys[one], msgspec.json.encode(answer))
        return found

    def _key(self, one: Package) -> str:
        places = security_vouched.places(self.bench, self.sides, one)
        return key_of("signed", _LAYOUT, *places, one.name, one.version, one.bound)

    def _recalled(self, keys: dict[Package, str]) -> dict[Package, Answer | str]:
        found: dict[Package, Answer | str] = {}
        for one, key in keys.items():
            with contextlib.suppress(msgspec.DecodeError):  # of an older form, or cut off
                if (data := self.learnt.recall(key)) is not None:
                    found[one] = _ANSWERS.decode(data)
        return found

    async def _of(self, one: Package) -> Answer | str:
        digests = sha512_of(one.bound)
        try:
            said = await self.asked.signed(one.name, one.version, digests)
        except (Unasked, UnicodeError) as problem:  # a lock may hold any name
            return Answer(standing=Standing.UNKNOWN, why=f"the registry did not say: {problem}")
        if not said.keys:
            return said.host
        return worst([_judged(f"{one.name}@{one.version}", digest, said) for digest in digests])


def _judged(place: str, sha512: str, said: Signed) -> Answer:
    what = f"{place}:sha512-{base64.b64encode(bytes.fromhex(sha512)).decode()}"
    if said.signatures is None:
        return signatures.judge(what, said.host, None, said.published)
    every = []
    for one in said.signatures:
        key = said.keys.get(one.key)
        held = holds(key.der, one.sig, what) if key else None
        every.append(Checked(key=one.key, listed=key is not None, expires=key.expires if key else None, holds=held))
    return signatures.judge(what, said.host, every, said.published)
