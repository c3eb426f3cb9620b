"""Whole walks over HTTP: what a user does on GitHub, and what becomes of the update."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.core import names
from bot.core.model import State
from tests.flows.flow import Flow, dispatches, flowing


@pytest.fixture
async def flow(tmp_path: Path) -> Any:
    async with flowing(tmp_path) as made:
        yield made


async def test_a_good_patch_goes_all_the_way(flow: Flow) -> None:
    """Published, proposed, tried, merged, deployed step by step, done: one pull request, one merge, one run a step."""
    flow.publish("1.2.4")
    await flow.look()
    update = await flow.reach("1.2.4", State.DONE)
    [pull] = await flow.rosa.pulls()
    checks = await flow.rosa.checks(pull.head)

    assert update.merge is not None and pull.merge_sha == update.merge.sha
    assert "1.2.4" in await flow.rosa.text("requirements.txt", "main")
    assert ("success", "success") == (checks[names.SIMULATION].conclusion, checks[names.POLICY].conclusion)
    assert ["0", "50", "100"] == [d["weight"] for d in dispatches(flow.box)]
    assert "success" == (await flow.rosa.deployment_states(update.merge.sha, "surefoot[bot]"))[-1]


async def test_a_major_waits_for_a_review_of_its_commit(flow: Flow) -> None:
    """A major is not merged before a person with the right to write approves exactly what was tried."""
    flow.publish("2.0.0")
    await flow.look()
    update = await flow.reach("2.0.0", State.IN_REVIEW)
    pull = await flow.rosa.pull(update.pull.number)

    await flow.others["eve"].approve(pull)
    await flow.rosa.approve(pull)
    done = await flow.reach("2.0.0", State.DONE)

    assert ["rosa"] == [approval.who for approval in done.approvals]
