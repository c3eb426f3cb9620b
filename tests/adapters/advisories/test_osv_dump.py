"""OSV's dumps on disk: the same answers without asking anybody, and what cannot be read is never taken for nothing."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters import Tools, advisories, open_one
from bot.adapters.advisories import _archive
from bot.adapters.advisories.osv_dump import OsvDump
from bot.core.advisories import Advisory
from bot.core.errors import ConfigProblem, Permanent
from bot.core.model import Component
from bot.tools.http import Http
from tests.adapters.advisories.osv_world import affected, flask, record

FLASK = Component(name="flask")
NAME = "GHSA-aaaa-bbbb-cccc"
ALL = {"introduced": "0"}


def dump(place: Path, *documents: dict[str, Any], **files: bytes) -> Path:
    """An all.zip with these records, and with other files by their names."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for document in documents:
            archive.writestr(f"{document['id']}.json", json.dumps(document))
        for name, body in files.items():
            archive.writestr(name, body)
    return place


def opened(folder: Path) -> OsvDump:
    made: OsvDump = open_one(advisories, "osv_dump", {"path": str(folder)}, Tools(http=Http()))
    return made


async def ids(there: OsvDump, component: Component, *versions: str) -> dict[str, list[str]]:
    """The names of what is known, by version."""
    found = await there.of(component, versions)
    return {version: [one.id for one in known] for version, known in found.items()}


async def test_a_flaw_is_told_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    """As the service would tell it, with the page that the advisory names."""
    dump(tmp_path / "PyPI.zip", flask(), record("GHSA-2", affected("PyPI", "other", ALL)))

    found = await opened(tmp_path).of(FLASK, ["2.0.0", "2.0.1"])

    assert found == {
        "2.0.0": (
            Advisory(
                id=NAME,
                aliases=("CVE-2026-0001",),
                summary="Something is wrong",
                score=7.5,
                fixed=("2.0.1",),
                url=f"https://advisories.example/{NAME}",
            ),
        )
    }


@pytest.mark.parametrize("place", ["PyPI.zip", "PyPI/all.zip"])
async def test_a_dump_lies_where_osv_has_it(tmp_path: Path, place: str) -> None:
    """As a file by the ecosystem's name, or in a folder as in OSV's bucket."""
    dump(tmp_path / place, flask(), **{"README.txt": b"x"})

    assert await ids(opened(tmp_path), FLASK, "2.0.0") == {"2.0.0": [NAME]}


async def test_a_dump_may_be_unpacked(tmp_path: Path) -> None:
    """Then each file is an advisory, and one that is added is seen."""
    folder = tmp_path / "PyPI"
    folder.mkdir()
    (folder / "a.json").write_text(json.dumps(flask()))
    (folder / "notes.txt").write_text("x")
    there = opened(tmp_path)
    before = await there.of(FLASK, ["2.0.0"])
    (folder / "b.json").write_text(json.dumps(flask("GHSA-2", aliases=[])))
    after = await there.of(FLASK, ["2.0.0"])

    assert (len(before["2.0.0"]), len(after["2.0.0"])) == (1, 2)


async def test_a_report_without_a_usable_name_still_counts(tmp_path: Path) -> None:
    """It is not left out, and what stands for its name goes no further."""
    dump(tmp_path / "PyPI.zip", flask("x`@everyone"), flask(aliases=[]))

    assert await ids(opened(tmp_path), FLASK, "2.0.0") == {"2.0.0": ["UNNAMED", NAME]}


async def test_a_dump_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    """And only then; what was withdrawn meanwhile says so."""
    place = dump(tmp_path / "PyPI.zip", flask())
    there = opened(tmp_path)
    await there.of(FLASK, ["2.0.0"])
    dump(tmp_path / "new.zip", flask(withdrawn="2026-03-02T00:00:00Z")).rename(place)
    os.utime(place, (1, 1))

    (found,) = (await there.of(FLASK, ["2.0.0"]))["2.0.0"]

    assert found.withdrawn


async def test_many_who_ask_read_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first who needs an ecosystem reads its dump, and the others wait for that."""
    dump(tmp_path / "PyPI.zip", flask())
    read: list[Path] = []
    documents = _archive.documents

    def noted(place: Path) -> Iterator[tuple[str, bytes]]:
        read.append(place)
        return documents(place)

    monkeypatch.setattr(_archive, "documents", noted)
    there = opened(tmp_path)

    await asyncio.gather(*(there.of(FLASK, ["2.0.0"]) for _ in range(20)))

    assert len(read) == 1


async def test_no_dump_is_not_no_flaw(tmp_path: Path) -> None:
    """Each ecosystem stands for itself; the error says what to put where."""
    dump(tmp_path / "PyPI.zip", flask())

    with pytest.raises(Permanent, match=r"no dump of npm in .*Put OSV's all\.zip for npm there as npm\.zip"):
        await opened(tmp_path).of(Component(name="lodash", ecosystem="npm"), ["1.0.0"])


@pytest.mark.parametrize("ecosystem", ["docker", "helm", "terraform", "git", "nothing"])
async def test_what_osv_has_no_name_for_needs_no_dump(tmp_path: Path, ecosystem: str) -> None:
    """There is none to be had."""
    assert await opened(tmp_path).of(Component(name="x", ecosystem=ecosystem), ["1"]) == {}


def test_the_folder_must_be_there(tmp_path: Path) -> None:
    """It is told when the adapter is opened."""
    with pytest.raises(ConfigProblem, match=r"is no folder\. Make it"):
        opened(tmp_path / "none")


def truncated(place: Path) -> None:
    """A download that was cut off."""
    dump(place, flask())
    place.write_bytes(place.read_bytes()[:-30])


def damaged(place: Path) -> None:
    """A byte in the middle is another."""
    dump(place, flask())
    body = bytearray(place.read_bytes())
    body[120] ^= 0xFF
    place.write_bytes(body)


def encrypted(place: Path) -> None:
    """The mark of encryption is set in the directory of the archive."""
    dump(place, flask())
    body = bytearray(place.read_bytes())
    body[body.rindex(b"PK\x01\x02") + 8] |= 1
    place.write_bytes(body)


def linked(place: Path) -> None:
    """A folder in which a file is a link to another place."""
    secret = place.with_suffix(".secret")
    secret.write_text(json.dumps(flask()))
    place.with_suffix("").mkdir()
    (place.with_suffix("") / "a.json").symlink_to(secret)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (truncated, "cannot be read: .*Fetch the dump again"),
        (damaged, "cannot be read: .*Fetch the dump again"),
        (encrypted, "is encrypted"),
        (linked, "'a.json' is no plain file"),
        (lambda place: place.write_text("<html>Not found</html>"), "cannot be read: File is not a zip file"),
        (lambda place: dump(place), "holds no advisory about PyPI"),
        (lambda place: dump(place, record(NAME, affected("npm", "flask", ALL))), "holds no advisory about PyPI"),
        (lambda place: dump(place, flask(), **{"x.json": b"{"}), "'x.json' is no advisory"),
        (lambda place: dump(place, flask(), **{"x.json": b'{"id": 3}'}), "'x.json' is no advisory"),
        (lambda place: dump(place, flask(), **{"../x.json": b"{}"}), r"path '\.\./x\.json'"),
        (lambda place: dump(place, flask(), **{"/etc/x.json": b"{}"}), "path '/etc/x.json'"),
        (lambda place: dump(place, flask(), **{"C:x.json": b"{}"}), "path 'C:x.json'"),
        (lambda place: dump(place, flask(), **{"x.json": b" " * (17 << 20)}), "no advisory has that many"),
        (lambda place: place.with_suffix("").mkdir(), "holds no advisory about PyPI"),
    ],
)  # fmt: skip
async def test_what_is_no_dump_is_refused_until_it_is_replaced(tmp_path: Path, make: Any, why: str) -> None:
    """Nothing of it is used: an advisory that is missing might be the one that matters."""
    place = tmp_path / "PyPI.zip"
    make(place)
    there = opened(tmp_path)
    for _ in range(2):
        with pytest.raises(Permanent, match=why):
            await there.of(FLASK, ["2.0.0"])

    dump(tmp_path / "new.zip", flask()).rename(place)

    assert len(await there.of(FLASK, ["2.0.0"])) == 1


async def test_what_is_far_too_big_is_no_dump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All files together are bounded before any is unpacked, and so is their number."""
    monkeypatch.setattr(_archive, "MOST_IN_ALL", 1000)
    dump(tmp_path / "PyPI.zip", flask(), flask("GHSA-2"))
    (tmp_path / "npm").mkdir()
    (tmp_path / "npm" / "a.json").write_text(" " * 2000)

    for component in (FLASK, Component(name="x", ecosystem="npm")):
        with pytest.raises(Permanent, match=r"is no dump of advisories: \d files with \d+ bytes"):
            await opened(tmp_path).of(component, ["1"])


async def test_a_file_of_an_unpacked_dump_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more of it is read than an advisory may have."""
    monkeypatch.setattr(_archive, "MOST_BYTES", 1000)
    (tmp_path / "PyPI").mkdir()
    (tmp_path / "PyPI" / "a.json").write_text(" " * 2000)

    with pytest.raises(Permanent, match="more bytes than any advisory"):
        await opened(tmp_path).of(FLASK, ["1"])


@pytest.mark.parametrize(
    ("ecosystem", "theirs", "ours"),
    [
        ("PyPI", "Flask_Login", Component(name="flask-login")),
        ("NuGet", "Newtonsoft.Json", Component(name="newtonsoft.json", ecosystem="nuget")),
        ("crates.io", "openssl-src", Component(name="openssl_src", ecosystem="cargo")),
        ("Packagist", "GuzzleHttp/Guzzle", Component(name="guzzlehttp/guzzle", ecosystem="composer")),
        ("Maven", "org.a:b", Component(name="org.a/b", ecosystem="maven")),
        ("GitHub Actions", "Acme/Build", Component(name="acme/build/sub", ecosystem="githubactions")),
    ],
)
async def test_a_package_is_found_by_its_registrys_rules(
    tmp_path: Path, ecosystem: str, theirs: str, ours: Component
) -> None:
    """In whatever spelling the advisory has it."""
    dump(tmp_path / f"{ecosystem}.zip", record(NAME, affected(ecosystem, theirs, ALL)))

    assert await ids(opened(tmp_path), ours, "1.0.0") == {"1.0.0": [NAME]}


async def test_npm_tells_capital_letters_apart(tmp_path: Path) -> None:
    """JSONStream is another package than jsonstream."""
    dump(tmp_path / "npm.zip", record(NAME, affected("npm", "JSONStream", ALL)))

    assert await ids(opened(tmp_path), Component(name="jsonstream", ecosystem="npm"), "1.0.0") == {}


async def test_a_package_from_a_named_repository_is_found(tmp_path: Path) -> None:
    """OSV writes it behind the ecosystem."""
    block = affected("Maven:https://maven.google.com", "androidx.a:b", ALL)
    dump(tmp_path / "Maven.zip", record(NAME, block))

    assert await ids(opened(tmp_path), Component(name="androidx.a:b", ecosystem="maven"), "1.0") == {"1.0": [NAME]}


async def test_a_package_about_which_much_is_known(tmp_path: Path) -> None:
    """Hundreds of advisories, each with all its versions, are compared like one."""
    listed = [f"1.{minor}.{patch}" for minor in range(30) for patch in range(10)]
    block = affected("PyPI", "flask", {"introduced": "1.5"}, {"fixed": "1.6"}, versions=listed[50:60])
    dump(tmp_path / "PyPI.zip", *(record(f"GHSA-{at}", block) for at in range(400)))

    found = await ids(opened(tmp_path), FLASK, "1.5.9", "1.5.10", "1.6.0")

    assert [len(known) for known in found.values()] == [400, 400]


# Each from lower to higher: by the table in PEP 440's appendix, and by SemVer 2.0.0, section 11.
PYTHONS = ["0.9", "1.dev0", "1.0.dev456", "1.0a1", "1.0a12", "1.0b2", "1.0rc1", "1.0", "1.0.post1", "1.1.dev1", "1!0.1"]
SEMVERS = [
    "0.9.9",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0",
    "1.0.1",
    "1.10.0",
    "2.0.0",
]
CASES = {"pypi": ("PyPI", PYTHONS), "hex": ("Hex", SEMVERS), "npm": ("npm", SEMVERS), "cargo": ("crates.io", SEMVERS)}


def brute(places: int, ranges: list[list[tuple[str, int]]], listed: set[int]) -> list[bool]:
    """OSV's algorithm over places in an order known beforehand; -1 is the version "0", 99 is "*"."""
    answers = []
    for mine in range(places):
        hit = mine in listed
        for events in ranges:
            limits = [place for kind, place in events if kind == "limit"]
            if limits and not any(mine < place for place in limits):
                continue
            vulnerable = False
            for kind, place in sorted(events, key=lambda event: event[1]):
                passed = mine > place if kind == "last_affected" else mine >= place
                if passed and kind != "limit":
                    vulnerable = kind == "introduced"
            hit = hit or vulnerable
        answers.append(hit)
    return answers


@st.composite
def histories(draw: st.DrawFn, most: int) -> list[list[tuple[str, int]]]:
    """Ranges of events in any order, sensible or not."""
    place = st.integers(0, most)
    event = st.one_of(
        st.tuples(st.just("introduced"), st.integers(-1, most)),
        st.tuples(st.sampled_from(["fixed", "last_affected"]), place),
        st.tuples(st.just("limit"), st.one_of(place, st.just(99))),
    )
    return draw(st.lists(st.lists(event, max_size=6), max_size=3))


@settings(max_examples=150, deadline=None)
@given(data=st.data(), ecosystem=st.sampled_from(sorted(CASES)))
def test_the_answer_is_that_of_the_published_algorithm(data: st.DataObject, ecosystem: str) -> None:
    """For every version and whatever the events are, by the ecosystem's own order."""
    theirs, versions = CASES[ecosystem]
    ranges = data.draw(histories(len(versions) - 1))
    listed = data.draw(st.sets(st.integers(0, len(versions) - 1), max_size=3))
    block = affected(theirs, "flask", versions=[versions[place] for place in listed])
    word = {-1: "0", 99: "*"} | dict(enumerate(versions))
    block["ranges"] = [
        {"type": "ECOSYSTEM", "events": [{kind: word[place]} for kind, place in events]} for events in ranges
    ]
    with tempfile.TemporaryDirectory() as folder:
        dump(Path(folder) / f"{theirs}.zip", record(NAME, block))
        found = asyncio.run(ids(OsvDump(Path(folder)), Component(name="flask", ecosystem=ecosystem), *versions))

    assert [version in found for version in versions] == brute(len(versions), ranges, listed)
