"""Kubernetes manifests and `kustomization.yaml`: the images of the containers.

Files: every `.yaml` and `.yml` that no other kind knows by name (compose, workflows and actions, charts and their
values, hooks), and `Kustomization`. Of those only the documents with an `apiVersion` and a `kind` are read; a file
without one holds no pins, and costs next to nothing.

Read are the images of `containers`, `initContainers` and `ephemeralContainers` and image volumes, wherever a document
holds a pod's specification, and the `images` of a kustomization: `newTag` and `digest` under `newName` or `name`.

Left alone: documents that a template engine must still write (`{{ }}`), custom resource definitions, images that a
variable gives, and a kustomization's image that sets neither tag nor digest.

A rewrite changes the characters of the tag, and of the digest where one is pinned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from bot.adapters import Options, Tools, no_options
from bot.adapters.manifests import _image, _places, _yaml
from bot.adapters.manifests._file import File, reading
from bot.adapters.manifests._owners import owned
from bot.adapters.manifests._places import Place, Read, in_order
from bot.adapters.manifests._reader import Reader
from bot.adapters.manifests._yaml import Node

KIND = "kubernetes"

_CONTAINERS = frozenset({"containers", "initContainers", "ephemeralContainers"})
# At the beginning of a line, or quoted as in JSON: deeper down it is a text that shows a manifest.
_DOCUMENT = tuple(
    re.compile(rf"(?:^{key}|(?:^|[{{,])[ \t]*[\"']{key}[\"'])[ \t]*:", re.MULTILINE) for key in ("apiVersion", "kind")
)
_DEFINITION = re.compile(r"^kind:\s*[\"']?CustomResourceDefinition\b", re.M)
_KUSTOMIZATION = re.compile(r"(?:.*/)?(?:kustomization\.ya?ml|Kustomization)")


def open(options: Options, tools: Tools) -> Reader[Place]:
    """No options, and it needs nothing of what is lent."""
    no_options(options, KIND)
    return Reader(owns=partial(owned, KIND), find=_reads, write=_places.rewrite)


def _reads(path: str, text: str) -> list[Read]:
    file = reading(path, text, KIND)
    if _KUSTOMIZATION.fullmatch(path):
        return in_order(_replaced(file))
    found = (read for document in _yaml.documents(file, _is_ours) for read in _contained(file, document))
    return in_order(read for read in found if read)


def _is_ours(text: str) -> bool:
    named = "image" in text and all(pattern.search(text) for pattern in _DOCUMENT)
    return named and not _DEFINITION.search(text)


def _contained(file: File, document: Node) -> Iterator[Read | None]:
    if not (document.get("apiVersion") and document.get("kind")):
        return
    for key, node in document.walk():
        for image in (
            node.text("image") if key in _CONTAINERS else None,
            node.text("image", "reference") if key == "volumes" else None,
        ):
            if image:
                yield _image.single(file, image.value, image.at)


def _replaced(file: File) -> Iterator[Read]:
    """What `kustomize edit set image` writes."""
    for document in _yaml.documents(file, lambda text: "images" in text):
        images = document.get("images")
        for one in images.values() if images else ():
            name, tag, digest = one.text("newName") or one.text("name"), one.text("newTag"), one.text("digest")
            read = _image.split(file, name, tag, digest) if name else None
            if read:
                yield read
