"""Reverting: exactly what one change brought goes again, and no line of anybody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import plans
from bot.core.repo_config import Adapted, Environment
from bot.core.reverting import holds, taken_back

LINES = st.lists(st.sampled_from("abcdefgh"), max_size=8, unique=True).map(
    lambda lines: "".join(f"{x}\n" for x in lines)
)


@given(before=LINES, after=LINES)
def test_where_nobody_changed_it_since_it_is_as_before(before: str, after: str) -> None:
    """Without a later hand the revert is the old text, or, where no line shows the place, none is guessed."""
    assert taken_back(before, after, after) == before or not after


@given(before=LINES, above=st.text("xyz", max_size=3), below=st.text("xyz", max_size=3))
def test_lines_of_others_stay(before: str, above: str, below: str) -> None:
    """Whatever was put above and below it since."""
    top, end = (f"{text}\n" * bool(text) for text in (above, below))
    after = f"{before}NEW\n"

    assert taken_back(before, after, top + after + end) == top + before + end


@pytest.mark.parametrize(
    ("there", "made"),
    [
        ("a==1\nb==2\nc==9\n", "a==1\nb==1\nc==9\n"),  # the line beside it moved on
        ("b==2\n", "b==1\n"),
        ("c==1\nb==2\na==1\n", None),  # sorted anew
        ("a==1\nb==2  # by hand\nc==1\n", None),
        ("a==1\nc==1\n", None),
    ],
)
def test_a_line_that_is_no_more_is_not_guessed(there: str, made: str | None) -> None:
    """Either the very line is there, or a person is asked."""
    assert made == taken_back("a==1\nb==1\nc==1\n", "a==1\nb==2\nc==1\n", there)


def test_whether_anything_of_it_is_left_is_known() -> None:
    """Lines count, wherever they stand; those that were there before do not."""
    assert holds("a\nb\n", "a\nc\n", "x\nc\n")
    assert not holds("a\nb\n", "a\nc\n", "a\nd\n")


def test_an_environment_is_kept_as_it_was() -> None:
    """Every option comes back; what is no plan, as in rows that are older, is none."""
    chosen = Adapted(kind="canary", options={"steps": [5, 100], "bake": "1m", "more": {"a": None}}, where="x:1")
    one = Environment(name="production", provider=Adapted(kind="github_actions"), strategy=chosen, health=chosen)

    assert one == plans.environment(plans.kept(one))
    assert (None, None) == (plans.environment(""), plans.environment("{}"))
