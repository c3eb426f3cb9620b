"""Without benchmarks of its own, what a Node project's code takes in of the packages that changed is timed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.suites import COMPATIBILITY
from bot.lab import questions
from bot.lab.benchmarking import scripts
from bot.lab.environments import PYPI, Environment
from bot.lab.host import Host
from bot.lab.learnt import Learnt
from bot.lab.scripting import changes
from tests.lab.test_benchmarks_found import plan
from tests.lab.test_scripting import a_bench, environment, package

SOURCE = """\
import still from 'still';
import type { T } from 'types-only';
// import gone from 'commented'; require('commented')
const words = "require('quoted')";
import {
  a,
  b,
} from "mill/wheel";
export { c } from 'mill';
const old = require('older');
await import('@at/late/part');
import './own'; import 'node:fs'; import 'bare';
const place = require.resolve('asked');
"""
NAMES = (
    "still", "types-only", "commented", "quoted", "mill", "older", "@at/late", "bare", "tested", "unused", "asked"
)  # fmt: skip


def sides(folder: Path, *names: str, where: str = "") -> tuple[Environment, Environment]:
    """Every package is another version, but for `still`."""

    def side(version: str) -> Environment:
        held = {f"{_folder(name, where)}node_modules/{_plain(name)}": _said(name, version) for name in names}
        made = environment(folder / version, held, where=where)
        return replace(made, lock=json.dumps({"lockfileVersion": 3, **json.loads(made.lock)}))

    return side("1.0.0"), side("2.0.0")


def _folder(name: str, where: str) -> str:
    """ "in:own" is a package that the folder `in` has for itself."""
    folders = [one for one in (where, name.rpartition(":")[0]) if one]
    return "".join(f"{one}/" for one in folders)


def _plain(name: str) -> str:
    return name.rpartition(":")[2]


def _said(name: str, version: str) -> dict[str, object]:
    return package(_plain(name), "1.0.0" if name == "still" else version)


async def groups(
    host: Host, folder: Path, files: Mapping[str, str], both: tuple[Environment, Environment]
) -> Mapping[str, object]:
    """What is loaded: name -> modules, each with how; nothing where there is nothing to be timed."""
    with a_bench(host, folder, files, both) as bench:
        probe = await scripts.loads(bench)
        return dict(plan(probe)["groups"]) if probe else {}


async def test_what_changed_and_is_used_is_loaded_as_it_is_used(host: Host, tmp_path: Path) -> None:
    """By the code itself, not by its tests; types are gone when it runs, as are comments and words in quotes."""
    files = {
        "package.json": json.dumps({"type": "module"}),
        "src/a.ts": SOURCE,
        "src/a.test.ts": "import 'tested'",
        "tests/b.js": "require('tested')",
        "dist/c.js": "require('tested')",
        "x.d.ts": SOURCE,
    }
    assert await groups(host, tmp_path, files, sides(tmp_path, *NAMES)) == {
        "load of @at/late": [["@at/late/part", "import"]],
        "load of bare": [["bare", "import"]],
        "load of mill": [["mill", "import"], ["mill/wheel", "import"]],
        "load of older": [["older", "require"]],
    }


async def test_an_import_that_a_compiler_makes_a_require_is_timed_as_one(host: Host, tmp_path: Path) -> None:
    """What runs counts, not what is written."""
    files = {
        "package.json": "{}",
        "tsconfig.json": json.dumps({"compilerOptions": {"module": "commonjs"}}),
        "a.ts": "import { a } from 'mill';\na();\n",
    }
    assert await groups(host, tmp_path, files, sides(tmp_path, "mill")) == {"load of mill": [["mill", "require"]]}


async def test_only_what_the_project_finds_is_loaded(host: Host, tmp_path: Path) -> None:
    """Code beside it, and a package that a folder has for itself, are of another one."""
    files = {"web/a.js": "require('mill')", "web/in/b.js": "require('own')", "c.js": "require('other')"}
    both = sides(tmp_path, "mill", "other", "in:own", where="web")
    assert await groups(host, tmp_path, files, both) == {"load of mill": [["mill", "require"]]}


async def test_what_compatibility_read_is_not_read_again(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One parser's run in the jail for both suites; none at all where nothing changed, or there is no Node."""
    files = {"a.js": "require('mill')"}
    both = sides(tmp_path, "mill")
    with a_bench(host, tmp_path, files, both) as bench:
        assert await changes.found(bench, Learnt(folder=bench.folder / COMPATIBILITY))
        monkeypatch.setattr(questions, "ask", None)  # nobody is asked any more
        assert await scripts.loads(bench)
        same = replace(bench, before=bench.after)
        assert await scripts.loads(same) is None
        python = replace(both[0], ecosystem=PYPI)
        without = replace(bench, before=replace(bench.before, environment=python))
        assert await scripts.loads(without) is None
