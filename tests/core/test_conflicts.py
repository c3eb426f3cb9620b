"""A resolver's proof becomes one sentence that a person understands; what is no such proof is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.conflicts import absent, lagging, plain, plain_of_npm

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


def test_what_no_index_has_is_told_apart_from_a_contradiction() -> None:
    """By its name, or by name and version as it was asked for."""
    missing = {absent(words) for words in UV}
    assert missing == {(), ("beta==9",), ("zeta",)}


def test_an_index_lags_only_where_it_listed_that_very_version() -> None:
    """Another version, or another package that nobody has, is missing for certain."""
    assert lagging(["my-beta==9", "x"], [("My_Beta", "9")]) == "My_Beta 9"
    assert lagging(["zeta"], [("a", "1"), ("zeta", "2")]) == "zeta 2"
    assert lagging(["beta==8", "gamma==9", "beta>9"], [("beta", "9")]) == ""
    assert lagging([], [("beta", "9")]) == ""


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


# As npm 11 says it.
OF_NPM = """\
npm error code ERESOLVE
npm error ERESOLVE unable to resolve dependency tree
npm error
npm error While resolving: app@1.0.0
npm error Found: eslint@9.0.0
npm error node_modules/eslint
npm error   eslint@"9.0.0" from the root project
npm error
npm error Could not resolve dependency:
npm error peer eslint@"^7.32.0 || ^8.2.0" from eslint-config-airbnb-base@15.0.0
npm error node_modules/eslint-config-airbnb-base
"""


def test_what_npm_cannot_bring_together_is_said_in_one_sentence() -> None:
    """Who wants what, and what is there; also in the words of older ones."""
    wanted = (
        "`eslint-config-airbnb-base@15.0.0` wants `eslint@^7.32.0 || ^8.2.0` beside it, and what is there is "
        "`eslint@9.0.0`"
    )
    assert plain_of_npm(OF_NPM) == wanted
    assert (
        plain_of_npm(OF_NPM.replace("npm error", "npm ERR!").replace("peer eslint", "peer optional eslint")) == wanted
    )
    for lost in ("Found", "peer", "Could not resolve dependency:"):
        assert plain_of_npm(OF_NPM.replace(lost, "")) == ""
    assert plain_of_npm("") == ""
