"""`.github/workflows/*.yml` and `action.yml`: the actions, reusable workflows and images that they use.

Files: workflows, `workflow-templates/*.yml`, and `action.yml` in any folder (so also `.github/actions/*/action.yml`).

Read are `uses: owner/repo[/path]@ref` of steps and jobs (all paths of a repository are one component, named
`owner/repo`), `uses: docker://image`, `container:`, `services.*.image`, and the image of a Docker action.

- A tag (`@v4`, `@v4.2.1`) is the version.
- A commit with its version in a comment (`@<40 hex> # v4.2.1`, also `# tag=v4.2.1`, `# pin@v4` and
  `# ratchet:owner/repo@v4`) is that version, and the commit its digest. A rewrite changes both, so that they agree.
- A commit without a comment is a digest of no known version; a branch (`@main`, `@release/v1`, `@v4.x`) is no version.
  Both are answered, not edited.

Left alone: local actions and workflows (`./`), and what an expression (`${{ }}`) gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from bot.adapters import Options, Tools, no_options
from bot.adapters.manifests import _image, _places, _refs, _yaml
from bot.adapters.manifests._file import File, reading
from bot.adapters.manifests._owners import owned
from bot.adapters.manifests._places import Place, Read, in_order
from bot.adapters.manifests._reader import Reader
from bot.adapters.manifests._yaml import Node, Text
from bot.core.model import Component

KIND = "github_actions"

_USES = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(?:/[^@\s]*)?@(?P<ref>[^\s${}]+)", re.ASCII)
_DOCKER = "docker://"


def open(options: Options, tools: Tools) -> Reader[Place]:
    """No options, and it needs nothing of what is lent."""
    no_options(options, KIND)
    return Reader(owns=partial(owned, KIND), find=_reads, write=_places.rewrite)


def _reads(path: str, text: str) -> list[Read]:
    file = reading(path, text, KIND)
    return in_order(found for found in _all(file) if found)


def _all(file: File) -> Iterator[Read | None]:
    document = _yaml.document(file)
    if document is None:
        return
    yield from _steps(file, document.get("runs", "steps"))
    if (image := document.text("runs", "image")) and image.value.startswith(_DOCKER):
        yield _uses(file, image)
    jobs = document.get("jobs")
    for job in jobs.values() if jobs else ():
        yield _uses(file, job.text("uses"))
        yield from _steps(file, job.get("steps"))
        yield _pulled(file, job.text("container") or job.text("container", "image"))
        services = job.get("services")
        for service in services.values() if services else ():
            yield _pulled(file, service.text("image"))


def _steps(file: File, steps: Node | None) -> Iterator[Read | None]:
    for step in steps.values() if steps else ():
        yield _uses(file, step.text("uses"))


def _uses(file: File, text: Text | None) -> Read | None:
    if text is None:
        return None
    if text.value.startswith(_DOCKER):
        return _image.single(file, text.value.removeprefix(_DOCKER), text.at + len(_DOCKER))
    found = _USES.fullmatch(text.value)
    if found is None or found["name"].startswith("."):
        return None
    component = Component(name=found["name"], ecosystem="githubactions")
    ref_at = text.at + found.start("ref")
    return _refs.read(file, component, text.at, ref=found["ref"], ref_at=ref_at)


def _pulled(file: File, text: Text | None) -> Read | None:
    return _image.single(file, text.value, text.at) if text else None
