"""A trial on its way to another machine: one compressed tar of both trees and the question; it is read as hostile."""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import IO

import msgspec

from bot.core.errors import ConfigProblem
from bot.core.ports import Trial

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
    question = _WRITE.encode(replace(trial, base=Path("base"), candidate=Path("candidate")))
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
    trial: Trial | None = None
    links: list[tarfile.TarInfo] = []
    last = ""
    try:
        with tarfile.open(fileobj=parcel, mode="r:gz") as opened:
            for member in _bounded(opened):
                last = member.name
                if trial is None:
                    trial = _question(opened, member)
                elif member.issym():
                    links.append(member)
                elif member.name != END:
                    _place(opened, member, folder)
    except (tarfile.TarError, EOFError, OSError, msgspec.DecodeError, UnicodeError, zlib.error) as problem:
        raise ConfigProblem(f"is no parcel of a trial: {problem}", where=_WHERE) from problem
    if trial is None or last != END:
        raise ConfigProblem("is empty, or was cut off", where=_WHERE)
    for link in links:  # at the end, so that nothing can be written through one
        _link(link, folder)
    return replace(trial, base=folder / "base", candidate=folder / "candidate")


def _bounded(parcel: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """One member at a time; a small parcel may unpack to very much."""
    count, total = 0, 0
    for member in parcel:
        count, total = count + 1, total + member.size
        if count > MOST_MEMBERS or total > MOST_BYTES:
            raise ConfigProblem("holds more than a trial may", where=_WHERE)
        yield member


def _question(parcel: tarfile.TarFile, member: tarfile.TarInfo) -> Trial:
    file = parcel.extractfile(member) if member.name == QUESTION and member.size <= _MOST_QUESTION else None
    if file is None:
        raise ConfigProblem(f"does not begin with {QUESTION}", where=_WHERE)
    return _READ.decode(file.read())


def _inside(member: tarfile.TarInfo, folder: Path) -> Path:
    """Its place, which is below its own side."""
    side, _, name = member.name.partition("/")
    parts = name.split("/")
    if side not in SIDES or not all(part and part not in (".", "..") for part in parts) or "\0" in name:
        raise ConfigProblem("holds what is neither side's", where=_WHERE)
    return folder.joinpath(side, *parts)


def _place(parcel: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    path = _inside(member, folder)
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    file = parcel.extractfile(member) if member.isreg() else None
    if file is None:
        raise ConfigProblem("holds what is neither a file, a folder nor a link", where=_WHERE)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as made:
        shutil.copyfileobj(file, made)
    path.chmod(0o755 if member.mode & stat.S_IXUSR else 0o644)


def _link(member: tarfile.TarInfo, folder: Path) -> None:
    """A link that leads out of its own tree, or lies behind another link, is left out."""
    path = _inside(member, folder)
    side = folder / member.name.partition("/")[0]
    target = Path(os.path.normpath(path.parent / member.linkname))
    parents = [parent for parent in path.parents if parent.is_relative_to(side)]
    if Path(member.linkname).is_absolute() or not target.is_relative_to(side) or any(map(Path.is_symlink, parents)):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.path.lexists(path):
        path.symlink_to(member.linkname)
