"""A simulation is told to machines whole, and in a form that they can read, whatever foreign words are in it."""

from __future__ import annotations

import json
from xml.etree import ElementTree as xml

from hypothesis import given
from hypothesis import strategies as st

from bot.core.model import Grade, Level, Measure, Remark, Simulation
from bot.core.reports import as_junit, as_plain
from tests.builders import a_change, a_simulation, a_suite


def a_rich_one(words: str = "boom") -> Simulation:
    """Every kind of finding once, in these words."""
    return a_simulation(
        grade=Grade.FAILED,
        suites=(
            a_suite(
                grade=Grade.FAILED,
                why=words,
                newly_failing=(a_change(message=words),),
                missing=(a_change(test="t::gone", after="absent"),),
                flaky=(a_change(test="t::shaky"),),
            ),
            a_suite(
                kind="compatibility",
                remarks=(
                    Remark(level=Level.FAILURE, title=words, path="app.py", line=3),
                    Remark(level=Level.WARNING, title="unsure"),
                    Remark(level=Level.NOTICE, title="by the way"),
                ),
                measures=(Measure(name="import", before="1 ms", after="2 ms", change="+100 %"),),
            ),
        ),
    )


def test_the_json_has_every_finding_with_its_place() -> None:
    """It survives a round trip, and its keys are those that scripts rely on."""
    told = json.loads(json.dumps(as_plain(a_rich_one())))
    unit, compatibility = told["suites"]
    assert ("failed", "full") == (told["grade"], told["isolation"])
    assert {"head", "base", "grade", "why", "isolation", "seconds", "notes", "culprits", "suites"} == set(told)
    assert ["boom"] == [one["message"] for one in unit["newly_failing"]] and "t::gone" == unit["missing"][0]["test"]
    assert ("app.py", 3) == (compatibility["remarks"][0]["path"], compatibility["remarks"][0]["line"])
    assert "+100 %" == compatibility["measures"][0]["change"]


def test_the_junit_counts_what_it_shows() -> None:
    """Failures, what asks a person, and what was flaky, each as CI servers expect it."""
    root = xml.fromstring(as_junit(a_rich_one()))
    unit, compatibility = root
    assert ("unit", "4", "2", "1", "1") == tuple(
        unit.get(key) for key in ("name", "tests", "failures", "errors", "skipped")
    )
    assert ("4", "1", "1") == tuple(compatibility.get(key) for key in ("tests", "failures", "errors"))
    placed = compatibility.find("testcase[@file='app.py']")
    assert placed is not None and "3" == placed.get("line")


def test_a_simulation_without_suites_is_no_empty_report() -> None:
    """Where nothing could be run, a CI server must not show green."""
    root = xml.fromstring(as_junit(a_simulation(grade=Grade.UNKNOWN, why="no jail", suites=())))
    # That it is there is a part of what is asserted.
    assert "1" == root[0].get("errors") and "no jail" == root.find(".//error").get("message")  # type: ignore[union-attr]


@given(st.text())
def test_foreign_words_break_no_report(words: str) -> None:
    """Control signs, markup, lone surrogates: the XML can be read, and so can the JSON."""
    simulation = a_rich_one(words)
    xml.fromstring(as_junit(simulation).encode())
    json.loads(json.dumps(as_plain(simulation)))
