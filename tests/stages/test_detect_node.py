"""Detect: what runs in a repository is what its own files say, and what would not run there is not proposed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from bot.adapters import Tools, manifests, open_one
from bot.adapters.listing import Shelf
from bot.core.model import Component, Release
from bot.core.repo_config import RepoConfig, Updates
from bot.github import pins
from bot.stages import detect
from bot.tools.http import Http
from bot.tools.sightings import FolderSightings
from tests.builders import DAY, NOW
from tests.github.town import REPO, Town

PACKAGE = '{{"name": "shop", "dependencies": {{"pad": "1.0.0"}}, "engines": {{"node": "{}"}}}}\n'


class Registry:
    """pad 1.1.0 runs on Node 18, 1.2.0 wants 20."""

    async def releases(self, component: Component) -> Sequence[Release]:
        wanted: Mapping[str, str] = {"1.0.0": "", "1.1.0": ">=18", "1.2.0": ">=20.9.0"}
        return [Release(version=one, published=NOW - 30 * DAY, node=node) for one, node in wanted.items()]

    async def detail(self, component: Component, release: Release) -> Release:
        return release


async def target(shop: Town, folder: Path, files: Mapping[str, str]) -> list[str]:
    await shop.push(files)
    readers = {"package_json": open_one(manifests, "package_json", {}, Tools(http=Http()))}
    found = await detect.run(
        detect.Place(repo=REPO, installation=shop.installation, known=()),
        gh=shop.gh,
        config=RepoConfig(updates=Updates()),
        reader=pins.Reader(manifests=readers, kept=pins.readings()),
        shelf=Shelf(sources={"npm": Registry()}, sightings=FolderSightings(folder)),
        now=NOW,
    )
    return [one.target for one in found.found]


@pytest.mark.parametrize(
    ("engines", "nvmrc", "wanted"),
    [
        ("", None, "1.2.0"),
        (">=18", None, "1.1.0"),
        (">=20", None, "1.2.0"),
        (">=20.1.0", None, "1.1.0"),
        ("", "18\n", "1.1.0"),
        (">=16 || >=20", "v20.11.0\n", None),
    ],
)
async def test_a_release_must_run_on_every_node_that_is_named(
    shop: Town, tmp_path: Path, engines: str, nvmrc: str | None, wanted: str | None
) -> None:
    """A range in package.json and a version in .nvmrc; where nothing is said anything goes."""
    files = {"package.json": PACKAGE.format(engines)} | ({".nvmrc": nvmrc} if nvmrc else {})

    assert await target(shop, tmp_path, files) == ([wanted] if wanted else [])
