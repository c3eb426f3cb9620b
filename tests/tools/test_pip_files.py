"""pip's settings are read as pip itself reads them, from wherever it reads them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.tools import pip, pip_files
from bot.tools.pip import parse_config
from bot.tools.pip_files import settings_of_pip

PLACES = ("shared/pip/pip.conf", "other/pip/pip.conf", "home/.pip/pip.conf", "own/pip/pip.conf", "named.conf")
FILES = st.lists(
    st.sampled_from(["[global]", "[install]", "[download]", "[DEFAULT]"]).flatmap(
        lambda section: st.lists(
            st.sampled_from(
                ["index-url = https://a.example/s", "INDEX_URL: https://b.example/s", "no-index = yes", "--cert = /x",
                 "extra-index-url =\n  https://c.example/s\n  https://d.example/s", "find-links = ", "timeout = 9"]
            ), max_size=3, unique_by=lambda line: line[:5].lower()
        ).map(lambda lines: "\n".join([section, *lines]))
    ), max_size=3, unique_by=lambda text: text.split("\n")[0]
).map("\n".join)  # fmt: skip


def world(folder: Path, named: str | None) -> dict[str, str]:
    """An environment whose files all lie in a folder."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "XDG_"))}
    env |= {"HOME": str(folder / "home"), "XDG_CONFIG_HOME": str(folder / "own"), "PIP_TRUSTED_HOST": "t.example",
            "XDG_CONFIG_DIRS": f"{folder / 'shared'}{os.pathsep}{folder / 'other'}"}  # fmt: skip
    return env | ({"PIP_CONFIG_FILE": str(folder / named)} if named else {})


def said_by_pip(env: dict[str, str]) -> dict[str, str]:
    python = pip._python_with_pip()
    if python is None:
        pytest.skip("no pip to compare with")
    return parse_config(pip._pip(python, "config", "list", env=env))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere pip itself is asked")
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.fixed_dictionaries(dict.fromkeys(PLACES, FILES)), named=st.sampled_from([None, "named.conf"]))
def test_our_reading_is_pips(tmp_path: Path, files: dict[str, str], named: str | None) -> None:
    """Whatever stands in which of its files, the index that we ask is the one that pip would ask."""
    for place, text in files.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)
    env = world(tmp_path, named)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", env["HOME"])
        read = settings_of_pip(env, sys.prefix if pip._python_with_pip() == sys.executable else sys.base_prefix)
    asked = said_by_pip(env)
    assert read is not None
    assert {option: value.strip() for option, value in read.items() if value.strip()} == {
        option: value.strip() for option, value in asked.items() if value.strip()
    }


def test_where_pip_would_complain_it_is_asked(tmp_path: Path) -> None:
    """A file that cannot be read, or another system, is pip's own matter."""
    env = world(tmp_path, "named.conf")
    (tmp_path / "named.conf").write_text("[global\nindex-url\n")
    assert settings_of_pip(env, str(tmp_path)) is None
    (tmp_path / "named.conf").write_bytes(b"[global]\nindex-url = \xff\xfe\n")
    assert settings_of_pip(env, str(tmp_path)) is None
    assert settings_of_pip({**env, "ANDROID_ROOT": "/system"}, str(tmp_path)) is None


def test_dev_null_means_no_file_at_all(tmp_path: Path) -> None:
    """As PIP_CONFIG_FILE=/dev/null does for pip."""
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://a.example/s\n")
    env = {
        **world(tmp_path, None),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_VERSION": "1",
        "PIP_INDEX_URL": "https://e.example",
    }
    read = settings_of_pip(env, str(tmp_path)) or {}
    assert read.items() >= {"trusted-host": "t.example", "index-url": "https://e.example"}.items()
    assert "version" not in read and read["config-file"] == os.devnull
    del env["PIP_CONFIG_FILE"], env["PIP_INDEX_URL"]
    assert (settings_of_pip(env, str(tmp_path)) or {})["index-url"] == "https://a.example/s"


def test_the_default_is_named_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pip that keeps its default elsewhere one day still tells it in its help."""
    python = pip._python_with_pip()
    if python is None:
        pytest.skip("no pip to ask")
    shortest = pip._default(python, dict(os.environ))
    monkeypatch.setattr(pip, "_DEFAULT", "raise SystemExit(1)")
    assert shortest == pip._default(python, {**os.environ, "COLUMNS": "1000", "NO_COLOR": "1"})
    assert pip_files.BASENAME == "pip.conf"
