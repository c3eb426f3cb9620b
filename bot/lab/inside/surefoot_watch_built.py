"""Runs in the jail: crates and Go modules, whose source is compiled where they are used, read as hostile.

What of them runs without being called is found by words: a build script, a macro that the compiler runs, code before
the start of a program. Pure but for reading files; nothing of what is read is run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from bot.lab.inside import surefoot_watch_golang as golang
from bot.lab.inside import surefoot_watch_source as source
from bot.lab.inside.surefoot_watch_files import MOST_FILES, Package
from bot.lab.inside.surefoot_watch_source import Mark

Told = tuple[Package, dict[str, Any]]

_LICENCES = (
    ("AGPL", "affero general public"), ("LGPL", "lesser general public"), ("GPL", "gnu general public"),
    ("MPL", "mozilla public license"), ("BUSL", "business source license"), ("SSPL", "server side public license"),
    ("Elastic", "elastic license"), ("Apache", "apache license"), ("MIT", "permission is hereby granted, free of"),
    ("BSD", "redistribution and use in source and binary"), ("ISC", "permission to use, copy, modify, and"),
    ("Unlicense", "free and unencumbered software"), ("CC0", "cc0 1.0 universal"),
)  # fmt: skip
_LICENCE_FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING", "COPYING.txt", "UNLICENSE")
# In a build script and in a macro, which the compiler runs with all that the user may do.
_BUILD_WORDS = (
    ("process", re.compile(r"\bCommand\s*::\s*new\b")),
    (
        "network",
        re.compile(
            r"\b(?:TcpStream|UdpSocket)\s*::|\b(?:reqwest|ureq|curl|hyper|attohttpc|minreq)\s*::|\bto_socket_addrs\b"
        ),
    ),
)
_VARIABLES = re.compile(r"\benv\s*::\s*vars(?:_os)?\s*\(")
_BEFORE_MAIN = re.compile(r"#\s*\[\s*(?:\w+\s*::\s*)?(?:ctor|dtor)\b|\.init_array|\.CRT\$XCU|__mod_init_func")
_RUST = re.compile(r'//[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z)|"(?:\\.|[^"\\])*(?:"|\Z)', re.DOTALL)


def listed(root: str) -> dict[str, str]:
    """All files below a folder, without digests."""
    names: dict[str, str] = {}
    for place, _, files in os.walk(root):
        names |= {os.path.relpath(os.path.join(place, one), root): "" for one in files}
        if len(names) > MOST_FILES:
            break
    return names


def _licence(package: Package) -> str:
    for name in _LICENCE_FILES:
        if name in package.files and (text := " ".join(package.text(name)[:4000].lower().split())):
            return next((found for found, words in _LICENCES if words in text), text[:60])
    return ""


# --- crates --------------------------------------------------------------------------------------------------------


def crate(folder: str, digest: str, _: str) -> Told | None:
    """A crate as `cargo vendor` laid it out. digest: of its archive, as the lock has it."""
    root = os.path.realpath(folder) if folder else ""
    if not root or not os.path.isfile(os.path.join(root, "Cargo.toml")):
        return None
    own = Package(root, root, {"Cargo.toml": "", ".cargo-checksum.json": ""})
    document, sums = _toml(own.text("Cargo.toml")), _json(own.text(".cargo-checksum.json"))
    library, about = _table(document, "lib"), _table(document, "package")
    script, macro = _script(about, root), bool(library.get("proc-macro") or library.get("proc_macro"))
    entries = [("build script", script, "")] if script else []
    entries += (
        [("macro", str(about.get("name", ""))[:100], str(library.get("path", "src/lib.rs"))[:200])] if macro else []
    )
    entries += [("links", str(about["links"])[:100], "Cargo.toml")] if "links" in about else []
    recorded = {name: "" for name in listed(root) if name != ".cargo-checksum.json"} | _recorded(sums)
    package = Package(root, root, recorded, lambda name, text: _rust(name, text, name == script or macro))
    if digest and sums.get("package") != digest:
        package.odd.append(("forged", ".cargo-checksum.json"))
    return package, {"meta": _crate_meta(document, about, package), "entries": entries}


def _recorded(sums: dict[str, Any]) -> dict[str, str]:
    """As RECORD of a wheel has them."""
    found = {}
    for name, digest in _table(sums, "files").items():
        try:
            found[name] = base64.urlsafe_b64encode(bytes.fromhex(str(digest))).rstrip(b"=").decode()
        except ValueError:
            found[name] = "unreadable"
    return found


def _script(about: dict[str, Any], root: str) -> str:
    """Where its build script is: named, or by its usual name unless that is turned off."""
    named = about.get("build")
    if isinstance(named, str):
        return os.path.normpath(named)[:200]
    return "build.rs" if named is not False and os.path.isfile(os.path.join(root, "build.rs")) else ""


def _crate_meta(document: dict[str, Any], about: dict[str, Any], package: Package) -> dict[str, list[str]]:
    tables = [document, *(one for one in _table(document, "target").values() if isinstance(one, dict))]
    needs = {name: spec for table in tables for kind in ("dependencies", "build-dependencies")
             for name, spec in _table(table, kind).items()}  # fmt: skip
    people = about.get("authors")
    return {
        "License": [str(about.get("license") or _licence(package))[:200].replace("/", " OR ")],
        "Author": [str(one)[:200] for one in people[:50]] if isinstance(people, list) else [],
        "Requires-Dist": [f"{name} "[:200] for name, spec in needs.items() if not _table(needs, name).get("optional")],
        "Requires-Python": [str(about["rust-version"])[:50]] if "rust-version" in about else [],
    }


def _rust(name: str, data: bytes, runs: bool) -> list[Mark]:
    """runs: whether the compiler runs it."""
    found = source.of_script(data)
    if not name.endswith(".rs"):
        return found
    text = _RUST.sub(lambda one: "\n" * one[0].count("\n") if one[0].startswith("/") else one[0], _decoded(data))
    found += [Mark("before", one[0][:100], _line(text, one.start())) for one in _first(_BEFORE_MAIN, text)]
    if runs and not name.startswith(("tests/", "examples/", "benches/")):
        reaches = [
            Mark(kind, one[0][:100], _line(text, one.start()))
            for kind, words in _BUILD_WORDS
            for one in _first(words, text)
        ]
        found += reaches
        if any(one.kind == "network" for one in reaches):
            found += [Mark("gathers", one[0][:100], _line(text, one.start())) for one in _first(_VARIABLES, text)]
    return source.kept(found)


def _first(words: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    if one := words.search(text):
        yield one


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _table(document: dict[str, Any], key: str) -> dict[str, Any]:
    found = document.get(key)
    return {str(name)[:300]: one for name, one in list(found.items())[:MOST_FILES]} if isinstance(found, dict) else {}


# --- Go ------------------------------------------------------------------------------------------------------------


def module(folder: str, digest: str, named: str) -> Told | None:
    """A module as Go laid it out. digest: what Go noted of its archive ("h1:…"); named: module@version."""
    root = os.path.realpath(folder) if folder else ""
    if not root or not os.path.isdir(root):
        return None
    native: dict[str, str] = {}

    def looked(name: str, text: bytes) -> None:
        for group in golang.native(name, text):
            native.setdefault(group, name)

    package = Package(root, root, listed(root), golang.marks, looked)
    if digest.startswith("h1:") and _h1(package, named) != digest:
        package.odd.append(("forged", "go.sum"))
    entries = [(group, "", name[:200]) for group, name in sorted(native.items())]
    needs, version = golang.wishes(package.text("go.mod"))
    meta = {"License": [_licence(package)], "Requires-Dist": needs, "Requires-Python": version}
    return package, {"meta": meta, "entries": entries}


def _h1(package: Package, prefix: str) -> str:
    """golang.org/x/mod/sumdb/dirhash, Hash1: over the digests of all files under the names that the archive has."""
    names = sorted((f"{prefix}/{name}", file.digest.hex()) for name, file in package.files.items())
    total = hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in names).encode()).digest()
    return "h1:" + base64.b64encode(total).decode()
