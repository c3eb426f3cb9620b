"""What is known to be bad, one file per database: it says what others have reported, and weighs nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

from bot.adapters import Options, Tools, open_one
from bot.core.errors import ConfigProblem
from bot.core.ports import Advisories, Words

if TYPE_CHECKING:
    from bot.adapters.advisories._heard import Listener
    from bot.adapters.advisories.kev import Kev

OFF = "off"


def listener(inner: Advisories | None, told: Words) -> Listener:
    """Who hears of advisories from GitHub as well. inner: the databases, None where nobody is asked."""
    from bot.adapters.advisories._heard import Listener  # a look at a checkout hears nothing, and need not load it

    return Listener(inner, told)


def open_advisories(setting: str, tools: Tools, *, kev: str = "", eol: str = "") -> Advisories | None:
    """Whom to ask, as the operator set it: a service's URL, a folder of dumps, "off" for nobody; empty for OSV.dev.

    kev, eol: where the lists of exploited flaws and of ended versions are; "" for none. ConfigProblem for a folder or
    a file that is none, with the variable that named it.
    """
    members = [_database(setting, tools)] if setting != OFF else []
    if not (kev or eol):
        return members[0] if members else None
    from bot.adapters.advisories._joined import Joined

    members += [_opened("endoflife", {"place": eol}, tools, where="SUREFOOT_EOL")] if eol else []
    joined = Joined(*members)
    return cast("Kev", _opened("kev", {"place": kev}, tools, where="SUREFOOT_KEV")).over(joined) if kev else joined


def _database(setting: str, tools: Tools) -> Advisories:
    kind, named = ("osv", "url") if not setting or setting.startswith(("http://", "https://")) else ("osv_dump", "path")
    return _opened(kind, {named: setting} if setting else {}, tools, where="SUREFOOT_OSV")


def _opened(kind: str, options: Options, tools: Tools, *, where: str) -> Advisories:
    try:
        return cast(Advisories, open_one(sys.modules[__name__], kind, options, tools))
    except ConfigProblem as problem:
        raise ConfigProblem(str(problem), where=where) from problem
