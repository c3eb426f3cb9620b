"""What comes to light while a pull request is open reaches it: from the registry, and from GitHub by itself."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from bot.core.model import Priority, State
from bot.demo import releases
from tests.flows.flow import REPO, Flow, flowing

GHSA = "GHSA-aaaa-bbbb-cccc"


async def told(flow: Flow, action: str, guid: str, affected: str = "< 1.2.4", **more: Any) -> int:
    """GitHub tells every App of an advisory about the library; the door's answer."""
    vulnerability = {
        "package": {"ecosystem": "pip", "name": releases.PROJECT},
        "severity": "critical",
        "vulnerable_version_range": affected,
        "first_patched_version": {"identifier": "1.2.4"},
    }
    advice = {"ghsa_id": GHSA, "summary": "x", "severity": "critical", "vulnerabilities": [vulnerability], **more}
    body = json.dumps({"action": action, "security_advisory": advice}).encode()
    app = flow.box.world.apps[flow.app_id]
    signature = hmac.new(app.webhook_secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "X-GitHub-Event": "security_advisory",
        "X-GitHub-Delivery": guid,
        "X-Hub-Signature-256": f"sha256={signature}",
        "Content-Type": "application/json",
    }
    async with flow.rosa.http.post(app.webhook_url, data=body, headers=headers) as answer:
        return answer.status


async def reviewing(flow: Flow) -> None:
    """1.2.4 is open and waits for a person."""
    await flow.configure(flow.config.replace("{minimum_age: 0s}", "{minimum_age: 0s}\npolicy: {patch: review}"))
    flow.publish("1.2.4")
    await flow.look()
    await flow.reach("1.2.4", State.IN_REVIEW)
    await flow.quiet()


async def title(flow: Flow) -> str:
    update = await flow.update("1.2.4")
    assert update is not None and update.pull is not None
    return flow.box.world.repos[REPO].issues[update.pull.number].title


async def test_an_advisory_makes_an_open_update_urgent_until_it_is_withdrawn(tmp_path: Path) -> None:
    """Nobody else need know of it: title, priority and what it mends follow GitHub's word, both ways."""
    async with flowing(tmp_path) as flow:
        await reviewing(flow)
        plain = await title(flow)

        assert await told(flow, "published", "advised") == 202
        await flow.until(lambda: _has(flow, Priority.CRITICAL))
        await flow.quiet()
        assert f"(security, critical: {GHSA})" in await title(flow)

        assert await told(flow, "withdrawn", "taken-back", withdrawn_at="2026-01-01T00:00:00Z") == 202
        await flow.until(lambda: _has(flow, Priority.LOW))
        await flow.quiet()
        assert await title(flow) == plain


async def _has(flow: Flow, priority: Priority) -> bool:
    update = await flow.update("1.2.4")
    return update is not None and update.priority is priority


async def test_a_release_that_is_yanked_while_it_waits_is_rejected(tmp_path: Path) -> None:
    """With its maker's words; no approval brings it through, and taken back it is tried anew."""
    async with flowing(tmp_path) as flow:
        await reviewing(flow)
        flow.index.yank(releases.PROJECT, "1.2.4", "broken on arrival")
        await flow.look()
        update = await flow.reach("1.2.4", State.REJECTED)
        await flow.quiet()
        assert "yanked since it was proposed: `broken on arrival`" in update.note

        await flow.settled(update)
        comment = await flow.say(update, "/surefoot approve")
        await flow.until(lambda: flow.reactions(comment))
        assert (await flow.reach("1.2.4", State.REJECTED)).merge is None


async def test_malware_is_rejected_as_soon_as_github_tells(tmp_path: Path) -> None:
    """While it waits for a person, who can no longer bring it through; the version in use is not spoken of."""
    async with flowing(tmp_path) as flow:
        await reviewing(flow)
        assert await told(flow, "published", "malware", affected="= 1.2.4", classification="malware") == 202
        update = await flow.reach("1.2.4", State.REJECTED)

        assert "1.2.4 is known to be malicious" in update.note and update.priority is Priority.LOW
