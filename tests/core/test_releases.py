"""What is kept of a release: enough to write every pin of it, and not the list of its files."""

from __future__ import annotations

import msgspec

from bot.adapters.manifests.requirements import Requirements
from bot.core.model import Artifact, Release
from bot.core.releases import brief
from tests.builders import a_release

OLD, NEW = "a" * 64, "b" * 64


def many(count: int) -> Release:
    """A release with so many wheels."""
    files = (
        Artifact(
            filename=f"numpy-2.0-cp3{n}-manylinux.whl",
            url=f"https://index.example/{n}/numpy-2.0.whl" * 2,
            sha256=f"{n:064x}",
        )
        for n in range(count)
    )
    return a_release("2.0", artifacts=tuple(files), links=(("changelog", "https://example.org/changes"),))


def test_a_pin_with_hashes_is_written_from_what_is_kept() -> None:
    """The same file, to the last byte, as from the whole release."""
    text = f"greeter==1.0 --hash=sha256:{OLD}\n"
    whole = a_release("2.0", artifacts=(Artifact(filename="x", url="y", sha256=NEW), Artifact(filename="z", url="y")))
    reader = Requirements()
    (pin,) = reader.read("requirements.txt", text)
    assert reader.rewrite(text, pin, brief(whole)) == reader.rewrite(text, pin, whole) != text


def test_what_is_kept_of_fifty_large_releases_is_small() -> None:
    """All of it but the files; kept twice it is the same, and a row of before is read as it was."""
    whole = many(100)
    kept = brief(whole)
    assert (kept.version, kept.links, kept.published) == (whole.version, whole.links, whole.published)
    assert kept.digests == whole.digests and len(kept.digests) == 100
    assert brief(kept) == kept
    size = len(msgspec.json.encode(kept))
    assert 3 * size < len(msgspec.json.encode(whole)) and size < 8_000
    row = msgspec.to_builtins(whole)
    del row["hashes"]
    assert msgspec.convert(row, Release) == whole
