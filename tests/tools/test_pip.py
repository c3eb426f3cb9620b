"""Where packages come from is what pip says, on any machine."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from bot.core.errors import ConfigProblem
from bot.tools import pip
from bot.tools.pip import IndexSettings, parse_config, parse_default


@pytest.fixture(autouse=True)
def _fresh():  # type: ignore[no-untyped-def]  # a fixture
    pip.index_of_pip.cache_clear()
    yield
    pip.index_of_pip.cache_clear()


def test_the_environment_ranks_over_the_files() -> None:
    """As pip does it: environment, then [install], then [global]; other commands' sections do not count."""
    text = "\n".join(
        [
            ":env:.index-url='https://env.example/simple'",
            "download.index-url='https://wrong.example/simple'",
            "global.extra-index-url='\\nhttps://a.example/simple\\nhttps://b.example/simple'",
            "global.index-url='https://global.example/simple'",
            "install.index-url='https://install.example/simple'",
            "install.no-index='0'",
            "a line that is none",
        ]
    )
    config = parse_config(text)
    assert config["index-url"] == "https://env.example/simple"
    assert config["extra-index-url"].split() == ["https://a.example/simple", "https://b.example/simple"]
    assert config["no-index"] == "0"


def test_the_default_is_read_from_pips_own_help() -> None:
    """Also when the help is broken over lines."""
    assert parse_default("  -i, --index-url <url>  Base URL (default\n   https://x.example/simple). More") == (
        "https://x.example/simple"
    )
    assert parse_default("nothing of the kind") is None


def test_pip_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A configuration file's index, extra indexes, links and bundle arrive as pip sees them."""
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nindex-url = https://mine.example/simple/\nextra-index-url =\n  file:///srv/a\n  https://b.example/simple\n"
        "find-links = /srv/wheels\ncert = /srv/ca.pem\ntrusted-host = b.example\nconstraint = /srv/c.txt\n"
    )
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CERT", "PIP_TRUSTED_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    got = pip.index_of_pip()
    assert got.index_url == "https://mine.example/simple/"
    assert got.all[0] == "https://mine.example/simple"
    assert got.all[-2:] == ("file:///srv/a", "https://b.example/simple")
    assert got.find_links == ("/srv/wheels",)
    assert (got.cert, got.trusted_hosts, got.constraints) == ("/srv/ca.pem", ("b.example",), ("/srv/c.txt",))
    assert got.hosts == {"mine.example", "b.example"}


def test_without_a_configured_index_pip_names_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of the public index comes from pip, not from us."""
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    got = pip.index_of_pip()
    assert got.index_url is None
    assert got.default_index_url and got.default_index_url.startswith("https://")
    assert got.main == got.default_index_url


def test_no_index_means_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """With PIP_NO_INDEX only the links count."""
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    got = pip.index_of_pip()
    assert got.no_index and got.all == () and got.main is None


def test_without_pip_its_variables_still_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """In an environment that uv made there may be no pip at all."""
    monkeypatch.setattr(pip, "_python_with_pip", lambda: None)
    monkeypatch.setenv("PIP_INDEX_URL", "https://env.example/simple")
    assert pip.index_of_pip().main == "https://env.example/simple"
    pip.index_of_pip.cache_clear()
    monkeypatch.delenv("PIP_INDEX_URL")
    with pytest.raises(ConfigProblem, match="PIP_INDEX_URL"):
        _ = pip.index_of_pip().main


def test_a_broken_configuration_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """pip's own complaint reaches the person, instead of a wrong index being used."""
    file = tmp_path / "pip.conf"
    file.write_text("[global\nindex-url\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    with pytest.raises(ConfigProblem, match="pip cannot read its configuration"):
        pip.index_of_pip()


def test_a_python_without_pip_says_nothing() -> None:
    """An interpreter that is not there is no error: there is simply nothing to learn from it."""
    assert pip._pip("/nowhere/python", "config", "list", env={}) == ""


def test_the_python_that_is_asked_has_a_pip() -> None:
    """Ours, or the one that our environment stands on, where the environment was made without pip."""
    found = pip._python_with_pip()
    assert found is None or pip._pip(found, "--version", env=os.environ).startswith("pip ")
    assert found == sys.executable or importlib.util.find_spec("pip") is None


def test_settings_know_no_index_twice() -> None:
    """The main index named again as an extra one is asked once."""
    twice = IndexSettings(index_url="https://a.example/simple/", extra=("https://a.example/simple",))
    assert twice.all == ("https://a.example/simple",)
