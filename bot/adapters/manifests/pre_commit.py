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

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from bot.adapters import Options, Tools, no_options
from bot.adapters.manifests import _places, _refs, _yaml
from bot.adapters.manifests._file import File, reading
from bot.adapters.manifests._owners import owned
from bot.adapters.manifests._places import Place, Read, in_order
from bot.adapters.manifests._reader import Reader

KIND = "pre_commit"


def open(options: Options, tools: Tools) -> Reader[Place]:
    """No options, and it needs nothing of what is lent."""
    no_options(options, KIND)
    return Reader(owns=partial(owned, KIND), find=_reads, write=_places.rewrite)


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
