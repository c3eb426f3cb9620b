"""What the list does not say is asked for: of the few releases on which the answer hangs, and of no others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from bot.adapters import listing
from bot.core.advisories import Advisory
from bot.core.choice import Choice, choose
from bot.core.model import Artifact, Component, Kind, Pin, Priority, Release, State, Trust, Verdict
from bot.core.objections import Rules
from bot.core.survey import Group
from bot.tools.sightings import FolderSightings

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
IMAGE = Component(name="shop", ecosystem="docker", scheme="pypi")
OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64


@dataclass
class Registry:
    """Lists names alone; the rest is told when asked for one."""

    full: Sequence[Release]
    asked: list[str] = field(default_factory=list)

    async def releases(self, component: Component) -> Sequence[Release]:
        return [Release(version=one.version, partial=True) for one in self.full]

    async def detail(self, component: Component, release: Release) -> Release:
        self.asked.append(release.version)
        return next(one for one in self.full if one.version == release.version)


def a_pin(version: str = "1.0", digest: str = "") -> Pin:
    return Pin(path="Dockerfile", line=1, column=6, manifest="dockerfile", component=IMAGE, requirement=version,
               version=version, digest=digest)  # fmt: skip


@dataclass
class Known:
    """What is known to be bad, by version; and which versions were asked about."""

    bad: dict[str, Sequence[Advisory]]
    asked: list[str] = field(default_factory=list)

    async def of(self, component: Component, versions: Sequence[str]) -> dict[str, Sequence[Advisory]]:
        self.asked += versions
        return {version: self.bad[version] for version in versions if version in self.bad}


@dataclass
class Bench:
    """A registry that is looked at on one day or another."""

    registry: Registry
    seen: Path
    advisories: Known | None = None
    rules: Rules = field(default_factory=Rules)

    async def look(self, *pins: Pin, days: float = 0, known: dict[str, State] | None = None) -> tuple[Choice, ...]:
        now = NOW + days * DAY
        choosing = partial(choose, pins or (a_pin(),), now=now, rules=self.rules, known=known or {})
        shelf = listing.Shelf(sources={}, sightings=FolderSightings(self.seen), advisories=self.advisories)
        group = Group(component=IMAGE, pins=pins or (a_pin(),))
        return await listing.answers(group, self.registry, choosing, shelf, now)


def bench(tmp_path: Path, *releases: Release) -> Bench:
    return Bench(registry=Registry(releases), seen=tmp_path / "seen")


def days_old(version: str, days: float, **more: object) -> Release:
    return replace(Release(version=version, published=NOW - days * DAY), **more)  # type: ignore[arg-type]  # any field


async def test_only_what_may_be_proposed_is_asked_for(tmp_path: Path) -> None:
    """Of a hundred listed tags the newest costs a request, and the old ones none."""
    there = bench(tmp_path, *(days_old(f"1.{n}", 30) for n in range(100)))

    (answer,) = await there.look()

    assert (answer.verdict, answer.target) == (Verdict.APPROVE, there.registry.full[99])
    assert there.registry.asked == ["1.99"]


async def test_the_next_is_asked_for_when_the_newest_is_too_young(tmp_path: Path) -> None:
    """The newest that is old enough is found, however little the list says."""
    there = bench(tmp_path, days_old("1.1", 30), days_old("1.2", 2), days_old("1.3", 1))

    (answer,) = await there.look()

    assert answer.target is not None and answer.target.version == "1.1"
    assert there.registry.asked == ["1.3", "1.2", "1.1"]


async def test_a_flood_of_young_releases_is_bounded(tmp_path: Path) -> None:
    """A registry cannot make us ask for ever: what is known by then is the answer, and it is held."""
    there = bench(tmp_path, *(days_old(f"1.{n}", 0) for n in range(1, 200)))

    (answer,) = await there.look()

    assert answer.verdict is Verdict.HOLD
    assert len(there.registry.asked) == listing.MOST_DETAILS


async def test_without_a_time_a_release_ripens_from_when_it_was_first_seen(tmp_path: Path) -> None:
    """Where a registry names no time, ours counts; its maker's own word never does."""
    there = bench(tmp_path, Release(version="1.1", digest=NEW))

    (first,) = await there.look()
    (early,) = await there.look(days=2)
    (late,) = await there.look(days=3)

    assert (first.verdict, first.held_until) == (Verdict.HOLD, NOW + 3 * DAY)
    assert "its registry names no time" in " ".join(early.why)
    assert early.held_until == first.held_until
    assert late.verdict is Verdict.APPROVE


async def test_a_tag_that_points_elsewhere_ripens_anew(tmp_path: Path) -> None:
    """The same version with another digest is another thing: its waiting starts again."""
    there = bench(tmp_path, Release(version="1.1", digest=NEW))
    await there.look()
    there.registry.full = [Release(version="1.1", digest=OLD)]

    (answer,) = await there.look(days=5)

    assert (answer.verdict, answer.held_until) == (Verdict.HOLD, NOW + 8 * DAY)


async def test_the_same_tag_with_a_new_digest_is_an_update(tmp_path: Path) -> None:
    """An image that is built anew under its tag is proposed where the digest is pinned, and nowhere else."""
    there = bench(tmp_path, days_old("1.0", 30, digest=NEW))

    (pinned,) = await there.look(a_pin(digest=OLD))
    (loose,) = await there.look(a_pin())
    (current,) = await there.look(a_pin(digest=NEW))

    assert (pinned.verdict, pinned.kind, pinned.gates) == (Verdict.APPROVE, Kind.DIGEST, ())
    assert "1.0 points at sha256:bbbbbbbbbbbb now, and sha256:aaaaaaaaaaaa is pinned" in pinned.why[0]
    assert loose.verdict is current.verdict is Verdict.CURRENT


async def test_a_digest_that_was_turned_back_is_not_proposed_again(tmp_path: Path) -> None:
    """What was rolled back is remembered by its digest: the version is the same for all of them."""
    there = bench(tmp_path, days_old("1.0", 30, digest=NEW))

    (answer,) = await there.look(a_pin(digest=OLD), known={f"1.0@{NEW}": State.ROLLED_BACK})

    assert answer.verdict is Verdict.HOLD
    assert "was rolled back before" in " ".join(answer.why)


async def test_a_newer_version_comes_before_a_new_digest(tmp_path: Path) -> None:
    """Who moves to 1.1 has its digest with it; nobody needs two pull requests."""
    there = bench(tmp_path, days_old("1.0", 30, digest=NEW), days_old("1.1", 30, digest=OLD))

    (answer,) = await there.look(a_pin(digest=OLD))

    assert (answer.kind, answer.target and answer.target.version) == (Kind.MINOR, "1.1")


@pytest.mark.parametrize(("lost", "gates"), [(Trust(publisher="eve"), 1), (Trust(publisher="ann"), 0)])
async def test_forerunners_are_read_to_see_what_was_lost(tmp_path: Path, lost: Trust, gates: int) -> None:
    """Who published the releases before is asked for where it matters, and a stranger is shown to a person."""
    there = bench(tmp_path, days_old("1.0", 60, trust=Trust(publisher="ann")), days_old("1.1", 30, trust=lost))

    (answer,) = await there.look()

    assert (answer.verdict, len(answer.gates)) == (Verdict.APPROVE, gates)
    assert there.registry.asked == ["1.1", "1.0"]


async def test_a_stolen_package_is_never_proposed(tmp_path: Path) -> None:
    """No provenance any more and a stranger who publishes: the release before it is taken."""
    good = Trust(provenance="https://github.com/o/r", publisher="ann")
    stolen = days_old("1.2", 30, trust=Trust(provenance="", publisher="eve"))
    there = bench(tmp_path, days_old("1.0", 60, trust=good), days_old("1.1", 50, trust=good), stolen)

    (answer,) = await there.look()

    assert answer.target is not None and answer.target.version == "1.1"
    assert "1.2: blocked, as attacks look like this" in " ".join(answer.why)


async def test_what_its_maker_deprecated_is_shown_to_a_person(tmp_path: Path) -> None:
    """The maker's words are passed on, and nothing merges by itself."""
    there = bench(tmp_path, days_old("1.1", 30, deprecated="use `other` instead"))

    (answer,) = await there.look()

    assert answer.gates == ("1.1 is deprecated by its maker: `use 'other' instead`",)


def flaw(name: str, score: float | None = 9.8, **more: object) -> Advisory:
    return Advisory(id=name, score=score, **more)  # type: ignore[arg-type]  # any field


async def test_a_grave_flaw_makes_its_fix_urgent_and_shortens_the_wait(tmp_path: Path) -> None:
    """A fix is taken after a day of ripening, with its priority and the flaws in words."""
    there = bench(tmp_path, days_old("1.0", 90), days_old("1.1", 2))
    (plain,) = await there.look()
    there.advisories = Known({"1.0": [flaw("GHSA-1", aliases=("CVE-2026-1",))]})

    (answer,) = await there.look()

    assert (plain.verdict, answer.verdict) == (Verdict.HOLD, Verdict.APPROVE)
    assert (answer.priority, answer.fixes) == (Priority.CRITICAL, ("CVE-2026-1",))
    assert "1.0, in use here, has known flaws: `CVE-2026-1` (critical)" in answer.why
    assert "1.1 mends `CVE-2026-1` (critical)" in answer.why


async def test_a_fix_that_an_advisory_names_need_not_ripen(tmp_path: Path) -> None:
    """Whoever reviewed the advisory looked at the fix; one that only claims to be a fix waits a day."""
    named, claimed = days_old("1.0.1", 0.1), days_old("1.0.2", 0.1)
    there = bench(tmp_path, days_old("1.0", 90), named, claimed)
    there.advisories = Known({"1.0": [flaw("GHSA-1", fixed=("1.0.1",))]})

    (answer,) = await there.look()

    assert (answer.verdict, answer.target) == (Verdict.APPROVE, named)
    assert "1.0.2: 2 h 24 min old and must be 1 d" in " ".join(answer.why)


async def test_what_mends_nothing_is_not_called_a_fix(tmp_path: Path) -> None:
    """A target with the same flaw is no way out, and its priority is that of any other step."""
    there = bench(tmp_path, days_old("1.0", 90), days_old("1.1", 30))
    there.advisories = Known({"1.0": [flaw("GHSA-1")], "1.1": [flaw("OTHER", aliases=("GHSA-1",))]})

    (answer,) = await there.look()

    assert (answer.priority, answer.fixes) == (Priority.MEDIUM, ())
    assert "1.1 mends none of them" in answer.why


async def test_a_malicious_release_is_never_proposed(tmp_path: Path) -> None:
    """The one below it is, and the person is told which was passed over and why."""
    there = bench(tmp_path, days_old("1.0", 90), days_old("1.1", 40), days_old("1.2", 30))
    there.advisories = Known({"1.2": [flaw("MAL-2026-1", None, malicious=True)]})

    (answer,) = await there.look()

    assert (answer.verdict, answer.target) == (Verdict.APPROVE, there.registry.full[1])
    assert "1.2: known to be malicious (`MAL-2026-1` (malicious))" in answer.why
    assert there.advisories.asked == ["1.0", "1.2", "1.1"]


async def test_a_range_is_widened_for_nothing_malicious_and_at_once_for_a_fix(tmp_path: Path) -> None:
    """What a range takes now counts as what is in use; who only keeps ranges costs no question."""
    ranged = replace(a_pin(), requirement="<2", version=None, widens=True)
    there = bench(tmp_path, days_old("1.0", 90), days_old("2.0", 2), days_old("2.1", 30))
    there.advisories = Known({"2.1": [flaw("MAL-2026-1", None, malicious=True)], "1.0": [flaw("GHSA-1")]})
    (kept,) = await there.look(ranged)
    assert kept.verdict is Verdict.HOLD and there.advisories.asked == []

    there.rules = Rules(widen=True)
    (answer,) = await there.look(ranged)

    assert (answer.verdict, answer.target) == (Verdict.APPROVE, there.registry.full[1])
    assert (answer.priority, answer.fixes, answer.current) == (Priority.CRITICAL, ("GHSA-1",), "<2")
    assert "2.1: known to be malicious" in " ".join(answer.why)

    outside = bench(tmp_path, days_old("3.0", 30))
    outside.rules, outside.advisories = Rules(widen=True), Known({"3.0": [flaw("MAL-2026-1", None, malicious=True)]})
    (held,) = await outside.look(ranged)
    assert held.verdict is Verdict.HOLD and outside.advisories.asked == ["3.0"]


@pytest.mark.parametrize(
    ("advisory", "priority"),
    [
        (flaw("A", 9.0), Priority.CRITICAL), (flaw("A", 8.9), Priority.HIGH), (flaw("A", 7.0), Priority.HIGH),
        (flaw("A", 6.9), Priority.MEDIUM), (flaw("A", 3.9), Priority.LOW), (flaw("A", None), Priority.HIGH),
        (flaw("A", 9.9, withdrawn=True), Priority.LOW), (flaw("A", 1.0, malicious=True), Priority.CRITICAL),
    ],
)  # fmt: skip
async def test_severity_is_the_priority(tmp_path: Path, advisory: Advisory, priority: Priority) -> None:
    """By the ratings of CVSS; one that was withdrawn says nothing any more, and one without a score counts as high."""
    there = bench(tmp_path, days_old("1.0", 90), days_old("1.0.1", 30))
    there.advisories = Known({"1.0": [advisory]})

    (answer,) = await there.look()

    assert answer.priority is priority


async def test_where_the_operator_does_not_allow_it_nothing_is_asked(tmp_path: Path) -> None:
    """The answer names the place and who may be named instead, and not one request was made."""
    there = bench(tmp_path, days_old("1.1", 30))
    image = Component(name="quay.io/shop", ecosystem="docker", scheme="pypi")
    pin = replace(a_pin(), component=image)
    seen = FolderSightings(tmp_path / "seen")
    choosing = partial(choose, (pin,), now=NOW, rules=Rules(), known={})

    async def look(*allowed: str) -> tuple[Choice, ...]:
        shelf = listing.Shelf(sources={}, sightings=seen, allow={"docker": allowed})
        return await listing.answers(Group(component=image, pins=(pin,)), NoRegistry(), choosing, shelf, NOW)

    (answer,) = await look("docker.io", "*.acme.example")
    assert (answer.verdict, answer.current, answer.target) == (Verdict.HOLD, "1.0", None)
    assert answer.why == (
        "quay.io/shop may not be taken from quay.io: the operator allows docker.io, *.acme.example",
    )  # fmt: skip
    shelf = listing.Shelf(sources={}, sightings=seen, allow={"docker": ["quay.io"], "pypi": ()})
    (found,) = await listing.answers(Group(component=image, pins=(pin,)), there.registry, choosing, shelf, NOW)
    assert found.target is not None


class NoRegistry:
    """Whoever is asked here was asked wrongly."""

    async def releases(self, component: Component) -> Sequence[Release]:
        raise AssertionError(f"{component.name} was asked for")

    async def detail(self, component: Component, release: Release) -> Release:
        raise AssertionError(f"{component.name} was asked for")


@pytest.mark.parametrize(
    ("flaw", "priority", "words"),
    [
        (
            Advisory(id="EOL", ended="`Shop` `1` was maintained until 2024-04-01"),
            Priority.HIGH,
            "1.0, in use here, gets no more fixes: `Shop` `1` was maintained until 2024-04-01",
        ),
        (
            Advisory(id="CVE-2026-1", score=3.0, exploited="used in attacks: in CISA's catalogue"),
            Priority.CRITICAL,
            "(used in attacks: in CISA's catalogue)",
        ),
    ],
)
async def test_lists_make_a_way_out_urgent_and_say_why(
    tmp_path: Path, flaw: Advisory, priority: Priority, words: str
) -> None:
    """Of what gets no more fixes, and of what is used in attacks; the version is read out of the answer."""
    there = bench(tmp_path, days_old("1.0", 90), days_old("2.0", 30))
    there.advisories = Known({"1.0": [flaw]})
    (answer,) = await there.look()

    assert (answer.verdict, answer.priority) == (Verdict.APPROVE, priority)
    assert words in " ".join(answer.why)


async def test_a_release_whose_file_was_swapped_while_it_ripened_is_passed_over(tmp_path: Path) -> None:
    """For good: the next one is taken, and the answer names both digests."""

    def file(digest: str) -> Artifact:
        return Artifact(filename="shop.tar.gz", url="https://files.example/shop.tar.gz", sha256=digest * 64)

    there = bench(tmp_path, days_old("1.1", 30), days_old("1.2", 1, artifacts=(file("1"),)))
    await there.look()
    there.registry.full = [days_old("1.1", 30), days_old("1.2", 1, artifacts=(file("2"),))]
    await there.look(days=1)
    there.registry.full = [days_old("1.1", 30), days_old("1.2", 1, artifacts=(file("1"),))]
    (answer,) = await there.look(days=9)

    assert answer.target is not None and answer.target.version == "1.1"
    assert any("1.2: blocked: its file `shop.tar.gz` was listed with sha256:1111" in line for line in answer.why)


async def test_while_nobody_can_be_asked_githubs_word_proposes_for_a_person(tmp_path: Path) -> None:
    """Its fix is urgent, and it may not merge by itself: whether it is malicious is not known."""
    away = Advisory(id="", unasked="osv.example does not answer")
    there = bench(tmp_path, days_old("1.0", 90), days_old("1.1", 30))
    there.advisories = Known({"1.0": [Advisory(id="GHSA-x", score=9.0), away], "1.1": [away]})
    (answer,) = await there.look()

    assert (answer.verdict, answer.priority, answer.fixes) == (Verdict.APPROVE, Priority.CRITICAL, ("GHSA-x",))
    assert answer.gates == ("nobody could be asked what is known against 1.1, which may be malicious",)
