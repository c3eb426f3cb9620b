"""Reads in the jail which names the type declarations of packages export, without a compiler.

Asked by JSON: root (folder of the environment), asks [[folder, specifier]], paths (folders in which the parser lies).
Handed over is one [there, whole, names] for each: whole is false where it may have more names than were read.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.lab.inside.surefoot_scripts_reader import package_of
from bot.lab.inside.surefoot_scripts_scopes import Node, literal, text
from bot.lab.inside.surefoot_scripts_used import parsers

_MOST_BYTES, _MOST_FILES, _MOST_NAMES, _DEEPEST = 2 << 20, 400, 20_000, 20
_ENDS = (".d.ts", ".d.mts", ".d.cts")
_OF_SCRIPTS = {".js": ".d.ts", ".mjs": ".d.mts", ".cjs": ".d.cts", ".ts": ".d.ts"}
_CONDITIONS = ("types", "import", "node", "require", "default")


def main(asked: dict[str, Any]) -> None:
    """Answer each."""
    sys.setrecursionlimit(4000)
    parser = parsers(asked["paths"])["typed"]
    told = []
    for folder, specifier in asked["asks"]:
        try:
            reader = Reader(Path(asked["root"]).resolve(), parser, specifier)
            told.append(reader.read(folder))
        except (OSError, ValueError, RecursionError, AttributeError, TypeError):
            told.append((True, False, []))
    Path(os.environ["SUREFOOT_RESULTS"]).write_text(json.dumps(told, separators=(",", ":")), "utf-8")


class Reader:
    """One specifier. root: nothing outside of it is read."""

    def __init__(self, root: Path, parser: Any, specifier: str) -> None:
        self.root = root
        self.parser = parser
        self.specifier = specifier
        self.whole = True
        self.seen: set[Path] = set()

    def read(self, folder: str) -> tuple[bool, bool, list[str]]:
        """There, whole, and the names."""
        entry = self._entry(folder)
        if entry is None:
            return False, True, []
        names = sorted(self._of_file(entry, 0))
        return True, self.whole and len(names) <= _MOST_NAMES, names[:_MOST_NAMES]

    def _entry(self, folder: str) -> Path | None:
        name = package_of(self.specifier)
        typed = f"@types/{name.removeprefix('@').replace('/', '__')}"
        rest = self.specifier[len(name) :].lstrip("/")
        for one in (name, typed):
            package = self.root / folder / "node_modules" / one
            said = self._manifest(package)
            for place in self._places(package, said, rest):
                if (found := self._declaration(place)) is not None:
                    return found
        return None

    def _manifest(self, package: Path) -> dict[str, Any]:
        data = self._data(package / "package.json")
        found = json.loads(data) if data else {}
        return found if isinstance(found, dict) else {}

    def _places(self, package: Path, said: dict[str, Any], rest: str) -> Iterator[Path]:
        exports = said.get("exports")
        if exports is not None:
            keyed = isinstance(exports, dict) and any(key.startswith(".") for key in exports)
            held = exports.get(f"./{rest}" if rest else ".") if keyed else exports if not rest else None
            yield from (package / one for one in _targets(held, 0))
        if rest:
            yield from (package / rest, package / rest / "index.d.ts")
            return
        for key in ("types", "typings", "main"):
            if isinstance(said.get(key), str):
                yield package / said[key]
        yield package / "index.d.ts"

    def _declaration(self, place: Path) -> Path | None:
        """The declarations that stand for a file, as TypeScript looks for them."""
        bare = place.with_suffix("")
        known = _OF_SCRIPTS.get(place.suffix)
        places = [place, *([bare.with_name(bare.name + known)] if known else [])]
        places += [place.with_name(place.name + end) for end in _ENDS] + [place / "index.d.ts"]
        return next((one for one in places if one.name.endswith(_ENDS) and self._data(one) is not None), None)

    def _data(self, path: Path) -> bytes | None:
        real = path.resolve()
        if not real.is_relative_to(self.root) or not real.is_file() or real.stat().st_size > _MOST_BYTES:
            return None
        return real.read_bytes()

    def _of_file(self, path: Path, depth: int) -> set[str]:
        real = path.resolve()
        if real in self.seen:
            return set()
        self.seen.add(real)
        data = self._data(path)
        if data is None or depth > _DEEPEST or len(self.seen) > _MOST_FILES:
            self.whole = False
            return set()
        root = self.parser.parse(data).root_node
        self.whole = self.whole and not root.has_error
        ambient = self._ambient(root)
        if ambient:
            return set().union(*(self._of_body(one, path, depth) for one in ambient))
        if not any(one.type in ("export_statement", "import_statement") for one in root.named_children):
            self.whole = False  # a script: its names are everywhere
        return self._of_body(root, path, depth)

    def _ambient(self, root: Node) -> list[Node]:
        """The bodies of `declare module "specifier" {}`."""
        found = []
        for one in root.named_children:
            module = one.named_children[0] if one.type == "ambient_declaration" and one.named_children else None
            if (
                module is not None
                and module.type == "module"
                and literal(module.child_by_field_name("name")) == (self.specifier)
            ):
                found.append(module.child_by_field_name("body"))
        return [one for one in found if one is not None]

    def _of_body(self, body: Node, path: Path, depth: int) -> set[str]:
        """What is declared there is mostly exported without a word; what is not, nobody could have asked for."""
        names: set[str] = set()
        for one in body.named_children:
            if one.type == "export_statement":
                names |= self._exported(one, body, path, depth)
            else:
                names |= set(_declared(one))
        return names

    def _exported(self, node: Node, body: Node, path: Path, depth: int) -> set[str]:
        signs = {one.type for one in node.children}
        declared = node.child_by_field_name("declaration")
        if "=" in signs or "as" in signs:
            return self._assigned(node, body) if "=" in signs else set()
        if "default" in signs:
            return {"default"}
        if declared is not None:
            return set(_declared(declared))
        source = literal(node.child_by_field_name("source"))
        clause = next((one for one in node.named_children if one.type in ("export_clause", "namespace_export")), None)
        if clause is not None and clause.type == "namespace_export":
            return {text(clause.named_children[-1])}
        if clause is not None:
            named = (one for one in clause.named_children if one.type == "export_specifier")
            return {text(one.child_by_field_name("alias") or one.child_by_field_name("name")) for one in named}
        return self._all_of(source, path, depth)

    def _all_of(self, source: str, path: Path, depth: int) -> set[str]:
        """`export * from`: of a file of the package; what another package exports may be anything."""
        found = self._declaration(path.parent / source) if source.startswith(".") else None
        if found is None:
            self.whole = False
            return set()
        return self._of_file(found, depth + 1) - {"default"}

    def _assigned(self, node: Node, body: Node) -> set[str]:
        """`export = X`: what the namespace X holds, and all of it as the default."""
        name = text(node.named_children[-1]) if node.named_children else ""
        names, known = {"default"}, False
        for one in body.named_children:
            inner = one.named_children[0] if one.type in ("ambient_declaration", "expression_statement") else one
            if name in _declared(inner):
                known = True
                space = inner.child_by_field_name("body") if inner.type == "internal_module" else None
                for held in space.named_children if space is not None else ():
                    names |= set(_declared(held.child_by_field_name("declaration") or held))
        self.whole = self.whole and known
        return names


def _targets(held: Any, depth: int) -> Iterator[str]:
    """The files that a value of `exports` may lead to, those for types first."""
    if isinstance(held, str) and held.startswith("./"):
        yield held
    elif isinstance(held, dict) and depth < 6:
        for key in sorted((key for key in held if key in _CONDITIONS), key=_CONDITIONS.index):
            yield from _targets(held[key], depth + 1)


def _declared(node: Node) -> list[str]:
    """The names that one declaration makes."""
    if node.type in ("ambient_declaration", "expression_statement"):
        return [name for one in node.named_children for name in _declared(one)]
    if node.type in ("lexical_declaration", "variable_declaration"):
        return [
            text(one.child_by_field_name("name")) for one in node.named_children if one.type == "variable_declarator"
        ]
    name = node.child_by_field_name("name")
    return [text(name)] if name is not None else []
