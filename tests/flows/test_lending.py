"""What an operator lends reaches the health source that names it and nobody else: the whole bot over HTTP."""

from __future__ import annotations

from pathlib import Path

from bot.core.model import State
from tests.flows.flow import CONFIG, flowing


async def test_a_lent_secret_opens_the_health_page(tmp_path: Path) -> None:
    """Lent for this machine it is sent here; where the file names another host nothing is deployed, and it is said."""
    (tmp_path / "token").write_text("hunter22\n")
    (tmp_path / "lent.yml").write_text("- {name: shop, file: token, repositories: acme/*, hosts: 127.0.0.1}\n")
    named = CONFIG.replace('/releases"}', '/releases", token: shop}')
    async with flowing(tmp_path, env={"SUREFOOT_SECRETS": str(tmp_path / "lent.yml")}) as flow:
        await flow.configure(named)
        flow.publish("1.2.4")
        await flow.look()
        await flow.reach("1.2.4", State.DONE)
        asked = set(flow.production.logins)

        await flow.configure(named.replace("HEALTH/healthz", "https://mallory.example/healthz"))
        flow.publish("1.2.5")
        await flow.look()
        failed = await flow.reach("1.2.5", State.FAILED)

    assert asked == {"Bearer hunter22"}
    assert "the secret 'shop' is not to be sent to mallory.example" in failed.note
    assert "hunter22" not in failed.note
