"""`.pre-commit-config.yaml`: the repositories of hooks, each at its `rev`.

Read is `repos[].repo` with its `rev`: a component of the ecosystem git, named by host and path.

- A tag is the version.
- A commit with its version in a comment (`rev: <40 hex>  # frozen: v1.2`, as `pre-commit autoupdate --freeze` writes)
  is that version, and the commit its digest. A rewrite changes both.
- A branch, and a commit without a comment, are answered, not edited.

Left alone: the repositories `local` and `meta`, paths on the machine, and `additional_dependencies`: those are packages
of the hook's own language, and only the hook's author knows which belong together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec

from bot.adapters import Options, Tools, decode
from bot.adapters.manifests import _places, _refs, _yaml
from bot.adapters.manifests._file import File, reading
from bot.adapters.manifests._owners import owner
from bot.adapters.manifests._places import Read, in_order
from bot.core.model import Pin, Release

KIND = "pre_commit"


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    pass


def open(options: Options, tools: Tools) -> PreCommit:
    """No options, and it needs nothing of what is lent."""
    decode(options, _Options, KIND)
    return PreCommit()


class PreCommit:
    """A `core.ports.Manifest`."""

    def matches(self, path: str) -> bool:
        """The one file that pre-commit looks for, in any folder."""
        return owner(path) == KIND

    def read(self, path: str, text: str) -> Sequence[Pin]:
        """Every repository that a URL names. ConfigProblem for what is no YAML."""
        return [pin for pin, _ in _reads(path, text)]

    def rewrite(self, text: str, pin: Pin, release: Release) -> str:
        """The text with this repository at the release: tag, or commit and comment."""
        return _places.rewrite(text, _reads(pin.path, text), pin, release)


def _reads(path: str, text: str) -> list[Read]:
    file = reading(path, text, KIND)
    return in_order(found for found in _repositories(file) if found)


def _repositories(file: File) -> Iterator[Read | None]:
    document = _yaml.document(file)
    # Before 1.0 of pre-commit the list stood at the top.
    repos = document and (document.get("repos") or document)
    for hooks in repos.values() if repos else ():
        repo, rev = hooks.text("repo"), hooks.text("rev")
        component = _refs.repository(repo.value) if repo else None
        if repo and rev and component:
            pin, place = _refs.read(file, component, repo.at, ref=rev.value, ref_at=rev.at)
            yield pin, replace(place, bare=rev.plain and not pin.digest)
