"""A report is a claim of code that may be hostile: read within bounds, or refused with a reason."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.differential import Came
from bot.lab import junit

REPORT = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" tests="5">
<testcase classname="tests.test_a.TestIt" name="test_one[&lt;x&gt;]" file="tests/test_a.py" line="11" time="0.25"/>
<testcase classname="tests.test_a" name="test_two" file="tests/test_a.py" line="3" time="nan?">
 <failure message="assert 1 == 2">long text</failure></testcase>
<testcase classname="tests.test_a" name="test_three"><skipped message="not here" /></testcase>
<testcase classname="" name="tests.test_b"><error message="collection failure">ImportError: no</error></testcase>
<testcase classname="tests.test_a" name="test_two" file="x.py" line="3"><error message="teardown"/></testcase>
</testsuite></testsuites>"""


def test_outcomes_by_id_with_place_and_message() -> None:
    """Lines count from 1 for people; the worst of several outcomes of one test is its outcome."""
    found = junit.read(REPORT)
    assert {test: outcome.came for test, outcome in found.items()} == {
        "tests.test_a.TestIt::test_one[<x>]": Came.PASSED,
        "tests.test_a::test_two": Came.ERROR,
        "tests.test_a::test_three": Came.SKIPPED,
        "tests.test_b": Came.ERROR,
    }
    one = found["tests.test_a.TestIt::test_one[<x>]"]
    assert (one.path, one.line, one.seconds) == ("tests/test_a.py", 12, 0.25)
    assert found["tests.test_b"].message.startswith("collection failure")


def test_the_words_of_attribute_and_element_do_not_run_together() -> None:
    """pytest says "collection failure" in the one, and what it was in the other."""
    inside = b'<error message="collection failure">ImportError: x</error>'
    report = b'<testsuite><testcase name="a">' + inside + b"</testcase></testsuite>"
    [outcome] = junit.read(report).values()
    assert "collection failure\nImportError: x" == outcome.message


def test_an_address_in_a_name_is_no_difference() -> None:
    """An object's place in memory changes with every run."""
    assert junit.test_id("a", "t[<object at 0x7f12ab34cd56>]") == junit.test_id("a", "t[<object at 0x7f99ab34cd00>]")


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (None, "larger than the bound"),
        (b"", "no report"),
        (b"  \n", "no report"),
        (b"<a>", "not well-formed"),
        (b"\xff\xfe nonsense", "not well-formed"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "document type"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "document type"),
        (b"<a>" * 100, "nested too deep"),
    ],
)
def test_what_is_no_report_is_refused_with_a_reason(data: bytes | None, word: str) -> None:
    """No entity is expanded and no file is fetched."""
    with pytest.raises(junit.Unreadable, match=word):
        junit.read(data)


@given(st.binary(max_size=400) | st.text(alphabet="<>/testcase failure=\"'&;!", max_size=200).map(str.encode))
def test_it_never_ends_in_any_other_way(data: bytes) -> None:
    """Outcomes, or a reason."""
    with contextlib.suppress(junit.Unreadable):
        junit.read(data)


def test_names_and_messages_are_bounded() -> None:
    """A name of a megabyte is cut, and so is what a test says."""
    long = b"y" * 1_000_000
    data = b'<s><testcase classname="c" name="' + long + b'"><failure message="' + long + b'"/></testcase></s>'
    ((test, outcome),) = junit.read(data).items()
    assert len(test) <= 500 and len(outcome.message) <= 2000
