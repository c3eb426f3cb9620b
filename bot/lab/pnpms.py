"""How pnpm lays out the packages of a tree that its lock names; done as npm's work is (`bot.lab.nodes`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from bot.lab.locking import packages, pnpm
from bot.lab.locking.errand import AUTHORITY, Errand, Step
from bot.lab.locking.packages import Registries
from bot.lab.locking.programs import Program
from bot.tools.npm import parse_npmrc

LOCK, WORKSPACE = pnpm.NAME, pnpm.WORKSPACE
_WORDS = (
    "install", "--frozen-lockfile", "--ignore-scripts", "--ignore-pnpmfile", "--reporter=append-only",
    "--loglevel=error",
)  # fmt: skip
# Of a project's own settings, what shapes a tree of packages and can do no more than that.
_SHAPING = (
    "auto-install-peers", "dedupe-direct-deps", "dedupe-injected-deps", "dedupe-peer-dependents", "hoist",
    "link-workspace-packages", "node-linker", "resolution-mode", "shamefully-hoist", "strict-peer-dependencies",
)  # fmt: skip
_SETTINGS: Mapping[str, str] = {
    "store_dir": "{work}/pnpm-store",
    "cache_dir": "{work}/pnpm-cache",
    "fetch_retries": "0",
    # What is taken out of the jail must be whole, and not a name for what lies in the store.
    "package_import_method": "copy",
    "update_notifier": "false",
    "manage_package_manager_versions": "false",
}
_ENVIRONMENT: Mapping[str, str] = {
    **{f"npm_config_{name}": value for name, value in _SETTINGS.items()},
    **{f"pnpm_config_{name}": value for name, value in _SETTINGS.items()},
    "NODE_EXTRA_CA_CERTS": f"{{work}}/{AUTHORITY}",
    "npm_config_cafile": f"{{work}}/{AUTHORITY}",
    "npm_config_userconfig": "{work}/none",
    "npm_config_globalconfig": "{work}/none",
    "pnpm_config_pm_on_fail": "ignore",
    "XDG_CONFIG_HOME": "{work}/config",
    "XDG_STATE_HOME": "{work}/state",
    "CI": "true",
}
# The lock is another manifest's, names other bytes, or what is not there.
BROKEN = re.compile(r"ERR_PNPM_(OUTDATED_LOCKFILE|TARBALL_INTEGRITY|NO_MATCHING_VERSION|FETCH_404|LOCKFILE_BREAKING)")
_NAME = r"(?:@[^/\s']{1,214}/)?[^@\s']{1,214}"
_HELD = re.compile(
    rf"^  '?({_NAME})@([^:'(\s]{{1,100}})'?:\n    resolution: \{{integrity: (sha512-[^,}}\s]{{88}})", re.MULTILINE
)


def npmrc(registries: Registries, own: str) -> str:
    """The settings beside the lock: registries of the machine, and of the project's own what shapes a tree."""
    said = parse_npmrc(own, {})
    kept = (key for key in _SHAPING if re.fullmatch(r"[A-Za-z0-9-]{1,40}", said.get(key, "")))
    return registries.npmrc(*(f"{key}={said[key]}" for key in kept))


def errand(program: Program, lock: str, files: Mapping[str, str], settings: str) -> Errand:
    """What lays them out. lock: its path; files: that of the tree; settings: see `npmrc`."""
    step = Step(command=(*program.command, *_WORDS), folder=lock.rpartition("/")[0])
    given = {**files, **packages.bare(files), packages.beside(lock, ".npmrc"): settings}
    return Errand(steps=(step,), wanted=(), files=given, env=_ENVIRONMENT, visible=program.folders)


def entries(lock: str) -> Iterable[tuple[str, Mapping[str, str]]]:
    """As `packages` of a lock of npm has them: a place, and name, version and integrity of what is there."""
    for name, version, integrity in _HELD.findall(lock):
        yield f"node_modules/{name}", {"version": version, "integrity": integrity}
