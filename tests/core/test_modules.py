"""What an update of a Node package breaks is told from what both versions gave, and from nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import supported
from bot.core.compatibility import Certainty, Finding, Guard, Use
from bot.core.modules import (
    Compiled,
    Form,
    How,
    Loaded,
    Taken,
    Thing,
    findings,
    hows,
    is_asset,
    requires_modules,
    spoken,
)

OBJECT = Thing(kind="object")
CALLABLE = Thing(kind="function", length=1, makes=True)


def module(esm: bool = False, transpiled: bool = False, warned: tuple[str, ...] = (), **members: Thing) -> Loaded:
    """One that was loaded."""
    return Loaded(esm=esm, transpiled=transpiled, warned=warned, thing=Thing(kind="object", members=members))


def a_function(**members: Thing) -> Loaded:
    """One that is a function itself."""
    return Loaded(thing=Thing(kind="function", length=1, makes=True, members=members))


def taken(*path: str, how: How | tuple[How, ...] = How.REQUIRE, guard: Guard = Guard.PLAIN, **more: object) -> Taken:
    """A use of a package `pkg` in the third line."""
    use = Use(path=("pkg", *path), file="a.js", line=3, guard=guard)
    return Taken(use=use, hows=how if isinstance(how, tuple) else (how,), **more)  # type: ignore[arg-type]  # any field


def judged(one: Taken, before: Loaded, after: Loaded, *, how: str = "require", oldest: str = "") -> Finding | None:
    """What is found of one use."""
    found = findings([one], {(how, "pkg"): before}, {(how, "pkg"): after}, oldest=oldest)
    return found[0] if found else None


# --- how a file is loaded ------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "file", "module", "compiled", "wanted"),
    [
        ("require", "a.js", True, "import", "require"),
        ("resolve", "a.ts", False, "", "resolve"),
        ("import", "a.mjs", False, "require", "import"),
        ("import", "a.mts", False, "", "import"),
        ("import", "a.js", True, "", "import"),
        ("import", "a.cjs", True, "", "interop import"),
        ("import", "a.cts", True, "", "interop"),
        ("import", "a.js", False, "", "interop import"),
        ("import", "a.js", False, "import", "import"),
        ("import", "a.ts", False, "require", "interop"),
        ("import", "a.tsx", False, "import", "import"),
        ("dynamic", "a.js", False, "", "import"),
        ("dynamic", "a.cjs", True, "", "import"),
        ("dynamic", "a.ts", False, "require", "interop import"),
        ("dynamic", "a.ts", False, "import", "import"),
    ],
)
def test_what_is_written_and_what_is_done(form: str, file: str, module: bool, compiled: str, wanted: str) -> None:
    """By Node's own rules where it loads the file itself; where a compiler may stand between, both ways are open."""
    found = hows(Form(form), file, module=module, compiled=Compiled(compiled))
    assert found == tuple(map(How, wanted.split()))


def test_what_node_does_not_load_is_only_looked_for() -> None:
    """By its end, below a package."""
    assert is_asset("pkg/dist/style.CSS") and is_asset("@a/b/x.woff2")
    assert not is_asset("pkg/index.js") and not is_asset("pkg.css") and not is_asset("pkg/css")


@pytest.mark.parametrize(
    ("node", "wanted"), [("18.20.0", False), ("20.18.3", False), ("20.19.0", True), ("20.9999.9999", True),
                         ("21.7.0", False), ("22.11.0", False), ("22.12", True), ("23.0.0", True), ("24", True)],
)  # fmt: skip
def test_which_nodes_require_es_modules(node: str, wanted: bool) -> None:
    """As Node's own history has it."""
    assert requires_modules(node) is wanted


# --- names ------------------------------------------------------------


def test_a_name_that_is_gone_is_named() -> None:
    """With what is much like it, where there is such a thing."""
    found = judged(taken("parse_all"), module(parse_all=CALLABLE), module(parseAll=CALLABLE))
    assert found is not None and found.certainty is Certainty.BROKEN
    assert (found.name, found.words, found.hint) == ("`pkg.parse_all`", "is gone", "`pkg.parseAll` is there")


def test_what_was_never_there_is_not_missed() -> None:
    """People do write such code, and it may never run."""
    assert judged(taken("x"), module(), module()) is None
    assert judged(taken("x"), Loaded(problem="TypeError"), Loaded(problem="MODULE_NOT_FOUND")) is None
    assert judged(taken("x"), module(x=Thing()), module()) is None


def test_who_asks_first_is_told_and_not_stopped() -> None:
    """So is a place where only a type checker goes."""
    found = judged(taken("x", guard=Guard.FALLBACK), module(x=CALLABLE), module())
    assert found is not None and found.certainty is Certainty.CUSHIONED


def test_below_what_cannot_be_seen_nothing_is_claimed() -> None:
    """A proxy, or an accessor that was not called."""
    made_up = Thing(kind="object", opaque=True)
    assert judged(taken("a", "b"), module(a=Thing(kind="object", members={"b": CALLABLE})), module(a=made_up)) is None
    known = Thing(kind="object", opaque=True, members={"b": OBJECT})
    assert judged(taken("a", "b"), module(a=known), module(a=known)) is None


@pytest.mark.parametrize(
    ("now", "words", "hint"),
    [
        (module(esm=True, transpiled=True, default=CALLABLE), "is no function any more", "its `default`"),
        (module(esm=True, named=CALLABLE), "is no function any more", "`pkg` is an ES module now, and it has `named`"),
        (module(named=CALLABLE), "is no function any more", ""),
        (Loaded(thing=Thing(kind="class", makes=True)), "is a class now, which only `new` may call", ""),
    ],
)
def test_what_was_called_must_stay_a_function(now: Loaded, words: str, hint: str) -> None:
    """That it is an ES module now is the usual reason, and said."""
    found = judged(taken(called=True), a_function(), now)
    assert found is not None and found.certainty is Certainty.BROKEN
    assert found.words == words and hint in found.hint


def test_what_was_made_must_stay_a_class() -> None:
    """`new` of an object is an error."""
    found = judged(taken("X", makes=True), module(X=CALLABLE), module(X=OBJECT))
    assert found is not None and found.words == "is no class any more"
    assert judged(taken("X", makes=True), module(X=CALLABLE), module(X=Thing(kind="class", makes=True))) is None


def test_members_of_objects_are_those_of_their_class() -> None:
    """Where objects may get more while they are made, nobody is sure."""
    old = module(X=Thing(kind="class", makes=True, objects=("go", "stay")))
    new = Thing(kind="class", makes=True, objects=("stay",))
    gone = judged(taken("X", "new", "go", called=True), old, module(X=new))
    assert gone is not None and (gone.certainty, gone.name) == (Certainty.BROKEN, "`pkg.X().go`")
    vague = Thing(kind="class", makes=True, objects=("stay",), vague=True)
    unsure = judged(taken("X", "new", "go"), old, module(X=vague))
    assert unsure is not None and unsure.certainty is Certainty.UNSURE and "while they are made" in unsure.doubt
    assert judged(taken("X", "new", "stay"), old, module(X=new)) is None
    assert judged(taken("X", "new"), old, module(X=new)) is None


def test_a_callback_that_nobody_calls_any_more_asks_a_person() -> None:
    """It became async, or takes fewer arguments than are given."""
    old = Loaded(thing=Thing(kind="function", length=3))
    for new in (Thing(kind="function", length=3, eager=True), Thing(kind="function", length=1)):
        found = judged(taken(called=True, given=2, callback=True), old, Loaded(thing=new))
        assert found is not None and found.certainty is Certainty.UNSURE and "promise" in found.doubt
        assert judged(taken(called=True, given=2), old, Loaded(thing=new)) is None


# --- loading ------------------------------------------------------------


@pytest.mark.parametrize(
    ("problem", "words", "certainty"),
    [
        ("ERR_PACKAGE_PATH_NOT_EXPORTED", "is not exported any more", Certainty.BROKEN),
        ("MODULE_NOT_FOUND", "cannot be found any more", Certainty.BROKEN),
        ("ERR_REQUIRE_ESM", "is an ES module now, and require() does not take it", Certainty.BROKEN),
        ("MODULE_NOT_FOUND within", "cannot be loaded any more", Certainty.UNSURE),
        ("ReferenceError", "cannot be loaded any more", Certainty.UNSURE),
        ("unanswered", "cannot be loaded any more", Certainty.UNSURE),
    ],
)
def test_what_cannot_be_loaded_is_said_once_where_it_is_loaded(problem: str, words: str, certainty: Certainty) -> None:
    """Only what Node refuses by its rules is certain: a package may fail here for want of a browser."""
    lost = Loaded(problem=problem, said="why")
    found = judged(taken(loads=True), a_function(), lost)
    assert found is not None and (found.words, found.certainty) == (words, certainty)
    assert found.said == "why"
    assert judged(taken("x"), a_function(x=OBJECT), lost) is None


def test_what_is_not_answered_is_not_cleared() -> None:
    """The old version was loaded, the new one gave no answer at all."""
    found = findings([taken(loads=True)], {("require", "pkg"): module()}, {})
    assert [one.certainty for one in found] == [Certainty.UNSURE]


def test_of_two_ways_both_must_break() -> None:
    """A file that is compiled may come to either; one that still works leaves a doubt."""
    both = (How.INTEROP, How.IMPORT)
    one = taken("default", how=both, called=True)
    old = {("require", "pkg"): a_function(), ("import", "pkg"): module(default=CALLABLE)}
    lost = {("require", "pkg"): module(), ("import", "pkg"): module()}
    half = {("require", "pkg"): module(), ("import", "pkg"): module(default=CALLABLE)}
    assert [found.certainty for found in findings([one], old, lost)] == [Certainty.BROKEN]
    (doubtful,) = findings([one], old, half)
    assert doubtful.certainty is Certainty.UNSURE and "in another way" in doubtful.doubt


def test_the_default_of_a_compiled_import_is_the_whole_of_a_plain_module() -> None:
    """Unless that says that it was an ES module once."""
    use = taken("default", "x", how=How.INTEROP)
    assert judged(use, a_function(x=OBJECT), a_function(x=OBJECT)) is None
    flagged = module(transpiled=True, default=Thing(kind="object", members={"x": OBJECT}))
    assert judged(use, a_function(x=OBJECT), flagged) is None
    found = judged(use, a_function(x=OBJECT), module(transpiled=True, x=OBJECT))
    assert found is not None and found.certainty is Certainty.BROKEN


def test_a_lost_default_tells_what_there_is() -> None:
    """As people have to name it now."""
    old, new = module(default=CALLABLE, v4=CALLABLE), module(v4=CALLABLE)
    found = judged(taken("default", how=How.IMPORT), old, new, how="import")
    assert found is not None and (found.name, found.hint) == ("the default export of `pkg`", "it has `v4`")
    assert spoken(("pkg", "default", "a", "b")) == "`pkg.a.b`" and spoken(("pkg/x",)) == "`pkg/x`"


def test_require_of_an_es_module_hangs_on_the_node_that_is_promised() -> None:
    """It works here; a project that promises an older Node is asked about it, another one is told."""
    one, new = taken(loads=True), module(esm=True)
    told = judged(one, module(), new)
    assert told is not None and told.certainty is Certainty.OLD and "20.19" in told.words
    asked = judged(one, module(), new, oldest="18.9999.9999")
    assert asked is not None and asked.certainty is Certainty.UNSURE and "Node 18.x cannot require" in asked.words
    assert judged(one, module(), new, oldest="22.12.0") == told
    assert judged(one, module(esm=True), new) is None


def test_a_new_warning_is_a_notice() -> None:
    """In the package's own words."""
    found = judged(taken(loads=True), module(warned=("old",)), module(warned=("new", "old")))
    assert found is not None and (found.certainty, found.said) == (Certainty.OLD, "new")
    assert judged(taken("x"), module(x=OBJECT), module(x=OBJECT, warned=("new",))) is None


def test_the_gravest_of_one_place_is_told() -> None:
    """A call and a mention of one name in one line are one finding."""
    uses = [taken("x", guard=Guard.FALLBACK), taken("x"), taken("x", called=True)]
    (found,) = findings(uses, {("require", "pkg"): module(x=CALLABLE)}, {("require", "pkg"): module()})
    assert found.certainty is Certainty.BROKEN


THINGS = st.recursive(
    st.builds(
        Thing, kind=st.sampled_from(("function", "object", "class", "undefined")), length=st.integers(0, 3),
        eager=st.booleans(), makes=st.booleans(), opaque=st.booleans(), vague=st.booleans(),
        objects=st.lists(st.sampled_from("abc")).map(tuple),
    ),
    lambda inner: st.builds(
        Thing, kind=st.just("object"), members=st.dictionaries(st.sampled_from(("a", "b", "default")), inner)
    ),
    max_leaves=6,
)  # fmt: skip
LOADED = st.builds(
    Loaded, problem=st.sampled_from(("", "", "", "MODULE_NOT_FOUND", "TypeError")), esm=st.booleans(),
    transpiled=st.booleans(), thing=THINGS,
)  # fmt: skip
TAKEN = st.builds(
    lambda path, how, called, makes, loads: taken(*path, how=how, called=called, makes=makes, loads=loads),
    st.lists(st.sampled_from(("a", "b", "c", "default", "new")), max_size=4),
    st.sampled_from([*How, (How.INTEROP, How.IMPORT)]),
    st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip


@given(TAKEN, LOADED)
def test_what_stays_the_same_breaks_nothing(one: Taken, same: Loaded) -> None:
    """However it is used."""
    answers = {(how, "pkg"): same for how in ("require", "import", "resolve")}
    assert findings([one], answers, answers) == []


@given(TAKEN, LOADED, LOADED)
def test_only_what_worked_can_break(one: Taken, before: Loaded, after: Loaded) -> None:
    """Nothing that failed before is held against the update; and every finding speaks of a place that was given."""
    old = {(how, "pkg"): before for how in ("require", "import", "resolve")}
    new = {(how, "pkg"): after for how in ("require", "import", "resolve")}
    found = findings([one], old, new)
    assert not (found and before.problem)
    assert all(each.use is one.use and each.words and each.name for each in found)


# --- promises ------------------------------------------------------------


def test_nodes_that_are_lost() -> None:
    """Only those that were promised and ran before; a range that nobody can read takes nothing away."""
    promised = ("16.20.0", "18.9999.9999")
    assert supported.lost_nodes(promised, ">=14", ">=18") == ("16.20.0",)
    assert supported.lost_nodes(promised, "", ">=20") == promised
    assert supported.lost_nodes(promised, ">=18", ">=20") == ("18.9999.9999",)
    assert supported.lost_nodes((), "", ">=99") == ()
    assert supported.fits("1.0.0", "workspace:*") in (True, False)
