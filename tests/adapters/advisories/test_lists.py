"""Lists that make what is known more urgent: what is used in attacks, and what gets no more fixes.

The documents have the published form: CISA's schema of the catalogue (known_exploited_vulnerabilities_schema.json) and
endoflife.date's OpenAPI description of version 1 (FullProductListResponse). Their content is made up but for its names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters import Tools, advisories, open_one
from bot.adapters.advisories import _document, endoflife, kev, listener, open_advisories
from bot.adapters.advisories._document import AGAIN, FRESH, LOOK, Document
from bot.adapters.advisories._joined import Joined
from bot.core import advisories as thoughts
from bot.core.advisories import Advisory
from bot.core.alerts import Heard, Word
from bot.core.errors import ConfigProblem, Permanent, Transient
from bot.core.model import Component, Priority
from bot.tools.http import Http, Reach
from tests.adapters.index_server import serving
from tests.builders import NOW

CATALOGUE: dict[str, Any] = {
    "title": "CISA Catalog of Known Exploited Vulnerabilities",
    "catalogVersion": "2026.03.01",
    "dateReleased": "2026-03-01T17:00:00.000Z",
    "count": 2,
    "vulnerabilities": [
        {
            "cveID": "CVE-2021-44228",
            "vendorProject": "Apache",
            "product": "Log4j2",
            "vulnerabilityName": "Apache Log4j2 Remote Code Execution Vulnerability",
            "dateAdded": "2021-12-10",
            "shortDescription": "made up",
            "requiredAction": "made up",
            "dueDate": "2021-12-24",
            "knownRansomwareCampaignUse": "Known",
            "notes": "",
            "cwes": ["CWE-20"],
        },
        {
            "cveID": "CVE-2026-0001",
            "vendorProject": "Acme",
            "product": "Greeter",
            "vulnerabilityName": "made up",
            "dateAdded": "2026-02-03",
            "shortDescription": "made up",
            "requiredAction": "made up",
            "dueDate": "2026-02-24",
            "knownRansomwareCampaignUse": "Unknown",
        },
    ],
}
GREETER = Component(name="greeter")


def a_line(name: str, ends: str | None, *, over: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "codename": None,
        "label": name,
        "releaseDate": "2020-01-01",
        "isLts": False,
        "ltsFrom": None,
        "isEol": over,
        "eolFrom": ends,
        "isMaintained": not over,
        "latest": {"name": f"{name}.9", "date": "2020-06-01", "link": None},
    }


def a_product(name: str, *purls: str, lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": name.lower(),
        "label": name,
        "aliases": [],
        "category": "framework",
        "tags": ["framework"],
        "identifiers": [{"id": "cpe:/a:x:y", "type": "cpe"}, *({"id": one, "type": "purl"} for one in purls)],
        "labels": {"eoas": None, "discontinued": None, "eol": "Security Support", "eoes": None},
        "links": {"icon": None, "html": "https://eol.example/x", "releasePolicy": None},
        "releases": list(lines),
    }


def a_list(*products: dict[str, Any]) -> dict[str, Any]:
    return {"schema_version": "1.2.0", "generated_at": "2026-03-01T00:00:00+00:00", "total": len(products),
            "result": list(products)}  # fmt: skip


PYTHON = a_product(
    "Python",
    "pkg:docker/library/python",
    "pkg:generic/python",
    lines=[
        a_line("3.13", "2029-10-31"),
        a_line("3.10", "2026-10-31"),
        a_line("3.9", "2025-10-31", over=True),
        a_line("3.1", "2012-04-09", over=True),
        a_line("2", None, over=True),
    ],
)
DJANGO = a_product("Django", "pkg:pypi/Django", lines=[a_line("5.2", "2028-04-30"), a_line("3.2", "2024-04-01")])
ANGULAR = a_product("Angular", "pkg:npm/%40angular/core", lines=[a_line("15", "2024-05-18", over=True)])


@dataclass
class Database:
    """Knows what is laid out."""

    known: Mapping[str, Sequence[Advisory]] = field(default_factory=dict)
    forgot: int = 0

    async def of(self, component: Component, versions: Sequence[str]) -> Mapping[str, Sequence[Advisory]]:
        return {version: self.known[version] for version in versions if version in self.known}

    def forget(self, component: Component) -> None:
        self.forgot += 1


def written(folder: Path, document: object, name: str = "list.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(document))
    return path


def tools() -> Tools:
    return Tools(http=Http())


def the_kev(folder: Path) -> Any:
    return open_one(advisories, "kev", {"place": str(written(folder, CATALOGUE))}, tools())


async def test_what_is_exploited_is_critical_however_it_is_rated(tmp_path: Path) -> None:
    """By any of its names; the sentence says who says so, and since when."""
    mild = Advisory(id="GHSA-x", aliases=("CVE-2026-0001",), score=3.0)
    inner = Database({"1.0": [mild, Advisory(id="CVE-2020-1", score=5.0)]})
    known = (await the_kev(tmp_path).over(inner).of(GREETER, ["1.0", "1.1"]))["1.0"]

    assert thoughts.urgency([mild]) is Priority.LOW and thoughts.urgency(known) is Priority.CRITICAL
    assert known[1] == inner.known["1.0"][1]
    told = thoughts.told("1.0", known)
    assert "`CVE-2026-0001` (used in attacks: in CISA's catalogue since 2026-02-03)" in told
    [ransom] = await the_kev(tmp_path).noted([Advisory(id="CVE-2021-44228")])
    assert ransom.exploited == "used in attacks, also for ransom: in CISA's catalogue since 2021-12-10"


async def test_githubs_own_word_is_marked_as_well(tmp_path: Path) -> None:
    """Also before any database knows the flaw; and who is asked anew is the database behind the list."""

    class Told:
        async def words(self) -> Sequence[Heard]:
            word = Word(id="GHSA-x", ecosystem="pypi", name="greeter", aliases=("CVE-2026-0001",), severity="low")
            return [Heard(word=word, at=NOW)]

        async def asides(self, repo: str) -> frozenset[str]:
            return frozenset()

    inner = Database()
    heard = listener(the_kev(tmp_path).over(Joined(inner)), Told()).of(None)
    [known] = (await heard.of(GREETER, ["1.0"]))["1.0"]

    assert known.exploited and inner.forgot == 1


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"vulnerabilities": []}', b'{"vulnerabilities": [{"cveID": 7}]}']
)
def test_what_is_no_catalogue_is_refused(body: bytes) -> None:
    """An error page is not a catalogue in which nothing is exploited."""
    with pytest.raises(Permanent):
        kev.read(body)


def test_a_name_that_is_no_cve_and_a_day_that_is_none_are_not_told() -> None:
    """What stands in titles and texts is held to its form."""
    odd = {"vulnerabilities": [{"cveID": "CVE-2026-1 @ann"}, {"cveID": "CVE-2026-0002", "dateAdded": "@ann"}]}

    assert kev.read(json.dumps(odd).encode()) == {"CVE-2026-0002": "used in attacks: in CISA's catalogue"}


def ended(component: Component, version: str, *products: dict[str, Any], day: date = date(2026, 3, 4)) -> Any:
    lines = endoflife.read(json.dumps(a_list(*products)).encode())

    class Kept:
        async def now(self) -> Any:
            return lines

    # All that is asked of the client is what Kept has.
    return endoflife.EndOfLife(Kept(), lambda: day).of(component, [version])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("version", "until"),
    [
        ("3.9.2-slim", "2025-10-31"),
        ("3.9", "2025-10-31"),
        ("3.1.5", "2012-04-09"),
        ("v3.9.1", "2025-10-31"),
        ("3.10.1", ""),  # not of the line 3.1
        ("3.13-bookworm", ""),
        ("3.9rc1", ""),
        ("4.0", ""),  # a line that nobody lists
        ("trixie", ""),
    ],
)
async def test_a_version_belongs_to_the_line_that_it_begins_with(version: str, until: str) -> None:
    """The longest one; what is of none is not known to have ended."""
    found = await ended(Component(name="python", ecosystem="docker"), version, PYTHON)

    assert thoughts.ended(found.get(version, ())) == (
        until and f"`Python` `{_line(version)}` was maintained until {until}"
    )


def _line(version: str) -> str:
    return "3.1" if version.startswith("3.1") else "3.9"


async def test_a_line_ends_on_its_day_and_some_have_none() -> None:
    """It is maintained until the end of it; one of which nobody knows the day has ended all the same."""
    django = Component(name="django")

    assert await ended(django, "5.2.1", DJANGO, day=date(2028, 4, 30)) == {}
    assert await ended(django, "5.2.1", DJANGO, day=date(2028, 5, 1)) != {}
    found = await ended(Component(name="python", ecosystem="docker"), "2.7.18", PYTHON)
    assert thoughts.ended(found["2.7.18"]) == "`Python` `2` has ended"


@pytest.mark.parametrize(
    ("component", "version", "known"),
    [
        (Component(name="django"), "3.2.1", True),
        (Component(name="DJANGO"), "3.2.1", True),
        (Component(name="django", ecosystem="npm"), "3.2.1", False),
        (Component(name="@angular/core", ecosystem="npm"), "15.0.0", True),
        (Component(name="library/python", ecosystem="docker"), "3.9", True),
        (Component(name="python"), "3.9", False),
    ],
)
async def test_a_product_is_found_by_its_package_urls(component: Component, version: str, known: bool) -> None:
    """A name alone says nothing: two ecosystems may use it for two things."""
    assert bool(await ended(component, version, DJANGO, PYTHON, ANGULAR)) is known


def test_one_product_is_a_list_of_one_and_an_error_page_is_none() -> None:
    """The document of a single product has the product itself where the other has the list."""
    one = json.dumps({"schema_version": "1.2.0", "result": DJANGO}).encode()
    assert list(endoflife.read(one)) == ["pypi/django"]
    for body in (b"", b"<html>", b"[]", b'{"result": 7}'):
        with pytest.raises(Permanent):
            endoflife.read(body)


@given(st.text(max_size=30), st.text(max_size=30))
async def test_no_version_and_no_line_is_too_odd(version: str, line: str) -> None:
    """Whatever a tag or a list says."""
    product = a_product("Django", "pkg:pypi/django", lines=[a_line(line, "2020-01-01")])
    await ended(Component(name="django"), version, product)


async def test_a_file_is_read_again_when_it_was_replaced(tmp_path: Path) -> None:
    """Within a minute, and not for each component; what it was counts while it is away or broken."""
    clock, path = [0.0], written(tmp_path, 1)
    document = Document(Http(), str(path), _number, clock=lambda: clock[0])
    assert await document.now() == 1
    written(tmp_path, 22)
    assert await document.now() == 1
    clock[0] += LOOK
    assert await document.now() == 22

    path.write_text("no number")
    clock[0] += LOOK
    assert await document.now() == 22
    path.unlink()
    clock[0] += AGAIN
    assert await document.now() == 22
    written(tmp_path, 333)
    clock[0] += AGAIN
    assert await document.now() == 333


def _number(body: bytes) -> int:
    try:
        return int(body)
    except ValueError as error:
        raise Permanent("no number") from error


async def test_a_list_on_the_net_is_fetched_a_few_times_a_day() -> None:
    """However many ask; one that is away is asked for again a little later, and nothing is held up meanwhile."""
    came: list[str] = []
    status = [503]

    async def answer(request: web.Request) -> web.Response:
        came.append(request.path)
        return web.Response(text="7", status=status[0])

    application = web.Application()
    application.router.add_get("/list.json", answer)
    clock = [0.0]
    async with serving(application) as base, Http(Reach(trusted=["127.0.0.1"])) as http:
        document = Document(http, f"{base}/list.json", _number, clock=lambda: clock[0])
        assert [await document.now() for _ in range(3)] == [None] * 3
        assert len(came) == 1

        status[0] = 200
        clock[0] += AGAIN
        assert [await document.now() for _ in range(3)] == [7] * 3
        clock[0] += FRESH - 1
        await document.now()
        assert len(came) == 2


def test_the_lists_are_off_unless_they_are_named(tmp_path: Path) -> None:
    """Without them the database alone is asked; with one of them nobody else need be."""
    place = str(written(tmp_path, CATALOGUE))

    assert open_advisories("off", tools()) is None
    assert isinstance(open_advisories("off", tools(), kev=place), kev.Kev)
    assert isinstance(open_advisories("", tools(), eol=place), Joined)
    assert isinstance(open_advisories("", tools(), kev="https://kev.example/x.json", eol=place), kev.Kev)


@pytest.mark.parametrize("which", ["kev", "eol"])
def test_a_file_that_is_not_there_is_told_at_once(tmp_path: Path, which: str) -> None:
    """A typing error must not mean that nothing is exploited."""
    with pytest.raises(ConfigProblem, match=f"^SUREFOOT_{which.upper()}: .*is neither a URL nor a file"):
        open_advisories("", tools(), **{which: str(tmp_path / "gone")})


async def test_several_databases_speak_together_or_not_at_all(tmp_path: Path) -> None:
    """What one knows and the other, for each version; an error of one is not hidden by what the other knows."""

    class Away:
        async def of(self, component: Component, versions: Sequence[str]) -> Mapping[str, Sequence[Advisory]]:
            raise Transient("away")

    one, two = Advisory(id="A"), Advisory(id="B")
    joined = Joined(Database({"1": [one]}), Database({"1": [two], "2": [two]}))
    assert await joined.of(GREETER, ["1", "2", "3"]) == {"1": [one, two], "2": [two]}
    with pytest.raises(Transient):
        await Joined(Database({"1": [one]}), Away()).of(GREETER, ["1"])


def test_a_file_that_is_no_list_for_its_size_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list has some megabytes."""
    monkeypatch.setattr(_document, "MOST_BYTES", 10)

    with pytest.raises(Permanent, match="too big"):
        _document._file(written(tmp_path, "x" * 20), None)
