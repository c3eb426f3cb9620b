"""What a git reference names: a tag a version, a commit a digest whose comment says the version, a branch neither."""

from __future__ import annotations

import re

from bot.adapters.manifests._file import File
from bot.adapters.manifests._places import Place, Read
from bot.adapters.manifests._spots import Span, Spot
from bot.core.model import Component

LONGEST = 250

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT = re.compile(r"(?=[0-9]*[a-f])[0-9a-f]{6,39}")  # an abbreviated commit; a date of eight digits is none
_TAG = re.compile(
    r"""v?\d(?:[\w.+-]*\w)?                                  # v4, 23.1.0, 20240101
      | [A-Za-z@][\w.@/-]*[-_/@](?:v\d|\d+[._]\d)(?:[\w.+/-]*\w)?  # release-1.12.1, node/v20, @scope/pkg@1.2.3
    """,
    re.VERBOSE | re.ASCII,
)
# Branches that are named as versions are: release/v1, v4.x, stable/1.2.
_BRANCH = re.compile(
    r"(?:releases?|stable|support|maint|maintenance|hotfix|features?|bugfix|fix|branch|branches|heads|dev)/.*"
    r"|(?:.*\.)?[xX](?:[.-].*)?"
)
# As people and their tools write it behind a commit: `# v4.2.1`, `# tag=v4`, `# pin@v4`, `# frozen: v1.2`,
# `# ratchet:owner/repo@v4`, `# renovate: tag=v4`.
_COMMENT = re.compile(
    r"""[^\s#]*[ \t]+\#[ \t]*
        (?:(?:renovate|ratchet|frozen)[ \t]*:[ \t]*)?
        (?:(?:pin|tag|version|release|ref)\b[ \t]*[=:@]?[ \t]*)?
        (?:[\w.-]+(?:/[\w.-]+)+@)?@?
        (?P<version>[^\s,;)]+)""",
    re.VERBOSE,
)
_URL = re.compile(
    r"(?:(?P<scheme>https?|ssh|git)://)(?:[^@/\s]*@)?(?P<host>[A-Za-z0-9.-]+)(?P<port>:\d+)?/(?P<path>[^\s?#]+)"
    r"|(?:[\w.-]+@)(?P<scp>[A-Za-z0-9.-]+):(?P<rest>[^\s?#]+)"
)
# Here an address with and without the suffix is the same repository; elsewhere only the owner knows.
_EITHER = frozenset({"github.com", "gitlab.com", "bitbucket.org", "codeberg.org"})


def is_commit(ref: str) -> bool:
    """A full commit, of SHA-1 or SHA-256."""
    return _COMMIT.fullmatch(ref) is not None


def version_of(ref: str) -> str | None:
    """The reference where it is written as a tag of a version is, None for branches and abbreviated commits."""
    if len(ref) > LONGEST or _SHORT.fullmatch(ref) or is_commit(ref) or _BRANCH.fullmatch(ref):
        return None
    return ref if _TAG.fullmatch(ref) else None


def beside(text: str, end: int) -> tuple[str, Span] | None:
    """The version that a comment on the same line names, behind a value that ends there."""
    found = _COMMENT.match(text, end)
    if not found or not (version := version_of(found["version"])):
        return None
    return version, found.span("version")


def read(file: File, component: Component, at: int, *, ref: str, ref_at: int) -> Read:
    """The pin of a component at an offset, by the reference that stands at another."""
    span = (ref_at, ref_at + len(ref))
    if not is_commit(ref):
        version = version_of(ref)
        spot = Spot(version=span if version else None)
        return file.pin(component, at, requirement=ref, version=version), Place(spot=spot)
    said, where = beside(file.text, span[1]) or (None, None)
    spot = Spot(version=where, digest=span)
    return file.pin(component, at, requirement=ref, version=said, digest=ref), Place(spot=spot)


def repository(url: str) -> Component | None:
    """The repository of a URL or an scp-like address, asked over HTTPS; None for a path of the local machine.

    Its name is host/path without the suffix .git; who is logged in is left out.
    """
    found = _URL.fullmatch(url)
    if found is None:
        return None
    host = (found["host"] or found["scp"]).lower()
    path = (found["path"] or found["rest"]).strip("/")
    name = path.removesuffix(".git")
    scheme = "http" if found["scheme"] == "http" else "https"
    port = found["port"] or "" if found["scheme"] in ("http", "https") else ""
    registry = f"{scheme}://{host}{port}/{name if host in _EITHER else path}"
    return Component(name=f"{host}/{name}", ecosystem="git", registry=registry)
