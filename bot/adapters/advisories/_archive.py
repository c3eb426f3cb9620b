"""A dump on disk, read document by document: bounded, never unpacked, refused as soon as it is not what it should be.

OSV publishes its data as one `all.zip` for each ecosystem, in which every advisory is a JSON file (OSV's "Data dumps").
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from bot.core.errors import Permanent

MOST_BYTES = 16 << 20  # of one advisory
MOST_IN_ALL = 4 << 30  # of all of an ecosystem, unpacked; npm's are about a fifth of that
MOST_FILES = 2_000_000
AGAIN = "Fetch the dump again and move it into place as a whole"

Stamp = tuple[str, int, int, int]


def find(folder: Path, ecosystem: str) -> Path:
    """The dump of an ecosystem: `<name>.zip`, `<name>/all.zip` or a folder of that name. Permanent when none is there.

    That there is none does not mean that nothing is known.
    """
    places = [folder / f"{ecosystem}.zip", folder / ecosystem / "all.zip", folder / ecosystem]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        raise Permanent(
            f"there is no dump of {ecosystem} in {folder}, so nothing is known of its packages. Put OSV's all.zip for "
            f"{ecosystem} there as {ecosystem}.zip"
        )
    return found


def stamp(place: Path) -> Stamp:
    """What changes when the dump is replaced. A folder's is that of its list of files."""
    try:
        status = place.stat()
    except OSError as error:
        raise Permanent(f"{place} cannot be read: {error.strerror}. {AGAIN}") from error
    return str(place), status.st_mtime_ns, status.st_size, status.st_ino


def documents(place: Path) -> Iterator[tuple[str, bytes]]:
    """The name and the text of every advisory, in no order. Permanent for what is broken, too big, or no dump."""
    try:
        yield from _in_folder(place) if place.is_dir() else _in_zip(place)
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise Permanent(f"{place} cannot be read: {error}. {AGAIN}") from error


def _in_zip(place: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(place) as archive:
        members = archive.infolist()
        _bounded(place, len(members), sum(member.file_size for member in members))
        for member in members:
            _plain(place, member)
            if member.filename.endswith(".json"):
                # No more is unpacked than the directory of the archive says, whatever lies there.
                yield member.filename, archive.read(member)


def _plain(place: Path, member: zipfile.ZipInfo) -> None:
    name = member.filename
    if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
        raise Permanent(f"{place} has an entry with the path {name[:100]!r}. {AGAIN}")
    if member.flag_bits & 1:
        raise Permanent(f"{place} is encrypted. {AGAIN}")
    if member.file_size > MOST_BYTES:
        raise Permanent(f"{place}: {name[:100]!r} has {member.file_size} bytes, and no advisory has that many")


def _in_folder(place: Path) -> Iterator[tuple[str, bytes]]:
    size = 0
    with os.scandir(place) as entries:
        for count, entry in enumerate(entries):
            if not entry.name.endswith(".json"):
                continue
            if not entry.is_file(follow_symlinks=False):
                raise Permanent(f"{place}: {entry.name[:100]!r} is no plain file")
            with Path(entry.path).open("rb") as file:
                body = file.read(MOST_BYTES + 1)
            if len(body) > MOST_BYTES:
                raise Permanent(f"{place}: {entry.name[:100]!r} has more bytes than any advisory")
            size += len(body)
            _bounded(place, count, size)
            yield entry.name, body


def _bounded(place: Path, count: int, size: int) -> None:
    if count > MOST_FILES or size > MOST_IN_ALL:
        raise Permanent(f"{place} is no dump of advisories: {count} files with {size} bytes")
