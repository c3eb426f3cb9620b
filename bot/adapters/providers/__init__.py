"""Providers deploy: start a run by our key, find it again, say how it stands. They decide nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.core.errors import Missing
from bot.core.model import Step
from bot.core.ports import DeployJob, Provider

# Two clocks differ; a run is looked for from a little before we asked for it.
SKEW = timedelta(minutes=5)
# A provider lists a new run only seconds after it took the dispatch. Right after the intention was saved nobody can
# have dispatched it yet; later, a run that is not listed may still be on its way, until this long after.
AT_ONCE = timedelta(seconds=2)
LISTED = timedelta(seconds=20)
CANCELLED = "cancelled"  # how a run ends that somebody stopped: no verdict on what it deployed


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """One look's result. ok: whether the run ended well, None while it has not; until: when to look again (UTC)."""

    step: Step
    ok: bool | None
    detail: str
    until: datetime


async def carry_out(pipeline: Provider, job: DeployJob, step: Step, *, now: datetime, every: timedelta) -> Carried:
    """Bring one step on by one look: its intention first, then found by its key or started, then how its run stands.

    The caller saves what comes back before it calls again. So a process that dies between a dispatch and its save
    finds the run by its key, and waits for the provider's list before it would dispatch again.
    """
    if step.run is not None:
        seen = await pipeline.status(step.run)
        # Its number or its page may have become known only now.
        known = replace(step, run=seen.run, url=seen.url or step.url)
        return Carried(step=known, ok=seen.ok, detail=seen.detail, until=now + every)
    if step.started is None:
        return Carried(step=replace(step, started=now), ok=None, detail="asked for", until=now)
    found = await pipeline.find(job, since=step.started - SKEW)
    waited = now - step.started
    if found is None and waited >= LISTED:
        return Carried(step=replace(step, started=now), ok=None, detail="asked for again", until=now)
    if found is None and waited > AT_ONCE:
        until = step.started + LISTED
        return Carried(step=step, ok=None, detail="perhaps started, not listed yet", until=until)
    seen = found or await pipeline.start(job)
    begun = replace(step, run=seen.run, url=seen.url)
    return Carried(step=begun, ok=seen.ok, detail=seen.detail, until=now + every)


async def stop(pipeline: Provider, job: DeployJob, step: Step, *, now: datetime) -> str:
    """Ask the run of this step to stop. Empty once nothing of it is under way; else how it stands, in words.

    Its run moves traffic for as long as it goes, so nothing else may be dispatched beside it.
    """
    if step.started is None or step.finished is not None:
        return ""
    try:
        seen = await (pipeline.status(step.run) if step.run else pipeline.find(job, since=step.started - SKEW))
    except Missing:
        return ""
    if seen is None:
        return "perhaps started, not listed yet" if now - step.started < LISTED else ""
    if seen.ok is not None:
        return ""
    await pipeline.cancel(seen.run)
    return seen.detail
