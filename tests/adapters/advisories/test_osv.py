"""OSV.dev over HTTP: few requests for many questions, everything that is known, and nothing that is made up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from bot.adapters import Tools, advisories, open_one
from bot.adapters.advisories.osv import PUBLIC, Osv
from bot.core.advisories import Advisory
from bot.core.errors import ConfigProblem, Missing, Permanent, Refused, Transient
from bot.core.model import Component
from bot.tools.http import Answer, Http, Reach
from tests.adapters.advisories.osv_world import V3_HIGH, V4_CRITICAL, Service, affected, flask, record

FLASK = Component(name="flask")
OLD = ("PyPI", "flask", "2.0.0")
NAME = "GHSA-aaaa-bbbb-cccc"
ALL = {"introduced": "0"}


@asynccontextmanager
async def asking(service: Service, **options: Any) -> AsyncIterator[Osv]:
    """An adapter that asks this service."""
    async with service.running(), Http(Reach(trusted=["127.0.0.1"])) as http:
        yield open_one(advisories, "osv", {"url": f"{service.url}/", **options}, Tools(http=http))


async def known(service: Service, component: Component = FLASK, version: str = "2.0.0") -> tuple[Advisory, ...]:
    """What is known against one version."""
    async with asking(service) as osv:
        return tuple((await osv.of(component, [version])).get(version, ()))


def a_service(*documents: dict[str, Any]) -> Service:
    """One that lists all of these for flask 2.0.0."""
    service = Service()
    for document in documents:
        service.add(document, OLD)
    return service


async def test_a_flaw_is_told_with_all_that_is_known_of_it() -> None:
    """Its names, its score out of the vector, the versions that mend it and where to read on."""
    assert await known(a_service(flask())) == (
        Advisory(
            id=NAME,
            aliases=("CVE-2026-0001",),
            summary="Something is wrong",
            score=7.5,
            fixed=("2.0.1",),
            url=f"https://advisories.example/{NAME}",
        ),
    )


async def test_what_nobody_reported_has_no_entry() -> None:
    """Only versions against which something is known are in the answer."""
    async with asking(a_service(flask())) as osv:
        found = await osv.of(FLASK, ["2.0.1", "2.0.0", "", "2.0.0"])

    assert list(found) == ["2.0.0"]


async def test_what_is_asked_at_once_travels_together() -> None:
    """Fifty packages are one request, and each advisory is read once, however many ask."""
    service = Service()
    for at in range(50):
        service.add(flask(), ("PyPI", f"package-{at}", "1.0"))
    async with asking(service) as osv:
        await asyncio.gather(*(osv.of(Component(name=f"package-{at}"), ["1.0", "2.0"]) for at in range(50)))

    assert (len(service.batches), len(service.asked)) == (1, 100)


async def test_one_package_of_five_hundred_repositories_is_one_question() -> None:
    """At the same time or later: the answer is remembered."""
    service = a_service(flask())
    async with asking(service) as osv:
        found = await asyncio.gather(*(osv.of(FLASK, ["2.0.0"]) for _ in range(500)))
        later = await osv.of(FLASK, ["2.0.0"])

    assert service.asked == [OLD]
    assert service.read == [NAME]
    assert all(one == later for one in found)


async def test_while_a_question_is_on_its_way_it_is_not_asked_again() -> None:
    """Who comes later waits for the answer that is being fetched."""
    service = a_service(flask())
    async with asking(service) as osv:
        first = asyncio.create_task(osv.of(FLASK, ["2.0.0"]))
        await service.came.wait()
        second = await osv.of(FLASK, ["2.0.0", "2.0.1"])

        assert await first == second
    assert service.asked == [OLD, ("PyPI", "flask", "2.0.1")]


async def test_a_batch_has_as_many_questions_as_the_service_takes() -> None:
    """A thousand go into one request, and the next into another."""
    service = Service()
    service.add(flask(), ("PyPI", "flask", "1.0.2000"))
    async with asking(service) as osv:
        found = await osv.of(FLASK, [f"1.0.{at}" for at in range(2001)])

    assert [len(batch) for batch in service.batches] == [1000, 1000, 1]
    assert list(found) == ["1.0.2000"]


async def test_all_pages_are_read() -> None:
    """The service gives long lists in pages, each question its own; only those that go on are asked again."""
    service = Service(page=2)
    for at in range(5):
        service.add(flask(f"GHSA-{at}", aliases=[]), OLD)
    service.add(flask(), ("PyPI", "flask", "1.0"))
    async with asking(service) as osv:
        found = await osv.of(FLASK, ["2.0.0", "1.0"])

    assert [one.id for one in found["2.0.0"]] == [f"GHSA-{at}" for at in range(5)]
    assert len(found["1.0"]) == 1
    assert [len(batch) for batch in service.batches] == [2, 1, 1]


async def test_a_list_without_an_end_is_no_answer() -> None:
    """A service that always promises more is not believed, and other questions are answered."""
    service = a_service(flask())
    service.raw["/v1/querybatch"] = '{"results": [{"next_page_token": "again"}]}'
    async with asking(service) as osv:
        with pytest.raises(Permanent, match=r"127\.0\.0\.1 finds no end"):
            await osv.of(FLASK, ["2.0.0"])

    assert len(service.batches) == 50


async def test_an_answer_grows_old() -> None:
    """When it is no longer fresh it is asked for again; an advisory is read again only when it was modified."""
    service = a_service(flask())
    async with asking(service, fresh="0s") as osv:
        await osv.of(FLASK, ["2.0.0"])
        await osv.of(FLASK, ["2.0.0"])
        once = list(service.read)
        service.records[NAME] |= {"modified": "2026-03-02T00:00:00Z", "withdrawn": "2026-03-02T00:00:00Z"}
        (changed,) = (await osv.of(FLASK, ["2.0.0"]))["2.0.0"]

    assert len(service.batches) == 3
    assert (once, service.read) == ([NAME], [NAME, NAME])
    assert changed.withdrawn


async def test_who_stops_waiting_disturbs_nobody() -> None:
    """One of two that wait for the same answer gives up; the other has it."""
    service = a_service(flask())
    async with asking(service) as osv:
        first = asyncio.create_task(osv.of(FLASK, ["2.0.0"]))
        second = asyncio.create_task(osv.of(FLASK, ["2.0.0"]))
        await asyncio.sleep(0)
        first.cancel()

        assert len((await second)["2.0.0"]) == 1
        assert first.cancelled()
    assert service.asked == [OLD]


async def test_when_the_service_is_away_nobody_is_told_that_all_is_well() -> None:
    """All who wait get the error, which is not remembered: the next who asks has the answer."""
    service = a_service(flask())
    service.fail = 500
    async with asking(service) as osv:
        found = await asyncio.gather(*(osv.of(FLASK, [v]) for v in ("1.0", "2.0.0")), return_exceptions=True)
        service.fail = 0
        again = await osv.of(FLASK, ["2.0.0"])

    assert [type(error) for error in found] == [Transient, Transient]
    assert len(again) == 1


async def test_a_service_that_asks_for_time_gets_it() -> None:
    """How long it wants to be left alone is passed on."""
    async with asking(Service(fail=429, wait="30")) as osv:
        with pytest.raises(Transient) as caught:
            await osv.of(FLASK, ["1"])

    assert caught.value.after == timedelta(seconds=30)


@pytest.mark.parametrize(("status", "error"), [(404, Missing), (403, Refused), (401, Refused)])
async def test_a_place_that_is_no_such_service_is_asked_once(status: int, error: type[Exception]) -> None:
    """What is wrong with the place is not sought in the questions."""
    service = Service(fail=status)
    async with asking(service) as osv:
        with pytest.raises(error):
            await osv.of(FLASK, ["1", "2", "3"])

    assert len(service.batches) == 1


async def test_one_question_that_a_service_cannot_bear_spoils_no_other() -> None:
    """OSV refuses a batch for one bad query (google/osv.dev#1628): that one fails, the others are answered."""
    service = a_service(flask())
    service.refused = {"poison"}
    async with asking(service) as osv:
        good = [osv.of(Component(name=f"package-{at}"), ["1"]) for at in range(100)]
        bad = osv.of(Component(name="poison"), ["1"])
        *found, old, error = await asyncio.gather(*good, osv.of(FLASK, ["2.0.0"]), bad, return_exceptions=True)

    assert found == [{}] * 100
    assert isinstance(old, dict) and len(old["2.0.0"]) == 1
    assert isinstance(error, Permanent)
    assert len(service.batches) <= 1 + 2 * 7


async def test_a_service_that_bears_no_question_is_not_flooded() -> None:
    """The search for the bad one ends after a bounded number of requests."""
    service = Service(refused={"flask"})
    async with asking(service) as osv:
        with pytest.raises(Permanent, match="answers 400"):
            await osv.of(FLASK, [f"1.{at}" for at in range(500)])

    assert len(service.batches) <= 100


@pytest.mark.parametrize("ecosystem", ["docker", "helm", "terraform", "git", "github", "files", "http", "nothing"])
async def test_what_osv_has_no_name_for_is_not_asked(ecosystem: str) -> None:
    """Nothing is known of it, and that costs no request."""
    service = Service()
    async with asking(service) as osv:
        assert await osv.of(Component(name="x", ecosystem=ecosystem), ["1"]) == {}
        assert await osv.of(Component(name=""), ["1"]) == {}
        assert await osv.of(FLASK, []) == {}

    assert service.batches == []


@pytest.mark.parametrize(
    ("ecosystem", "name", "version", "asked"),
    [
        ("pypi", "flask", "1.0", ("PyPI", "flask", "1.0")),
        ("npm", "@babel/core", "v7.0.0", ("npm", "@babel/core", "v7.0.0")),
        ("cargo", "serde", "1.0.0", ("crates.io", "serde", "1.0.0")),
        ("golang", "golang.org/x/net", "v0.7.0", ("Go", "golang.org/x/net", "0.7.0")),
        ("gem", "rails", "7.0", ("RubyGems", "rails", "7.0")),
        ("nuget", "Newtonsoft.Json", "12.0.3", ("NuGet", "Newtonsoft.Json", "12.0.3")),
        ("composer", "guzzlehttp/guzzle", "7.4.4", ("Packagist", "guzzlehttp/guzzle", "7.4.4")),
        ("hex", "phoenix", "1.0.0", ("Hex", "phoenix", "1.0.0")),
        ("maven", "org.a/b", "1", ("Maven", "org.a:b", "1")),
        ("maven", "org.a:b", "1", ("Maven", "org.a:b", "1")),
        ("githubactions", "tj-actions/changed-files/sub", "v45", ("GitHub Actions", "tj-actions/changed-files", "")),
    ],
)
async def test_it_is_asked_by_osvs_own_names(ecosystem: str, name: str, version: str, asked: tuple[str, ...]) -> None:
    """Versions as written, but for Go's v; actions without one, since OSV compares none of theirs."""
    service = Service()
    async with asking(service) as osv:
        await osv.of(Component(name=name, ecosystem=ecosystem), [version])

    assert service.asked == [asked]


@pytest.mark.parametrize(
    ("version", "flawed"), [("v45", False), ("v45.0.7", True), ("45.0.7", True), ("v46.0.1", False), ("v44", True)]
)
async def test_actions_are_compared_here(version: str, flawed: bool) -> None:
    """A tag that moves is the newest of its kind; a fix that is named with and without v is one."""
    service = Service()
    block = affected("GitHub Actions", "tj-actions/changed-files", ALL, {"fixed": "45.0.8"})
    service.add(record(NAME, block), ("GitHub Actions", "tj-actions/changed-files", ""))

    found = await known(service, Component(name="tj-actions/changed-files", ecosystem="githubactions"), version)

    assert [one.fixed for one in found] == [("45.0.8", "v45.0.8")] * flawed


async def test_all_versions_of_an_action_are_one_question() -> None:
    """They are compared here, so one answer does for all."""
    service = Service()
    async with asking(service) as osv:
        action = Component(name="actions/checkout", ecosystem="githubactions")
        await asyncio.gather(*(osv.of(action, [f"v{at}", f"v{at}.1"]) for at in range(9)))

    assert len(service.asked) == 1


async def test_a_fix_is_named_as_our_files_write_it() -> None:
    """Go's versions have a v there, and none in advisories."""
    service = Service()
    block = affected("Go", "golang.org/x/net", ALL, {"fixed": "0.7.0"}, {"introduced": "0.8.0"}, {"fixed": "0.8.1"})
    other = affected("Go", "golang.org/x/text", ALL, {"fixed": "9.9.9"})
    service.add(record("GO-2023-1571", other, block), ("Go", "golang.org/x/net", "0.6.0"))

    (found,) = await known(service, Component(name="golang.org/x/net", ecosystem="golang"), "v0.6.0")

    assert found.fixed == ("v0.7.0", "v0.8.1")


async def test_a_commit_is_no_version() -> None:
    """Ranges of git name commits; only versions of the very package are taken for fixes."""
    block = affected("PyPI", "flask", ALL, {"fixed": "2.0.1"})
    git = {"type": "GIT", "repo": "https://github.com/o/r", "events": [ALL, {"fixed": "a" * 40}]}
    block["ranges"].insert(0, git)

    (found,) = await known(a_service(record(NAME, block, affected("PyPI", "other", ALL, {"fixed": "9"}))))

    assert found.fixed == ("2.0.1",)


async def test_a_fix_that_nobody_reviewed_is_not_named() -> None:
    """A named fix need not ripen, so somebody must have looked at it."""
    (found,) = await known(a_service(flask(database_specific={"github_reviewed": False})))

    assert (found.fixed, found.score) == ((), 7.5)


@pytest.mark.parametrize(
    "document",
    [
        record("MAL-2026-7", affected("PyPI", "flask", ALL)),
        record(NAME, affected("PyPI", "flask", ALL), aliases=["MAL-2026-7"]),
        record(
            NAME, affected("PyPI", "flask", ALL), database_specific={"malicious-packages-origins": [{"source": "x"}]}
        ),
        record(NAME, affected("PyPI", "flask", ALL), database_specific={"cwe_ids": ["CWE-506"]}),
        record(NAME, affected("PyPI", "flask", ALL, database_specific={"cwes": [{"cweId": "CWE-506"}]})),
        record(NAME, affected("PyPI", "flask", ALL, database_specific={"cwes": ["CWE-506"]})),
    ],
)
async def test_a_version_that_is_the_attack_is_called_so(document: dict[str, Any]) -> None:
    """By the name of the report, by that of its twin, or by the marks of OpenSSF's malicious-packages."""
    (found,) = await known(a_service(document))

    assert found.malicious


async def test_withdrawn_reports_say_so() -> None:
    """The core leaves them out; they are told apart from what stands."""
    gone = flask("PYSEC-2026-1", withdrawn="2026-03-02T00:00:00Z")

    found = await known(a_service(gone, flask()))

    assert [(one.id, one.withdrawn) for one in found] == [(NAME, False), ("PYSEC-2026-1", True)]


async def test_one_flaw_in_two_databases_is_one_flaw() -> None:
    """The rating is that of the database that rates; a twin that rates nothing makes it neither grave nor two."""
    twin = record("PYSEC-2026-1", affected("PyPI", "flask", ALL, {"fixed": "2.0.2"}), aliases=["CVE-2026-0001"])
    third = record("SNYK-1", affected("PyPI", "flask", ALL), aliases=["PYSEC-2026-1"], severity=[])

    (found,) = await known(a_service(twin, third, flask()))

    assert (found.id, found.score, found.name) == (NAME, 7.5, "CVE-2026-0001")
    assert set(found.aliases) == {"CVE-2026-0001", "PYSEC-2026-1", "SNYK-1"}
    assert found.fixed == ("2.0.1", "2.0.2")


async def test_different_flaws_stay_apart() -> None:
    """Reports that share no name are told one by one."""
    assert len(await known(a_service(flask(), flask("GHSA-2", aliases=["CVE-2026-0002"])))) == 2


@pytest.mark.parametrize(
    ("more", "score"),
    [
        ({"severity": [{"type": "CVSS_V3", "score": V3_HIGH}, {"type": "CVSS_V4", "score": V4_CRITICAL}]}, 10.0),
        ({"severity": [{"type": "CVSS_V2", "score": "AV:N/AC:L/Au:N/C:P/I:N/A:N"}]}, 5.0),
        ({"severity": [{"type": "Ubuntu", "score": "high"}], "database_specific": {"severity": "LOW"}}, 1.0),
        ({"severity": [], "database_specific": {"severity": "moderate"}}, 4.0),
        ({"severity": [], "database_specific": {"severity": "CRITICAL"}}, 9.0),
        ({"severity": [], "database_specific": {"severity": ["HIGH"]}}, None),
        ({"severity": None, "database_specific": None}, None),
        ({"severity": "x", "database_specific": [], "aliases": "x", "references": 3, "summary": 5}, None),
    ],
)
async def test_the_score_is_the_newest_that_is_given(more: dict[str, Any], score: float | None) -> None:
    """CVSS 4 before 3 before 2, then a word; not known is not the same as harmless."""
    (found,) = await known(a_service(flask(**more)))

    assert found.score == score


async def test_a_package_may_have_a_rating_of_its_own() -> None:
    """A record on several packages rates each; RustSec and others say a word in the package's part."""
    rated = affected("PyPI", "flask", ALL, severity=[{"type": "CVSS_V3", "score": V3_HIGH}])
    worded = affected("PyPI", "flask", ALL, ecosystem_specific={"severity": "HIGH"})

    (by_vector,) = await known(a_service(record(NAME, affected("PyPI", "other", ALL), rated)))
    (by_word,) = await known(a_service(record(NAME, worded)))

    assert (by_vector.score, by_word.score) == (7.5, 7.0)


@pytest.mark.parametrize(("informational", "score"), [("unmaintained", 0.0), ("notice", 0.0), ("unsound", None)])
async def test_a_notice_that_is_about_no_flaw_is_not_urgent(informational: str, score: float | None) -> None:
    """RustSec also tells which crates nobody maintains any more."""
    service = Service()
    marks: dict[str, Any] = {"categories": [], "cvss": None, "informational": informational}
    block = affected("crates.io", "failure", ALL, database_specific=marks)
    service.add(record("RUSTSEC-2020-0036", block), ("crates.io", "failure", "0.1.8"))

    (found,) = await known(service, Component(name="failure", ecosystem="cargo"), "0.1.8")

    assert found.score == score


async def test_hostile_names_go_no_further() -> None:
    """What is no plain identifier is not passed on, and an advisory without a usable one is not left out either."""
    bad = ["CVE-2026-1`@everyone", "../../x", "a" * 99, "", "CVE-2026-0002\n", "ÄB-1"]
    document = flask(aliases=[*bad, "CVE-2026-0003"], summary="a\nb\u202ec" + "x" * 999)
    document["references"][1]["url"] = "javascript:alert(1)"
    service = a_service(document)
    service.known[OLD] = [NAME, "GHSA-1/../../secret"]

    first, second = await known(service)

    assert (first.aliases, first.url) == (("CVE-2026-0003",), "")
    assert first.summary.startswith("a bcxxx") and len(first.summary) == 200
    assert (second.id, second.score, second.url) == ("UNNAMED", None, "")
    assert (service.read, service.strays) == ([NAME], [])


@pytest.mark.parametrize(
    ("ecosystem", "theirs", "ours"),
    [
        ("PyPI", "Scrapy", Component(name="scrapy")),
        ("crates.io", "openssl-src", Component(name="openssl_src", ecosystem="cargo")),
    ],
)
async def test_an_advisory_may_spell_its_package_otherwise(ecosystem: str, theirs: str, ours: Component) -> None:
    """What the service found by its own rules is found in the record too."""
    service = Service()
    rated = affected(ecosystem, theirs, ALL, severity=[{"type": "CVSS_V3", "score": V3_HIGH}])
    service.add(record(NAME, rated), (ecosystem, ours.name, "1.0.0"))

    (found,) = await known(service, ours, "1.0.0")

    assert found.score == 7.5


async def test_two_reports_without_usable_names_are_two() -> None:
    """They are called the same, and that makes them neither one nor a twin of what shares no name with them."""
    service = a_service(flask())
    service.known[OLD] = ["?1", NAME, "?2"]

    assert [one.id for one in await known(service)] == ["UNNAMED", NAME, "UNNAMED"]


async def test_a_report_without_a_time_is_read_each_time() -> None:
    """Nothing would tell that it was changed."""
    service = a_service(flask())
    del service.records[NAME]["modified"]
    async with asking(service, fresh="0s") as osv:
        await osv.of(FLASK, ["2.0.0"])
        await osv.of(FLASK, ["2.0.0"])

    assert service.read == [NAME, NAME]


async def test_a_report_that_is_gone_when_it_is_read_still_counts() -> None:
    """It was listed against this version, and nothing says that it is harmless; later it is read again."""
    service = a_service(flask(), record("MAL-2026-7", affected("PyPI", "flask", ALL)))
    service.gone = {NAME, "MAL-2026-7"}
    async with asking(service, fresh="0s") as osv:
        first, second = (await osv.of(FLASK, ["2.0.0"]))["2.0.0"]
        service.gone = set()
        again = (await osv.of(FLASK, ["2.0.0"]))["2.0.0"]

    assert (first, second) == (Advisory(id=NAME), Advisory(id="MAL-2026-7", malicious=True))
    assert again[0].score == 7.5


async def test_a_report_that_was_changed_meanwhile_still_counts() -> None:
    """It no longer speaks of the package when it is read; what it says of others is not taken for it."""
    assert await known(a_service(record(NAME, affected("PyPI", "other", ALL)))) == (Advisory(id=NAME),)


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("/v1/querybatch", "<html>We are down</html>", "no answer to a batch"),
        ("/v1/querybatch", '{"results": [{"vulns": [{"id": 5}]}]}', "no answer to a batch"),
        ("/v1/querybatch", '{"results": []}', "was asked 1 questions and answers 0"),
        (f"/v1/vulns/{NAME}", "<html>", f"no advisory for {NAME}"),
        (f"/v1/vulns/{NAME}", '{"id": "GHSA-9"}', f"sends the advisory 'GHSA-9' for {NAME}"),
        (f"/v1/vulns/{NAME}", '{"id": "GHSA-9", "affected": [{"versions": 1}]}', f"no advisory for {NAME}"),
    ],
)
async def test_a_broken_answer_is_no_answer(path: str, text: str, why: str) -> None:
    """It is an error that names the place, and not an empty list."""
    service = a_service(flask())
    service.raw[path] = text

    with pytest.raises(Permanent, match=why):
        await known(service)


async def test_an_error_in_one_advisory_is_that_of_its_package() -> None:
    """Half an answer could hide the worst of it; other packages have theirs."""
    service = a_service(flask(), flask("GHSA-2", aliases=[]))
    service.add(flask("GHSA-3"), ("PyPI", "jinja2", "1"))
    service.records["GHSA-3"]["affected"][0]["package"]["name"] = "jinja2"
    service.raw["/v1/vulns/GHSA-2"] = "broken"
    async with asking(service) as osv:
        asked = osv.of(FLASK, ["2.0.0"]), osv.of(Component(name="jinja2"), ["1"])
        error, good = await asyncio.gather(*asked, return_exceptions=True)

    assert isinstance(error, Permanent)
    assert isinstance(good, dict) and good["1"][0].id == "GHSA-3"


class Detour:
    """The public service's address leads to the one on loopback."""

    def __init__(self, http: Http, url: str) -> None:
        self._http, self._url = http, url

    async def get(self, url: str, **more: Any) -> Answer:
        """As `Http.get`."""
        return await self._http.get(url.replace(PUBLIC, self._url), **more)

    async def post(self, url: str, body: bytes, **more: Any) -> Answer:
        """As `Http.post`."""
        return await self._http.post(url.replace(PUBLIC, self._url), body, **more)


async def test_the_public_services_advisories_have_pages_of_its_own() -> None:
    """A person finds all databases there; of an advisory without a usable name there is no page."""
    service = a_service(flask())
    service.known[OLD] = [NAME, "?"]
    async with service.running(), Http(Reach(trusted=["127.0.0.1"])) as http:
        osv = open_one(advisories, "osv", {}, Tools(http=Detour(http, service.url)))  # type: ignore[arg-type]  # as Http is used
        first, second = (await osv.of(FLASK, ["2.0.0"]))["2.0.0"]

    assert (first.url, second.url) == (f"https://osv.dev/vulnerability/{NAME}", "")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"url": "ftp://osv.example"}, "is no URL of a service"),
        ({"url": "osv.example"}, "The public one is"),
        ({"url": "https://osv.example/?x=1"}, "is no URL"),
        ({"fresh": "soon"}, "fresh: 'soon' is no span of time"),
        ({"fresh": 5}, "osv: Expected `str`"),
    ],
)
def test_an_option_that_cannot_be_used_is_told(options: dict[str, Any], why: str) -> None:
    """When it is opened, not when it is asked."""
    with pytest.raises(ConfigProblem, match=why):
        open_one(advisories, "osv", options, Tools(http=Http()))
