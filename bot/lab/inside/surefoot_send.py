"""Runs in the jail: sends the folders of packages that a tool laid out there over a socket, as one stream of tar.

The standard library only, and started by itself with `-I -S`. Arguments: the socket, the folder to look below, and the
folders to be sent: a path that begins with a dot is one folder, a name means all that are called so.
"""

from __future__ import annotations

import os
import socket
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path


def folders(root: Path, name: str) -> Iterator[Path]:
    """Each folder of that name that lies in no other one; of a path the one folder."""
    if name.startswith("./"):
        if (root / name).is_dir() and not (root / name).is_symlink():
            yield root / name
        return
    for place, names, _ in os.walk(root):
        if name in names:
            yield Path(place) / name
        names[:] = [one for one in names if one != name]


def main(path: str, root: Path, *names: str) -> None:
    """Send them all, or die."""
    with socket.socket(socket.AF_UNIX) as way:
        way.connect(path)
        with way.makefile("wb") as out, tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as archive:
            for name in names:
                for folder in folders(root, name):
                    archive.add(folder, arcname=str(folder.relative_to(root)))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
