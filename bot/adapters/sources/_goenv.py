"""Which proxies Go uses on this machine, and for which modules it asks none, by the environment and Go's own file."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from bot.core.errors import ConfigProblem

DEFAULT = "https://proxy.golang.org,direct"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoSettings:
    """proxy: URLs and words with `,` or `|` between, as in GOPROXY. private: patterns, as in GONOPROXY."""

    proxy: str = DEFAULT
    private: str = ""

    def is_private(self, module: str) -> bool:
        """Whether Go asks no proxy for this module."""
        return any(_begins(module, pattern.strip().removesuffix("/")) for pattern in self.private.split(","))


def _begins(module: str, pattern: str) -> bool:
    """Whether the first elements of a path match a pattern (golang.org/x/mod/module, MatchPrefixPatterns)."""
    wanted, there = pattern.split("/"), module.split("/")
    if not pattern or len(there) < len(wanted):
        return False
    # Go writes a negated class as [^…], and here it is [!…].
    return all(fnmatchcase(one, like.replace("[^", "[!")) for one, like in zip(there, wanted, strict=False))


def go_settings(env: Mapping[str, str] | None = None) -> GoSettings:
    """What `go env` would say, without Go: the environment over the file of `go env -w` (blocking).

    ConfigProblem when that file is there and cannot be read: a name that it keeps private must not get out.
    """
    given = os.environ if env is None else env
    known = {**_file(given), **{key: value for key, value in given.items() if value}}
    private = known.get("GONOPROXY") or known.get("GOPRIVATE", "")
    return GoSettings(proxy=known.get("GOPROXY") or DEFAULT, private=private)


def _file(env: Mapping[str, str]) -> dict[str, str]:
    named = env.get("GOENV", "")
    if named == "off":
        return {}
    place = Path(named) if named else _folder(env) / "go" / "env"
    try:
        text = place.read_text("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigProblem(f"cannot be read: {error.strerror}", where=str(place), mend="Mend its rights") from error
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return {key.strip(): value.strip() for key, equals, value in pairs if equals}


def _folder(env: Mapping[str, str]) -> Path:
    """Where Go's os.UserConfigDir is."""
    home = Path(env["HOME"]) if env.get("HOME") else Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Application Support"
    if sys.platform == "win32":
        return Path(env["APPDATA"]) if env.get("APPDATA") else home / "AppData" / "Roaming"
    return Path(env["XDG_CONFIG_HOME"]) if env.get("XDG_CONFIG_HOME") else home / ".config"
