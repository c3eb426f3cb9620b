"""A resolver's proof becomes one sentence that a person understands; what is no such proof is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.conflicts import plain

# Words of uv 0.9 for small indexes made by hand.
END = ", we can conclude that your requirements are unsatisfiable."
UV = {
    "Because alpha<=1.0 depends on beta<2 and you require alpha==1.0, we can conclude that you require beta<2. "
    f"And because you require beta==2.1{END}": "`alpha<=1.0` wants `beta<2`, and this repository asks for `beta==2.1`",
    "Because all versions of alpha depend on beta<2 and you require alpha[x], we can conclude that you require beta<2. "
    f"And because you require Beta>2{END}": "`alpha` wants `beta<2`, and this repository asks for `Beta>2`",
    "Because all versions of alpha depend on beta<2 and all versions of gamma depend on beta>=2, we can conclude that "
    f"all versions of alpha and all versions of gamma are incompatible. And because you require gamma and alpha{END}": (
        "`alpha` wants `beta<2`, and `gamma` wants `beta>=2`"
    ),
    "Because all versions of delta2 depend on beta<1.6 and all versions of delta depend on delta2==1.0, we can "
    f"conclude that all versions of delta depend on beta<1.6. And because you require delta and beta==2.1{END}": (
        "`delta2` wants `beta<1.6`, and this repository asks for `beta==2.1` (`delta` brings `delta2==1.0`)"
    ),
    f"Because you require beta==2.1 and beta<2{END}": "this repository asks for `beta==2.1` and `beta<2` at once",
    f"Because there is no version of beta==9 and you require beta==9{END}": "no index has `beta==9`",
    f"Because zeta was not found in the package registry and you require zeta==1{END}": "no index knows `zeta`",
    "Because the current Python version (3.8.18) does not satisfy Python>=3.10 and click==8.2.1 depends on "
    f"Python>=3.10, we can conclude that click==8.2.1 cannot be used. And because you require click==8.2.1{END}": (
        "`click==8.2.1` wants `Python>=3.10`, and it is tried with Python `3.8.18`"
    ),
}


@pytest.mark.parametrize("words", UV)
def test_who_wants_what_of_whom(words: str) -> None:
    """Both sides of the contradiction, and where one comes from that nobody asked for."""
    assert plain(f"No solution found when resolving dependencies {words}") == UV[words]


@pytest.mark.parametrize(
    "words",
    [
        "",
        "Because only the following versions of x are available: x==1 x==2 and y depends on x>3, we can conclude that",
        "Because, we can conclude that and Because and because , we can conclude that",
        f"Because a b c depends on d<1 and you require d==2 or so{END}",
        f"Because you require beta and alpha{END}",
    ],
)
def test_what_cannot_be_read_gives_nothing(words: str) -> None:
    """The resolver's own words are shown then, and only they."""
    assert plain(words) == ""


@given(
    st.lists(
        st.sampled_from([*" ,.<>=:()", "Because", "and", "you require", "depends on", "a==1", "we can conclude that"])
    )
)
def test_no_words_break_it(words: list[str]) -> None:
    """Names of packages are strangers' words."""
    assert "\n" not in plain(" ".join(words))
