"""Promises to an operator who lends secrets: to whom and for where is said, and nothing else ever follows from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import config
from bot.config import lending
from bot.core.errors import ConfigProblem
from bot.tools.secrets import Secret

DOCUMENT = Path(__file__).parent.parent / "docs" / "configuration.md"
ENV = {"METRICS_TOKEN": "hunter22\n", "ODD": "häuser", "BREAK": "two\nlines", "PRIVATE_KEY": "pem", "EMPTY": " "}
GOOD = """\
- name: metrics
  env: METRICS_TOKEN
  repositories: ["acme/*", "other/shop"]
  hosts: [metrics.example.com, "Grafana.example.com:3000"]
- {name: health, file: health.token, repositories: acme/shop, hosts: "10.1.2.3"}
"""


def a_file(folder: Path, text: str) -> dict[str, str]:
    """The environment of an operator whose list says this."""
    (folder / "secrets.yml").write_text(text)
    (folder / "health.token").write_text("b3arer\n")
    return {**ENV, "SUREFOOT_SECRETS": str(folder / "secrets.yml")}


def test_what_is_lent_is_read(tmp_path: Path) -> None:
    """From a variable or from a file beside the list; for these repositories and hosts and for no others."""
    lent = config.settings(a_file(tmp_path, GOOD)).secrets
    metrics, health = lent

    assert (metrics.name, metrics.value, health.value) == ("metrics", Secret("hunter22"), Secret("b3arer"))
    assert metrics.hosts == {"metrics.example.com", "grafana.example.com:3000"}
    assert metrics.may_go_to("https://metrics.example.com/health") and not metrics.may_go_to("https://10.1.2.3/")
    assert "hunter22" not in repr(lent)
    assert config.settings(ENV).secrets == ()
    assert config.settings(a_file(tmp_path, "")).secrets == ()


@pytest.mark.parametrize(
    ("repo", "names"),
    [
        ("acme/shop", ["metrics", "health"]),
        ("Acme/Shop", ["metrics", "health"]),
        ("acme/web", ["metrics"]),
        ("other/shop", ["metrics"]),
        ("other/shop2", []),
        ("evil/acme", []),
        ("acme-evil/shop", []),
        ("", []),
    ],
)
def test_a_repository_gets_what_is_lent_to_it_alone(tmp_path: Path, repo: str, names: list[str]) -> None:
    """In whatever case its name is written; a star never reaches into another owner's name."""
    ask = config.lookup(lending.read(a_file(tmp_path, GOOD)), repo)

    assert [name for name in ("metrics", "health", "METRICS_TOKEN") if ask(name)] == names


def test_the_list_of_the_documentation_is_a_good_one(tmp_path: Path) -> None:
    """Who copies it has a list that works."""
    blocks = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    [text] = [block for block in blocks if block.startswith("- name:")]
    [metrics] = lending.read(a_file(tmp_path, text))

    assert metrics.is_for("acme/shop") and not metrics.is_for("other/shop")
    assert metrics.may_go_to("https://metrics.example.com/api") and metrics.may_go_to("http://grafana.example.com:3000")
    assert not metrics.may_go_to("http://grafana.example.com")


REST = "repositories: acme/*, hosts: a.example"


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("name: x", ":1", "list of mappings"),
        ("- x", ":1", "list of mappings"),
        ("- [", ":", "no valid YAML"),
        (f"- {{env: METRICS_TOKEN, {REST}}}", ":1 [0]", "needs name"),
        (f"- {{name: a b, env: METRICS_TOKEN, {REST}}}", "[0].name", "is not a name of"),
        (f"- {{name: a, {REST}}}", ":1 [0]", "either env or file"),
        (f"- {{name: a, env: METRICS_TOKEN, file: x, {REST}}}", ":1 [0]", "either env or file"),
        (f"- {{name: a, env: NONE, {REST}}}", "[0].env", "nothing in NONE"),
        (f"- {{name: a, env: EMPTY, {REST}}}", "[0].env", "nothing in EMPTY"),
        (f"- {{name: a, env: ODD, {REST}}}", "[0].env", "no header can carry"),
        (f"- {{name: a, env: BREAK, {REST}}}", "[0].env", "no header can carry"),
        (f"- {{name: a, env: PRIVATE_KEY, {REST}}}", "[0].env", "the bot's own"),
        (f"- {{name: a, env: SUREFOOT_WRITE_TOKEN, {REST}}}", "[0].env", "the bot's own"),
        (f"- {{name: a, env: SUREFOOT_RUNNER_TOKEN, {REST}}}", "[0].env", "the bot's own"),
        (f"- {{name: a, file: no/such, {REST}}}", "[0].file", "cannot be read: No such file"),
        ("- {name: a, env: METRICS_TOKEN, hosts: a.example}", ":1 [0]", "needs repositories"),
        ("- {name: a, env: METRICS_TOKEN, repositories: [], hosts: a.example}", ":1 [0]", "needs repositories"),
        ("- {name: a, env: METRICS_TOKEN, repositories: acme/*}", ":1 [0]", "needs hosts"),
        ('- {name: a, env: METRICS_TOKEN, repositories: "*", hosts: a.example}', "[0].repositories", "an owner"),
        ('- {name: a, env: METRICS_TOKEN, repositories: "a/b/c", hosts: a.example}', "[0].repositories", "an owner"),
        ('- {name: a, env: METRICS_TOKEN, repositories: a/b, hosts: "*"}', "[0].hosts", "name of a host"),
        ("- {name: a, env: METRICS_TOKEN, repositories: a/b, hosts: https://x}", "[0].hosts", "name of a host"),
        (f"- {{name: a, env: METRICS_TOKEN, {REST}, port: 1}}", "[0].port", "unknown key 'port'"),
        (f"- {{name: a, env: METRICS_TOKEN, {REST}}}\n" * 2, "secrets.yml", "two secrets bear the name 'a'"),
    ],
)
def test_a_mistake_is_shown_its_place(tmp_path: Path, text: str, where: str, words: str) -> None:
    """The message names the list, the line and the key, and never a secret."""
    with pytest.raises(ConfigProblem) as caught:
        config.settings(a_file(tmp_path, text))

    told = str(caught.value)
    assert str(tmp_path / "secrets.yml") in told and where in told and words in told
    assert not any(secret in told for secret in ("hunter22", "häuser", "lines", "pem"))


def test_a_list_that_is_not_there_is_named() -> None:
    """A typo in the path does not start a bot that lends nothing."""
    with pytest.raises(ConfigProblem, match=r"SUREFOOT_SECRETS: /no/where\.yml cannot be read: No such file"):
        config.settings({"SUREFOOT_SECRETS": "/no/where.yml"})


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Any text is either a list or a problem that is told."""
    env = a_file(tmp_path_factory.getbasetemp(), "")
    Path(env["SUREFOOT_SECRETS"]).write_bytes(text.encode("utf-8", "replace"))
    try:
        assert config.settings(env).secrets == ()
    except ConfigProblem as problem:
        assert "secrets.yml" in str(problem)
