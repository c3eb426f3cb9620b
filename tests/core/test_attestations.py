"""Who vouches for a new version is told beside who vouched for the old one; what changed or was lost asks a person."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.core.attestations import Answer, Builder, Claims, Standing, builder_of, compare, worst

GITHUB = "https://token.actions.githubusercontent.com"
BUILDER = Builder(
    issuer=GITHUB, repository="https://github.com/acme/greeter", workflow=".github/workflows/release.yml",
    ref="refs/tags/v1.1", commit="c" * 40, subject="https://github.com/acme/greeter/x@refs/tags/v1.1",
)  # fmt: skip
HELD = Answer(standing=Standing.VERIFIED, builder=BUILDER)
NONE = Answer(standing=Standing.NONE)
WRONG = Answer(standing=Standing.WRONG, why="a check failed")
UNKNOWN = Answer(standing=Standing.UNKNOWN, why="the index did not say")
answers = st.sampled_from((HELD, NONE, WRONG, UNKNOWN, Answer(standing=Standing.VERIFIED)))


def test_a_verified_build_is_told_with_its_place() -> None:
    """The reader sees the workflow, the repository, the tag and the commit, and nobody is asked anything."""
    told = compare(None, HELD)
    assert told and not told.asks and not told.grave
    for word in (".github/workflows/release.yml", "acme/greeter", "refs/tags/v1.1", "`cccccccccccc`"):
        assert word in told.why


def test_the_same_place_as_before_asks_nobody() -> None:
    """Another tag and another commit of the same workflow are what a new version is."""
    was = replace(BUILDER, ref="refs/tags/v1.0", commit="a" * 40, subject="https://github.com/acme/greeter/x@v1.0")
    told = compare(Answer(standing=Standing.VERIFIED, builder=was), HELD)
    assert told and not told.asks and "as the old version" in told.why


def test_another_repository_workflow_or_issuer_asks_a_person() -> None:
    """Whoever takes a name over builds it from somewhere else, and so does who moves house: a person must tell."""
    for change in (
        {"repository": "https://github.com/mallory/greeter"},
        {"workflow": ".github/workflows/other.yml"},
        {"issuer": "https://gitlab.com"},
    ):
        told = compare(Answer(standing=Standing.VERIFIED, builder=replace(BUILDER, **change)), HELD)
        assert told and told.asks and not told.grave
        assert next(iter(change.values())) in told.why


def test_a_rename_in_capital_letters_is_none() -> None:
    """GitHub does not tell capital letters apart."""
    was = replace(BUILDER, repository="https://github.com/Acme/Greeter")
    told = compare(Answer(standing=Standing.VERIFIED, builder=was), HELD)
    assert told and not told.asks


def test_who_is_no_build_is_known_by_the_account() -> None:
    """A service account that changes asks a person; it has neither repository nor workflow."""
    one = Builder(issuer="https://accounts.google.com", subject="one@example.org")
    other = replace(one, subject="other@example.org")
    told = compare(Answer(standing=Standing.VERIFIED, builder=one), Answer(standing=Standing.VERIFIED, builder=other))
    assert told and told.asks and "one@example.org" in told.why and "other@example.org" in told.why


def test_what_is_lost_asks_and_what_never_was_is_silent() -> None:
    """An old attestation that is not followed by a new one is a finding; a package without any is none."""
    told = compare(HELD, NONE)
    assert told and told.asks and "has no attestation" in told.why and "acme/greeter" in told.why
    assert compare(NONE, NONE) is None
    assert compare(None, NONE) is None
    only_registry = compare(HELD, Answer(standing=Standing.VERIFIED))
    assert only_registry and only_registry.asks and "not say any more" in only_registry.why
    signed = compare(Answer(standing=Standing.VERIFIED), NONE)
    assert signed and signed.asks and "signed by its registry" in signed.why


def test_what_could_not_be_compared_is_said() -> None:
    """Whether it was lost is not known where the old one could not be looked at, so a person is asked."""
    for before in (UNKNOWN, WRONG):
        told = compare(before, NONE)
        assert told and told.asks and before.why in told.why
        held = compare(before, HELD)
        assert held and not held.asks and before.why in held.why


def test_what_comes_anew_is_told() -> None:
    """A package that begins to be attested asks nobody."""
    for before in (NONE, UNKNOWN, WRONG, Answer(standing=Standing.VERIFIED)):
        told = compare(before, HELD)
        assert told and not told.asks and not told.grave


@given(st.none() | answers, answers)
def test_only_wrong_refuses_and_unknown_is_never_verified(before: Answer | None, after: Answer) -> None:
    """What does not hold refuses, whatever was before; what was not looked at asks, and is not called verified."""
    told = compare(before, after)
    assert (told is not None and told.grave) == (after.standing is Standing.WRONG)
    if after.standing is Standing.UNKNOWN:
        assert told and told.asks
    if told and "is verified" in told.why:
        assert after.standing is Standing.VERIFIED


@given(st.lists(answers))
def test_of_several_files_the_worst_counts(every: list[Answer]) -> None:
    """A file that is not attested is not helped by another that is; no file at all is none attested."""
    found = worst(every)
    standings = {one.standing for one in every}
    if not every:
        assert found.standing is Standing.NONE
    elif Standing.WRONG in standings:
        assert found.standing is Standing.WRONG
    else:
        assert (found.standing is Standing.VERIFIED) == (standings == {Standing.VERIFIED})


def test_what_started_a_build_elsewhere_is_named_by_what_ran_it() -> None:
    """A pipeline whose starting point has another address each time is known by its definition."""
    said = Claims(
        issuer="https://oidc.circleci.com", repository="github.com/acme/greeter", signer="https://ci.example.org/p/1",
        config="https://ci.example.org/run/77/config",
    )  # fmt: skip
    assert builder_of(said).workflow == "https://ci.example.org/p/1"
    inside = replace(said, config="github.com/acme/greeter//ci.yml@refs/heads/main")
    assert builder_of(inside).workflow == "ci.yml"
