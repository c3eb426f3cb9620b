"""Compares two releases under live traffic, look by look, with a bound on false alarms that holds at every look.

Each look brings new requests and failures of both arms. Given how many failures there were in all (m) and which share
s of the requests went to the canary, the canary's part of them tells the releases apart, whatever the failure rate of
the hour is: an incident that hits both arms moves nothing. At a risk ratio r the canary's part is s*r / (s*r + 1 - s).

Against the canary: H0 "its failure rate is at most `tolerance` times the stable one's". Every look multiplies, for each
alternative ratio f*tolerance, a likelihood ratio; the mean of the products over f is an e-process (Wald 1945; mixtures:
Johari et al. 2015, "always valid"; canaries: Lindon, Sanden and Shirikian, KDD 2022, arXiv 2205.14762). By Ville's
inequality a harmless canary ever brings it to 1/alpha with probability alpha at most, at any schedule of looks and
through any change of weight. One look's factor is convex in the canary's failures, and those are drawn without
replacement, so its mean is at most one by Hoeffding 1963; that is exact for tolerance 1, not asymptotic.

In favour: the roles are swapped, H0 "at least `harm` times the stable one's rate, and above FLOOR". FLOOR is there
because two arms without a single failure can never be compared by ratio, and yet 5 000 good answers say something.

Bursts: where failures come in clumps, each says less. Dispersion is learnt on the stable arm as the mean squared
standardised residual of a look's failures against all looks before it, and divides every logarithm. Whatever it is
found to be, as long as it is 1 or more, the bound only weakens from alpha to alpha/(1-alpha).

Without a control (all traffic on the canary) a look is judged by a guard instead: the greater of CEILING and `harm`
times the rate that the stable release showed in its own time. Before against after is weaker than side by side, so
the guard is coarse on purpose.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.core.model import Counts, Evidence, Reading

WORSE = (1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 25.0, 50.0)  # times the tolerance
BETTER = (0.8, 0.65, 0.5, 0.35, 0.2, 0.1)  # times the harm
CLEANER = (0.5, 0.25, 0.1, 0.02)  # times the floor
FLOOR = 0.002  # a failure rate that nobody turns back for
CEILING = 0.01  # a failure rate that somebody may turn back for even with nothing to compare it with
MOST_DISPERSION = 10.0  # more would blind the judge to an outage
MOST_RESIDUAL = 100.0  # one incident on both arms is no habit
PRIOR_LOOKS = 4.0  # the first looks alone say little of dispersion


class Ruling(StrEnum):
    """What the judge says of the canary so far. UNSURE is an answer: it neither stops nor hurries a rollout."""

    GOOD = "good"
    BAD = "bad"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What is new since the last reading, in both arms."""

    stable: Counts
    canary: Counts

    @property
    def share(self) -> float:
        """The canary's part of the requests, 0 to 1."""
        return self.canary.requests / (self.canary.requests + self.stable.requests)


def weigh(evidence: Evidence, reading: Reading, *, tolerance: float = 1.0, harm: float = 2.0) -> Evidence:
    """The evidence with one more cumulative reading; the first is only the zero point.

    tolerance: times the stable failure rate that the canary may have; harm: times that it must not.
    A reading that is not newer than the last is ignored. After a counter has gone backwards (a process began anew, a
    replica vanished from a sum) the reading is a new zero point: what lies between is not known, and not guessed.
    Evidence must begin anew, by `onward`, when a step begins.
    """
    if evidence.last is None:
        return replace(evidence, last=reading)
    if reading.at <= evidence.last.at:
        return evidence
    look = _between(evidence.last, reading)
    if look is None:
        return replace(evidence, last=reading)
    against = _against(look, tolerance) if look.stable.requests else _over_guard(look, reading.stable, harm)
    known, squares = _residual(evidence.stable, look.stable)
    return Evidence(
        against=_add(evidence.against, against),
        favour=_add(evidence.favour, _favour(look, harm)),
        stable=_sum(evidence.stable, look.stable),
        canary=_sum(evidence.canary, look.canary),
        looks=evidence.looks + 1,
        last=reading,
        stable_sum=evidence.stable_sum + known,
        stable_squares=evidence.stable_squares + squares,
    )


def onward(evidence: Evidence) -> Evidence:
    """What the next step may keep: how the stable arm's failures clump, and nothing about the canary."""
    return Evidence(stable_sum=evidence.stable_sum, stable_squares=evidence.stable_squares)


def ruling(evidence: Evidence, *, alpha: float = 0.01, beta: float = 0.05) -> Ruling:
    """The word on the evidence so far, to be asked after every look.

    alpha: probability of ever calling a harmless canary BAD in one step; beta: of ever calling a harmful one GOOD.
    """
    if odds_against(evidence) >= 1 / alpha:
        return Ruling.BAD
    if odds_in_favour(evidence) >= 1 / beta:
        return Ruling.GOOD
    return Ruling.UNSURE


def odds_against(evidence: Evidence) -> float:
    """The e-value against "no worse than the tolerance": 1 says nothing, 100 is seen once in 100 by chance at most."""
    return _mixed(evidence.against, dispersion(evidence), [1.0] * len(WORSE))


def odds_in_favour(evidence: Evidence) -> float:
    """The e-value against "harmful", half of it by comparison with the stable arm, half by the floor."""
    weights = [1 / len(BETTER)] * len(BETTER) + [1 / len(CLEANER)] * len(CLEANER)
    return _mixed(evidence.favour, dispersion(evidence), weights)


def dispersion(evidence: Evidence) -> float:
    """By how much the stable arm's failures vary more than chance alone would have it; 1 to MOST_DISPERSION."""
    found = (evidence.stable_squares + PRIOR_LOOKS) / (evidence.stable_sum + PRIOR_LOOKS)
    return min(max(1.0, found), MOST_DISPERSION)


def explain(evidence: Evidence, *, alpha: float = 0.01, beta: float = 0.05) -> str:
    """The ruling in one sentence with the numbers that led to it."""
    if not evidence.canary.requests:
        return "the canary has answered no request yet, so nothing can be said"
    seen = f"canary failed {_of(evidence.canary, ' requests')}, "
    seen += f"stable {_of(evidence.stable)}" if evidence.stable.requests else "with no traffic on stable to compare"
    match ruling(evidence, alpha=alpha, beta=beta):
        case Ruling.BAD:
            word = f"odds against chance {_number(odds_against(evidence))} : 1"
        case Ruling.GOOD:
            word = f"odds against a harmful release {_number(odds_in_favour(evidence))} : 1"
        case Ruling.UNSURE:
            word = "not enough to tell"
    clumps = dispersion(evidence)
    tail = f" (failures come in bursts, so each counts 1/{clumps:.1f})" if clumps >= 1.5 else ""
    return f"{seen}; {word}{tail}"


def seconds_to_see(
    ratio: float, *, weight: int, requests_per_second: float, base_rate: float, alpha: float = 0.01
) -> float | None:
    """About how long until `ratio` times the base failure rate is called BAD; None: not to be seen at all.

    ln(3/alpha) over the expected gain a second of the best alternative (Wald's approximation). The 3 instead of the
    number of alternatives is fitted: neighbours in the mixture share the evidence. It lies within a quarter and one
    look of the simulated medians.
    """
    share = weight / 100
    if not 0 < share < 1 or requests_per_second <= 0 or base_rate <= 0 or ratio <= 1:
        return None
    canary = requests_per_second * share * min(1.0, base_rate * ratio)
    both = canary + requests_per_second * (1 - share) * base_rate
    gain = max(canary * math.log(f) - both * math.log1p(share * (f - 1)) for f in WORSE)
    return math.log(3 / alpha) / gain if gain > 0 else None


def power(weight: int, requests_per_second: float, base_rate: float, *, alpha: float = 0.01) -> str:
    """What can be seen at this weight, and how fast, in one sentence. weight: per cent; base_rate: 0 to 1."""
    traffic = f"at {weight} % of {requests_per_second:g} requests a second"
    if weight >= 100:
        return f"{traffic} nothing stays on stable to compare with; only over {100 * CEILING:g} % of failures is seen"
    if base_rate <= 0:
        needed = math.ceil(math.log(3 / alpha) / math.log(50 / (1 + weight / 100 * 49))) if weight > 0 else 0
        return f"{traffic} and no failures on stable, {needed} failures of the canary are enough"
    words = []
    for ratio in (10, 4, 2):
        if base_rate * ratio <= 1:
            seconds = seconds_to_see(
                ratio, weight=weight, requests_per_second=requests_per_second, base_rate=base_rate, alpha=alpha
            )
            words.append(f"{ratio} times the failures {_span(seconds)}")
    return f"{traffic} and {100 * base_rate:g} % of failures on stable: " + (", ".join(words) or "nothing is seen")


def _between(before: Reading, after: Reading) -> _Look | None:
    """None when a counter went backwards, or when nobody asked anything."""
    stable, canary = _minus(after.stable, before.stable), _minus(after.canary, before.canary)
    if stable is None or canary is None:
        return None
    return _Look(stable=stable, canary=canary) if stable.requests + canary.requests else None


def _minus(after: Counts, before: Counts) -> Counts | None:
    requests, errors = after.requests - before.requests, after.errors - before.errors
    if requests < 0 or errors < 0:
        return None
    # Sources may count a failure before its request has ended; a failed request was a request.
    return Counts(requests=max(requests, errors), errors=errors)


def _against(look: _Look, tolerance: float) -> list[float]:
    """Log-likelihood ratios of `f * tolerance` to `tolerance`, after cancelling what both have in common."""
    share, errors = look.share, look.canary.errors
    both = errors + look.stable.errors
    if not both or not share:
        return [0.0] * len(WORSE)
    null = 1 + share * (tolerance - 1)
    return [errors * math.log(f) - both * math.log((1 + share * (f * tolerance - 1)) / null) for f in WORSE]


def _over_guard(look: _Look, stable: Counts, harm: float) -> list[float]:
    """The same for a look without control: the canary's rate against a fixed one, learnt where it could be."""
    # One failure in 20 requests is taken as seen before anything was: an unknown release gets a wide guard.
    rate = (stable.errors + 1) / (stable.requests + 20)
    guard = min(max(CEILING, harm * rate), 0.5)
    return [_binomial(look.canary, guard, min(guard * f, (1 + guard) / 2)) for f in WORSE]


def _favour(look: _Look, harm: float) -> list[float]:
    share, errors = look.share, look.canary.errors
    both = errors + look.stable.errors
    null = 1 + share * (harm - 1)
    compared = [0.0] * len(BETTER)
    if both and look.stable.requests:
        compared = [errors * math.log(f) - both * math.log((1 + share * (f * harm - 1)) / null) for f in BETTER]
    return compared + [_binomial(look.canary, FLOOR, FLOOR * f) for f in CLEANER]


def _binomial(counts: Counts, null: float, other: float) -> float:
    fine = counts.requests - counts.errors
    return counts.errors * math.log(other / null) + fine * (math.log1p(-other) - math.log1p(-null))


def _residual(before: Counts, new: Counts) -> tuple[float, float]:
    """How many residuals this look gives (1, or 0 where there is nothing to compare), and its square."""
    if not before.requests or not new.requests:
        return 0.0, 0.0
    pooled = (before.errors + new.errors) / (before.requests + new.requests)
    if not 0 < pooled < 1:
        return 0.0, 0.0
    expected = new.requests * before.errors / before.requests
    variance = pooled * (1 - pooled) * new.requests * (1 + new.requests / before.requests)
    return 1.0, min((new.errors - expected) ** 2 / variance, MOST_RESIDUAL)


def _mixed(logs: Sequence[float], divisor: float, weights: Sequence[float]) -> float:
    """The weighted mean of the exponentials; 1.0 before the first look.

    Also 1.0 where the sums were stored by a release of ours with other alternatives: they cannot be read any more.
    """
    if len(logs) != len(weights):
        return 1.0
    # Beyond e^700 a float overflows; nobody needs finer odds than that.
    total = sum(w * math.exp(min(value / divisor, 700.0)) for w, value in zip(weights, logs, strict=True))
    return total / sum(weights)


def _add(old: Sequence[float], new: Sequence[float]) -> tuple[float, ...]:
    return tuple(a + b for a, b in zip(old, new, strict=True)) if len(old) == len(new) else tuple(new)


def _sum(one: Counts, other: Counts) -> Counts:
    return Counts(requests=one.requests + other.requests, errors=one.errors + other.errors)


def _of(counts: Counts, what: str = "") -> str:
    rate = 100 * counts.errors / counts.requests if counts.requests else 0.0
    return f"{counts.errors} of {counts.requests}{what} ({rate:.1f} %)"


def _number(value: float) -> str:
    """A whole number in groups of three; past a million nobody counts."""
    return f"{value:,.0f}".replace(",", " ") if value < 1e6 else "1 000 000 or more"


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "are not seen"
    return f"are seen in about {seconds:.0f} s" if seconds < 90 else f"are seen in about {seconds / 60:.0f} min"
