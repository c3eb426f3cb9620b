"""Which package index this machine uses is pip's to say; no host name of an index stands in our code.

Starting pip costs a third of a second, so its files are read here by its own rules where those are known.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bot.core.errors import ConfigProblem
from bot.tools.pip_files import of_environment, ranked, settings_of_pip

SECONDS = 60
_DEFAULT = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSettings:
    """What pip is told about indexes, by its files and its environment.

    index_url: the index a person configured, or None. default_index_url: the one that pip itself names, or None when
    there is no pip to ask. URLs may carry credentials: never log them. cert: a PEM bundle (file or folder).
    """

    index_url: str | None = None
    default_index_url: str | None = None
    extra: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    cert: str | None = None
    trusted_hosts: tuple[str, ...] = ()
    no_index: bool = False
    constraints: tuple[str, ...] = ()

    @property
    def main(self) -> str | None:
        """The main index; None with `no-index`. ConfigProblem when neither a person nor pip names one."""
        if self.no_index:
            return None
        if chosen := self.index_url or self.default_index_url:
            return chosen.rstrip("/")
        raise ConfigProblem(
            "no package index is configured, and there is no pip to ask for its default",
            where="PIP_INDEX_URL",
            mend="Set PIP_INDEX_URL to the index's simple URL, or install pip beside Surefoot",
        )

    @property
    def all(self) -> tuple[str, ...]:
        """Every index, the main one first."""
        extra = () if self.no_index else tuple(url.rstrip("/") for url in self.extra)
        return tuple(dict.fromkeys((*((self.main,) if self.main else ()), *extra)))

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that the operator named here, lower case: their private addresses are meant."""
        named = (urlsplit(url).hostname for url in (*self.all, *self.find_links))
        return frozenset(host for host in named if host)


def parse_config(text: str) -> dict[str, str]:
    """`pip config list` as option -> value: the environment over [install] over [global], as pip ranks them."""
    found = (re.match(r"(global|install|:env:)\.([a-z][a-z-]*)=(.+)$", line.strip()) for line in text.splitlines())
    return ranked((one[1], one[2], _plain(one[3])) for one in found if one)


def _plain(written: str) -> str:
    return str(ast.literal_eval(written)) if written[:1] in "'\"" else written


def parse_default(help_text: str) -> str | None:
    """The index that `pip install --help` calls its default."""
    flat = " ".join(help_text.split())
    match = re.search(r"--index-url <url>.*?\(default:? (\S+?)\)", flat)
    return match.group(1) if match else None


def _settings(config: Mapping[str, str], default: str | None) -> IndexSettings:
    def several(option: str) -> tuple[str, ...]:
        return tuple(config.get(option, "").split())

    return IndexSettings(
        index_url=config.get("index-url") or None,
        default_index_url=default,
        extra=several("extra-index-url"),
        find_links=several("find-links"),
        cert=config.get("cert") or None,
        trusted_hosts=several("trusted-host"),
        no_index=config.get("no-index", "").lower() in {"1", "true", "yes", "on", "y", "t"},
        constraints=several("constraint"),
    )


def _python_with_pip() -> str | None:
    if importlib.util.find_spec("pip"):
        return sys.executable
    # uv makes environments without pip; the interpreter that they stand on often has one.
    base = getattr(sys, "_base_executable", None) or ""
    return base if base and base != sys.executable and Path(base).exists() else None


def _pip(python: str, *words: str, env: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            [python, "-m", "pip", "--disable-pip-version-check", *words],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    if done.returncode and "No module named pip" not in done.stderr:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ConfigProblem(f"pip cannot read its configuration: {last}", where="pip config list")
    return done.stdout


def _config(python: str, env: Mapping[str, str]) -> dict[str, str]:
    prefix = sys.prefix if python == sys.executable else sys.base_prefix
    read = settings_of_pip(env, prefix)
    if read is None:
        read = parse_config(_pip(python, "config", "list", env=env))
    return read or of_environment(env)


def _default(python: str, env: Mapping[str, str]) -> str | None:
    """The index that pip uses where nobody names one: by the shortest way, else by what its help says."""
    try:
        done = subprocess.run([python, "-c", _DEFAULT], env=dict(env), capture_output=True, text=True, timeout=SECONDS)
        said = done.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        said = ""
    return said if said.startswith("https://") else parse_default(_pip(python, "install", "--help", env=env))


@functools.cache
def index_of_pip() -> IndexSettings:
    """What pip uses, read once per process (blocking: call it before the loop runs or in a thread).

    pip itself is started only where no index is named, or where it has to be asked what it reads.

    ConfigProblem when pip's own configuration is broken.
    """
    # Wide, so that help never breaks a URL; plain, so that no colour code gets into it.
    env = {**os.environ, "COLUMNS": "1000", "NO_COLOR": "1"}
    python = _python_with_pip()
    if python is None:
        return _settings(of_environment(env), None)
    config = _config(python, env)
    if config.get("index-url") or config.get("no-index"):
        return _settings(config, None)
    return _settings(config, _default(python, env))
