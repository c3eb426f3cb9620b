"""The judge stops a bad canary soon, leaves a good one alone, and says what it saw."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import timedelta
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import judge
from bot.core.judge import Ruling
from bot.core.model import Counts, Evidence, Reading
from tests.bench.traffic import START, World, alarm, cell, readings


def a_reading(second: int, stable: tuple[int, int], canary: tuple[int, int]) -> Reading:
    """Cumulative (requests, errors) of both arms, so many seconds after the start."""
    return Reading(
        at=START + timedelta(seconds=second),
        stable=Counts(requests=stable[0], errors=stable[1]),
        canary=Counts(requests=canary[0], errors=canary[1]),
    )


def after(*looks: tuple[tuple[int, int], tuple[int, int]], tolerance: float = 1.0) -> Evidence:
    """The evidence after looks that each bring so many (requests, errors) to stable and canary."""
    stable = canary = (0, 0)
    evidence = judge.weigh(Evidence(), a_reading(0, stable, canary), tolerance=tolerance)
    for number, (to_stable, to_canary) in enumerate(looks, start=1):
        stable = (stable[0] + to_stable[0], stable[1] + to_stable[1])
        canary = (canary[0] + to_canary[0], canary[1] + to_canary[1])
        evidence = judge.weigh(evidence, a_reading(10 * number, stable, canary), tolerance=tolerance)
    return evidence


def test_nothing_seen_is_no_verdict() -> None:
    """Before the first request nobody is called good or bad."""
    assert judge.ruling(Evidence()) is Ruling.UNSURE
    assert judge.ruling(after()) is Ruling.UNSURE
    assert "no request yet" in judge.explain(Evidence())


def test_the_first_reading_is_only_the_zero_point() -> None:
    """What the canary's slot did before the step is not held against the release in it."""
    evidence = judge.weigh(Evidence(), a_reading(0, (1000, 0), (1000, 900)))

    assert evidence.canary == Counts()
    assert judge.ruling(evidence) is Ruling.UNSURE


def test_an_outage_of_the_canary_alone_is_seen_at_once() -> None:
    """Stable has no failure at all, so no ratio is finite; a few failures of the canary are enough."""
    assert judge.ruling(after(((95, 0), (5, 5)))) is Ruling.BAD
    assert judge.ruling(after(((50, 0), (50, 50)))) is Ruling.BAD


def test_one_failure_is_no_proof() -> None:
    """A single failed request stops no rollout."""
    assert judge.ruling(after(((950, 0), (50, 1)))) is Ruling.UNSURE


def test_no_failures_anywhere_become_a_good_word_only_with_enough_requests() -> None:
    """Two silent arms cannot be compared; enough good answers of the canary still say something."""
    look = ((950, 0), (50, 0))

    assert judge.ruling(after(*[look] * 10)) is Ruling.UNSURE
    assert judge.ruling(after(*[look] * 100)) is Ruling.GOOD


def test_stable_alone_cannot_vouch_for_the_canary() -> None:
    """However much traffic goes to stable, a canary that nobody asked is not good."""
    evidence = after(*[((10_000, 10), (0, 0))] * 50)

    assert judge.ruling(evidence) is Ruling.UNSURE


def test_a_canary_like_stable_is_accepted() -> None:
    """With the same failure rate and enough of both, the rollout may go on early."""
    evidence = after(*[((500, 5), (500, 5))] * 20)

    assert judge.ruling(evidence) is Ruling.GOOD
    assert "odds against a harmful release" in judge.explain(evidence)


def test_an_incident_on_both_arms_is_nobodys_fault() -> None:
    """The data base is away for a minute: both releases fail alike, and neither is blamed."""
    evidence = after(*[((950, 5), (50, 0))] * 5, ((950, 800), (50, 42)), *[((950, 5), (50, 0))] * 5)

    assert judge.ruling(evidence) is not Ruling.BAD


def test_an_old_reading_changes_nothing() -> None:
    """A source that answers twice from its cache adds no evidence."""
    evidence = after(((950, 5), (50, 2)))
    assert evidence.last is not None

    assert judge.weigh(evidence, evidence.last) == evidence
    assert judge.weigh(evidence, a_reading(3, (5000, 0), (500, 500))) == evidence


def test_a_counter_that_went_back_is_a_new_zero_point() -> None:
    """A proxy that began anew neither blames nor vouches for anybody."""
    before = after(((950, 5), (50, 2)))

    evidence = judge.weigh(before, a_reading(20, (10, 0), (700, 650)))

    assert replace(evidence, last=before.last) == before
    assert judge.weigh(evidence, a_reading(30, (960, 0), (750, 690))).canary == Counts(requests=100, errors=42)


def test_a_failure_counted_before_its_request_is_a_request() -> None:
    """Counters are not read at one instant; more failures than requests break nothing."""
    evidence = after(((950, 0), (2, 4)))

    assert evidence.canary == Counts(requests=4, errors=4)


def test_without_a_control_the_canary_is_held_against_a_fixed_rate() -> None:
    """At 100 % there is nothing to compare with, and a release that fails all over is still turned back."""
    seen = judge.weigh(Evidence(), a_reading(0, (100_000, 100), (0, 0)))

    bad = judge.weigh(seen, a_reading(10, (100_000, 100), (1000, 50)))
    fair = judge.weigh(seen, a_reading(10, (100_000, 100), (1000, 8)))
    usual = judge.weigh(Evidence(), a_reading(0, (100_000, 5000), (0, 0)))
    usual = judge.weigh(usual, a_reading(10, (100_000, 5000), (1000, 60)))

    assert judge.ruling(bad) is Ruling.BAD
    assert "no traffic on stable to compare" in judge.explain(bad)
    assert judge.ruling(fair) is not Ruling.BAD
    assert judge.ruling(usual) is not Ruling.BAD


def test_an_unknown_release_without_a_control_gets_a_wide_guard() -> None:
    """Nothing is known of its usual rate: a few failures are no reason, an outage is one."""
    assert judge.ruling(after(((0, 0), (100, 5)))) is not Ruling.BAD
    assert judge.ruling(after(((0, 0), (100, 60)))) is Ruling.BAD


def test_the_next_step_begins_anew_and_remembers_how_failures_clump() -> None:
    """Evidence of 5 % never speaks at 25 %; what was learnt of the stable arm's bursts stays."""
    evidence = after(*[((950, 0), (50, 0)), ((950, 30), (50, 0))] * 20)
    onward = judge.onward(evidence)

    assert judge.dispersion(evidence) > 3
    assert judge.dispersion(onward) == judge.dispersion(evidence)
    assert onward.canary == Counts() and onward.last is None and onward.looks == 0


def test_dispersion_is_bounded_both_ways() -> None:
    """Steady failures make nobody more suspicious than chance; one huge incident does not blind the judge."""
    assert judge.dispersion(Evidence()) == 1.0
    assert judge.dispersion(after(*[((1000, 10), (50, 0))] * 50)) == 1.0
    wild = after(*[((100_000, 0), (50, 0)), ((100_000, 90_000), (50, 0))] * 10)
    assert judge.dispersion(wild) == judge.MOST_DISPERSION


def test_sums_of_other_alternatives_are_not_read() -> None:
    """Evidence that another release of the bot stored begins anew instead of breaking the rollout."""
    evidence = replace(after(((950, 0), (50, 50))), against=(1.0, 2.0), favour=(3.0,))

    assert judge.ruling(evidence) is Ruling.UNSURE
    again = judge.weigh(evidence, a_reading(20, (1900, 0), (100, 100)))
    assert judge.ruling(again) is Ruling.BAD


def test_the_sentence_has_the_numbers() -> None:
    """Whoever reads it can check it with a pencil."""
    sentence = judge.explain(after(((3990, 3), (210, 12))))

    assert sentence.startswith("canary failed 12 of 210 requests (5.7 %), stable 3 of 3990 (0.1 %); odds against")


@pytest.mark.parametrize(("odds", "text"), [(99.6, "100"), (4200.0, "4 200"), (5e9, "1 000 000 or more")])
def test_odds_are_readable(odds: float, text: str) -> None:
    """No exponent, no false precision."""
    look = replace(Evidence(canary=Counts(requests=1)), against=(math.log(odds),) * len(judge.WORSE))

    assert judge.explain(look, alpha=0.02).endswith(f"odds against chance {text} : 1")


def test_bursts_are_said() -> None:
    """Who wonders why the judge hesitates can read it."""
    evidence = after(*[((950, 0), (50, 0)), ((950, 30), (50, 0))] * 20)

    assert "failures come in bursts, so each counts 1/" in judge.explain(evidence)


# What can be seen, and how fast: the simulated medians of the two-sample test (50 requests a second, base 0.5 %).
@pytest.mark.parametrize(
    ("weight", "ratio", "median"),
    [(5, 10, 40), (5, 4, 180), (5, 2, 1200), (10, 10, 30), (10, 4, 110), (10, 2, 650)],
)
def test_the_forecast_is_near_the_simulation(weight: int, ratio: float, median: float) -> None:
    """A step can be sized by it before it begins."""
    seconds = judge.seconds_to_see(ratio, weight=weight, requests_per_second=50, base_rate=0.005)

    assert seconds == pytest.approx(median, rel=0.25, abs=10)  # a look is ten seconds


def test_the_forecast_in_words() -> None:
    """It says what is seen fast, what slowly, and where nothing is compared."""
    assert judge.power(5, 50, 0.005) == (
        "at 5 % of 50 requests a second and 0.5 % of failures on stable: 10 times the failures are seen in about 37 s,"
        " 4 times the failures are seen in about 3 min, 2 times the failures are seen in about 21 min"
    )
    assert "nothing stays on stable" in judge.power(100, 50, 0.005)
    assert "3 failures of the canary are enough" in judge.power(5, 200, 0.0)
    assert "are not seen" in judge.power(0, 50, 0.005)
    assert "nothing is seen" in judge.power(5, 50, 0.9)


@pytest.mark.parametrize(
    "change", [{"weight": 0}, {"weight": 100}, {"requests_per_second": 0.0}, {"base_rate": 0.0}, {"ratio": 1.0}]
)
def test_no_forecast_where_nothing_can_be_seen(change: dict[str, float]) -> None:
    """None is said instead of a number that means nothing."""
    asked = {"ratio": 2.0, "weight": 5, "requests_per_second": 50.0, "base_rate": 0.01} | change

    assert judge.seconds_to_see(asked.pop("ratio"), **asked) is None  # type: ignore[arg-type]  # numbers all


def binomial(n: int, k: int, p: float) -> float:
    """The probability of k successes of n."""
    return comb(n, k) * p**k * (1 - p) ** (n - k)


def mean_odds(
    n_stable: int, n_canary: int, p_stable: float, p_canary: float, tolerance: float = 1.0
) -> tuple[float, float]:
    """The exact mean of both e-values after one look, over all outcomes."""
    against = favour = 0.0
    for stable in range(n_stable + 1):
        for canary in range(n_canary + 1):
            chance = binomial(n_stable, stable, p_stable) * binomial(n_canary, canary, p_canary)
            evidence = after(((n_stable, stable), (n_canary, canary)), tolerance=tolerance)
            against += chance * judge.odds_against(evidence)
            favour += chance * judge.odds_in_favour(evidence)
    return against, favour


@pytest.mark.parametrize(("n_stable", "n_canary"), [(1, 1), (9, 1), (8, 3), (5, 5), (2, 9)])
@pytest.mark.parametrize("rate", [0.01, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("part", [1.0, 0.7])
def test_a_harmless_canary_gains_no_odds_on_average(n_stable: int, n_canary: int, rate: float, part: float) -> None:
    """Exact, over every outcome of one look: this is what makes the bound on false alarms hold at any look."""
    against, _ = mean_odds(n_stable, n_canary, rate, rate * part)

    assert against <= 1 + 1e-12


@pytest.mark.parametrize(("n_stable", "n_canary"), [(9, 1), (8, 3), (5, 5)])
@pytest.mark.parametrize("rate", [0.01, 0.2, 0.45])
@pytest.mark.parametrize("times", [2.0, 2.2])
def test_a_harmful_canary_gains_no_good_word(n_stable: int, n_canary: int, rate: float, times: float) -> None:
    """The same for the other error: a release twice as bad is called good with probability beta at most."""
    _, favour = mean_odds(n_stable, n_canary, rate, rate * times)

    assert favour <= 1 + 1e-12


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_given_the_failures_of_a_look_the_odds_gain_nothing(n_stable: int, n_canary: int, failures: int) -> None:
    """Conditional on all failures together, the canary's part is hypergeometric: exact at any failure rate."""
    failed = min(failures, n_stable + n_canary)
    mean = 0.0
    for canary in range(max(0, failed - n_stable), min(n_canary, failed) + 1):
        chance = comb(n_canary, canary) * comb(n_stable, failed - canary) / comb(n_stable + n_canary, failed)
        mean += chance * judge.odds_against(after(((n_stable, failed - canary), (n_canary, canary))))

    assert mean <= 1 + 1e-9


counts = st.tuples(st.integers(0, 10**7), st.integers(0, 10**7))


@given(st.lists(st.tuples(st.integers(-5, 100), counts, counts), max_size=12))
@settings(deadline=None)
def test_whatever_a_source_says_the_judge_answers(said: list[tuple[int, tuple[int, int], tuple[int, int]]]) -> None:
    """No reading, however absurd, stops the loop or makes a number that cannot be stored."""
    evidence = Evidence()
    for second, stable, canary in said:
        evidence = judge.weigh(evidence, a_reading(second, stable, canary))
        assert judge.ruling(evidence) in Ruling
        assert judge.explain(evidence)

    assert all(math.isfinite(value) for value in (*evidence.against, *evidence.favour, evidence.stable_squares))


def test_a_healthy_canary_is_left_alone() -> None:
    """Half an hour with a look every ten seconds, 200 times over: hardly ever a false alarm."""
    assert cell(World(canary=lambda second: 0.005), runs=200).share <= 0.03


def test_bursts_do_not_raise_false_alarms_once_they_are_known() -> None:
    """Ten minutes of watching the stable release are enough to learn that failures come in threes."""
    assert cell(World(canary=lambda second: 0.005, burst=3, seconds=900), runs=100, learnt=600).share <= 0.05


def test_a_fault_of_five_per_cent_is_seen_within_a_minute_or_so() -> None:
    """At 5 % of 50 requests a second the canary fails once in 8 s, and the judge needs about six failures."""
    found = cell(World(canary=lambda second: 0.05), runs=150)

    assert found.share == 1.0
    assert 20 <= found.median <= 60


def test_a_small_fault_is_seen_in_minutes() -> None:
    """Four times the usual failures take about three minutes at this traffic."""
    found = cell(World(canary=lambda second: 0.02), runs=60)

    assert found.share == 1.0
    assert 120 <= found.median <= 290


def test_an_outage_is_seen_in_one_look() -> None:
    """Everything fails, and the traffic returns after seconds."""
    assert cell(World(canary=lambda second: 1.0, every=2), runs=50).median <= 4


def test_a_healthy_canary_is_accepted_and_a_harmful_one_hardly_ever() -> None:
    """GOOD comes for a release like the old one at 25 % of the traffic; twice the failures do not earn it."""
    rng = random.Random(5)

    def good(rate: float) -> bool:
        evidence = Evidence()
        for _, reading in readings(World(canary=lambda second: rate, share=lambda second: 0.25, rate=200), rng):
            evidence = judge.weigh(evidence, reading)
            if judge.ruling(evidence, alpha=1e-9) is Ruling.GOOD:
                return True
        return False

    assert sum(good(0.005) for _ in range(20)) >= 18
    assert sum(good(0.010) for _ in range(60)) <= 9


def test_a_fault_that_comes_late_is_seen_late() -> None:
    """Ten healthy minutes make the judge slower, not blind."""
    found = alarm(World(canary=lambda second: 0.05 if second >= 600 else 0.005), random.Random(2))

    assert found is not None and found > 600
