"""What a registry offers and what runs here: nothing is proposed that its maker holds back, or that will not run."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.core.choice import Choice, choose
from bot.core.model import Artifact, Component, Pin, Release, Trust, Verdict
from bot.core.objections import Rules
from bot.core.repo_config import RepoConfig, UpdateRule, Updates
from bot.core.survey import rules_of
from bot.core.trust import Loss, compiled, drops
from tests.builders import DAY, NOW

PAD = Component(name="pad", ecosystem="npm")


def a_pin(requirement: str = "1.0.0", *, exact: bool = True) -> Pin:
    return Pin(
        path="package.json", line=3, column=5, manifest="package_json", component=PAD, requirement=requirement,
        version=requirement if exact else None, widens=not exact,
    )  # fmt: skip


def a_release(version: str, latest: str = "", **more: Any) -> Release:
    return Release(version=version, latest=latest, published=NOW - 30 * DAY, **more)


def listed(latest: str, *versions: str) -> list[Release]:
    return [a_release(version, latest) for version in versions]


def pick(releases: list[Release], pin: Pin | None = None, **rules: Any) -> list[tuple[Verdict, str | None]]:
    return [(one.verdict, one.target.version if one.target else None) for one in answers(releases, pin, **rules)]


def answers(releases: list[Release], pin: Pin | None = None, **rules: Any) -> tuple[Choice, ...]:
    return choose([pin or a_pin()], releases, now=NOW, rules=Rules(**rules), known={})


def test_what_lies_above_latest_is_not_proposed() -> None:
    """A next major under its own tag, and a mend of it; what `latest` names is."""
    found = answers(listed("1.1.0", "1.0.0", "1.1.0", "1.2.0", "2.0.0"))

    assert [(one.verdict, one.target and one.target.version) for one in found] == [(Verdict.APPROVE, "1.1.0")]
    assert "1.2.0: above 1.1.0, which its registry calls the latest" in " ".join(found[0].why)


def test_where_nothing_else_is_newer_the_answer_says_why() -> None:
    """Up to date, with the newer version named."""
    [found] = answers(listed("1.0.0", "1.0.0", "2.0.0"))

    assert found.verdict is Verdict.CURRENT and "2.0.0: above 1.0.0" in found.why[0]


@pytest.mark.parametrize(
    ("latest", "current", "rules", "target"),
    [
        ("", "1.0.0", {}, "2.0.0"),  # a registry without the tag
        ("not a version", "1.0.0", {}, "2.0.0"),
        ("2.0.0", "1.0.0", {}, "2.0.0"),
        ("0.9.0", "1.0.0", {}, "2.0.0"),  # who is ahead of the tag already goes on
        ("1.0.0", "1.0.0", {"beyond": True}, "2.0.0"),
        ("1.0.0", "1.0.0", {"released": frozenset({"2.0.0"})}, "2.0.0"),
        ("1.0.0", "1.0.0", {}, None),
    ],
)
def test_latest_counts_where_it_means_something(latest: str, current: str, rules: Any, target: str | None) -> None:
    """And a person may set it aside."""
    found = pick(listed(latest, "1.0.0", "2.0.0"), a_pin(current), **rules)

    assert [one for _, one in found] == [target]


def test_who_wants_unfinished_versions_gets_them_from_beyond_latest() -> None:
    """`latest` never names one: to hold them to it would be to hold all of them back."""
    found = pick(listed("1.0.0", "1.0.0", "1.1.0-rc.1"), prereleases=True)

    assert found == [(Verdict.APPROVE, "1.1.0-rc.1")]


def test_a_range_is_not_widened_for_what_lies_beyond() -> None:
    """The newest that counts for it is the one that its maker offers."""
    [found] = answers(listed("1.1.0", "1.0.0", "1.1.0", "2.0.0"), a_pin("^1.0.0", exact=False), widen=True)

    assert found.verdict is Verdict.CURRENT and "already takes the newest release, 1.1.0" in found.why[0]


@pytest.mark.parametrize(
    ("node", "wanted", "taken"),
    [
        ("18.9999.9999", ">=18.17.0", True),
        ("18.17.0", ">=18.17.1", False),
        ("16.9999.9999", "^18 || >=20", False),
        ("20.1.0", "^18 || >=20", True),
        ("18.17.0", "", True),
        ("18.17.0", "no range at all", True),  # npm takes what it cannot read
    ],
)
def test_a_release_must_run_on_the_node_in_use(node: str, wanted: str, taken: bool) -> None:
    """As npm reads ranges; the objection names both."""
    found = answers([a_release("1.0.0"), replace(a_release("1.1.0"), node=wanted)], nodes=(node,))

    assert (found[0].verdict is Verdict.APPROVE) is taken
    if not taken:
        assert f"needs Node `{wanted}`, and " in found[0].why[0]


def test_node_and_latest_are_of_the_configuration() -> None:
    """Node is npm's matter alone; a later rule over an earlier one."""
    rules = (UpdateRule(respect_latest=False), UpdateRule(match=("other",), respect_latest=True))
    config = RepoConfig(updates=Updates(rules=rules))

    assert rules_of(PAD, config, (), ("18.0.0",)).nodes == ("18.0.0",)
    assert rules_of(Component(name="pad"), config, (), ("18.0.0",)).nodes == ()
    assert (rules_of(PAD, config).beyond, rules_of(Component(name="other"), config).beyond) == (True, False)
    assert not rules_of(PAD, RepoConfig()).beyond


# Compiled files


def wheels(version: str, days: float, *tags: str, partial: bool = False) -> Release:
    """Its wheels by their last parts; "sdist" for one."""
    names = [f"pad-{version}.tar.gz" if tag == "sdist" else f"pad-{version}-{tag}.whl" for tag in tags]
    files = tuple(Artifact(filename=name, url="u") for name in names)
    return Release(version=version, published=NOW - timedelta(days=days), artifacts=files, partial=partial)


PLAIN, LINUX = "py3-none-any", "cp312-cp312-manylinux_2_17_x86_64"


@pytest.mark.parametrize(
    ("target", "before", "lost"),
    [
        ((PLAIN, LINUX), [(PLAIN,)], True),
        (("py3-none-win_amd64",), [(PLAIN, "sdist")], True),
        ((PLAIN,), [(PLAIN,)], False),
        ((LINUX,), [(PLAIN,), (LINUX,)], False),  # it had some before
        ((LINUX,), [("sdist",)], False),  # out of an sdist anything may have been built
        ((LINUX,), [], False),
        (("sdist",), [(PLAIN,)], False),
    ],
)
def test_compiled_files_that_are_new_are_told(target: Any, before: Any, lost: bool) -> None:
    """Where every earlier wheel fitted all machines; the file is named."""
    release = wheels("2.0", 1, *target)
    found = drops(release, [wheels(f"1.{at}", 10 + at, *tags) for at, tags in enumerate(before)])

    assert {drop.loss for drop in found} == ({Loss.BINARY} if lost else set())
    assert not lost or compiled(release) in found[0].why


def test_what_is_partly_listed_does_not_show_that_a_release_was_plain() -> None:
    """A brief list holds one file of many."""
    before = wheels("1.0", 9, PLAIN, partial=True)

    assert drops(wheels("2.0", 1, LINUX), [before]) == ()
    assert drops(wheels("2.0", 1, LINUX), [replace(before, partial=False)]) != ()


@pytest.mark.parametrize(("was", "now", "lost"), [(False, True, True), (True, True, False), (None, True, False)])
def test_a_package_of_npm_says_by_its_systems_that_it_is_compiled(was: Any, now: Any, lost: bool) -> None:
    """Where the registry says it of some releases, the others are plain."""
    release = Release(version="2.0.0", published=NOW, trust=Trust(binary=now))
    earlier = Release(version="1.0.0", published=NOW - DAY, trust=Trust(binary=was))

    assert bool(drops(release, [earlier])) is lost
