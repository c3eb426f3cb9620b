"""An environment that a repository's own command makes: for every ecosystem that the lab does not know by name.

The command runs in the jail behind the gateway, and sees the files that its owner names and nothing else of the tree:
so their content, the command and the platform are the whole key. What it fetches it gets from places that the operator
of this machine has opened and that its owner names, both. It is the one command with a way out that may run foreign
code; therefore it is given no login, and what it leaves comes out as one bounded stream, which only the same files
can ever find again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import platform
import stat
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from bot.core.errors import ConfigProblem
from bot.core.model import Grade
from bot.core.preparing import Prepare
from bot.core.quoting import code
from bot.lab import jail, programsettings
from bot.lab.cache import Cache
from bot.lab.fetching import Fetching
from bot.lab.locking import words
from bot.lab.locking.allowed import Place
from bot.lab.locking.certificates import STORE_PASSWORD
from bot.lab.locking.errand import AUTHORITY, PORT, PROJECT, STORE, Errand, Step, inside
from bot.lab.ready import COPIED, OTHER, Environment, Interpreter
from bot.lab.resolver import NotPrepared

_LAYOUT = "1"  # part of every key: raise it when environments are made differently
_MOST_FILES, _MOST_BYTES = 5000, 32 << 20
_SAID_LINES, _SAID = 20, 1200
_WHERE = "simulate.prepare"
_ASIDE = "/tmp/surefoot"  # noqa: S108 - inside, a tmpfs of the jail's own
# The command runs at the very path at which its folders are laid in the tests' runs: some tools write it down. The
# folder that it does not run in is there again for the step that comes after.
_SCRIPT = f"""
cd .. && mkdir {_ASIDE} && mv * {_ASIDE} && cp -a {_ASIDE}/{PROJECT}/. . && /bin/sh -c "$1"
code=$?
mkdir -p {jail.WORK}/{PROJECT}
exit $code
"""
_AUTHORITY, _STORE = f"{_ASIDE}/{AUTHORITY}", f"{_ASIDE}/{STORE}"
_JAVA = " ".join(
    [
        *(f"-D{kind}.proxyHost=127.0.0.1 -D{kind}.proxyPort={PORT}" for kind in ("http", "https")),
        f"-Djavax.net.ssl.trustStore={_STORE} -Djavax.net.ssl.trustStorePassword={STORE_PASSWORD}",
        "-Djavax.net.ssl.trustStoreType=PKCS12",
    ]
)
# Each tool has its own name for whom it trusts.
_TRUST: Mapping[str, str] = {
    **dict.fromkeys(
        ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "HEX_CACERTS_PATH",
         "GIT_SSL_CAINFO", "BUNDLE_SSL_CA_CERT"), _AUTHORITY,
    ),
    "JAVA_TOOL_OPTIONS": _JAVA,
}  # fmt: skip
_OPEN = "What it needs stands under hosts, and the operator opens it: prepare, in the file that SUREFOOT_SOURCES names"
# A program of the machine that changes may make something else of the same files.
_PACKAGES = ("var/lib/dpkg/status", "var/lib/rpm/rpmdb.sqlite", "lib/apk/db/installed", "var/lib/pacman/local")


@contextlib.asynccontextmanager
async def prepared(tree: Path, asked: Prepare, *, fetching: Fetching, cache: Cache) -> AsyncIterator[Environment]:
    """What the command makes for a tree, made or reused; it stays while the context lasts.

    Errors as `environments.prepared`. ConfigProblem, too, for a folder to be kept that the tree itself has.
    """
    files = await asyncio.to_thread(_read, tree, asked)
    places = _places(asked, fetching.opened)
    key = _key(files, asked, places)

    async def make(place: Path) -> None:
        await asyncio.to_thread(programsettings.copied, place / "etc")
        await _made(files, asked, places, place, fetching)

    async with cache.entry(key, make) as place:
        copies = {"SUREFOOT_COPIES": "\n".join(asked.writable), "SUREFOOT_COPIED": COPIED} if asked.writable else {}
        yield Environment(
            key=key, folder=place / "kept", interpreter=_python(), lock=_listed(files), ecosystem=OTHER,
            folders=programsettings.visible(), laid=_laid(asked, place), own={**asked.env, **copies},
        )  # fmt: skip


def _laid(asked: Prepare, place: Path) -> dict[str, Path]:
    kept = {f"{jail.WORK}/{name}": place / "kept" / name for name in asked.keep}
    copied = {f"{COPIED}/{number}": place / "kept" / name for number, name in enumerate(asked.writable)}
    return {**kept, **copied, **programsettings.placed(place / "etc")}


def _read(tree: Path, asked: Prepare) -> dict[str, bytes]:
    """Path -> content, of what the patterns name. ConfigProblem for nothing, too much, or a folder that is there."""
    for name in (*asked.keep, *asked.writable):
        if os.path.lexists(tree / inside(name)):
            mend = "Keep another folder, or take this one out of the repository"
            raise ConfigProblem(f"{name} is to be made by the command, and the tree has one", where=_WHERE, mend=mend)
    found: dict[str, bytes] = {}
    total = 0
    for path in _named(tree, asked.files):
        name = path.relative_to(tree).as_posix()
        if name in found:
            continue
        with path.open("rb") as file:
            found[name] = file.read(_MOST_BYTES - total + 1)
        total += len(found[name])
        if total > _MOST_BYTES or len(found) > _MOST_FILES:
            raise ConfigProblem(f"files names more than {_MOST_FILES} files or {_MOST_BYTES >> 20} MiB", where=_WHERE)
    if not found:
        raise ConfigProblem(f"the tree has none of the files {', '.join(asked.files[:5])}", where=_WHERE)
    return dict(sorted(found.items()))


def _named(tree: Path, patterns: Sequence[str]) -> Iterator[Path]:
    """Plain files, none of which a link leads to out of the tree."""
    root = tree.resolve()
    found = [one for pattern in patterns for one in sorted(tree.glob(inside(pattern)))]
    for path in (each for one in found for each in (sorted(one.rglob("*")) if one.is_dir() else [one])):
        real = path.resolve()
        if real.is_file() and real.is_relative_to(root) and ".git" not in path.relative_to(tree).parts:
            yield path


def _places(asked: Prepare, opened: Sequence[Place]) -> list[Place]:
    """Those that both name. NotPrepared for a host that the operator has not opened, or not to this repository."""
    mine = [place for place in opened if place.is_open_to(asked.repo)]
    for host in asked.hosts:
        if not any(_host(place) == host for place in mine):
            raise NotPrepared(Grade.UNKNOWN, _closed(host, asked.repo, opened))
    return [place for place in mine if _host(place) in asked.hosts]


def _closed(host: str, repo: str, opened: Sequence[Place]) -> str:
    wants = f"{_WHERE} wants to fetch from {code(host)}, which the operator of this machine has"
    under = "under prepare in the file that SUREFOOT_SOURCES names"
    if not any(_host(place) == host for place in opened):
        return f"{wants} not opened for it. If it is meant, list its URL {under}"
    if not repo:
        return f"{wants} opened to named repositories alone, and whose tree this is, is not known here"
    return f"{wants} not opened to {code(repo)}. If it is meant, add it to the repositories of that place {under}"


def _host(place: Place) -> str:
    """As a configuration names it: with a port where it is not the usual one."""
    return urlsplit(place.url).netloc.lower()


def _key(files: Mapping[str, bytes], asked: Prepare, places: Sequence[Place]) -> str:
    told = (asked.run, asked.keep, asked.writable, sorted(asked.env.items()), [(one.url, one.asked) for one in places])
    parts = (OTHER, _LAYOUT, _listed(files), json.dumps(told), platform.platform(), platform.machine(), *_machine())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _listed(files: Mapping[str, bytes]) -> str:
    return json.dumps({name: hashlib.sha256(data).hexdigest() for name, data in files.items()})


def _machine() -> list[str]:
    """When programs were last installed here, as far as it can be seen."""
    return [str((Path("/") / name).stat().st_mtime_ns) for name in _PACKAGES if (Path("/") / name).exists()]


def _python() -> Interpreter:
    """Of the bridge that leads out of the jail; the command needs none."""
    path = Path(os.path.realpath(sys.executable))
    return Interpreter(path=path, version=platform.python_version(), prefix=Path(os.path.realpath(sys.base_prefix)))


async def _made(
    files: Mapping[str, bytes], asked: Prepare, places: Sequence[Place], place: Path, fetching: Fetching
) -> None:
    given = Errand(
        steps=(Step(command=("/bin/sh", "-c", _SCRIPT, "sh", asked.run)),), wanted=(), files={}, data=files,
        env={**asked.env, **_TRUST}, visible=programsettings.visible(),
        placed=programsettings.placed(place / "etc"), any_tool=True,
    )  # fmt: skip
    folders = (*asked.keep, *asked.writable)
    try:
        brought = await fetching.take(given, [f"./{name}" for name in folders], place / "kept", places=places)
    except ConfigProblem as problem:
        raise ConfigProblem(str(problem).removesuffix(f". {problem.mend}"), where=_WHERE, mend=_OPEN) from problem
    if brought.code:
        last = words.paragraph(brought.said.splitlines()[-_SAID_LINES:])[-_SAID:]
        # The baseline has been prepared by the same command, or else nobody looks at this grade.
        raise NotPrepared(Grade.FAILED, f"the command of {_WHERE} ended with {brought.code}: {code(last, most=_SAID)}")
    for name in folders:
        if not _is_folder(place / "kept", name):
            raise NotPrepared(Grade.FAILED, f"the command of {_WHERE} made no folder {name}")


def _is_folder(place: Path, name: str) -> bool:
    """Itself, and all above it: the stream is hostile, and a link would let a jail look at whatever it leads to."""
    parts = name.split("/")
    steps = [place.joinpath(*parts[: number + 1]) for number in range(len(parts))]
    return all(stat.S_ISDIR(step.lstat().st_mode) if os.path.lexists(step) else False for step in steps)
