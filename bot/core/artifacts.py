"""What is new inside a package, told from what two versions of it hold; little of it asks a person, the rest is told.

What asks is what the known attacks on registries did, and what ordinary releases hardly ever do: `docs/simulation.md`
has the figures. The rest is shown beside it and decides nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from bot.core.artifacts_built import GROUPS, MARKS, PYTHON, Tongue, elsewhere, groups
from bot.core.artifacts_terms import terms
from bot.core.quoting import code

BINARIES: Mapping[str, str] = {"elf": "Linux", "pe": "Windows", "macho": "macOS"}
AT_IMPORT: Mapping[str, str] = {
    "process": "starts a process",
    "network": "opens a connection",
    "native": "loads a native library",
}
_LIBRARY = re.compile(r"(\.so(\.\d+)*|\.pyd|\.dll|\.dylib|\.exe|\.node)$", re.IGNORECASE)
_ASIDE = frozenset({"test", "tests", "testing", "docs", "doc", "examples", "example", "benchmarks", ".github"})
_NAMED = 5  # of one list in a sentence

# Programs that a shell or a build calls by name; whoever puts one of these first in PATH is called in its place.
COMMANDS = frozenset((
    "ls", "cat", "cp", "mv", "rm", "sh", "bash", "zsh", "sed", "awk", "grep", "find", "tar", "env", "sudo", "su", "ssh",
    "scp", "git", "curl", "wget", "make", "gcc", "cc", "ld", "docker", "kubectl", "python", "python2", "python3", "pip",
    "pip2", "pip3", "node", "npm", "npx", "yarn", "pnpm", "go", "cargo", "ruby", "gem", "java", "mvn", "gradle", "aws",
    "gcloud", "az", "gpg", "openssl", "chmod", "chown", "mkdir", "echo", "test", "true", "false", "ps", "kill", "which",
    "xargs", "install",
))  # fmt: skip

# What packages exist to install; one of them may come in.
_OWN_PROGRAMS = frozenset({"pip", "pip3", "node", "npm", "npx", "yarn", "pnpm", "aws", "az", "gcloud"})

# Places at which anybody can collect what is sent to them; attacks used them, and few libraries need one.
DROPS = (
    "webhook.site", "requestbin.net", "requestbin.com", "pipedream.net", "ngrok.io", "ngrok.app", "ngrok-free.app",
    "oastify.com", "burpcollaborator.net", "interact.sh", "oast.fun", "oast.pro", "oast.site", "oast.online", "oast.me",
    "oast.live", "api.telegram.org", "pastebin.com", "paste.ee", "rentry.co", "transfer.sh", "file.io", "gofile.io",
    "trycloudflare.com", "serveo.net", "api.ipify.org", "requestcatcher.com", "beeceptor.com", "canarytokens.com",
)  # fmt: skip

_ODD: Mapping[str, str] = {
    "outside": "its record names a path outside of the environment",
    "link": "there is a link where a file should be",
    "special": "there is no regular file",
    "forged": "the file is not the one that its record describes",
    "absent": "its record names a file that is not there",
    "many": "there is too much of something to be told",
}


class Mark(NamedTuple):
    """One thing that a file does, as it was read out of it. line counts from 1."""

    kind: str
    what: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One file: size in bytes, kind ("elf", "pe", "macho", "pyc" or ""), whether the other side lacks just this one."""

    size: int = 0
    kind: str = ""
    changed: bool = True
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """One version of a package. meta: heads of its metadata; entries: (group, name, target); count: of all files.

    files: those that differ from the other side's, and all binaries. hosts: those named in it, and where first.
    odd: (what, path) of what a package should not have.
    """

    meta: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    entries: tuple[tuple[str, str, str], ...] = ()
    files: Mapping[str, Held] = field(default_factory=dict)
    hosts: Mapping[str, str] = field(default_factory=dict)
    odd: tuple[tuple[str, str], ...] = ()
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One difference. rule: a stable word. why: a sentence without a full stop, its foreign words quoted.

    place: path and line inside the package, not of the repository. asks: whether a person must look.
    """

    rule: str
    why: str
    place: str = ""
    asks: bool = False


@dataclass(frozen=True, slots=True)
class _Pair:
    """Both versions; was is empty for a package that was not there before."""

    was: Contents
    now: Contents
    fresh: bool
    tongue: Tongue = PYTHON

    def news(self, *kinds: str) -> Iterator[tuple[str, Mark]]:
        """The marks of these kinds that no changed file of the old version had, each once, with their file."""
        known = {(mark.kind, mark.what) for held in self.was.files.values() for mark in held.marks}
        for path, held in self.now.files.items():
            for mark in held.marks:
                if mark.kind in kinds and (mark.kind, mark.what) not in known:
                    known.add((mark.kind, mark.what))
                    yield path, mark

    def paths(self) -> Iterator[tuple[str, Held]]:
        """The files that differ from the old version's."""
        return ((path, held) for path, held in self.now.files.items() if held.changed)


def differences(before: Contents | None, after: Contents | None, tongue: Tongue = PYTHON) -> tuple[Found, ...]:
    """What is new in `after`, first what asks. before: None for a package that the update brings in; after: None for
    one that it takes away, of which there is nothing to say.
    """
    if after is None:
        return ()
    pair = _Pair(before or Contents(), after, before is None, tongue)
    found = [one for rule in _RULES for one in rule(pair)]
    return tuple(sorted(found, key=lambda one: not one.asks))


def _starts(pair: _Pair) -> Iterator[Found]:
    for path, mark in pair.news("start"):
        why = f"runs code at every start of Python: {code(mark.what, most=80)}"
        yield Found(rule="start", why=why, place=_at(path, mark), asks=True)
    for path, _ in pair.paths():
        if path in ("sitecustomize.py", "usercustomize.py"):
            yield Found(rule="start", why="is run at every start of Python", place=path, asks=True)
    for path, mark in pair.news("path"):
        yield Found(rule="path", why=f"adds {code(mark.what)} to where modules are found", place=_at(path, mark))


def _binaries(pair: _Pair) -> Iterator[Found]:
    had, has = ({held.kind for held in side.files.values()} & BINARIES.keys() for side in (pair.was, pair.now))
    for kind in sorted(has - had):
        names = [path for path, held in pair.now.files.items() if held.kind == kind]
        why = f"has machine code for {BINARIES[kind]} ({len(names)} files), and had none"
        yield Found(rule="binary", why=why, place=names[0], asks=not pair.fresh)
    for path, held in pair.paths():
        if held.kind in BINARIES and path not in pair.was.files and not _looks_it(path):
            why = f"is machine code for {BINARIES[held.kind]} under another name"
            yield Found(rule="disguise", why=why, place=path, asks=True)
    bytecode = [path for path, held in pair.paths() if held.kind == "pyc"]
    if bytecode and not any(held.kind == "pyc" for held in pair.was.files.values()):
        yield Found(rule="bytecode", why="brings byte code instead of source", place=bytecode[0], asks=True)


def _looks_it(path: str) -> bool:
    name = path.rpartition("/")[2]
    return bool(_LIBRARY.search(name)) or ("." not in name and "bin" in path.split("/")[:-1])


def _programs(pair: _Pair) -> Iterator[Found]:
    known = {entry[:2] for entry in pair.was.entries}
    fresh: dict[str, list[str]] = {}
    for group, name, target in pair.now.entries:
        if group not in GROUPS and (group, name) not in known:
            fresh.setdefault(group, []).append(name)
        if group in ("console_scripts", "gui_scripts") and name in COMMANDS and (group, name) not in known:
            asks = not (pair.fresh and name in _OWN_PROGRAMS)
            yield Found(rule="shadow", why=f"installs a program called {code(name)}", place=target, asks=asks)
    for path, _ in pair.paths():
        if _program(path) in COMMANDS and path not in pair.was.files:
            yield Found(rule="shadow", why=f"installs a program called {code(_program(path))}", place=path, asks=True)
    for group, names in fresh.items() if not pair.fresh else ():
        what = "programs" if group == "console_scripts" else f"entry points of the group {code(group)}"
        yield Found(rule="entry", why=f"has new {what}: {_listed(names)}")


def _program(path: str) -> str:
    """The name of what is installed beside the interpreter."""
    folder, _, name = path.rpartition("/")
    return name if folder.startswith("..") and folder.endswith("/bin") else ""


def _hooks(pair: _Pair) -> Iterator[Found]:
    known = set(pair.was.entries)
    for entry in pair.now.entries:
        if entry[0] == "npm" and entry not in known:
            why = f"runs a script when it is installed, {code(entry[1])}: {code(entry[2], most=80)}"
            yield Found(rule="hook", why=why, place="package.json", asks=True)


def _imports(pair: _Pair) -> Iterator[Found]:
    for path, mark in pair.news(*AT_IMPORT):
        asks = not pair.fresh and not _aside(path)
        why = f"{AT_IMPORT[mark.kind]} {pair.tongue.moment}, by {code(mark.what)}"
        yield Found(rule=mark.kind, why=why, place=_at(path, mark), asks=asks)


def _built(pair: _Pair) -> Iterator[Found]:
    for rule, why, place, asks in groups(pair.was.entries, pair.now.entries):
        yield Found(rule=rule, why=why, place=place, asks=asks and not pair.fresh)
    for path, mark in pair.news(*MARKS):
        why, asks = MARKS[mark.kind]
        if asks or not pair.fresh:
            yield Found(
                rule=mark.kind, why=why.format(code(mark.what)), place=_at(path, mark), asks=asks and not _aside(path)
            )


def _hidden(pair: _Pair) -> Iterator[Found]:
    for path, mark in pair.news("hidden"):
        why = f"runs code that it unpacks or fetches first: {code(mark.what)}"
        yield Found(rule="hidden", why=why, place=_at(path, mark), asks=True)
    for path, mark in pair.news("code"):
        yield Found(rule="code", why=f"newly uses {code(mark.what)}", place=_at(path, mark))


_TOGETHER: Mapping[str, str] = {
    "gathers": "takes all variables of the environment ({}) in a file that opens connections",
    "drops": "fetches something, makes it a program ({}) and starts processes in one file",
    "secrets": "names a place where secrets lie, {}",
    "piped": "holds a line that runs what it fetches or decodes in a shell, {}",
}


def _thefts(pair: _Pair) -> Iterator[Found]:
    for path, mark in pair.news(*_TOGETHER):
        why = _TOGETHER[mark.kind].format(code(mark.what))
        yield Found(rule=mark.kind, why=why, place=_at(path, mark), asks=not pair.fresh and not _aside(path))


def _shapes(pair: _Pair) -> Iterator[Found]:
    for path, mark in pair.news("dense", "mangled"):
        runs = any(one.kind in ("code", "hidden", *AT_IMPORT) for one in pair.now.files[path].marks)
        why = f"holds text that is packed or made unreadable ({code(mark.what)})"
        yield Found(rule="packed", why=why, place=_at(path, mark), asks=runs or mark.kind == "mangled")
    for path, mark in pair.news("pushed"):
        yield Found(
            rule="pushed", why="has code behind so many blanks that nobody sees it", place=_at(path, mark), asks=True
        )
    for path, mark in pair.news("unread"):
        why = f"cannot be read as a program ({code(mark.what)})"
        yield Found(rule="unread", why=why, place=_at(path, mark), asks=True)
    for path, mark in islice(pair.news("long", "unparsed"), 1):
        why = f"has a line of {code(mark.what)}" if mark.kind == "long" else f"holds what {code(mark.what)}"
        yield Found(rule=mark.kind, why=why, place=_at(path, mark))


def _hosts(pair: _Pair) -> Iterator[Found]:
    fresh = [host for host in pair.now.hosts if host not in pair.was.hosts]
    for host in fresh:
        if host.endswith(tuple(f".{one}" for one in DROPS)) or host in DROPS:
            why = f"names {code(host)}, where anybody can collect what is sent"
            yield Found(rule="drop", why=why, place=pair.now.hosts[host], asks=not pair.fresh)
        elif _bare_address(host):
            why = f"names a host by its bare address, {code(host)}"
            yield Found(rule="address", why=why, place=pair.now.hosts[host], asks=not pair.fresh)
    if fresh and not pair.fresh:
        yield Found(rule="hosts", why=f"names new hosts: {_listed(fresh)}", place=pair.now.hosts[fresh[0]])


def _bare_address(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def _odd(pair: _Pair) -> Iterator[Found]:
    known = set(pair.was.odd)
    for what, path in pair.now.odd:
        if (what, path) not in known:
            yield Found(rule="record", why=_ODD.get(what, "cannot be read"), place=path, asks=True)


def _terms(pair: _Pair) -> Iterator[Found]:
    was, now = pair.was.meta, pair.now.meta
    for rule, why, asks in terms(was, now, pair.tongue.language) if not pair.fresh else ():
        yield Found(rule=rule, why=why, place=pair.tongue.manifest, asks=asks)
    for what in elsewhere(was.get("Requires-Dist", ()), now.get("Requires-Dist", ())):
        why = f"needs something that comes from no registry: {code(what, most=120)}"
        yield Found(rule="elsewhere", why=why, place=pair.tongue.manifest, asks=True)


_RULES: tuple[Callable[[_Pair], Iterator[Found]], ...] = (
    _starts, _hooks, _built, _hidden, _imports, _thefts, _programs, _binaries, _shapes, _hosts, _odd, _terms,
)  # fmt: skip


def _aside(path: str) -> bool:
    """Whether it lies with tests or documents, which nobody imports."""
    return bool(_ASIDE.intersection(path.split("/")[:-1])) or path.endswith("/conftest.py")


def _at(path: str, mark: Mark) -> str:
    return f"{path}:{mark.line}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(code(name, most=60) for name in names[:_NAMED]) + more
