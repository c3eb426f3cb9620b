"""What a machine remembers of releases outlives the process and stays small."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.core.model import Artifact, Component, Release
from bot.tools import sightings
from bot.tools.sightings import FolderSightings

NOW = datetime(2026, 3, 4, tzinfo=UTC)
GREETER = Component(name="greeter")


async def altered(folder: Path, digest: str, version: str = "1.0", component: Component = GREETER) -> str:
    """What another process is told."""
    return (await FolderSightings(folder).altered(component, [a_release(version, digest)], NOW)).get(version, "")


def a_release(version: str, digest: str) -> Release:
    return Release(version=version, artifacts=(Artifact(filename="a.whl", url="", sha256=digest * 64),))


async def test_a_swap_is_seen_by_the_next_process_and_for_good(tmp_path: Path) -> None:
    """Of this version alone, and also when the old bytes are back."""
    assert await altered(tmp_path, "1") == ""
    assert "swapped" in await altered(tmp_path, "2")
    assert "swapped" in await altered(tmp_path, "1")
    assert await altered(tmp_path, "2", "1.1") == ""
    assert await altered(tmp_path, "2", component=Component(name="other")) == ""


async def test_only_the_last_versions_are_remembered_but_for_swapped_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A component of a thousand versions fills no disk, and what was found once is not forgotten for it."""
    monkeypatch.setattr(sightings, "MOST_VERSIONS", 3)
    await altered(tmp_path, "1", "0")
    await altered(tmp_path, "2", "0")
    for version in range(1, 20):
        await altered(tmp_path, "1", str(version))

    [kept] = tmp_path.glob("*.files")
    assert set(sightings._VERSIONS.decode(kept.read_bytes())) == {"0", "17", "18", "19"}
    assert "swapped" in await altered(tmp_path, "1", "0")


@pytest.mark.parametrize("text", [b"", b"[]", b'{"1.0": 7}', b"\xff"])
async def test_what_somebody_else_wrote_there_is_begun_anew(tmp_path: Path, text: bytes) -> None:
    """A file that is cut off, or of another time, ends no look."""
    await altered(tmp_path, "1")
    [kept] = tmp_path.glob("*.files")
    kept.write_bytes(text)

    assert await altered(tmp_path, "2") == ""


async def test_a_folder_that_cannot_be_written_ends_no_look(tmp_path: Path) -> None:
    """A file is in its place: nothing is remembered."""
    (tmp_path / "seen").write_text("")
    seen = FolderSightings(tmp_path / "seen")

    assert await altered(tmp_path / "seen", "1") == ""
    assert await seen.first(GREETER, a_release("1.0", "1"), NOW) == NOW


async def test_a_first_time_is_kept(tmp_path: Path) -> None:
    """It is that of the first look, in whatever process."""
    await FolderSightings(tmp_path).first(GREETER, a_release("1.0", "1"), NOW)

    assert await FolderSightings(tmp_path).first(GREETER, a_release("1.0", "1"), NOW + timedelta(days=1)) == NOW


async def test_many_are_kept_in_one_file(tmp_path: Path) -> None:
    """A look at a hundred components writes one file and not hundreds, and the next look remembers all of them."""
    components = [Component(name=f"greeter-{at}", ecosystem="pypi") for at in range(20)]
    with FolderSightings(tmp_path, together=True) as seen:
        for one in components:
            assert await seen.first(one, a_release("1.0", "1"), NOW) == NOW
            assert not await seen.altered(one, [a_release("1.0", "1")], NOW)
    assert len(list(tmp_path.iterdir())) == 1
    with FolderSightings(tmp_path, together=True) as seen:
        for one in components:
            assert await seen.first(one, a_release("1.0", "1"), NOW + timedelta(days=1)) == NOW
            assert "swapped" in (await seen.altered(one, [a_release("1.0", "2")], NOW))["1.0"]
    with FolderSightings(tmp_path, together=True) as seen:
        assert "swapped" in (await seen.altered(components[0], [a_release("1.0", "1")], NOW))["1.0"]


async def test_where_nothing_can_be_written_together_all_is_new(tmp_path: Path) -> None:
    """A folder that cannot be made costs memory, never a look."""
    (tmp_path / "file").write_text("in the way")
    for _ in range(2):
        with FolderSightings(tmp_path / "file" / "seen", together=True) as seen:
            assert not await seen.altered(GREETER, [a_release("1.0", "1")], NOW)
            assert await seen.first(GREETER, a_release("1.0", "1"), NOW) == NOW
