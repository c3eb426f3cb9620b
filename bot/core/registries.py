"""Where components may come from: a registry that the operator's list does not name is not asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TypeAlias

from bot.core.model import Component

Allow: TypeAlias = Mapping[str, Sequence[str]]  # ecosystem -> globs of hosts

PORTS = {"http": "80", "https": "443"}
_HOST = re.compile(r"(?P<bare>[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_END = re.compile(r"[/?#]")
# Names whose first part may be the host that they come from, as image references have it.
_HOSTED = frozenset({"docker", "git", "terraform"})


def refusal(component: Component, allow: Allow, endpoint: str = "") -> str:
    """Why a component may not be taken from where its file says; "" when it may, or when its file names no place.

    endpoint: the URL at which its repository wants it to be asked for, where it describes one. A host without a port
    on the list stands for all of its ports.
    """
    globs = allow.get(component.ecosystem)
    if globs is None:
        return ""
    for place in _places(component, endpoint):
        host, names = _names(place)
        if not any(fnmatchcase(name, glob) for name in names for glob in globs):
            allowed = ", ".join(globs) or "no place that a file names"
            return f"{component.name} may not be taken from {host}: the operator allows {allowed}"
    return ""


def _places(component: Component, endpoint: str) -> list[str]:
    """Every place that is named; where a registry is, an image's name is a path in it."""
    places = [place for place in (component.registry or endpoint,) if place]
    first, slash, _ = component.name.partition("/")
    hosted = bool(slash) and ("." in first or ":" in first or first == "localhost")
    if component.ecosystem in _HOSTED and hosted and not (component.ecosystem == "docker" and component.registry):
        places.append(f"https://{first}")
    return places


def _names(place: str) -> tuple[str, tuple[str, ...]]:
    """The host as people read it, and its names for a list: bare, and with its port. None of what is no host."""
    scheme, mark, rest = place.partition("://")
    host = _END.split(rest if mark else place, maxsplit=1)[0].rpartition("@")[2].lower()
    found = _HOST.fullmatch(host)
    if found is None or not place.isprintable():
        return repr(host[:100]), ()
    port = found["port"] or PORTS.get(scheme.rpartition("+")[2].lower(), PORTS["https"])
    return host, (found["bare"], f"{found['bare']}:{port}")
