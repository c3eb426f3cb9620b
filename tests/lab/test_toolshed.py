"""What no tool of this machine can lock is known when it is detected, with the mend, and not when it is proposed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.check import shed
from bot.core.choice import Choice
from bot.core.lockreaders import READERS
from bot.core.model import Component, Pin, Verdict
from bot.lab import holding
from bot.lab.toolshed import FINDERS, REMEMBERED, Toolshed

PAD = Component(name="pad", ecosystem="npm")
PIN = Pin(
    component=PAD, path="web/package.json", line=1, column=1, requirement="1.0.0", version="1.0.0", manifest="npm"
)
APPROVED = Choice(verdict=Verdict.APPROVE, current="1.0.0", why=("newer",))


def test_every_lock_that_is_made_has_its_tool() -> None:
    """But uv, which is a part of Surefoot."""
    assert FINDERS.keys() == READERS.keys() - {"uv.lock"}


async def test_a_missing_tool_is_said_with_the_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For each lock but uv's; of Yarn's two kinds any will do; it is asked again after a while."""
    now = [0.0]
    shed = Toolshed(clock=lambda: now[0])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "npm is not installed" in await shed.lacks("web/package-lock.json")
    assert "Go is not installed" in await shed.lacks("go.sum")
    assert "Yarn 4 or newer" in await shed.lacks("yarn.lock")
    assert await shed.lacks("uv.lock") == "" == await shed.lacks("a/Chart.lock")
    monkeypatch.undo()
    assert "npm is not installed" in await shed.lacks("package-lock.json")
    now[0] = REMEMBERED
    assert await shed.lacks("package-lock.json") == ""


async def test_what_would_be_proposed_is_held_where_its_tool_is_missing() -> None:
    """With the lock's name; what is held already asks nobody, and neither does what is not bound."""
    asked: list[str] = []

    async def lacks(lock: str) -> str:
        asked.append(lock)
        return "npm is not installed. Install it" if lock.endswith("package-lock.json") else ""

    files = ["web/package.json", "web/package-lock.json"]
    held = await holding.held(APPROVED, [PIN], files, lacks)
    assert held.verdict is Verdict.HOLD
    said = "web/package.json is bound by web/package-lock.json, and npm is not installed. Install it"
    assert held.why[0] == said
    assert await holding.held(APPROVED, [PIN], ["web/package.json"], lacks) is APPROVED
    assert await holding.held(APPROVED, [PIN], ["web/package.json", "yarn.lock"], lacks) is APPROVED
    assert await holding.held(APPROVED, [PIN], files) is APPROVED
    current = Choice(verdict=Verdict.CURRENT, current="1.0.0", why=("the newest",))
    assert await holding.held(current, [PIN], files, lacks) is current
    assert asked == ["web/package-lock.json", "yarn.lock"]


async def test_a_look_from_the_command_line_knows_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks the same shed, which it loads only then."""
    shed._shed.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "Go is not installed" in await shed.lacks("go.sum")
    shed._shed.cache_clear()
