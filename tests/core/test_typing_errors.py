"""What a type checker says is read line by line, and only new errors count."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.core.typing_errors import Complaint, newly, of_mypy

TEXT = """\
a.py:3: error: Module "shop" has no attribute "gone"  [attr-defined]
a.py:4:7: error: Name "x" is not defined  [name-defined]
a.py:4: note: see the docs
b/c.py:12: error: words without a rule
/usr/lib/python3/x.py:1: error: not of the tree  [misc]
../x.py:1: error: not of the tree  [misc]
Found 3 errors in 2 files
: error: nothing
"""


def test_the_lines_of_mypy() -> None:
    """Errors of the tree's own files, with line and rule; nothing else."""
    assert of_mypy(TEXT) == (
        Complaint(path="a.py", line=3, rule="attr-defined", words='Module "shop" has no attribute "gone"'),
        Complaint(path="a.py", line=4, rule="name-defined", words='Name "x" is not defined'),
        Complaint(path="b/c.py", line=12, rule="", words="words without a rule"),
    )


COMPLAINTS = st.lists(
    st.builds(
        Complaint,
        path=st.sampled_from(["a", "b"]),
        line=st.integers(1, 3),
        rule=st.just("r"),
        words=st.sampled_from(["x", "y"]),
    ),
    max_size=8,
)


@given(COMPLAINTS, COMPLAINTS)
def test_only_what_is_new(before: list[Complaint], after: list[Complaint]) -> None:
    """Nothing is new where all was there; an error that stands there twice now is new once; a moved line is not."""
    assert newly(after, after) == ()
    assert newly((), after) == tuple(sorted(after))
    assert len(newly(before, after)) >= len(after) - len(before)
    moved = [Complaint(path=one.path, line=one.line + 9, rule=one.rule, words=one.words) for one in after]
    assert newly(after, moved) == ()


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    """It is the word of a program that read hostile files."""
    assert all(one.line >= 0 and not one.path.startswith("/") for one in of_mypy(text))
