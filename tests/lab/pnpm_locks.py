"""Texts as pnpm writes them: pnpm-lock.yaml in format 9.0."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.lab.registries import integrity, tarball

SETTINGS = "settings:\n  autoInstallPeers: true\n  excludeLinksFromLockfile: false\n"
Packages = Mapping[str, Mapping[str, Mapping[str, Any]]]


def checksum(packages: Packages, name: str, version: str) -> str:
    """Of the tarball that the registry of the tests gives."""
    return integrity(tarball(name, version, packages[name][version]))


def quoted(text: str) -> str:
    """As YAML has to have it."""
    return f"'{text}'" if text.startswith("@") else text


def lock_of(
    packages: Packages, wishes: Mapping[str, tuple[str, str]], held: Iterable[tuple[str, str, Mapping[str, str]]],
    *, more: Mapping[str, str] | None = None,
) -> str:  # fmt: skip
    """wishes: name -> what the manifest says, and the version; held: name, version and what it is joined with.

    more: "name@version" -> further lines about it.
    """
    listed = "".join(
        f"      {quoted(name)}:\n        specifier: {said}\n        version: {version}\n"
        for name, (said, version) in sorted(wishes.items())
    )
    about, joined = "", ""
    for name, version, needs in held:
        key = f"{name}@{version}"
        about += f"\n  {quoted(key)}:\n    resolution: {{integrity: {checksum(packages, name, version)}}}\n"
        about += (more or {}).get(key, "")
        lines = "".join(f"      {need}: {at}\n" for need, at in needs.items())
        joined += f"\n  {quoted(key)}:\n    dependencies:\n{lines}" if needs else f"\n  {quoted(key)}: {{}}\n"
    head = f"lockfileVersion: '9.0'\n\n{SETTINGS}\nimporters:\n\n  .:\n    dependencies:\n{listed}"
    return f"{head}\npackages:\n{about}\nsnapshots:\n{joined}"
