"""An ecosystem that the lab does not know: a command of the repository prepares it, and its tests are compared."""

from __future__ import annotations

import io
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web

from bot.core.errors import ConfigProblem, Transient
from bot.core.model import Component, Grade, Simulation
from bot.core.preparing import Prepare
from bot.core.suites import Asked
from bot.lab import environments, others, parcels, suites
from bot.lab.environments import NPM, OTHER, PYPI, Fetching
from bot.lab.host import Host
from bot.lab.jobs import Limits
from bot.lab.locking.allowed import Place
from bot.lab.locks import Room
from bot.lab.ready import INSIDE
from bot.lab.resolver import NotPrepared
from bot.lab.trial import EXAMINERS, Laboratory
from bot.tools.http import Http, Reach
from bot.tools.secrets import Secret
from tests.lab import registries
from tests.lab.world import a_trial, tree

HOST = "packages.example"
# The ecosystem: a lock names a version, `packages/greet/word` is what it brings.
FETCH = """
set -e
version=$(cat lock)
{python} - "$version" <<'END'
import os, sys, urllib.request
with urllib.request.urlopen(f"https://packages.example/greet-{{sys.argv[1]}}.tar") as answer:
    open("greet.tar", "wb").write(answer.read())
END
mkdir -p packages/cache
tar -C packages -xf greet.tar
"""
TESTS = """
mkdir -p out
came() { if [ "$2" = yes ]; then echo "<testcase classname='greet' name='$1' file='$PWD/spec/it.sh' line='7'/>"; else
  echo "<testcase classname='greet' name='$1' file='./spec/it.sh' line='7'><failure message='said $word'/></testcase>"
fi; }
word=$(cat packages/greet/word)
hello=$([ "$word" = Hello ] && echo yes)
{ echo '<testsuite>'; came hails "$hello"; came other yes; echo '</testsuite>'; } >out/TEST-a.xml
echo '<testsuites><testsuite><testcase name="apart"/></testsuite></testsuites>' >out/TEST-b.xml
"""


@dataclass
class Packages(registries.Server):
    """Tarballs on loopback."""

    words: dict[str, str] = field(
        default_factory=lambda: {"1.0": "Hello", "1.1": "Hello", "2.0": "Hail", "3.0": "Hallo"}
    )

    def answer(self, path: str, accept: str) -> web.Response:
        version = path.removeprefix("/private/greet-").removesuffix(".tar")
        if version not in self.words:
            return web.Response(status=404)
        held = io.BytesIO()
        with tarfile.open(fileobj=held, mode="w") as archive:
            member = tarfile.TarInfo("greet/word")
            member.size = len(self.words[version])
            archive.addfile(member, io.BytesIO(self.words[version].encode()))
        return web.Response(body=held.getvalue())


@pytest.fixture
async def packages(tmp_path: Path) -> AsyncIterator[Packages]:
    """A registry that wants a login."""
    async with Packages(login="Basic hunter2").running(tmp_path) as made:
        yield made


@pytest.fixture
async def there(lab: Laboratory, host: Host, packages: Packages, tmp_path: Path) -> AsyncIterator[Laboratory]:
    """A lab whose operator opened that registry under the name of a public one."""
    reach = Reach(trusted={"127.0.0.1"})
    async with Http(reach) as http:
        place = Place(url=f"https://{HOST}", asked=f"{packages.url}/private", login=Secret("Basic hunter2"))
        fetching = Fetching(room=Room(host=host, http=http, reach=reach, seconds=60), opened=(place,))
        yield replace(lab, fetching=fetching, cache=replace(lab.cache, folder=tmp_path / "environments"))


def prepare(run: str = FETCH, **more: object) -> Prepare:
    """How this ecosystem is prepared."""
    asked = Prepare(run=run.format(python=others._python().path), files=("lock",), keep=("packages",), hosts=(HOST,))
    return replace(asked, **more)  # type: ignore[arg-type]  # any field


def a_tree(folder: Path, version: str, **more: str) -> Path:
    """A project of this ecosystem."""
    return tree(folder, {"lock": version, "spec/it.sh": TESTS, "README": "no part of it", **more})


async def tried(
    lab: Laboratory, before: Path, after: Path, asked: Prepare, run: str = "sh spec/it.sh", *report: str
) -> Simulation:
    """What the lab says of this update."""
    unit = Asked(run=run, report=report or ("out/TEST-*.xml",))
    trial = a_trial(before, after)
    component = Component(name="greet", ecosystem="gem")
    return await lab.simulate(replace(trial, component=component, suites={"unit": unit}, prepare=asked))


async def test_an_update_that_breaks_a_test_is_refused(there: Laboratory, packages: Packages, tmp_path: Path) -> None:
    """Test by test, with the file and the line of the repository, and not by the exit code, which is 0."""
    before, after = a_tree(tmp_path / "a", "1.0"), a_tree(tmp_path / "b", "2.0")
    found = await tried(there, before, after, prepare())
    assert found.grade is Grade.FAILED, found.why
    (suite,) = found.suites
    (change,) = suite.newly_failing
    assert (change.test, change.path, change.line) == ("greet::hails", "spec/it.sh", 7)
    assert "said Hail" in change.message and suite.after.total == 3
    assert sorted(packages.seen) == ["/private/greet-1.0.tar", "/private/greet-2.0.tar"]
    assert set(packages.logins) == {"Basic hunter2"}


async def test_a_good_update_passes_and_nothing_is_fetched_twice(
    there: Laboratory, packages: Packages, tmp_path: Path
) -> None:
    """The same files make the same environment, whatever else is in the tree."""
    before, after = a_tree(tmp_path / "a", "1.0"), a_tree(tmp_path / "b", "1.1")
    found = await tried(there, before, after, prepare())
    assert found.grade is Grade.PASSED, found.why
    again = await tried(there, after, a_tree(tmp_path / "c", "1.1", README="new words"), prepare())
    assert again.grade is Grade.PASSED and len(packages.seen) == 2


async def test_what_is_kept_is_read_only_and_what_is_writable_is_a_copy(there: Laboratory, tmp_path: Path) -> None:
    """At the very path at which it was made, with the variables of the owner, and without the login or a way out."""
    run = FETCH + "mkdir -p deep/cache; pwd >deep/cache/where; env >deep/cache/env\n"
    asked = prepare(run, writable=("deep/cache",), env={"GREETING": "{work}/packages"})
    spec = """
    (echo x >packages/new) 2>/dev/null && exit 1
    (echo x >packages/greet/word) 2>/dev/null && exit 2
    echo x >deep/cache/new && echo y >>deep/cache/where || exit 3
    [ "$(head -1 deep/cache/where)" = "$PWD" ] && [ "$GREETING" = "$PWD/packages" ] || exit 4
    grep -rq hunter2 deep packages && exit 5
    [ -z "$https_proxy$SUREFOOT_COPIES" ] || exit 6
    echo '<testsuite><testcase name="it"/></testsuite>' >out.xml
    """
    before, after = (a_tree(tmp_path / name, at, **{"spec/it.sh": spec}) for name, at in (("a", "1.0"), ("b", "1.1")))
    for _ in range(2):
        found = await tried(there, before, after, asked, "sh spec/it.sh", "out.xml")
        assert found.grade is Grade.PASSED, (found.why, found.suites[0].log)


HEADS = """
{python} - <<'END'
import urllib.error, urllib.request
place = "https://packages.example/greet-1.0.tar"
with urllib.request.urlopen(urllib.request.Request(place, method="HEAD")) as answer:
    assert int(answer.headers["Content-Length"]) == 10240 and answer.read() == b""
for odd in (urllib.request.Request(place, data=b"x"), place + "?x=1", "https://packages.example/greet-9.0.tar"):
    try:
        urllib.request.urlopen(odd)
    except urllib.error.HTTPError as error:
        print("it said", error.code)
END
mkdir packages; exit 9
"""


async def test_a_tool_may_ask_whether_something_is_there(there: Laboratory, packages: Packages, tmp_path: Path) -> None:
    """By HEAD, as some build tools do; nothing is ever sent, and no query is passed on."""
    made = a_tree(tmp_path / "a", "1.0")
    run = HEADS.replace(' place + "?x=1",', "")
    found = await tried(there, made, made, prepare(run))
    assert "it said 405 it said 404" in found.why, found.why
    assert set(packages.seen) == {"/private/greet-1.0.tar", "/private/greet-9.0.tar"}
    found = await tried(there, made, made, prepare(HEADS))
    assert found.grade is Grade.UNKNOWN and "wants to fetch from https://packages.example" in found.why, found.why


STALE = {"out/TEST-old.xml": "<testsuite><testcase name='old'/></testsuite>"}


async def test_a_report_that_lies_there_already_proves_nothing(there: Laboratory, tmp_path: Path) -> None:
    """Only what this run wrote is read; a command that writes none is not known to have tested anything."""
    before, after = a_tree(tmp_path / "a", "1.0", **STALE), a_tree(tmp_path / "b", "1.1", **STALE)
    found = await tried(there, before, after, prepare(), "true")
    assert found.grade is Grade.UNKNOWN and "no report was written where one is named" in found.why
    found = await tried(there, before, after, prepare(), "sh spec/it.sh")
    assert (found.grade, found.suites[0].after.total) == (Grade.PASSED, 3)


async def test_without_a_report_a_person_is_told_how_to_name_one(there: Laboratory, tmp_path: Path) -> None:
    """Exit code 0 alone passes nothing."""
    before, after = a_tree(tmp_path / "a", "1.0"), a_tree(tmp_path / "b", "1.1")
    trial = replace(a_trial(before, after, unit="true"), component=Component(name="greet", ecosystem="gem"))
    found = await there.simulate(replace(trial, prepare=prepare()))
    assert found.grade is Grade.UNKNOWN and "name the JUnit files that it writes under 'report'" in found.why, found.why


async def test_what_was_written_when_the_time_ended_is_known(there: Laboratory, tmp_path: Path) -> None:
    """A command that goes on for ever is ended a little earlier; what did not come to run is not called missing."""
    slow = TESTS + "grep -q Hallo packages/greet/word || exit 0; rm out/TEST-b.xml; sleep 600\n"
    before, after = (a_tree(tmp_path / at, at, **{"spec/it.sh": slow}) for at in ("1.0", "3.0"))
    trial = replace(a_trial(before, after, seconds=9), component=Component(name="greet", ecosystem="gem"))
    unit = Asked(run="sh spec/it.sh", report=("out/*.xml",))
    found = await there.simulate(replace(trial, prepare=prepare(), suites={"unit": unit}))
    (suite,) = found.suites
    assert "2 of 3 tests had run when it was ended" in suite.notes, (found.why, suite)
    assert suite.missing == () and [one.test for one in suite.newly_failing] == ["greet::hails"]


async def test_what_the_command_cannot_prepare_refuses_the_update(there: Laboratory, tmp_path: Path) -> None:
    """A version that is not there, where the baseline could be prepared; in the command's own words."""
    before, after, gone = (a_tree(tmp_path / at, at) for at in ("1.0", "7.0", "8.0"))
    found = await tried(there, before, after, prepare())
    assert found.grade is Grade.FAILED and "the command of simulate.prepare ended with" in found.why
    assert "404" in found.why
    both = await tried(there, gone, after, prepare())
    assert both.grade is Grade.UNKNOWN and "baseline cannot be set up" in both.why
    none = await tried(there, before, after, prepare("true", keep=("vendor/none",)))
    assert none.grade is Grade.UNKNOWN and "made no folder vendor/none" in none.why


EVIL = "https://evil.example/greet-1.0.tar"


async def test_a_place_is_open_to_those_whom_the_operator_names(
    there: Laboratory, packages: Packages, tmp_path: Path
) -> None:
    """An owner's repositories or one alone; nobody else gets even what was fetched for them, and is told what to do."""
    assert there.fetching
    (place,) = there.fetching.opened
    before, after = a_tree(tmp_path / "a", "1.0"), a_tree(tmp_path / "b", "1.1")

    async def of(repo: str, *named: str) -> Simulation:
        opened = (replace(place, repositories=named),)
        lab = replace(there, fetching=replace(there.fetching, opened=opened))  # type: ignore[type-var]  # it has one
        return await tried(lab, before, after, prepare(repo=repo))

    assert (await of("Acme/shop", "acme")).grade is Grade.PASSED
    assert (await of("acme/shop", "other", "acme/shop")).grade is Grade.PASSED
    asked = len(packages.seen)
    for repo, named in (("acme/shop2", "acme/shop"), ("acmes/shop", "acme"), ("shop/acme", "acme")):
        found = await of(repo, named)
        assert found.grade is Grade.UNKNOWN and f"not opened to `{repo}`" in found.why
        assert "add it to the repositories of that place under prepare" in found.why
    assert "whose tree this is, is not known here" in (await of("", "acme")).why
    assert len(packages.seen) == asked


@pytest.mark.parametrize(
    ("run", "hosts", "words"),
    [
        (FETCH.replace("packages.example", "evil.example"), (HOST,), "wants to fetch from https://evil.example"),
        (FETCH, (), "wants to fetch from https://packages.example"),
        (FETCH, (HOST, "evil.example"), "`evil.example`, which the operator of this machine has not opened"),
        (FETCH.replace("/greet-", "/../greet-"), (HOST,), "wants to fetch from"),
    ],
)
async def test_only_what_both_the_owner_and_the_operator_name_is_fetched(
    there: Laboratory, packages: Packages, tmp_path: Path, run: str, hosts: tuple[str, ...], words: str
) -> None:
    """A repository alone opens nothing, and is told what to say to whom."""
    before, after = a_tree(tmp_path / "a", "1.0"), a_tree(tmp_path / "b", "1.1")
    found = await tried(there, before, after, prepare(run, hosts=hosts))
    assert found.grade is Grade.UNKNOWN and words in found.why, found.why
    assert "SUREFOOT_SOURCES" in found.why and packages.seen == []


async def test_a_registry_that_is_away_is_no_verdict(there: Laboratory, packages: Packages, tmp_path: Path) -> None:
    """The loop asks again."""
    packages.fail = 503
    with pytest.raises(Transient):
        await tried(there, a_tree(tmp_path / "a", "1.0"), a_tree(tmp_path / "b", "1.1"), prepare())


def test_only_the_named_files_are_seen(tmp_path: Path) -> None:
    """By patterns and by folders; no link leads out of the tree, and a tree without any of them is told."""
    made = tree(tmp_path / "t", {"a/pom.xml": "a", "pom.xml": "b", "wrap/x/y.jar": "c", "secret": "d"})
    (made / "out.xml").symlink_to("/etc/passwd")
    asked = prepare("true", files=("**/pom.xml", "wrap", "out.xml", "none"))
    assert others._read(made, asked) == {"a/pom.xml": b"a", "pom.xml": b"b", "wrap/x/y.jar": b"c"}
    with pytest.raises(ConfigProblem, match="none of the files none"):
        others._read(made, prepare("true", files=("none",)))
    with pytest.raises(ConfigProblem, match="a is to be made by the command, and the tree has one"):
        others._read(made, prepare("true", files=("pom.xml",), keep=("a",)))
    with pytest.raises(ConfigProblem, match="no path inside of a repository"):
        others._read(made, prepare("true", files=("../x",)))


def test_too_much_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in bytes nor in files."""
    made = tree(tmp_path, {"a": "12345", "b": "12345"})
    monkeypatch.setattr(others, "_MOST_BYTES", 9)
    with pytest.raises(ConfigProblem, match="names more than"):
        others._read(made, prepare("true", files=("*",)))


def test_another_command_or_place_is_another_environment() -> None:
    """And so are other files; the order in which they are named is nothing."""
    place = Place(url="https://a.example", asked="https://b.example")
    usual = others._key({"a": b"1"}, prepare("true"), [place])
    assert usual == others._key({"a": b"1"}, prepare("true", files=("b", "a")), [place])
    different = {
        others._key({"a": b"2"}, prepare("true"), [place]),
        others._key({"a": b"1"}, prepare("false"), [place]),
        others._key({"a": b"1"}, prepare("true", env={"X": "1"}), [place]),
        others._key({"a": b"1"}, prepare("true", keep=("b",)), [place]),
        others._key({"a": b"1"}, prepare("true"), [replace(place, asked="https://c.example")]),
        others._key({"a": b"1"}, prepare("true"), []),
        usual,
    }
    assert len(different) == 7


@pytest.mark.parametrize(
    ("files", "ecosystem", "command", "needs"),
    [
        ({"Gemfile": ""}, "gem", "rspec", (OTHER,)),
        ({"Gemfile": "", "tests/test_it.py": ""}, "gem", "rspec", (OTHER,)),
        ({"Gemfile": "", "requirements.txt": ""}, "gem", "rspec && pytest", (OTHER, PYPI)),
        ({"Gemfile": "", "requirements.txt": ""}, "pypi", "make test", (PYPI, OTHER)),
        ({"Gemfile": "", "package.json": "{}"}, "npm", "make test", (NPM, OTHER)),
        ({"Gemfile": "", "package.json": "{}"}, "gem", "npm test", (OTHER, NPM)),
    ],
)
def test_what_is_prepared_comes_beside_what_is_known(
    files: dict[str, str], ecosystem: str, command: str, needs: tuple[str, ...], tmp_path: Path
) -> None:
    """What the update belongs to counts first; the command's own ecosystem is always there."""
    made = tree(tmp_path, files)
    component = Component(name="x", ecosystem=ecosystem)
    trial = replace(a_trial(made, made, unit=command), component=component, prepare=prepare("true"))
    assert environments.needed(trial) == needs


async def test_a_suite_of_both_worlds(there: Laboratory, tmp_path: Path) -> None:
    """An update of Python in a tree with folders of a command's own: its tests find both, and pytest reports."""
    test = "import greeter\ndef test_it(): assert open('packages/greet/word').read() in greeter.hail('')"
    more = {"tests/test_it.py": test}
    before = a_tree(tmp_path / "a", "1.0", **more, **{"requirements.txt": "greeter==1.0\n"})
    after = a_tree(tmp_path / "b", "1.0", **more, **{"requirements.txt": "greeter==2.0\n"})
    component = Component(name="greeter", ecosystem="pypi")
    found = await there.simulate(replace(a_trial(before, after), component=component, prepare=prepare()))
    assert found.grade is Grade.FAILED and "test_it" in found.why, found.why


def test_reports_are_handed_over_by_a_parent_of_the_command(tmp_path: Path) -> None:
    """So that no option of a runner is needed; a suite with a report is another one than the same without."""
    unit = suites.Suite(kind="unit", command="make", report=("a.xml", "b/*.xml"))
    there = environments.Environment(
        key="k", folder=tmp_path, interpreter=others._python(), lock="", ecosystem=OTHER, own={"A": "b"}
    )
    job = suites.job(unit, tmp_path, there, Limits())
    assert job.env["SUREFOOT_REPORTS"] == "a.xml\nb/*.xml" and job.env["A"] == "b"
    assert job.command[2:4] == ("/bin/sh", f"{INSIDE}/surefoot_reports.sh")
    assert unit.whole != replace(unit, report=()).whole


async def test_without_a_way_to_fetch_nothing_is_prepared(lab: Laboratory, tmp_path: Path) -> None:
    """It is said, and nothing runs."""
    made = a_tree(tmp_path / "a", "1.0")
    with pytest.raises(NotPrepared, match="cannot be fetched here"):
        async with environments.prepared(made, uv=lab.uv, cache=lab.cache, needs=(OTHER,), own=prepare("true")):
            pass


def test_what_prepares_travels_to_a_runner_host(tmp_path: Path) -> None:
    """With the trial, as it was."""
    made, parcel = a_tree(tmp_path / "a", "1.0"), io.BytesIO()
    asked = prepare("make", env={"A": "b"}, writable=("c",))
    unit = Asked(run="make check", report=("out.xml",))
    parcels.pack(replace(a_trial(made, made), prepare=asked, suites={"unit": unit}), parcel)
    parcel.seek(0)
    (tmp_path / "there").mkdir()
    arrived = parcels.unpack(parcel, tmp_path / "there")
    assert (arrived.prepare, arrived.suites) == (asked, {"unit": unit})


# What is installed runs while it is prepared, and finds the way by which its folders leave.
FORGES = """
{python} - <<'END'
import io, json, socket, tarfile
way = json.load(open("/tmp/surefoot/plan.json"))["steps"][1]["command"][5]
with socket.socket(socket.AF_UNIX) as there:
    there.connect(way)
    with there.makefile("wb") as out, tarfile.open(fileobj=out, mode="w|") as archive:
        link = tarfile.TarInfo("{link}")
        link.type, link.linkname = tarfile.SYMTYPE, "../" * 30 + "etc"
        archive.addfile(link)
END
mkdir -p packages/greet
"""


@pytest.mark.parametrize(("link", "keep"), [("packages", "packages"), ("packages", "packages/greet")])
async def test_a_forged_stream_shows_nothing_of_the_machine(
    there: Laboratory, tmp_path: Path, link: str, keep: str
) -> None:
    """It is refused, or it holds no folder; and nothing of it is kept."""
    made = a_tree(tmp_path / "a", "1.0")
    run = FORGES.format(python=others._python().path, link=link)
    asked = Prepare(run=run, files=("lock",), keep=(keep,))
    found = await tried(there, made, made, asked)
    # The second stream is cut off, which its sender may notice or not.
    assert found.grade is Grade.UNKNOWN and "simulate.prepare" in found.why, found.why
    assert not list((tmp_path / "environments").glob("*/.ready"))


def test_a_folder_that_is_a_link_or_lies_behind_one_is_none(tmp_path: Path) -> None:
    """Else a later run would be shown what it leads to."""
    made = tree(tmp_path / "kept", {"a/b/file": ""})
    (made / "link").symlink_to("../../etc")
    (made / "a/up").symlink_to("..")
    assert [others._is_folder(made, name) for name in ("a", "a/b")] == [True, True]
    odd = ("link", "link/apt", "a/up", "a/up/a", "a/b/file", "none", "none/deep")
    assert not any(others._is_folder(made, name) for name in odd)


async def test_other_suites_say_what_they_do_not_know(there: Laboratory, tmp_path: Path) -> None:
    """What is examined beside the tests ends in an answer for such a tree as well."""
    before, after = a_tree(tmp_path / "a", "1.0"), a_tree(tmp_path / "b", "1.1")
    found = await tried(replace(there, examiners=EXAMINERS), before, after, prepare())
    assert found.suites[0].grade is Grade.PASSED and found.grade is not Grade.FAILED, found
    assert any(note.startswith("not run: compatibility") for note in found.notes), found.notes
