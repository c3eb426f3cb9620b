"""What `simulate.suites` says of one suite; every error names its line."""

from __future__ import annotations

from difflib import get_close_matches

from bot.config.preparing import patterns
from bot.core.errors import ConfigProblem
from bot.core.suites import BESIDE, INTEGRATION, PERFORMANCE, REGRESSION, UNIT, Asked
from bot.tools.places import Node, text, texts

_USUAL = Asked()
_FOUND = (UNIT, INTEGRATION, *BESIDE)  # what is there without being named


def suite(node: Node, kind: str) -> Asked:
    """One suite. ConfigProblem for a suite of tests that says nothing, and for what no suite of its kind has."""
    asked = Asked(
        run=node.take("run", text, ""),
        off=node.take("off", text, ""),
        services=node.take("services", texts, ()),
        commands=node.take("commands", texts, ()) if kind == REGRESSION else (),
        report=node.take("report", patterns, ()) if kind not in BESIDE else (),
        warn=node.take("warn", share, _USUAL.warn) if kind == PERFORMANCE else _USUAL.warn,
        fail=node.take("fail", share, _USUAL.fail) if kind == PERFORMANCE else _USUAL.fail,
    )
    if kind not in _FOUND and not asked.run.strip():
        near = get_close_matches(kind, _FOUND, n=1)
        mend = f"Did you mean {near[0]!r}?" if near else f"Write run: with its command, or one of {', '.join(_FOUND)}"
        raise ConfigProblem(f"no suite {kind!r} is found by itself", where=node.where(), mend=mend)
    if kind not in BESIDE and not asked.run.strip() and not asked.off and not asked.services:
        mend = "Write run: python -m pytest, or off: with the reason why it is not to be run"
        raise ConfigProblem("needs a command", where=node.where(), mend=mend)
    if asked.report and not asked.run.strip():
        mend = "Write run: with the command that writes the report"
        raise ConfigProblem("names a report of a command that is not named", where=node.where("report"), mend=mend)
    if asked.fail < asked.warn:
        raise ConfigProblem("fails before it warns", where=node.where("fail"), mend="Let fail be at least warn")
    return asked


def share(value: object) -> float:
    """ "5%" or 0.05 as a share of 1."""
    written = str(value).strip()
    try:
        found = float(written.removesuffix("%")) / (100 if written.endswith("%") else 1)
    except ValueError:
        raise ValueError(f"must be a share such as 5%, not {value!r}") from None
    if not 0 < found <= 10:
        raise ValueError(f"must lie between 0% and 1000%, not {value!r}")
    return found
