"""What importing a package tried to do, told from what both versions did; claims of foreign code, bounded by the jail.

Only what is new counts. What reaches out (a connection, a process, a secret) asks a person; what a library may well do
at home (a folder for its cache, a native library) is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from bot.core.artifacts import Found
from bot.core.quoting import code


class Deed(NamedTuple):
    """One thing that was tried. kind: a word of what is said below; failed, for a module; done, at the end of all."""

    kind: str
    what: str


Deeds = Mapping[str, Sequence[Deed]]  # of each distribution, and under "" what the mere start of Python does

_SECRETS = re.compile(
    r"^~/\.(ssh|aws|gnupg|docker|kube|azure|mozilla|electrum|bitcoin|ethereum|config/(gh|gcloud|google-chrome|git))(/|$)"
    r"|^~/\.(netrc|pypirc|npmrc|git-credentials|gitconfig|bash_history|zsh_history|python_history|vault-token)$"
    r"|^/etc/(shadow|passwd|sudoers)|^/root(/|$)|^/proc/\d+|^/(var/)?run/|/\.env$|id_(rsa|ed25519|ecdsa)$"
)
_BEGINS = re.compile(
    r"^~/\.(bashrc|bash_profile|profile|zshrc|zshenv|zprofile|config/(autostart|systemd))"
    r"|\.pth$|/(site|user)customize\.py$"
)
_HOMES = re.compile(r"~/\.(?:cache|local/(?:share|state))/[^/]+|~/\.config/(?!gh|gcloud|git|autostart|systemd)[^/]+")
_LOCAL = re.compile(r"^(127\.|localhost|::1|0\.0\.0\.0|::(:|$)|@?/|$)")
_SAID = {
    "process": "starts a process",
    "connect": "opens a connection to",
    "lookup": "looks up the host",
    "read": "reads",
    "list": "lists",
    "write": "writes to",
    "native": "loads the native library",
    "odd": "does something that could not be read",
    "many": "does more than could be noted",
}


def behaviour(name: str, before: Deeds, after: Deeds) -> tuple[Found, ...]:
    """What importing `name` newly tries. name "": what the mere start of Python newly tries. First what asks."""
    fresh = name not in before
    had = {_steady(deed) for deed in (*before.get(name, ()), *(after.get("", ()) if name else ()))}
    deeds = dict.fromkeys(_steady(deed) for deed in after.get(name, ()))
    found = [one for deed in deeds if deed not in had and (one := _told(deed, fresh))]
    if _ended(after.get(name, ())) and not _ended(before.get(name, ())):
        found.append(Found(rule="ends", why="ends the interpreter, or hangs, when it is imported", asks=True))
    return tuple(sorted(found, key=lambda one: not one.asks))


def unwatched(before: Deeds, after: Deeds) -> Iterator[str]:
    """Modules that newly cannot be imported alone, with the error's kind: what they do was not seen."""
    for name, deeds in after.items():
        known = set(before.get(name, ()))
        yield from (code(deed[1]) for deed in deeds if deed[0] == "failed" and deed not in known)


def _steady(deed: Deed) -> Deed:
    """The same deed in words that two runs share: below a cache lie names with versions, and made up ones."""
    cut = _HOMES.match(deed.what) if deed.kind in ("write", "read", "list") else None
    return Deed(deed.kind, cut[0] if cut else deed.what)


def _ended(deeds: Sequence[Deed]) -> bool:
    """A process that told something, and not that it came to the end."""
    return all(deed[0] != "done" for deed in deeds)


def _told(deed: Deed, fresh: bool) -> Found | None:
    if deed.kind not in _SAID:
        return None
    secret = deed.kind in ("read", "list", "write") and bool(_SECRETS.search(deed.what))
    match deed.kind:
        case "connect" | "lookup":
            asks = not _LOCAL.match(deed.what)
        case "process":
            asks = not fresh
        case "write":
            asks = secret or bool(_BEGINS.search(deed.what)) or not deed.what.startswith("~/")
        case _:
            asks = secret or deed.kind == "many"
    where = ", where secrets lie" if secret else ""
    return Found(rule=deed.kind, why=f"when it is imported, {_SAID[deed.kind]} {code(deed.what)}{where}", asks=asks)
