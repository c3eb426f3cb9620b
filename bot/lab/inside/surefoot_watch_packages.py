"""Runs in the jail: two versions of each package in, facts out; nothing of what is read is run.

The plan is JSON: before, after (the folders of both environments), names (of distributions in them), whole (whether
what belongs to no distribution is wanted too); of all others ecosystem, roots and packages (label, before, after, each
as folder below its root or "", digest, and name@version, or of npm what packages lie in it).
The standard library only, started with `-I -S`.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bot.lab.inside import surefoot_watch_built as built
from bot.lab.inside.surefoot_watch_files import MOST_FILES, Package

_HEADS = (
    "License", "License-Expression", "Classifier", "Author", "Author-email", "Maintainer", "Maintainer-email",
    "Requires-Dist", "Requires-Python", "Version",
)  # fmt: skip
_PLAIN = re.compile(r"(?:[^./][^/]*/)*[^./][^/]*")  # a path that is written in one way only
_MOST_RECORD = 32 << 20
_HOOKS = ("preinstall", "install", "postinstall")
_RUN = (".py", ".so", ".pth", ".pyd")


class Side:
    """One environment: its folder of packages, and what is installed there."""

    def __init__(self, environment: str) -> None:
        self.root = os.path.realpath(environment)
        self.site = next((str(one) for one in sorted(Path(self.root).glob("lib/python3*/site-packages"))), self.root)
        found = sorted(name for name in os.listdir(self.site) if name.endswith(".dist-info"))
        self.infos = {normal(name.removesuffix(".dist-info").rpartition("-")[0]): name for name in found}

    def distribution(self, name: str) -> tuple[Package, dict[str, Any]] | None:
        """Its files and its metadata; None when it is not installed here."""
        info = self.infos.get(name)
        if info is None:
            return None
        package = Package(self.root, self.site, dict(self.recorded(info)))
        return package, {**metadata(package.text(f"{info}/METADATA")), "entries": entries(package, info)}

    def recorded(self, info: str) -> Iterator[tuple[str, str]]:
        """(path, sha256 or "") of its RECORD, without RECORD itself."""
        path = Path(self.site) / info / "RECORD"
        try:
            data = b"" if path.is_symlink() else path.open("rb").read(_MOST_RECORD)
            rows = csv.reader(io.StringIO(data.decode("utf-8", "replace").replace("\0", "")))
            for row in rows:
                if row and row[0] and row[0] != f"{info}/RECORD":
                    kind, _, digest = (row[1] if len(row) > 1 else "").partition("=")
                    yield row[0], digest if kind == "sha256" else ""
        except (OSError, csv.Error):
            return

    def claims(self) -> dict[str, dict[str, str]]:
        """Path -> who claims it -> the digest by which it does."""
        found: dict[str, dict[str, str]] = {}
        for name, info in self.infos.items():
            for path, digest in self.recorded(info):
                plain = path if _PLAIN.fullmatch(path) else os.path.normpath(path)
                found.setdefault(plain, {})[name] = digest
        return found

    def strays(self, claimed: dict[str, dict[str, str]]) -> Package:
        """The files that no RECORD names, without the byte code that the interpreter makes."""
        names: dict[str, str] = {}
        for folder, folders, files in os.walk(self.site):
            prefix = f"{folder[len(self.site) + 1 :]}/".lstrip("/")
            folders[:] = [one for one in folders if one != "__pycache__"]
            links = [one for one in folders if os.path.islink(os.path.join(folder, one))]
            paths = [prefix + one for one in (*files, *links) if one != "RECORD"]
            names |= {path: "" for path in paths if path not in claimed}
            if len(names) > MOST_FILES:
                break
        return Package(self.root, self.site, names)


def normal(name: str) -> str:
    """A name as packaging compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def metadata(text: str) -> dict[str, Any]:
    """The heads that say who, under which terms, and what it needs."""
    meta: dict[str, list[str]] = {}
    last: list[str] = []
    for line in text.split("\n\n", 1)[0].splitlines()[:5000]:
        head, colon, value = line.partition(":")
        if line[:1].isspace() and last:
            last[-1] = f"{last[-1]}\n{line.strip()}"[:2000]
        elif colon and head in _HEADS:
            last = meta.setdefault(head, [])
            last.append(value.strip()[:2000])
        else:
            last = []
    return {"meta": meta}


def entries(package: Package, info: str) -> list[tuple[str, str, str]]:
    """(group, name, target) of its entry points."""
    found, group = [], ""
    for line in package.text(f"{info}/entry_points.txt").splitlines()[:5000]:
        stripped = line.strip()
        if stripped.startswith("[") and stripped.endswith("]"):
            group = stripped[1:-1].strip()[:200]
        elif "=" in stripped and not stripped.startswith(("#", ";")):
            name, _, target = stripped.partition("=")
            found.append((group, name.strip()[:200], target.strip()[:200]))
    return found


def npm(folder: str, _digest: str = "", inside: str = "") -> tuple[Package, dict[str, Any]] | None:
    """A package of npm in its folder; None where there is none.

    inside: folders in it that are packages of the lock themselves, a line each. What lies beside them is its own.
    """
    root = os.path.realpath(folder) if folder else ""
    if not root or not os.path.isfile(os.path.join(root, "package.json")):
        return None
    names: dict[str, str] = {}
    others = frozenset(inside.split("\n"))
    for place, folders, files in os.walk(root):
        below = os.path.relpath(place, root)
        programs = os.path.basename(place) == "node_modules"  # links that the tool makes
        folders[:] = [
            one
            for one in folders
            if os.path.normpath(f"{below}/{one}") not in others and not (programs and one == ".bin")
        ]
        names |= {os.path.relpath(os.path.join(place, one), root): "" for one in files}
        if len(names) > MOST_FILES:
            break
    package = Package(root, root, names)
    try:
        document = json.loads(package.text("package.json"))
    except (ValueError, RecursionError):
        document = None
    return package, _of_npm(document if isinstance(document, dict) else {}, "binding.gyp" in names)


def _of_npm(document: dict[str, Any], builds: bool) -> dict[str, Any]:
    """package.json in the words of METADATA; what runs at installation are entries of the group `npm`.

    builds: whether there is what npm builds with node-gyp without being told to.
    """
    scripts, programs, needs = (_table(document.get(key)) for key in ("scripts", "bin", "dependencies"))
    needs |= _table(document.get("optionalDependencies"))
    if builds and document.get("gypfile") is not False and not {"install", "preinstall"} & scripts.keys():
        scripts["install"] = "node-gyp rebuild"
    if isinstance(document.get("bin"), str):
        programs = {str(document.get("name", "")).rpartition("/")[2]: document["bin"]}
    people = {"Author": [document.get("author")], "Maintainer": _list(document.get("maintainers"))}
    licences = _list(document.get("licenses")) or [document.get("license")]
    said = {"License": licences, "Requires-Python": [_table(document.get("engines")).get("node")]}
    meta = {head: [_plain(one) for one in values if one] for head, values in (people | said).items()}
    meta["Requires-Dist"] = [f"{name} {spec}"[:2000] for name, spec in needs.items()]
    meta["Version"] = [str(document.get("version", ""))]
    hooks = [("npm", name, str(scripts[name])[:200]) for name in _HOOKS if name in scripts]
    return {"meta": meta, "entries": hooks + [("console_scripts", name, str(one)) for name, one in programs.items()]}


def _table(value: object) -> dict[str, Any]:
    return {str(key)[:200]: one for key, one in list(value.items())[:5000]} if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value[:200] if isinstance(value, list) else []


def _plain(value: object) -> str:
    """A person, or a licence, by its name where it is a table."""
    if isinstance(value, dict):
        value = value.get("name", value.get("type", ""))
    return str(value)[:2000]


def told(before: tuple[Package, dict[str, Any]] | None, after: tuple[Package, dict[str, Any]] | None) -> dict[str, Any]:
    """Both sides of one package."""
    old, new = before and before[0], after and after[0]
    return {
        "before": None if before is None else {**before[1], **before[0].told(new)},
        "after": None if after is None else {**after[1], **after[0].told(old)},
    }


def whole(before: Side, after: Side) -> dict[str, Any]:
    """What no single package answers for: files in no record, and one file written by two."""
    had, has = before.claims(), after.claims()
    shared = [
        {"path": path[:300], "owners": sorted(owners)}
        for path, owners in has.items()
        if len(set(owners.values())) > 1
        and (path.endswith(_RUN) or "/bin/" in path)
        and len(had.get(path, {})) < len(owners)
    ]
    nothing: dict[str, Any] = {"meta": {}, "entries": []}
    return {"shared": shared[:200], "strays": told((before.strays(had), nothing), (after.strays(has), nothing))}


def look(plan: dict[str, Any]) -> dict[str, Any]:
    """The facts that the plan asks for."""
    found: dict[str, Any] = {"packages": {}}
    if plan.get("names") or plan.get("whole"):
        before, after = Side(plan["before"]), Side(plan["after"])
        found["packages"] = {name: told(before.distribution(name), after.distribution(name)) for name in plan["names"]}
        found["whole"] = whole(before, after) if plan.get("whole") else None
    for label, *sides in plan.get("packages", ()):
        reader = _READERS[plan["ecosystem"]]
        placed = zip(plan["roots"], sides, strict=True)
        old, new = (reader(os.path.join(root, place) if place else "", *more) for root, (place, *more) in placed)
        found["packages"][label] = told(old, new)
    return found


_READERS: Mapping[str, Callable[[str, str, str], tuple[Package, dict[str, Any]] | None]] = {
    "npm": npm,
    "cargo": built.crate,
    "golang": built.module,
}


def main() -> None:
    """The plan is the last argument; the facts go where the keeper of the jail takes them from."""
    data = json.dumps(look(json.loads(sys.argv[-1])), ensure_ascii=True)
    Path(os.environ["SUREFOOT_RESULTS"]).write_text(data, "ascii")
