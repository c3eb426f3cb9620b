"""Where npm packages come from on this machine: what npm was told, and never by a project."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import ConfigProblem
from bot.tools import npm
from bot.tools.npm import NpmSettings, of_environment, parse_npmrc, read_settings
from bot.tools.secrets import Secret


def nobody(env: object) -> str | None:
    """An npm that is not there."""
    return None


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment with a home, a machine's configuration and nothing in either."""
    (tmp_path / "home").mkdir()
    (tmp_path / "prefix" / "etc").mkdir(parents=True)
    return {"HOME": str(tmp_path / "home"), "PREFIX": str(tmp_path / "prefix"), "PATH": ""}


def write(env: dict[str, str], text: str, *, machine: bool = False) -> None:
    place = Path(env["PREFIX"]) / "etc" / "npmrc" if machine else Path(env["HOME"]) / ".npmrc"
    place.write_text(text)


def test_a_file_is_read_as_npm_reads_it() -> None:
    """Comments, quotes, escapes, lists, sections and variables mean what they mean to npm."""
    text = r"""
; a comment
# another
registry = "https://mine.example/npm/"
@acme:registry='https://acme.example/'
where=here ; why
email=me\#here\;now # or not
//acme.example/:_authToken=${TOKEN}
//other.example/:_authToken=${NOT_SET}
//third.example/:_authToken=${NOT_SET?}
"odd = 1
fund
[section]
registry=https://wrong.example/
"""
    assert parse_npmrc(text, {"TOKEN": "s3cret"}) == {
        "registry": "https://mine.example/npm/",
        "@acme:registry": "https://acme.example/",
        "where": "here",
        "email": "me#here;now",
        "//acme.example/:_authToken": "s3cret",
        "//other.example/:_authToken": "${NOT_SET}",
        "//third.example/:_authToken": "",
        '"odd': "1",
    }
    assert parse_npmrc('"a\\q"=1', {}) == {'"a\\q"': "1"}


def test_the_environment_is_read_as_npm_reads_it() -> None:
    """In any case, with underscores for dashes, and a login's key as it is written."""
    env = {
        "NPM_CONFIG_REGISTRY": "https://env.example/",
        "npm_config_strict_ssl": "true",
        "npm_config_@acme:registry": "https://acme.example/",
        "npm_config_//acme.example/:_authToken": "s3cret",
        "npm_config_empty": "",
        "NPM_TOKEN": "not ours",
    }
    assert of_environment(env) == {
        "registry": "https://env.example/",
        "strict-ssl": "true",
        "@acme:registry": "https://acme.example/",
        "//acme.example/:_authToken": "s3cret",
    }


def test_the_nearer_word_counts(home: dict[str, str]) -> None:
    """The environment over the user over the machine, key by key."""
    write(
        home,
        "registry=https://machine.example\n@a:registry=https://a.example\n@b:registry=https://b.example\n",
        machine=True,
    )
    assert read_settings(home, ask=nobody).registry == "https://machine.example"
    write(home, "registry=https://user.example/x/\n@a:registry=https://mine.example\n")
    got = read_settings({**home, "npm_config_@B:registry": "https://env.example/"}, ask=nobody)
    assert got.registry == "https://user.example/x/"
    assert got.scopes == {"@a": "https://mine.example", "@b": "https://env.example/"}
    assert (got.of("left-pad"), got.of("@A/x"), got.of("@b/x"), got.of("@c/x")) == (
        "https://user.example/x", "https://mine.example", "https://env.example", "https://user.example/x",
    )  # fmt: skip
    assert got.hosts == {"user.example", "mine.example", "env.example"}


def test_files_may_be_named(home: dict[str, str], tmp_path: Path) -> None:
    """By the environment, or the machine's prefix by the user; a file that is not there says nothing."""
    (tmp_path / "u").write_text("@u:registry=https://u.example\nprefix=" + str(tmp_path / "other"))
    (tmp_path / "g").write_text("registry=https://g.example")
    named = {**home, "NPM_CONFIG_USERCONFIG": str(tmp_path / "u")}
    assert read_settings({**named, "NPM_CONFIG_GLOBALCONFIG": str(tmp_path / "g")}, ask=nobody).registry == (
        "https://g.example"
    )
    (tmp_path / "other" / "etc").mkdir(parents=True)
    (tmp_path / "other" / "etc" / "npmrc").write_text("registry=https://prefix.example")
    assert read_settings(named, ask=nobody).registry == "https://prefix.example"


def test_a_projects_file_is_never_read(home: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository cannot send us, or our logins, to a registry of its own."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "package.json").write_text("{}")
    (project / ".npmrc").write_text("registry=https://evil.example/\n@acme:registry=https://evil.example/\n")
    monkeypatch.chdir(project)
    got = read_settings({**home, "PATH": os.environ["PATH"]})
    assert "evil.example" not in got.hosts


def test_a_login_is_for_the_place_it_is_written_for() -> None:
    """A token goes to its own host, port and path, and to nothing beside or above it."""
    got = NpmSettings(
        registry="https://a.example/",
        logins={"//a.example/": Secret("A"), "//b.example:8443/npm/team/": Secret("B"), "//c.example/npm": Secret("C")},
    )

    def header(url: str) -> str:
        found = got.login(url)
        return found.reveal() if found else ""

    assert header("https://A.example/x/-/x-1.tgz") == header("https://a.example") + "A" == "A"
    assert header("https://b.example:8443/npm/team/left-pad") == "B"
    assert header("https://c.example/npm/x") == "C"
    plain = NpmSettings(
        registry="http://here.example:4873/", logins={**got.logins, "//here.example:4873/": Secret("D")}
    )
    assert plain.login("http://here.example:4873/x") == Secret("D")
    assert plain.login("http://a.example/x") is None
    for stranger in (
        "http://a.example/x", "https://b.example/npm/team/x", "https://b.example:8443/npm/other/x", "https://b.example:8443/npm/teams",
        "https://a.example.evil.example/", "https://evil.example/a.example/", "https://c.example/other",
    ):  # fmt: skip
        assert header(stranger) == ""


@given(host=st.from_regex(r"[a-z]{1,9}\.example", fullmatch=True), path=st.text("ab/", max_size=9))
def test_no_other_host_ever_gets_it(host: str, path: str) -> None:
    """Whatever the path, a login is never sent to another host."""
    got = NpmSettings(registry="https://mine.test/", logins={"//mine.test/a/": Secret("x")})
    assert got.login(f"https://{host}/{path}") is None
    assert (got.login(f"https://mine.test/{path}") is not None) == f"/{path}".startswith("/a/")


def test_logins_of_every_kind(home: dict[str, str]) -> None:
    """A token, a pair, and the old user with a password; one whose variable is not set is no login."""
    password = base64.b64encode(b"pa:ss").decode()
    write(
        home,
        "//A.example/:_authToken=tok\n//b.example/:_auth=dTpw\n//c.example/:username=me\n"
        f"//c.example/:_password={password}\n//d.example/:_authToken=${{NOT_SET}}\n//e.example/:username=alone\n"
        "_authToken=of-the-old-kind\n//f.example/:email=x\n",
    )
    got = read_settings(home, ask=nobody).logins
    assert {place: one.reveal() for place, one in got.items()} == {
        "//a.example/": "Bearer tok",
        "//b.example/": "Basic dTpw",
        "//c.example/": "Basic " + base64.b64encode(b"me:pa:ss").decode(),
    }
    assert "tok" not in repr(got)
    write(home, "//c.example/:username=me\n//c.example/:_password=x")
    with pytest.raises(ConfigProblem, match="no base64"):
        read_settings(home, ask=nobody)


def test_what_is_no_registry_is_said(home: dict[str, str]) -> None:
    """A wrong URL, or a variable that nobody set, is named; nothing falls back to a stranger's registry."""
    write(home, "registry=${MY_REGISTRY}")
    with pytest.raises(ConfigProblem, match="setting registry"):
        read_settings(home, ask=nobody)
    write(home, "registry=https://a.example\n@acme:registry=acme.example")
    with pytest.raises(ConfigProblem, match="@acme:registry"):
        read_settings(home, ask=nobody)
    write(home, "registry=https://[")
    with pytest.raises(ConfigProblem, match="setting registry"):
        read_settings(home, ask=nobody)
    (Path(home["HOME"]) / ".npmrc").unlink()
    (Path(home["HOME"]) / ".npmrc").mkdir()
    with pytest.raises(ConfigProblem, match="cannot be read"):
        read_settings(home, ask=nobody)


def npm_that(tmp_path: Path, script: str) -> str:
    """A folder for PATH with an npm that does this."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)
    return str(folder)


def test_npm_names_its_default(home: dict[str, str], tmp_path: Path) -> None:
    """Only when nobody configured a registry is npm asked, and what it cannot answer is said."""
    home["PATH"] = npm_that(tmp_path, 'test "$*" = "config get registry --global" && echo https://npm.example/')
    assert read_settings(home).registry == "https://npm.example/"
    home["PATH"] = npm_that(tmp_path, "echo broken >&2; exit 1")
    with pytest.raises(ConfigProblem, match="broken"):
        read_settings(home)
    write(home, "registry=https://user.example/")
    assert read_settings(home).registry == "https://user.example/"
    (Path(home["HOME"]) / ".npmrc").unlink()
    (tmp_path / "bin" / "npm").write_text("#!/nowhere/at/all\n")
    assert read_settings(home).registry.startswith("https://")


def test_the_machines_file_lies_beside_npm(home: dict[str, str], tmp_path: Path) -> None:
    """Without a prefix in the settings, the folder above npm's own is the prefix."""
    del home["PREFIX"]
    home["PATH"] = npm_that(tmp_path, "exit 1")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "npmrc").write_text("registry=https://beside.example/")
    assert read_settings(home).registry == "https://beside.example/"


def test_without_npm_package_urls_know_the_public_registry(home: dict[str, str]) -> None:
    """A machine without npm still finds public packages; the name of the registry is not ours."""
    got = read_settings(home)
    assert got.registry.startswith("https://") and got.registry.endswith("/")
    assert got.hosts


def test_this_machine_has_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The process asks once, with its own environment."""
    npm.settings_of_npm.cache_clear()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("npm_config_registry", "https://here.example/")
    assert npm.settings_of_npm().registry == "https://here.example/"
    assert npm.settings_of_npm() is npm.settings_of_npm()
    npm.settings_of_npm.cache_clear()
