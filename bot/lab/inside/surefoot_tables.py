"""In the jail: has Hypothesis make its tables of Unicode, as it does when text is first drawn; the tree is not loaded.

Called as `-I -S surefoot_tables.py SITE`, SITE being where the environment's packages lie. The result: JSON, path below
Hypothesis' folder -> its content in base64. A release that knows no such table makes none of it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path


def main(site: str) -> None:
    """Make them in a folder of their own."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "made"  # Hypothesis marks for git only what it makes itself
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(folder)
        sys.path.append(site)
        with contextlib.suppress(Exception):
            from hypothesis.internal import charmap

            charmap.charmap()
            charmap.intervals_from_codec("utf-8")
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        told = {path.relative_to(folder).as_posix(): base64.b64encode(path.read_bytes()).decode() for path in paths}
    with open(os.environ["SUREFOOT_RESULTS"], "w", encoding="utf-8") as file:
        json.dump(told, file)


main(sys.argv[1])
