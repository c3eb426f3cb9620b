"""A call fits or does not fit exactly as Python itself would have it."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from bot.core.api import Parameter
from bot.core.calls import Call, misfit

KINDS = {
    "/": inspect.Parameter.POSITIONAL_ONLY,
    "": inspect.Parameter.POSITIONAL_OR_KEYWORD,
    "*": inspect.Parameter.VAR_POSITIONAL,
    "!": inspect.Parameter.KEYWORD_ONLY,
    "**": inspect.Parameter.VAR_KEYWORD,
}


@st.composite
def shapes(draw: st.DrawFn) -> list[Parameter]:
    """Parameters that a `def` can have, in the order that it asks for."""
    count = {how: draw(st.integers(0, 1 if "*" in how else 2)) for how in KINDS}
    made: list[Parameter] = []
    optional = False
    for how, number in count.items():
        for place in range(number):
            optional = draw(st.booleans()) if how == "!" else how.startswith("*") or optional or draw(st.booleans())
            made.append(Parameter(name=f"p{len(made)}{'x' * place}", how=how, optional=optional))
        optional = optional and how in ("/", "")
    return made


def as_python(shape: list[Parameter]) -> Callable[..., None]:
    """A real function of that shape; `inspect.Signature.bind` of older Pythons is stricter than a call."""
    empty = inspect.Parameter.empty
    signature = inspect.Signature(
        [
            inspect.Parameter(one.name, KINDS[one.how], default=0 if one.optional and "*" not in one.how else empty)
            for one in shape
        ]
    )
    made: Callable[..., None] = eval(f"lambda {str(signature)[1:-1]}: None")
    return made


@given(shapes(), st.integers(0, 5), st.data())
def test_it_fits_when_python_binds_it(shape: list[Parameter], positional: int, data: st.DataObject) -> None:
    """For every shape of a function and of a call without stars."""
    names = [*(one.name for one in shape), "stranger"]
    keywords = tuple(data.draw(st.lists(st.sampled_from(names), unique=True, max_size=4)))
    try:
        as_python(shape)(*range(positional), **dict.fromkeys(keywords))
        fits = True
    except TypeError:
        fits = False
    assert (misfit(shape, Call(positional=positional, keywords=keywords)) == "") == fits


@given(shapes(), st.integers(0, 5), st.booleans(), st.booleans())
def test_a_star_may_bring_what_is_lacking(shape: list[Parameter], positional: int, star: bool, double: bool) -> None:
    """Where some way to fill the stars fits, nothing is said."""
    made = as_python(shape)
    named = [one.name for one in shape if one.how in ("", "!")]
    ways = []
    for more in range(7) if star else (0,):
        for filled in (named[place:] for place in range(len(named) + 1)) if double else ((),):
            try:
                made(*range(positional + more), **dict.fromkeys(filled))
                ways.append((more, filled))
            except TypeError:
                continue
    if ways:
        assert misfit(shape, Call(positional=positional, star=star, double_star=double)) == ""


def test_the_words_name_the_parameter() -> None:
    """What a person must change."""
    shape = [Parameter(name="url"), Parameter(name="proxy", how="!", optional=True), Parameter(name="key", how="!")]
    assert misfit(shape, Call(positional=1, keywords=("proxies",))) == "has no parameter `proxies`"
    assert misfit(shape, Call(positional=1)) == "needs `key`, which is not given"
    assert misfit(shape, Call(positional=2)) == "takes 1 positional arguments, and 2 are given"
    assert misfit(shape, Call(positional=1, keywords=("url",))) == "is given `url` twice, by its place and by its name"
