"""The decision: every rule says one sentence, the gravest verdict wins, and what is not known asks a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.core.durations import spoken
from bot.core.model import Approval, Decision, Finding, Grade, Isolation, Kind, Login, Sha, Simulation, Verdict
from bot.core.quoting import code


class Rule(StrEnum):
    """What the owner of a repository wants done with a kind of update that has passed."""

    MERGE = "merge"
    REVIEW = "review"
    REJECT = "reject"


DEFAULT_RULES: Mapping[Kind, Rule] = {
    Kind.PATCH: Rule.MERGE,
    Kind.MINOR: Rule.MERGE,
    Kind.MAJOR: Rule.REVIEW,
    Kind.DIGEST: Rule.REVIEW,
    Kind.SCHEME: Rule.REVIEW,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a repository's owner decided beforehand. approvals: how many persons must say yes where a rule asks."""

    rules: Mapping[Kind, Rule] = field(default_factory=lambda: DEFAULT_RULES)
    approvals: int = 1


class Light(StrEnum):
    """How one check stands."""

    GREEN = "green"
    RED = "red"
    PENDING = "pending"
    ABSENT = "absent"  # required, and nobody has reported it yet


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFact:
    """One check of the head, by others than us."""

    name: str
    light: Light
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a decision may look at, gathered before it is made. None means: not known.

    checks: what others report of the head; None when it could not be read. unread: whose rights could not be read.
    pushed_by_others: somebody else's commits are on our branch; unknown_writers: it is not known who pushed them all.
    since: when the head was first seen (UTC). gates: what of this release a person has to look at (`core.trust`).
    gated: when the last of them came to light, if that was after it was proposed (UTC).
    kinds: of every step of a group, of which `kind` is the largest; each is judged by its own rule.
    """

    kind: Kind
    head: Sha | None
    now: datetime
    simulation: Simulation | None = None
    checks: tuple[CheckFact, ...] | None = ()
    approvals: tuple[Approval, ...] = ()
    blockers: tuple[Login, ...] = ()
    unread: tuple[Login, ...] = ()
    defer_until: datetime | None = None
    pushed_by_others: bool = False
    unknown_writers: bool = False
    draft: bool = False
    since: datetime | None = None
    gates: tuple[str, ...] = ()
    gated: datetime | None = None
    kinds: tuple[Kind, ...] = ()


UNKNOWN_WRITERS = (
    "GitHub's record does not tell who pushed some of the commits on this branch, so one approval more than usual is "
    "needed: of so many persons enough have not pushed them themselves"
)
PATIENCE = timedelta(hours=1)  # how long a check that the branch does not require is waited for

# APPROVE needs all; the order is how much stands in the way.
SEVERITY: Mapping[Verdict, int] = {
    Verdict.CURRENT: 0,
    Verdict.APPROVE: 1,
    Verdict.HOLD: 2,
    Verdict.REVIEW: 3,
    Verdict.DEFER: 4,  # whoever put it off does not want to be asked before
    Verdict.REJECT: 5,
}


def worst(findings: tuple[Finding, ...]) -> Verdict:
    """The gravest verdict among them. No finding at all is no permission: a person is asked."""
    return max((finding.verdict for finding in findings), key=SEVERITY.__getitem__, default=Verdict.REVIEW)


def decide(facts: Facts, policy: Policy) -> Decision:
    """Every rule's finding and the verdict that follows; the same facts always give the same decision."""
    findings = (
        *_of_simulation(facts, policy),
        *_of_kind(facts, policy),
        *(_ask("trust", why, _since_gated(facts), policy) for why in facts.gates),
        *_of_checks(facts, policy),
        *_of_reviews(facts, policy),
        *_of_time(facts),
    )
    return Decision(verdict=worst(findings), findings=findings, head=facts.head, until=facts.defer_until)


def why_of(decision: Decision) -> str:
    """The sentences that gave the verdict; for an approval, all of them."""
    mine = [finding.why for finding in decision.findings if finding.verdict is decision.verdict]
    return "; ".join(mine) or "no rule spoke"


def _approved(facts: Facts, policy: Policy) -> bool:
    mine = {approval.who for approval in facts.approvals if approval.head == facts.head}
    # Of one more than usual, as many as usual did not push what they approved, whoever it was.
    needed = policy.approvals + (facts.pushed_by_others and facts.unknown_writers)
    return len(mine) >= needed and not facts.blockers


def _ask(rule: str, why: str, facts: Facts, policy: Policy) -> Finding:
    """A question that a person's approval of this very commit answers."""
    if _approved(facts, policy):
        names = ", ".join(sorted({f"@{approval.who}" for approval in facts.approvals}))
        return Finding(rule=rule, verdict=Verdict.APPROVE, why=f"{why}; {names} approved it")
    return Finding(rule=rule, verdict=Verdict.REVIEW, why=why)


def _since_gated(facts: Facts) -> Facts:
    """With those approvals that were given with the gates in view; an earlier one answered another question."""
    if facts.gated is None:
        return facts
    return replace(facts, approvals=tuple(one for one in facts.approvals if one.at >= facts.gated))


def _of_simulation(facts: Facts, policy: Policy) -> Iterator[Finding]:
    simulation = facts.simulation
    if simulation is None or (facts.head is not None and simulation.head != facts.head):
        yield Finding(rule="simulation", verdict=Verdict.HOLD, why="this commit has not been simulated yet")
        return
    match simulation.grade:
        case Grade.FAILED:
            yield Finding(rule="simulation", verdict=Verdict.REJECT, why=simulation.why)
        case Grade.UNKNOWN:
            yield _ask("simulation", f"{simulation.why}, so a person decides", facts, policy)
        case Grade.PASSED:
            yield Finding(rule="simulation", verdict=Verdict.APPROVE, why=simulation.why)
    if simulation.isolation is Isolation.UNJAILED:
        yield Finding(rule="isolation", verdict=Verdict.APPROVE, why="ran without a jail: the demo's own code only")


def _of_kind(facts: Facts, policy: Policy) -> Iterator[Finding]:
    for kind in dict.fromkeys((facts.kind, *facts.kinds)):
        match policy.rules.get(kind, Rule.REVIEW):
            case Rule.MERGE:
                yield Finding(rule="kind", verdict=Verdict.APPROVE, why=f"a {kind} update may merge by itself")
            case Rule.REVIEW:
                yield _ask("kind", f"a {kind} update needs a review", facts, policy)
            case Rule.REJECT:
                yield Finding(rule="kind", verdict=Verdict.REJECT, why=f"the policy takes no {kind} updates")


def _of_checks(facts: Facts, policy: Policy) -> Iterator[Finding]:
    if facts.checks is None:
        yield _ask("checks", "the checks of this commit could not be read, so a person decides", facts, policy)
        return
    red_required = [check.name for check in facts.checks if check.required and check.light is Light.RED]
    red = [check.name for check in facts.checks if not check.required and check.light is Light.RED]
    pending = [check.name for check in facts.checks if check.light in (Light.PENDING, Light.ABSENT)]
    late = _late(facts)
    if red_required:
        # No approval helps: the branch itself will not take the merge.
        yield Finding(rule="checks", verdict=Verdict.REVIEW, why=f"required and failed: {_names(red_required)}")
    if red:
        yield _ask("checks", f"failed: {_names(red)}", facts, policy)
    if late:
        yield _ask("checks", f"not required, and not done after {spoken(PATIENCE)}: {_names(late)}", facts, policy)
    if waited_for := [name for name in pending if name not in late]:
        yield Finding(rule="checks", verdict=Verdict.HOLD, why=f"waiting for {_names(waited_for)}")
    if not (red_required or red or pending):
        green = [check.name for check in facts.checks]
        why = f"all green: {_names(green)}" if green else "no check is required and none was reported"
        yield Finding(rule="checks", verdict=Verdict.APPROVE, why=why)


def _late(facts: Facts) -> list[str]:
    """Checks that nobody requires and that may never end: after a while a person says whether they matter."""
    if facts.since is None or facts.now - facts.since < PATIENCE:
        return []
    return [check.name for check in facts.checks or () if check.light is Light.PENDING and not check.required]


def _names(names: list[str]) -> str:
    shown = ", ".join(code(name) for name in sorted(names)[:6])
    return shown + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _of_reviews(facts: Facts, policy: Policy) -> Iterator[Finding]:
    if facts.blockers:
        names = ", ".join(f"@{who}" for who in facts.blockers)
        yield Finding(rule="reviews", verdict=Verdict.REVIEW, why=f"{names} asked for changes")
    if facts.pushed_by_others:
        yield _ask("author", "somebody else's commits are on this branch", facts, policy)
    if facts.pushed_by_others and facts.unknown_writers:
        yield _ask("writers", UNKNOWN_WRITERS, facts, policy)
    if facts.draft:
        yield Finding(rule="draft", verdict=Verdict.HOLD, why="it is a draft: mark it as ready for review")


def _of_time(facts: Facts) -> Iterator[Finding]:
    if facts.defer_until and facts.defer_until > facts.now:
        until = f"{facts.defer_until:%Y-%m-%d %H:%M} UTC"
        yield Finding(rule="defer", verdict=Verdict.DEFER, why=f"a person deferred it until {until}")
