"""`Chart.yaml`: the charts that a chart depends on; also `requirements.yaml` of the second version of Helm.

Read is `dependencies[]` with `name`, `version` and `repository` (a chart repository's URL, or `oci://`). A full version
(`1.2.3`, `=1.2.3`, `v1.2.3`) is exact; everything else (`^1.2.0`, `~1.2`, `1.x`, `1.2`) is a range: answered, and
edited only where ranges are widened (but for a bare `1.2`, which YAML takes for a number).

Left alone: dependencies without a repository (they stand in `charts/`), with `file://`, or with a repository that only
the machine knows by name (`alias:` and `@`); the chart's own version; and `Chart.lock`, which `helm dependency update`
must write anew after a change, for it holds a checksum of the dependencies.

A rewrite changes the characters of one version or range.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from bot.adapters import Options, Tools, no_options
from bot.adapters.manifests import _places, _yaml
from bot.adapters.manifests._file import File, reading
from bot.adapters.manifests._owners import owned
from bot.adapters.manifests._places import Place, Read, in_order
from bot.adapters.manifests._reader import Reader
from bot.core.model import Component

KIND = "helm_chart"

# Three numbers: the library of constraints that Helm uses takes fewer for a range.
_EXACT = re.compile(r"\s*+(?:=\s*+)?(?P<version>v?\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)\s*")
_REPOSITORY = re.compile(r"(?:https?|oci)://[^\s{}$]+")


def open(options: Options, tools: Tools) -> Reader[Place]:
    """No options, and it needs nothing of what is lent."""
    no_options(options, KIND)
    return Reader(owns=partial(owned, KIND), find=_reads, write=_places.rewrite)


def _reads(path: str, text: str) -> list[Read]:
    file = reading(path, text, KIND)
    return in_order(_dependencies(file))


def _dependencies(file: File) -> Iterator[Read]:
    document = _yaml.document(file)
    listed = document.get("dependencies") if document else None
    for one in listed.values() if listed else ():
        name, version, repository = one.text("name"), one.text("version"), one.text("repository")
        if not (name and repository and _REPOSITORY.fullmatch(repository.value)) or "{{" in name.value:
            continue
        component = Component(name=name.value, ecosystem="helm", registry=repository.value.rstrip("/"))
        wanted = (version.value, version.at) if version else None
        yield _places.registered(file, component, name.at, wanted, _EXACT)
