"""go.sum by Go itself, with what it writes into the go.mod beside it: `go mod tidy` where the module is kept tidy.

Whether it is, is tried first: Go tidies the module as it was before the component moved, and a tidy one stays as it is.
Where something would change, `go get -t ./...` is run instead, which only adds what is missing. What is needed hangs on
the imports, so Go is given the source files; of each all that comes after its imports stays outside. Nothing is built
or run, no version control is asked and no other Go is fetched.

Asked are the proxies of this machine's GOPROXY, and its GOSUMDB about what no go.sum knows yet. What GOPRIVATE names is
private: it would come from anybody's server, and so it does not come.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bot.core import gofiles
from bot.core.errors import ConfigProblem, Permanent
from bot.core.lockreaders import golang as reader
from bot.core.locks import LockJob
from bot.lab.locking import errand, words
from bot.lab.locking.allowed import Place, without_login
from bot.lab.locking.errand import Brought, Errand, Room, Step
from bot.lab.locking.programs import Program, told

NAME = "go.sum"
OLDEST = (1, 18)
_MEND = "Install Go 1.18 or newer (Debian: golang-go) where Surefoot runs, first on PATH"
_ASK = ("GOPROXY", "GOROOT", "GOVERSION", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB")
_NAME = re.compile(r"[A-Za-z0-9._~/-]{1,300}")
_VERSION = re.compile(r"v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_NOISE = re.compile(r"go: (downloading|finding|found|added|upgraded|warning) ")
_MEMORY_MIB = 2048  # of Go and of the source of all that is imported, which lies in memory meanwhile
_WAS = "../was"
_TRY = (
    f'mkdir -p {_WAS} && cp go.mod go.sum {_WAS} && "$0" mod tidy >/dev/null 2>&1 '
    f"&& cmp -s go.mod {_WAS}/go.mod && cmp -s go.sum {_WAS}/go.sum && touch {_WAS}/tidy || true"
)
_MAKE = f'if [ -e {_WAS}/tidy ]; then exec "$0" mod tidy; else exec "$0" get -t ./...; fi'
_ENVIRONMENT: Mapping[str, str] = {
    "GOMODCACHE": "{work}/modules",
    "GOCACHE": "{work}/cache",
    "GOENV": "off",
    "GOFLAGS": "-modcacherw",
    "GOWORK": "off",
    "GOVCS": "*:off",
    "GOTOOLCHAIN": "local",
    "GOTELEMETRY": "off",
    "CGO_ENABLED": "1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """Go on this machine. settings: what it says of its own, as `go env -json` names them."""

    program: Program
    settings: Mapping[str, str]

    @property
    def proxies(self) -> list[Place]:
        """Those that are asked for modules."""
        return places_of(self.settings["GOPROXY"])

    @property
    def places(self) -> list[Place]:
        """All that may be asked."""
        return [*self.proxies, *database_of(self.settings["GOSUMDB"])]

    @property
    def env(self) -> dict[str, str]:
        """What of it holds in a jail, too."""
        told = {name: self.settings[name] for name in ("GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB")}
        return {**_ENVIRONMENT, **told, "GOPROXY": ",".join(one.url for one in self.proxies)}


def places_of(proxies: str) -> list[Place]:
    """The proxies among the words of GOPROXY; `direct` would ask any server on the Internet."""
    pairs = (without_login(word.strip()) for word in re.split(r"[,|]", proxies))
    return [Place(url=url, asked=url, login=login) for url, login in pairs if url.startswith(("https://", "http://"))]


def database_of(setting: str) -> list[Place]:
    """The checksum database that GOSUMDB names (`go help module-auth`) by name, key and URL; none for `off`."""
    name, _, url = setting.strip().partition(" ")
    if name in ("", "off"):
        return []
    place = url.strip().rstrip("/") or f"https://{name.partition('+')[0]}"
    return [Place(url=place, asked=place)]


async def find() -> Program:
    """The Go on PATH. Permanent with the mend where there is none of use."""
    return (await there()).program


async def there() -> Go:
    """The Go on PATH and its settings. As `find`."""
    found = shutil.which("go")
    if found is None:
        raise Permanent(f"Go is not installed, so no go.sum is made anew. {_MEND}")
    own = {name: value for name, value in os.environ.items() if name in ("HOME", "PATH") or name.startswith("GO")}
    try:
        said: dict[str, str] = json.loads(await told(found, "env", "-json", *_ASK, mend=_MEND, env=own))
        numbers = tuple(int(one) for one in re.findall(r"\d+", said["GOVERSION"])[:2])
    except (ValueError, KeyError, TypeError) as problem:
        raise Permanent(f"Go at {found} cannot be asked what it is. {_MEND}") from problem
    root = await asyncio.to_thread(os.path.realpath, said["GOROOT"])
    program = await asyncio.to_thread(os.path.realpath, Path(root) / "bin" / "go")
    if numbers < OLDEST:
        raise Permanent(f"Go {'.'.join(map(str, numbers))} is installed, and it is too old. {_MEND}")
    return Go(program=Program(command=(program,), folders=(Path(root),), version=numbers), settings=said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Go in the jail."""

    room: Room

    async def lock(self, job: LockJob) -> dict[str, str]:
        """Path -> new text of the go.sum and of the go.mod beside it. Errors as `bot.lab.locks.Locksmith.lock`."""
        _must_be_required(job)
        go = await there()
        _must_be_for(job, go)
        room = replace(self.room, memory_mib=max(self.room.memory_mib, _MEMORY_MIB))
        brought = await errand.through(await asyncio.to_thread(_errand, job, go), go.places, room)
        if brought.code:
            raise words.refusal("Go", job, in_plain_words(brought.said))
        return await asyncio.to_thread(_judged, job, brought)


def _errand(job: LockJob, go: Go) -> Errand:
    manifest, folder = job.files[job.manifest], job.lock.rpartition("/")[0]
    before = gofiles.was(manifest, reader.lines(job.files[job.lock]))
    program = go.program.command[0]
    steps = (
        Step(command=("/bin/sh", "-c", _TRY, program), folder=folder, files={job.manifest: _plain(before)}),
        Step(
            command=("/bin/sh", "-c", _MAKE, program),
            folder=folder,
            files={job.manifest: _plain(manifest), job.lock: _plain(job.files[job.lock])},
        ),
    )
    files = {path: _plain(text) for path, text in gofiles.heads(job.files).items()}
    return Errand(
        steps=steps, wanted=(job.lock, job.manifest), files=files, env=go.env, visible=go.program.folders, roomy=True
    )


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n")


def _must_be_required(job: LockJob) -> None:
    name, version = job.component.name, job.version
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        raise ConfigProblem(f"{name[:200]!r} at {version[:200]!r} is no module of Go", where=job.manifest)
    if gofiles.required(job.files[job.manifest]).get(name) != version:
        raise ConfigProblem(f"does not require {name} {version}", where=job.manifest)


def _must_be_for(job: LockJob, go: Go) -> None:
    """A go.mod that is for a newer Go than this one may say what this one does not understand."""
    wanted = gofiles.go_of(job.files[job.manifest])
    if not wanted:
        raise ConfigProblem("does not say for which Go it is", where=job.manifest, mend="Run `go mod tidy` once")
    if wanted > go.program.version:
        said = ".".join(map(str, wanted))
        raise Permanent(f"{job.manifest} is for Go {said} or newer, and here is Go {go.program.said_version}. Install "
                        "that one where Surefoot runs, first on PATH")  # fmt: skip
    if not go.proxies:
        raise Permanent("no module can be fetched: GOPROXY of this machine names no proxy, and nobody else is asked")


def _judged(job: LockJob, brought: Brought) -> dict[str, str]:
    """What is to be kept. ConfigProblem for what is not what was asked for."""
    old, manifest = job.files[job.lock], job.files[job.manifest]
    made = brought.files.get(job.manifest, "")
    held = gofiles.required(made).get(job.component.name)
    if held != job.version:
        raise ConfigProblem(f"Go takes {job.component.name} {held or 'not at all'}: {job.version} lacks a package that "
                            "is imported, or something else needs a newer one", where=job.manifest)  # fmt: skip
    if gofiles.rest(made) != gofiles.rest(_plain(manifest)):
        raise ConfigProblem(f"{job.component.name} {job.version} cannot be had without a change of more than what is "
                            "required, as of the Go that it is for", where=job.manifest)  # fmt: skip
    new = brought.files.get(job.lock, "")
    known, now = reader.lines(old), reader.lines(new)
    if swapped := next((key for key, checksum in now.items() if known.get(key, checksum) != checksum), None):
        raise ConfigProblem(f"would get other files under the old version of {' '.join(swapped[:2])}", where=job.lock)
    return {job.lock: _as(old, new), job.manifest: _as(manifest, made)}


def _as(old: str, new: str) -> str:
    return new.replace("\n", "\r\n") if "\r\n" in old else new


def in_plain_words(said: str) -> str:
    """Go's complaint as one paragraph, without its progress."""
    return words.paragraph(line.strip() for line in said.splitlines() if not _NOISE.match(line))
