"""package-lock.json and npm-shrinkwrap.json by npm itself, which keeps what need not move where it is.

npm has no way to say "this version, and my range beside it": so it runs twice in one jail. First with manifests in
which the component is named exactly, and then with the manifests as they are, to which that lock is an answer already.
No script of any package is run, nothing is installed, and no manifest that npm may have written is taken.

Of a project's `.npmrc` only what shapes a tree is passed on (`legacy-peer-deps` and the like).
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.core import lockfiles
from bot.core.errors import Permanent
from bot.core.locks import LockJob
from bot.lab.locking import errand, packages, words
from bot.lab.locking.errand import AUTHORITY, Errand, Room, Step
from bot.lab.locking.packages import Registries
from bot.lab.locking.programs import Program as Program
from bot.tools.npm import NpmSettings

NAMES = ("package-lock.json", "npm-shrinkwrap.json")
_WORDS = ("install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress")
# What of a project's settings may have shaped its lock, and can do no more than that.
_SHAPING = (
    "before", "install-links", "install-strategy", "legacy-peer-deps", "min-release-age",
    "omit-lockfile-registry-resolved", "prefer-dedupe", "strict-peer-deps",
)  # fmt: skip
_NOISE = re.compile(r"code |A complete log|Log files were|.*-debug-\d|npm warn")


def find() -> Program:
    """The npm on PATH. Permanent with the mend where there is none that can be taken into a jail."""
    node, script = shutil.which("node"), shutil.which("npm")
    mend = "Install Node.js with npm (7 or newer) where Surefoot runs, first on PATH"
    if node is None or script is None:
        raise Permanent(f"npm is not installed, so its lock files are not made anew. {mend}")
    real, program = Path(script).resolve(), Path(node).resolve()
    if real.suffix != ".js":
        raise Permanent(f"npm on PATH is a wrapper around another one, which no jail can follow. {mend}")
    return Program(command=(str(program), str(real)), folders=(program.parent, real.parents[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """npm in the jail. settings: the registries of this machine."""

    settings: NpmSettings
    room: Room

    async def lock(self, job: LockJob) -> str:
        """The new text of the lock. Errors as `bot.lab.locks.Locksmith.lock`."""
        program, old, files = find(), job.files[job.lock], packages.without(job.files, ".npmrc")
        folder = job.lock.rpartition("/")[0]
        command = (*program.command, *_WORDS)
        steps = (Step(command=command, folder=folder, files=packages.exactly(job)),
                 Step(command=command, folder=folder, files=_alike(old, files)))  # fmt: skip
        wanted = Errand(
            steps=steps, wanted=(job.lock,), files=files, settings={"npmrc": self._npmrc(job)}, env=_ENVIRONMENT,
            visible=program.folders, roomy=True,
        )  # fmt: skip
        brought = await errand.through(wanted, Registries(settings=self.settings).places, self.room)
        if brought.code:
            raise words.refusal("npm", job, in_plain_words(brought.said))
        return await asyncio.to_thread(self._judged, job, brought.files.get(job.lock, old))

    def _npmrc(self, job: LockJob) -> str:
        lines = ["omit-lockfile-registry-resolved=true"] if _is_silent(job.files[job.lock]) else []
        lines += packages.shaped(job, _SHAPING)
        return Registries(settings=self.settings).npmrc(*lines)

    def _judged(self, job: LockJob, made: str) -> str:
        """The lock to be kept. ConfigProblem for one that is not what was asked for, or in another format."""
        old, registries = job.files[job.lock], Registries(settings=self.settings)
        new = registries.respelt(old, made, job.lock, before='"resolved": "')
        registries.judge(job, new, "npm")
        if _format(old) != _format(new):
            raise Permanent(f"npm on this machine writes {job.lock} in another format; install npm 7 or newer")
        return new


_ENVIRONMENT: Mapping[str, str] = {
    "npm_config_userconfig": "{work}/npmrc",
    "npm_config_globalconfig": "{work}/none",
    "npm_config_cafile": f"{{work}}/{AUTHORITY}",
    "npm_config_update_notifier": "false",
    "npm_config_fetch_retries": "0",
    "npm_config_loglevel": "error",
    "npm_config_color": "false",
    "npm_config_logs_max": "0",
}


def _is_silent(lock: str) -> bool:
    """Whether it was made by an npm that was told not to write where packages come from."""
    found = [one for one in lockfiles.read(lock, NAMES[0]) if not one.aside]
    return bool(found) and not any(one.origin for one in found)


def _format(lock: str) -> Any:
    return json.loads(lock).get("lockfileVersion")


def _alike(lock: str, files: Mapping[str, str]) -> dict[str, str]:
    """The manifests in the lock's own indentation and line ends: npm writes a lock as the manifest beside it is."""
    found = re.match(r"\{(\r?\n)([ \t]+)", lock)
    newline, indent = found.groups() if found else ("\n", "  ")
    texts = {path: json.dumps(json.loads(text), indent=indent) for path, text in packages.manifests(files).items()}
    return {path: text.replace("\n", newline) + newline for path, text in texts.items()}


def in_plain_words(said: str) -> str:
    """npm's complaint as one paragraph of at most 1500 characters, without codes, logs and logins."""
    lines = (re.sub(r"^npm (error|ERR!)\s*", "", line).strip() for line in said.splitlines())
    return words.paragraph(line for line in lines if not _NOISE.match(line))
