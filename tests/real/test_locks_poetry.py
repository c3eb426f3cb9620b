"""poetry.lock is made anew by the real Poetry in the jail: only what must move moves, and nothing is ever built."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.core.errors import Transient
from bot.core.lockfiles import Moved
from bot.core.model import Component
from bot.lab.host import Host
from bot.lab.locks import LockJob, Relocked
from bot.tools.pip import IndexSettings
from tests.lab import world
from tests.lab.poetry_locks import Writer, own, standard
from tests.lab.registries import Wheels
from tests.real import tools, wheel_world
from tests.real.smithing import of_pip, refusal

PAD = Component(name="pad")


@pytest.fixture(autouse=True)
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Poetry that `make servers` installs."""
    tools.first(monkeypatch, "Poetry")


@dataclass(frozen=True, slots=True)
class Shop:
    """An index with wheels of pad, tie and top, and the locks that Poetry would have made of them."""

    index: Wheels
    write: Writer

    @property
    def url(self) -> str:
        return f"{self.index.url}/simple"

    @property
    def folder(self) -> Path:
        return self.write.folder


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """pad 1.0 to 1.2 (1.1 and later need tie), tie 1.0 and 1.1, top that needs tie."""
    folder = tmp_path / "wheels"
    world.wheel(folder, "pad", "1.0", {"pad.py": ""})
    world.wheel(folder, "pad", "1.1", {"pad.py": "#1"}, ["tie"])
    world.wheel(folder, "pad", "1.2", {"pad.py": "#2"}, ["tie>=1.1"])
    world.wheel(folder, "pad", "2.0", {"pad.py": "#3"})
    world.wheel(folder, "tie", "1.0", {"tie.py": ""})
    world.wheel(folder, "tie", "1.1", {"tie.py": "#1"})
    world.wheel(folder, "top", "1.0", {"top.py": ""}, ["tie"])
    async with Wheels(folder=folder).running(tmp_path) as index:
        yield Shop(index, Writer(folder))


def job(lock: str, manifest: str, version: str, **more: str) -> LockJob:
    """pad moves to a version. more: other files."""
    files = {"pyproject.toml": manifest, "poetry.lock": lock, **more}
    return LockJob(files=files, lock="poetry.lock", manifest="pyproject.toml", component=PAD, version=version)


async def relocked(host: Host, shop: Shop, work: LockJob) -> Relocked:
    """What comes of it on a machine that asks the shop in the stead of the public index."""
    return await wheel_world.relocked(host, shop.index, work)


def locked(shop: Shop, manifest: str, *, pad: str = "1.0", tie: str = "1.0", older: bool = False) -> str:
    """pad and top, which needs tie."""
    write, needs = shop.write, {"1.0": {}, "1.1": {"tie": "*"}, "1.2": {"tie": ">=1.1"}}
    return write.lock(
        manifest, write.entry("pad", pad, needs[pad], older=older), write.entry("tie", tie, older=older),
        write.entry("top", "1.0", {"tie": "*"}, older=older), older=older,
    )  # fmt: skip


MANIFESTS: Mapping[str, tuple[str, str]] = {
    "standard": (standard("pad>=1.0,<2", "top>=1.0"), standard("pad>=1.1,<2", "top>=1.0")),
    "own": (own({"pad": '"^1.0"', "top": '"*"'}), own({"pad": '"^1.1"', "top": '"*"'})),
}


@pytest.mark.parametrize("kind", list(MANIFESTS))
async def test_only_what_must_move_moves(best: Host, shop: Shop, kind: str) -> None:
    """To the version that was asked for, not the newest of the range; tie stays, and so does every other byte."""
    was, now = MANIFESTS[kind]
    made = await relocked(best, shop, job(locked(shop, was), now, "1.1"))
    assert made.files == {"poetry.lock": locked(shop, now, pad="1.1")}
    assert made.moved == (Moved("pad", "1.0", "1.1"),)


async def test_what_the_new_version_needs_moves_with_it_and_is_named(best: Host, shop: Shop) -> None:
    """And a lock of Poetry 1 stays one: in its format, with the checksum that it would have written."""
    was, now = MANIFESTS["own"]
    made = await relocked(best, shop, job(locked(shop, was, older=True), now, "1.2"))
    assert made.files == {"poetry.lock": locked(shop, now, pad="1.2", tie="1.1", older=True)}
    assert made.moved == (Moved("pad", "1.0", "1.2"), Moved("tie", "1.0", "1.1"))


@pytest.mark.parametrize("more", [{"html": True}, {"metadata": False}])
async def test_every_kind_of_index_stands_in(best: Host, shop: Shop, more: dict[str, bool]) -> None:
    """Pages in HTML; where it does not say what wheels need, these are fetched and read in the jail."""
    for name, value in more.items():
        setattr(shop.index, name, value)
    was, now = MANIFESTS["standard"]
    made = await relocked(best, shop, job(locked(shop, was), now, "1.1"))
    assert made.files == {"poetry.lock": locked(shop, now, pad="1.1")}


async def test_a_private_index_with_a_login_over_tls(best: Host, shop: Shop, tmp_path: Path) -> None:
    """Named by the project as a source and by this machine with a login, which is neither in the lock nor inside."""
    (tmp_path / "tls").mkdir()
    private = Wheels(folder=shop.folder, tls=True, login="Basic bWU6aHVudGVyMg==")
    async with private.running(tmp_path / "tls"):
        url = f"{private.url}/simple"
        source = f'\n[[tool.poetry.source]]\nname = "own"\nurl = "{url}/"\npriority = "explicit"\n'
        wish = '{{version = "{}", source = "own"}}'
        was, now = (own({"pad": wish.format(one), "top": '"*"'}, source) for one in ("^1.0", "^1.1"))
        held = [shop.write.entry("tie", "1.0"), shop.write.entry("top", "1.0", {"tie": "*"})]
        lock = shop.write.lock(was, shop.write.entry("pad", "1.0", source=url), *held)
        settings = IndexSettings(
            index_url=shop.url, extra=(url.replace("https://", "https://me:hunter2@"),), cert=private.pem
        )
        async with of_pip(best, settings) as one:
            made = await one.lock(job(lock, now, "1.1"))
    after = shop.write.lock(now, shop.write.entry("pad", "1.1", {"tie": "*"}, source=url), *held)
    assert made.files == {"poetry.lock": after}
    assert set(private.logins) == {"Basic bWU6aHVudGVyMg=="} and set(shop.index.logins) <= {None}


async def test_groups_stay_what_they_are(best: Host, shop: Shop) -> None:
    """Of PEP 735; the checksum is the one that this project's own, older Poetry expects."""
    more = '\n[dependency-groups]\ndev = [\n    "pad{}",\n]\n'
    was, now = (standard("top>=1.0", more=more.format(one)) for one in (">=1.0", ">=1.1"))
    write = shop.write
    rest = (write.entry("tie", "1.0", groups=("main", "dev")), write.entry("top", "1.0", {"tie": "*"}))
    alone = (write.entry("tie", "1.0"), rest[1])
    for by in ("2.1.0", "2.4.0"):
        lock = write.lock(was, write.entry("pad", "1.0", groups=("dev",)), *alone, by=by)
        made = await relocked(best, shop, job(lock, now, "1.1"))
        after = write.lock(now, write.entry("pad", "1.1", {"tie": "*"}, groups=("dev",)), *rest, by=by)
        assert made.files == {"poetry.lock": after}


async def test_a_wish_under_a_condition_is_answered_under_it(best: Host, shop: Shop) -> None:
    """A version that not every Python of the project can have is had by those that can."""
    # One header more: the wheel says for which Pythons it is.
    world.wheel(shop.folder, "pad", "1.5", {"pad.py": ""}, ["tie<1.1\nRequires-Python: >=3.12"])
    was, now = (standard(f"pad>={one} ; python_version >= '3.12'") for one in ("1.0", "1.5"))
    made = await relocked(best, shop, job(shop.write.lock(was, marked(shop.write.entry("pad", "1.0"))), now, "1.5"))
    pad = marked(shop.write.entry("pad", "1.5", {"tie": "<1.1"}))
    pad = pad.replace('python-versions = "*"', 'python-versions = ">=3.12"')
    assert made.files == {"poetry.lock": shop.write.lock(now, pad, marked(shop.write.entry("tie", "1.0")))}


def marked(entry: str) -> str:
    """A package that is needed by newer Pythons only."""
    return entry.replace("files = [", 'markers = "python_version >= \\"3.12\\""\nfiles = [')


# --- refusals ------------------------------------------------------------------------------------------------------


async def refused(host: Host, shop: Shop, work: LockJob) -> str:
    """Why it is refused, in the words that a person gets."""
    return await refusal(relocked(host, shop, work))


async def test_a_conflict_is_told_in_poetrys_words(best: Host, shop: Shop) -> None:
    """Bounded, without its chatter; and so is a version that is not there."""
    was, _ = MANIFESTS["own"]
    now = own({"pad": '"^1.2"', "top": '"*"', "tie": '"<1.1"'})
    said = await refused(best, shop, job(locked(shop, was), now, "1.2"))
    assert said.startswith("poetry.lock: Poetry cannot lock pad 1.2: ")
    assert "tie (>=1.1)" in said and "Resolving" not in said and len(said) < 1700 and "\n" not in said
    said = await refused(best, shop, job(locked(shop, was), was, "7.0"))
    assert "pad (==7.0)" in said


async def test_what_is_published_as_source_is_not_built(best: Host, shop: Shop) -> None:
    """What the lock knows of such a package is believed; a new one is refused, and none is fetched."""
    was, now = MANIFESTS["standard"]
    old = shop.folder / "top-1.0-py3-none-any.whl"
    old.rename(shop.folder / "top-1.0.tar.gz")
    lock = locked_with_source(shop, was)
    made = await relocked(best, shop, job(lock, now, "1.1"))
    assert made.files == {"poetry.lock": locked_with_source(shop, now, "1.1")}
    (shop.folder / "pad-1.1-py3-none-any.whl").rename(shop.folder / "pad-1.1.tar.gz")
    said = await refused(best, shop, job(lock, now, "1.1"))
    assert "pad 1.1 is published as source only" in said
    assert not any(".tar.gz" in path for path in shop.index.seen)


def locked_with_source(shop: Shop, manifest: str, pad: str = "1.0") -> str:
    """As `locked`, where top is a source archive."""
    write = shop.write
    return write.lock(
        manifest, write.entry("pad", pad, {"tie": "*"} if pad != "1.0" else {}), write.entry("tie", "1.0"),
        write.entry("top", "1.0", {"tie": "*"}, file="top-1.0.tar.gz"),
    )  # fmt: skip


async def test_a_folder_that_must_be_built_is_not_built(best: Host, shop: Shop) -> None:
    """Neither by its own code nor by a build backend from the index."""
    world.wheel(shop.folder, "evil", "1.0", {"evil.py": "raise SystemExit('it was run')\n"})
    lib = '[build-system]\nrequires = ["evil"]\nbuild-backend = "evil"\n'
    lib += '[project]\nname = "lib"\ndynamic = ["version", "dependencies"]\n'
    was, _ = MANIFESTS["own"]
    now = own({"pad": '"^1.1"', "top": '"*"', "lib": '{path = "lib"}'})
    said = await refused(best, shop, job(locked(shop, was), now, "1.1", **{"lib/pyproject.toml": lib}))
    assert "it was run" not in said and "Poetry cannot lock pad 1.1" in said, said


async def test_a_place_that_this_machine_does_not_name_is_not_asked(best: Host, shop: Shop) -> None:
    """Whether the project, its lock or a single dependency names it."""
    was, _ = MANIFESTS["own"]
    source = '\n[[tool.poetry.source]]\nname = "evil"\nurl = "{}/simple"\n{}'
    also = 'priority = "supplemental"\n[tool.poetry.group.x.dependencies]\nnope = "*"\n'
    explicit = source.format("http://169.254.169.254", 'priority = "explicit"\n')
    for more, pad in (
        (source.format("https://evil.example", ""), '"^1.1"'),
        (source.format("https://evil.example", also), '"^1.1"'),
        (explicit, '{version = "^1.1", source = "evil"}'),
        ("", '{git = "https://evil.example/pad"}'),
        ("", '{url = "https://evil.example/pad-1.1-py3-none-any.whl"}'),
    ):
        work = job(locked(shop, was), own({"pad": pad, "top": '"*"'}, more), "1.1")
        said = await refused(best, shop, work)
        assert re.search(r"wants to fetch from https?://(evil\.example|169\.254)", said), (said, more)
    seen = len(shop.index.seen)
    lock = shop.write.lock(was, shop.write.entry("pad", "1.0", source="https://evil.example/simple"))
    said = await refused(best, shop, job(lock, was, "1.1"))
    assert "takes packages from https://evil.example/simple, which is no index of this machine" in said
    assert len(shop.index.seen) == seen


async def test_a_poetry_of_todays_index_is_asked_twice_and_agrees(best: Host, shop: Shop) -> None:
    """What was made is an answer to itself: nothing moves when it is made once more."""
    was, now = MANIFESTS["standard"]
    made = await relocked(best, shop, job(locked(shop, was), now, "1.1"))
    again = await relocked(best, shop, job(made.files["poetry.lock"], now, "1.1"))
    assert again == Relocked(files={}, moved=())


async def test_an_index_that_is_away_is_worth_another_try(best: Host, shop: Shop) -> None:
    """The loop waits and asks again."""
    was, now = MANIFESTS["standard"]
    shop.index.fail = 503
    with pytest.raises(Transient):
        await relocked(best, shop, job(locked(shop, was), now, "1.1"))
