"""Packages come from where pip on this machine takes them, and from nowhere that the code names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.lab.indexes import IndexSettings, index_of_pip, of_listing

LISTING = """\
:env:.find-links='/wheels'
:env:.trusted-host='a.example\\nb.example'
global.cert='/etc/ca.crt'
global.constraint='/etc/limits.txt'
global.extra-index-url='file:///one file:///two'
global.index-url='https://global.example/simple'
install.index-url='https://install.example/simple'
install.no-index='true'
list.format='columns'
nonsense
"""


def test_what_pip_lists_is_read() -> None:
    """The environment wins over `install`, that over `global`; what concerns other commands is left."""
    assert of_listing(LISTING) == IndexSettings(
        url="https://install.example/simple",
        extra=("file:///one", "file:///two"),
        find_links=("/wheels",),
        constraints=("/etc/limits.txt",),
        trusted_hosts=("a.example", "b.example"),
        cert="/etc/ca.crt",
        no_index=True,
    )
    assert of_listing("") == IndexSettings()


async def test_pip_is_asked(tmp_path: Path) -> None:
    """By its own files, wherever they are."""
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://one.example/simple\nno-index = false\n")
    environment = {"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "PIP_CERT": "/ca"}
    found = await index_of_pip(environment)
    assert (found.url, found.cert, found.no_index) == ("https://one.example/simple", "/ca", False)


def test_nothing_said_is_nothing_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the resolver's own default holds. Secrets of the bot are not passed on."""
    monkeypatch.setenv("WEBHOOK_SECRET", "x")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    told = IndexSettings().uv_environment()
    assert not {"UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS", "UV_NO_CONFIG", "WEBHOOK_SECRET"} & told.keys()


def test_all_is_passed_on_by_environment() -> None:
    """An index may have a password in its URL."""
    url = "http://127.0.0.1:1/simple"
    index = IndexSettings(url=url, extra=("a", "b"), find_links=("c", "d"), cert="/ca", trusted_hosts=("h",), only=True)
    told = index.uv_environment()
    assert told["UV_DEFAULT_INDEX"] == url
    assert (told["UV_INDEX"], told["UV_FIND_LINKS"], told["SSL_CERT_FILE"]) == ("a b", "c,d", "/ca")
    assert (told["UV_INSECURE_HOST"], told["UV_NO_CONFIG"], told["UV_INDEX_STRATEGY"]) == (
        "h",
        "1",
        "unsafe-best-match",
    )
