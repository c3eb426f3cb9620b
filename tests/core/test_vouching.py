"""An attestation counts for the very file, and from the very publisher, or it does not count."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.core.attestations import Answer, Claims, Heard, Standing, Statement, Subject
from bot.core.vouching import NPM_PUBLISH, Publisher, of_npm, of_python

SHA, SHA512 = "a" * 64, "b" * 128
FILE = "greeter-1.1-py3-none-any.whl"
REPOSITORY = "https://github.com/acme/greeter"
CLAIMS = Claims(
    issuer="https://token.actions.githubusercontent.com", repository=REPOSITORY, commit="c" * 40,
    ref="refs/tags/v1.1", config=f"{REPOSITORY}/.github/workflows/release.yml@refs/tags/v1.1",
    subject=f"{REPOSITORY}/.github/workflows/release.yml@refs/tags/v1.1", environment="Release",
)  # fmt: skip
STATEMENT = Statement(
    type="https://in-toto.io/Statement/v1", predicate="https://docs.example.org/attestations/publish/v1",
    subjects=(Subject(name=FILE, digest={"sha256": SHA}),),
)  # fmt: skip
HEARD = Heard(standing=Standing.VERIFIED, claims=CLAIMS, statement=STATEMENT)
PUBLISHER = Publisher(kind="GitHub", repository="acme/greeter", workflow="release.yml", environment="release")


def python(*, publisher: Publisher = PUBLISHER, claims: Claims = CLAIMS, **said: Any) -> Answer:
    """One attestation of a wheel."""
    return of_python(FILE, SHA, [(publisher, replace(HEARD, claims=claims, statement=replace(STATEMENT, **said)))])


def test_a_file_built_by_its_publisher_is_verified() -> None:
    """Issuer, repository, workflow and environment are those that the index names."""
    found = python()
    assert found.standing is Standing.VERIFIED
    assert found.builder and (found.builder.workflow, found.builder.ref) == (
        ".github/workflows/release.yml",
        "refs/tags/v1.1",
    )
    assert python(predicate="https://slsa.dev/provenance/v1").standing is Standing.VERIFIED
    assert of_python(FILE, SHA, []).standing is Standing.NONE


def test_a_name_may_be_spelled_in_another_way_of_the_same_meaning() -> None:
    """Tags of a wheel have no order; of another version the name is another."""
    other = Subject(name="Greeter-1.1.0-py3-none-any.whl", digest={"sha256": SHA})
    assert python(subjects=(other,)).standing is Standing.VERIFIED
    newer = Subject(name="greeter-1.2-py3-none-any.whl", digest={"sha256": SHA})
    assert python(subjects=(newer,)).standing is Standing.WRONG
    nameless = Subject(name="greeter", digest={"sha256": SHA})
    assert python(subjects=(nameless,)).standing is Standing.WRONG


@pytest.mark.parametrize(
    ("publisher", "word"),
    [
        ({"repository": "mallory/greeter"}, "repository"),
        ({"workflow": "other.yml"}, "workflow"),
        ({"environment": "staging"}, "environment"),
        ({"kind": "GitLab"}, "issuer"),
        ({"kind": "Google", "email": "a@example.org"}, "issuer"),
        ({"kind": "CircleCI", "project_id": "1", "pipeline_definition_id": "2"}, "issuer"),
    ],
)
def test_another_publisher_than_the_index_names_is_wrong(publisher: dict[str, str], word: str) -> None:
    """The sentence names what differs, with both."""
    found = python(publisher=replace(PUBLISHER, **publisher))
    assert found.standing is Standing.WRONG and f"its {word} is" in found.why


@pytest.mark.parametrize(
    "claims",
    [
        {"issuer": "https://token.actions.githubusercontent.com/mallory"},
        {"repository": "https://github.com/acme/greeter-fork"},
        {"config": f"{REPOSITORY}/.github/workflows/release.yml.evil@refs/tags/v1.1"},
        {"config": f"{REPOSITORY}/.github/workflows/release.yml@refs/heads/evil"},
        {"config": ""},
    ],
)
def test_another_signer_than_the_publisher_is_wrong(claims: dict[str, str]) -> None:
    """What merely begins alike is another."""
    assert python(claims=replace(CLAIMS, **claims)).standing is Standing.WRONG


def test_a_workflow_may_be_named_at_its_commit() -> None:
    """A run by hand has its commit where others have a tag; a certificate without an environment says nothing of it."""
    at = replace(CLAIMS, config=f"{REPOSITORY}/.github/workflows/release.yml@{'c' * 40}", environment="")
    assert python(claims=at).standing is Standing.VERIFIED
    bare = replace(at, ref="", commit="", config=f"{REPOSITORY}/.github/workflows/release.yml@x")
    assert python(claims=bare).standing is Standing.WRONG


def test_other_publishers_are_held_to_their_own_rules() -> None:
    """GitLab, Google and CircleCI name themselves in their own ways."""
    gitlab = Claims(
        issuer="https://gitlab.com", repository="https://gitlab.com/a/b", ref="refs/heads/main", commit="d" * 40,
        config="https://gitlab.com/a/b//.gitlab-ci.yml@refs/heads/main",
    )  # fmt: skip
    named = Publisher(kind="GitLab", repository="a/b", workflow=".gitlab-ci.yml")
    assert python(publisher=named, claims=gitlab).standing is Standing.VERIFIED
    assert python(publisher=replace(named, workflow="x.yml"), claims=gitlab).standing is Standing.WRONG
    google = Claims(issuer="https://accounts.google.com", subject="a@example.org")
    account = Publisher(kind="Google", email="a@example.org")
    assert python(publisher=account, claims=google).standing is Standing.VERIFIED
    assert python(publisher=replace(account, email="b@example.org"), claims=google).standing is Standing.WRONG
    place = "https://circleci.com/api/v2/projects/1/pipeline-definitions/2"
    circle = Claims(issuer="https://oidc.circleci.com", signer=place, repository="github.com/a/b")
    pipeline = Publisher(kind="CircleCI", project_id="1", pipeline_definition_id="2", vcs_origin="github.com/a/b")
    assert python(publisher=pipeline, claims=circle).standing is Standing.VERIFIED
    assert python(publisher=replace(pipeline, vcs_origin="github.com/x/b"), claims=circle).standing is Standing.WRONG


def test_a_kind_of_publisher_that_nobody_knows_yet_is_unknown() -> None:
    """It is neither believed nor refused."""
    assert python(publisher=Publisher(kind="Tomorrow")).standing is Standing.UNKNOWN
    assert python(predicate="https://example.org/other").standing is Standing.UNKNOWN


@pytest.mark.parametrize(
    "said",
    [
        {"subjects": (Subject(name=FILE, digest={"sha256": "f" * 64}),)},
        {"subjects": (Subject(name=FILE, digest={"sha512": SHA}),)},
        {"subjects": (Subject(name=FILE, digest={"sha256": ""}),)},
        {"subjects": ()},
        {"subjects": (Subject(name=FILE, digest={"sha256": SHA}), Subject(name="x"))},
        {"type": "https://in-toto.io/Statement/v9"},
    ],
)
def test_other_bytes_are_wrong(said: dict[str, Any]) -> None:
    """A statement is about the one file that is installed, or about something else."""
    assert python(**said).standing is Standing.WRONG


def test_what_does_not_hold_never_counts() -> None:
    """One of several that is wrong makes the file wrong, and one that was not looked at makes it unknown."""
    wrong = Heard(standing=Standing.WRONG, why="a check failed", detail="a `word` of @somebody")
    unknown = Heard(standing=Standing.UNKNOWN, why="no")
    found = of_python(FILE, SHA, [(PUBLISHER, HEARD), (PUBLISHER, wrong), (PUBLISHER, unknown)])
    assert found.standing is Standing.WRONG and "`a 'word' of @somebody`" in found.why
    assert of_python(FILE, SHA, [(PUBLISHER, HEARD), (PUBLISHER, unknown)]).standing is Standing.UNKNOWN
    keyed = Heard(standing=Standing.VERIFIED, statement=STATEMENT)
    assert of_python(FILE, SHA, [(PUBLISHER, keyed)]).standing is Standing.UNKNOWN
    assert of_python(FILE, SHA, [(PUBLISHER, Heard(standing=Standing.NONE))]).standing is Standing.UNKNOWN


PACKED = Subject(name="pkg:npm/greet@1.1.0", digest={"sha512": SHA512})
BUILT = Statement(
    type="https://in-toto.io/Statement/v1", predicate="https://slsa.dev/provenance/v1", repository=REPOSITORY,
    workflow=".github/workflows/release.yml", subjects=(PACKED,),
)  # fmt: skip
PUBLISHED = replace(BUILT, predicate=NPM_PUBLISH, name="greet", version="1.1.0", repository="", workflow="")
BY_BUILD = Heard(standing=Standing.VERIFIED, claims=CLAIMS, statement=BUILT)
BY_KEY = Heard(standing=Standing.VERIFIED, statement=PUBLISHED)


def npm(*heard: Heard, trusted: str = "") -> Answer:
    """Those of greet 1.1.0."""
    return of_npm(("greet", "1.1.0"), SHA512, heard, trusted=trusted)


def test_a_package_of_npm_is_verified_by_its_build_and_by_its_registry() -> None:
    """Both are said; where there is the registry's alone, no builder is."""
    both = npm(BY_BUILD, BY_KEY, trusted="github")
    assert both.standing is Standing.VERIFIED and both.builder and "registry's own signature" in both.why
    assert npm(BY_BUILD).builder and not npm(BY_BUILD).why
    alone = npm(BY_KEY)
    assert alone.standing is Standing.VERIFIED and alone.builder is None
    assert npm().standing is Standing.NONE


def test_a_scope_is_spelled_as_package_urls_have_it() -> None:
    """@acme/greet is pkg:npm/%40acme/greet."""
    subject = Subject(name="pkg:npm/%40acme/greet@1.1.0", digest={"sha512": SHA512})
    heard = replace(BY_BUILD, statement=replace(BUILT, subjects=(subject,)))
    assert of_npm(("@acme/greet", "1.1.0"), SHA512, [heard]).standing is Standing.VERIFIED


@pytest.mark.parametrize(
    "heard",
    [
        replace(BY_BUILD, statement=replace(BUILT, repository="https://github.com/acme/other")),
        replace(BY_BUILD, statement=replace(BUILT, workflow=".github/workflows/x.yml")),
        replace(BY_BUILD, statement=replace(BUILT, subjects=(replace(PACKED, name="pkg:npm/x@1.1.0"),))),
        replace(BY_KEY, statement=replace(PUBLISHED, version="1.0.0")),
        replace(BY_BUILD, statement=replace(BUILT, subjects=(replace(PACKED, digest={"sha512": "0"}),))),
    ],
)  # fmt: skip
def test_what_contradicts_itself_or_is_about_another_is_wrong(heard: Heard) -> None:
    """What is written beside a certificate must agree with it, and the package must be this one."""
    assert npm(heard).standing is Standing.WRONG
    assert npm(BY_KEY, heard).standing is Standing.WRONG


def test_who_is_no_build_or_signs_something_else_is_unknown() -> None:
    """Anybody gets a certificate for an address of mail; npm takes builds alone."""
    mail = Claims(issuer="https://accounts.google.com", subject="mallory@example.org")
    assert npm(replace(BY_BUILD, claims=mail)).standing is Standing.UNKNOWN
    assert npm(replace(BY_BUILD, statement=replace(BUILT, predicate="https://x"))).standing is Standing.UNKNOWN
    assert npm(replace(BY_KEY, statement=replace(PUBLISHED, predicate="https://x"))).standing is Standing.UNKNOWN
    assert npm(BY_BUILD, Heard(standing=Standing.UNKNOWN, why="no")).standing is Standing.UNKNOWN


def test_the_registry_may_name_who_publishes() -> None:
    """A trusted publisher of GitLab is not one of GitHub; of a kind that nobody knows yet it is neither."""
    assert npm(BY_BUILD, trusted="gitlab").standing is Standing.WRONG
    assert npm(BY_BUILD, trusted="tomorrow").standing is Standing.UNKNOWN
