"""The newest version that nothing speaks against is proposed, and silence is always explained."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from bot.core.choice import Choice, choose
from bot.core.errors import ConfigProblem
from bot.core.model import Artifact, Component, Kind, Pin, Priority, Release, State, Verdict
from bot.core.objections import Rules

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
GREETER = Component(name="greeter")


def a_pin(requirement: str = "==1.2.3", *, line: int = 4, component: Component = GREETER) -> Pin:
    """An exact pin where the requirement names one version, else a range."""
    exact = requirement.removeprefix("==") if requirement.startswith("==") and "*" not in requirement else None
    return Pin(
        path="pyproject.toml", line=line, column=5, manifest="pyproject", component=component,
        requirement=requirement, version=exact, widens=exact is None,
    )  # fmt: skip


def a_release(version: str, *, days: float | None = 30, **more: Any) -> Release:
    """Published so many days ago; None: its index does not say."""
    return Release(version=version, published=None if days is None else NOW - days * DAY, **more)


def on_python(version: str, *requires: str | None) -> Release:
    """A release whose files each ask for a Python."""
    files = tuple(Artifact(filename=f"f{n}", url="u", requires_python=one) for n, one in enumerate(requires))
    return a_release(version, artifacts=files)


def pick(
    *releases: Release | str,
    pins: tuple[str, ...] = ("==1.2.3",),
    known: Mapping[str, State] | None = None,
    **rules: Any,
) -> tuple[Choice, ...]:
    """The answers for a component pinned at 1.2.3."""
    return choose(
        [a_pin(requirement, line=number) for number, requirement in enumerate(pins, start=1)],
        [a_release(one) if isinstance(one, str) else one for one in releases],
        now=NOW,
        rules=Rules(**rules),
        known=known or {},
    )


def shape(answers: tuple[Choice, ...]) -> list[tuple[Verdict, str | None]]:
    """Verdict and target of each answer."""
    return [(answer.verdict, answer.target.version if answer.target else None) for answer in answers]


def words(answers: tuple[Choice, ...]) -> str:
    """Everything that is said."""
    return "\n".join(line for answer in answers for line in answer.why)


@pytest.mark.parametrize(
    ("listed", "target", "kind", "priority"),
    [
        (["1.2.3", "1.2.4"], "1.2.4", Kind.PATCH, Priority.LOW),
        (["1.2.4", "1.3.0", "1.2.9"], "1.3.0", Kind.MINOR, Priority.MEDIUM),
        (["2.0.0"], "2.0.0", Kind.MAJOR, Priority.LOW),
        (["2026.3.1"], "2026.3.1", Kind.SCHEME, Priority.LOW),
        (["1.2.10", "1.2.9"], "1.2.10", Kind.PATCH, Priority.LOW),
    ],
)
def test_the_newest_is_proposed(listed: list[str], target: str, kind: Kind, priority: Priority) -> None:
    """By its scheme's order, whatever the order of the index."""
    (answer,) = pick(*listed)

    assert shape((answer,)) == [(Verdict.APPROVE, target)]
    assert (answer.kind, answer.priority, answer.current) == (kind, priority, "1.2.3")


def test_a_major_stands_beside_the_smaller_step() -> None:
    """Two questions that people answer apart: the patch may merge by itself while the major waits for a reviewer."""
    answers = pick("1.2.4", "1.2.5", "2.0.0", "3.0.0")

    assert shape(answers) == [(Verdict.APPROVE, "1.2.5"), (Verdict.APPROVE, "3.0.0")]
    assert [answer.kind for answer in answers] == [Kind.PATCH, Kind.MAJOR]


def test_nothing_newer_is_said_in_words() -> None:
    """An answer, not silence."""
    assert pick("1.2.3", "1.0") == (
        Choice(verdict=Verdict.CURRENT, current="1.2.3", why=("1.2.3 is the newest of 2 listed releases",)),
    )
    assert shape(pick()) == [(Verdict.CURRENT, None)]


def test_a_young_release_is_held_until_its_day() -> None:
    """With the moment at which it will be free, and proposed from that moment on."""
    (held,) = pick(a_release("1.2.4", days=1))
    (free,) = pick(a_release("1.2.4", days=3))

    assert (held.verdict, held.held_until) == (Verdict.HOLD, NOW + 2 * DAY)
    assert "1.2.4: 1 d old and must be 3 d: ready at 2026-03-06 12:00 UTC" in held.why
    assert free.verdict is Verdict.APPROVE
    assert shape(pick(a_release("1.2.4", days=0), minimum_age=timedelta())) == [(Verdict.APPROVE, "1.2.4")]


def test_an_older_release_is_proposed_while_the_newest_is_young() -> None:
    """A daily publisher does not starve its users; what was passed over is said."""
    answers = pick(a_release("1.2.5", days=1), a_release("1.2.4", days=4))

    assert shape(answers) == [(Verdict.APPROVE, "1.2.4")]
    assert "1.2.5: 1 d old" in words(answers)


def test_of_several_young_ones_the_first_to_be_free_is_named() -> None:
    """So that the bot looks again when there is something to do."""
    (held,) = pick(a_release("1.2.5", days=1), a_release("1.2.4", days=2))

    assert held.target is not None and held.target.version == "1.2.4"
    assert held.held_until == NOW + DAY


def test_no_date_counts_as_too_young() -> None:
    """Not known is not old; no moment can be named."""
    (held,) = pick(a_release("1.2.4", days=None))

    assert (held.verdict, held.held_until) == (Verdict.HOLD, None)
    assert "not known, so it counts as too young" in words((held,))


def test_yanked_and_unfinished_releases_never_come() -> None:
    """Nor do they make anybody wait."""
    answers = pick(a_release("1.2.4", yanked=True, yanked_reason="broken wheel"), "1.3.0rc1", "2.0.dev1")

    assert shape(answers) == [(Verdict.CURRENT, None)]
    assert "1.2.4: yanked: `broken wheel`" in words(answers)
    assert "1.3.0rc1: not a finished version" in words(answers)


@pytest.mark.parametrize(("listed", "target"), [("2.0rc2", "2.0rc2"), ("2.0", "2.0"), ("2.1rc1", None)])
def test_who_runs_a_candidate_gets_the_next_one_of_it(listed: str, target: str | None) -> None:
    """And its finished version, but no candidate of another."""
    (answer,) = pick(listed, pins=("==2.0rc1",))

    assert (answer.target.version if answer.target else None) == target


def test_who_asks_for_pre_releases_gets_them() -> None:
    """By the configuration."""
    assert shape(pick("1.3.0rc1", prereleases=True)) == [(Verdict.APPROVE, "1.3.0rc1")]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (State.ROLLED_BACK, "was rolled back before"),
        (State.REJECTED, "was rejected before"),
        (State.CLOSED, "was closed by a person before"),
        (State.SUPERSEDED, "gave way to a newer one"),
        (State.DONE, "somebody went back since"),
    ],
)
def test_a_version_that_failed_is_not_proposed_again(state: State, said: str) -> None:
    """Until a newer one appears."""
    held = pick("1.2.4", known={"1.2.4": state})

    assert shape(held) == [(Verdict.HOLD, "1.2.4")]
    assert said in words(held)
    assert shape(pick("1.2.4", "1.2.5", known={"1.2.4": state})) == [(Verdict.APPROVE, "1.2.5")]


@pytest.mark.parametrize("state", [State.PROPOSED, State.IN_REVIEW, State.APPROVED, State.MERGED, State.FAILED])
def test_a_version_on_its_way_stays_the_choice(state: State) -> None:
    """Looking again in the middle of it changes nothing."""
    assert shape(pick("1.2.4", known={"1.2.4": state})) == [(Verdict.APPROVE, "1.2.4")]


def test_a_major_is_proposed_although_the_patch_was_rejected() -> None:
    """One lane never blocks the other, and both are answered."""
    answers = pick("1.2.4", "2.0.0", known={"1.2.4": State.REJECTED})

    assert shape(answers) == [(Verdict.HOLD, "1.2.4"), (Verdict.APPROVE, "2.0.0")]


def test_an_older_version_than_a_rejected_one_may_come() -> None:
    """The tests failed with 1.3.0; perhaps they pass with 1.2.4."""
    assert shape(pick("1.2.4", "1.3.0", known={"1.3.0": State.REJECTED})) == [(Verdict.APPROVE, "1.2.4")]


def test_who_closed_the_newer_one_is_not_asked_about_the_older() -> None:
    """Unless it was published afterwards: that is a backport."""
    closed = {"1.3.0": State.CLOSED}
    before = pick(a_release("1.3.0", days=20), a_release("1.2.4", days=30), known=closed)
    backport = pick(a_release("1.3.0", days=20), a_release("1.2.4", days=10), known=closed)
    undated = pick(a_release("1.3.0", days=20), a_release("1.2.4", days=None), known=closed, minimum_age=timedelta())

    assert shape(before) == [(Verdict.HOLD, "1.3.0")]
    assert "1.2.4: a person closed 1.3.0, which came after it" in words(before)
    assert shape(backport) == [(Verdict.APPROVE, "1.2.4")]
    assert shape(undated) == [(Verdict.HOLD, "1.3.0")]


def test_the_configuration_leaves_versions_alone() -> None:
    """By what to ignore and by what is allowed; the words name the rule."""
    assert "ignored by the configuration (<1.2.5)" in words(pick("1.2.4", ignore=("<1.2.5",)))
    assert "ignored by the configuration (all versions)" in words(pick("1.2.4", ignore=("",)))
    assert shape(pick("1.2.4", "1.3", allowed="<1.3")) == [(Verdict.APPROVE, "1.2.4")]
    assert "outside of what the configuration allows (<1.3)" in words(pick("1.3", allowed="<1.3"))
    with pytest.raises(ConfigProblem, match="no pypi version range"):
        pick("1.2.4", ignore=("before 2",))


def test_a_release_must_run_on_every_python_in_use() -> None:
    """One file that fits is enough; a demand that nobody can read is no hindrance, as for installers."""
    pythons = ("3.11", "3.12")

    held = pick(on_python("1.2.4", ">=3.12"), pythons=pythons)
    assert shape(held) == [(Verdict.HOLD, "1.2.4")]
    assert "1.2.4: needs Python >=3.12, and 3.11 is in use here" in words(held)
    for fine in (on_python("1.2.4", ">=3.12", ">=3.8"), on_python("1.2.4", None), on_python("1.2.4", "three"),
                 on_python("1.2.4")):  # fmt: skip
        assert shape(pick(fine, pythons=pythons)) == [(Verdict.APPROVE, "1.2.4")]
    assert shape(pick(on_python("1.2.4", ">=3.12"), on_python("1.2.5", ">=4"), pythons=("3.13",))) == [
        (Verdict.APPROVE, "1.2.4")
    ]


def test_a_range_that_takes_the_newest_needs_no_edit() -> None:
    """The installer takes it by itself."""
    (answer,) = pick("1.2.4", "2.9", pins=(">=1,<3",))

    assert (answer.verdict, answer.current, answer.target) == (Verdict.CURRENT, ">=1,<3", None)
    assert ">=1,<3 already takes the newest release, 2.9: nothing to edit" in answer.why
    assert "any version already takes" in words(pick("1.0", pins=("",)))


def test_a_range_that_shuts_the_newest_out_holds_it() -> None:
    """It is said where the range stands, and what the newest inside is."""
    (held,) = pick("2.9", "3.1", pins=(">=1,<3",))

    assert shape((held,)) == [(Verdict.HOLD, "3.1")]
    assert held.kind is Kind.MAJOR
    assert held.why == ("3.1 is held by the range >=1,<3 in pyproject.toml:1; the newest inside is 2.9",)
    assert "no listed release lies inside" in words(pick("3.1", pins=("<3",)))
    assert shape(pick("3.0rc1", pins=("<3",))) == [(Verdict.CURRENT, None)]
    assert shape(pick("3.1", pins=("who knows",))) == [(Verdict.HOLD, "3.1")]


def test_a_range_beside_an_exact_pin_is_respected() -> None:
    """The pin moves as far as the range goes, and the range is never overruled."""
    answers = pick("1.2.9", "1.9", pins=("==1.2.3", ">=1,<1.5"))

    assert shape(answers) == [(Verdict.APPROVE, "1.2.9")]
    assert "1.9: held by the range >=1,<1.5 in pyproject.toml:2" in words(answers)


def test_pins_that_disagree_count_as_the_oldest() -> None:
    """So that every place comes to the newest, and it is said."""
    (answer,) = pick("1.2.4", pins=("==1.2.4", "==1.2.3"))

    assert (answer.current, answer.verdict) == ("1.2.3", Verdict.APPROVE)
    assert "pinned at 1.2.3, 1.2.4 in different places; the oldest counts" in answer.why


def test_a_yanked_version_in_use_is_urgent() -> None:
    """Any way out of it is HIGH, with the maker's reason."""
    (answer,) = pick(a_release("1.2.3", yanked=True, yanked_reason="data loss"), "1.2.4")

    assert answer.priority is Priority.HIGH
    assert "1.2.3, in use here, was yanked: `data loss`" in answer.why


def test_the_makers_reason_is_read_and_never_obeyed() -> None:
    """It stands in a pull request's text, where it mentions nobody and closes nothing."""
    (answer,) = pick(a_release("1.2.3", yanked=True, yanked_reason="x`\n\n@acme/all ![p](http://e) Fixes #7"), "1.2.4")

    assert "1.2.3, in use here, was yanked: `x' @acme/all ![p](http://e) Fixes #7`" in answer.why


def test_a_zero_version_says_what_a_minor_may_do() -> None:
    """The kind stays minor; whoever reads it is told."""
    (answer,) = pick("0.4.0", pins=("==0.3.0",))

    assert answer.kind is Kind.MINOR
    assert "a minor step may break like a major one" in words((answer,))


def test_a_change_of_numbering_asks_for_a_look() -> None:
    """From 0.15 to 2026.9 is proposed as what it is, and never hidden."""
    (answer,) = pick("2026.9.1", pins=("==0.15.1",))

    assert (answer.verdict, answer.kind) == (Verdict.APPROVE, Kind.SCHEME)
    assert "the numbering changed from 0.15.1 to 2026.9.1" in words((answer,))


def test_what_cannot_be_ordered_is_counted_or_held() -> None:
    """A listed version that is none is passed over; a pinned one that is none stops all guessing."""
    assert "1 listed versions cannot be ordered" in words(pick("1.2.4", "banana"))
    assert shape(pick("1.2.4", pins=("==banana",))) == [(Verdict.HOLD, None)]


def test_a_long_list_of_the_passed_over_is_cut() -> None:
    """Three are named, the rest is counted."""
    held = pick(*[a_release(f"1.2.{n}", days=0) for n in range(4, 14)])

    assert "and 7 more passed over" in words(held)


def test_an_ecosystem_without_a_scheme_is_refused() -> None:
    """Versions that nobody can order are never chosen from."""
    with pytest.raises(ConfigProblem, match="no ecosystem 'cobol'"):
        choose([a_pin(component=Component(name="x", ecosystem="cobol"))], [], now=NOW, rules=Rules(), known={})


versions = st.sampled_from(["1.2.2", "1.2.3", "1.2.4", "1.3.0rc1", "1.3.0", "2.0.0", "2.1.0a1", "2026.1", "x"])
release = st.builds(
    a_release,
    versions,
    days=st.one_of(st.none(), st.floats(0, 10)),
    yanked=st.booleans(),
)


@given(
    st.lists(release, max_size=8, unique_by=lambda one: one.version),
    st.dictionaries(versions, st.sampled_from(State), max_size=4),
    st.lists(st.sampled_from(["==1.2.3", "==1.2.2", ">=1", "<1.3", "<3", "==1.2.*", "??"]), min_size=1, max_size=3),
)
def test_every_proposal_is_newer_finished_old_enough_and_unknown(
    listed: list[Release], known: dict[str, State], pins: list[str]
) -> None:
    """Whatever is listed and remembered: one or two answers, each with words, and no proposal breaks a rule."""
    answers = pick(*listed, pins=tuple(pins), known=known)

    assert len(answers) in (1, 2)
    for answer in answers:
        assert answer.why
        assert answer.verdict in (Verdict.APPROVE, Verdict.HOLD, Verdict.CURRENT)
        if answer.verdict is Verdict.APPROVE:
            assert answer.target is not None and answer.kind is not None and not answer.target.yanked
            assert Version(answer.target.version) > Version(answer.current)
            assert not Version(answer.target.version).is_prerelease
            assert answer.target.published is not None and answer.target.published <= NOW - 3 * DAY
            assert known.get(answer.target.version) not in (State.ROLLED_BACK, State.REJECTED, State.CLOSED)
            assert "??" not in pins


@given(st.lists(release, max_size=8, unique_by=lambda one: one.version), st.randoms())
def test_the_order_of_the_index_means_nothing(listed: list[Release], random: Any) -> None:
    """Two indexes that list the same in another order get the same answer."""
    shuffled = list(listed)
    random.shuffle(shuffled)

    assert pick(*listed) == pick(*shuffled)


def test_what_its_maker_deprecated_is_passed_over_while_there_is_better() -> None:
    """One bad release in a sound line is left out; a package that is deprecated as a whole is shown to a person."""
    bad = a_release("1.2.5", deprecated="broken build")
    sound = pick("1.2.4", bad, "2.0.0")
    over = pick("1.2.4", bad)

    assert shape(sound) == [(Verdict.APPROVE, "1.2.4"), (Verdict.APPROVE, "2.0.0")]
    assert "1.2.5: deprecated by its maker: `broken build`" in words(sound)
    assert shape(over) == [(Verdict.APPROVE, "1.2.5")]
    assert over[0].gates


def test_a_local_build_is_a_line_of_its_own() -> None:
    """`==1.2.3` takes every build of it already, and who pins one keeps it."""
    assert shape(pick("1.2.3+cu121")) == [(Verdict.CURRENT, None)]
    assert shape(pick("1.2.4+cu121", "1.2.4", pins=("==1.2.3+cu121",))) == [(Verdict.APPROVE, "1.2.4+cu121")]
