"""What the tests of manifests ask of every kind: what was read in short form, and releases to write."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from bot.adapters import Tools, manifests, open_one
from bot.core.model import Pin, Release
from bot.core.ports import Manifest
from bot.tools.http import Http

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER_COMMIT = "fedcba9876543210fedcba9876543210fedcba98"
DIGEST = "sha256:" + "0a" * 32
OTHER_DIGEST = "sha256:" + "1b" * 32

ENDS = st.sampled_from(["\n", "\r\n"])
MARKS = st.sampled_from(["", "\ufeff"])
QUOTES = st.sampled_from(["", '"', "'"])
BLANKS = st.sampled_from(["", " ", "   ", "\t"])
NAMES = st.from_regex(r"[a-z][a-z0-9]{1,8}(/[a-z][a-z0-9]{1,8})?", fullmatch=True)
TAGS = st.from_regex(r"v?[1-9][0-9]?\.[0-9]{1,2}\.[0-9]{1,2}(-[a-z]{1,6})?", fullmatch=True)
VERSIONS = st.from_regex(r"[1-9][0-9]?\.[0-9]{1,2}\.[0-9]{1,2}", fullmatch=True)


def opened(kind: str) -> Manifest:
    """The manifest of this kind, as the bot opens it."""
    made: Manifest = open_one(manifests, kind, {}, Tools(http=Http()))
    return made


def release(version: str, digest: str = "") -> Release:
    """A release as a source lists it."""
    return Release(version=version, digest=digest)


def short(pins: Sequence[Pin]) -> list[tuple[int, int, str, str | None]]:
    """Line, column, name and version of each pin."""
    return [(pin.line, pin.column, pin.component.name, pin.version) for pin in pins]


def what(pins: Sequence[Pin]) -> list[tuple[str, str, str | None, str]]:
    """What each pin says, without its place."""
    return [(pin.component.name, pin.component.registry, pin.version, pin.digest) for pin in pins]


def moved(manifest: Manifest, path: str, text: str, at: int, to: Release) -> str:
    """The text with the pin of this number at the release; all other pins are as before, and this one is read back."""
    before = list(manifest.read(path, text))
    after = manifest.rewrite(text, before[at], to)
    again = list(manifest.read(path, after))
    assert [one for number, one in enumerate(what(again)) if number != at] == [
        one for number, one in enumerate(what(before)) if number != at
    ]
    assert (again[at].version, again[at].digest) == (to.version, to.digest if before[at].digest else "")
    return after
