"""Unpacks a tar that git made, and nothing that would leave the folder, on every Python 3.11."""

from __future__ import annotations

import tarfile
from pathlib import Path, PurePosixPath


def unpack(archive: tarfile.TarFile, into: Path) -> None:
    """Files and folders below `into`; TarError for a path that leaves it.

    Extraction filters came with Python 3.11.4; before that, links are left out.
    """
    if hasattr(tarfile, "data_filter"):
        archive.extractall(into, filter="data")
        return
    members = archive.getmembers()
    for member in members:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts:
            raise tarfile.TarError(f"{member.name} would be unpacked outside of the folder")
    plain = [member for member in members if member.isfile() or member.isdir()]
    archive.extractall(into, members=plain)  # noqa: S202 - each member was looked at above
