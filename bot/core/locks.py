"""Which lock file binds what a manifest pins: one that moves alone leaves a repository that cannot be installed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from posixpath import dirname, join

from bot.core.choice import Choice
from bot.core.lockfiles import why_not
from bot.core.model import Pin, Verdict

# By the manifest's name: the lock files that its own tools write beside it, or in a folder above for a workspace.
LOCKS: Sequence[tuple[str, tuple[str, ...]]] = (
    ("pyproject.toml", ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")),
    ("Pipfile", ("Pipfile.lock",)),
    ("package.json", ("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock")),
    ("Cargo.toml", ("Cargo.lock",)),
    ("go.mod", ("go.sum",)),
    ("Gemfile", ("Gemfile.lock",)),
    ("gems.rb", ("gems.locked",)),
    ("*.gemspec", ("Gemfile.lock",)),
    ("composer.json", ("composer.lock",)),
    ("Chart.yaml", ("Chart.lock",)),
    ("requirements.yaml", ("requirements.lock",)),
    ("*.tf", (".terraform.lock.hcl",)),
    ("*proj", ("packages.lock.json",)),
    ("*.props", ("packages.lock.json",)),
    ("*.targets", ("packages.lock.json",)),
)  # fmt: skip


def may_be_bound(path: str) -> bool:
    """Whether the tools of this manifest write lock files at all."""
    return any(fnmatchcase(path.rpartition("/")[2], pattern) for pattern, _ in LOCKS)


def locks_of(path: str, files: Collection[str]) -> tuple[str, ...]:
    """The lock files among a repository's `files` that bind the manifest at `path`: the nearest of each name."""
    name = path.rpartition("/")[2]
    names = [lock for pattern, locks in LOCKS if fnmatchcase(name, pattern) for lock in locks]
    return tuple(found for lock in names if (found := _nearest(path, lock, files)))


def bound(pins: Sequence[Pin], files: Collection[str]) -> str:
    """Why these pins cannot all be moved; "" when no lock file binds them, or all that do are made anew here."""
    found = {lock: pin.path for pin in pins for lock in locks_of(pin.path, files)}
    reasons = ((path, why_not(lock)) for lock, path in found.items())
    return next((f"{path} is bound by a lock file: {why}" for path, why in reasons if why), "")


def unbound(choice: Choice, why: str) -> Choice:
    """The choice, held where a lock file binds its pins and it would have been proposed."""
    if not why or choice.verdict is not Verdict.APPROVE:
        return choice
    return replace(choice, verdict=Verdict.HOLD, why=(why, *choice.why))


def _nearest(path: str, lock: str, files: Collection[str]) -> str:
    return next((place for folder in _upward(dirname(path)) if (place := join(folder, lock)) in files), "")


def _upward(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = dirname(folder)
    yield ""
