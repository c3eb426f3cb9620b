"""Of a Go module, what decides about its requirements: go.mod, and the imports of its files. Pure, text to text."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from posixpath import basename, dirname, join, normpath

MANIFEST = "go.mod"
_APART = frozenset({"vendor", "testdata", "node_modules"})
_BLANK = re.compile(r"(?:[\s;]+|//[^\n]*|/\*.*?\*/)*+", re.DOTALL)
_WORD = re.compile(r"[^\W\d]\w*|[.(]")
_TEXT = re.compile(r'"[^"\n]*"|`[^`]*`')
_LOCAL = re.compile(r"=>[ \t]+[\"`]?(?P<path>\.{1,2}(?:/[^\s\"`]*)?)[\"`]?[ \t]*(?://.*)?$", re.MULTILINE)
_REQUIRED = re.compile(r"(?P<module>[^\s()]+)\s+(?P<version>v[^\s()]+)")
_GO = re.compile(r"^go[ \t]+(?P<version>[0-9][0-9a-z.]*)", re.MULTILINE)
_TOOLCHAIN = re.compile(r"^toolchain[ \t]+\S", re.MULTILINE)


def needed(lock: str, files: Collection[str], manifest: str) -> tuple[str, ...]:
    """Which of a repository's files Go reads to find out what a module needs.

    lock: the path of its go.sum; manifest: the text of its go.mod, which may replace modules by folders.
    """
    home = dirname(lock)
    modules = {dirname(path) for path in files if basename(path) == MANIFEST}
    roots = {home, *(_within(home, one["path"]) for one in _LOCAL.finditer(manifest))} & modules
    sources = (path for path in files if path.endswith(".go") and _owner(path, modules) in roots)
    own = {join(root, MANIFEST) for root in roots} | {lock}
    return tuple(sorted(own.intersection(files).union(path for path in sources if _counts(path))))


def _within(home: str, path: str) -> str:
    """A folder beside, as a path of the repository."""
    found = normpath(join(home, path))
    return "" if found == "." else found


def _owner(path: str, modules: Collection[str]) -> str | None:
    folder = dirname(path)
    while folder not in modules and folder:
        folder = dirname(folder)
    return folder if folder in modules else None


def _counts(path: str) -> bool:
    return not any(part in _APART or part[0] in "._" for part in path.split("/")[:-1])


def heads(files: Mapping[str, str]) -> dict[str, str]:
    """The files, the source among them without all that comes after its imports."""
    return {path: imports(text) if path.endswith(".go") else text for path, text in files.items()}


def imports(source: str) -> str:
    """A file of Go up to its last import; all of it where that cannot be told, for Go to complain about."""
    at = _BLANK.match(source).end()  # type: ignore[union-attr]  # it matches the empty text too
    end = _clause(source, at, "package")
    while end is not None:
        at = _after_blank(source, end)
        following = _imported(source, at)
        if following is None:
            return source[:end] + "\n"
        end = following
    return source


def _clause(source: str, at: int, word: str) -> int | None:
    """The end of `package name`."""
    if not source.startswith(word, at):
        return None
    named = _WORD.match(source, _after_blank(source, at + len(word)))
    return named.end() if named else None


def _imported(source: str, at: int) -> int | None:
    """The end of an import declaration that begins here; None where none does."""
    word = _WORD.match(source, at)
    if word is None or word[0] != "import":
        return None
    at = _after_blank(source, word.end())
    if not source.startswith("(", at):
        return _one(source, at)
    at = _after_blank(source, at + 1)
    while not source.startswith(")", at):
        end = _one(source, at)
        if end is None:
            return None
        at = _after_blank(source, end)
    return at + 1


def _one(source: str, at: int) -> int | None:
    """The end of `name "path"`; the name may be missing."""
    name = _WORD.match(source, at)
    text = _TEXT.match(source, _after_blank(source, name.end()) if name else at)
    return text.end() if text else None


def _after_blank(source: str, at: int) -> int:
    found = _BLANK.match(source, at)
    return found.end() if found else at


def go_of(manifest: str) -> tuple[int, ...]:
    """Which Go a go.mod is written for, as (1, 22); () where it does not say. More than 1.20 knows counts as 1.21."""
    said = _GO.search(manifest)
    if said is None:
        return ()
    numbers = tuple(int(one) for one in re.findall(r"\d+", said["version"])[:2])
    three = said["version"].count(".") > 1 or "rc" in said["version"] or _TOOLCHAIN.search(manifest)
    return max(numbers, (1, 21)) if three else numbers


def required(manifest: str) -> dict[str, str]:
    """Module -> version, of all that a go.mod as Go writes it requires."""
    found = (_REQUIRED.match(line) for line in _split(manifest)[0])
    return {one["module"].strip('"'): one["version"] for one in found if one}


def rest(manifest: str) -> list[str]:
    """All lines of a go.mod that are no requirements."""
    return _split(manifest)[1]


def pinned(manifest: str, wanted: Mapping[str, str]) -> str:
    """The go.mod with these modules required in these versions, and not a sign else changed."""
    text = manifest
    for module, version in wanted.items():
        line = re.compile(rf"(?P<before>^[ \t]*(?:require[ \t]+)?{re.escape(module)}[ \t]+)v[^\s()]+", re.MULTILINE)
        text = line.sub(lambda found, version=version: found["before"] + version, text, count=1)  # type: ignore[misc]  # a lambda with a default
    return text


def was(manifest: str, sums: Mapping[tuple[str, str, str], str]) -> str:
    """The go.mod that these sums (`lockreaders.golang.lines`) were made for: what they do not know moved since then."""
    older: dict[str, str] = {}
    for module, version in required(manifest).items():
        archives = [one for name, one, file in sums if name == module and not file]
        known = archives or [one for name, one, _ in sums if name == module]
        if version not in known and len(known) == 1:
            older[module] = known[0]
    return pinned(manifest, older)


def _split(manifest: str) -> tuple[list[str], list[str]]:
    """Requirements and the other lines, blank ones left out."""
    wanted: list[str] = []
    others: list[str] = []
    block = False
    for line in filter(None, map(str.strip, manifest.splitlines())):
        if block:
            block = line != ")"
            wanted += [line] if block else []
        elif re.match(r"require\s*\(", line):
            block = not line.endswith(")")
        elif line.startswith(("require ", "require\t")):
            wanted.append(line[len("require") :].strip())
        else:
            others.append(line)
    return wanted, others
