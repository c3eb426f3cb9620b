"""Environments are prepared with network and used without; preparing one runs nothing that it holds."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.errors import ConfigProblem, Transient
from bot.core.model import Grade
from bot.lab import environments, pythons, resolver, sandbox
from bot.lab.cache import Cache
from bot.lab.environments import Environment
from bot.lab.host import Host
from bot.lab.jobs import Job, Limits
from bot.lab.resolver import NotPrepared, Uv
from bot.lab.wants import Want
from bot.tools.pip import IndexSettings
from tests.lab import world


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """An empty one."""
    return Cache(folder=tmp_path / "cache")


@pytest.fixture
def uv(wheels: Path) -> Uv:
    """The resolver, with the made wheels as its only index."""
    return resolver.find_uv(world.index(wheels))


@asynccontextmanager
async def environment(tmp_path: Path, uv: Uv, cache: Cache, *lines: str, **files: str) -> AsyncIterator[Environment]:
    """That of a tree with these requirements."""
    tree = world.tree(tmp_path / "tree", {"requirements.txt": "".join(f"{line}\n" for line in lines), **files})
    async with environments.prepared(tree, uv=uv, cache=cache) as made:
        yield made


async def inside(host: Host, made: Environment, code: str) -> str:
    """What the environment's own interpreter says in a jail."""
    job = Job(command=(str(made.programs / "python"), "-c", code), visible=made.visible, limits=Limits(seconds=20))
    ran = await sandbox.run(job, host)
    assert ran.code == 0, ran.text
    return ran.text.strip()


async def test_it_works_in_the_jail_and_is_reused(host: Host, uv: Uv, cache: Cache, tmp_path: Path) -> None:
    """Locked by hashes, compiled, read-only; the same wishes again cost nothing and need no index."""
    async with environment(tmp_path, uv, cache, "greeter==1.1") as made:
        code = "import greeter, pytest; print(greeter.hail('you'), greeter.__cached__ is not None)"
        assert await inside(host, made, code) == "Hello, you True"
        assert "greeter==1.1 --hash=sha256:" in made.lock
        assert made.notes == ("pytest is added, since no file asks for it",)
        assert list(made.folder.rglob("__pycache__/greeter*.pyc"))
        stamp = (made.folder / "pyvenv.cfg").stat().st_mtime_ns
    async with environment(tmp_path, uv, cache, "greeter==1.1") as again:
        assert (again.key, (again.folder / "pyvenv.cfg").stat().st_mtime_ns) == (made.key, stamp)


async def test_preparing_runs_nothing_of_a_package(
    host: Host, uv: Uv, cache: Cache, wheels: Path, tmp_path: Path
) -> None:
    """A .pth file may hold code that every start of the interpreter runs: in the jail only, never here."""
    mark = tmp_path / "it-was-run-here"
    line = f"import os; os.path.isdir({str(tmp_path)!r}) and open({str(mark)!r}, 'w')\n"
    world.wheel(wheels, "sly", "1.0", {"sly.py": "x = 1\n", "sly.pth": line})
    async with environment(tmp_path, uv, cache, "sly==1.0") as made:
        assert list(made.folder.rglob("sly.pth"))
        assert not mark.exists()
        assert await inside(host, made, "import sly; print(sly.x)") == "1"
    assert not mark.exists()


async def test_a_conflict_is_told_in_the_resolvers_words(uv: Uv, cache: Cache, wheels: Path, tmp_path: Path) -> None:
    """Both requirements are named."""
    world.wheel(wheels, "needy", "1.0", {"needy.py": ""}, ["greeter>=2"])
    with pytest.raises(NotPrepared, match=r"needy.*greeter>=2.*unsatisfiable") as caught:
        async with environment(tmp_path, uv, cache, "needy", "greeter==1.0"):
            pass
    assert caught.value.grade is Grade.FAILED
    assert list(cache.folder.glob("*/")) == []


async def test_what_is_published_as_source_only_is_not_built(
    uv: Uv, cache: Cache, wheels: Path, tmp_path: Path
) -> None:
    """A build runs the package's own code; we do not know, and say so."""
    with tarfile.open(wheels / "onlysource-1.0.tar.gz", "w:gz") as archive:
        for name, text in {
            "PKG-INFO": "Metadata-Version: 2.1\nName: onlysource\nVersion: 1.0\n",
            "setup.py": "1/0",
        }.items():
            entry = tarfile.TarInfo(f"onlysource-1.0/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    with pytest.raises(NotPrepared, match="source only, and nothing is built") as caught:
        async with environment(tmp_path, uv, cache, "onlysource==1.0"):
            pass
    assert caught.value.grade is Grade.UNKNOWN


async def test_an_index_that_is_away_is_worth_another_try(cache: Cache, tmp_path: Path) -> None:
    """The loop waits and asks again; nothing is said about the update."""
    away = resolver.find_uv(IndexSettings(index_url="http://127.0.0.1:9/simple"))
    with pytest.raises(Transient, match="does not answer"):
        async with environment(tmp_path, replace(away, seconds=60), cache, "greeter"):
            pass


async def test_an_unknown_name_is_said(uv: Uv, cache: Cache, tmp_path: Path) -> None:
    """In the resolver's words as well."""
    with pytest.raises(NotPrepared, match="no-such-name-at-all"):
        async with environment(tmp_path, uv, cache, "no-such-name-at-all==1"):
            pass


async def test_a_python_that_is_not_here(uv: Uv, cache: Cache, tmp_path: Path) -> None:
    """None is downloaded: a person has to know."""
    project = '[project]\nname = "x"\nrequires-python = ">=9"\n'
    with pytest.raises(NotPrepared, match=r"asks for Python >=9; this machine has 3\.") as caught:
        async with environment(tmp_path, uv, cache, **{"pyproject.toml": project}):
            pass
    assert caught.value.grade is Grade.UNKNOWN


async def test_another_python_of_this_machine_is_taken(uv: Uv, tmp_path: Path) -> None:
    """The newest that fits and works: a wrapper of a version manager may be there and not, or be another version."""
    listed = []
    split = "| tr ' ' '\\n'"
    said = {
        "3.97.1": "exit 1",
        "3.96.2": f"echo 3.10.1 /a /b {split}",
        "3.95.9": "echo odd",
        "3.94.0": f"echo 3.94.0 /real/python /real {split}",
        "3.93.0": "exit 2",
    }
    for version, says in said.items():
        (tmp_path / version).write_text(f"#!/bin/sh\n{says}\n")
        (tmp_path / version).chmod(0o755)
        listed.append({"path": str(tmp_path / version), "version": version, "implementation": "cpython"})
    other = {"path": "/gone", "version": "3.98.0"}
    listed += [{**other, "implementation": "cpython"}, {**other, "implementation": "pypy"}]
    (tmp_path / "uv").write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(listed)}\nEND\n")
    (tmp_path / "uv").chmod(0o755)
    found = await pythons.find_python(">=3.90", replace(uv, path=str(tmp_path / "uv")), tmp_path / "cache")
    assert (found.path, found.version, found.prefix) == (Path("/real/python"), "3.94.0", Path("/real"))


async def test_the_trees_own_hashes_bind(uv: Uv, cache: Cache, wheels: Path, tmp_path: Path) -> None:
    """A file of another content under the same name is not installed, whatever the index says of it."""
    line = f"greeter==1.0 --hash=sha256:{'0' * 64}"
    with pytest.raises(NotPrepared, match=r"[Hh]ash"):
        async with environment(tmp_path, uv, cache, line, "pytest"):
            pass


async def test_the_trees_lock_is_the_lock(uv: Uv, cache: Cache, tmp_path: Path) -> None:
    """No resolver is asked when every line is pinned with hashes."""
    async with environment(tmp_path, uv, cache, "greeter==1.0") as made:
        lock = made.lock
    async with environment(tmp_path, uv, cache, *lock.splitlines()) as again:
        assert again.notes == ("locked by requirements.txt",)
        assert (again.lock, again.key) == (lock, made.key)


async def test_the_machines_own_constraints_bound_what_is_chosen(uv: Uv, cache: Cache, tmp_path: Path) -> None:
    """pip's `constraint` has a say where the resolver has a choice, and none where the tree's lock leaves none."""
    (tmp_path / "limits.txt").write_text("greeter<1.1\n")
    bound = replace(uv, index=replace(uv.index, constraints=(str(tmp_path / "limits.txt"),)))
    async with environment(tmp_path, bound, cache, "greeter") as made:
        assert "greeter==1.0" in made.lock
    async with environment(tmp_path, uv, cache, "greeter==2.0") as made:
        lock = made.lock
    async with environment(tmp_path, bound, cache, *lock.splitlines()) as made:
        assert "greeter==2.0" in made.lock


async def test_the_same_question_is_not_asked_twice_in_a_while(uv: Uv, cache: Cache, tmp_path: Path) -> None:
    """The next update of a repository has the same baseline; with other settings of pip it is another question."""
    async with environment(tmp_path, uv, cache, "greeter==1.0") as made:
        first = made.lock
    nowhere = replace(uv, path=str(tmp_path / "no-uv-here"))
    async with environment(tmp_path, nowhere, cache, "greeter==1.0") as made:
        assert first == made.lock
    with pytest.raises((NotPrepared, ConfigProblem, OSError)):
        async with environment(tmp_path, replace(nowhere, index=IndexSettings()), cache, "greeter==1.0"):
            pass


def test_hashes_of_the_tree_replace_those_of_the_index() -> None:
    """For the same version only."""
    found = "a==1 \\\n    --hash=sha256:11 \\\n    --hash=sha256:12\nb[x]==2 --hash=sha256:22\n"
    own = Want(text="B[x]==2", name="b", where="", hashes=("sha256:33",))
    other = Want(text="a==3", name="a", where="", hashes=("sha256:44",))
    assert pythons.with_own_hashes(found, [own, other]) == (
        "a==1 --hash=sha256:11 --hash=sha256:12\nb[x]==2 --hash=sha256:33\n"
    )


async def test_a_settings_file_in_the_tree_has_no_say(uv: Uv, cache: Cache, tmp_path: Path) -> None:
    """tool.uv in a tree could else name another index, or files of this machine."""
    settings = '[project]\nname = "x"\n[tool.uv]\nno-index = false\nindex-url = "http://127.0.0.1:9/simple"\n'
    async with environment(tmp_path, uv, cache, "greeter==1.0", **{"pyproject.toml": settings}) as made:
        assert "greeter==1.0" in made.lock


def test_uv_is_looked_for_beside_us_and_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Else it says how to get it."""
    assert Path(resolver.find_uv(IndexSettings()).path).parent == Path(sys.executable).parent
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigProblem, match="pip install uv"):
        resolver.find_uv(IndexSettings())


async def test_a_call_that_hangs_is_ended(uv: Uv, tmp_path: Path) -> None:
    """And the loop tries again later."""
    (tmp_path / "uv").write_text("#!/bin/sh\nsleep 60\n")
    (tmp_path / "uv").chmod(0o755)
    with pytest.raises(Transient, match="did not end"):
        await replace(uv, path=str(tmp_path / "uv"), seconds=0.1).run(tmp_path, "pip")


# --- the cache ---------------------------------------------------------------------------------------------------


def writes(size: int) -> Callable[[Path], Awaitable[None]]:
    """Makes an entry of this size."""

    async def make(place: Path) -> None:
        (place / "data").write_bytes(bytes(size))

    return make


async def test_the_longest_unused_go_first_and_none_in_use(tmp_path: Path) -> None:
    """The bound holds after each new entry, save for what is being used."""
    small = Cache(folder=tmp_path, most=250)
    for place, name in enumerate(("one", "two")):
        async with small.entry(name, writes(100)) as made:
            pass
        os.utime(made / ".ready", (place, place))
    async with small.entry("one", writes(100)) as made:
        os.utime(made / ".ready", (0, 0))
        async with small.entry("three", writes(100)):
            pass
        assert sorted(path.parent.name for path in tmp_path.glob("*/.ready")) == ["one", "three"]


async def test_an_entry_is_made_once_and_half_of_one_is_none(tmp_path: Path) -> None:
    """Side by side, the second waits for the first; what failed or was cut off is made anew."""
    cache, made = Cache(folder=tmp_path), []

    async def slow(place: Path) -> None:
        made.append(place)
        await asyncio.sleep(0.1)

    async def use() -> None:
        async with cache.entry("it", slow):
            pass

    (tmp_path / "it").mkdir(parents=True)
    (tmp_path / "it" / "half").write_text("")
    await asyncio.gather(use(), use(), use())
    assert len(made) == 1 and not (tmp_path / "it" / "half").exists()

    async def fails(_: Path) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        async with cache.entry("other", fails):
            pass
    assert not (tmp_path / "other").exists()
