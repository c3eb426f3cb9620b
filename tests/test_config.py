"""Settings and the repository's file: what people write, and what they are told when it is wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import config
from bot.core.errors import ConfigProblem
from bot.core.model import Kind
from bot.core.policy import Rule
from bot.core.render import onboarding_config
from bot.core.suites import Asked
from bot.powers import known_kinds

FULL = """\
version: 1
updates:
  match: ["req*", flask]
  ignore:
    - django
    - {name: "bo*", versions: ">=2", why: "not yet"}
  minimum_age: 2 days
  ranges: widen
  rules:
    - {match: "django*", ecosystem: pypi, minimum_age: 7 days, allowed: "<5"}
    - {ecosystem: [docker, githubactions], prereleases: true, ranges: keep}
    - {match: "boto*", group: aws, kinds: [major, minor]}
    - {match: botocore, group: false}
  limits: {open: 3, hourly: 0}
  schedule: monday-friday 09:00-17:00 Europe/Berlin
  dashboard: false
  files:
    - {paths: [Makefile], pattern: "KUBECTL := (?P<version>.*)", ecosystem: github, name: kubernetes/kubernetes}
simulate:
  timeout: 5m
  memory_mib: 512
  bisect: false
  suites:
    unit: {run: make check, left_out: {tests/slow: needs an hour}}
policy: {major: reject, approvals: 2}
environments:
  - name: production
    provider: {kind: github_actions, workflow: deploy.yml}
    strategy: {kind: canary, steps: [10, 100], bake: 1m}
    health: {kind: http, url: "http://127.0.0.1/health"}
"""


def test_everything_that_can_be_written_is_read() -> None:
    """Each key of the file arrives where it belongs."""
    read = config.parse(FULL, "surefoot.yml", kinds=known_kinds())

    assert read.updates.wants("requests") and read.updates.wants("flask") and not read.updates.wants("django")
    assert [(i.name, i.versions) for i in read.updates.ignore] == [("django", ""), ("bo*", ">=2")]
    assert timedelta(days=2) == read.updates.minimum_age
    first, second, grouped, alone = read.updates.rules
    assert (grouped.group, grouped.kinds, alone.group, first.group) == ("aws", (Kind.MAJOR, Kind.MINOR), "", None)
    assert (first.match, first.minimum_age, first.allowed) == (("django*",), timedelta(days=7), "<5")
    assert (second.ecosystems, second.prereleases) == (("docker", "githubactions"), True)
    assert (read.updates.widen, first.widen, second.widen) == (True, None, False)
    assert (read.updates.limits.open, read.updates.limits.hourly) == (3, 0)
    assert not read.updates.dashboard
    assert read.updates.readers["regex"]["files"] == [dict(read.updates.files[0])]
    assert read.updates.schedule.windows[0].zone == "Europe/Berlin"
    assert {"tests/slow": "needs an hour"} == read.simulate.left_out
    assert not read.simulate.bisect and config.parse("version: 1\n", "surefoot.yml").simulate.bisect
    assert (read.simulate.suites, read.simulate.seconds, read.simulate.memory_mib) == (
        {"unit": Asked(run="make check")},
        300,
        512,
    )
    assert (
        read.policy.rules[Kind.MAJOR],
        read.policy.rules[Kind.PATCH],
        read.policy.approvals,
    ) == (Rule.REJECT, Rule.MERGE, 2)
    assert [
        (e.name, e.provider.kind, e.strategy.kind, e.health.kind if e.health else "") for e in read.environments
    ] == [("production", "github_actions", "canary", "http")]
    assert read.environments[0].strategy.options == {"steps": [10, 100], "bake": "1m"}


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("", "f.yml:1", "version must be 1"),
        ("version: 2", "f.yml:1 version", "version must be 1"),
        ("version: 1\nupdate: {}", "f.yml:2 update", "Did you mean 'updates'"),
        ("version: 1\nupdates: [a]", "f.yml:2 updates", "must be a mapping"),
        ("version: 1\nupdates:\n  minimum_age: soon", "f.yml:3 updates.minimum_age", "no span of time"),
        (
            "version: 1\nupdates:\n  rules: [{ecosystem: pipy}]",
            "f.yml:3 updates.rules[0].ecosystem",
            "pypi, npm, cargo",
        ),
        ("version: 1\nupdates:\n  rules: [{group: true}]", "f.yml:3 updates.rules[0].group", "must be a name"),
        ("version: 1\nupdates:\n  rules: [{group: '`a`'}]", "f.yml:3 updates.rules[0].group", "must be a name"),
        ("version: 1\nupdates:\n  rules: [{group: a, kinds: [big]}]", "f.yml:3 updates.rules[0].kinds", "patch, minor"),
        ("version: 1\nupdates:\n  rules: [{kinds: [major]}]", "f.yml:3 updates.rules[0].kinds", "which steps"),
        ("version: 1\nupdates:\n  files: Makefile", "f.yml:3 updates.files", "list of mappings"),
        ("version: 1\nupdates:\n  ranges: bump", "f.yml:3 updates.ranges", "keep or widen"),
        ("version: 1\nupdates:\n  schedule: someday", "f.yml:3 updates.schedule", "write 'monday-friday"),
        ("version: 1\nupdates:\n  limits: {open: -1}", "f.yml:3 updates.limits.open", "whole number"),
        ("version: 1\npolicy:\n  major: perhaps", "f.yml:3 policy.major", "merge, review, reject"),
        ("version: 1\npolicy:\n  approvals: yes", "f.yml:3 policy.approvals", "whole number"),
        ("version: 1\nsimulate:\n  suites:\n    performance: {warn: 20%}", "f.yml:4", "fails before it warns"),
        ("version: 1\nsimulate:\n  suites:\n    performance: {warn: a lot}", "f.yml:4", "share"),
        ("version: 1\nsimulate:\n  suites:\n    performance: {fail: 0%}", "f.yml:4", "between"),
        ("version: 1\nsimulate:\n  suites:\n    unit: {run: pytest, fail: 5%}", "f.yml:4", "unknown key"),
        ("version: 1\nsimulate:\n  suites:\n    unit: {}", "f.yml:4", "needs a command"),
        ("version: 1\nsimulate:\n  suites:\n    secruity: {off: slow}", "f.yml:4", "Did you mean 'security'?"),
        ("version: 1\nsimulate:\n  suites:\n    x: {services: [redis]}", "f.yml:4", "no suite 'x' is found by itself"),
        ("version: 1\nenvironments:\n  - provider: x", "f.yml:3", "needs a name"),
        ("version: 1\nenvironments:\n  - name: a\n    provider: jenkens", "f.yml:4", "github_actions"),
        ("version: 1\nenvironments:\n  - name: a\n  - name: a", "f.yml:2", "same name"),
        ("version: 1\nenvironments: {}", "f.yml:2", "list of mappings"),
        ("version: [1", "f.yml:1", "no valid YAML"),
        ("- a", "f.yml:1", "mapping at the top"),
        ("version: 1\nversion: 1", "f.yml", "no valid YAML"),
    ],
)
def test_a_mistake_is_shown_its_place(text: str, where: str, words: str) -> None:
    """The message names the file, the line and the key, and how to mend it."""
    with pytest.raises(ConfigProblem) as caught:
        config.parse(text, "f.yml", kinds=known_kinds())

    assert where in str(caught.value)
    assert words in str(caught.value)


BOMB = "\n".join(
    [
        "version: 1",
        "environments:",
        "  - name: a",
        "    health:",
        "      kind: http",
        "      a0: &a0 [x, x, x, x, x, x, x, x]",
    ]
    + [
        f"      a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}]"
        for n in range(1, 12)
    ]
)


@pytest.mark.parametrize(("text", "words"), [(BOMB, "too many values"), ("a: " + "{" * 2000, "nests brackets")])
def test_a_file_that_would_blow_up_is_refused(text: str, words: str) -> None:
    """A few lines that stand for billions of values, or for a thousand levels, are refused at once."""
    with pytest.raises(ConfigProblem, match=words):
        config.parse(text, "f.yml", kinds=known_kinds())


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Any text is either a configuration or a problem that is told; nothing else comes out."""
    try:
        config.parse(text, "f.yml")
    except ConfigProblem as problem:
        assert str(problem).startswith("f.yml")


def test_what_onboarding_proposes_can_be_read() -> None:
    """The first configuration is a valid one, whatever the environment is called."""
    text = onboarding_config([("prod: #1", "deploy.yml", "http://127.0.0.1:9/healthz/releases")])

    read = config.parse(text, "surefoot.yml", kinds=known_kinds())

    assert read.environments[0].name == "prod: #1"


def test_an_empty_environment_starts_and_says_what_is_missing() -> None:
    """Without credentials the bot has settings all the same, and names each missing one with the way to it."""
    read = config.settings({})

    assert [line.partition(":")[0].split()[0] for line in read.missing] == ["APP_ID", "PRIVATE_KEY", "WEBHOOK_SECRET"]
    assert (read.host, read.port, read.api_url) == ("127.0.0.1", 8080, "https://api.github.com")
    assert read.database_url.startswith("sqlite:///")


@pytest.mark.parametrize(
    ("asked", "plain", "gvisor"),
    [("", False, False), ("full", False, False), ("plain", True, False), ("gvisor", False, True)],
)
def test_an_operator_says_which_jail_is_meant(asked: str, plain: bool, gvisor: bool) -> None:
    """Full unless something else is asked for; every command reads it in the same way."""
    read = config.settings({"SUREFOOT_JAIL": asked})
    assert (read.plain, read.gvisor) == (plain, gvisor)
    assert config.jail_grade({"SUREFOOT_JAIL": asked}) == (asked or "full")


def test_a_key_may_be_text_or_a_file(tmp_path) -> None:
    """PRIVATE_KEY holds the PEM, also with \\n for its line ends; PRIVATE_KEY_PATH names its file."""
    pem = tmp_path / "key.pem"
    pem.write_text("one\ntwo")

    der = tmp_path / "key.der"
    der.write_bytes(b"\x30\x82\xff")

    assert config.settings({"PRIVATE_KEY_PATH": str(der)}).private_key  # no key, which is said where it is used
    by_text = config.settings({"PRIVATE_KEY": "one\\ntwo"}).private_key
    by_path = config.settings({"PRIVATE_KEY_PATH": str(pem)}).private_key

    assert by_text is not None and by_path is not None
    assert "one\ntwo" == by_text.reveal() == by_path.reveal()
    assert "one" not in repr(by_text)


@pytest.mark.parametrize(
    "env",
    [
        {"APP_ID": "me"},
        {"PORT": "http"},
        {"PORT": "65536"},
        {"PORT": "-1"},
        {"GITHUB_API_URL": "api.github.com"},
        {"GITHUB_API_URL": "git.example:8443/api/v3"},
        {"GITHUB_API_URL": "ssh://git.example"},
        {"GITHUB_API_URL": "https://"},
        {"GITHUB_API_URL": "https://[::1/api"},
        {"GITHUB_API_URL": "https://git.example:port"},
        {"GITHUB_API_URL": "https://me:hunter22@git.example"},
        {"PRIVATE_KEY_PATH": "/nowhere/key.pem"},
        {"SUREFOOT_POLL": "often"},
        {"SUREFOOT_ALLOW_NETWORKS": "intranet"},
        {"SUREFOOT_JAIL": "none"},
        {"SUREFOOT_TRUSTED_ROOT": "/nowhere/trusted_root.json"},
        {"SUREFOOT_URL": "surefoot.example"},
    ],
)
def test_a_setting_that_cannot_be_meant_is_named(env: dict[str, str]) -> None:
    """The variable's name stands at the head of the message."""
    with pytest.raises(ConfigProblem) as caught:
        config.settings(env)

    assert str(caught.value).startswith(next(iter(env)))
    assert "hunter22" not in str(caught.value)


def test_a_private_sigstore_is_named_by_a_file(tmp_path: Path) -> None:
    """Its trusted root is found wherever the bot is started from; without one there is none."""
    root = tmp_path / "trusted_root.json"
    root.write_text("{}")

    assert config.settings({"SUREFOOT_TRUSTED_ROOT": str(root)}).trusted_root == root
    assert config.settings({}).trusted_root is None


def test_a_server_and_a_hosters_database_are_taken_as_they_come() -> None:
    """An address of a server of one's own, a port of the machine's choice, and PostgreSQL by its old name too."""
    read = config.settings(
        {"GITHUB_API_URL": "https://git.example/api/v3/", "PORT": "0", "DATABASE_URL": "postgres://me:pw@host/name"}
    )

    assert (read.api_url, read.port) == ("https://git.example/api/v3", 0)
    assert read.database_url == "postgresql://me:pw@host/name"


def test_suites_can_be_turned_off_and_bounded() -> None:
    """A reason is enough to leave a suite out; shares may be written as people say them."""
    suites = "unit: {off: needs a phone}\n    performance: {warn: 2.5%, fail: 0.2}"
    text = f"version: 1\nsimulate:\n  suites:\n    {suites}\n"
    read = config.parse(text, "f.yml").simulate.suites
    assert read == {"unit": Asked(off="needs a phone"), "performance": Asked(warn=0.025, fail=0.2)}
