"""Is an attestation about this very file, and signed by whom its registry names? Pure judgement of what was signed.

Whether the signature itself holds was found out elsewhere (`bot.lab.vouching`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

from bot.core.attestations import Answer, Claims, Heard, Standing, Statement, builder_of, worst
from bot.core.quoting import code

GITHUB, GITLAB = "https://token.actions.githubusercontent.com", "https://gitlab.com"
_GOOGLE, _CIRCLE = "https://accounts.google.com", "https://oidc.circleci.com"
_STATEMENTS = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
PROVENANCE = "https://slsa.dev/provenance/"
_PUBLISHED = "/attestations/publish/v1"  # the path of the URL that PEP 740 has for "was uploaded"
NPM_PUBLISH = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Whom the index names as the publisher of a file (PEP 740; fields as PyPI's Integrity API has them)."""

    kind: str = ""
    repository: str = ""
    workflow: str = ""
    environment: str = ""
    email: str = ""
    project_id: str = ""
    pipeline_definition_id: str = ""
    vcs_origin: str = ""


def of_python(filename: str, sha256: str, heard: Sequence[tuple[Publisher, Heard]]) -> Answer:
    """What the attestations of one file of an index come to. sha256: hex, of the file that the lock names."""
    if not heard:
        return Answer(standing=Standing.NONE)
    return worst([_of_python(filename, sha256, publisher, one) for publisher, one in heard])


def _of_python(filename: str, sha256: str, publisher: Publisher, one: Heard) -> Answer:
    if one.standing is not Standing.VERIFIED or one.statement is None or one.claims is None:
        return _unheld(one)
    said = one.statement
    if not said.predicate.endswith(_PUBLISHED) and not said.predicate.startswith(PROVENANCE):
        return _unknown(f"it says something else than we know: {code(said.predicate)}")
    if why := _about(said, "sha256", sha256):
        return _wrong(why)
    if not _same_file(said.subjects[0].name, filename):
        return _wrong(f"it is about {code(said.subjects[0].name)}, and not about {code(filename)}")
    return _named(publisher, one.claims)


def _unheld(one: Heard) -> Answer:
    standing = one.standing if one.standing in (Standing.WRONG, Standing.UNKNOWN) else Standing.UNKNOWN
    why = one.why or "it is signed by a key alone, which no certificate names"
    return Answer(standing=standing, why=f"{why}: {code(one.detail)}" if one.detail else why)


def _about(said: Statement, kind: str, digest: str) -> str:
    """ "" when a statement is about this content and nothing else, or why not."""
    if said.type not in _STATEMENTS or len(said.subjects) != 1:
        return "it is no statement about one file"
    attested = said.subjects[0].digest.get(kind, "").lower()
    return "" if attested and attested == digest.lower() else "it is about other bytes than those that are installed"


def _same_file(said: str, filename: str) -> bool:
    """Equal, or spelled in another way of the same meaning."""
    return said == filename or (_parsed(said) is not None and _parsed(said) == _parsed(filename))


def _parsed(filename: str) -> object:
    try:
        return parse_wheel_filename(filename) if filename.endswith(".whl") else parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def _named(publisher: Publisher, claims: Claims) -> Answer:
    """Is who signed whom the index names? The rules are those of PEP 740's reference (pypi-attestations)."""
    check = _PUBLISHERS.get(publisher.kind)
    if check is None:
        return _unknown(f"the index names a publisher of a kind that is not known here: {code(publisher.kind)}")
    for what, told, known in check(publisher, claims):
        if known not in told:
            return _wrong(f"its {what} is {code(known)}, and the index names {code(told[0])}")
    return Answer(standing=Standing.VERIFIED, builder=builder_of(claims))


# what is compared, all that it may be by the index, what it is
_Checks = list[tuple[str, Sequence[str], str]]


def _of_github(publisher: Publisher, claims: Claims) -> _Checks:
    repository = f"https://github.com/{publisher.repository}"
    workflow = f"{repository}/.github/workflows/{publisher.workflow}@"
    return [
        ("issuer", (GITHUB,), claims.issuer),
        ("repository", (repository,), claims.repository),
        ("workflow", _at(workflow, claims), claims.config),
        *_environment(publisher, claims),
    ]


def _of_gitlab(publisher: Publisher, claims: Claims) -> _Checks:
    repository = f"{GITLAB}/{publisher.repository}"
    return [
        ("issuer", (GITLAB,), claims.issuer),
        ("repository", (repository,), claims.repository),
        ("workflow", _at(f"{repository}//{publisher.workflow}@", claims), claims.config),
        *_environment(publisher, claims),
    ]


def _of_google(publisher: Publisher, claims: Claims) -> _Checks:
    return [("issuer", (_GOOGLE,), claims.issuer), ("account", (publisher.email,), claims.subject)]


def _of_circle(publisher: Publisher, claims: Claims) -> _Checks:
    place = "https://circleci.com/api/v2/projects"
    signer = f"{place}/{publisher.project_id}/pipeline-definitions/{publisher.pipeline_definition_id}"
    origin = [("repository", (publisher.vcs_origin,), claims.repository)] if publisher.vcs_origin else []
    return [("issuer", (_CIRCLE,), claims.issuer), ("pipeline", (signer,), claims.signer), *origin]


_PUBLISHERS = {"GitHub": _of_github, "GitLab": _of_gitlab, "Google": _of_google, "CircleCI": _of_circle}


def _at(workflow: str, claims: Claims) -> tuple[str, ...]:
    """A publisher names no ref, so the certificate's own counts."""
    return tuple(f"{workflow}{one}" for one in (claims.ref, claims.commit) if one) or (workflow,)


def _environment(publisher: Publisher, claims: Claims) -> _Checks:
    """Certificates name it since 2025 only. PyPI keeps it in small letters."""
    if not publisher.environment or not claims.environment:
        return []
    return [("environment", (publisher.environment.lower(),), claims.environment.lower())]


def of_npm(package: tuple[str, str], sha512: str, heard: Sequence[Heard], *, trusted: str = "") -> Answer:
    """What the attestations of a package come to. package: name and version; sha512: hex, of the locked tarball.

    trusted: what its registry calls the publisher that is a build ("github", "gitlab"), "" where it names none.
    """
    if not heard:
        return Answer(standing=Standing.NONE)
    answers = [_of_npm(package, sha512, one, trusted) for one in heard]
    found = worst(answers)
    if found.standing is not Standing.VERIFIED:
        return found
    builder = next((one.builder for one in answers if one.builder), None)
    more = "its registry's own signature was verified" if any(not one.builder for one in answers) else ""
    return Answer(standing=Standing.VERIFIED, builder=builder, why=more if builder else "")


def _of_npm(package: tuple[str, str], sha512: str, one: Heard, trusted: str) -> Answer:
    if one.standing is not Standing.VERIFIED or one.statement is None:
        return _unheld(one)
    said = one.statement
    purl = f"pkg:npm/{quote(package[0], safe='/')}@{quote(package[1], safe='')}"
    if why := _about(said, "sha512", sha512):
        return _wrong(why)
    if said.subjects[0].name != purl:
        return _wrong(f"it is about {code(said.subjects[0].name)}, and not about {code(purl)}")
    if one.claims is None:
        if said.predicate != NPM_PUBLISH:
            return _unknown(f"its registry's key signed something that we do not know: {code(said.predicate)}")
        same = (said.name, said.version) == package
        return Answer(standing=Standing.VERIFIED) if same else _wrong(f"it says that {code(said.name)} was published")
    if not said.predicate.startswith(PROVENANCE):
        return _unknown(f"it says something else than we know: {code(said.predicate)}")
    return _built(one.claims, said, trusted)


# Who issues identities to builds that npm takes, by the word that npm has for them.
_TRUSTED = {"github": GITHUB, "gitlab": GITLAB}


def _built(claims: Claims, said: Statement, trusted: str) -> Answer:
    """The certificate counts; what the statement says of the same must agree with it."""
    if claims.issuer not in _TRUSTED.values() or not claims.repository:
        return _unknown(
            f"it is signed by {code(claims.subject)}, whom {code(claims.issuer)} knows, and that is no build"
        )
    if trusted and trusted not in _TRUSTED:
        return _unknown(f"the registry names a publisher of a kind that is not known here: {code(trusted)}")
    if trusted and _TRUSTED[trusted] != claims.issuer:
        return _wrong(f"its issuer is {code(claims.issuer)}, and the registry names {code(trusted)}")
    if said.repository and said.repository.lower() != claims.repository.lower():
        return _wrong(f"it says {code(said.repository)}, and its certificate is that of {code(claims.repository)}")
    made = builder_of(claims)
    if said.workflow and made.workflow and said.workflow != made.workflow:
        return _wrong(f"it says {code(said.workflow)}, and its certificate is that of {code(made.workflow)}")
    return Answer(standing=Standing.VERIFIED, builder=made)


def _wrong(why: str) -> Answer:
    return Answer(standing=Standing.WRONG, why=why)


def _unknown(why: str) -> Answer:
    return Answer(standing=Standing.UNKNOWN, why=why)
