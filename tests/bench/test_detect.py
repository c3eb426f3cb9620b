"""What a look at a hundred sources costs, against the bare work and against nvchecker: figures and ratios, no verdicts.

All in one run and on one loopback registry, each as a process of its own. SUREFOOT_BENCH_SOURCES says how many sources
the fleet has (2,000; the table says what that makes for 10,000), SUREFOOT_BENCH_TIMES how often each is run (3).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import pytest

from tests.bench import documents
from tests.bench.registry import INSTALL, SIMPLE
from tests.bench.spending import ROOT, Spent, spend

NVCHECKER = ("nvchecker==2.22", "aiohttp==3.14.5", "packaging==26.4")
TIMES = int(os.environ.get("SUREFOOT_BENCH_TIMES", "3"))
SOURCES = int(os.environ.get("SUREFOOT_BENCH_SOURCES", "2000"))
REPOSITORIES = int(os.environ.get("SUREFOOT_BENCH_REPOSITORIES", "1000"))


@dataclass(frozen=True, slots=True)
class Server:
    """A running registry."""

    url: str

    def counts(self, *, forget: bool = False) -> dict[str, int]:
        """What it was asked for since it last forgot."""
        asked = urllib.request.Request(f"{self.url}/-/counts", method="POST" if forget else "GET")
        with urllib.request.urlopen(asked) as answer:
            told: dict[str, int] = json.load(answer)
        return told


@contextmanager
def registry(folder: Path, *options: str) -> Iterator[Server]:
    """A registry process, ready to answer."""
    place = folder / f"port{''.join(options)}"
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.registry", str(place), *options], cwd=ROOT)
    try:
        while not place.exists():
            assert process.poll() is None, "the registry ended before it was ready"
            time.sleep(0.05)
        yield Server(f"http://127.0.0.1:{place.read_text()}")
    finally:
        process.terminate()
        process.wait(20)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: the median of some runs, and what the registry counted in the last."""

    name: str
    cpu: float
    seconds: float
    mib: float
    counts: dict[str, int]


def row(name: str, server: Server, run: Callable[[int], Spent], codes: tuple[int, ...] = (0,)) -> Row:
    """Run it some times, after once that is not counted; each must do its work."""
    spent: list[Spent] = []
    run(TIMES)
    for number in range(TIMES):
        server.counts(forget=True)
        spent.append(run(number))
        assert spent[-1].code in codes, spent[-1].complained + spent[-1].said[:2000]
    middle = [median(figures) for figures in zip(*((one.cpu, one.seconds, one.mib) for one in spent), strict=True)]
    return Row(name, *middle, server.counts())


def show(title: str, rows: list[Row], floor: str) -> None:
    """The table, with each row's CPU against that of the row named `floor`."""
    base = next(one for one in rows if one.name == floor)
    print(f"\n\n{title}")
    head = f"{'':<34}{'CPU s':>8}{'ratio':>7}{'clock s':>9}{'MiB':>6}{'requests':>10}{'304':>6}{'body MB':>9}"
    print(head)
    for one in rows:
        counted = one.counts
        print(
            f"{one.name:<34}{one.cpu:>8.2f}{one.cpu / base.cpu:>7.2f}{one.seconds:>9.2f}{one.mib:>6.0f}"
            f"{counted['requests']:>10}{counted['not_modified']:>6}{counted['bytes'] / 1e6:>9.2f}"
        )


def environment(server: Server, home: Path) -> dict[str, str]:
    """An environment in which pip and npm use this registry, and which knows nothing of this machine's settings."""
    home.mkdir(exist_ok=True)
    kept = {key: value for key, value in os.environ.items() if not re.match(r"(?i)pip_|npm_|xdg_|surefoot_", key)}
    return kept | {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": f"{server.url}/simple/",
        "npm_config_registry": f"{server.url}/npm/",
        "SUREFOOT_OSV": "off",
    }


def checkout(folder: Path) -> Path:
    """A repository of sixty Python and forty JavaScript pins."""
    folder.mkdir()
    python = [f"{one.name}=={documents.pinned(one, npm=False)}\n" for one in documents.pypi_projects()]
    (folder / "requirements.txt").write_text("".join(python))
    script = {one.name: documents.pinned(one, npm=True) for one in documents.npm_projects()}
    (folder / "package.json").write_text(json.dumps({"name": "shop", "dependencies": script}, indent=2))
    return folder


def surefoot(where: Path, env: dict[str, str]) -> Spent:
    """One look; it must have found all and reached all."""
    spent = spend([sys.executable, "-m", "bot", "check", str(where), "--no-simulate", "--json"], env=env)
    assert spent.code == 1, spent.complained + spent.said[-2000:]
    report = json.loads(spent.said)
    assert len({one["name"] for one in report["components"]}) == 100, report["errors"]
    assert not report["errors"], report["errors"]
    return spent


def asked_of_floor(full: bool) -> str:
    """The floor's standard input: all hundred documents."""
    accept = "application/json" if full else INSTALL
    python = [f"/simple/{one.name}/\t{SIMPLE}" for one in documents.pypi_projects()]
    return "\n".join([*python, *(f"/npm/{one.name.replace('/', '%2f')}\t{accept}" for one in documents.npm_projects())])


def floor(server: Server, place: Path, *, full: bool = True) -> Spent:
    """The bare work; `place` holds its validators."""
    words = [sys.executable, "-m", "tests.bench.floor", server.url, str(place)]
    return spend(words, given=asked_of_floor(full))


@pytest.fixture(scope="module")
def nvchecker(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """Its program in an environment of its own; None where it cannot be installed."""
    folder = tmp_path_factory.mktemp("nvchecker")
    made = subprocess.run([sys.executable, "-m", "venv", str(folder)], capture_output=True)
    python = folder / "bin" / "python"
    words = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *NVCHECKER]
    if made.returncode or subprocess.run(words, capture_output=True).returncode:
        return None
    return folder / "bin" / "nvchecker"


def with_nvchecker(program: Path, server: Server, folder: Path) -> Callable[[int], Spent]:
    """A run of it over the same hundred. It has the index's address in its code, where ours is written instead."""
    source = next(program.parents[1].glob("lib/python*/site-packages/nvchecker_source/pypi.py"))
    text = source.read_text()
    source.write_text(re.sub(r"'https?://[^/']+/pypi/", f"'{server.url}/pypi/", text, count=1))
    lines = [
        "[__config__]",
        f'oldver = "{folder / "old.json"}"',
        f'newver = "{folder / "new.json"}"',
        "[__config__.source.npm]",
        f'registry = "{server.url}/npm"',
    ]
    for kind, projects in (("pypi", documents.pypi_projects()), ("npm", documents.npm_projects())):
        for one in projects:
            lines += [f'["{kind} {one.name}"]', f'source = "{kind}"', f'{kind} = "{one.name}"', ""]
    config = folder / "nvchecker.toml"
    config.write_text("\n".join(lines))

    def run(_: int) -> Spent:
        (folder / "new.json").unlink(missing_ok=True)
        spent = spend([str(program), "-c", str(config), "--logger", "json"])
        found = json.loads((folder / "new.json").read_text())["data"]
        assert len(found) == 100, spent.said[-2000:] + spent.complained[-2000:]
        return spent

    return run


@pytest.mark.timeout(600)
@pytest.mark.parametrize("options", [(), ("--attested",)], ids=["plain", "attested"])
def test_a_hundred_sources(tmp_path: Path, nvchecker: Path | None, options: tuple[str, ...]) -> None:
    """A first look, and a second at which nothing has changed."""
    where = checkout(tmp_path / "shop")
    with registry(tmp_path, *options) as server:

        def cold(number: int) -> Spent:
            return surefoot(where, environment(server, tmp_path / f"home{number}"))

        def floor_cold(number: int) -> Spent:
            return floor(server, tmp_path / f"floor{number}")

        name = "floor: fetch, decode, take the highest"
        rows = [row("floor, cold", server, floor_cold), row("surefoot check, cold", server, cold, (1,))]
        if nvchecker is None:
            print("\nnvchecker cannot be installed here, so there is no row for it")
        else:
            rows.append(row("nvchecker (has no cache)", server, with_nvchecker(nvchecker, server, tmp_path)))
        rows.append(row("floor, not modified", server, lambda _: floor(server, tmp_path / "floor0")))
        warm = partial(surefoot, where, environment(server, tmp_path / "home0"))
        rows.append(row("surefoot check, not modified", server, lambda _: warm(), (1,)))
        assert rows[-1].counts["bytes"] == 0, "a second look must not move a body"
        (tmp_path / "bare").mkdir()
        words = [sys.executable, "-m", "bot", "check", str(tmp_path / "bare"), "--no-simulate", "--json"]
        env = environment(server, tmp_path / "home0")
        rows.append(row("surefoot check, nothing pinned", server, lambda _: spend(words, env=env)))
        show(f"100 sources {' '.join(options)} ({name})", rows, "floor, cold")


def polled(server: Server, folder: Path, count: int) -> Spent:
    """Each of so many sources once."""
    return spend([sys.executable, "-m", "tests.bench.fleet", "poll", server.url, str(folder), str(count)])


@pytest.mark.timeout(900)
def test_ten_thousand_sources(tmp_path: Path) -> None:
    """A poller's round over a fleet's sources, of which none has changed since the last one."""
    with registry(tmp_path, "--no-gzip") as server:
        polled(server, tmp_path / "nothing", 0)
        start = polled(server, tmp_path / "nothing", 0)
        cold = polled(server, tmp_path / "cache", SOURCES)
        assert cold.code == 0, cold.complained
        server.counts(forget=True)
        warm = polled(server, tmp_path / "cache", SOURCES)
        counted = server.counts()
    assert warm.code == 0 and warm.said == cold.said, warm.complained
    assert (counted["not_modified"], counted["bytes"]) == (SOURCES, 0)
    each = (warm.cpu - start.cpu) / SOURCES
    print(f"\n\n{SOURCES} sources with {warm.said.strip()} releases, through the poller and the cache folder")
    for name, spent in (("first round", cold), ("not modified", warm), ("start alone", start)):
        print(f"{name:<34}{spent.cpu:>8.2f} CPU s{spent.seconds:>9.2f} s{spent.mib:>6.0f} MiB")
    print(f"10,000 sources, not modified: {start.cpu + 10_000 * each:.1f} CPU s", end="")
    print("" if SOURCES == 10_000 else " (reckoned from this; memory is bounded, and measured as it stands)")


@pytest.mark.timeout(900)
def test_a_thousand_repositories(tmp_path: Path) -> None:
    """However many repositories use a package, its registry is asked for each document once."""
    unique, each = 500, 100
    with registry(tmp_path, "--attested") as server:
        words = ["answer", server.url, str(tmp_path / "cache"), str(unique), str(REPOSITORIES), str(each)]
        spent = spend([sys.executable, "-m", "tests.bench.fleet", *words])
        counted = server.counts()
    assert spent.code == 0, spent.complained
    assert int(spent.said) >= REPOSITORIES * each
    assert counted["lists"] == unique, "one request for a source, whoever uses it"
    assert counted["most"] == 1, "and one for each document with its details"
    print(
        f"\n\n{REPOSITORIES} repositories x {each} components of {unique} sources: {counted['lists']} lists asked for"
    )
    print(f"{spent.cpu:.1f} CPU s, {1000 * spent.cpu / (REPOSITORIES * each):.2f} ms an answer, {spent.mib:.0f} MiB, "
          f"{counted['requests'] - counted['lists']} requests for details")  # fmt: skip
