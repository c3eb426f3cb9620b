"""Promises to an operator who sets registries up: what the file says holds, and mistakes have their line."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bot import config
from bot.adapters import Tools, kinds, open_all, sources
from bot.app import App
from bot.cli import cli
from bot.core.errors import ConfigProblem
from bot.tools.http import Http
from bot.tools.secrets import Secret

DOCUMENT = Path(__file__).parent.parent / "docs" / "configuration.md"
ENV = {"NPM_TOKEN": "hunter22\n", "IMAGES": "b3arer", "PRIVATE_KEY": "pem", "ODD": "häuser"}
GOOD = """\
npm:
  url: https://npm.internal:4873/
  token: NPM_TOKEN
  scopes: {"@acme": {url: "https://packages.example/npm"}}
oci:
  logins: {images.internal: {username: robot, secret: IMAGES}}
  plain: [open.internal]
crates: {url: "sparse+https://crates.internal/index/"}
helm: {url: "oci://charts.internal/team"}
http: {components: {tool: {url: "https://tools.internal", regex: "https://other.internal/(.*)"}}}
files: {url: "https://files.internal/", patterns: {tool: "https://pattern.internal/(?P<version>.*)"}}
maven: {urls: ["https://one.internal/m2", "https://two.internal/m2"]}
terraform: {tokens: {"tf.internal": IMAGES}}
allow:
  docker: [docker.io, "*.Internal:5000"]
  npm: npm.internal
"""


def a_file(folder: Path, text: str) -> dict[str, str]:
    """The environment of an operator whose file says this."""
    (folder / "sources.yml").write_text(text)
    return {**ENV, "SUREFOOT_SOURCES": str(folder / "sources.yml")}


def test_what_is_set_up_is_read(tmp_path: Path) -> None:
    """Options by kind, whom a file may name, the hosts that are meant, and the secrets that the options name."""
    found = config.settings(a_file(tmp_path, GOOD)).registries

    assert found.options["npm"]["url"] == "https://npm.internal:4873/"
    assert found.allow == {"docker": ("docker.io", "*.internal:5000"), "npm": ("npm.internal",)}
    assert found.hosts == {
        "npm.internal", "packages.example", "images.internal", "open.internal", "one.internal", "two.internal",
        "tf.internal", "crates.internal", "charts.internal", "tools.internal",
        "files.internal",
    }  # fmt: skip
    assert {name: lent.value for name, lent in found.secrets.items()} == {
        "NPM_TOKEN": Secret("hunter22"), "IMAGES": Secret("b3arer"),
    }  # fmt: skip
    assert found.lookup("HOME") is None
    assert "hunter22" not in repr(found)
    assert config.settings(ENV).registries == config.Registries()
    assert config.settings(a_file(tmp_path, "")).registries == config.Registries()


async def test_it_opens_every_source(tmp_path: Path) -> None:
    """Each kind by its own options, and those that the file does not speak of as ever."""
    found = config.settings(a_file(tmp_path, GOOD)).registries

    opened = open_all(sources, Tools(http=Http(), secrets=found.lookup), found.options, where=found.places)

    assert list(opened) == kinds(sources)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("npm: {token: NPM_TOKEN\n", 2, "no valid YAML"),
        ("[]", 1, "must be a mapping"),
        ("npm: 5\n", 1, "must be a mapping"),
        ("\nnpm:\n  url: https://a.example\n  token: NONE\n", 4, "NONE is no variable that is set"),
        ("npm: {token: s3cretInTheFile}\n", 1, "what is named here is no variable that is set"),
        ("npm: {url: 'https://a.example', token: PRIVATE_KEY}\n", 1, "is the bot's own"),
        ("oci:\n  logins:\n    a.example: {secret: ODD}\n", 3, "no header can carry"),
        ("hex:\n  keys:\n    a.example: NONE\n", 3, "NONE is no variable"),
        ("allow:\n  npm: [a.example]\n  nmp: [b.example]\n", 3, "no ecosystem 'nmp'"),
        ("allow:\n  npm: ['https://a.example']\n", 2, "is not the name of a host"),
        ("allow:\n  npm: {a: b}\n", 2, "must be a list of texts"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    """By file and line, and never with a secret that somebody wrote where its name belongs."""
    with pytest.raises(ConfigProblem) as told:
        config.settings(a_file(tmp_path, text))

    assert words in str(told.value) and f"sources.yml:{line}" in str(told.value)
    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# of ours\nnmp: {url: x}\n", "sources.yml:2 nmp: no sources adapter 'nmp'"),
        ("# of ours\nnpm: {ulr: x}\n", "sources.yml:2 npm: npm: Object contains unknown field `ulr`"),
        ("npm: {url: 'nowhere'}\n", "sources.yml:1 npm: npm: 'nowhere' is no URL"),
        ("go: {token: NPM_TOKEN}\n", "'NPM_TOKEN' is not to be sent to what is no URL"),
        ("pypi: {url: 'https://a.example'}\n", "unknown field `url`"),
        ("http: {components: {a: {url: 'https://a.example', json: '['}}}\n", "components.a.json cannot be used"),
    ],
)
async def test_a_wrong_option_ends_the_start(tmp_path: Path, text: str, words: str) -> None:
    """Before the door is open, with the line of the kind: the adapters judge their options themselves."""
    env = a_file(tmp_path, text) | {"SUREFOOT_DATA_DIR": str(tmp_path / "data")}

    with pytest.raises(ConfigProblem) as told:
        await App(config.settings(env)).open()

    assert words in str(told.value)
    assert not (tmp_path / "data").exists()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """By the variable that names it; one that is no text is as good as none, and too big a one is not cut off."""
    with pytest.raises(ConfigProblem, match=r"SUREFOOT_SOURCES: /no/where\.yml cannot be read"):
        config.settings({"SUREFOOT_SOURCES": "/no/where.yml"})
    (tmp_path / "odd").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigProblem, match="it is no text"):
        config.settings({"SUREFOOT_SOURCES": str(tmp_path / "odd")})
    with pytest.raises(ConfigProblem, match="larger than"):
        config.settings(a_file(tmp_path, "#" * 300_000))


def test_what_is_lent_and_what_is_set_up_are_apart(tmp_path: Path) -> None:
    """A repository cannot name the operator's variable, and a source cannot name what is lent to repositories."""
    (tmp_path / "secrets.yml").write_text(
        "- {name: metrics, env: IMAGES, repositories: ['acme/*'], hosts: [metrics.example]}\n"
    )
    env = a_file(tmp_path, GOOD) | {"SUREFOOT_SECRETS": str(tmp_path / "secrets.yml")}
    settings = config.settings(env)

    assert config.lookup(settings.secrets, "acme/shop")("NPM_TOKEN") is None
    assert settings.registries.lookup("metrics") is None


def test_serve_ends_with_the_mistake(tmp_path: Path) -> None:
    """One line with the place and the mend, exit code 2, and nothing is served."""
    env = a_file(tmp_path, "npm: {ulr: x}\n") | {"SUREFOOT_DATA_DIR": str(tmp_path / "data"), "PRIVATE_KEY": ""}

    told = CliRunner().invoke(cli, ["serve"], env=env)

    assert told.exit_code == 2
    assert told.output.splitlines()[-1].startswith("surefoot: ") and "sources.yml:1 npm: npm: " in told.output
    assert "Its options: url, token, scopes" in told.output


async def test_the_example_in_the_documentation_holds(tmp_path: Path) -> None:
    """It is read as it stands, and opens every source."""
    page = DOCUMENT.read_text().partition("## Sources and private registries")[2]
    example = page.partition("```yaml\n")[2].partition("```")[0]
    names = {"REGISTRY_PASSWORD": "one", "RELEASES_TOKEN": "two", "NEXUS_PASSWORD": "three"}
    found = config.settings(a_file(tmp_path, example) | names).registries

    assert set(found.secrets) == {"NPM_TOKEN", *names}
    assert found.allow == {"docker": ("docker.io", "*.example.com"), "npm": ("npm.example.com",)}
    assert [one.url for one in found.prepare][1:] == ["https://nexus.example.com/repository/maven-public"]
    open_all(sources, Tools(http=Http(), secrets=found.lookup), found.options, where=found.places)
