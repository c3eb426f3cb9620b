"""A sample repository is looked at as Renovate looked at it, with the same releases: our answers are its answers.

Where they differ, the table says why. Both sides were recorded together (`tests.renovate.compare` does it anew).
"""

from __future__ import annotations

import asyncio
import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bot import check
from bot.adapters import Tools, kinds, open_one, sources
from bot.adapters.listing import Shelf
from bot.adapters.manifests.requirements import Requirements
from bot.check import report as reports
from bot.check.progress import Progress
from bot.check.report import Report
from bot.core.model import Artifact, Release, Verdict
from bot.tools.http import Http, Reach
from bot.tools.pip import IndexSettings
from bot.tools.sightings import FolderSightings
from tests.renovate.compare import CONFIG, differences, ours, pins_of, theirs
from tests.renovate.recorded import DATA, Recorded, checkout

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)  # when it was recorded

UNREAD = "pip reads such files, and their names say what they are; Renovate matches requirements*.txt alone"
SAME_LINE = "pip takes --hash on the line of its requirement; Renovate does not find a pin so written"
BUILD = "build-system.requires is read, ranges too; Renovate leaves flit_core's out"
ARBITRARY = "=== names one version as == does, so there are newer ones; Renovate gives none"
SCHEME = "the numbering jumped; Renovate drops what is 500 majors away, and its report says so nowhere"
YANKED = "what was withdrawn is never proposed; Renovate does where the pinned version was withdrawn too"
BUILD_LABEL = "a local label is a build of its own, which PEP 440 leaves to whoever made it: it is never left by itself"

# place -> ours, theirs, why. "-": nothing to do; "?": this program does not see the pin.
RIGHT: dict[str, tuple[str, str, str]] = {
    "docs/requirements.txt propcache non-major": ("0.5.4", "-", ARBITRARY),
    "docs/requirements.txt rpds-py major": ("2026.9.1", "-", SCHEME),
    "pyproject.toml flit-core major": ("4.2.0", "?", BUILD),
    "requirements-dev.txt iniconfig non-major": ("2.3.1", "-", ARBITRARY),
    "requirements-dev.txt pytest-timeout non-major": ("2.4.0", "2.5.0", YANKED),
    "requirements.txt idna non-major": ("3.20", "?", SAME_LINE),
    "requirements/base.txt jinja2 non-major": ("3.1.6", "?", UNREAD),
    "requirements/base.txt mako non-major": ("1.4.3", "?", UNREAD),
    "requirements/base.txt markupsafe major": ("3.0.4", "?", UNREAD),
    "requirements/base.txt markupsafe non-major": ("2.1.5", "?", UNREAD),
    "requirements/base.txt pyyaml non-major": ("6.0.4", "?", UNREAD),
    "web/packages/api/package.json @pnpm/constants major": ("1102.0.1", "10.0.0", SCHEME),
    "docs/requirements.txt shop-math major": ("-", "2.0.0", BUILD_LABEL),
    "docs/requirements.txt shop-math non-major": ("-", "1.3.0+cu121", BUILD_LABEL),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sample") / "shop"
    checkout(made)
    (made / ".github").mkdir()
    (made / ".github/surefoot.yml").write_text(CONFIG)
    return made


@pytest.fixture(scope="module")
def made(root: Path) -> dict[str, Any]:
    """Our report on the sample, as machines read it."""
    told: dict[str, Any] = json.loads(reports.as_json(asyncio.run(looked(root))))
    return told


async def looked(root: Path) -> Report:
    async with Recorded(json.loads((DATA / "registry.json").read_text())).running() as registry:
        settings = IndexSettings(index_url=f"{registry.base}/simple")
        async with Http(Reach(trusted=settings.hosts)) as http:
            tools = Tools(http=http, index=lambda: settings)
            options = {"npm": {"url": f"{registry.base}/npm"}}
            asked = {kind: open_one(sources, kind, options.get(kind, {}), tools) for kind in kinds(sources)}
            look = check.Look(
                root=root,
                tools=tools,
                shelf=Shelf(sources=asked, sightings=FolderSightings(root.parent / "seen")),
                lab=None,
                locker=None,
                progress=Progress(Console(file=io.StringIO())),
                now=NOW,
            )
            return await check.of(look)


@pytest.fixture
def recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / "report.json").read_text())
    return found


def test_our_answers_are_renovates(made: dict[str, Any], recorded: dict[str, Any], root: Path) -> None:
    """Every pin goes where Renovate would move it, in both lanes, but for the places that the table explains."""
    mine, other = ours(made, pins_of(root)), theirs(recorded["packageFiles"])
    explained = {place: (left, right) for place, (left, right, _) in RIGHT.items()}
    assert differences(mine, other) == explained
    assert made["errors"] == []
    updates = sum(len(answer.lanes) for answer in other.values())
    assert len(other) > 140 and updates > 150, "the sample says little"


def test_what_counts_by_years_is_shown_to_a_person(made: dict[str, Any]) -> None:
    """The step from 0.30 to 2026.9 is proposed, and the answer says that the numbering changed."""
    (row,) = [one for one in made["components"] if one["name"] == "rpds-py" and one["kind"] == "scheme"]
    assert (row["target"], row["verdict"]) == ("2026.9.1", Verdict.REVIEW)
    assert any("the numbering changed" in why for why in row["why"])


def test_what_was_withdrawn_is_named_and_passed_over(made: dict[str, Any]) -> None:
    """Who runs a yanked version is led to one that is not, and reads which one was passed over."""
    (row,) = [one for one in made["components"] if one["name"] == "pytest-timeout"]
    assert (row["target"], row["priority"]) == ("2.4.0", "high")
    assert any(why.startswith("2.5.0: yanked") for why in row["why"])
    assert any("2.0.0, in use here, was yanked" in why for why in row["why"])


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("docs/requirements.txt", "propcache===0.3.0\n", "propcache===0.5.4\n"),
        ("requirements-dev.txt", "iniconfig===2.0.0\n", "iniconfig===2.3.1\n"),
        ("requirements/base.txt", "Jinja2==3.1.2\n", "Jinja2==3.1.6\n"),
        ("requirements.txt", f"idna==3.6 --hash=sha256:{5:064}\n", f"idna==3.20 --hash=sha256:{'a' * 64}\n"),
    ],
)
def test_what_renovate_leaves_can_be_edited(root: Path, path: str, before: str, after: str) -> None:
    """A pin that only we see is moved where it stands, and nothing else in its file."""
    text = (root / path).read_text()
    name, version = re.split("=+", after.split()[0])
    (pin,) = [one for one in pins_of(root) if (one.path, one.component.name) == (path, name.lower())]
    file = Artifact(filename="a", url="https://files.example/a", sha256="a" * 64)
    release = Release(version=version, artifacts=(file,))
    assert before in text
    assert Requirements().rewrite(text, pin, release) == text.replace(before, after)


def test_a_range_holds_its_own_project_alone(made: dict[str, Any]) -> None:
    """Who wonders why one goes no further than another is told which file holds it, and at which line."""
    rows = [one for one in made["components"] if one["name"] == "pluggy" and one["target"]]
    held = [one for one in rows if one["verdict"] == "hold" and any("<1.5" in why for why in one["why"])]
    assert held and all(place.startswith("services/worker/") for one in held for place in one["places"])
    assert all(any("services/worker/pyproject.toml:" in why for why in one["why"]) for one in held)
    free = [one for one in rows if one not in held]
    assert {one["target"] for one in free} == {"1.7.0"}
    assert all(place.startswith("docs/") for one in free for place in one["places"])


def test_what_its_maker_does_not_offer_to_all_is_passed_over(made: dict[str, Any]) -> None:
    """As Renovate goes no further than npm's `latest`, and says so where it matters."""
    (row,) = [one for one in made["components"] if one["name"] == "shop-next"]
    assert row["target"] == "2.4.0"
    assert any("2.5.0: above 2.4.0, which its registry calls the latest" in why for why in row["why"])


def test_a_name_that_nobody_lists_is_an_answer(made: dict[str, Any]) -> None:
    """Renovate warns of it, and so do we, without failing."""
    (row,) = [one for one in made["components"] if one["name"] == "shop-gone"]
    assert row["verdict"] == Verdict.HOLD and row["target"] is None and "knows shop-gone" in row["why"][0]


def test_the_record_says_whose_it_is(recorded: dict[str, Any]) -> None:
    """The program, its version and its licence stand at the head; no address of a registry is in the data."""
    assert recorded["renovate"] and "AGPL-3.0" in recorded["notice"]
    written = [path for path in DATA.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in written) < 600_000
    hosts = {host for path in written for host in re.findall(r"https?://([\w.-]+)", path.read_text())}
    assert hosts <= {"shop.example"}
