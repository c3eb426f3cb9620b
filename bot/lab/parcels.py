"""A trial on its way to another machine: one compressed tar of both trees and the question; it is read as hostile."""

from __future__ import annotations

import gzip
import os
import stat
import tarfile
import zlib
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import IO

import msgspec

from bot.core.errors import ConfigProblem
from bot.core.ports import Trial
from bot.lab import archives
from bot.lab.archives import Box, Odd, Rules, TooMuch

QUESTION = "trial.json"
SIDES = ("base", "candidate")
END = "end"  # the last member, for a parcel that was cut off may look like a smaller one
MOST_MEMBERS = 200_000
MOST_BYTES = 4 << 30  # of both trees, unpacked
_MOST_QUESTION = 1 << 20
_WHERE = "the runner's door"

# Made here, since a decoder that is made in a thread may meet another's making.
_READ = msgspec.json.Decoder(Trial, dec_hook=lambda _, value: Path(value))
_WRITE = msgspec.json.Encoder(enc_hook=str)


def pack(trial: Trial, into: IO[bytes]) -> None:
    """Write it. Sockets, pipes and devices are no part of a tree."""
    # What was written anew stands in the candidate itself.
    question = _WRITE.encode(replace(trial, base=Path("base"), candidate=Path("candidate"), written={}))
    with tarfile.open(fileobj=into, mode="w:gz", compresslevel=1) as parcel:
        head = tarfile.TarInfo(QUESTION)
        head.size = len(question)
        parcel.addfile(head, BytesIO(question))
        for name, tree in zip(SIDES, (trial.base, trial.candidate), strict=True):
            for path in sorted(tree.rglob("*")):
                _send(parcel, path, f"{name}/{path.relative_to(tree).as_posix()}")
        parcel.addfile(tarfile.TarInfo(END))


def _send(parcel: tarfile.TarFile, path: Path, name: str) -> None:
    """Nobody's name and no time: the same tree makes the same parcel. A file with two names is sent as two."""
    status = path.lstat()
    member = tarfile.TarInfo(name)
    member.mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISDIR(status.st_mode):
        member.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(status.st_mode):
        member.type, member.linkname = tarfile.SYMTYPE, str(path.readlink())
    elif not stat.S_ISREG(status.st_mode):
        return
    if not member.isreg():
        parcel.addfile(member)
        return
    with path.open("rb") as file:
        member.size = os.fstat(file.fileno()).st_size
        parcel.addfile(member, file)


def unpack(parcel: IO[bytes], folder: Path) -> Trial:
    """The trial, its trees below folder. ConfigProblem for what is no parcel, or holds too much."""
    for name in SIDES:
        (folder / name).mkdir()
    box = Box(folder, Rules(members=MOST_MEMBERS, bytes=MOST_BYTES, roots=frozenset(SIDES)))
    try:
        with gzip.GzipFile(fileobj=parcel) as plain, archives.opened(plain) as held:
            trial = _trial(held, box)
        box.tie()
    except Odd as problem:
        raise ConfigProblem(f"holds what is neither side's, nor part of a tree: {problem}", where=_WHERE) from problem
    except TooMuch as problem:
        raise ConfigProblem(f"holds more than a trial may: {problem}", where=_WHERE) from problem
    except (tarfile.TarError, EOFError, OSError, msgspec.DecodeError, UnicodeError, zlib.error) as problem:
        raise ConfigProblem(f"is no parcel of a trial: {problem}", where=_WHERE) from problem
    return replace(trial, base=folder / "base", candidate=folder / "candidate")


def _trial(held: tarfile.TarFile, box: Box) -> Trial:
    """The question, which comes first, when all between it and the end is laid out."""
    trial: Trial | None = None
    last = ""
    for member in box.members(held):
        last = member.name
        if trial is None:
            trial = _question(held, member)
        elif last != END:
            box.take(held, member)
    if trial is None or last != END:
        raise ConfigProblem("is empty, or was cut off", where=_WHERE)
    return trial


def _question(parcel: tarfile.TarFile, member: tarfile.TarInfo) -> Trial:
    file = parcel.extractfile(member) if member.name == QUESTION and member.size <= _MOST_QUESTION else None
    if file is None:
        raise ConfigProblem(f"does not begin with {QUESTION}", where=_WHERE)
    return _READ.decode(file.read())
