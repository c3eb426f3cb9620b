"""The six kinds of suites, and what a repository's owner may say of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

UNIT, INTEGRATION, REGRESSION = "unit", "integration", "regression"
PERFORMANCE, COMPATIBILITY, SECURITY = "performance", "compatibility", "security"
BESIDE = (REGRESSION, COMPATIBILITY, SECURITY, PERFORMANCE)  # run beside the tests, unless they are turned off


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the configuration says of one suite; each empty field leaves it to be found.

    run: the command of a suite of tests, or of a benchmark. off: why it is not run; "" when it is.
    services: what must run beside it inside the jail, as "postgresql" or "redis".
    commands: recorded ones, whose output must stay equal.
    report: patterns of the JUnit files that a suite of tests writes by itself, where it is none that is known.
    warn, fail: how much slower, as a share of 1, is worth a word, and how much is a failure.
    """

    run: str = ""
    off: str = ""
    services: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    report: tuple[str, ...] = ()
    warn: float = 0.05
    fail: float = 0.10


Suites = Mapping[str, Asked]


def counted(before: int, after: int) -> str:
    """How a count changed: "+2", "-1", "same"."""
    return f"{after - before:+d}" if after != before else "same"
