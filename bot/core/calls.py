"""Whether a call fits what is called, by the rules of Python's own binding; what does not fit is said in words.

The rules are those of the language reference, "Calls", for a call of which only the shape is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.api import Parameter
from bot.core.quoting import code


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The shape of a call. star, double_star: more positional ones or more keywords may come out of a `*` or `**`."""

    positional: int = 0
    keywords: tuple[str, ...] = ()
    star: bool = False
    double_star: bool = False


def misfit(parameters: Sequence[Parameter], call: Call) -> str:
    """What is wrong with the call, as the end of a sentence; "" where it fits or may fit."""
    return _too_many(parameters, call) or _unknown(parameters, call) or _lacking(parameters, call)


def _by_place(parameters: Sequence[Parameter]) -> list[Parameter]:
    return [one for one in parameters if one.how in ("", "/")]


def _too_many(parameters: Sequence[Parameter], call: Call) -> str:
    places = len(_by_place(parameters))
    if call.positional <= places or any(one.how == "*" for one in parameters):
        return ""
    return f"takes {places} positional arguments, and {call.positional} are given"


def _unknown(parameters: Sequence[Parameter], call: Call) -> str:
    rest = any(one.how == "**" for one in parameters)
    filled = {one.name for one in _by_place(parameters)[: call.positional] if one.how == ""}
    named = {one.name for one in parameters if one.how in ("", "!")}
    for keyword in call.keywords:
        if keyword in filled:
            return f"is given {code(keyword)} twice, by its place and by its name"
        if keyword not in named and not rest:
            return f"has no parameter {code(keyword)}"
    return ""


def _lacking(parameters: Sequence[Parameter], call: Call) -> str:
    unfilled = [] if call.star else _by_place(parameters)[call.positional :]
    # A `**` may bring every one that has a name.
    open_ones = [one for one in unfilled if not (call.double_star and one.how == "")]
    if not call.double_star:
        open_ones += [one for one in parameters if one.how == "!"]
    for one in open_ones:
        if not one.optional and (one.how == "/" or one.name not in call.keywords):
            return f"needs {code(one.name)}, which is not given"
    return ""
