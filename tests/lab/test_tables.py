"""Hypothesis draws from tables that it makes anew in each tree: they are there already, and they are the very same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import hypothesis as real
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.model import Grade
from bot.lab import host as hosts
from bot.lab import resolver, tables, trial
from bot.lab.host import Host
from bot.lab.ready import INSIDE
from bot.lab.trial import Laboratory
from tests.lab import world

# Stands for Hypothesis: it makes a table where it is told to, as the real one does.
CHARMAP = """\
import os, pathlib
def charmap():
    place = pathlib.Path(os.environ['HYPOTHESIS_STORAGE_DIRECTORY']) / 'unicode_data' / '14.0.0'
    place.mkdir(parents=True)
    (place / 'charmap.json.gz').write_bytes(b'made by {version}')
"""
SEEN = """\
import pathlib
def test_what_lies_there():
    found = {{path.as_posix(): path.read_bytes() for path in pathlib.Path('.hypothesis').rglob('*') if path.is_file()}}
    assert found == {there!r}
"""
MADE = {".hypothesis/unicode_data/14.0.0/charmap.json.gz": b"made by 1.0"}


@pytest.fixture(scope="module")
def fitted(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    """A lab whose index has a Hypothesis, one that breaks as it is loaded, and one that writes elsewhere."""
    wheels = world.with_pytest(tmp_path_factory.mktemp("wheels"))
    for version in ("1.0", "1.1"):
        world.wheel(wheels, "greeter", version, {"greeter.py": ""})
        text = CHARMAP.replace("{version}", version)
        world.wheel(
            wheels, "hypothesis", version, {"hypothesis/__init__.py": "", "hypothesis/internal/charmap.py": text}
        )
    world.wheel(wheels, "hypothesis", "2.0", {"hypothesis/__init__.py": "raise RuntimeError('broken')\n"})
    elsewhere = CHARMAP.replace("'charmap.json.gz'", "'conftest.py'")
    world.wheel(wheels, "hypothesis", "3.0", {"hypothesis/internal/charmap.py": elsewhere})
    uv = resolver.find_uv(world.index(wheels))
    return trial.laboratory(tmp_path_factory.mktemp("lab"), host=host, uv=uv, examiners={})


def sides(folder: Path, *used: str, there: Sequence[dict[str, bytes]], **more: str) -> list[Path]:
    """A tree before and after an update of the greeter; used: Hypothesis on each; there: what its test must find."""
    return [
        world.tree(
            folder / place,
            {
                "requirements.txt": f"greeter=={version}\nhypothesis=={hypothesis}\n",
                "test_seen.py": SEEN.format(there=found),
                **{name.replace("__", "/"): text for name, text in more.items()},
            },
        )
        for place, version, hypothesis, found in zip(("a", "b"), ("1.0", "1.1"), used, there, strict=True)
    ]


@pytest.mark.parametrize("used", ["1.0", "2.0", "3.0"])
async def test_a_new_tree_finds_the_tables(used: str, fitted: Laboratory, tmp_path: Path) -> None:
    """Made once, outside of it. A Hypothesis that breaks, or writes no table, gives nothing, and harms nobody."""
    there = MADE if used == "1.0" else {}
    for turn in range(2):
        base, candidate = sides(tmp_path / str(turn), used, used, there=(there, there))
        simulation = await fitted.simulate(world.a_trial(base, candidate))
        assert simulation.grade is Grade.PASSED, simulation


async def test_another_hypothesis_makes_its_own(fitted: Laboratory, tmp_path: Path) -> None:
    """Where it is Hypothesis that changes, both sides begin with nothing."""
    base, candidate = sides(tmp_path, "1.0", "1.1", there=({}, {}))
    assert (await fitted.simulate(world.a_trial(base, candidate))).grade is Grade.PASSED


async def test_what_a_tree_keeps_of_hypothesis_is_its_own(fitted: Laboratory, tmp_path: Path) -> None:
    """Examples that were committed are what is found, and nothing beside them."""
    own = {".hypothesis/examples": b"kept"}
    base, candidate = sides(tmp_path, "1.0", "1.0", there=(own, own), **{".hypothesis__examples": "kept"})
    assert (await fitted.simulate(world.a_trial(base, candidate))).grade is Grade.PASSED


async def test_without_a_jail_nothing_is_laid(fitted: Laboratory, tmp_path: Path) -> None:
    """There, nothing can be laid over a copy."""
    base, candidate = sides(tmp_path, "1.0", "1.0", there=({}, {}))
    simulation = await replace(fitted, host=hosts.unjailed()).simulate(world.a_trial(base, candidate))
    assert simulation.grade is Grade.PASSED, simulation


def test_the_real_hypothesis_takes_them_for_its_own(tmp_path: Path) -> None:
    """What is made for it is read by it, and nothing is left for it to make."""
    site = Path(real.__file__).parents[1]
    results = tmp_path / "results"
    script = [sys.executable, "-I", "-S", str(INSIDE / "surefoot_tables.py"), str(site)]
    subprocess.run(script, env={**os.environ, "SUREFOOT_RESULTS": str(results)}, check=True)
    made = tables.read(results.read_bytes())
    assert {name.rpartition("/")[2] for name in made} == {".gitignore", "charmap.json.gz", "codec-v2-utf-8.json.gz"}
    tables.lay(made, tmp_path / "tree", tmp_path / "work")
    draws = (
        "import unicodedata\nfrom hypothesis.internal import charmap\n"
        "unicodedata.category = None\n"
        "assert charmap.charmap()['Lu'] and charmap.intervals_from_codec('utf-8')[0].size == 1112064\n"
    )
    subprocess.run([sys.executable, "-c", draws], cwd=tmp_path / "work", check=True)
    kept = {path.relative_to(tmp_path / "work/.hypothesis").as_posix() for path in (tmp_path / "work").rglob("*.*")}
    assert set(made) <= kept


@given(
    st.binary(max_size=200)
    | st.dictionaries(st.text(max_size=20), st.text(max_size=20)).map(lambda one: json.dumps(one).encode())
)
def test_any_bytes_out_of_a_jail_can_be_read(data: bytes) -> None:
    """What foreign code hands over never raises: it is what was asked for, or nothing."""
    assert tables.read(data) == {} or json.loads(data)


@pytest.mark.parametrize(
    "path", ["../x", "unicode_data/../../x.json.gz", "unicode_data/14/a/b.json.gz", "/x", "examples/a", "x.json.gz"]
)
def test_a_place_that_leads_elsewhere_spoils_all(path: str) -> None:
    """A file that is no table is no honest mistake."""
    good = {"unicode_data/14.0.0/charmap.json.gz": "AAAA"}
    assert tables.read(json.dumps(good).encode()) == {"unicode_data/14.0.0/charmap.json.gz": bytes(3)}
    assert tables.read(json.dumps({**good, path: "AAAA"}).encode()) == {}
