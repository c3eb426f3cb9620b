"""uv asks where pip on this machine asks, in the order of trust in which releases are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.errors import ConfigProblem
from bot.lab import indexes
from bot.lab.resolver import Uv
from bot.tools.pip import IndexSettings

MAIN = "http://127.0.0.1:1/simple"


def test_all_that_pip_is_told_is_told_to_uv(tmp_path: Path) -> None:
    """By environment, as an index may have a password in its URL; the last extra index first, the main one last."""
    index = IndexSettings(
        index_url=f"{MAIN}/", extra=("file:///a", "file:///b/"), find_links=("c", "d"), cert="/ca", trusted_hosts=("h",)
    )
    told = indexes.environment(index)
    assert (told["UV_DEFAULT_INDEX"], told["UV_INDEX"]) == (MAIN, "file:///b file:///a")
    assert (told["UV_FIND_LINKS"], told["SSL_CERT_FILE"], told["UV_INSECURE_HOST"]) == ("c,d", "/ca", "h")
    assert indexes.environment(IndexSettings(index_url=MAIN, cert=str(tmp_path)))["SSL_CERT_DIR"] == str(tmp_path)


def test_a_name_belongs_to_the_first_index_that_knows_it() -> None:
    """Unless somebody checks each file; the strategy that takes the best of all is never used."""
    told = indexes.environment(IndexSettings(index_url=MAIN, extra=("file:///a",)))
    assert told["UV_INDEX_STRATEGY"] == "first-index"


def test_nothing_else_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """No secret of the bot, and no index that only uv is told of: releases are not read there."""
    for name in ("WEBHOOK_SECRET", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_CONFIG_FILE"):
        monkeypatch.setenv(name, "x")
    told = indexes.environment(IndexSettings(default_index_url=MAIN))
    assert told["UV_DEFAULT_INDEX"] == MAIN and told["UV_NO_CONFIG"] == "1"
    assert not {"WEBHOOK_SECRET", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_CONFIG_FILE", "UV_FIND_LINKS"} & told.keys()


def test_without_an_index_there_is_none() -> None:
    """With pip's no-index only the links count; where nobody names an index, uv's own default is not asked either."""
    told = indexes.environment(IndexSettings(index_url=MAIN, extra=("file:///a",), no_index=True, find_links=("c",)))
    assert not {"UV_DEFAULT_INDEX", "UV_INDEX"} & told.keys() and told["UV_FIND_LINKS"] == "c"


async def test_where_pip_may_ask_no_index_uv_is_told_so(tmp_path: Path) -> None:
    """By an option, since no variable says it: otherwise uv would ask the public index for what the folder lacks."""
    (tmp_path / "uv").write_text('#!/bin/sh\necho "$*"\n')
    (tmp_path / "uv").chmod(0o755)
    for alone, told in ((True, "pip compile a.txt --no-index\n"), (False, "pip compile a.txt\n")):
        uv = Uv(path=str(tmp_path / "uv"), index=IndexSettings(find_links=("c",), index_url=MAIN, no_index=alone))
        assert told == await uv.run(tmp_path, "pip", "compile", "a.txt")
        assert "venv x\n" == await uv.run(tmp_path, "venv", "x")
    with pytest.raises(ConfigProblem, match="no package index is configured"):
        indexes.environment(IndexSettings())
