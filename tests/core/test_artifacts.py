"""What is new inside a package: attacks ask a person, ordinary releases do not, and the way of writing is no change."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.artifacts import AT_IMPORT, BINARIES, Contents, Found, Held, Mark, differences
from bot.core.artifacts_built import TONGUES, elsewhere
from bot.core.artifacts_deeds import Deed, Deeds, behaviour, unwatched
from bot.core.artifacts_terms import licences, terms


def a_file(*marks: tuple[str, str], kind: str = "", changed: bool = True) -> Held:
    """A file that does these things, one a line."""
    told = tuple(Mark(one, what, line) for line, (one, what) in enumerate(marks, 1))
    return Held(size=1, kind=kind, changed=changed, marks=told)


def asked(found: Sequence[Found]) -> list[str]:
    """The rules that ask a person."""
    return [one.rule for one in found if one.asks]


def told(found: Sequence[Found]) -> list[str]:
    """The rules that only tell."""
    return [one.rule for one in found if not one.asks]


# a name -> (before, after, the rules that ask, the rules that tell)
NEWS = {
    "nothing": (Contents(), Contents(), [], []),
    "a start": (Contents(), Contents(files={"a.pth": a_file(("start", "import x"))}), ["start"], []),
    "a folder": (Contents(), Contents(files={"a.pth": a_file(("path", "lib"))}), [], ["path"]),
    "a customize": (Contents(), Contents(files={"sitecustomize.py": a_file()}), ["start"], []),
    "one that stayed": (Contents(), Contents(files={"sitecustomize.py": a_file(changed=False)}), [], []),
    "a library": (Contents(), Contents(files={"a/b.so": a_file(kind="elf")}), ["binary"], []),
    "another library": (
        Contents(files={"a/b.so": a_file(kind="elf")}),
        Contents(files={"a/b.so": a_file(kind="elf"), "a/c.cpython-311-x.so.1": a_file(kind="elf")}),
        [],
        [],
    ),
    "for Windows too": (
        Contents(files={"a/b.so": a_file(kind="elf")}),
        Contents(files={"a/b.so": a_file(kind="elf", changed=False), "a/w.exe": a_file(kind="pe")}),
        ["binary"],
        [],
    ),
    "a picture": (
        Contents(files={"a/b.so": a_file(kind="elf")}),
        Contents(files={"a/b.so": a_file(kind="elf"), "a/b.png": a_file(kind="elf")}),
        ["disguise"],
        [],
    ),
    "a program": (
        Contents(files={"a/b.so": a_file(kind="elf")}),
        Contents(files={"../../../bin/tool": a_file(kind="elf")}),
        [],
        [],
    ),
    "byte code": (Contents(), Contents(files={"a/b.pyc": a_file(kind="pyc")}), ["bytecode"], []),
    "a script": (Contents(), Contents(entries=(("console_scripts", "git", "a:b"),)), ["shadow"], ["entry"]),
    "a shell file": (Contents(), Contents(files={"../../../bin/sudo": a_file()}), ["shadow"], []),
    "entry points": (Contents(), Contents(entries=(("pytest11", "a", "a"), ("pytest11", "b", "b"))), [], ["entry"]),
    "a hook": (Contents(), Contents(entries=(("npm", "postinstall", "node x"),)), ["hook"], []),
    "another hook": (
        Contents(entries=(("npm", "postinstall", "node x"),)),
        Contents(entries=(("npm", "postinstall", "node y"),)),
        ["hook"],
        [],
    ),
    "a process": (Contents(), Contents(files={"a/b.py": a_file(("process", "os.system"))}), ["process"], []),
    "a test's process": (
        Contents(),
        Contents(files={"a/tests/b.py": a_file(("process", "os.system"))}),
        [],
        ["process"],
    ),
    "moved code": (
        Contents(files={"a/b.py": a_file(("process", "os.system"))}),
        Contents(files={"a/c.py": a_file(("process", "os.system"))}),
        [],
        [],
    ),
    "hidden code": (Contents(), Contents(files={"a/b.py": a_file(("hidden", "exec of zlib"))}), ["hidden"], []),
    "exec": (Contents(), Contents(files={"a/b.py": a_file(("code", "exec"))}), [], ["code"]),
    "data": (Contents(), Contents(files={"a/b.py": a_file(("dense", "2000"))}), [], ["packed"]),
    "data that runs": (
        Contents(),
        Contents(files={"a/b.py": a_file(("dense", "2000"), ("code", "exec"))}),
        ["packed"],
        ["code"],
    ),
    "mangled": (Contents(), Contents(files={"a/b.js": a_file(("mangled", "names"))}), ["packed"], []),
    "pushed": (Contents(), Contents(files={"a/b.py": a_file(("pushed", "text"))}), ["pushed"], []),
    "too deep": (Contents(), Contents(files={"a/b.py": a_file(("unread", "deep"))}), ["unread"], []),
    "long lines": (Contents(), Contents(files={"a/b.js": a_file(("long", "1"), ("long", "2"))}), [], ["long"]),
    "newer Python": (Contents(), Contents(files={"a/b.py": a_file(("unparsed", "is none"))}), [], ["unparsed"]),
    "all variables": (Contents(), Contents(files={"a/b.py": a_file(("gathers", "dict"))}), ["gathers"], []),
    "a dropper": (Contents(), Contents(files={"a/b.py": a_file(("drops", "os.chmod"))}), ["drops"], []),
    "secrets": (Contents(), Contents(files={"a/b.py": a_file(("secrets", ".aws"))}), ["secrets"], []),
    "a host": (Contents(), Contents(hosts={"docs.example.org": "a.py:1"}), [], ["hosts"]),
    "a drop": (Contents(), Contents(hosts={"x.webhook.site": "a.py:1"}), ["drop"], ["hosts"]),
    "an address": (Contents(), Contents(hosts={"45.9.148.1": "a.py:1"}), ["address"], ["hosts"]),
    "loopback": (Contents(hosts={"127.0.0.1": "a.py:1"}), Contents(hosts={"127.0.0.1": "b.py:1"}), [], []),
    "an odd one": (Contents(), Contents(odd=(("link", "a"), ("never heard of", "b"))), ["record", "record"], []),
    "odd as ever": (Contents(odd=(("link", "a"),)), Contents(odd=(("link", "a"),)), [], []),
}  # fmt: skip


@pytest.mark.parametrize("how", NEWS)
def test_what_is_new_asks_or_is_told(how: str) -> None:
    """What attacks do asks, and what releases do every day is told."""
    before, after, ask, tell = NEWS[how]
    found = differences(before, after)
    assert (asked(found), told(found)) == (ask, tell), found


@pytest.mark.parametrize("how", NEWS)
def test_a_package_that_comes_in_is_asked_about_less(how: str) -> None:
    """What no version before can vouch for asks only where hardly any honest package does it."""
    _, after, _, _ = NEWS[how]
    never = {"start", "hook", "hidden", "shadow", "disguise", "bytecode", "packed", "pushed", "unread", "record"}
    assert set(asked(differences(None, after))) <= never


def test_a_package_that_goes_says_nothing() -> None:
    """There is nothing to look into."""
    assert differences(Contents(), None) == ()


def test_a_package_may_bring_the_program_that_it_is() -> None:
    """One that comes in may be pip or npm itself; nobody may be `ls`."""
    programs = tuple(("console_scripts", name, "a:b") for name in ("pip", "npm", "ls"))
    found = differences(None, Contents(entries=programs))
    assert [one.why for one in found if one.asks] == ["installs a program called `ls`"]


def test_the_place_is_named_and_foreign_words_are_quoted() -> None:
    """File and line inside the package; a word that would be markup is shown as code."""
    (found,) = differences(Contents(), Contents(files={"a.pth": a_file(("start", "import `x`; @acme"))}))
    assert found.place == "a.pth:1"
    assert found.why == "runs code at every start of Python: `import 'x'; @acme`"


def test_a_long_list_is_cut() -> None:
    """Five are named, the rest is counted."""
    (found,) = differences(Contents(), Contents(hosts={f"h{n}.example": "a.py:1" for n in range(8)}))
    assert found.why.endswith("`h4.example` and 3 more")


words = st.text(max_size=30)
marks = st.builds(
    Mark, st.sampled_from([*AT_IMPORT, "start", "hidden", "code", "dense", "secrets"]), words, st.integers(1, 9)
)
held = st.builds(Held, kind=st.sampled_from(["", "pyc", *BINARIES]), marks=st.lists(marks, max_size=3).map(tuple))
files = st.dictionaries(words, held, max_size=4)
heads = st.sampled_from(["License", "Classifier", "Author-email", "Requires-Dist", "Requires-Python"])
contents = st.builds(
    Contents,
    files=files,
    hosts=st.dictionaries(words, words, max_size=3),
    entries=st.lists(st.tuples(words, words, words), max_size=3).map(tuple),
    odd=st.lists(st.tuples(words, words), max_size=2).map(tuple),
    meta=st.dictionaries(heads, st.lists(words, max_size=3).map(tuple), max_size=4),
)


@settings(max_examples=40)
@given(contents)
def test_what_did_not_change_is_no_news(one: Contents) -> None:
    """The same contents on both sides ask about nothing that lies in a file, a host, an entry point or a head."""
    known = {"start", "shadow", "record", "disguise", "bytecode", "binary"}  # of a file that is marked as changed
    assert {found.rule for found in differences(one, one)} <= known
    still = Contents(files={}, hosts=one.hosts, entries=one.entries, odd=one.odd, meta=one.meta)
    assert differences(still, still) == ()


@settings(max_examples=40)
@given(contents, contents)
def test_whatever_a_package_holds_something_is_said_and_what_asks_comes_first(was: Contents, now: Contents) -> None:
    """No contents break it, and every sentence is one line."""
    found = differences(was, now)
    assert [one.asks for one in found] == sorted((one.asks for one in found), reverse=True)
    assert all("\n" not in one.why for one in found)


LICENCES = {
    "MIT": ({"License": ("MIT",)}, {"License-Expression": ("MIT",)}),
    "MIT by classifier": ({"Classifier": ("License :: OSI Approved :: MIT License",)}, {"License": ("MIT",)}),
    "BSD": ({"Classifier": ("License :: OSI Approved :: BSD License",)}, {"License-Expression": ("BSD-3-Clause",)}),
    "Apache": ({"License": ("Apache License, Version 2.0",)}, {"License-Expression": ("Apache-2.0",)}),
    "GPL": ({"License": ("GNU General Public License v3 or later (GPLv3+)",)}, {"License": ("GPL-3.0-or-later",)}),
    "LGPL": (
        {"Classifier": ("License :: OSI Approved :: GNU Lesser General Public License v2 (LGPLv2)",)},
        {"License-Expression": ("LGPL-2.1-only",)},
    ),
    "PSF": ({"Classifier": ("License :: Python Software Foundation License",)}, {"License": ("PSF-2.0",)}),
    "ISC": ({"License": ("ISC license",)}, {"Classifier": ("License :: OSI Approved :: ISC License (ISCL)",)}),
    "two": ({"License": ("MIT OR Apache-2.0",)}, {"License-Expression": ("Apache-2.0 OR MIT",)}),
    "MPL": ({"License": ("Mozilla Public License 2.0 (MPL 2.0)",)}, {"License-Expression": ("MPL-2.0",)}),
}  # fmt: skip


@pytest.mark.parametrize("name", LICENCES)
def test_another_spelling_is_no_other_licence(name: str) -> None:
    """Metadata 2.4 writes what 2.1 had in other words."""
    before, after = LICENCES[name]
    assert licences(before)[0] == licences(after)[0] != frozenset()
    assert list(terms(before, after)) == []


@pytest.mark.parametrize(
    ("was", "now", "asks"),
    [
        ("MIT", "AGPL-3.0", True),
        ("Apache-2.0", "BUSL-1.1", True),
        ("BSD", "GPL-3.0", True),
        ("GPL-3.0", "Proprietary", True),
        ("MIT", "MIT OR GPL-3.0", False),
        ("MIT", "Apache-2.0", False),
        ("MIT", "LGPL-3.0", False),
        ("AGPL-3.0", "MIT", False),
        ("something of ours", "MIT", False),
    ],
)
def test_a_licence_that_binds_more_asks(was: str, now: str, asks: bool) -> None:
    """From a permissive to a strong one, or to one that limits use; others are told."""
    (found,) = terms({"License": (was,)}, {"License-Expression": (now,)})
    assert (found[0], found[2]) == ("licence", asks)


def test_people_needs_and_python_are_told() -> None:
    """A new address, a new dependency that every user gets, another range of Pythons; none asks."""
    before = {
        "Author": ("Ada",),
        "Author-email": ("ada@example.org",),
        "Requires-Dist": ("left", "Right_One>=1"),
        "Requires-Python": (">=3.8",),
    }
    after = {
        "Author-email": ("Ada <Ada@example.org>",),
        "Maintainer-email": ("Eve <eve@example.org>",),
        "Requires-Dist": ("left>=2", "right-one", "new[x]>=1; python_version>'3'", "dev; extra == 'dev'"),
        "Requires-Python": (">=3.9",),
    }
    assert list(terms(before, after)) == [
        ("people", "names somebody who was not named before: `eve@example.org`", False),
        ("needs", "newly needs `new`", False),
        ("python", "asks for Python `>=3.9`, and asked for `>=3.8`", False),
    ]


def test_names_count_where_there_is_no_address() -> None:
    """A package that names people alone is compared by names."""
    found = list(terms({"Author": ("Ada, Bob",)}, {"Author": ("Bob, Eve",)}))
    assert found == [("people", "names somebody who was not named before: `eve`", False)]


@given(
    st.dictionaries(heads, st.lists(words, max_size=3).map(tuple)), st.dictionaries(heads, st.lists(words).map(tuple))
)
def test_no_metadata_breaks_it(before: dict[str, tuple[str, ...]], after: dict[str, tuple[str, ...]]) -> None:
    """And the same metadata is no change."""
    assert list(terms(before, before)) == []
    assert all("\n" not in why for _, why, _ in terms(before, after))


DONE = Deed("done", "")
# what importing newly does -> (the rules that ask, those that tell)
DEEDS = {
    "nothing": ([DONE], [], []),
    "connects": ([Deed("connect", "192.0.2.1:80"), DONE], ["connect"], []),
    "at home": ([Deed("connect", "127.0.0.1:80"), Deed("connect", "::1:0"), DONE], [], ["connect", "connect"]),
    "its own name": ([Deed("lookup", "localhost"), DONE], [], ["lookup"]),
    "looks up": ([Deed("lookup", "evil.example"), DONE], ["lookup"], []),
    "runs": ([Deed("process", "git version"), DONE], ["process"], []),
    "secret": ([Deed("read", "~/.ssh/id_rsa"), Deed("list", "~/.aws"), DONE], ["read", "list"], []),
    "other process": ([Deed("read", "/proc/1/environ"), DONE], ["read"], []),
    "somewhere": ([Deed("read", "/opt/x"), DONE], [], ["read"]),
    "begins with the shell": ([Deed("write", "~/.bashrc"), DONE], ["write"], []),
    "autostart": ([Deed("write", "~/.config/autostart/x"), DONE], ["write"], []),
    "cache": ([Deed("write", "~/.cache/me/1/a"), Deed("write", "~/.cache/me/2/b"), DONE], [], ["write"]),
    "outside": ([Deed("write", "/opt/x"), DONE], ["write"], []),
    "library": ([Deed("native", "libc.so.6"), Deed("odd", "open"), DONE], [], ["native", "odd"]),
    "a crowd": ([Deed("many", ""), DONE], ["many"], []),
    "a token": ([Deed("env", "NPM_TOKEN"), Deed("env", "MY_SECRET"), DONE], ["env"], ["env"]),
    "all variables": ([Deed("environ", ""), DONE], [], ["environ"]),
    "under Node": ([Deed("binding", "spawn_sync"), Deed("binding", "fs"), DONE], ["binding"], ["binding"]),
    "behind our back": ([Deed("outside", "opens a connection"), DONE], ["outside"], []),
    "unknown word": ([Deed("sings", "a song"), DONE], [], []),
    "dies": ([Deed("failed", "m: E")], ["ends"], []),
}  # fmt: skip


@pytest.mark.parametrize("how", DEEDS)
def test_what_importing_newly_does(how: str) -> None:
    """What reaches out, or for secrets, asks."""
    deeds, ask, tell = DEEDS[how]
    found = behaviour("m", {"": [DONE], "m": [DONE]}, {"": [DONE], "m": deeds})
    assert (asked(found), told(found)) == (ask, tell), found


@pytest.mark.parametrize("how", DEEDS)
def test_what_the_old_version_did_as_well_is_no_news(how: str) -> None:
    """However bad it looks, it was there before."""
    sides: Deeds = {"": [DONE], "m": DEEDS[how][0]}
    assert behaviour("m", sides, sides) == ()


def test_what_the_start_of_python_does_is_said_once() -> None:
    """A .pth file acts in every process; that is said of the start, and not of each package."""
    runs = Deed("process", "true")
    before: Deeds = {"": [DONE], "m": [DONE]}
    after: Deeds = {"": [runs, DONE], "m": [runs, DONE]}
    assert asked(behaviour("", before, after)) == ["process"]
    assert behaviour("m", before, after) == ()


def test_a_package_that_comes_in_may_start_a_process() -> None:
    """No version before can vouch for it; a connection still asks."""
    after: Deeds = {"": [DONE], "m": [Deed("process", "git version"), Deed("lookup", "evil.example"), DONE]}
    assert asked(behaviour("m", {"": [DONE]}, after)) == ["lookup"]


def test_what_newly_cannot_be_imported_is_named() -> None:
    """What it does was not seen."""
    before: Deeds = {"m": [Deed("failed", "a: ImportError"), DONE]}
    after: Deeds = {"m": [Deed("failed", "a: ImportError"), Deed("failed", "b: KeyError"), DONE]}
    assert list(unwatched(before, after)) == ["`b: KeyError`"]


def test_the_moment_is_said_as_its_language_calls_it() -> None:
    """A package of npm is loaded, one of Python imported."""
    after: Deeds = {"": [DONE], "m": [Deed("process", "true"), Deed("environ", "")]}
    found = behaviour("m", {"": [DONE], "m": [DONE]}, after, "when it is loaded")
    assert [one.why for one in found] == [
        "when it is loaded, starts a process `true`",
        "ends the interpreter, or hangs, when it is loaded",
        "when it is loaded, takes all variables of its environment",
    ]


BUILT = (
    ("build script", "build.rs", ""), ("macro", "m", "src/lib.rs"), ("links", "z", "Cargo.toml"),
    ("cgo", "", "a.go"), ("assembly", "", "a.s"), ("objects", "", "a.syso"),
)  # fmt: skip


def test_what_is_built_with_a_package_asks_where_it_had_nothing_of_the_kind() -> None:
    """Once for each kind; what it had before, and what a package that comes in has, only tells or is no news."""
    found = differences(Contents(), Contents(entries=(*BUILT, ("cgo", "", "b.go"))))
    assert asked(found) == ["build-script", "macro", "cgo", "objects"]
    assert [(one.rule, one.place) for one in found if not one.asks] == [("links", "Cargo.toml"), ("assembly", "a.s")]
    assert found[0].place == "build.rs" and "`z`" in next(one.why for one in found if one.rule == "links")
    assert differences(Contents(entries=BUILT), Contents(entries=BUILT)) == ()
    assert asked(differences(None, Contents(entries=BUILT))) == []


def test_code_before_main_asks_even_of_a_package_that_comes_in() -> None:
    """Unless it lies with tests; what is for whoever works on it is told."""
    marks = (("before", "#[ctor"), ("generates", "stringer"))
    found = differences(None, Contents(files={"src/a.rs": a_file(*marks)}), TONGUES["cargo"])
    assert (asked(found), told(found)) == (["before"], [])
    known = differences(Contents(), Contents(files={"src/a.rs": a_file(*marks)}), TONGUES["cargo"])
    assert (asked(known), told(known)) == (["before"], ["generates"])
    assert asked(differences(None, Contents(files={"tests/a.rs": a_file(*marks)}))) == []


@given(st.lists(st.text(max_size=40)), st.lists(st.text(max_size=40)))
def test_no_wish_breaks_the_search_for_what_comes_from_elsewhere(was: list[str], now: list[str]) -> None:
    """And what was there before is no news."""
    assert set(elsewhere(was, now)) <= set(now) - set(was)
    assert list(elsewhere(now, now)) == []


def test_the_next_version_of_a_native_library_is_no_news() -> None:
    """Its name often has the version in it; another library is news."""
    before: Deeds = {"m": [Deed("native", "m-linux-x64-0.35.4.node"), DONE]}
    after: Deeds = {"m": [Deed("native", "m-linux-x64-0.35.5.node"), Deed("native", "other.node"), DONE]}
    assert [one.why for one in behaviour("m", before, after)] == [
        "when it is imported, loads the native library `other.node`"
    ]
