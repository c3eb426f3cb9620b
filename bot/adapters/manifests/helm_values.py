"""`values.yaml` of a chart: the images that it is told to use.

Files: `values*.yaml` and `.yml`, and names that end so (`prod-values.yaml`, `prod.values.yaml`), in any folder.

Charts agree on no schema, so images are known by how most write them:

- a map with `repository` and `tag`, with `registry` and `digest` where they are set; under a key that ends in `image`
  also `image` for `repository`, and `version` for `tag`;
- a text under a key that ends in `image`, when it names a tag or a digest (`image: "nginx:1.27"`).

Left alone: an empty tag (it is the chart's `appVersion` then), and what a template or a variable gives.

A rewrite changes the characters of the tag, and of the digest where one is pinned. A tag without quotes that YAML would
take for a number gets quotes: `1.10` would be 1.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bot.adapters import Options, Tools, no_options
from bot.adapters.manifests import _image, _places, _yaml
from bot.adapters.manifests._file import File, reading
from bot.adapters.manifests._owners import owned
from bot.adapters.manifests._places import Place, Read, in_order
from bot.adapters.manifests._reader import Reader
from bot.adapters.manifests._yaml import Node

KIND = "helm_values"


def open(options: Options, tools: Tools) -> Reader[Place]:
    """No options, and it needs nothing of what is lent."""
    no_options(options, KIND)
    return Reader(owns=partial(owned, KIND), find=_reads, write=_places.rewrite)


def _reads(path: str, text: str) -> list[Read]:
    file = reading(path, text, KIND)
    return in_order(read for read in _images(file) if read)


def _images(file: File) -> Iterator[Read | None]:
    for document in _yaml.documents(file, lambda text: "image" in text.lower() or "repository" in text):
        for key, node in document.walk():
            named = key.lower().endswith("image")
            if node.is_mapping:
                yield _map(file, node, named)
            elif named and (text := node.text()):
                read = _image.single(file, text.value, text.at)
                yield read if read and read[0].requirement else None


def _map(file: File, node: Node, named: bool) -> Read | None:
    name = node.text("repository") or (node.text("image") if named else None)
    tag = node.text("tag") or (node.text("version") if named else None)
    registry, digest = node.text("registry"), node.text("digest")
    if name is None or not (tag or (named and digest)):
        return None
    return _image.split(file, name, tag, digest, registry=registry.value.strip("/") if registry else "")
