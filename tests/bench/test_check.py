"""What a look at a checkout costs in CPU beside a bare fetch of the same pages: figures and ratios, no verdicts.

One run, one index on loopback, each program a process of its own. A program's start is a part of its cost, and has rows
of its own. SUREFOOT_BENCH_TIMES says how often each is run (3). `test_detect.py` holds more registries against another
program.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import pytest

from tests.bench import documents
from tests.bench.spending import ROOT, Spent, spend

TIMES = int(os.environ.get("SUREFOOT_BENCH_TIMES", "3"))
PROJECTS = documents.pypi_projects()


@contextmanager
def index(folder: Path) -> Iterator[str]:
    """The address of an index with pages as real ones are."""
    place = folder / "port"
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.registry", str(place)], cwd=ROOT)
    try:
        while not place.exists():
            assert process.poll() is None, "the index ended before it was ready"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{place.read_text()}/simple"
    finally:
        process.terminate()
        process.wait(20)


def checkout(folder: Path) -> Path:
    """A repository that pins all of them."""
    folder.mkdir()
    pins = [f"{one.name}=={documents.pinned(one, npm=False)}\n" for one in PROJECTS]
    (folder / "requirements.txt").write_text("".join(pins))
    return folder


def look(where: Path, url: str, home: Path) -> Spent:
    """One look, which must have found and reached all; `home` holds its cache."""
    home.mkdir(exist_ok=True)
    env = {key: value for key, value in os.environ.items() if not re.match(r"(?i)pip_|npm_|xdg_|surefoot_", key)}
    env |= {"HOME": str(home), "PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": url, "SUREFOOT_OSV": "off"}
    spent = spend([sys.executable, "-m", "bot", "check", str(where), "--no-simulate", "--json"], env=env)
    assert spent.code == 1, spent.complained + spent.said[-2000:]
    report = json.loads(spent.said)
    assert {one["name"] for one in report["components"]} == {one.name for one in PROJECTS}
    assert report["errors"] == []
    return spent


def fetch(url: str) -> Spent:
    """The bare fetch."""
    spent = spend([sys.executable, "-m", "tests.bench.bare", *(f"{url}/{one.name}/" for one in PROJECTS)])
    assert int(spent.said) > sum(one.files for one in PROJECTS) / 2
    return spent


def importing(*names: str) -> Spent:
    """A program's start and no more."""
    return spend([sys.executable, "-c", f"import {', '.join(names)}"])


@pytest.mark.timeout(600)
def test_a_look_beside_a_bare_fetch(tmp_path: Path) -> None:
    """Of the same pages: the first look, and a second when nothing has changed."""
    where = checkout(tmp_path / "shop")
    with index(tmp_path) as url:
        programs: dict[str, Callable[[int], Spent]] = {
            "bare fetch: its start": lambda _: importing("aiohttp", "msgspec"),
            "bare fetch": lambda _: fetch(url),
            "check: its start": lambda _: importing("bot.cli", "bot.check"),
            "check, first look": lambda number: look(where, url, tmp_path / f"home{number}"),
            "check, nothing new": lambda number: look(where, url, tmp_path / f"home{number}"),
        }
        spent = {name: [run(number) for number in range(TIMES)] for name, run in programs.items()}
    cpu = {name: median(one.cpu for one in runs) for name, runs in spent.items()}
    print(f"\n\n{len(PROJECTS)} pages, CPU seconds, ratio to the bare fetch, MiB")
    for name, runs in spent.items():
        ratio = cpu[name] / cpu["bare fetch"]
        print(f"{name:<24}{cpu[name]:>7.2f}{ratio:>7.2f}{median(one.mib for one in runs):>7.0f}")
    work = [cpu[name] - cpu[f"{name.split(',')[0]}: its start"] for name in ("bare fetch", "check, first look")]
    print(f"without the start       {work[1]:>7.2f}{work[1] / work[0]:>7.2f}   (bare fetch {work[0]:.2f})")
