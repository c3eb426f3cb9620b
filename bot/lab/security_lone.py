"""Lock files of a tree that no environment was made from: yarn's, Poetry's, Composer's, and those of other folders.

Nothing of them is installed here, so of what they bring in only what is known against it can be said.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from bot.core import lockfiles
from bot.core.errors import ConfigProblem
from bot.core.lockreaders import READERS
from bot.lab import reading
from bot.lab.ready import GOLANG, PYPI
from bot.lab.security_installed import Lock, Locked
from bot.lab.workbench import Workbench

_MOST_LOCKS, _DEEPEST, _MOST_BYTES = 20, 4, 32 << 20
_APART = frozenset({"node_modules", ".git", ".hg", ".venv", "venv", "vendor", "target", "testdata"})
_WORD = re.compile(r"[@\w.~/-]+")
_ECOSYSTEMS: Mapping[str, str] = {
    "uv.lock": PYPI, "poetry.lock": PYPI, "pdm.lock": PYPI, "pylock.toml": PYPI, "Pipfile.lock": PYPI,
    "package-lock.json": "npm", "npm-shrinkwrap.json": "npm", "yarn.lock": "npm", "pnpm-lock.yaml": "npm",
    "bun.lock": "npm", "Cargo.lock": "cargo", "go.sum": GOLANG, "composer.lock": "composer",
    "Gemfile.lock": "gem", "gems.locked": "gem",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Lone:
    """One lock file that both sides have and that differs. path: in the tree; changed: how many packages differ.

    lines: name of a package -> the first line of the new text that names it.
    """

    path: str
    ecosystem: str
    old: Lock
    new: Lock
    changed: int
    lines: Mapping[str, int]


def differing(bench: Workbench) -> tuple[Lone, ...]:
    """Those whose packages differ between both trees. One that cannot be read is no lock that anybody installs from."""
    made = _used(bench)
    found = []
    for path in _paths(bench.after.tree):
        ecosystem = _ECOSYSTEMS[path.rpartition("/")[2]]
        with contextlib.suppress(ConfigProblem):
            texts = [reading.text(side.tree, path, most=_MOST_BYTES) for side in (bench.before, bench.after)]
            if texts[0] != texts[1] and texts[1] not in made and path not in made:
                old, new = (_packages(text, path) for text in texts)
                changed = len({one.line for one in new} ^ {one.line for one in old})
                lines = _lines(texts[1], {one.name for one in new})
                one = Lone(path=path, ecosystem=ecosystem, old=old, new=new, changed=changed, lines=lines)
                found += [one] if changed else []
    return tuple(found)


def _lines(text: str, names: Set[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        for word in _WORD.findall(line):
            for name in {word, word[:1] + word[1:].partition("@")[0]} & names:
                found.setdefault(name, number)
    return found


def _used(bench: Workbench) -> frozenset[str]:
    """Texts, and paths, of what environments were made from; of Go nothing is fetched where the tree has it all."""
    every = (bench.after.environment, *bench.after.environment.beside)
    fetched = (one for one in every if one.ecosystem == GOLANG and (one.folder / "cache").is_dir())
    paths = {f"{one.where}/go.sum".lstrip("/") for one in fetched}
    return frozenset({one.lock for one in every} | paths)


def _paths(tree: Path) -> Iterator[str]:
    count = 0
    for folder, folders, files in os.walk(tree):
        place = Path(folder).relative_to(tree)
        deep = len(place.parts) >= _DEEPEST
        folders[:] = [] if deep else sorted(name for name in folders if name not in _APART and name[:1] != ".")
        for name in sorted(_ECOSYSTEMS.keys() & READERS.keys() & set(files)):
            count += 1
            if count <= _MOST_LOCKS:
                yield (place / name).as_posix()


def _packages(text: str, path: str) -> Lock:
    """What comes from a registry; a folder, a commit or an address has no versions that anybody reports on."""
    packages = lockfiles.read(text, path)
    return tuple(
        Locked(name=one.name, version=one.version, line=f"{one.name}@{one.version} --hash={sorted(one.files.values())}")
        for one in packages
        if one.version and not one.aside
    )
