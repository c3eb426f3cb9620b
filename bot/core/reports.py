"""A simulation for machines: stable JSON, and JUnit that any CI server can show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree as xml

from bot.core.model import Component, Grade, Level, Measure, Remark, Simulation, SuiteResult, Tally, TestChange

# XML 1.0 cannot hold these at all, not even escaped.
_UNSAID = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_plain(simulation: Simulation) -> Mapping[str, object]:
    """What `surefoot check --json` and the API say of one simulation; the keys are stable. seconds: wall time."""
    return {
        "head": simulation.head,
        "base": simulation.base,
        "grade": simulation.grade.value,
        "why": simulation.why,
        "isolation": simulation.isolation.value,
        "seconds": round(simulation.seconds, 3),
        "notes": list(simulation.notes),
        "culprits": [_culprit(simulation, one, to) for one, to in simulation.culprits],
        "suites": [_suite(suite) for suite in simulation.suites],
    }


def _culprit(simulation: Simulation, one: Component, target: str) -> Mapping[str, object]:
    """spare: whether it is one of several that fail only together, and the others pass without it."""
    named = {"name": one.name, "ecosystem": one.ecosystem, "target": target}
    return {**named, "spare": (one, target) in simulation.spare}


def _suite(suite: SuiteResult) -> Mapping[str, object]:
    return {
        "kind": suite.kind,
        "command": suite.command,
        "grade": suite.grade.value,
        "why": suite.why,
        "before": _tally(suite.before),
        "after": _tally(suite.after),
        "newly_failing": [_change(one) for one in suite.newly_failing],
        "newly_passing": [_change(one) for one in suite.newly_passing],
        "missing": [_change(one) for one in suite.missing],
        "flaky": [_change(one) for one in suite.flaky],
        "remarks": [_remark(one) for one in suite.remarks],
        "measures": [_measure(one) for one in suite.measures],
        "seconds": round(suite.seconds, 3),
        "notes": list(suite.notes),
    }


def _tally(tally: Tally) -> Mapping[str, int]:
    return {"passed": tally.passed, "failed": tally.failed, "skipped": tally.skipped}


def _change(one: TestChange) -> Mapping[str, object]:
    found = {"test": one.test, "before": one.before, "after": one.after, "message": one.message}
    return {**found, "path": one.path, "line": one.line}


def _remark(one: Remark) -> Mapping[str, object]:
    found = {"level": one.level.value, "title": one.title, "message": one.message}
    return {**found, "path": one.path, "line": one.line}


def _measure(one: Measure) -> Mapping[str, object]:
    found = {"name": one.name, "before": one.before, "after": one.after}
    return {**found, "change": one.change, "level": one.level.value}


def as_junit(simulation: Simulation) -> str:
    """One test suite for each of ours: its verdict, and each change in it, as test cases.

    A failure is a failure; what asks a person is an error, since JUnit knows no third answer.
    """
    root = xml.Element("testsuites", name="surefoot simulation", time=f"{simulation.seconds:.3f}")
    for suite in simulation.suites:
        _junit(root, suite)
    if not simulation.suites:
        _case(xml.SubElement(root, "testsuite", name="simulation"), "verdict", simulation.grade, simulation.why)
    for suite_node in root:
        for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            suite_node.set(name, str(len(suite_node.findall(f"testcase/{tag}"))))
        suite_node.set("tests", str(len(suite_node.findall("testcase"))))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + xml.tostring(root, encoding="unicode")


def _junit(root: xml.Element, suite: SuiteResult) -> None:
    node = xml.SubElement(root, "testsuite", name=suite.kind, time=f"{suite.seconds:.3f}")
    _case(node, "verdict", suite.grade, suite.why)
    for one in suite.newly_failing:
        _case(node, one.test, Grade.FAILED, one.message or f"{one.before} before, {one.after} now", one.path, one.line)
    for one in suite.missing:
        _case(node, one.test, Grade.UNKNOWN, f"{one.before} before, {one.after} now", one.path, one.line)
    for one in suite.flaky:
        case = _case(node, one.test, Grade.PASSED, "", one.path, one.line)
        xml.SubElement(case, "skipped", message=_said(f"flaky: {one.message}"))
    for remark in suite.remarks:
        _case(node, remark.title, _GRADES[remark.level], remark.message or remark.title, remark.path, remark.line)


_GRADES = {Level.FAILURE: Grade.FAILED, Level.WARNING: Grade.UNKNOWN, Level.NOTICE: Grade.PASSED}
_TAGS = {Grade.FAILED: "failure", Grade.UNKNOWN: "error"}


def _case(
    suite: xml.Element, name: str, grade: Grade, why: str, path: str | None = None, line: int | None = None
) -> xml.Element:
    case = xml.SubElement(suite, "testcase", classname=suite.get("name", ""), name=_said(name))
    if path:
        case.set("file", _said(path))
    if line:
        case.set("line", str(line))
    if tag := _TAGS.get(grade):
        xml.SubElement(case, tag, message=_said(why))
    return case


def _said(text: str) -> str:
    return _UNSAID.sub("\ufffd", text)
