"""Unpacks a tar that git made, and nothing that would leave the folder, on every Python 3.11."""

from __future__ import annotations

import tarfile
from pathlib import Path, PurePosixPath


def unpack(archive: tarfile.TarFile, into: Path) -> None:
    """Files and folders below `into`. Extraction filters came with Python 3.11.4; before that, links are left out."""
    if hasattr(tarfile, "data_filter"):
        archive.extractall(into, filter="data")
    else:
        plain = [member for member in archive if is_plain(member)]
        archive.extractall(into, members=plain)  # noqa: S202 - each member was looked at the line before


def is_plain(member: tarfile.TarInfo) -> bool:
    """A file or a folder whose path stays inside."""
    path = PurePosixPath(member.name)
    return (member.isfile() or member.isdir()) and not path.is_absolute() and ".." not in path.parts
