"""What speaks against a release: the first objection counts, what never changes before what time will heal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from bot.core import advisories, nodes, trust, versions
from bot.core.advisories import Advisory
from bot.core.durations import spoken
from bot.core.errors import ConfigProblem, InvalidVersion
from bot.core.model import Pin, Release, State
from bot.core.quoting import code

REMEMBERED: Mapping[State, str] = {
    State.ROLLED_BACK: "was rolled back before",
    State.ROLLING_BACK: "is being rolled back",
    State.REJECTED: "was rejected before",
    State.CLOSED: "was closed by a person before",
    State.SUPERSEDED: "gave way to a newer one before",
    State.DONE: "was rolled out before, and somebody went back since",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the repository's owner wants for one component.

    minimum_age: since publication; ignore: ranges to leave alone; allowed: a range to stay in, "" for any;
    pythons: the Python versions that must all be able to install it, nodes: the Node versions that must all run it;
    prereleases: whether unfinished versions may come; beyond: whether what lies above its registry's `latest` may.
    released: versions that a person wants now, whatever their age. widen: whether ranges that do not take a release
    are written anew for it, instead of holding it.
    """

    minimum_age: timedelta = timedelta(days=3)
    ignore: tuple[str, ...] = ()
    allowed: str = ""
    pythons: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    beyond: bool = False
    prereleases: bool = False
    released: frozenset[str] = frozenset()
    widen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Why a release is passed over. holds: whether a person would want to know that it is there.

    asks: not enough is known of the release to say; whoever lists it may know more. quiet: nobody would ask why.
    """

    why: str
    holds: bool = True
    until: datetime | None = None
    asks: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What stays the same for all releases of one call.

    current: the version in use; "" where only ranges are written and none of them takes a listed release.
    listed: all of them, in any order. flaws: what is known against a version, for those that were asked for.
    """

    scheme: str
    current: str
    pins: Sequence[Pin]
    now: datetime
    rules: Rules
    known: Mapping[str, State]
    listed: Sequence[Release] = ()
    flaws: Mapping[str, Sequence[Advisory]] = field(default_factory=dict)

    def mended(self, release: Release) -> tuple[Advisory, ...]:
        """What stands against the current version and not against this one."""
        return advisories.mended(self.flaws.get(self.current, ()), self.flaws.get(release.version, ()))


def objection(question: Question, release: Release) -> Objection | None:
    """The first thing that speaks against a release; None when nothing does."""
    return _lasting(question, release) or _unread(release) or _by_trust(question, release) or by_age(question, release)


def _lasting(question: Question, release: Release) -> Objection | None:
    """What neither time nor a closer look will change."""
    if release.yanked:
        return Objection(why=f"yanked{reason(release)}", holds=False)
    if malice := advisories.malice(question.flaws.get(release.version, ())):
        return Objection(why=malice)
    if release.altered:
        return Objection(why=f"blocked: {release.altered}")
    if not _finished(question, release):
        return Objection(why="not a finished version", holds=False, quiet=True)
    state = question.known.get(release.version)
    if state is not None and state in REMEMBERED:
        return Objection(why=REMEMBERED[state])
    return by_fit(question, release) or _by_pins(question, release) or _by_its_maker(question, release)


def _by_its_maker(question: Question, release: Release) -> Objection | None:
    """What its maker wants nobody to use, while the newest is sound; where that is not, a person decides."""
    if not release.deprecated:
        return None
    newest = next((one for one in question.listed if _finished(question, one) and not one.yanked), release)
    in_use = any(one.deprecated for one in question.listed if one.version == question.current)
    if newest.deprecated or in_use:
        return None
    return Objection(why=f"deprecated by its maker: {code(release.deprecated)}")


def _finished(question: Question, release: Release) -> bool:
    """A pre-release comes only to who asks for such, or already runs one that leads to the same version."""
    scheme, current = question.scheme, question.current
    if question.rules.prereleases or versions.is_stable(scheme, release.version):
        return True
    if not current or versions.is_stable(scheme, current):
        return False
    return versions.same_release(scheme, current, release.version)


def by_fit(question: Question, release: Release) -> Objection | None:
    """What its version, its tag and what it runs on say, whatever is pinned."""
    rules = question.rules
    ruled = by_rules(question, release) or by_python(rules, release) or by_node(rules, release)
    return ruled or by_latest(question, release)


def by_rules(question: Question, release: Release) -> Objection | None:
    """What the configuration says of its version."""
    for wanted in question.rules.ignore:
        if versions.satisfies(question.scheme, release.version, wanted):
            return Objection(why=f"ignored by the configuration ({wanted or 'all versions'})")
    if not versions.satisfies(question.scheme, release.version, question.rules.allowed):
        return Objection(why=f"outside of what the configuration allows ({question.rules.allowed})")
    return None


def by_python(rules: Rules, release: Release) -> Objection | None:
    """Whether every Python that is in use here finds a file that it can install."""
    wanted = tuple(dict.fromkeys(file.requires_python for file in release.artifacts))
    for python in rules.pythons:
        if wanted and not any(_runs_on(python, one) for one in wanted):
            return Objection(why=f"needs Python {' or '.join(filter(None, wanted))}, and {python} is in use here")
    return None


def by_node(rules: Rules, release: Release) -> Objection | None:
    """Whether every Node that is in use here may run it; npm only warns of one that may not, and then it breaks."""
    for node in rules.nodes:
        if release.node and not _takes_node(node, release.node):
            return Objection(why=f"needs Node {code(release.node)}, and {nodes.shown(node)} is in use here")
    return None


@lru_cache(maxsize=4096)  # releases by the thousand write the same few ranges
def _takes_node(node: str, wanted: str) -> bool:
    try:
        return versions.satisfies("npm", node, wanted)
    except (ConfigProblem, InvalidVersion):
        return True  # npm takes a package whose demand it cannot read


def by_latest(question: Question, release: Release) -> Objection | None:
    """A finished version above the one that its registry calls the latest was published, and is not offered yet.

    Makers publish a next major, or a mend of one, under another tag (`next`) before all should have it. Who runs one of
    those already goes on; as Renovate's `respectLatest`.
    """
    scheme, latest = question.scheme, release.latest
    if not latest or question.rules.beyond or release.version in question.rules.released:
        return None
    if not versions.is_valid(scheme, latest) or versions.compare(scheme, release.version, latest) <= 0:
        return None
    ahead = question.current and versions.compare(scheme, question.current, latest) > 0
    if ahead or not versions.is_stable(scheme, release.version):
        return None
    why = f"above {latest}, which its registry calls the latest: its maker does not offer it to all yet"
    return Objection(why=why, holds=False)


def _runs_on(python: str, requires: str | None) -> bool:
    try:
        return requires is None or versions.satisfies("pypi", python, requires)
    except ConfigProblem:
        return True  # installers take a file whose demand they cannot read


def _by_pins(question: Question, release: Release) -> Objection | None:
    """The target must lie in the ranges beside the exact pin, but for those that are widened for it."""
    widen = question.rules.widen
    for pin in question.pins:
        if pin.version is not None or allows(question.scheme, pin, release):
            continue
        if not (widen and widens(question.scheme, pin, release)):
            mend = ", which cannot be widened: write it by hand" if widen else ""
            return Objection(why=f"held by the range {pin.requirement} in {pin.path}:{pin.line}{mend}")
    return None


def _unread(release: Release) -> Objection | None:
    return Objection(why="its registry has not yet said enough of it", asks=True) if release.partial else None


def _by_trust(question: Question, release: Release) -> Objection | None:
    why = trust.blocked(trust.drops(release, question.listed))
    return Objection(why=f"blocked, as attacks look like this: {why}") if why else None


def by_age(question: Question, release: Release) -> Objection | None:
    """Too young: by its registry's word, else since we first saw it; its maker's own word does not count."""
    least = advisories.soak(release.version, question.mended(release), question.rules.minimum_age)
    if not least or release.version in question.rules.released:
        return None
    since = release.published or release.seen
    if since is None:
        return Objection(why="its time of publication is not known, so it counts as too young", asks=True)
    ready = since + least
    if ready <= question.now:
        return None
    age = spoken(question.now - since)
    what = f"{age} old" if release.published else f"first seen {age} ago (its registry names no time)"
    return Objection(why=f"{what} and must be {spoken(least)}: ready at {ready:%Y-%m-%d %H:%M} UTC", until=ready)


def allows(scheme: str, pin: Pin, release: Release) -> bool:
    """Whether a pin's range takes the release. One that cannot be read takes nothing: it is not ours to overrule."""
    try:
        return versions.satisfies(scheme, release.version, pin.requirement)
    except ConfigProblem:
        return False


def widens(scheme: str, pin: Pin, release: Release) -> bool:
    """Whether a pin is a range that does not take the release, and can be written anew so that it does."""
    if pin.version is not None or not pin.widens or allows(scheme, pin, release):
        return False
    try:
        return bool(versions.widened(scheme, pin.requirement, release.version))
    except ConfigProblem:
        return False


def reason(release: Release) -> str:
    """Why it was withdrawn, in its maker's words, as the end of a sentence."""
    return f": {code(release.yanked_reason)}" if release.yanked_reason else ""
