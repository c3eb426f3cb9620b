"""Is a version what its registry signed, by a key that was good when it was published? And was the old one, too?

npm's registries sign `name@version:integrity` of every version with keys of their own (npm's documentation, "About
ECDSA registry signatures"). That says what the registry published, not who made it. Whether one signature holds was
found out elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core.attestations import Answer, Standing, Told
from bot.core.quoting import code


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One signature. key: the name of the registry's key. listed: does the registry publish it? expires: None if never.

    holds: None where it could not be looked at.
    """

    key: str
    listed: bool = True
    expires: datetime | None = None
    holds: bool | None = None


def judge(what: str, host: str, every: Sequence[Checked] | None, published: datetime | None) -> Answer:
    """What the signatures of one version come to. what: the words that must be signed; host: of its registry.

    every: None where what is published is no list of signatures. One that does not hold is not outweighed by others;
    else one that holds is enough, since a key that is not known here proves nothing in either direction.
    """
    if every is None:
        return Answer(standing=Standing.UNKNOWN, why=f"what {code(host)} has as its signatures is no list of such")
    broken = next((one for one in every if one.holds is False), None)
    if broken:
        why = f"{code(host)} signed something else with its key {code(broken.key)} than {code(what, most=400)}"
        return Answer(standing=Standing.WRONG, why=why)
    doubts = [_doubt(one, host, published) for one in every]
    if not every:
        return Answer(standing=Standing.NONE)
    if "" in doubts:
        return Answer(standing=Standing.VERIFIED)
    return Answer(standing=Standing.UNKNOWN, why=doubts[0])


def _doubt(one: Checked, host: str, published: datetime | None) -> str:
    if not one.listed:
        return f"it is signed with the key {code(one.key)}, which {code(host)} does not publish"
    if one.holds is None:
        return f"the key {code(one.key)} of {code(host)} is of a kind that is not known here"
    if one.expires is None or (published is not None and published < one.expires):
        return ""
    ended = f"it is signed with the key {code(one.key)} of {code(host)}, which ended on {one.expires:%Y-%m-%d}"
    return f"{ended}, and {'it was published later' if published else 'when it was published is not told'}"


def told(before: Answer | None, after: Answer) -> Told | None:
    """What is to be said of the new version. before: of the old one, None for what comes in.

    None where it is verified, which is only counted, and where neither is signed.
    """
    match after.standing:
        case Standing.WRONG:
            return Told(why=f"has a signature of its registry that does not hold: {after.why}", grave=True)
        case Standing.UNKNOWN:
            return Told(why=f"is not verified: {after.why}", asks=True)
        case Standing.VERIFIED:
            return None
        case Standing.NONE:
            had = before is not None and before.standing in (Standing.VERIFIED, Standing.WRONG)
            return Told(why="is not signed by its registry; the old version is", asks=True) if had else _unseen(before)


def _unseen(before: Answer | None) -> Told | None:
    if before is None or before.standing is Standing.NONE:
        return None
    why = f"is not signed by its registry; the old version's signature could not be looked at: {before.why}"
    return Told(why=why, asks=True)
