"""What a release lost of what its forerunners had is told, and what attacks look like is stopped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.core.model import Release, Trust
from bot.core.releases import TRUSTED, UNNAMED
from bot.core.trust import Loss, blocked, drops

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
GOOD = Trust(provenance="https://github.com/o/r", publisher="ann", maintainers=("ann",), install_script=False)


def a_release(version: str, days: float | None, trust: Trust = GOOD) -> Release:
    """Published so many days ago; None: its registry names no time."""
    return Release(version=version, published=None if days is None else NOW - timedelta(days=days), trust=trust)


def losses(target: Release, *before: Release) -> set[Loss]:
    return {drop.loss for drop in drops(target, (*before, target))}


@pytest.mark.parametrize(
    ("trust", "lost"),
    [
        (GOOD, set()),
        (Trust(), set()),  # a registry that says nothing takes nothing away
        (Trust(provenance="", publisher="ann", maintainers=("ann",), install_script=False), {Loss.PROVENANCE}),
        (Trust(provenance="https://github.com/x/r"), {Loss.SOURCE}),
        (Trust(provenance=UNNAMED), set()),
        (Trust(publisher="eve"), {Loss.PUBLISHER}),
        (Trust(publisher=f"{TRUSTED} github o/r"), set()),  # a build instead of a laptop is no loss
        (Trust(install_script=True), {Loss.INSTALL_SCRIPT}),
        (Trust(maintainers=("ann", "eve")), {Loss.MAINTAINERS}),
        (Trust(maintainers=()), set()),
    ],
)
def test_a_loss_is_told(trust: Trust, lost: set[Loss]) -> None:
    """Each of the signs of the known attacks is seen, and one that stays as it was is none."""
    assert losses(a_release("1.1", 1, trust), a_release("1.0", 30)) == lost


@pytest.mark.parametrize(
    ("trust", "stopped"),
    [
        (Trust(provenance="", publisher="eve"), True),
        (Trust(provenance="", install_script=True), True),
        (Trust(provenance="", publisher="ann"), False),
        (Trust(provenance=GOOD.provenance, publisher="eve", install_script=True), False),
        (Trust(publisher="eve", maintainers=("eve",)), False),
    ],
)
def test_no_provenance_and_a_stranger_or_a_script_is_stopped(trust: Trust, stopped: bool) -> None:
    """One loss has honest reasons and asks a person; these two together are how packages were stolen."""
    why = blocked(drops(a_release("1.1", 1, trust), [a_release("1.0", 30)]))

    assert bool(why) == stopped
    assert not stopped or "has no provenance, and 1.0 had" in why


def test_another_build_is_another_publisher() -> None:
    """Who took over the repository publishes with a build of theirs; a person after a build is a step back."""
    build = Trust(publisher=f"{TRUSTED} github o/r")
    assert losses(a_release("1.1", 1, Trust(publisher=f"{TRUSTED} github x/r")), a_release("1.0", 9, build)) == {
        Loss.PUBLISHER
    }
    assert losses(a_release("1.1", 1, Trust(publisher="ann")), a_release("1.0", 9, build)) == {Loss.PUBLISHER}


def test_forerunners_are_those_published_before_whatever_their_number() -> None:
    """A mend of an old line is compared with what its maker does now, and a later release vouches for nothing."""
    bare = Trust(provenance="")
    assert losses(a_release("1.0.9", 1, bare), a_release("2.0", 30), a_release("1.0.8", 900, bare)) == {Loss.PROVENANCE}
    assert losses(a_release("2.0", 30, bare), a_release("2.1", 1), a_release("1.0", 40, bare)) == set()


def test_without_times_all_others_count() -> None:
    """A registry that names no time still names its publishers."""
    assert losses(a_release("2.0", None, Trust(publisher="eve")), a_release("1.0", None)) == {Loss.PUBLISHER}


def test_a_withdrawn_release_vouches_for_nothing() -> None:
    """Who published only what was withdrawn is still a stranger."""
    eve = Release(version="1.0.1", published=NOW - timedelta(days=9), yanked=True, trust=Trust(publisher="eve"))
    assert losses(a_release("1.1", 1, Trust(publisher="eve")), a_release("1.0", 30), eve) == {Loss.PUBLISHER}


def test_what_a_registry_says_cannot_write_in_our_sentences() -> None:
    """Names are quoted as code, so that no markup of theirs is ours."""
    (drop,) = drops(a_release("1.1", 1, Trust(publisher="eve](http://x) **hi**")), [a_release("1.0", 30)])
    assert "`eve](http://x) **hi**`" in drop.why
