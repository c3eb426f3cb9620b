"""What a registry passes on was written by strangers: it comes out of here checked and short, or not at all."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime

LONGEST_URL = 500
LONGEST_TEXT = 500

Links = tuple[tuple[str, str], ...]

# A host of plain letters, perhaps a port, and no white space, quotes or brackets behind them.
_URL = re.compile(
    r"""https?://[a-z0-9._-]+(?::\d{1,5})?(?:[/?#][^\s<>"\\^`{|}\x00-\x1f\x7f]*)?""", re.IGNORECASE | re.ASCII
)
_FORGES = {"": "github.com", "github": "github.com", "gitlab": "gitlab.com", "bitbucket": "bitbucket.org"}


def time_of(text: object) -> datetime | None:
    """An ISO 8601 time as UTC (one without a zone is UTC already); None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is UTC:
            return at
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def text_of(said: object) -> str:
    """Words in one line of at most 500 characters; "" for what are no words."""
    return " ".join(said.split())[:LONGEST_TEXT] if isinstance(said, str) else ""


def web_url(text: object) -> str | None:
    """A plain http or https URL that may be shown as a link; None for anything else, also for one with a login."""
    return text if isinstance(text, str) and len(text) <= LONGEST_URL and _URL.fullmatch(text) else None


def repository_url(text: object) -> str | None:
    """Where a person can look at a repository, out of the ways in which package files name one; None for others.

    Known are URLs with and without `git+`, git:// and ssh:// ones, `git@host:path`, and `owner/name` with or without
    the name of a forge before it (github:, gitlab:, bitbucket:).
    """
    if not isinstance(text, str) or len(text) > LONGEST_URL:
        return None
    plain = text.strip().removeprefix("git+").partition("#")[0]
    if match := re.fullmatch(r"(?:(github|gitlab|bitbucket):)?([\w.-]+/[\w.-]+)", plain, re.ASCII):
        plain = f"https://{_FORGES[match[1] or '']}/{match[2]}"
    elif match := re.fullmatch(r"(?:ssh://)?(?:[\w-]+@)([\w.-]+)[:/]([\w./~-]+)", plain, re.ASCII):
        plain = f"https://{match[1]}/{match[2]}"
    elif plain.startswith("git://"):
        plain = "https://" + plain.removeprefix("git://")
    return web_url(plain.removesuffix("/").removesuffix(".git"))


def links_of(**named: str | None) -> Links:
    """(what, URL) for each that is known, each URL once, in the order given."""
    found: dict[str, str] = {}
    for what, url in named.items():
        if url and url not in found.values():
            found[what] = url
    return tuple(found.items())


def checksum_of_sri(integrity: object) -> str | None:
    """The strongest digest of a subresource integrity text ("sha512-<base64> …") as "sha512:<hex>"; None without any.

    Source of the form: W3C Subresource Integrity, which npm's `dist.integrity` follows.
    """
    found: dict[str, str] = {}
    for token in integrity.split() if isinstance(integrity, str) else ():
        kind, _, rest = token.partition("-")
        try:
            digest = base64.b64decode(rest.partition("?")[0], validate=True).hex()
        except ValueError:
            continue
        if digest and kind in {"sha1", "sha256", "sha384", "sha512"}:
            found[kind] = f"{kind}:{digest}"
    return next((found[kind] for kind in ("sha512", "sha384", "sha256", "sha1") if kind in found), None)
