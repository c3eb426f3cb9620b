"""Lock tools ask the registries that the operator set up for the same ecosystem, with the login that is theirs."""

from __future__ import annotations

from pathlib import Path

from bot.config import lockers
from bot.config.sources import Registries, read

FILE = """\
rubygems: {url: "https://gems.corp.example/", token: GEMS_TOKEN}
crates: {url: "sparse+https://crates.corp.example/index/", token: CRATES_TOKEN}
packagist:
  url: https://composer.corp.example/
  logins: {composer.corp.example: {username: me, secret: COMPOSER_PASSWORD}}
"""


def test_the_operators_registries_are_asked_with_their_logins(tmp_path: Path) -> None:
    """As the sources of these ecosystems are."""
    (tmp_path / "sources.yml").write_text(FILE)
    secrets = {"CRATES_TOKEN": "hunter22", "COMPOSER_PASSWORD": "hunter33", "GEMS_TOKEN": "hunter44"}
    given = read({"SUREFOOT_SOURCES": str(tmp_path / "sources.yml"), **secrets})
    crates, packagist = lockers.crates_of(given), lockers.packagist_of(given)

    assert "https://crates.corp.example/index" == crates.index
    assert crates.login is not None and "hunter22" == crates.login.reveal()
    assert "https://composer.corp.example" == packagist.index
    assert packagist.login is not None and "Basic bWU6aHVudGVyMzM=" == packagist.login.reveal()
    gems = lockers.gems_of(given)
    assert gems.login is not None and ("https://gems.corp.example", "Basic aHVudGVyNDQ6") == (
        gems.index,
        gems.login.reveal(),
    )


def test_without_a_word_of_the_operator_the_public_ones_are_asked(tmp_path: Path) -> None:
    """Nothing is set, or a registry without a login."""
    assert lockers.CRATES_IO == lockers.crates_of(Registries())
    assert lockers.PACKAGIST == lockers.packagist_of(Registries())
    assert lockers.RUBYGEMS == lockers.gems_of(Registries())
    (tmp_path / "sources.yml").write_text("packagist: {url: https://composer.corp.example}\n")
    open_to_all = lockers.packagist_of(read({"SUREFOOT_SOURCES": str(tmp_path / "sources.yml")}))
    assert ("https://composer.corp.example", None) == (open_to_all.index, open_to_all.login)
