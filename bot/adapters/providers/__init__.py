"""Providers deploy: start a run by our key, find it again, say how it stands. They decide nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot.core.model import Step
from bot.core.ports import DeployJob, Provider

# A provider's list of runs lags behind its start; two clocks differ.
SKEW = timedelta(minutes=5)


async def carry_out(pipeline: Provider, job: DeployJob, step: Step, *, now: datetime) -> tuple[Step, bool | None, str]:
    """Bring one step on by one look: found by its key, else started; then how its run stands.

    Returns the step with what is known of its run, whether it ended well (None: not yet), and the provider's word.
    Running this twice starts one run: the key is saved before the first call and searched for before each start.
    """
    if step.run is None:
        began = step.started or now
        seen = await pipeline.find(job, since=began - SKEW) or await pipeline.start(job)
        step = replace(step, run=seen.run, url=seen.url, started=began)
    else:
        seen = await pipeline.status(step.run)
    return step, seen.ok, seen.detail
