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
from collections.abc import Iterator, Sequence

import msgspec

from bot.adapters import Options, Tools, decode
from bot.adapters.manifests import _image, _places, _yaml
from bot.adapters.manifests._file import File, reading
from bot.adapters.manifests._image import Part
from bot.adapters.manifests._owners import owner
from bot.adapters.manifests._places import Read, in_order
from bot.core.model import Pin, Release

KIND = "compose"

_DEFAULT = re.compile(r"\$\{\w+:?-(?P<default>[^${}]*)\}")


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    pass


def open(options: Options, tools: Tools) -> Compose:
    """No options, and it needs nothing of what is lent."""
    decode(options, _Options, KIND)
    return Compose()


class Compose:
    """A `core.ports.Manifest`."""

    def matches(self, path: str) -> bool:
        """By the names that compose looks for, and those that people make of them."""
        return owner(path) == KIND

    def read(self, path: str, text: str) -> Sequence[Pin]:
        """Every image that is pulled. ConfigProblem for what is no YAML."""
        return [pin for pin, _ in _reads(path, text)]

    def rewrite(self, text: str, pin: Pin, release: Release) -> str:
        """The text with this image at the release's tag and digest. ConfigProblem when the pin is no longer there."""
        return _places.rewrite(text, _reads(pin.path, text), pin, release)


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
