"""Cargo.lock (version 3 and 4)."""

from __future__ import annotations

from collections.abc import Iterator

from bot.core import tomls
from bot.core.errors import ConfigProblem
from bot.core.lockreaders.locked import PUBLIC, Locked

# How Cargo calls crates.io, after the git repository that its index once was.
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def read(text: str) -> Iterator[Locked]:
    """Every package of a Cargo.lock."""
    document = tomls.loads(text)
    if (version := document.get("version")) not in (3, 4):
        raise ConfigProblem(f"is of version {version!r}; only 3 and 4 are known", where="Cargo.lock",
                            mend="Run `cargo update --workspace` once with a newer Rust")  # fmt: skip
    for package in document.get("package", ()):
        name, source = str(package["name"]), str(package.get("source", ""))
        kind, _, place = source.partition("+")
        checksum = str(package.get("checksum", ""))
        yield Locked(
            name=name,
            version=str(package["version"]),
            origin=PUBLIC if source == CRATES_IO else place,
            files={f"{name}-{package['version']}.crate": checksum} if checksum else {},
            aside=kind not in ("registry", "sparse"),
        )
