"""Has signatures verified by Sigstore's library in the jail, which bounds what hostile bytes do and has no network."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib.metadata
import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bot.core.attestations import Heard, Standing
from bot.lab import questions
from bot.lab.jobs import Ran, Reason
from bot.lab.questions import Seat
from bot.lab.vouched.documents import Attestation
from bot.lab.vouched.registries import File
from bot.lab.workbench import Workbench

MOST_ROOT = 4 << 20  # bytes of a trusted root; Sigstore's has ten thousand
_SECONDS = 60.0
_NO_KEY = "its registry publishes no key of the name that signed it"
# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_HEARD = msgspec.json.Decoder(list[Heard])


class Unverified(Exception):
    """Nothing could be verified; says why in words that may be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """By what it is verified. version: of the library. root: the operator's trusted root, None for Sigstore's alone."""

    version: str
    root: bytes | None = None

    @property
    def key(self) -> str:
        """Another one whenever somebody else is trusted."""
        return f"{self.version} {hashlib.sha256(self.root).hexdigest() if self.root else ''}"


def trust(root: Path | None) -> Trust:
    """What this machine verifies by. Unverified where there is no library, or the operator's file cannot be read."""
    if importlib.util.find_spec("sigstore") is None:
        raise Unverified("sigstore is not installed beside Surefoot")
    version = importlib.metadata.version("sigstore")
    if root is None:
        return Trust(version=version)
    try:
        with root.open("rb") as file:
            data = file.read(MOST_ROOT + 1)
    except OSError as problem:
        raise Unverified(f"the trusted root of SUREFOOT_TRUSTED_ROOT cannot be read: {problem.strerror}") from None
    if len(data) > MOST_ROOT:
        raise Unverified("the trusted root of SUREFOOT_TRUSTED_ROOT is too big to be one")
    return Trust(version=version, root=data)


async def heard(bench: Workbench, files: Sequence[File], by: Trust) -> list[list[Heard]]:
    """What came of each attestation of each file, in order; unknown when the jail gives no answer. OutOfTime."""
    every = [(file, one) for file in files for one in file.attestations]
    asked = [(file, one) for file, one in every if not one.signer or one.signer in file.keys]
    answers = iter(await _asked(bench, [_item(file, one) for file, one in asked], by) if asked else [])
    unknown = Heard(standing=Standing.UNKNOWN, why=_NO_KEY)
    return [
        [unknown if one.signer and one.signer not in file.keys else next(answers) for one in file.attestations]
        for file in files
    ]


def _item(file: File, one: Attestation) -> dict[str, object]:
    item: dict[str, object] = {one.form: msgspec.Raw(one.data)}
    if one.signer:
        key = file.keys[one.signer]
        item |= {"key": key.der, "expires": key.expires.isoformat() if key.expires else ""}
    return item


async def _asked(bench: Workbench, items: Sequence[object], by: Trust) -> list[Heard]:
    bench.say("verifying attestations")
    place = await asyncio.to_thread(_laid_out, items, by)
    paths = [str(path) for path in _libraries()]
    python = questions.ours()
    try:
        ran = await questions.ask(
            bench,
            "surefoot_vouched",
            {"paths": paths, "file": str(place / "items.json"), "root": str(place / "root.json") if by.root else ""},
            Seat(python=(str(python.path), "-I", "-S"), visible=(place, python.prefix, *map(Path, paths))),
            seconds=_SECONDS,
        )
    finally:
        await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
    return await asyncio.to_thread(_answers, ran, len(items))


def _laid_out(items: Sequence[object], by: Trust) -> Path:
    """A folder that the jail's user can read."""
    place = Path(tempfile.mkdtemp(prefix="surefoot-"))
    (place / "items.json").write_bytes(msgspec.json.encode(items))
    if by.root:
        (place / "root.json").write_bytes(by.root)
    for path in (place, *place.iterdir()):
        path.chmod(0o755)
    return place


def _libraries() -> list[Path]:
    """Where sigstore and what it needs lie; none of it is imported here."""
    folders = (Path(one) for one in sys.path if Path(one).name in ("site-packages", "dist-packages"))
    return [folder.resolve() for folder in folders if folder.is_dir()]


def _answers(ran: Ran, wanted: int) -> list[Heard]:
    """Whoever makes the reader fall over has proven nothing, and neither have those who came with it."""
    why = "" if ran.reason is Reason.FINISHED else f"verifying was ended ({ran.reason.value})"
    if not why and ran.code == 0 and ran.results:
        with contextlib.suppress(msgspec.DecodeError):
            if len(found := _HEARD.decode(ran.results)) == wanted:
                return found
    detail = "" if why else ran.text.strip().rpartition("\n")[2]
    return [Heard(standing=Standing.UNKNOWN, why=why or "verifying failed", detail=detail)] * wanted
