"""The files give doubts, the running packages the verdict."""

from __future__ import annotations

import pytest

from bot.core import verdicts
from bot.core.api import Entry, Kind, Parameter
from bot.core.calls import Call
from bot.core.compatibility import (
    Certainty,
    Doubt,
    Finding,
    Guard,
    Seen,
    Use,
    ageing,
    doubts,
    findings,
    looks,
    spoken,
)
from bot.core.model import Grade, Level, Measure
from bot.core.verdicts import Looked

M = Entry(kind=Kind.MODULE)
LAZY = Entry(kind=Kind.MODULE, lazy=True)
F = Entry(kind=Kind.FUNCTION, parameters=(Parameter(name="a"),))
F2 = Entry(kind=Kind.FUNCTION, parameters=(Parameter(name="a"), Parameter(name="b")))
ODD = Entry(kind=Kind.FUNCTION, odd=True)
CLASS = Entry(kind=Kind.CLASS)
NOTE = Entry(kind=Kind.ATTRIBUTE, alone=True)
HERE, GONE, MUTE = Seen(there=True), Seen(there=False, error="AttributeError: no"), Seen(there=None)


def use(path: str, call: Call | None = None, guard: Guard = Guard.PLAIN) -> Use:
    return Use(path=tuple(path.split(".")), file="a.py", line=3, call=call, guard=guard)


def doubtful(before: dict[str, Entry], after: dict[str, Entry], uses: list[Use]) -> list[Doubt]:
    return doubts(looks(before, after, uses), uses)


def judged(before: dict[str, Entry], after: dict[str, Entry], one: Use, old: Seen, new: Seen) -> list[Certainty]:
    found = doubtful(before, after, [one])
    asks = [{doubt.asks[side]: seen for doubt in found} for side, seen in enumerate((old, new))]
    return [finding.certainty for finding in findings(found, asks[0], asks[1])]


ONE = Call(positional=1)
CASES = {
    "there on both sides": ({"p.f": F}, {"p.f": F}, use("p.f", ONE), MUTE, MUTE, []),
    "gone, and it says so": ({"p.f": F}, {}, use("p.f"), HERE, GONE, [Certainty.BROKEN]),
    "gone by its files, and mute": ({"p.f": F}, {}, use("p.f"), MUTE, MUTE, [Certainty.UNSURE]),
    "gone by its files, and there": ({"p.f": F}, {}, use("p.f"), HERE, HERE, []),
    "there by its files, and never was": ({"p.f": F}, {}, use("p.f"), GONE, GONE, []),
    "of objects alone": (
        {"p.C": CLASS, "p.C.n": NOTE},
        {"p.C": CLASS},
        use("p.C.().n"),
        GONE,
        GONE,
        [Certainty.UNSURE],
    ),
    "may be made up now": (
        {"p.C": CLASS, "p.C.m": F, "p.C.__getattr__": F},
        {"p.C": CLASS, "p.C.__getattr__": F},
        use("p.C.().m"),
        HERE,
        GONE,
        [Certainty.UNSURE],
    ),
    "was made up before": (
        {"p.C": CLASS, "p.C.__getattr__": F},
        {"p.C": CLASS},
        use("p.C.().m"),
        GONE,
        GONE,
        [],
    ),
    "with a way out": ({"p.f": F}, {}, use("p.f", guard=Guard.FALLBACK), HERE, GONE, [Certainty.CUSHIONED]),
    "never was": ({}, {}, use("p.f"), GONE, GONE, []),
    "not in the files of either": ({}, {}, use("p.f"), HERE, GONE, [Certainty.BROKEN]),
    "needs more": ({"p.f": F}, {"p.f": F2}, use("p.f", ONE), HERE, HERE, [Certainty.UNSURE]),
    "needs more, and it says so": (
        {"p.f": F},
        {"p.f": F2},
        use("p.f", ONE),
        HERE,
        Seen(there=True, parameters=F2.parameters),
        [Certainty.BROKEN],
    ),
    "needs more by its files alone": (
        {"p.f": F},
        {"p.f": F2},
        use("p.f", ONE),
        HERE,
        Seen(there=True, parameters=F.parameters),
        [],
    ),
    "never fitted": ({"p.f": F2}, {"p.f": F2}, use("p.f", ONE), HERE, HERE, []),
    "decorated": (
        {"p.f": ODD},
        {"p.f": ODD},
        use("p.f", ONE),
        Seen(there=True, parameters=F.parameters),
        Seen(there=True, parameters=F2.parameters),
        [Certainty.BROKEN],
    ),
    "without a signature": ({"p.f": ODD}, {"p.f": ODD}, use("p.f", ONE), HERE, HERE, []),
    "a method with its object": (
        {"p.C": CLASS, "p.C.m": ODD},
        {"p.C": CLASS, "p.C.m": ODD},
        use("p.C.().m", ONE),
        Seen(there=True, parameters=F2.parameters, takes_object=True),
        Seen(there=True, parameters=F.parameters, takes_object=True),
        [Certainty.BROKEN],
    ),
}


@pytest.mark.parametrize("how", CASES)
def test_what_is_broken(how: str) -> None:
    """Broken is only what was there and is not, by the word of the running package."""
    before, after, one, old, new, wanted = CASES[how]
    assert judged({"p": M, **before}, {"p": M, **after}, one, old, new) == wanted


def test_what_may_be_made_on_the_way_is_asked_for() -> None:
    """The files cannot say; the running package can, and its own words are kept."""
    (doubt,) = doubtful({"p": LAZY}, {"p": LAZY}, [use("p.f")])
    (finding,) = findings([doubt], {"p.f": HERE}, {"p.f": Seen(there=None, error="RuntimeError: moved")})
    assert (finding.words, finding.said) == ("cannot be had any more", "RuntimeError: moved")


def test_a_hint_says_where_it_went() -> None:
    """The same name elsewhere, or one much like it beside; never a private one."""
    (doubt,) = doubtful({"p": M, "p.soft_unicode": F}, {"p": M}, [use("p.soft_unicode")])

    def hint(*names: str) -> str:
        return findings([doubt], {"p.soft_unicode": HERE}, {"p.soft_unicode": GONE}, names=names)[0].hint

    assert hint("p.new.soft_unicode", "p.soft_unicodes") == "`p.new.soft_unicode` is there"
    assert hint("p.soft_unicodes", "p.other") == "`p.soft_unicodes` is there"
    assert hint("p._new.soft_unicode", "p.other") == ""


def test_a_hint_names_the_parameter_that_is_much_alike() -> None:
    """`proxies` went, `proxy` came."""
    old = Entry(kind=Kind.FUNCTION, parameters=(Parameter(name="proxies", how="!", optional=True),))
    new = Entry(kind=Kind.FUNCTION, parameters=(Parameter(name="proxy", how="!", optional=True),))
    found = doubtful({"p": M, "p.f": old}, {"p": M, "p.f": new}, [use("p.f", Call(keywords=("proxies",)))])
    (finding,) = findings(found, {"p.f": HERE}, {"p.f": Seen(there=True, parameters=new.parameters)})
    assert (finding.words, finding.hint) == ("has no parameter `proxies`", "it has `proxy`")
    told = verdicts.of_findings([finding])
    assert told.why == "`p.f` has no parameter `proxies`, and `a.py:3` calls it"
    assert told.remarks[0].message == "It has `proxy`."


def test_what_is_newly_marked_as_old() -> None:
    """A notice, not a failure; who asks first is left alone."""
    old = Entry(kind=Kind.FUNCTION, old="deprecated('use g')")
    uses = [use("p.f"), use("p.f", guard=Guard.FALLBACK)]
    (finding,) = ageing(looks({"p": M, "p.f": F}, {"p": M, "p.f": old}, uses), uses)
    assert (finding.certainty, finding.said) == (Certainty.OLD, "deprecated('use g')")
    assert ageing(looks({"p": M, "p.f": old}, {"p": M, "p.f": old}, uses), uses) == []


def found(certainty: Certainty, line: int = 1) -> Finding:
    return Finding(
        use=Use(path=("p", "f"), file="a.py", line=line), certainty=certainty, name="`p.f`", words="is gone", said="|x|"
    )


def test_one_sentence_and_every_place() -> None:
    """The worst speaks, the first of them is named, the rest is counted."""
    told = verdicts.of_findings([found(Certainty.OLD), found(Certainty.BROKEN, 4), found(Certainty.UNSURE)])
    assert (told.grade, told.why) == (Grade.FAILED, "`p.f` is gone, and `a.py:4` uses it")
    assert [one.level for one in told.remarks] == [Level.NOTICE, Level.FAILURE, Level.WARNING]
    assert "The package says: `|x|`." in told.remarks[1].message
    assert verdicts.of_findings([found(Certainty.BROKEN)] * 2).why.endswith(", and 1 more use breaks")
    assert verdicts.of_findings([found(Certainty.BROKEN)] * 3).why.endswith(", and 2 more uses break")
    assert verdicts.of_findings([found(Certainty.UNSURE)]).grade is Grade.UNKNOWN
    assert verdicts.of_findings([]) == Looked()


def test_several_looks_are_one() -> None:
    """The worst grade with its own sentence; what weighs most stands first."""
    quiet = Looked(measures=(Measure(name="m", before="1", after="2"),), notes=("n", "n"))
    unsure = Looked(grade=Grade.UNKNOWN, why="who knows", remarks=verdicts.of_findings([found(Certainty.OLD)]).remarks)
    broken = verdicts.of_findings([found(Certainty.BROKEN)])
    told = verdicts.folded([quiet, unsure, broken])
    assert (told.grade, told.why) == (Grade.FAILED, broken.why)
    assert [one.level for one in told.remarks] == [Level.FAILURE, Level.NOTICE]
    assert (len(told.measures), told.notes) == (1, ("n",))
    assert verdicts.folded([quiet]).why == ""


def test_paths_read_as_people_write_them() -> None:
    """Calls with their brackets."""
    assert spoken(("a", "b", "()", "c")) == "a.b().c"
