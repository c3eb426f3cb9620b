"""pnpm-lock.yaml (format 9.0) by pnpm itself, 9 or newer, which keeps what need not move where it is.

As npm it runs twice: with manifests in which the component is named exactly, then with the manifests as they are. No
script and no hook of the project is run: a lock that was shaped by hooks (`.pnpmfile.cjs`, `configDependencies`) is not
made anew here. `pnpm-workspace.yaml` is handed over as it is, for it says who belongs to the workspace.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.core.errors import ConfigProblem, Permanent
from bot.core.locks import LockJob
from bot.lab.locking import errand, packages, words
from bot.lab.locking.errand import AUTHORITY, Errand, Room, Step
from bot.lab.locking.packages import Registries
from bot.lab.locking.programs import Program
from bot.tools.npm import NpmSettings

NAME = "pnpm-lock.yaml"
OLDEST = (9,)
WORKSPACE = "pnpm-workspace.yaml"
_MEND = "Install pnpm 9 or newer with Node.js where Surefoot runs (`npm install --global pnpm`), first on PATH"
_WORDS = (
    "install", "--lockfile-only", "--no-frozen-lockfile", "--ignore-scripts", "--ignore-pnpmfile",
    "--reporter=append-only", "--loglevel=error",
)  # fmt: skip
_SHAPING = (
    "auto-install-peers", "dedupe-direct-deps", "dedupe-injected-deps", "dedupe-peer-dependents",
    "exclude-links-from-lockfile", "inject-workspace-packages", "link-workspace-packages",
    "lockfile-include-tarball-url", "minimum-release-age", "peers-suffix-max-length", "prefer-workspace-packages",
    "resolution-mode", "strict-peer-dependencies",
)  # fmt: skip
_HOOKS = re.compile(r"^(?:pnpmfileChecksum|configDependencies):", re.MULTILINE)
_CONFIGURED = re.compile(r"^['\"]?configDependencies['\"]?\s*:", re.MULTILINE)
_NOISE = re.compile(
    r"Progress:|Packages:|Scope:|Done in|\(node:\d+\)|\(Use `node |This error happened while installing"
)
_ENVIRONMENT: Mapping[str, str] = {
    "NODE_EXTRA_CA_CERTS": f"{{work}}/{AUTHORITY}",
    "npm_config_userconfig": "{work}/none",
    "npm_config_globalconfig": "{work}/none",
    "npm_config_cafile": f"{{work}}/{AUTHORITY}",
    "npm_config_store_dir": "{work}/pnpm-store",
    "npm_config_cache_dir": "{work}/pnpm-cache",
    "npm_config_fetch_retries": "0",
    "npm_config_update_notifier": "false",
    # What a project names as its own pnpm would be fetched and run.
    "npm_config_manage_package_manager_versions": "false",
    "pnpm_config_manage_package_manager_versions": "false",
    "pnpm_config_pm_on_fail": "ignore",
    "pnpm_config_fetch_retries": "0",
    "pnpm_config_store_dir": "{work}/pnpm-store",
    "pnpm_config_cache_dir": "{work}/pnpm-cache",
    "XDG_CONFIG_HOME": "{work}/config",
    "XDG_STATE_HOME": "{work}/state",
}


def find() -> Program:
    """The pnpm on PATH. Permanent with the mend where there is none that can be taken into a jail."""
    found = next(packages.programs("pnpm", ("pnpm", "@pnpm/exe")), None)
    if found is None:
        raise Permanent(
            f"no pnpm is installed that could be taken into a jail, so its locks are not made anew. {_MEND}"
        )
    if found.version < OLDEST:
        raise Permanent(f"pnpm {found.said_version} writes an older format of locks. {_MEND}")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """pnpm in the jail. settings: the registries of this machine."""

    settings: NpmSettings
    room: Room

    async def lock(self, job: LockJob) -> str:
        """The new text of the lock. Errors as `bot.lab.locks.Locksmith.lock`."""
        _no_hooks(job)
        program, registries = find(), Registries(settings=self.settings)
        folder = job.lock.rpartition("/")[0]
        command = (*program.command, *_WORDS)
        steps = (Step(command=command, folder=folder, files=packages.exactly(job)),
                 Step(command=command, folder=folder, files=packages.bare(job.files)))  # fmt: skip
        files = packages.without(job.files, ".npmrc")
        files[packages.beside(job.lock, ".npmrc")] = registries.npmrc(*packages.shaped(job, _SHAPING))
        wanted = Errand(
            steps=steps, wanted=(job.lock,), files=files, env=_ENVIRONMENT, visible=program.folders, roomy=True
        )  # fmt: skip
        brought = await errand.through(wanted, registries.places, self.room)
        if brought.code:
            raise words.refusal("pnpm", job, in_plain_words(brought.said))
        return await asyncio.to_thread(_judged, job, brought.files.get(job.lock, job.files[job.lock]), registries)


def _judged(job: LockJob, made: str, registries: Registries) -> str:
    """The lock to be kept. ConfigProblem for one that is not what was asked for."""
    old = job.files[job.lock]
    new = registries.respelt(old, made, job.lock, before="tarball: ")
    registries.judge(job, new, "pnpm")
    return quiet(old, new)


def _no_hooks(job: LockJob) -> None:
    workspace = packages.beside(job.lock, WORKSPACE)
    if _HOOKS.search(job.files[job.lock]) or _CONFIGURED.search(job.files.get(workspace, "")):
        raise ConfigProblem(
            "is shaped by hooks of the project (.pnpmfile.cjs or configDependencies), and no code of it is run here",
            where=job.lock, mend="Run `pnpm install --lockfile-only` yourself",
        )  # fmt: skip


def quiet(old: str, new: str) -> str:
    """The new text, with the old words about each package that has the bytes that it had, and the old line ends."""
    windows, before = "\r\n" in old, dict(_blocks(old.replace("\r\n", "\n")))
    made = new
    for key, block in _blocks(new):
        if key in before and before[key] != block and _bytes(before[key]) == _bytes(block):
            made = made.replace(f"\n{block}", f"\n{before[key]}", 1)
    return made.replace("\n", "\r\n") if windows else made


def _blocks(text: str) -> list[tuple[str, str]]:
    """Of the section `packages`: each key, and its lines, without the one that is empty."""
    section = text.partition("\npackages:\n")[2].partition("\nsnapshots:\n")[0]
    found = [block for block in section.split("\n\n") if block.startswith("  ") or block.startswith("\n  ")]
    blocks = (block.strip("\n") for block in found)
    return [(block.partition("\n")[0], block) for block in blocks]


def _bytes(block: str) -> str:
    found = re.search(r"^    resolution: .*$", block, re.MULTILINE)
    return found[0] if found else block


def in_plain_words(said: str) -> str:
    """pnpm's complaint as one paragraph, without its progress."""
    lines = (re.sub(r"^\s*(\[?ERROR\]?|ERR_PNPM_\w+)\s*", "", line).strip() for line in said.splitlines())
    return words.paragraph(line for line in lines if not _NOISE.match(line))
