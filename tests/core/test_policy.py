"""The decision: tables of facts and what must follow from them, and properties that no facts may break."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.model import Approval, Grade, Kind, Login, Verdict
from bot.core.policy import DEFAULT_RULES, SEVERITY, CheckFact, Facts, Light, Policy, Rule, decide, worst
from tests.builders import HEAD, HOUR, NOW, a_sha, a_simulation

YES = Approval(who=Login("maria"), head=HEAD, at=NOW, source="review")
ALSO = replace(YES, who=Login("ivan"))
SLOW = CheckFact(name="slow", light=Light.PENDING)
GREEN = CheckFact(name="ci", light=Light.GREEN, required=True)


def facts(**overrides: object) -> Facts:
    values: dict[str, object] = {"kind": Kind.PATCH, "head": HEAD, "now": NOW, "simulation": a_simulation()}
    return Facts(**(values | overrides))  # type: ignore[arg-type]  # any field


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, Verdict.APPROVE),
        ({"kind": Kind.MINOR}, Verdict.APPROVE),
        ({"kind": Kind.MAJOR}, Verdict.REVIEW),
        ({"kind": Kind.SCHEME}, Verdict.REVIEW),
        ({"kind": Kind.MAJOR, "approvals": (YES,)}, Verdict.APPROVE),
        ({"kind": Kind.MINOR, "kinds": (Kind.PATCH, Kind.MINOR)}, Verdict.APPROVE),
        ({"kind": Kind.MINOR, "kinds": (Kind.DIGEST, Kind.MINOR)}, Verdict.REVIEW),  # a digest hides behind no step
        ({"kind": Kind.MINOR, "kinds": (Kind.DIGEST, Kind.MINOR), "approvals": (YES,)}, Verdict.APPROVE),
        ({"kind": Kind.MAJOR, "approvals": (replace(YES, head=a_sha(1)),)}, Verdict.REVIEW),
        ({"kind": Kind.MAJOR, "approvals": (YES,), "blockers": (Login("tom"),)}, Verdict.REVIEW),
        ({"blockers": (Login("tom"),)}, Verdict.REVIEW),
        ({"simulation": None}, Verdict.HOLD),
        ({"simulation": a_simulation(head=a_sha(9))}, Verdict.HOLD),
        ({"simulation": a_simulation(grade=Grade.FAILED)}, Verdict.REJECT),
        ({"simulation": a_simulation(grade=Grade.FAILED), "approvals": (YES,)}, Verdict.REJECT),
        ({"simulation": a_simulation(grade=Grade.UNKNOWN)}, Verdict.REVIEW),
        ({"simulation": a_simulation(grade=Grade.UNKNOWN), "approvals": (YES,)}, Verdict.APPROVE),
        ({"checks": None}, Verdict.REVIEW),
        ({"checks": (GREEN,)}, Verdict.APPROVE),
        ({"checks": (replace(GREEN, light=Light.PENDING),)}, Verdict.HOLD),
        ({"checks": (replace(GREEN, light=Light.ABSENT),)}, Verdict.HOLD),
        ({"checks": (replace(GREEN, light=Light.RED),)}, Verdict.REVIEW),
        ({"checks": (replace(GREEN, light=Light.RED),), "approvals": (YES,)}, Verdict.REVIEW),
        ({"checks": (replace(GREEN, light=Light.RED, required=False),)}, Verdict.REVIEW),
        ({"checks": (replace(GREEN, light=Light.RED, required=False),), "approvals": (YES,)}, Verdict.APPROVE),
        ({"defer_until": NOW + HOUR}, Verdict.DEFER),
        ({"defer_until": NOW - HOUR}, Verdict.APPROVE),
        ({"pushed_by_others": True}, Verdict.REVIEW),
        ({"pushed_by_others": True, "approvals": (YES,)}, Verdict.APPROVE),
        ({"pushed_by_others": True, "unknown_writers": True, "approvals": (YES,)}, Verdict.REVIEW),
        ({"pushed_by_others": True, "unknown_writers": True, "approvals": (YES, YES)}, Verdict.REVIEW),
        ({"pushed_by_others": True, "unknown_writers": True, "approvals": (YES, ALSO)}, Verdict.APPROVE),
        ({"unknown_writers": True, "approvals": ()}, Verdict.APPROVE),
        ({"draft": True}, Verdict.HOLD),
        ({"checks": (SLOW,)}, Verdict.HOLD),
        ({"checks": (SLOW,), "since": NOW - HOUR / 2}, Verdict.HOLD),
        ({"checks": (SLOW,), "since": NOW - HOUR}, Verdict.REVIEW),
        ({"checks": (SLOW,), "since": NOW - HOUR, "approvals": (YES,)}, Verdict.APPROVE),
        ({"checks": (replace(SLOW, required=True),), "since": NOW - HOUR, "approvals": (YES,)}, Verdict.HOLD),
    ],
)
def test_the_facts_decide(changes: dict[str, object], verdict: Verdict) -> None:
    """Each fact that stands in the way does so, and a person's approval of this very commit answers what it may."""
    decision = decide(facts(**changes), Policy())

    assert verdict is decision.verdict
    assert all(finding.why for finding in decision.findings)


def test_an_owner_may_want_no_majors() -> None:
    """A rule of `reject` holds whatever anybody approves."""
    policy = Policy(rules={**DEFAULT_RULES, Kind.MAJOR: Rule.REJECT})

    assert Verdict.REJECT is decide(facts(kind=Kind.MAJOR, approvals=(YES,)), policy).verdict


def test_two_approvals_are_two_persons() -> None:
    """One person's two approvals are one."""
    policy = Policy(approvals=2)
    other = replace(YES, who=Login("tom"))

    assert Verdict.REVIEW is decide(facts(kind=Kind.MAJOR, approvals=(YES, YES)), policy).verdict
    assert Verdict.APPROVE is decide(facts(kind=Kind.MAJOR, approvals=(YES, other)), policy).verdict


def test_a_checks_name_is_read_and_never_obeyed() -> None:
    """Backticks in it end no code span, so what follows mentions nobody."""
    bad = CheckFact(name="ci` @acme/all ![p](x)", light=Light.RED)
    why = next(f.why for f in decide(facts(checks=(bad,)), Policy()).findings if f.rule == "checks")

    assert "failed: `ci' @acme/all ![p](x)`" == why


def test_no_finding_is_no_permission() -> None:
    """Where no rule speaks, a person is asked."""
    assert Verdict.REVIEW is worst(())


any_facts = st.builds(
    Facts,
    kind=st.sampled_from(Kind),
    head=st.just(HEAD),
    now=st.just(NOW),
    simulation=st.sampled_from([None, *(a_simulation(grade=grade) for grade in Grade)]),
    checks=st.none()
    | st.lists(st.builds(CheckFact, name=st.just("ci"), light=st.sampled_from(Light), required=st.booleans())).map(
        tuple
    ),
    approvals=st.lists(st.sampled_from([YES, replace(YES, head=a_sha(2))])).map(tuple),
    blockers=st.sampled_from([(), (Login("tom"),)]),
    defer_until=st.sampled_from([None, NOW - HOUR, NOW + HOUR]),
    pushed_by_others=st.booleans(),
    unknown_writers=st.booleans(),
)


@given(any_facts)
def test_nothing_merges_that_did_not_pass_or_was_not_approved(given_facts: Facts) -> None:
    """Approval of a commit needs its simulation: passed, or unknown with a person's yes; never failed, never absent."""
    decision = decide(given_facts, Policy())
    mine = [a for a in given_facts.approvals if a.head == HEAD]

    if decision.verdict is Verdict.APPROVE:
        assert given_facts.simulation is not None
        assert given_facts.simulation.grade is Grade.PASSED or (given_facts.simulation.grade is Grade.UNKNOWN and mine)
        assert not given_facts.blockers
        assert given_facts.checks is not None or mine
        assert not any(c.required and c.light is not Light.GREEN for c in given_facts.checks or ())


@given(any_facts)
def test_a_blocker_never_makes_it_easier(given_facts: Facts) -> None:
    """Whoever asks for changes can only make the verdict graver."""
    free = decide(replace(given_facts, blockers=()), Policy()).verdict
    blocked = decide(replace(given_facts, blockers=(Login("tom"),)), Policy()).verdict

    assert SEVERITY[blocked] >= SEVERITY[free]
