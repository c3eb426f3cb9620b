"""A path of names and calls is followed through what the files of a package say, and never further."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.api import Entry, Kind, Parameter, Status, look

SELF, X = Parameter(name="self"), Parameter(name="x", optional=True)


def module(**more: bool) -> Entry:
    return Entry(kind=Kind.MODULE, **more)


def alias(to: str) -> Entry:
    return Entry(kind=Kind.ALIAS, to=to)


def function(*parameters: Parameter, returns: str = "", how: tuple[str, ...] = ()) -> Entry:
    return Entry(kind=Kind.FUNCTION, parameters=parameters, returns=returns, how=how)


API = {
    "p": module(),
    "p.a": module(),
    "p.lazy": module(lazy=True),
    "p.Thing": alias("p.a.Thing"),
    "p.deep": alias("p.b.Thing"),
    "p.b": alias("p.a"),
    "p.round": alias("p.about"),
    "p.about": alias("p.round"),
    "p.other": alias("elsewhere.thing"),
    "p.lost": alias("p.a.nothing"),
    "p.version": Entry(kind=Kind.ATTRIBUTE),
    "p.a.Base": Entry(kind=Kind.CLASS, bases=("object",)),
    "p.a.Base.__init__": function(SELF, X),
    "p.a.Base.go": function(SELF, X, returns="p.a.Thing"),
    "p.a.Thing": Entry(kind=Kind.CLASS, bases=("p.a.Base",)),
    "p.a.Thing.same": function(SELF, returns="typing.Self"),
    "p.a.Thing.fixed": function(X, how=("staticmethod",)),
    "p.a.Thing.whole": function(SELF, X, how=("classmethod",)),
    "p.a.Thing.held": Entry(kind=Kind.ATTRIBUTE, returns="p.a.Base", how=("property",)),
    "p.a.Thing.note": Entry(kind=Kind.ATTRIBUTE, alone=True),
    "p.a.Odd": Entry(kind=Kind.CLASS, bases=("elsewhere.Base",)),
    "p.a.Circle": Entry(kind=Kind.CLASS, bases=("p.a.Circle",)),
    "p.a.Any": Entry(kind=Kind.CLASS),
    "p.a.Any.__getattr__": function(SELF, X),
    "p.make": function(X, returns="p.Thing"),
    "p.dark": function(X),
}

LOOKS = {
    "p": (Status.PRESENT, "p"),
    "q": (Status.GONE, "q"),
    "p.nothing": (Status.GONE, "p.nothing"),
    "p.nothing.more": (Status.GONE, "p.nothing.more"),
    "p.lazy.x": (Status.UNSURE, "p.lazy.x"),
    "p.Thing": (Status.PRESENT, "p.Thing"),
    "p.deep.go": (Status.PRESENT, "p.deep.go"),
    "p.round": (Status.UNSURE, "p.round"),
    "p.other": (Status.PRESENT, "p.other"),
    "p.other.x": (Status.BEYOND, "p.other.x"),
    "p.lost": (Status.UNSURE, "p.lost"),
    "p.version.x": (Status.BEYOND, "p.version.x"),
    "p.Thing.().go": (Status.PRESENT, "p.a.Thing.go"),
    "p.Thing.().go.().same.().note": (Status.PRESENT, "p.a.Thing.note"),
    "p.Thing.().gone": (Status.GONE, "p.a.Thing.gone"),
    "p.Thing.().held.gone": (Status.GONE, "p.a.Thing.held.gone"),
    "p.make.().go": (Status.PRESENT, "p.a.Thing.go"),
    "p.make.().gone.().more": (Status.GONE, "p.a.Thing.gone"),
    "p.dark.().x": (Status.BEYOND, ""),
    "p.a.Odd.().x": (Status.UNSURE, "p.a.Odd.x"),
    "p.a.Odd.x": (Status.UNSURE, "p.a.Odd.x"),
    "p.a.Circle.x": (Status.UNSURE, "p.a.Circle.x"),
    "p.a.Any.().x": (Status.MADE_UP, "p.a.Any.x"),
    "p.().x": (Status.BEYOND, ""),
    "p.Thing.().()": (Status.BEYOND, ""),
}


def path(text: str) -> tuple[str, ...]:
    return tuple(text.split("."))


@pytest.mark.parametrize("written", LOOKS)
def test_where_a_path_leads(written: str) -> None:
    """There, gone, to be asked for, or beyond what anybody can ask for; and what to ask the running package."""
    found = look(API, path(written))
    assert (found.status, found.asks) == LOOKS[written]


CALLED = {
    "p.Thing": ("x",),
    "p.make": ("x",),
    "p.Thing.go": ("self", "x"),
    "p.Thing.().go": ("x",),
    "p.Thing.().fixed": ("x",),
    "p.Thing.fixed": ("x",),
    "p.Thing.whole": ("x",),
    "p.a.Odd": None,
    "p.version": None,
}


@pytest.mark.parametrize("written", CALLED)
def test_what_a_call_takes(written: str) -> None:
    """Without the object that it is bound to; a class takes what its `__init__` takes."""
    found = look(API, path(written)).parameters
    assert (None if found is None else tuple(one.name for one in found)) == CALLED[written]


NAMES = st.lists(st.sampled_from(["p", "a", "()", "Thing", "b"]), min_size=1, max_size=4).map(".".join)


@given(
    st.dictionaries(
        NAMES,
        st.builds(
            Entry,
            kind=st.sampled_from(Kind),
            to=NAMES,
            bases=st.lists(NAMES, max_size=2).map(tuple),
            returns=NAMES,
            lazy=st.booleans(),
        ),
        max_size=12,
    ),
    NAMES,
)
def test_no_package_leads_it_in_circles(api: dict[str, Entry], written: str) -> None:
    """Whatever the files claim, there is an answer."""
    assert look(api, path(written)).status in Status
