"""A secret never shows itself: not in a log, a traceback, a comment or a check run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from yarl import URL

HIDDEN = "***"
ANYWHERE = "*"  # among the hosts of a secret: its owner alone says where it goes, URL by URL

# What GitHub, package indexes and private keys look like, and credentials inside a URL or a header. A secret that got
# into a text by way of a foreign tool is not known to us by value, only by its shape.
SHAPES = re.compile(
    r"gh[pousr]_[A-Za-z0-9_.-]{20,}"
    r"|github_pat_[A-Za-z0-9_]{20,}"
    r"|pypi-[A-Za-z0-9_-]{16,}"
    r"|xox[abprs]-[A-Za-z0-9-]{10,}"
    # A head of any length where a word begins, and a bounded one within a word: else a text of nothing but heads would
    # be gone through once for each of them.
    r"|(?:(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+|eyJ[A-Za-z0-9_-]{8,512}+)\.[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"
    r"|(?i:(?<=authorization: )|(?<=authorization\": \")|(?<=authorization': '))(?:[A-Za-z]+ )?[^\s'\"]+",
    re.DOTALL,
)
SHORTEST = 6  # a shorter value would blank out ordinary words


class Secret:
    """A text that only `reveal` gives away; equal by value, hidden when printed."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself: for the one call that needs it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    __str__ = __repr__

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not pickled: it would lie on a disk in the open")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """A secret that its owner lends. repositories: globs of owner/name; hosts: where it may be sent, in lower case.

    A host with a port (`metrics.example.com:9090`) stands for that port alone.
    """

    name: str
    value: Secret
    repositories: tuple[str, ...]
    hosts: frozenset[str]

    def is_for(self, repo: str) -> bool:
        """Whether this repository (owner/name in any case) may use it. A glob's stars never reach over the slash."""
        owner, _, name = repo.lower().partition("/")
        globs = (glob.lower().partition("/") for glob in self.repositories)
        return any(fnmatchcase(owner, first) and fnmatchcase(name, second) for first, _, second in globs)

    def may_go_to(self, url: str) -> bool:
        """Whether it may be sent there; never to what is no URL."""
        there = hosts_of(url)
        return bool(there) and (ANYWHERE in self.hosts or not self.hosts.isdisjoint(there))


def hosts_of(url: str) -> frozenset[str]:
    """The host of an http or https URL, bare and with its port; none of what is no such URL."""
    try:
        there = URL(url, encoded=True)
        host, port = (there.raw_host or "").lower(), there.port
    except ValueError:
        return frozenset()
    host = f"[{host}]" if ":" in host else host
    return frozenset({host, f"{host}:{port}"}) if host and there.scheme in ("http", "https") else frozenset()


def redact(text: str, secrets: Iterable[Secret] = ()) -> str:
    """The text without these secrets and without anything that has the shape of one."""
    # The longest first: one secret may be part of another.
    for secret in sorted(secrets, key=lambda one: -len(one.reveal())):
        if len(secret.reveal()) >= SHORTEST:
            text = text.replace(secret.reveal(), HIDDEN)
    return SHAPES.sub(HIDDEN, text)
