"""Our look and Renovate's report on the sample repository, side by side: what each would move, and to what.

`python -m tests.renovate.compare --node NODE --renovate renovate.js [--registry FULL.json] [--record]` runs both on one
registry on loopback and prints every difference. With --record, Renovate's report is kept beside the sample, for the
test that holds us to it. FULL.json has the form of `registry.json`, which is taken where none is named.

An answer is known by file, component and how many of that name stood before it in the file; it holds a version for each
lane, "non-major" and "major", and both sides name what lies beyond the pinned version only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from packaging.utils import canonicalize_name

from bot.adapters import Tools, manifests, open_all
from bot.core import versions
from bot.core.errors import ConfigProblem, InvalidVersion
from bot.core.model import Pin
from tests.renovate.recorded import DATA, Recorded, checkout

CONFIG = "version: 1\nupdates: {minimum_age: 0 days}\n"
MANAGERS = {"pip_requirements": "pypi", "setup-cfg": "pypi", "pep621": "pypi", "poetry": "pypi", "npm": "npm"}
NOTICE = (
    "Renovate's output about a sample of our own, reduced to facts. Renovate is AGPL-3.0-only; no code of it is here. "
    "The releases were recorded in November 2026; names that begin with shop- are made up."
)

Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """current: as pinned, or the range. lanes: "non-major" and "major" -> the version to go to."""

    current: str
    lanes: Mapping[str, str] = field(default_factory=dict)


def pins_of(root: Path) -> list[Pin]:
    """Every pin of the sample, in the order of the files."""
    readers = open_all(manifests, Tools(http=None, index=None))  # type: ignore[arg-type]  # these need neither
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return [
        pin
        for path in paths
        for manifest in readers.values()
        if manifest.matches(path)
        for pin in manifest.read(path, (root / path).read_text())
    ]


def ours(report: Mapping[str, Any], pins: Iterable[Pin]) -> dict[Key, Answer]:
    """Our JSON report as answers.

    A row speaks of every exact pin among its places that is older than its target, and of the ranges that leave the
    target out; one without a kind tells that there is nothing to compare with.
    """
    rows: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in report["components"]:
        for place in row["places"]:
            rows.setdefault((row["ecosystem"], row["name"], place), []).append(row)
    seen: Counter[tuple[str, str]] = Counter()
    found: dict[Key, Answer] = {}
    for pin in pins:
        name, ecosystem = pin.component.name, pin.component.ecosystem
        there = rows.get((ecosystem, name, f"{pin.path}:{pin.line}"), ())
        mine = [row for row in there if row["kind"] and _moves(ecosystem, pin, row["target"])]
        lanes = {_lane(ecosystem, pin, row): row["target"] for row in mine}
        key = (pin.path, name, seen[pin.path, name])
        seen[pin.path, name] += 1
        found[key] = Answer(current=pin.version or pin.requirement, lanes=lanes)
    return found


def _lane(scheme: str, pin: Pin, row: Mapping[str, Any]) -> str:
    """Renovate's word for how far this pin would go; a row tells it of the oldest pin of its component."""
    kind = row["kind"] if pin.version is None else versions.bump(scheme, pin.version, row["target"])
    return "major" if kind in {"major", "scheme"} else "non-major"


def _moves(scheme: str, pin: Pin, target: str | None) -> bool:
    if target is None:
        return False
    try:
        if pin.version is None:
            return not versions.satisfies(scheme, target, pin.requirement)
        return versions.compare(scheme, target, pin.version) > 0
    except (ConfigProblem, InvalidVersion):
        return False


def theirs(files: Mapping[str, Any]) -> dict[Key, Answer]:
    """`packageFiles` of Renovate's report as answers; what it skips, it answers nothing about."""
    seen: Counter[tuple[str, str]] = Counter()
    found: dict[Key, Answer] = {}
    for manager, ecosystem in MANAGERS.items():
        for file in files.get(manager, ()):
            for dep in file["deps"]:
                if dep.get("datasource") != ecosystem or "skipReason" in dep:
                    continue
                name = dep.get("packageName") or dep.get("depName") or ""
                name = canonicalize_name(name) if ecosystem == "pypi" else name
                path = file["packageFile"]
                lanes = {one["bucket"]: one["newVersion"] for one in dep.get("updates", ()) if "newVersion" in one}
                current = dep.get("currentVersion") or dep.get("currentValue") or ""
                found[path, name, seen[path, name]] = Answer(current=current, lanes=lanes)
                seen[path, name] += 1
    return found


def differences(mine: Mapping[Key, Answer], other: Mapping[Key, Answer]) -> dict[str, tuple[str, str]]:
    """ "file name#n lane" -> (ours, theirs), "-" for nothing and "?" where one side does not know the pin at all."""
    told = {}
    for key in sorted({*mine, *other}):
        place = f"{key[0]} {key[1]}" + (f"#{key[2]}" if key[2] else "")
        for name in ("non-major", "major"):
            pair = (_said(mine.get(key), name), _said(other.get(key), name))
            if pair[0] != pair[1] and pair not in {("?", "-"), ("-", "?")}:
                told[f"{place} {name}"] = pair
    return told


def _said(answer: Answer | None, name: str) -> str:
    return "?" if answer is None else answer.lanes.get(name, "-")


async def look(root: Path, registry: Recorded, home: Path) -> dict[str, Any]:
    """Our report on a checkout, by our command line."""
    (root / ".github").mkdir(exist_ok=True)
    (root / ".github/surefoot.yml").write_text(CONFIG)
    env = {key: value for key, value in os.environ.items() if not re.match(r"(?i)pip_|npm_|xdg_|surefoot_", key)}
    env |= {"HOME": str(home), "PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": f"{registry.base}/simple"}
    env |= {"npm_config_registry": f"{registry.base}/npm/", "SUREFOOT_OSV": "off"}
    said = await _run([sys.executable, "-m", "bot", "check", str(root), "--no-simulate", "--json"], env)
    made: dict[str, Any] = json.loads(said)
    return made


async def renovate(root: Path, registry: Recorded, home: Path, program: tuple[str, str]) -> dict[str, Any]:
    """Renovate's report on a checkout. program: node, and renovate's main file."""
    rules = [
        {"matchDatasources": ["pypi"], "registryUrls": [f"{registry.base}/pypi/"]},
        {"matchDatasources": ["npm"], "registryUrls": [f"{registry.base}/npm/"]},
    ]
    report = home / "report.json"
    config = {
        "platform": "local", "dryRun": "lookup", "onboarding": False, "requireConfig": "ignored", "packageRules": rules,
        "reportType": "file", "reportPath": str(report), "enabledManagers": list(MANAGERS), "cacheDir": str(home / "r"),
        "osvVulnerabilityAlerts": False, "fetchChangeLogs": "off",
    }  # fmt: skip
    place = home / "config.json"
    place.write_text(json.dumps(config))
    env = {key: value for key, value in os.environ.items() if not re.match(r"(?i)pip_|npm_|renovate_", key)}
    env |= {"HOME": str(home), "RENOVATE_CONFIG_FILE": str(place), "LOG_LEVEL": os.environ.get("LOG_LEVEL", "warn")}
    env["PATH"] = f"{Path(program[0]).parent}:{env['PATH']}"
    (home / "said").write_text(await _run([*program], env, where=root))
    made: dict[str, Any] = json.loads(report.read_text())["repositories"]["local"]
    return made


async def _run(words: list[str], env: dict[str, str], *, where: Path | None = None) -> str:
    process = await asyncio.create_subprocess_exec(*words, env=env, cwd=where, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    return said.decode()


def reduced(files: Mapping[str, Any], version: str) -> dict[str, Any]:
    """What the test needs of Renovate's report, in the report's own words."""
    kept: dict[str, Any] = {"notice": NOTICE, "renovate": version, "packageFiles": {}}
    names = ("depName", "packageName", "datasource", "currentValue", "currentVersion", "skipReason")
    for manager in MANAGERS:
        kept["packageFiles"][manager] = [
            {
                "packageFile": file["packageFile"],
                "deps": [
                    {name: dep[name] for name in names if name in dep}
                    | {"updates": [{key: one[key] for key in ("bucket", "newVersion") if key in one}
                                   for one in dep.get("updates", ())]}
                    for dep in file["deps"]
                ],
            }
            for file in files.get(manager, ())
        ]  # fmt: skip
    return kept


async def compared(given: argparse.Namespace) -> None:
    """Run both and print."""
    registry = Recorded(json.loads((given.registry or DATA / "registry.json").read_text()))
    with tempfile.TemporaryDirectory() as folder:
        root, home = Path(folder) / "shop", Path(folder) / "home"
        home.mkdir()
        checkout(root)
        async with registry.running():
            results = []
            program = (given.node, given.renovate)
            looks = {"ours": look(root, registry, home), "Renovate": renovate(root, registry, home, program)}
            for who, running in looks.items():
                before, start, spent = len(registry.asked), perf_counter(), _children()
                results.append(await running)
                print(f"{who}: {len(registry.asked) - before} requests, {_children() - spent:.1f} CPU s, "
                      f"{perf_counter() - start:.1f} s")  # fmt: skip
        report, other = results
        mine, others = ours(report, pins_of(root)), theirs(other["packageFiles"])
        if given.keep:
            given.keep.write_text(json.dumps({"ours": report, "theirs": other}, indent=1))
    told = differences(mine, others)
    lanes = sum(len({*answer.lanes, *others[key].lanes}) for key, answer in mine.items() if key in others)
    print(
        f"{len(mine)} pins of ours, {len(others)} of theirs, {lanes} updates, {len(told)} differences; errors of ours:"
    )
    print(*report["errors"], sep="\n")
    for place, (left, right) in told.items():
        print(f"{place}: ours {left}, theirs {right}")
    if given.record:
        made = reduced(other["packageFiles"], given.version)
        (DATA / "report.json").write_text(json.dumps(made, indent=1) + "\n")


def _children() -> float:
    spent = os.times()
    return spent.children_user + spent.children_system


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--node", required=True)
    parser.add_argument("--renovate", required=True)
    parser.add_argument("--version", default="44.121.2")
    parser.add_argument("--registry", type=Path)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--record", action="store_true")
    asyncio.run(compared(parser.parse_args()))


if __name__ == "__main__":
    main()
