"""An open update learns what came to light since it was proposed, and an approval answers what was known then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.core import policy, second_look
from bot.core.advisories import Advisory
from bot.core.model import Kind, Priority, Release, State, Trust, Update, Verdict
from bot.core.policy import Facts, Policy
from bot.core.second_look import Seen, learnt
from tests.builders import DAY, HEAD, HOUR, NOW, a_component, a_pull, a_release, a_simulation, an_approval, an_update

FLAW = Advisory(id="CVE-2026-1", score=9.8, fixed=("1.2.4",))
MALICE = Advisory(id="MAL-2026-1", malicious=True)


def an_open(**more: object) -> Update:
    return an_update(**{"state": State.IN_REVIEW, "pull": a_pull(), **more})


def look(
    update: Update,
    *listed: Release,
    target: Release | None = None,
    flaws: dict[str, Sequence[Advisory]] | None = None,
    asked: bool = True,
) -> Seen:
    release = target or a_release("1.2.4")
    every = (a_release("1.2.3", published=NOW - 90 * DAY), *listed, release)
    [step] = update.parts
    return second_look.seen(step, release, second_look.question_of(step, every, flaws or {}, NOW), asked=asked)


def after(update: Update, found: Seen) -> Update:
    return learnt(update, found, NOW)[0]


@pytest.mark.parametrize(
    ("release", "flaws", "why"),
    [
        (a_release("1.2.4"), {}, ""),
        (
            a_release("1.2.4", yanked=True, yanked_reason="broken"),
            {},
            "1.2.4 was yanked since it was proposed: `broken`",
        ),
        (a_release("1.2.4"), {"1.2.4": [MALICE]}, "1.2.4 is known to be malicious (`MAL-2026-1` (malicious))"),
        (a_release("1.2.4"), {"1.2.4": [replace(MALICE, withdrawn=True)]}, ""),
        (a_release("1.2.4", altered="its file was swapped"), {}, "1.2.4: its file was swapped"),
        (a_release("1.2.4", trust=Trust(provenance="", publisher="eve")), {}, "attacks look like this"),
    ],
)
def test_what_must_not_be_merged_is_stopped(release: Release, flaws: dict, why: str) -> None:
    """Withdrawn, malicious, swapped, or stolen by the look of it: in words that say which."""
    good = a_release(
        "1.2.2", published=NOW - 60 * DAY, trust=Trust(provenance="https://git.example/o/r", publisher="ann")
    )
    found = look(an_open(), good, target=release, flaws=flaws)

    assert why in found.blocked and bool(why) == bool(found.blocked)


def test_what_is_no_longer_listed_was_taken_back() -> None:
    """Where a registry lists all that it has; a list that is cut says nothing of what is not in it."""
    [step] = an_open().parts
    found = second_look.gone(step)

    assert found is not None and "no longer listed" in found.blocked
    assert second_look.gone(replace(step, component=a_component(ecosystem="docker"))) is None


def test_a_group_is_what_its_steps_are_together() -> None:
    """One bad step stops all of them; the gravest makes it urgent, unless one could not be asked about."""
    [step] = an_open().parts
    other = replace(step, component=a_component(name="other"))
    bad = Seen(blocked="1.2.4 was yanked", priority=Priority.LOW, gates=("look",), fixes=("CVE-1",), why=("so",))
    good = Seen(priority=Priority.HIGH, fixes=("CVE-1", "CVE-2"))

    assert second_look.together([(step, bad)]) == bad
    assert second_look.together([(step, good), (other, bad)]) == Seen(
        blocked="`other`: 1.2.4 was yanked",
        priority=Priority.HIGH,
        gates=("`other`: look",),
        fixes=("CVE-1", "CVE-2"),
        why=("`other`: so",),
    )
    assert second_look.together([(step, good), (other, Seen())]).priority is None


def test_a_withdrawn_advisory_takes_the_urgency_away() -> None:
    """Priority, what it mends and why it was chosen follow; with the advisory they had been critical."""
    update = an_open(why_now=("1.2.4 is the newest",))
    grave = after(update, look(update, flaws={"1.2.3": [FLAW]}))
    calm, news = learnt(grave, look(grave, flaws={"1.2.3": [replace(FLAW, withdrawn=True)]}), NOW)

    assert (grave.priority, grave.fixes) == (Priority.CRITICAL, ("CVE-2026-1",))
    assert any("CVE-2026-1" in line for line in grave.why_now)
    assert (calm.priority, calm.fixes) == (Priority.LOW, ())
    assert not any("CVE-2026-1" in line for line in calm.why_now)
    assert "its priority is low now, and was critical" in news and "nothing that is known" in news


def test_who_could_not_be_asked_takes_nothing_back() -> None:
    """While the database is away an urgent update stays urgent, and what was yanked is seen all the same."""
    grave = an_open(priority=Priority.CRITICAL, fixes=("CVE-2026-1",), why_now=("because",))
    found = look(grave, target=a_release("1.2.4", yanked=True), asked=False)
    told = after(grave, found)

    assert (told.priority, told.fixes, told.why_now) == (Priority.CRITICAL, ("CVE-2026-1",), ("because",))
    assert told.blocked


def test_what_comes_to_light_later_is_a_gate_and_what_is_over_is_none() -> None:
    """Deprecated since, and taken back again; what its lock file brought in stays to be looked at."""
    update = an_open(gates=("lock", "old"), looked=("old",))
    told, news = learnt(update, look(update, target=a_release("1.2.4", deprecated="use another")), NOW)
    assert told.gates == ("1.2.4 is deprecated by its maker: `use another`", "lock")
    assert told.gated == NOW and "to be looked at since: 1.2.4 is deprecated" in news

    later, news = learnt(told, look(told), NOW + HOUR)
    assert (later.gates, later.gated) == (("lock",), NOW) and news == "less is to be looked at than before"


def test_a_look_that_finds_nothing_new_changes_nothing() -> None:
    """So no row is written, no stage runs and nobody is told."""
    update = an_open()
    assert learnt(update, look(update), NOW) == (update, "")
    once = after(update, look(update, flaws={"1.2.3": [FLAW]}))
    assert learnt(once, look(once, flaws={"1.2.3": [FLAW]}), NOW + DAY) == (once, "")


def test_a_widened_range_has_no_version_to_get_away_from() -> None:
    """What is current is a range there; what must be stopped is seen all the same."""
    update = an_open(current=">=1,<2", priority=Priority.HIGH)
    found = look(update, target=a_release("1.2.4", yanked=True))

    assert found.blocked and found.priority is None


def test_the_worst_of_ends_is_said_when_it_was_wrong() -> None:
    """What was taken for malicious and is not may be merged again."""
    update = an_open(blocked="1.2.4 is known to be malicious")

    assert "nothing stands against 1.2.4 any longer" in learnt(update, look(update), NOW)[1]


@pytest.mark.parametrize(("minutes", "verdict"), [(-1, Verdict.REVIEW), (0, Verdict.APPROVE), (5, Verdict.APPROVE)])
def test_an_approval_answers_what_was_known_when_it_was_given(minutes: int, verdict: Verdict) -> None:
    """A gate that came to light after it asks again; one that was there is answered."""
    given = an_approval(at=NOW + minutes * (HOUR / 60))
    facts = Facts(
        kind=Kind.PATCH, head=HEAD, now=NOW + HOUR, simulation=a_simulation(), approvals=(given,), gates=("new",),
        gated=NOW,
    )  # fmt: skip

    assert policy.decide(facts, Policy()).verdict is verdict
    assert policy.decide(replace(facts, gated=None), Policy()).verdict is Verdict.APPROVE


@pytest.mark.parametrize(
    ("target", "priority"), [((), Priority.HIGH), ((Advisory(id="EOL", ended="x"),), Priority.LOW)]
)
def test_a_way_out_of_what_gets_no_more_fixes_is_urgent(target: Sequence[Advisory], priority: Priority) -> None:
    """Unless it leads to what gets none either; that it has ended is said in both cases."""
    old = Advisory(id="EOL", ended="`Greeter` `1.2` was maintained until 2024-04-01")
    update = an_open()
    found = look(update, flaws={"1.2.3": [old], "1.2.4": target})

    assert (found.priority, found.fixes) == (priority, ())
    assert "1.2.3, in use here, gets no more fixes: `Greeter` `1.2` was maintained until 2024-04-01" in found.why


def test_what_nobody_could_be_asked_about_is_for_a_person() -> None:
    """GitHub's word makes it urgent; whether the way out is malicious is not known."""
    away = Advisory(id="", unasked="osv.example does not answer")
    found = look(an_open(), flaws={"1.2.3": [FLAW, away], "1.2.4": [away]})

    assert found.priority is Priority.CRITICAL
    assert found.gates == ("nobody could be asked what is known against 1.2.4, which may be malicious",)


def test_a_tag_that_was_moved_stays_to_be_looked_at() -> None:
    """It was seen against what was pinned before; no later look sees that again."""
    gate = "the tag 1.2.4 points at sha256:a now, and sha256:b is pinned"
    update = an_open(current="1.2.4", kind=Kind.DIGEST, gates=(gate,), looked=(gate,))

    assert learnt(update, look(update), NOW) == (update, "")


@pytest.mark.parametrize("state", sorted(second_look.ON_ITS_WAY))
def test_what_is_on_its_way_into_production_hears_of_malice_alone(state: State) -> None:
    """A yank says nothing of what already serves; a report of malice does, and nothing takes it back."""
    update = an_open(state=state)
    yanked = look(update, target=a_release("1.2.4", yanked=True, deprecated="x"), flaws={"1.2.3": [FLAW]})
    assert learnt(update, yanked, NOW) == (update, "")

    bad, news = learnt(update, look(update, flaws={"1.2.4": [MALICE]}), NOW)
    assert (bad, news) == (
        replace(update, blocked=bad.blocked),
        "1.2.4 is known to be malicious (`MAL-2026-1` (malicious))",
    )
    assert learnt(bad, look(bad), NOW) == (bad, "")


def test_what_has_ended_hears_nothing() -> None:
    """Whatever is said of its release later, another update leads away from it."""
    done = an_open(state=State.DONE)
    assert learnt(done, look(done, flaws={"1.2.4": [MALICE]}), NOW) == (done, "")
