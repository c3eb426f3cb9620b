"""Who vouches for a file, by signatures that hold, and what that means beside what vouched for the old version.

VERIFIED stands only where all of it was looked at and agreed; WRONG only where a check was made and failed; whatever
could not be looked at is UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bot.core.quoting import code


class Standing(StrEnum):
    """How much an attestation is worth."""

    VERIFIED = "verified"
    NONE = "none"  # nothing is published
    UNKNOWN = "unknown"  # there is something, and it could not be looked at
    WRONG = "wrong"  # there is something, it was looked at, and it does not hold


_GRAVITY = (Standing.VERIFIED, Standing.NONE, Standing.UNKNOWN, Standing.WRONG)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a certificate of Sigstore says of who signed; "" where it does not (sigstore/fulcio, docs/oid-info.md).

    subject: its name, a URL or an address of mail. repository: URL of the source. config: URL of what started the
    build; signer: of what ran it. commit, ref: of the source. environment: of deployment. runner: whose machine.
    """

    issuer: str = ""
    subject: str = ""
    repository: str = ""
    config: str = ""
    signer: str = ""
    commit: str = ""
    ref: str = ""
    environment: str = ""
    runner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A file that a statement is about. digest: algorithm -> hex."""

    name: str = ""
    digest: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What was signed. repository, workflow, ref: what a provenance predicate itself says, "" where it says nothing.

    name, version: what a publish attestation of npm says.
    """

    type: str = ""
    predicate: str = ""
    subjects: tuple[Subject, ...] = ()
    repository: str = ""
    workflow: str = ""
    ref: str = ""
    name: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came of one signature. claims: None where a registry's own key signed. why: in words, unless it holds.

    detail: what the library said, which may hold a stranger's words.
    """

    standing: Standing
    why: str = ""
    detail: str = ""
    claims: Claims | None = None
    statement: Statement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """Who built a file, by a certificate that holds. workflow: without its ref; "" where there is none."""

    issuer: str
    repository: str = ""
    workflow: str = ""
    ref: str = ""
    commit: str = ""
    environment: str = ""
    subject: str = ""

    @property
    def words(self) -> str:
        """by `workflow` of `repository` at `ref` (commit `abc`), or by `somebody`."""
        if not self.repository:
            return f"by {code(self.subject)} (known to {code(self.issuer)})"
        what = (
            f"by {code(self.workflow)} of {code(self.repository)}" if self.workflow else f"from {code(self.repository)}"
        )
        at = f" at {code(self.ref)}" if self.ref else ""
        return f"{what}{at}" + (f" (commit {code(self.commit[:12])})" if self.commit else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is known of the file that is installed. why: what is wrong or unseen, or what else was verified."""

    standing: Standing
    why: str = ""
    builder: Builder | None = None


def worst(answers: Sequence[Answer]) -> Answer:
    """Of several files that may be the installed one, the one that vouches least; none: nothing is published."""
    return max(answers, key=lambda one: _GRAVITY.index(one.standing), default=Answer(standing=Standing.NONE))


def builder_of(claims: Claims) -> Builder:
    """The certificate's words in short. What stands behind the last @ of a workflow's URL changes with each release.

    Where what started the build is no file of the repository, it is another one each time, and what ran it counts.
    """
    own = bool(claims.repository) and claims.config.startswith(f"{claims.repository}/")
    inside = claims.config.removeprefix(claims.repository).lstrip("/") if own else claims.signer
    return Builder(
        issuer=claims.issuer, repository=claims.repository, workflow=inside.rpartition("@")[0] or inside,
        ref=claims.ref, commit=claims.commit, environment=claims.environment, subject=claims.subject,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One sentence. grave: it refuses the update; asks: a person must look; neither: it is only told."""

    why: str
    grave: bool = False
    asks: bool = False


def compare(before: Answer | None, after: Answer) -> Told | None:
    """What the new version's attestation means beside the old one's. before: None for what comes in.

    None where nothing is to be said: neither has one.
    """
    match after.standing:
        case Standing.WRONG:
            return Told(why=f"has an attestation that does not hold: {after.why}", grave=True)
        case Standing.UNKNOWN:
            return Told(why=f"is not verified: {after.why}", asks=True)
        case Standing.NONE:
            return _lost(before)
        case Standing.VERIFIED:
            return _held(before, after)


def _lost(before: Answer | None) -> Told | None:
    if before is None or before.standing is Standing.NONE:
        return None
    return Told(why=f"has no attestation; the old version {_was(before)}", asks=True)


def _was(before: Answer) -> str:
    match before.standing:
        case Standing.VERIFIED:
            return f"was built {before.builder.words}" if before.builder else "was signed by its registry"
        case Standing.NONE:
            return "had no attestation"
        case Standing.UNKNOWN:
            return f"could not be looked at: {before.why}"
        case Standing.WRONG:
            return f"had one that does not hold: {before.why}"


def _held(before: Answer | None, after: Answer) -> Told:
    was = before.builder if before else None
    if after.builder is None:
        if was:
            return Told(why=f"does not say any more from where it was built; it was built {was.words}", asks=True)
        return Told(why="is verified to be what its registry published")
    more = f"; {after.why}" if after.why else ""
    now = f"is verified to be built {after.builder.words}{more}"
    if before is None:
        return Told(why=now)
    if was is None:
        return Told(why=f"{now}; the old version {_was(before)}")
    changed = _changed(was, after.builder)
    if not changed:
        return Told(why=f"{now}, as the old version")
    return Told(why=f"{now}, and {' and '.join(changed)}", asks=True)


def _changed(was: Builder, now: Builder) -> list[str]:
    """GitHub and GitLab do not tell capital letters apart in names."""
    pairs = {
        "the issuer": (was.issuer, now.issuer),
        "the repository": (was.repository, now.repository),
        "the workflow": (was.workflow, now.workflow),
        "the account": (_account(was), _account(now)),
    }
    return [f"{what} was {code(old)}" for what, (old, new) in pairs.items() if old.lower() != new.lower()]


def _account(builder: Builder) -> str:
    """Of who is no build: a build's subject holds its ref, which changes with each release."""
    return "" if builder.repository else builder.subject
