"""go.sum is made anew by the real Go in the jail: only what must move moves, and nothing is built or run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import pytest

from bot.core.errors import Permanent, Transient
from bot.core.lockfiles import Moved
from bot.core.model import Component
from bot.lab.host import Host
from bot.lab.locking import golang
from bot.lab.locking.allowed import Place
from bot.lab.locks import LockJob, Relocked
from bot.tools.http import Reach
from tests.real import smithing
from tests.real.go_world import Database, Proxy

TOOLS = (golang.find,)
PAD, TIE, TOP = "pad.example/pad", "tie.example/tie", "top.example/top"
MOD = "module app.example/app\n\ngo 1.18\n\nrequire (\n\t{pad}\n\t{top}\n)\n\nrequire {tie} // indirect\n"
SOURCE = f'package app\n\nimport (\n\t"{PAD}"\n\t"{TOP}"\n)\n\nvar _ = pad.X + top.X +\n'  # it does not even compile
TEST = f'package app\n\nimport "{PAD}/deep"\n'


def module(name: str, needs: Mapping[str, str], **files: str) -> dict[str, str]:
    """A module that imports what it needs."""
    required = "".join(f"\nrequire {one} {version}\n" for one, version in needs.items())
    imports = "".join(f'import _ "{one}"\n' for one in needs)
    plain = name.rpartition("/")[2]
    source = f"package {plain}\n\n{imports}\nconst X = 1\n"
    return {
        "go.mod": f"module {name}\n\ngo 1.18\n{required}",
        f"{plain}.go": source,
        "deep/x.go": "package deep\n",
        **files,
    }


def world() -> Proxy:
    """pad in some versions, of which later ones need tie; top needs tie."""
    made = Proxy()
    for version, needs in (("v1.0.0", {}), ("v1.1.0", {TIE: "v1.0.0"}), ("v1.2.0", {TIE: "v1.1.0"}), ("v1.9.0", {})):
        made.modules[f"{PAD}@{version}"] = module(PAD, needs)
    for version in ("v1.0.0", "v1.1.0", "v1.2.0"):
        made.modules[f"{TIE}@{version}"] = module(TIE, {})
    made.modules[f"{TOP}@v1.0.0"] = module(TOP, {TIE: "v1.0.0"})
    return made


def manifest(pad: str = "v1.0.0", tie: str = "v1.0.0") -> str:
    """The go.mod of the project, as Go writes it."""
    return MOD.format(pad=f"{PAD} {pad}", tie=f"{TIE} {tie}", top=f"{TOP} v1.0.0")


def sums(proxy: Proxy, *names: str) -> str:
    """A go.sum with archives of these, and the go.mod alone of those that end in `/go.mod`."""
    texts = (proxy.mod(one.removesuffix("/go.mod")) if one.endswith("/go.mod") else proxy.sums(one) for one in names)
    lines = [line for text in texts for line in text.splitlines(keepends=True)]
    return "".join(sorted(lines))


@dataclass
class Shop:
    """A machine on which this proxy is the one of GOPROXY."""

    proxy: Proxy
    host: Host

    def job(self, version: str, **more: str) -> LockJob:
        """pad moves to a version. more: other files, or other texts."""
        locked = sums(self.proxy, f"{PAD}@v1.0.0", f"{TIE}@v1.0.0", f"{TOP}@v1.0.0")
        files = {"go.mod": manifest(version), "go.sum": locked, "a.go": SOURCE, "a_test.go": TEST, **more}
        pad = Component(name=PAD, ecosystem="golang")
        return LockJob(files=files, lock="go.sum", manifest="go.mod", component=pad, version=version)

    async def lock(self, work: LockJob) -> Relocked:
        """What comes of it."""
        async with smithing.smith(self.host, Reach(trusted={"127.0.0.1"})) as one:
            return await one.lock(work)

    async def refused(self, work: LockJob) -> str:
        """Why not, in the words that a person gets."""
        return await smithing.refusal(self.lock(work))


@pytest.fixture
async def shop(best: Host, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """The proxy is known to Go by a name, as Go asks no proxy about loopback; the machine asks no other database."""
    async with world().running() as proxy:
        monkeypatch.setenv("GOSUMDB", "off")
        monkeypatch.setattr(golang, "places_of", lambda _: [Place(url="http://modules.example", asked=proxy.url)])
        yield Shop(proxy=proxy, host=best)


async def test_a_tidy_module_stays_tidy(shop: Shop) -> None:
    """Only the pin moves, to the very version that was asked for; the old sums go, and nothing else is touched."""
    made = await shop.lock(shop.job("v1.1.0"))
    assert made.files == {"go.sum": sums(shop.proxy, f"{PAD}@v1.1.0", f"{TIE}@v1.0.0", f"{TOP}@v1.0.0")}
    assert made.moved == (Moved(PAD, "v1.0.0", "v1.1.0"),)


async def test_what_the_new_version_needs_moves_with_it(shop: Shop) -> None:
    """In the go.mod as well, where Go keeps what is needed on the way."""
    made = await shop.lock(shop.job("v1.2.0"))
    wanted = sums(shop.proxy, f"{PAD}@v1.2.0", f"{TIE}@v1.1.0", f"{TOP}@v1.0.0")
    assert made.files == {"go.mod": manifest("v1.2.0", "v1.1.0"), "go.sum": wanted}
    assert made.moved == (Moved(PAD, "v1.0.0", "v1.2.0"), Moved(TIE, "v1.0.0", "v1.1.0"))


async def test_a_module_that_is_not_tidy_is_not_tidied(shop: Shop) -> None:
    """What nobody needs any more stays, and so do the old sums; what is missing is added."""
    stale = f"stale.example/x v1.0.0/go.mod h1:{'A' * 43}=\n"
    old = shop.job("v1.1.0").files["go.sum"] + stale
    made = await shop.lock(shop.job("v1.2.0", **{"go.sum": old}))
    new = set(made.files["go.sum"].splitlines())
    assert set(old.splitlines()) < new
    came = shop.proxy.sums(f"{PAD}@v1.2.0") + shop.proxy.sums(f"{TIE}@v1.1.0")
    assert new - set(old.splitlines()) == set(came.splitlines())
    assert made.files["go.mod"] == manifest("v1.2.0", "v1.1.0")


async def test_line_ends_stay_as_they_were(shop: Shop) -> None:
    """Of both files."""
    work = shop.job("v1.2.0")
    there = {path: text.replace("\n", "\r\n") for path, text in work.files.items()}
    made = await shop.lock(shop.job("v1.2.0", **there))
    assert made.files["go.mod"] == manifest("v1.2.0", "v1.1.0").replace("\n", "\r\n")
    assert "\r\n" in made.files["go.sum"] and "\n" not in made.files["go.sum"].replace("\r\n", "")


async def test_a_folder_in_the_stead_of_a_module_is_read(shop: Shop) -> None:
    """Also one beside; what that needs counts as well."""
    text = manifest("v1.1.0") + "\nrequire own.example/own v0.0.0\n\nreplace own.example/own => ../own\n"
    text = text.replace(")\n\nrequire tie", ")\n\nrequire tie")
    own = {"own/go.mod": f"module own.example/own\n\ngo 1.18\n\nrequire {PAD} v1.0.0\n",
           "own/own.go": f'package own\n\nimport _ "{PAD}"\n'}  # fmt: skip
    work = shop.job("v1.1.0", **{"go.mod": text, "b.go": 'package app\n\nimport _ "own.example/own"\n'})
    files = {**{f"app/{path}": one for path, one in work.files.items()}, **own}
    moved = LockJob(files=files, lock="app/go.sum", manifest="app/go.mod", component=work.component, version="v1.1.0")
    made = await shop.lock(moved)
    assert f"{PAD} v1.1.0 h1:" in made.files["app/go.sum"]
    assert all(path in ("app/go.sum", "app/go.mod") for path in made.files)


async def test_what_cannot_be_locked_is_told_in_gos_words(shop: Shop) -> None:
    """A version that is not there, one that is too old for something else, and a package that the new one lost."""
    assert "go: " in (said := await shop.refused(shop.job("v7.0.0"))) and "Go cannot lock" in said and "\n" not in said
    shop.proxy.modules[f"{TOP}@v1.0.0"] = module(TOP, {TIE: "v1.0.0", PAD: "v1.9.0"})
    assert f"Go takes {PAD} v1.9.0" in await shop.refused(shop.job("v1.1.0"))
    shop.proxy.modules[f"{TOP}@v1.0.0"] = module(TOP, {TIE: "v1.0.0"})
    shop.proxy.modules[f"{PAD}@v1.3.0"] = {"pad.go": "package pad\n"}
    assert "v1.3.0 lacks a package that is imported" in await shop.refused(shop.job("v1.3.0"))


async def test_other_bytes_than_go_sum_says_are_refused(shop: Shop) -> None:
    """As they would be for whoever builds it."""
    wrong = shop.job("v1.1.0").files["go.sum"].replace(f"{TOP} v1.0.0 h1:", f"{TOP} v1.0.0 h1:A")
    assert "checksum mismatch" in await shop.refused(shop.job("v1.1.0", **{"go.sum": wrong}))


async def test_a_go_that_is_too_old_says_so(shop: Shop) -> None:
    """Before it could misread what it does not know; and no other Go is fetched."""
    for line in ("go 1.99", "go 1.99.1", "go 1.99\n\ntoolchain go1.99.2"):
        newer = shop.job("v1.1.0", **{"go.mod": manifest("v1.1.0").replace("go 1.18", line)})
        with pytest.raises(Permanent, match=r"go\.mod is for Go 1\.99 or newer, and here is Go 1\.\d+"):
            await shop.lock(newer)
    assert shop.proxy.seen == []


async def test_a_proxy_that_is_away_is_worth_another_try(shop: Shop) -> None:
    """Nothing is said about the update then."""
    shop.proxy.fail = 503
    with pytest.raises(Transient):
        await shop.lock(shop.job("v1.1.0"))


async def test_the_checksum_database_is_asked_about_what_is_new(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it knows otherwise does not come in."""
    database = shop.proxy.database = Database()
    monkeypatch.setenv("GOSUMDB", database.setting)
    there = [Place(url="http://sums.example", asked=shop.proxy.url)]
    monkeypatch.setattr(golang, "database_of", lambda _: there)
    made = await shop.lock(shop.job("v1.2.0"))
    assert f"/lookup/{PAD}@v1.2.0" in shop.proxy.seen
    assert f"{PAD} v1.2.0 h1:" in made.files["go.sum"]
    database.lies = (f"{PAD}@v1.2.0",)
    assert "SECURITY ERROR" in await shop.refused(shop.job("v1.2.0"))


async def test_nothing_but_proxies_is_asked(shop: Shop) -> None:
    """A module that no proxy has comes from nowhere, whatever a go.mod makes of it."""
    text = manifest("v1.1.0") + "\nreplace sly.example/x => evil.example/x v1.0.0\n\nrequire sly.example/x v1.0.0\n"
    said = await shop.refused(shop.job("v1.1.0", **{"go.mod": text, "b.go": 'package app\nimport _ "sly.example/x"\n'}))
    assert "evil.example/x" in said
    assert all(path.partition("/@")[0][1:] in (PAD, TIE, TOP, "evil.example/x") for path in shop.proxy.seen)
