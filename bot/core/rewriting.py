"""From pins to new texts: every place that pins the component gets the release, every other byte stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.core.model import Pin, Release
from bot.core.ports import Manifest


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
    wanted = {(pin.component, pin.version) for pin in mine}
    # A rewrite moves what stands behind it, so the places are found anew after each.
    for _ in range(len(mine) + 1):
        there = [pin for pin in manifest.read(path, text) if (pin.component, pin.version) in wanted]
        left = [pin for pin in there if pin.version is not None and not _is_at(pin, release)]
        if not left:
            break
        text = manifest.rewrite(text, left[0], release)
    return text


def _is_at(pin: Pin, release: Release) -> bool:
    return pin.version == release.version and (not pin.digest or pin.digest == release.digest)
