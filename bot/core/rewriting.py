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
    changed = {}
    for path in dict.fromkeys(pin.path for pin in pins):
        if path not in texts:
            continue
        mine = [pin for pin in pins if pin.path == path]
        text = _one(path, texts[path], mine, release, manifests)
        if text != texts[path]:
            changed[path] = text
    return changed


def _one(path: str, text: str, mine: Sequence[Pin], release: Release, manifests: Mapping[str, Manifest]) -> str:
    manifest = manifests[mine[0].manifest]
    wanted = {(pin.component, pin.version) for pin in mine}
    # A rewrite moves what stands behind it, so the places are found anew after each.
    for _ in range(len(mine) + 1):
        left = [p for p in manifest.read(path, text) if (p.component, p.version) in wanted and p.version is not None]
        if not left:
            break
        text = manifest.rewrite(text, left[0], release)
    return text
