"""What is known to be bad about versions, and how urgent that makes a way out: by severity, never by noise.

Classes after the CVSS ratings (v3.1 and v4.0, "Qualitative Severity Rating Scale"): 9 and more is critical, 7 high,
4 medium. An advisory without a score counts as high: nobody has said that it is less. One that is used in attacks is
critical, however it is rated. One that was withdrawn says nothing any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.core.model import Priority
from bot.core.quoting import code

CRITICAL, HIGH, MEDIUM = 9.0, 7.0, 4.0
SOAK = timedelta(hours=24)  # a fix that nobody has reviewed may itself be the attack; most of those live for hours
NAMED = 4  # how many advisories are named in a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """One report. id: as its database names it; aliases: as others do (CVE, GHSA).

    score: CVSS base score from 0 to 10; None where none is given. malicious: the version itself is the attack.
    fixed: versions that it names as mended, as written there. exploited: in words, that it is used in attacks.
    ended: it is no flaw; its maker mends no more flaws of the version, for the reason that is written here.
    unasked: it is no report; nobody could be asked about the version, for the reason that is written here.
    """

    id: str
    aliases: tuple[str, ...] = ()
    summary: str = ""
    score: float | None = None
    malicious: bool = False
    withdrawn: bool = False
    fixed: tuple[str, ...] = ()
    url: str = ""
    exploited: str = ""
    ended: str = ""
    unasked: str = ""

    @property
    def name(self) -> str:
        """The name that most people know: the CVE's where there is one."""
        return next((one for one in (self.id, *self.aliases) if one.startswith("CVE-")), self.id)


def standing(advisories: Sequence[Advisory]) -> tuple[Advisory, ...]:
    """The flaws that were not withdrawn, the gravest first."""
    flaws = (one for one in advisories if not (one.withdrawn or one.ended or one.unasked))
    return tuple(sorted(flaws, key=_gravity, reverse=True))


def ended(advisories: Sequence[Advisory]) -> str:
    """Why its maker mends nothing in a version any more; "" where nobody says so."""
    return next((one.ended for one in advisories if one.ended and not one.withdrawn), "")


def unasked(advisories: Sequence[Advisory]) -> str:
    """Why it is not known what is known against a version; "" where it is."""
    return next((one.unasked for one in advisories if one.unasked), "")


def malice(advisories: Sequence[Advisory]) -> str:
    """Why a version must never be taken; "" when nothing calls it malicious."""
    bad = [one for one in standing(advisories) if one.malicious]
    return f"known to be malicious ({_named(bad)})" if bad else ""


def mended(current: Sequence[Advisory], target: Sequence[Advisory]) -> tuple[Advisory, ...]:
    """What stands against the current version and no longer against the target, the gravest first."""
    left = {name for one in standing(target) for name in (one.id, *one.aliases)}
    return tuple(one for one in standing(current) if not {one.id, *one.aliases} & left)


def urgency(advisories: Sequence[Advisory]) -> Priority:
    """How much it matters to get away from what these say; LOW where they say nothing."""
    return max((_class(one) for one in standing(advisories)), default=Priority.LOW)


def soak(version: str, fixes: Sequence[Advisory], usual: timedelta) -> timedelta:
    """How old a release must be that mends these: a grave flaw shortens the usual wait, and a named fix ends it."""
    if urgency(fixes) < Priority.HIGH:
        return usual
    if any(version in one.fixed for one in fixes if _class(one) >= Priority.HIGH):
        return timedelta()
    return min(usual, SOAK)


def told(version: str, advisories: Sequence[Advisory]) -> str:
    """What is known against a version, as one sentence; "" when nothing is."""
    known = standing(advisories)
    if not known:
        return ""
    return f"{version}, in use here, has known flaws: {_named(known)}"


def fixes(version: str, current: Sequence[Advisory], target: Sequence[Advisory]) -> str:
    """What a target mends and what it leaves, as one sentence; "" when the current version has no flaw."""
    away, known = mended(current, target), standing(current)
    if not known:
        return ""
    if not away:
        return f"{version} mends none of them"
    left = len(known) - len(away)
    rest = f", and {left} {'is' if left == 1 else 'are'} left" if left else ""
    return f"{version} mends {_named(away)}{rest}"


def severity(advisory: Advisory) -> str:
    """One word, as people say it."""
    if advisory.malicious:
        return "malicious"
    if advisory.exploited:
        return advisory.exploited
    if advisory.score is None:
        return "severity unknown"
    return _class(advisory).name.lower() if advisory.score else "no severity"


def _class(advisory: Advisory) -> Priority:
    if advisory.malicious or advisory.exploited:
        return Priority.CRITICAL
    if advisory.score is None or HIGH <= advisory.score < CRITICAL:
        return Priority.HIGH
    if advisory.score >= CRITICAL:
        return Priority.CRITICAL
    return Priority.MEDIUM if advisory.score >= MEDIUM else Priority.LOW


def _gravity(advisory: Advisory) -> tuple[bool, Priority, float, str]:
    return advisory.malicious, _class(advisory), advisory.score or 0.0, advisory.id


def _named(advisories: Sequence[Advisory]) -> str:
    shown = [f"{code(one.name)} ({severity(one)})" for one in advisories[:NAMED]]
    more = len(advisories) - NAMED
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
