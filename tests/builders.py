"""Ready-made nouns for tests: a default for everything, so that a test names only what matters to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.core import model
from bot.core.events import Mail
from bot.core.model import (
    Approval,
    Artifact,
    Component,
    Counts,
    Decision,
    Entry,
    Finding,
    Grade,
    InstallationId,
    Isolation,
    Kind,
    Login,
    Merge,
    Pin,
    Pull,
    PullNumber,
    Reading,
    Release,
    RepoName,
    Rollout,
    Sha,
    Simulation,
    State,
    Step,
    SuiteResult,
    Tally,
    TestChange,
    Update,
    UpdateId,
    Verdict,
)
from bot.tools.secrets import Lent, Secret

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

REPO = RepoName("acme/shop")
INSTALLATION = InstallationId(7)
PULL = PullNumber(12)
HEAD = Sha("a" * 40)  # the commit that our branch points to
BASE = Sha("b" * 40)  # what the default branch points to
MERGED = Sha("c" * 40)  # the commit of the merge
STABLE = Sha("d" * 40)  # what is deployed so far


def lent(*hosts: str, **values: str) -> Callable[[str], Lent | None]:
    """What an operator lent to everybody, to be sent to these hosts; to this machine where none is named."""
    places = frozenset(hosts or ("127.0.0.1",))
    return {
        name: Lent(name=name, value=Secret(value), repositories=("*/*",), hosts=places)
        for name, value in values.items()
    }.get


def a_sha(seed: int | str = 1) -> Sha:
    """A commit id of forty hex digits; the same seed gives the same one."""
    return Sha(f"{seed:0>40}" if isinstance(seed, str) else f"{seed:040x}")


def a_component(**overrides: Any) -> Component:
    """The library `greeter` of the index."""
    return Component(**({"name": "greeter"} | overrides))


def an_artifact(version: str = "1.2.4", **overrides: Any) -> Artifact:
    """A wheel with a hash."""
    filename = f"greeter-{version}-py3-none-any.whl"
    values: dict[str, Any] = {
        "filename": filename,
        "url": f"http://index.test/files/{filename}",
        "sha256": "e" * 64,
        "requires_python": ">=3.9",
        "size": 1234,
    }
    return Artifact(**(values | overrides))


def a_release(version: str = "1.2.4", **overrides: Any) -> Release:
    """Published a week before NOW, with one wheel."""
    values: dict[str, Any] = {"version": version, "published": NOW - 7 * DAY, "artifacts": (an_artifact(version),)}
    return Release(**(values | overrides))


def a_pin(version: str = "1.2.3", **overrides: Any) -> Pin:
    """`greeter==1.2.3` in the first line of requirements.txt."""
    values: dict[str, Any] = {
        "path": "requirements.txt",
        "line": 1,
        "column": 1,
        "manifest": "requirements",
        "component": a_component(),
        "requirement": f"=={version}",
        "version": version,
    }
    return Pin(**(values | overrides))


def a_pull(**overrides: Any) -> Pull:
    """Open, with our own commit at its head, into main."""
    values: dict[str, Any] = {
        "number": PULL,
        "head": HEAD,
        "branch": "surefoot/greeter-1.2.4",
        "base": "main",
        "since": NOW - HOUR,
    }
    return Pull(**(values | overrides))


def a_change(test: str = "tests/test_shop.py::test_greets", **overrides: Any) -> TestChange:
    """A test that passed before and fails now."""
    values: dict[str, Any] = {
        "before": "passed",
        "after": "failed",
        "message": "AssertionError: expected 'hello'",
        "path": "tests/test_shop.py",
        "line": 7,
    }
    return TestChange(test=test, **(values | overrides))


def a_suite(**overrides: Any) -> SuiteResult:
    """Three unit tests, green on both sides."""
    values: dict[str, Any] = {
        "kind": "unit",
        "command": "python -m pytest",
        "grade": Grade.PASSED,
        "why": "3 tests, none newly failing",
        "before": Tally(passed=3),
        "after": Tally(passed=3),
        "seconds": 2.5,
    }
    return SuiteResult(**(values | overrides))


def a_simulation(**overrides: Any) -> Simulation:
    """Passed, for HEAD tried as merged into BASE. grade=Grade.FAILED brings a failing test along."""
    suite, why = a_suite(), "1 suite, none newly failing"
    if overrides.get("grade") is Grade.FAILED:
        why = "1 newly failing"
        suite = a_suite(grade=Grade.FAILED, why=why, after=Tally(passed=2, failed=1), newly_failing=(a_change(),))
    values: dict[str, Any] = {
        "head": HEAD,
        "base": BASE,
        "grade": Grade.PASSED,
        "why": why,
        "isolation": Isolation.FULL,
        "suites": (suite,),
        "seconds": 3.5,
    }
    return Simulation(**(values | overrides))


def a_finding(**overrides: Any) -> Finding:
    """The simulation speaks for it."""
    values: dict[str, Any] = {"rule": "simulation", "verdict": Verdict.APPROVE, "why": "the simulation passed"}
    return Finding(**(values | overrides))


def a_decision(verdict: Verdict = Verdict.APPROVE, **overrides: Any) -> Decision:
    """One finding, for HEAD."""
    values: dict[str, Any] = {"findings": (a_finding(verdict=verdict),), "head": HEAD}
    return Decision(verdict=verdict, **(values | overrides))


def an_approval(**overrides: Any) -> Approval:
    """Alice's review of HEAD."""
    values: dict[str, Any] = {"who": Login("alice"), "head": HEAD, "at": NOW, "source": "review"}
    return Approval(**(values | overrides))


def a_merge(**overrides: Any) -> Merge:
    """Merged at NOW on top of BASE."""
    return Merge(**({"sha": MERGED, "parent": BASE, "at": NOW} | overrides))


def a_reading(**overrides: Any) -> Reading:
    """Both arms healthy, the canary with a twentieth of the traffic."""
    values: dict[str, Any] = {"at": NOW, "stable": Counts(requests=9_500), "canary": Counts(requests=500)}
    return Reading(**(values | overrides))


def a_step(**overrides: Any) -> Step:
    """Asked for, not yet started."""
    return Step(**({"key": "key-1", "weight": 5} | overrides))


def a_rollout(**overrides: Any) -> Rollout:
    """Of the merge into production, in its first step."""
    values: dict[str, Any] = {
        "environment": "production",
        "sha": MERGED,
        "stable": STABLE,
        "deployment": 31,
        "index": 0,
        "step": a_step(),
        "began": NOW,
    }
    return Rollout(**(values | overrides))


def an_update(**overrides: Any) -> Update:
    """greeter 1.2.3 -> 1.2.4 in acme/shop, just detected. Its id follows from repo, component and target."""
    values: dict[str, Any] = {
        "repo": REPO,
        "installation": INSTALLATION,
        "component": a_component(),
        "current": "1.2.3",
        "target": "1.2.4",
        "kind": Kind.PATCH,
        "state": State.DETECTED,
        "created": NOW - HOUR,
        "changed": NOW - HOUR,
        "pins": (a_pin(),),
    }
    values |= overrides
    if "release" not in values:
        values["release"] = a_release(values["target"])
    if "id" not in values:
        values["id"] = model.id_of(values["repo"], values["component"], values["target"])
    return Update(**values)


def an_entry(**overrides: Any) -> Entry:
    """The first line of the audit of `an_update()`."""
    values: dict[str, Any] = {
        "update": an_update().id,
        "at": NOW,
        "was": State.DETECTED,
        "now": State.DETECTED,
        "why": "greeter 1.2.4 is out",
    }
    return Entry(**(values | overrides))


def a_mail(text: str = "/surefoot approve", **overrides: Any) -> Mail:
    """Alice's comment on the pull request of `a_pull()`."""
    values: dict[str, Any] = {
        "key": "comment:1",
        "repo": REPO,
        "author": Login("alice"),
        "at": NOW,
        "pull": PULL,
        "comment": 1,
    }
    return Mail(text=text, **(values | overrides))


def an_id(seed: int = 1) -> UpdateId:
    """An update id as `id_of` makes them: sixteen hex digits."""
    return UpdateId(f"{seed:016x}")
