"""uv.lock follows its manifest by uv itself: only what must move moves, and no hostile file leads it anywhere else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import lockfiles
from bot.core.errors import ConfigProblem, Permanent, SurefootError, Transient
from bot.core.lockfiles import Moved
from bot.core.model import Artifact, Component, Isolation, Release
from bot.lab import resolver
from bot.lab.host import Host
from bot.lab.locking import splice
from bot.lab.locks import LockJob, Locksmith, Relocked, Room, lacking
from bot.tools.http import Http, Reach
from bot.tools.npm import NpmSettings
from bot.tools.pip import IndexSettings
from tests.lab import world
from tests.lab.registries import Wheels, by_content

PAD = Component(name="pad")


def project(*dependencies: str, more: str = "", python: str = 'requires-python = ">=3.11"\n') -> str:
    """A pyproject.toml."""
    listed = "".join(f'    "{one}",\n' for one in dependencies)
    return f'[project]\nname = "app"\nversion = "0.1.0"\n{python}dependencies = [\n{listed}]\n{more}'


@dataclass(frozen=True, slots=True)
class Shop:
    """An index with wheels of pad, tie and top, and the locks that uv would have made of them."""

    index: Wheels
    folder: Path

    @property
    def url(self) -> str:
        return f"{self.index.url}/simple"

    def entry(self, name: str, version: str, *needs: str, index: str = "", times: bool = True) -> str:
        """One package as uv writes it; times: with what newer versions of uv add."""
        path = self.folder / f"{name}-{version}-py3-none-any.whl"
        place = f"{(index or self.url).removesuffix('/simple')}/files{by_content(path)}"
        more = f', size = {path.stat().st_size}, upload-time = "2026-01-02T03:04:05.678Z"' if times else ""
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        needed = "".join(f'    {{ name = "{need}" }},\n' for need in needs)
        return (
            f'[[package]]\nname = "{name}"\nversion = "{version}"\n'
            f'source = {{ registry = "{index or self.url}" }}\n'
            + (f"dependencies = [\n{needed}]\n" if needs else "")
            + f'wheels = [\n    {{ url = "{place}", hash = "sha256:{digest}"{more} }},\n]\n'
        )

    def lock(self, *entries: str, asks: Mapping[str, str], revision: int = 3) -> str:
        """A lock of the project that asks for these, name -> specifier."""
        needed = "".join(f'    {{ name = "{name}" }},\n' for name in asks)
        wishes = [f'{{ name = "{name}", specifier = "{said}" }}' for name, said in asks.items()]
        wished = wishes[0] if len(wishes) == 1 else "\n" + "".join(f"    {wish},\n" for wish in wishes)
        app = (
            '[[package]]\nname = "app"\nversion = "0.1.0"\nsource = { virtual = "." }\n'
            f"dependencies = [\n{needed}]\n\n[package.metadata]\nrequires-dist = [{wished}]\n"
        )
        head = f'version = 1\nrevision = {revision}\nrequires-python = ">=3.11"\n\n'
        return head + "\n".join([app, *entries])


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """pad 1.0 to 1.2 (1.1 and later need tie), tie 1.0 and 1.1, top that needs tie."""
    folder = tmp_path / "wheels"
    world.wheel(folder, "pad", "1.0", {"pad.py": ""})
    world.wheel(folder, "pad", "1.1", {"pad.py": "#1"}, ["tie"])
    world.wheel(folder, "pad", "1.2", {"pad.py": "#2"}, ["tie>=1.1"])
    world.wheel(folder, "tie", "1.0", {"tie.py": ""})
    world.wheel(folder, "tie", "1.1", {"tie.py": "#1"})
    world.wheel(folder, "top", "1.0", {"top.py": ""}, ["tie"])
    async with Wheels(folder=folder).running(tmp_path) as index:
        yield Shop(index, folder)


@asynccontextmanager
async def smith(host: Host, index: IndexSettings, listed: resolver.Listed | None = None) -> AsyncIterator[Locksmith]:
    """The locksmith of a machine whose pip has these settings."""
    reach = Reach(trusted=index.hosts, ca=index.cert)
    async with Http(reach) as http:
        room = Room(host=host, http=http, reach=reach, seconds=60, memory_mib=512)
        uv = resolver.find_uv(index, listed)
        yield Locksmith(room=room, uv=uv, npm=lambda: NpmSettings(registry="https://npm.example/"))


def job(lock: str, manifest: str, version: str, folder: str = "", component: Component = PAD, **more: str) -> LockJob:
    """pad moves to a version. more: other files."""
    files = {f"{folder}pyproject.toml": manifest, f"{folder}uv.lock": lock, **more}
    return LockJob(
        files=files, lock=f"{folder}uv.lock", manifest=f"{folder}pyproject.toml", component=component, version=version
    )


async def relocked(host: Host, shop: Shop, work: LockJob, **settings: Any) -> Relocked:
    """What comes of it on a machine that knows the shop's index alone."""
    async with smith(host, IndexSettings(**{"index_url": shop.url, **settings})) as one:
        return await one.lock(work)


def before(shop: Shop, **more: Any) -> str:
    """pad at 1.0 and top, which holds tie at 1.0."""
    return shop.lock(
        shop.entry("pad", "1.0", **more), shop.entry("tie", "1.0", **more), shop.entry("top", "1.0", "tie", **more),
        asks={"pad": "==1.0", "top": ">=1.0"}, revision=3 if more.get("times", True) else 1,
    )  # fmt: skip


async def test_only_what_must_move_moves(host: Host, shop: Shop) -> None:
    """tie stays at 1.0 although there is a newer one, and every other byte of the lock stays as it is."""
    made = await relocked(host, shop, job(before(shop), project("pad==1.1", "top>=1.0"), "1.1"))
    after = shop.lock(
        shop.entry("pad", "1.1", "tie"), shop.entry("tie", "1.0"), shop.entry("top", "1.0", "tie"),
        asks={"pad": "==1.1", "top": ">=1.0"},
    )  # fmt: skip
    assert made.files == {"uv.lock": after}
    assert made.moved == (Moved("pad", "1.0", "1.1"),)


async def test_what_the_new_version_needs_moves_with_it_and_is_named(host: Host, shop: Shop) -> None:
    """The exact version that was asked for, and not the newest that the range would take."""
    made = await relocked(host, shop, job(before(shop), project("pad>=1.0,<2", "top>=1.0"), "1.2"))
    assert made.moved == (Moved("pad", "1.0", "1.2"), Moved("tie", "1.0", "1.1"))
    made = await relocked(host, shop, job(before(shop), project("pad>=1.0,<2", "top>=1.0"), "1.1"))
    assert made.moved == (Moved("pad", "1.0", "1.1"),)


async def test_a_lock_of_an_older_uv_is_not_written_anew(host: Host, shop: Shop) -> None:
    """What newer versions of uv add to each package comes with the packages that move, and with no other."""
    made = await relocked(host, shop, job(before(shop, times=False), project("pad==1.1", "top>=1.0"), "1.1"))
    changed = set(made.files["uv.lock"].splitlines()) - set(before(shop, times=False).splitlines())
    assert not any(line.startswith("revision") or "tie-1.0" in line or "top-1.0" in line for line in changed)
    assert any("pad-1.1" in line for line in changed)


@pytest.mark.parametrize("more", [{"html": True}, {"metadata": False}, {"html": True, "metadata": False}])
async def test_every_kind_of_index_serves(host: Host, shop: Shop, more: dict[str, bool]) -> None:
    """Pages in JSON or HTML; where it does not say what wheels need, these are fetched and read."""
    for name, value in more.items():
        setattr(shop.index, name, value)
    made = await relocked(host, shop, job(before(shop), project("pad==1.2", "top>=1.0"), "1.2"))
    assert made.moved == (Moved("pad", "1.0", "1.2"), Moved("tie", "1.0", "1.1"))


async def test_a_lock_that_is_right_already_is_not_changed(host: Host, shop: Shop) -> None:
    """Nothing moved, and nothing is to be committed."""
    assert await relocked(host, shop, job(before(shop), project("pad==1.0", "top>=1.0"), "1.0")) == Relocked(
        files={}, moved=()
    )


async def test_a_private_index_with_a_login_over_tls(host: Host, shop: Shop, tmp_path: Path) -> None:
    """The login reaches the index and is neither in the lock nor in the jail."""
    private = Wheels(folder=shop.folder, tls=True, login="Basic bWU6aHVudGVyMg==")
    async with private.running(tmp_path) as index:
        url = f"{index.url}/simple"
        lock = shop.lock(shop.entry("pad", "1.0", index=url), asks={"pad": "==1.0"})
        settings = {"index_url": url.replace("https://", "https://me:hunter2@"), "cert": index.pem}
        made = await relocked(host, shop, job(lock, project("pad==1.1"), "1.1"), **settings)
    assert made.moved == (Moved("pad", "1.0", "1.1"), Moved("tie", "", "1.1"))
    assert "hunter2" not in made.files["uv.lock"] and set(private.logins) == {private.login}


async def test_a_workspace_is_locked_as_a_whole(host: Host, shop: Shop) -> None:
    """The manifests of all members are laid out; the one lock lies at the root, in a folder of the repository."""
    root = project("part", more='[tool.uv.workspace]\nmembers = ["part"]\n[tool.uv.sources]\npart={workspace=true}\n')
    part = project("pad==1.1").replace("app", "part")
    lock = f"""version = 1
revision = 3
requires-python = ">=3.11"

[manifest]
members = [
    "app",
    "part",
]

[[package]]
name = "app"
version = "0.1.0"
source = {{ virtual = "." }}
dependencies = [
    {{ name = "part" }},
]

[package.metadata]
requires-dist = [{{ name = "part", virtual = "part" }}]

{shop.entry("pad", "1.0")}
[[package]]
name = "part"
version = "0.1.0"
source = {{ virtual = "part" }}
dependencies = [
    {{ name = "pad" }},
]

[package.metadata]
requires-dist = [{{ name = "pad", specifier = "==1.0" }}]
"""
    made = await relocked(host, shop, job(lock, root, "1.1", folder="web/", **{"web/part/pyproject.toml": part}))
    assert made.moved == (Moved("pad", "1.0", "1.1"), Moved("tie", "", "1.1"))
    assert list(made.files) == ["web/uv.lock"]


# --- refusals ------------------------------------------------------------------------------------------------------


async def refused(host: Host, shop: Shop, work: LockJob, **settings: Any) -> str:
    """Why it is refused, in the words that a person gets."""
    with pytest.raises(ConfigProblem) as caught:
        await relocked(host, shop, work, **settings)
    return str(caught.value)


async def test_a_conflict_is_told_in_uvs_words(host: Host, shop: Shop) -> None:
    """Bounded, without decoration, with the file that it is about."""
    said = await refused(host, shop, job(before(shop), project("pad==1.2", "top>=1.0", "tie<1.1"), "1.2"))
    assert said.startswith("uv.lock: uv cannot lock pad 1.2: No solution found")
    assert "tie>=1.1" in said and len(said) < 1700 and "\n" not in said


async def test_a_version_that_is_not_there_is_said(host: Host, shop: Shop) -> None:
    """And what is no version, or no name, is refused before anything is started."""
    assert "no version of pad==7.0" in await refused(host, shop, job(before(shop), project("pad>=1", "top"), "7.0"))
    for bad in ("--index=https://evil.example", "1.0; rm", ""):
        assert "Invalid version" in await refused(host, shop, job(before(shop), project("pad", "top"), bad))
    odd = Component(name="--config-file=/x")
    assert "name is invalid" in await refused(host, shop, job(before(shop), project("pad"), "1.0", component=odd))


async def test_what_must_be_built_is_not_built(host: Host, shop: Shop) -> None:
    """A project that finds out its requirements by running its own code runs none of it."""
    manifest = project(more='dynamic = ["dependencies"]\n[build-system]\nrequires=[]\nbuild-backend="evil"\n')
    manifest = re.sub(r"dependencies = \[\n\]\n", "", manifest)
    evil = "raise SystemExit('it was run')\n"
    said = await refused(host, shop, job(before(shop), manifest, "1.1", **{"evil.py": evil}))
    assert "uv cannot lock" in said and "it was run" not in said


async def test_an_index_of_the_project_that_the_machine_does_not_know_is_not_asked(host: Host, shop: Shop) -> None:
    """Whether it would be asked first, last or for everything."""
    for more in (
        '[[tool.uv.index]]\nurl = "https://evil.example/simple"\n',
        '[[tool.uv.index]]\nurl = "https://evil.example/simple"\ndefault = true\n',
        '[tool.uv]\nindex-url = "https://evil.example/simple"\n',
        '[tool.uv]\nextra-index-url = ["https://evil.example/simple"]\n',
        '[tool.uv]\nfind-links = ["https://evil.example/files"]\n',
        '[[tool.uv.index]]\nname = "own"\nurl = "http://169.254.169.254/simple"\nexplicit = true\n'
        '[tool.uv.sources]\npad = { index = "own" }\n',
        '[tool.uv.sources]\npad = { git = "https://evil.example/pad" }\n',
        '[tool.uv.sources]\npad = { url = "https://evil.example/pad-1.1-py3-none-any.whl" }\n',
    ):
        wanted = r"wants to fetch from (https://evil\.example|http://169\.254\.169\.254), which is no part of"
        work = job(before(shop), project("pad==1.1", "top", more=more), "1.1")
        assert re.search(wanted, await refused(host, shop, work)), more


async def test_uv_toml_has_no_more_power(host: Host, shop: Shop) -> None:
    """It hides what the manifest says, and is bound by the same list."""
    evil = 'index-url = "https://evil.example/simple"\n'
    said = await refused(host, shop, job(before(shop), project("pad==1.1", "top"), "1.1", **{"uv.toml": evil}))
    assert "evil.example" in said
    odd = {"uv.toml": "index = 1\n"}
    assert "settings of uv cannot be read" in await refused(host, shop, job(before(shop), project("pad"), "1.1", **odd))


async def test_an_index_of_the_project_that_the_machine_knows_is_asked(host: Host, shop: Shop, tmp_path: Path) -> None:
    """As for whoever works on the project: by its own settings, and each package from where it was."""
    (tmp_path / "more").mkdir()
    async with Wheels(folder=shop.folder).running(tmp_path / "more") as own:
        url = f"{own.url}/simple"
        more = f'[[tool.uv.index]]\nname = "own"\nurl = "{url}/"\nexplicit = true\n[tool.uv.sources]\n'
        more += 'pad = { index = "own" }\n'
        lock = shop.lock(shop.entry("pad", "1.0", index=f"{url}/"), asks={"pad": "==1.0"})
        work = job(lock.replace(f"{url}/files", f"{own.url}/files"), project("pad==1.1", more=more), "1.1")
        made = await relocked(host, shop, work, extra=(url,))
        async with smith(host, IndexSettings(index_url=shop.url)) as one:
            assert await replace(one, also=(url,)).lock(work) == made
            with pytest.raises(ConfigProblem, match="wants to fetch from"):
                await one.lock(work)
        packages = {one.name: one.origin for one in lockfiles.read(made.files["uv.lock"], "uv.lock")}
    assert packages == {"app": "", "pad": f"{url}/", "tie": shop.url}


async def test_a_lock_that_names_a_strange_index_is_refused(host: Host, shop: Shop) -> None:
    """Nobody is asked in its stead: what is private there could be anyone's elsewhere."""
    lock = before(shop, index="https://evil.example/simple")
    said = await refused(host, shop, job(lock, project("pad==1.1", "top"), "1.1"))
    assert "takes packages from https://evil.example/simple, which is no index of this machine" in said
    assert shop.index.seen == []


async def test_a_new_package_comes_from_the_index_that_counts_for_its_name(
    host: Host, shop: Shop, tmp_path: Path
) -> None:
    """A stranger's package on the index that the lock uses is not taken for an internal name."""
    async with Wheels(folder=tmp_path / "none").running(tmp_path) as internal:

        async def listed(component: Component) -> list[Release]:
            files = {"tie": (Artifact(filename="tie-9.whl", url="https://x.example/tie", sha256="0" * 64),)}
            paths = shop.folder.glob(f"{component.name}-*.whl")
            own = tuple(
                Artifact(filename=path.name, url="", sha256=hashlib.sha256(path.read_bytes()).hexdigest())
                for path in paths
            )
            return [Release(version="1", artifacts=files.get(component.name, own))]

        index = IndexSettings(index_url=shop.url, extra=(f"{internal.url}/simple",))
        lock = shop.lock(shop.entry("pad", "1.0"), asks={"pad": "==1.0"})
        async with smith(host, index, listed) as one:
            with pytest.raises(ConfigProblem, match=r"tie 1\.1 is not installed: another index counts for this name"):
                await one.lock(job(lock, project("pad==1.1"), "1.1"))


async def test_other_bytes_under_an_old_version_are_refused(host: Host, shop: Shop) -> None:
    """The index has replaced a file that the lock knows by its hash."""
    lock = before(shop)
    world.wheel(shop.folder, "top", "1.0", {"top.py": "evil"}, ["tie"])
    said = await refused(host, shop, job(lock, project("pad==1.1", "top>=1.0"), "1.1"))
    assert "other files under the old version of top 1.0" in said


async def test_a_lock_for_another_python_is_refused(host: Host, shop: Shop) -> None:
    """Where no manifest says which Pythons it is for, uv would take that of this machine."""
    lock = before(shop).replace(">=3.11", ">=3.9")
    work = job(lock, project("pad==1.1", "top>=1.0", python=""), "1.1")
    with pytest.raises(SurefootError, match=r"Python (3\.9|==3\.9|>=3\.1).*") as caught:
        await relocked(host, shop, work)
    assert isinstance(caught.value, Permanent | ConfigProblem)
    with pytest.raises(Permanent, match=r"asks for Python >=9.*Install one that fits"):
        await relocked(host, shop, job(before(shop).replace(">=3.11", ">=9"), project("pad"), "1.1"))
    assert "is no range" in await refused(host, shop, job(before(shop).replace(">=3.11", "?"), project("pad"), "1.1"))


@pytest.mark.parametrize("status", [503, 429])
async def test_an_index_that_is_away_is_worth_another_try(host: Host, shop: Shop, status: int) -> None:
    """The loop waits and asks again."""
    shop.index.fail = status
    with pytest.raises(Transient) as caught:
        await relocked(host, shop, job(before(shop), project("pad==1.1", "top>=1.0"), "1.1"))
    assert caught.value.after is not None


async def test_no_jail_no_lock(host: Host, shop: Shop) -> None:
    """And no other kind of lock, and none that was not handed over."""
    bare = replace(host, isolation=Isolation.NONE, reason="no jail", mend="Get one")
    with pytest.raises(Permanent, match="in a jail only"):
        await relocked(bare, shop, job(before(shop), project("pad==1.1"), "1.1"))
    work = job(before(shop), project("pad==1.1"), "1.1")
    with pytest.raises(Permanent, match=r"Chart\.lock is not made anew: its tool is none of those"):
        await relocked(host, shop, replace(work, lock="Chart.lock"))
    assert "not among the files" in await refused(host, shop, replace(work, manifest="a/pyproject.toml"))
    assert "cannot be read" in await refused(host, shop, job("[", project("pad==1.1"), "1.1"))
    assert shop.index.seen == []


async def test_what_this_machine_lacks_is_said_with_the_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence for each kind of lock that could not be made."""
    monkeypatch.setenv("PATH", str(tmp_path))
    said = await lacking()
    assert all("nstall" in one for one in said)
    for tool in ("Poetry", "cargo", "Composer", "Go", "Ruby", "npm", "pnpm", "Yarn 4"):
        assert [one for one in said if tool in one], tool
    assert [one for one in said if "Poetry" in one] and [one for one in said if "Yarn 1 is not installed" in one]


# --- a uv that lies ------------------------------------------------------------------------------------------------


async def answered(host: Host, shop: Shop, tmp_path: Path, lock: str, *, agrees: bool, old: str = "") -> Relocked:
    """What comes of it when uv hands back this lock. agrees: what it says to the lock that we make of it."""
    (tmp_path / "bin").mkdir(exist_ok=True)
    (tmp_path / "bin" / "answer").write_text(lock)
    program = tmp_path / "bin" / "uv"
    check = f'for word; do [ "$word" = --check ] && exit {0 if agrees else 1}; done\n'
    program.write_text(f'#!/bin/sh\n{check}cat "{tmp_path}/bin/answer" > uv.lock\n')
    for path in (tmp_path / "bin", program):
        path.chmod(0o755)
    async with smith(host, IndexSettings(index_url=shop.url)) as one:
        lying = replace(one, uv=replace(one.uv, path=str(program)))
        return await lying.lock(job(old or before(shop), project("pad==1.1", "top>=1.0"), "1.1"))


async def test_what_uv_says_is_held_against_what_was_asked(host: Host, shop: Shop, tmp_path: Path) -> None:
    """Another version, another Python, another registry, or no lock at all."""
    old = before(shop)
    right = shop.lock(
        shop.entry("pad", "1.1", "tie"), shop.entry("tie", "1.0"), shop.entry("top", "1.0", "tie"),
        asks={"pad": "==1.1", "top": ">=1.0"},
    )  # fmt: skip
    elsewhere = right.replace(f'"{shop.url}"', '"https://evil.example/simple"')
    for lock, why in (
        (old, "uv keeps pad at 1.0"),
        (old.replace('name = "pad"', 'name = "bad"'), "uv keeps pad at no version"),
        (right.replace('version = "1.1"', 'version = "one"'), "uv keeps pad at one"),
        (right.replace(">=3.11", ">=3.12"), "would be for Python >=3.12 instead of >=3.11"),
        (elsewhere, "would take pad from https://evil.example/simple"),
        ("{", "cannot be read"),
    ):
        with pytest.raises(ConfigProblem, match=re.escape(why)):
            await answered(host, shop, tmp_path, lock, agrees=True)
    assert (await answered(host, shop, tmp_path, right, agrees=False)).files == {"uv.lock": right}
    local = right.replace('version = "1.1"', 'version = "1.1+cpu"')
    assert (await answered(host, shop, tmp_path, local, agrees=True)).moved == (Moved("pad", "1.0", "1.1+cpu"),)


async def test_uv_has_the_last_word_on_what_was_put_back(
    host: Host, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it does not agree its own text is taken; behind a mirror none, as that names the mirror."""
    old = before(shop, times=False)
    new = before(shop).replace('"pad"\nversion = "1.0"', '"pad"\nversion = "1.1"')
    assert (await answered(host, shop, tmp_path, new, agrees=False, old=old)).files == {"uv.lock": new}
    assert (await answered(host, shop, tmp_path, new, agrees=True, old=old)).files != {"uv.lock": new}
    monkeypatch.setattr("packageurl.contrib.purl2url.get_repo_url", lambda purl: "https://public.example/project/x")
    public = "https://public.example/simple"
    old, new = old.replace(shop.url, public), new.replace(shop.url, public)
    with pytest.raises(Permanent, match="asks by a mirror, and uv does not agree"):
        await answered(host, shop, tmp_path, new, agrees=False, old=old)


# --- behind a mirror -----------------------------------------------------------------------------------------------


async def test_behind_a_mirror_the_lock_keeps_naming_the_public_index(
    host: Host, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip's index-url stands for the public index here; the files of what moves get the public index's own URLs."""
    public, files = "https://public.example/simple", "https://files.example"
    monkeypatch.setattr("packageurl.contrib.purl2url.get_repo_url", lambda purl: "https://public.example/project/x")
    lock = before(shop, index=public).replace("https://public.example/files", f"{files}/packages")
    made = await relocked(host, shop, job(lock, project("pad==1.1", "top>=1.0"), "1.1"))
    text = made.files["uv.lock"]
    after = shop.entry("pad", "1.1", "tie", index=public).replace("https://public.example/files", f"{files}/packages")
    assert made.moved == (Moved("pad", "1.0", "1.1"),)
    assert after in text and shop.index.url not in text
    assert shop.index.seen


# --- the splice ----------------------------------------------------------------------------------------------------

PACKAGES = st.dictionaries(
    st.sampled_from("abcde"), st.tuples(st.sampled_from(["1", "2"]), st.sampled_from(["x", "y"]), st.booleans())
)


def text_of(packages: Mapping[str, tuple[str, str, bool]], revision: str) -> str:
    """A lock; the booleans say whether a package needs another, the letters which files it has."""
    blocks = []
    for name, (version, file, needs) in sorted(packages.items()):
        needed = 'dependencies = [\n    { name = "z" },\n]\n' if needs else ""
        wheels = f'wheels = [\n    {{ url = "https://f.example/{name}-{file}.whl", hash = "sha256:{file}" }},\n]\n'
        head = f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{ registry = "https://i.example" }}\n'
        blocks.append(head + needed + wheels)
    return f'version = 1\n{revision}requires-python = ">=3.11"\n\n' + "\n".join(blocks)


REVISION = st.sampled_from(["", "revision = 1\n", "revision = 3\n"])


@given(old=PACKAGES, new=PACKAGES, revisions=st.tuples(REVISION, REVISION))
def test_a_splice_keeps_the_old_files_of_what_stayed(
    old: dict[str, tuple[str, str, bool]], new: dict[str, tuple[str, str, bool]], revisions: tuple[str, str]
) -> None:
    """And the new text of all else, so that a lock beside itself stays itself."""
    kept = {
        name: old[name] if name in old and (old[name][0], old[name][2]) == (now[0], now[2]) else now
        for name, now in new.items()
    }
    spliced = splice.quiet(text_of(old, revisions[0]), text_of(new, revisions[1]))
    assert spliced == text_of(kept, revisions[0] if revisions[1] else "")


def test_a_text_that_cannot_be_parted_is_left_alone() -> None:
    """The mark inside of a string would make parts that are none."""
    odd = 'version = 1\nx = """\n[[package]]\n"""\n[[package]]\nname = "a"\nsource = { virtual = "." }\n'
    assert splice.quiet(odd, "version = 1\n") == "version = 1\n"
    assert splice.respelt("version = 1\n", "anything", "https://i.example") == "anything"
