"""Where, among this user's own files, ours lie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def user_folder(environ: Mapping[str, str]) -> Path:
    """The user's cache folder for us: XDG_CACHE_HOME, else ~/.cache."""
    root = environ.get("XDG_CACHE_HOME", "")
    # The XDG rules say that a relative path is to be ignored.
    return (Path(root) if root.startswith("/") else Path.home() / ".cache") / "surefoot"
