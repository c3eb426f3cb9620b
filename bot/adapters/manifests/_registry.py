"""Where a package comes from, as a file says it: a URL without a login."""

from __future__ import annotations

from urllib.parse import urlsplit


def place(url: str) -> str | None:
    """The URL without user, password and trailing slashes; None for what is no http URL of a host."""
    try:
        split = urlsplit(url)
        host = split.hostname
        netloc = split.netloc.rpartition("@")[2]
    except ValueError:
        return None
    if split.scheme.lower() not in ("http", "https") or not host:
        return None
    return split._replace(scheme=split.scheme.lower(), netloc=netloc).geturl().rstrip("/")
