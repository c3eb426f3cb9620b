"""How a repository says that its environment is prepared, and how an operator opens places for that."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import config
from bot.config import lockers, preparing
from bot.config.sources import read
from bot.core.errors import ConfigProblem
from bot.core.preparing import Prepare
from bot.lab.locking import errand

HEAD = "version: 1\nsimulate:\n  prepare:\n"
WHOLE = """\
    run: bundle install
    files: [Gemfile, Gemfile.lock, "gems/*/*.gemspec"]
    keep: vendor/bundle
    writable: [tmp/gradle]
    hosts: [RubyGems.example, "gems.example:8443"]
    env: {BUNDLE_PATH: vendor/bundle, JOBS: 2}
"""


def test_a_command_and_all_that_it_works_with() -> None:
    """Read as it is written; absent, there is none."""
    made = config.parse(HEAD + WHOLE, "f.yml").simulate.prepare
    assert made == Prepare(
        run="bundle install",
        files=("Gemfile", "Gemfile.lock", "gems/*/*.gemspec"),
        keep=("vendor/bundle",),
        writable=("tmp/gradle",),
        hosts=("rubygems.example", "gems.example:8443"),
        env={"BUNDLE_PATH": "vendor/bundle", "JOBS": "2"},
    )
    assert config.parse("version: 1\n", "f.yml").simulate.prepare is None


def line(key: str, value: str) -> str:
    """The section with one line another one."""
    lines = [one for one in WHOLE.splitlines() if not one.strip().startswith(f"{key}:")]
    return HEAD + "\n".join([*lines, f"    {key}: {value}"])


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        (HEAD + "    run: make deps\n", "f.yml:4", "needs files"),
        (HEAD + "    run: make deps\n    files: lock\n", "f.yml:4", "needs keep"),
        (HEAD + "    files: lock\n    keep: a\n", "f.yml:4", "needs run"),
        (line("files", "[../secret]"), "f.yml:9", "is not a path in the repository"),
        (line("files", "[/etc/passwd]"), "f.yml:9", "is not a path in the repository"),
        (line("files", "[.git/config]"), "f.yml:9", "is not a path in the repository"),
        (line("keep", '["vendor/*"]'), "f.yml:9", "is not a folder in the repository"),
        (line("keep", "[tmp, x]"), "f.yml:9", "tmp/gradle lies in tmp"),
        (line("keep", "[tmp/gradle]"), "f.yml:9", "tmp/gradle lies in tmp/gradle"),
        (line("hosts", "['https://a.example']"), "f.yml:9", "is not the name of a host"),
        (line("env", "{PATH: /x}"), "f.yml:9", "PATH is set by the lab itself"),
        (line("env", "{SUREFOOT_RESULTS: /x}"), "f.yml:9", "SUREFOOT_RESULTS is set by the lab itself"),
        (line("env", "{'a b': x}"), "f.yml:9", "is not the name of a variable"),
        (line("env", "[a]"), "f.yml:9", "must be a mapping"),
        (line("env", "{A: " + "x" * 5000 + "}"), "f.yml:9", "longer than"),
        (line("files", "[" + "".join(f"f{number}, " for number in range(101)) + "]"), "f.yml:9", "more than 100"),
        (line("runs", "x"), "f.yml:10", "unknown key 'runs'"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, where: str, words: str) -> None:
    """And nothing is guessed."""
    with pytest.raises(ConfigProblem, match=words) as caught:
        config.parse(text, "f.yml")
    assert caught.value.where.startswith(where)


def test_a_suite_names_the_reports_that_its_command_writes() -> None:
    """Only a suite of tests, and only beside a command; never a path that leads out."""
    head = "version: 1\nsimulate:\n  suites:\n    "
    made = config.parse(head + 'unit: {run: mvn test, report: "**/TEST-*.xml"}', "f.yml").simulate.suites["unit"]
    assert made.report == ("**/TEST-*.xml",)
    for text, words in (
        ("unit: {services: [redis], report: a.xml}", "a command that is not named"),
        ("unit: {run: make, report: ../a.xml}", "is not a path in the repository"),
        ("performance: {run: make, report: a.xml}", "unknown key 'report'"),
    ):
        with pytest.raises(ConfigProblem, match=words):
            config.parse(head + text, "f.yml")


@given(st.text("ab./*-\\ \n\0~$", max_size=30))
def test_no_path_that_is_taken_leads_out_of_the_tree(written: str) -> None:
    """Whatever is written, it is a path below the root, or it is refused."""
    try:
        (taken,) = preparing.patterns(written)
    except ValueError:
        return
    assert errand.inside(taken) == taken and not taken.startswith(("/", "~")) and "\\" not in taken


OPENED = """\
prepare:
  - url: https://gems.example/
  - url: http://nexus.internal:8081/maven
    stands_for: https://central.example/maven2
    username: bot
    secret: NEXUS
  - {url: "https://hex.example", token: HEX, repositories: [Acme, other/Shop.js]}
"""
ENV = {"NEXUS": "hunter2", "HEX": "hunter3"}


def operators(tmp_path: Path, text: str, env: dict[str, str]) -> config.Registries:
    """What the operator's file says."""
    (tmp_path / "sources.yml").write_text(text)
    return read({"SUREFOOT_SOURCES": str(tmp_path / "sources.yml"), **env})


def test_an_operator_opens_places(tmp_path: Path) -> None:
    """Each with its login, which is told nowhere; under the name of another place where it is a mirror of that."""
    given = operators(tmp_path, OPENED, ENV)
    found = lockers.opened_of(given)
    assert [(one.url, one.asked) for one in found] == [
        ("https://gems.example", "https://gems.example"),
        ("https://central.example/maven2", "http://nexus.internal:8081/maven"),
        ("https://hex.example", "https://hex.example"),
    ]
    assert [one.login and one.login.reveal() for one in found] == [None, "Basic Ym90Omh1bnRlcjI=", "Bearer hunter3"]
    assert given.hosts == {"gems.example", "nexus.internal", "hex.example"}
    assert [one.repositories for one in found] == [(), (), ("acme", "other/shop.js")]
    assert "hunter" not in repr(given) and set(given.secrets) == {"NEXUS", "HEX"}
    assert lockers.opened_of(config.Registries()) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prepare:\n  - {token: HEX}\n", "sources.yml:2 prepare.0.: needs a url"),
        ("prepare:\n  - url: rubygems.example\n", "must be the URL of a place"),
        ("prepare:\n  - url: https://me:pw@a.example\n", "must be the URL of a place"),
        ("prepare:\n  - url: https://a.example/?x=1\n", "must be the URL of a place"),
        ("prepare:\n  - url: https://a.example/../x\n", "must be the URL of a place"),
        ("prepare:\n  - {url: 'https://a.example', username: me}\n", "half a login"),
        ("prepare:\n  - {url: 'https://a.example', username: me, secret: NEXUS, token: HEX}\n", "half a login"),
        ("prepare:\n  - {url: 'https://a.example', token: NOWHERE}\n", "NOWHERE is no variable"),
        ("prepare:\n  - {url: 'https://a.example', host: x}\n", "unknown key 'host'"),
        ("prepare:\n  - {url: 'https://a.example', repositories: []}\n", "names nobody"),
        (
            "prepare:\n  - url: https://a.example\n    repositories:\n",
            "sources.yml:3 prepare.0..repositories: must be",
        ),
        (
            "prepare:\n  - {url: 'https://a.example', repositories: acme/*}\n",
            "not the name of an owner or a repository",
        ),
        (
            "prepare:\n  - {url: 'https://a.example', repositories: [a/b/c]}\n",
            "not the name of an owner or a repository",
        ),
    ],
)
def test_an_operators_mistake_ends_the_start(tmp_path: Path, text: str, words: str) -> None:
    """With its line, and without what may be a secret."""
    with pytest.raises(ConfigProblem, match=words) as caught:
        operators(tmp_path, text, ENV)
    assert "pw" not in str(caught.value)
