"""pip's own settings read as pip reads them, without starting it; where pip looks elsewhere, it is asked itself.

The order is that of pip's `configuration.py`: the machine's files, the user's, the environment's (`sys.prefix`), the
one that PIP_CONFIG_FILE names, then PIP_* variables; each later one counts over the earlier, option by option.
"""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

BASENAME = "pip.conf"
RANK = {"global": 0, "install": 1, ":env:": 2}  # a command's own section counts over the one for all
_IGNORED = frozenset({"version", "help"})


def settings_of_pip(env: Mapping[str, str], prefix: str) -> dict[str, str] | None:
    """Option -> value for `pip install`. prefix: of the Python whose pip is meant.

    None where pip has to be asked: on systems where it looks elsewhere, and for a file that it would complain about.
    """
    places = _places(env, prefix)
    if places is None:
        return None
    found: dict[tuple[str, str], str] = {}
    for place in places:
        read = _read(place)
        if read is None:
            return None
        found.update(read)
    found.update({(":env:", option): value for option, value in of_environment(env).items()})
    return ranked((section, option, value) for (section, option), value in found.items())


def of_environment(env: Mapping[str, str]) -> dict[str, str]:
    """What pip reads of the environment."""
    named = {key[4:].lower(): value for key, value in env.items() if key.startswith("PIP_")}
    return {_normal(key): value for key, value in named.items() if key not in _IGNORED}


def ranked(settings: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """(section, option, value) as option -> value; other commands' sections do not count."""
    found: dict[str, tuple[int, str]] = {}
    for section, option, value in settings:
        rank = RANK.get(section)
        if rank is not None and (option not in found or found[option][0] <= rank):
            found[option] = (rank, value)
    return {option: value for option, (_, value) in found.items()}


def _places(env: Mapping[str, str], prefix: str) -> list[Path] | None:
    if not sys.platform.startswith("linux") or "ANDROID_ROOT" in env:
        return None
    named = env.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    try:
        shared = _set(env, "XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep)
        places = [Path(folder).expanduser() / "pip" / BASENAME for folder in shared] + [Path("/etc", BASENAME)]
        if not (named and Path(named).exists()):
            own = Path(_set(env, "XDG_CONFIG_HOME", "~/.config"))
            places += [Path("~/.pip", BASENAME).expanduser(), own.expanduser() / "pip" / BASENAME]
    except RuntimeError:  # nobody's home
        return None
    places.append(Path(prefix, BASENAME))
    return [*places, Path(named)] if named else places


def _set(env: Mapping[str, str], name: str, usual: str) -> str:
    value = env.get(name, "")
    return value if value.strip() else usual


def _read(place: Path) -> dict[tuple[str, str], str] | None:
    if not os.access(place, os.R_OK):  # pip passes over what it cannot read
        return {}
    import configparser  # mostly there is no file

    parser = configparser.RawConfigParser()
    try:
        parser.read(place, encoding=locale.getpreferredencoding(False))
    except (UnicodeDecodeError, configparser.Error):
        return None
    pairs = ((section, option, value) for section in parser.sections() for option, value in parser.items(section))
    return {(section, _normal(option)): value for section, option, value in pairs}


def _normal(option: str) -> str:
    return option.lower().replace("_", "-").removeprefix("--")
