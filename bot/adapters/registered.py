"""Components that no file pins are answered for and never proposed: an endpoint tells what runs, a person moves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.core.choice import Choice
from bot.core.errors import Permanent
from bot.core.model import Component, Pin, Verdict
from bot.core.ports import Source
from bot.core.repo_config import CONFIG_PATH, Registered
from bot.core.survey import Group


async def running(one: Registered, sources: Mapping[str, Source]) -> str:
    """The version that runs now. Errors as `Source.releases`; Permanent where the endpoint tells several."""
    if one.version:
        return one.version
    told = await sources["http"].releases(Component(name=one.asked_as, ecosystem="http"))
    if len(told) != 1:
        some = ", ".join(release.version for release in told[:3])
        raise Permanent(f"its endpoint tells {len(told)} versions ({some}, …); describe it so that one is left")
    return told[0].version


def group_of(one: Registered, version: str | None) -> Group:
    """The component as though its description pinned it. version: what runs now, None where that is not known."""
    pin = Pin(path=CONFIG_PATH, line=one.line, column=1, manifest="", component=one.component,
              requirement=version or "", version=version)  # fmt: skip
    return Group(component=one.component, pins=(pin,))


def unpinned(choice: Choice) -> Choice:
    """The choice, held where it would have been proposed: there is no file that a pull request could change."""
    if choice.verdict is not Verdict.APPROVE or choice.target is None:
        return choice
    why = f"{choice.target.version} is there, and no file pins it: whoever deploys it has to move it"
    return replace(choice, verdict=Verdict.HOLD, why=(why, *choice.why))


def unknown(error: object) -> Choice:
    """The answer where nobody can say what runs."""
    return Choice(verdict=Verdict.HOLD, current="", why=(f"what runs now is not known: {error}",))
