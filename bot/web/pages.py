"""What all pages have in common: everything is escaped, and our own sentences keep their code and their tones."""

from __future__ import annotations

import re
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from bot.core import names, render
from bot.core.model import State, Update

FOLDER = Path(__file__).parent / "templates"
TONES = {
    State.DONE: "good",
    State.MERGED: "good",
    State.APPROVED: "good",
    State.REJECTED: "bad",
    State.FAILED: "bad",
    State.ROLLED_BACK: "bad",
    State.ROLLING_BACK: "bad",
    State.IN_REVIEW: "wait",
    State.DEFERRED: "wait",
    State.PAUSED: "wait",
}


def prose(text: str) -> Markup:
    """Our own sentences as a page shows them: escaped, with what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped the line before


def steps(update: Update) -> list[str]:
    """From which version to which, of the first few components."""
    told = [f"{part.component.name} {part.current} → {part.target}" for part in update.parts]
    more = len(told) - names.NAMED
    return [*told[: names.NAMED], f"and {more} more"] if more > 0 else told


class Pages:
    """The templates. forge: where people find GitHub, without a slash at its end; "" for no links to it."""

    def __init__(self, forge: str = "") -> None:
        self._made = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined)
        self._made.filters["prose"] = prose
        self._made.globals.update(words=render.WORDS, tone=lambda state: TONES.get(state, ""))
        self._made.globals.update(steps=steps, brought=names.brought, forge=forge)

    def page(self, name: str, **values: object) -> web.Response:
        """One of them, filled."""
        return web.Response(text=self._made.get_template(name).render(**values), content_type="text/html")
