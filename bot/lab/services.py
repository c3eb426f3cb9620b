"""What may run beside a suite inside its jail: which services are known, and whether this machine has them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bot.lab.ready import INSIDE

_STARTER = INSIDE / "surefoot_services.sh"
_USR = Path("/usr")  # all that a jail sees of the machine's programs


class NoService(ValueError):
    """A service that cannot be had here; says why, and how to mend it."""


def starter(names: Sequence[str]) -> tuple[str, ...]:
    """The words to be put before a command, so that these services are ready when it begins. NoService."""
    if not names:
        return ()
    for name in names:
        if name not in KNOWN:
            raise NoService(f"{name[:100]!r} is no service that is known here; there are {', '.join(KNOWN)}")
    found = [f"{name}={_program(name)}" for name in dict.fromkeys(names)]
    return ("/bin/sh", str(_STARTER), *found, "--")


def _program(name: str) -> str:
    if (found := KNOWN[name]()) is None:
        raise NoService(f"{name} is asked for beside this suite, and this machine has none. {_MENDS[name]}")
    return str(found)


def _postgresql() -> Path | None:
    """The folder of the newest one's programs: Debian keeps them out of PATH, one folder per version."""
    folders = [path.parent for path in (_USR / "lib" / "postgresql").glob("*/bin/postgres")]
    folders.sort(key=lambda folder: [int(part) for part in folder.parent.name.split(".") if part.isdigit()])
    on_path = _on_path("postgres")
    known = [*([on_path.parent] if on_path else []), *folders]
    return next((folder for folder in reversed(known) if (folder / "initdb").exists()), None)


def _redis() -> Path | None:
    return _on_path("redis-server") or _on_path("valkey-server")


def _memcached() -> Path | None:
    return _on_path("memcached")


def _on_path(name: str) -> Path | None:
    """A program that a jail sees as well, by this name: some look at how they were called."""
    found = shutil.which(name, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin")
    return Path(found) if found and Path(found).resolve().is_relative_to(_USR) else None


KNOWN: Mapping[str, Callable[[], Path | None]] = {
    "postgresql": _postgresql,
    "redis": _redis,
    "memcached": _memcached,
}
_MENDS = {
    "postgresql": "Install PostgreSQL's server (Debian: postgresql) where Surefoot runs",
    "redis": "Install Redis or Valkey (Debian: redis-server) where Surefoot runs",
    "memcached": "Install memcached where Surefoot runs",
}
