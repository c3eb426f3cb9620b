"""Whom to ask is the operator's word: the public service, another one, a folder of dumps, or nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.adapters import Tools
from bot.adapters.advisories import open_advisories, osv, osv_dump
from bot.core.errors import ConfigProblem
from bot.tools.http import Http


def test_the_setting_says_whom_to_ask(tmp_path: Path) -> None:
    """Nothing said is the public service; "off" asks nobody."""
    tools = Tools(http=Http())

    assert isinstance(open_advisories("", tools), osv.Osv)
    assert isinstance(open_advisories("https://osv.example", tools), osv.Osv)
    assert isinstance(open_advisories(str(tmp_path), tools), osv_dump.OsvDump)
    assert open_advisories("off", tools) is None


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A typing error must not mean that nothing is known to be bad."""
    with pytest.raises(ConfigProblem, match=r"^SUREFOOT_OSV: .*is no folder"):
        open_advisories(str(tmp_path / "gone"), Tools(http=Http()))
