"""What is known to be bad, one file per database: it says what others have reported, and weighs nothing."""

from __future__ import annotations

import sys
from typing import cast

from bot.adapters import Tools, open_one
from bot.core.ports import Advisories

OFF = "off"


def open_advisories(setting: str, tools: Tools) -> Advisories | None:
    """Whom to ask, as the operator set it: a service's URL, a folder of dumps, "off" for nobody; empty for OSV.dev.

    ConfigProblem for a folder that is none.
    """
    if setting == OFF:
        return None
    family = sys.modules[__name__]
    if not setting or setting.startswith(("http://", "https://")):
        return cast(Advisories, open_one(family, "osv", {"url": setting} if setting else {}, tools))
    return cast(Advisories, open_one(family, "osv_dump", {"path": setting}, tools))
