"""What a release weighs: how urgent it is to go there, what a person has to look at, and what must be known for that.

The classes: a way out of what is used in attacks, malicious or rated critical is CRITICAL; out of what is rated high,
was withdrawn or gets no more fixes, HIGH; of what is rated medium, and a minor step, MEDIUM; all else is LOW.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from bot.core import advisories, objections, trust, versions
from bot.core.model import Kind, Priority, Release, Trust
from bot.core.objections import Question
from bot.core.quoting import code

FORERUNNERS = 5  # how many releases before the target are read in full, to see what it lost


def urgency(question: Question, ordered: Sequence[Release]) -> str | None:
    """What makes any way out of the current version urgent, whatever its flaws."""
    for release in ordered:
        if release.yanked and versions.compare(question.scheme, release.version, question.current) == 0:
            return f"{question.current}, in use here, was yanked{objections.reason(release)}"
    if ended := advisories.ended(question.flaws.get(question.current, ())):
        return f"{question.current}, in use here, gets no more fixes: {ended}"
    return None


def priority(question: Question, target: Release, kind: Kind, urgent: str | None) -> Priority:
    """How much it matters to go there. urgent: as above; who goes to what gets no fixes either has gained nothing."""
    usual = Priority.MEDIUM if kind is Kind.MINOR else Priority.LOW
    saved = urgent and not advisories.ended(question.flaws.get(target.version, ()))
    return max(usual, Priority.HIGH if saved else usual, advisories.urgency(question.mended(target)))


def gates(question: Question, release: Release) -> tuple[str, ...]:
    """What a person has to look at before this release is taken."""
    lost = [drop.why for drop in trust.drops(release, question.listed)]
    if release.deprecated:
        lost.append(f"{release.version} is deprecated by its maker: {code(release.deprecated)}")
    if advisories.unasked(question.flaws.get(release.version, ())):
        lost.append(f"nobody could be asked what is known against {release.version}, which may be malicious")
    return tuple(lost)


def unread(question: Question, release: Release) -> tuple[Release, ...]:
    """Earlier releases that have to be known better before it can be said whether this one lost anything.

    question: its list must begin with the newest.
    """
    if release.trust == Trust():
        return ()
    scheme = question.scheme
    before = (one for one in question.listed if versions.compare(scheme, one.version, release.version) < 0)
    return tuple(one for one in islice(before, FORERUNNERS) if one.partial)
