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
_VERSION = re.compile(r"\d+(?:\.\d+)+")
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
    "env": "reads the variable",
    "environ": "takes all variables of its environment",
    "binding": "reaches past the library of Node to",
    "outside": "does what it kept from the watch inside, and the kernel noted:",
}
# Variables that hold what lets one publish or spend, and parts of Node that processes and connections are made of.
_TOKENS = frozenset(("NPM_TOKEN", "NODE_AUTH_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "AWS_SECRET_ACCESS_KEY"))
_BINDINGS = frozenset(
    ("spawn_sync", "process_wrap", "tcp_wrap", "udp_wrap", "pipe_wrap", "cares_wrap", "js_stream", "tls_wrap")
)
IMPORTED = "when it is imported"


def behaviour(name: str, before: Deeds, after: Deeds, moment: str = IMPORTED) -> tuple[Found, ...]:
    """What `name` newly tries at that moment. name "": what the mere start of the language does. First what asks."""
    fresh = name not in before
    had = {_known_as(_steady(deed)) for deed in (*before.get(name, ()), *(after.get("", ()) if name else ()))}
    deeds = dict.fromkeys(_steady(deed) for deed in after.get(name, ()))
    found = [one for deed in deeds if _known_as(deed) not in had and (one := _told(deed, fresh, moment))]
    if _ended(after.get(name, ())) and not _ended(before.get(name, ())):
        found.append(Found(rule="ends", why=f"ends the interpreter, or hangs, {moment}", asks=True))
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


def _known_as(deed: Deed) -> Deed:
    """A native library is the same one under the name of its next version."""
    return Deed(deed.kind, _VERSION.sub("", deed.what)) if deed.kind == "native" else deed


def _ended(deeds: Sequence[Deed]) -> bool:
    """A process that told something, and not that it came to the end."""
    return all(deed[0] != "done" for deed in deeds)


def _told(deed: Deed, fresh: bool, moment: str) -> Found | None:
    if deed.kind not in _SAID:
        return None
    secret = deed.kind in ("read", "list", "write") and bool(_SECRETS.search(deed.what))
    match deed.kind:
        case "connect" | "lookup":
            asks = not _LOCAL.match(deed.what)
        case "process":
            asks = not fresh
        case "env":
            asks = deed.what in _TOKENS
        case "binding":
            asks = deed.what in _BINDINGS
        case "write":
            asks = secret or bool(_BEGINS.search(deed.what)) or not deed.what.startswith("~/")
        case _:
            asks = secret or deed.kind in ("many", "outside")
    where = ", where secrets lie" if secret else ""
    what = f" {code(deed.what)}" if deed.what else ""
    return Found(rule=deed.kind, why=f"{moment}, {_SAID[deed.kind]}{what}{where}", asks=asks)
