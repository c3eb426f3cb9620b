"""The box against GitHub's own description: every answer and every webhook of a walk over all its endpoints."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from bot.demo.box import Box
from bot.demo.box.routes import API
from tests.box.cast import Heard
from tests.box.walk import walk
from tests.openapi.validate import Schemas

# What the box has beside GitHub's REST API: its own switches, and GraphQL, which the description does not cover.
BESIDE = ("/_box", "/graphql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """What was heard over the wire, and each webhook as (event, payload)."""

    heard: list[Heard]
    hooks: list[tuple[str, Any]]


@pytest.fixture(scope="module")
def walked() -> Walked:
    async def whole() -> Walked:
        async with Box.start() as box, aiohttp.ClientSession() as http:
            heard = await asyncio.wait_for(walk(box, http), 60)
            sent = [(one.event, json.loads(one.body)) for one in box.world.deliveries.log.values()]
            return Walked(heard=heard, hooks=sent)

    return asyncio.run(whole())


def listed(problems: Iterable[str]) -> str:
    """One a line, so that a failure shows them all."""
    return "\n".join(sorted(problems))


def test_the_box_has_no_endpoint_that_github_lacks() -> None:
    """Each route of the box is an operation of GitHub, letter by letter."""
    github = Schemas.load()
    mine = {(route.method, route.path) for route in API if not route.path.startswith(BESIDE)}
    assert listed(f"{method} {path}" for method, path in mine - github.operations()) == ""


def test_the_walk_comes_by_every_endpoint_with_success(walked: Walked) -> None:
    """So that no answer of the box is left unjudged."""
    github = Schemas.load()
    seen = {(one.method, github.template(one.method, one.path)) for one in walked.heard if one.status < 400}
    missed = {(route.method, route.path) for route in API if not route.path.startswith(BESIDE)} - seen
    assert listed(f"{method} {path}" for method, path in missed) == ""


def test_every_answer_is_one_that_github_could_have_given(walked: Walked) -> None:
    """Status, fields, types and values of every answer, the refusals too; no field missing, none invented."""
    github = Schemas.load()
    told = {told for one in walked.heard for told in github.response(one.method, one.path, one.status, one.body)}
    assert listed(told) == ""


def test_what_the_box_took_is_what_github_takes(walked: Walked) -> None:
    """A request that GitHub would not understand must not succeed here."""
    github = Schemas.load()
    taken = [one for one in walked.heard if one.status < 400]
    told = {told for one in taken for told in github.request(one.method, one.path, one.query, one.sent)}
    assert listed(told) == ""


def test_every_webhook_is_one_that_github_could_have_sent(walked: Walked) -> None:
    """Each payload against the schema of its event and action."""
    github = Schemas.load()
    assert listed({told for event, payload in walked.hooks for told in github.webhook(event, payload)}) == ""


def test_the_walk_hears_the_webhooks_that_a_bot_lives_on(walked: Walked) -> None:
    """If one of them stopped coming, nothing above would notice."""
    names = {f"{event}.{payload['action']}" if "action" in payload else event for event, payload in walked.hooks}
    wanted = "create delete push status installation.created"
    wanted += " check_run.created check_run.completed check_run.rerequested"
    wanted += " check_suite.requested check_suite.completed check_suite.rerequested"
    wanted += " pull_request.opened pull_request.edited pull_request.synchronize pull_request.closed"
    wanted += " pull_request.reopened pull_request.labeled pull_request.unlabeled pull_request.review_requested"
    wanted += " pull_request_review.submitted pull_request_review.dismissed"
    wanted += " repository.renamed repository.archived repository.unarchived issues.locked issues.unlocked"
    wanted += " issue_comment.created issue_comment.edited issue_comment.deleted release.published"
    wanted += " workflow_run.requested workflow_run.in_progress workflow_run.completed"
    wanted += " workflow_job.queued workflow_job.in_progress workflow_job.completed"
    wanted += " deployment.created deployment_status.created deployment_protection_rule.requested"
    assert listed(set(wanted.split()) - names) == ""
