"""Detect: every component of the default branch gets an answer, also when the answer is that none can be given."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.adapters import Tools, open_one, sources
from bot.adapters.endpoints import Desk
from bot.adapters.listing import Shelf
from bot.adapters.sources.pypi import PyPI
from bot.core.locks import Lacks
from bot.core.model import Component, Kind, Pin, State, Verdict, id_of
from bot.core.repo_config import Adapted, Ignore, Registered, RepoConfig, Updates
from bot.github import pins
from bot.stages import detect
from bot.tools.http import Http, Reach
from bot.tools.pip import IndexSettings
from bot.tools.sightings import FolderSightings
from tests.adapters.index_server import Index, serving, wheel
from tests.builders import an_update
from tests.github.town import REPO, Town
from tests.stages.world import MANIFESTS

NOW = datetime(2026, 2, 1, tzinfo=UTC)  # a month after what the index lists
PROJECT = '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["other==1.0"]\n'


@dataclass
class Charts:
    """Another ecosystem's manifest, whose versions nobody here lists."""

    def matches(self, path: str) -> bool:
        return path.endswith(".chart")

    def read(self, path: str, text: str) -> list[Pin]:
        component = Component(name="web", ecosystem="helm")
        return [Pin(path=path, line=1, column=1, manifest="chart", component=component, requirement="==1", version="1")]

    def rewrite(self, text: str, pin: Pin, release: Any) -> str:
        raise AssertionError("nothing to rewrite")


@dataclass(kw_only=True)
class Look:
    """A town, and an index that lists greeter 1.2.3, 1.2.4 and 2.0.0 and other 1.0 and 1.1."""

    shop: Town
    index: Index
    source: PyPI
    seen: Path
    kept: pins.Kept = field(default_factory=pins.readings)
    lacks: Lacks | None = None

    async def __call__(self, known: tuple = (), manifests: Any = MANIFESTS, **updates: Any) -> detect.Detected:
        """updates: of the configuration."""
        place = detect.Place(repo=REPO, installation=self.shop.installation, known=known)
        config = RepoConfig(updates=Updates(**updates))
        shelf = Shelf(sources={"pypi": self.source}, sightings=FolderSightings(self.seen), lacks=self.lacks)
        reader = pins.Reader(manifests=manifests, kept=self.kept)
        return await detect.run(place, gh=self.shop.gh, config=config, reader=reader, shelf=shelf, now=NOW)


@pytest.fixture
async def look(shop: Town, tmp_path: Path) -> AsyncIterator[Look]:
    index = Index(
        projects={
            "greeter": [wheel("greeter", version) for version in ("1.2.3", "1.2.4", "2.0.0")],
            "other": [wheel("other", version) for version in ("1.0", "1.1")],
        }
    )
    async with index.running(), Http(Reach(trusted=["127.0.0.1"])) as http:
        yield Look(shop=shop, index=index, source=PyPI(http, lambda: IndexSettings(index_url=index.url)), seen=tmp_path)


def answers(found: detect.Detected) -> dict[str, list[tuple[str, str | None]]]:
    """By component: verdict and target."""
    told: dict[str, list[tuple[str, str | None]]] = {}
    for one in found.answers:
        told.setdefault(one.name, []).append((one.verdict.value, one.target))
    return told


def why(found: detect.Detected, name: str) -> str:
    return "; ".join(line for one in found.answers if one.name == name for line in one.why)


async def test_each_lane_has_its_update(look):
    """The step within the major and the major beside it, each with its pins, its kind and its reasons."""
    found = await look()

    assert {"greeter": [("approve", "1.2.4"), ("approve", "2.0.0")]} == answers(found)
    assert [("1.2.4", Kind.PATCH), ("2.0.0", Kind.MAJOR)] == [(one.target, one.kind) for one in found.found]
    first = found.found[0]
    assert (id_of(REPO, first.component, "1.2.4"), State.DETECTED, "1.2.3") == (first.id, first.state, first.current)
    assert [("requirements.txt", 1)] == [(pin.path, pin.line) for pin in first.pins]
    assert first.why_now and "1.2.4" == first.release.version


async def test_what_no_tool_here_can_lock_is_held_before_it_is_proposed(look):
    """The answer names the lock file, the tool that is missing, and how to get it."""

    async def lacks(lock: str) -> str:
        return "Poetry is not installed. Install it" if lock == "poetry.lock" else ""

    text = PROJECT.replace("other==1.0", "greeter==1.2.3")
    await look.shop.push({"pyproject.toml": text, "poetry.lock": "", "requirements.txt": ""})
    assert [one.target for one in (await look()).found] == ["1.2.4", "2.0.0"]
    look.lacks = lacks
    found = await look()
    assert found.found == () and {"greeter": [("hold", "1.2.4"), ("hold", "2.0.0")]} == answers(found)
    said = "pyproject.toml is bound by poetry.lock, and Poetry is not installed. Install it"
    assert said in why(found, "greeter")


async def test_all_places_of_a_component_are_one_update(look):
    """Two files pin it: one update with both pins; a range beside them is not rewritten."""
    await look.shop.push({"dev/requirements.txt": "greeter==1.2.3\n", "requirements-x.in": "greeter>=1\nother==1.1\n"})
    found = await look()
    [minor] = [one for one in found.found if one.target == "1.2.4"]

    assert ["dev/requirements.txt", "requirements.txt"] == sorted(pin.path for pin in minor.pins)
    assert [("current", None)] == answers(found)["other"]


async def test_a_name_that_no_index_knows_is_told(look):
    """It may be private, or a typing error that somebody could register: nothing is proposed, the rest is."""
    await look.shop.push({"requirements.txt": "greeter==1.2.3\nnobody-knows==1\n"})
    found = await look()

    assert [("hold", None)] == answers(found)["nobody-knows"]
    assert "no index that pip uses here knows nobody-knows" in why(found, "nobody-knows")
    assert 2 == len(found.found)


async def test_a_name_that_the_index_refuses_is_no_other_components_matter(look):
    """A private package whose login we lack is told; the others are still looked after."""
    await look.shop.push({"requirements.txt": "greeter==1.2.3\nother==1.0\n"})
    true = look.index._answer

    def guarded(request):
        return web.Response(status=403) if request.match_info["name"] == "other" else true(request)

    look.index._answer = guarded
    found = await look()

    assert ([("hold", None)], 2) == (answers(found)["other"], len(found.found))
    assert "403" in why(found, "other")


async def test_an_index_that_is_away_is_asked_again_soon(look):
    """Its components wait, each says so and until when, and those of other places do not wait with them."""
    await look.shop.push({"web.chart": "web 1\n"})
    look.index.fail = 503

    found = await look(manifests={**MANIFESTS, "chart": Charts()})

    assert found.found == ()
    assert answers(found)["greeter"] == [("hold", None)]
    assert "answers 503" in why(found, "greeter")
    assert {answer.held_until for answer in found.answers if answer.name != "web"} == {NOW + timedelta(minutes=5)}
    assert "nobody here lists versions" in why(found, "web")


async def test_an_ecosystem_that_nobody_lists_is_told(look):
    """Read, and answered: not silently left out."""
    await look.shop.push({"web.chart": "web 1\n"})
    found = await look(manifests={**MANIFESTS, "chart": Charts()})

    assert "nobody here lists versions of helm" == why(found, "web")
    assert [("hold", None)] == answers(found)["web"]


async def test_a_broken_file_is_told_with_its_line_and_the_others_are_read(look):
    """One wrong line in one file does not hide what the other files pin."""
    await look.shop.push(
        {"dev-requirements.txt": "fine==1\nthis is ! no requirement\n", "pyproject.toml": "[project\n"}
    )
    found = await look()

    assert 2 == len(found.problems) and 2 == len(found.found)
    assert any("dev-requirements.txt:2" in one for one in found.problems)
    assert any("pyproject.toml:1" in one for one in found.problems)


async def test_a_file_that_is_no_text_pins_nothing(look):
    """Binary under a manifest's name: passed over."""
    git = look.shop.repo.git
    tree = await git.write_tree(look.shop.tip, [("100644", await git.write_blob(b"\0\1"), "requirements-x.txt")])
    author = (await git.commit(look.shop.tip)).author
    await git.set_ref("refs/heads/main", await git.write_commit(tree, [look.shop.tip], "m", author=author))

    assert ((), 2) == ((await look()).problems, len((await look()).found))


async def test_only_what_is_wanted_is_looked_after(look):
    """`match` and `ignore` leave alone, each with its own words; an ignored range leaves the rest."""
    await look.shop.push({"requirements.txt": "greeter==1.2.3\nother==1.0\n"})
    matched = await look(match=("other", "gree"))
    ignored = await look(ignore=(Ignore(name="oth*"), Ignore(name="greeter", versions=">=2")))

    assert "left alone by updates.match" == why(matched, "greeter")
    assert ["1.1"] == [one.target for one in matched.found]
    assert "ignored by the configuration" in why(ignored, "other")
    assert ["1.2.4"] == [one.target for one in ignored.found]


async def test_a_young_release_waits_and_its_time_is_told(look):
    """Held until the day on which it is old enough, which is when the next look is worth it."""
    young = wheel("greeter", "1.2.5", **{"upload-time": "2026-01-31T00:00:00Z"})
    look.index.projects["greeter"] = [wheel("greeter", "1.2.3"), young]
    found = await look(minimum_age=timedelta(days=3))
    [answer] = [one for one in found.answers if one.name == "greeter"]

    assert (Verdict.HOLD, "1.2.5", datetime(2026, 2, 3, tzinfo=UTC)) == (
        answer.verdict,
        answer.target,
        answer.held_until,
    )
    assert () == found.found


async def test_the_projects_oldest_python_must_be_able_to_run_it(look):
    """`requires-python` of the project holds back what could not be installed there."""
    await look.shop.push({"pyproject.toml": PROJECT})
    look.index.projects["greeter"] = [
        wheel("greeter", "1.2.3"),
        wheel("greeter", "1.2.4"),
        wheel("greeter", "1.2.5", **{"requires-python": ">=3.10"}),
    ]
    found = await look()

    assert ["1.2.4"] == [one.target for one in found.found if one.component.name == "greeter"]
    assert "needs Python >=3.10, and 3.9 is in use here" in why(found, "greeter")


async def test_each_project_is_held_by_its_own_python_alone(look):
    """In a repository of several projects the one that runs on a newer Python gets what the other must wait for."""
    newer = PROJECT.replace("3.9", "3.12")
    files = {"old/pyproject.toml": PROJECT, "new/pyproject.toml": newer, "requirements.txt": None}
    await look.shop.push(
        {**files, "old/requirements.txt": "greeter==1.2.3\n", "new/requirements.txt": "greeter==1.2.3\n"}
    )
    look.index.projects["greeter"] = [
        wheel("greeter", "1.2.3"),
        wheel("greeter", "1.2.4"),
        wheel("greeter", "1.2.5", **{"requires-python": ">=3.10"}),
    ]
    found = await look()

    mine = {one.target: {pin.path for pin in one.pins} for one in found.found if one.component.name == "greeter"}
    assert {"1.2.4": {"old/requirements.txt"}, "1.2.5": {"new/requirements.txt"}} == mine


@pytest.mark.parametrize("state", [State.CLOSED, State.ROLLED_BACK, State.REJECTED])
async def test_what_ended_badly_is_not_found_again(look, state):
    """What is known of earlier updates of this component counts, and only of this one."""
    known = an_update(state=state, target="1.2.4")
    stranger = replace(known, component=Component(name="other"), target="2.0.0")
    found = await look(known=(known, stranger))

    assert ["2.0.0"] == [one.target for one in found.found]
    assert "before" in why(found, "greeter")


async def test_an_empty_repository_is_told(look):
    """No commit, no pins, and words for it."""
    await look.shop.repo.git.set_ref("refs/heads/main", None)

    assert ("main has no commit yet",) == (await look()).problems


async def test_more_files_than_are_read_are_told(look, monkeypatch):
    """A bound, said: not a part that passes for the whole."""
    monkeypatch.setattr(pins, "MOST_FILES", 1)
    await look.shop.push({"dev/requirements.txt": "greeter==1.2.3\n"})
    found = await look()

    assert ("more than 1 files may pin something; those whose names say most were read",) == found.problems


async def test_a_file_that_did_not_change_is_not_fetched_again(look):
    """A look at a repository in which nothing moved costs the branch, the tree, and no file."""
    await look()
    asked = len(look.shop.asked("GET", "/git/blobs/"))
    await look.shop.push({"README.md": "other words\n"})
    await look()
    same = len(look.shop.asked("GET", "/git/blobs/"))
    await look.shop.push({"requirements.txt": "greeter==1.2.4\n"})
    found = await look()

    assert (asked, same) == (1, 1)
    assert len(look.shop.asked("GET", "/git/blobs/")) == 2
    assert "1.2.4" in str(found.answers)


async def test_a_link_is_no_manifest(look):
    """What a link points to may lie anywhere: it is not followed."""
    tree = [{"path": "more/requirements.txt", "mode": "120000", "type": "blob", "content": "../../etc/passwd"}]
    base = await look.shop.gh.getitem(f"/repos/{REPO}/git/commits/{look.shop.tip}")
    made = await look.shop.gh.post(f"/repos/{REPO}/git/trees", data={"base_tree": base["tree"]["sha"], "tree": tree})
    commit = {"message": "m", "tree": made["sha"], "parents": [look.shop.tip]}
    made = await look.shop.gh.post(f"/repos/{REPO}/git/commits", data=commit)
    await look.shop.gh.patch(f"/repos/{REPO}/git/refs/heads/main", data={"sha": made["sha"]})

    found = await look()

    assert found.problems == ()
    assert not [key for key in look.kept if key[1].startswith("more/")]


def registered(name: str, url: str, line: int) -> Registered:
    """A component of the index that no file pins; the JSON document there tells what runs."""
    current = Adapted(kind="http", options={"url": url, "json": "runs"})
    return Registered(component=Component(name=name), current=current, line=line)


async def test_what_no_file_pins_has_its_answer_and_is_never_proposed(look):
    """What runs is asked of an endpoint; a newer version is held for whoever deploys it, and no box releases it."""
    asked: list[str] = []

    async def status(request: web.Request) -> web.Response:
        asked.append(request.path)
        told = {"/old": "1.0", "/new": "1.1"}.get(request.path)
        return web.json_response({"runs": told}) if told else web.Response(status=503)

    app = web.Application()
    app.router.add_get("/{path}", status)
    async with serving(app) as url, Http(Reach(trusted=["127.0.0.1"])) as http:
        components = (registered("other", f"{url}/old", 3), registered("greeter", f"{url}/away", 4))
        updates = Updates(components=(*components, registered("left", f"{url}/new", 5)), match=("other", "greeter"))
        desk = Desk(lambda options: open_one(sources, "http", options, Tools(http=http)), lambda source: source)
        described = desk.over({"pypi": look.source, "http": look.source}, updates, REPO)
        place = detect.Place(repo=REPO, installation=look.shop.installation, known=())
        found = await detect.run(
            place, gh=look.shop.gh, config=RepoConfig(updates=updates),
            reader=pins.Reader(manifests={}, kept=look.kept),
            shelf=Shelf(sources=described, sightings=FolderSightings(look.seen)), now=NOW,
        )  # fmt: skip

    assert found.found == ()
    assert answers(found) == {"other": [("hold", "1.1")], "greeter": [("hold", None)]}
    assert "1.1 is there, and no file pins it: whoever deploys it has to move it" in why(found, "other")
    assert "what runs now is not known: 127.0.0.1 answers 503" in why(found, "greeter")
    assert all(answer.id is None for answer in found.answers)
    assert sorted(asked) == ["/away", "/old"]


async def test_a_registry_that_the_operator_does_not_allow_is_not_asked(look):
    """Its components are held with the place and the list; the others are looked at as ever."""
    look.index.seen.clear()
    place = detect.Place(repo=REPO, installation=look.shop.installation, known=())
    shelf = Shelf(
        sources={"pypi": look.source}, sightings=FolderSightings(look.seen), allow={"pypi": ["pypi.internal"]}
    )  # fmt: skip
    await look.shop.push({"private.chart": "web"})

    found = await detect.run(
        place, gh=look.shop.gh, config=RepoConfig(), reader=pins.Reader(manifests={"c": Private()}, kept=look.kept),
        shelf=shelf, now=NOW,
    )  # fmt: skip

    assert answers(found) == {"web": [("hold", None)]}
    assert "web may not be taken from evil.example: the operator allows pypi.internal" in why(found, "web")
    assert look.index.seen == []


class Private:
    """A file that names a registry of its own."""

    def matches(self, path: str) -> bool:
        return path.endswith(".chart")

    def read(self, path: str, text: str) -> list[Pin]:
        component = Component(name="web", registry="https://evil.example/simple")
        return [Pin(path=path, line=1, column=1, manifest="c", component=component, requirement="==1", version="1")]

    def rewrite(self, text: str, pin: Pin, release: Any) -> str:
        raise AssertionError("nothing to rewrite")
