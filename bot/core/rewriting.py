"""From pins to new texts: every place that pins the component gets the release, every other byte stays.

A range is such a place only where it is to be widened, and it is left alone as soon as it takes the release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.core import ecosystems, objections, versions
from bot.core.model import Pin, Release
from bot.core.ports import Manifest


def moving(pins: Sequence[Pin], release: Release, *, widen: bool) -> tuple[Pin, ...]:
    """The pins that an update to the release moves: the exact ones and, to be widened, the ranges that shut it out."""
    return tuple(pin for pin in pins if pin.version is not None or (widen and widens(pin, release)))


def widens(pin: Pin, release: Release) -> bool:
    """Whether a pin is a range that shuts the release out, and can be written so that it takes it."""
    if pin.version is not None or not pin.widens:
        return False
    return objections.widens(ecosystems.scheme_of(pin.component), pin, release)


def rewritten(
    texts: Mapping[str, str], pins: Sequence[Pin], release: Release, manifests: Mapping[str, Manifest]
) -> dict[str, str]:
    """The files that change, path -> new text.

    texts may be newer than the pins were read from: each file is read again, and a place that no longer
    holds the old version is left alone.
    """
    changed = dict(texts)
    for path, kind in dict.fromkeys((pin.path, pin.manifest) for pin in pins):
        if path in texts:
            mine = [pin for pin in pins if (pin.path, pin.manifest) == (path, kind)]
            changed[path] = _one(path, changed[path], mine, release, manifests)
    return {path: text for path, text in changed.items() if text != texts[path]}


def _one(path: str, text: str, mine: Sequence[Pin], release: Release, manifests: Mapping[str, Manifest]) -> str:
    manifest = manifests[mine[0].manifest]
    wanted, names = {(pin.component, pin.version) for pin in mine}, {pin.component.name for pin in mine}
    # A rewrite moves what stands behind it, so the places are found anew after each.
    for _ in range(len(mine) + 1):
        named = (pin for pin in manifest.read(path, text) if pin.component.name in names)
        there = [pin for pin in named if (pin.component, pin.version) in wanted]
        left = [pin for pin in there if widens(pin, release) or _is_behind(pin, release)]
        if not left:
            break
        text = manifest.rewrite(text, left[0], release)
        if len(left) == 1:
            break
    return text


def _is_behind(pin: Pin, release: Release) -> bool:
    """Whether an exact pin is older than the release, or holds another digest of it: nothing ever moves back."""
    if pin.version is None:
        return False
    order = versions.compare(ecosystems.scheme_of(pin.component), pin.version, release.version)
    return order < 0 or (order == 0 and bool(pin.digest) and pin.digest != release.digest)
