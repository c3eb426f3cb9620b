"""`compose.yaml`: the images of the services.

Files: `compose*.yaml`, `docker-compose*.yaml` and `.yml`, in any folder.

Read is `services.*.image`, also where an anchor or `<<` gives it, and the services of the oldest form, which stand at
the top. A default in place is what the file pins: `${IMAGE:-nginx:1.27}` and `nginx:${TAG:-1.27}`.

Left alone: a service that is built here (`build:`; its image is a name for what comes out), and an image with a
variable that has no default in the file.

A rewrite changes the characters of the tag, and of the digest where one is pinned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from bot.adapters import Options, Tools, no_options
from bot.adapters.manifests import _image, _places, _yaml
from bot.adapters.manifests._file import File, reading
from bot.adapters.manifests._image import Part
from bot.adapters.manifests._owners import owned
from bot.adapters.manifests._places import Place, Read, in_order
from bot.adapters.manifests._reader import Reader

KIND = "compose"

_DEFAULT = re.compile(r"\$\{\w+:?-(?P<default>[^${}]*)\}")


def open(options: Options, tools: Tools) -> Reader[Place]:
    """No options, and it needs nothing of what is lent."""
    no_options(options, KIND)
    return Reader(owns=partial(owned, KIND), find=_reads, write=_places.rewrite)


def _reads(path: str, text: str) -> list[Read]:
    file = reading(path, text, KIND)
    return in_order(image for image in _images(file) if image)


def _images(file: File) -> Iterator[Read | None]:
    for document in _yaml.documents(file, lambda text: "image" in text):
        for service in (document.get("services") or document).values():
            image = service.text("image")
            if image and not service.get("build"):
                yield _image.read(file, list(_parts(image.value, image.at)))


def _parts(value: str, at: int) -> Iterator[Part]:
    """What is written and what stands as a default; a variable without one stays, and no image has a dollar in it."""
    end = 0
    for found in _DEFAULT.finditer(value):
        yield Part(text=value[end : found.start()], at=at + end)
        yield Part(text=found["default"], at=at + found.start("default"), given=1)
        end = found.end()
    yield Part(text=value[end:], at=at + end)
