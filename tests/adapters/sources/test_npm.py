"""The source of npm packages: cheap lists, whole details, and trust that is said, denied or honestly unknown."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from bot.adapters import Tools, open_one, sources
from bot.adapters.sources._attestations import UNNAMED
from bot.adapters.sources.npm import Npm, _page
from bot.core.errors import ConfigProblem, Missing, Permanent, Refused, Transient
from bot.core.model import Component, Trust
from bot.core.trust import Loss, drops
from bot.tools.cache import Memory
from bot.tools.http import Http, Reach
from bot.tools.npm import NpmSettings
from bot.tools.secrets import Secret
from tests.adapters.sources.npm_registry import INSTALL, attestations, document, put, sha512, short, trusted, version
from tests.adapters.sources.shelf import Shelf, sends_to
from tests.builders import lent

TRUSTED = Reach(trusted=["127.0.0.1", "localhost"])


@asynccontextmanager
async def source(registry: str, *, cached: bool = False, **settings: Any) -> AsyncIterator[Npm]:
    """A source whose npm has this main registry and these other settings."""
    known = NpmSettings(registry=registry, **settings)
    async with Http(TRUSTED, cache=Memory() if cached else None) as http:
        yield Npm(http, {}, settings=lambda: known)


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with Shelf().running() as made:
        yield made


PAD = Component(name="pad", ecosystem="npm")


async def test_the_list_is_cheap_and_the_detail_is_whole(shelf: Shelf) -> None:
    """One abbreviated document lists; one full document answers every later question about the package."""
    put(
        shelf,
        document(
            version("pad", "1.0.0", deprecated="use 2"),
            version("pad", "2.0.0", hasInstallScript=True, scripts={"postinstall": "node x"}),
            version("pad", "2.1.0-rc.1", maintainers=[{"name": "eve"}], _npmUser={"name": "eve"}),
        ),
    )
    async with source(shelf.url) as npm:
        listed = {release.version: release for release in await npm.releases(PAD)}
        assert list(listed) == ["1.0.0", "2.0.0", "2.1.0-rc.1"]
        assert all(release.partial and release.published is None for release in listed.values())
        assert listed["1.0.0"].deprecated == "use 2" and not listed["2.0.0"].deprecated
        assert listed["1.0.0"].artifacts[0].checksum == "sha512:" + sha512("pad-1.0.0.tgz").hex()
        assert listed["1.0.0"].artifacts[0].filename == "pad-1.0.0.tgz"
        assert [one.trust.install_script for one in listed.values()] == [False, True, False]
        assert [asked.accept.partition(";")[0] for asked in shelf.seen] == [INSTALL]
        whole = [await npm.detail(PAD, release) for release in listed.values()]
    assert [asked.accept for asked in shelf.seen][1:] == ["application/json"]
    assert [one.published for one in whole] == [datetime(2026, 1, day, 10, tzinfo=UTC) for day in (1, 2, 3)]
    assert [one.partial for one in whole] == [False] * 3
    assert whole[0].trust == Trust(
        provenance=None, publisher="ann", maintainers=("ann", "bob"), install_script=False
    )  # fmt: skip
    assert whole[2].trust.publisher == "eve" and whole[1].trust.install_script
    assert whole[0].links == (("repository", "https://github.com/acme/pad"), ("homepage", "https://pad.example/"))


async def test_a_change_in_the_list_makes_the_detail_new(shelf: Shelf) -> None:
    """A second look costs a 304, and the full document is asked for again only when the short one changed."""
    put(shelf, document(version("pad", "1.0.0")))
    async with source(shelf.url, cached=True) as npm:
        (one,) = await npm.releases(PAD)
        assert await npm.releases(PAD) == (one,)
        await npm.detail(PAD, one)
        await npm.detail(PAD, one)
        put(shelf, document(version("pad", "1.0.0", deprecated="no more"), version("pad", "1.1.0")))
        _, two = await npm.releases(PAD)
        assert (await npm.detail(PAD, two)).published is not None
        assert (await npm.detail(PAD, one)).deprecated == "no more"
        put(shelf, document(version("pad", "1.1.0")))
        await npm.releases(PAD)
        with pytest.raises(Missing, match=r"no longer lists pad 1\.0\.0"):
            await npm.detail(PAD, one)
    assert [asked.status for asked in shelf.seen] == [200, 304, 200, 200, 200, 200, 200]


async def test_a_detail_needs_no_list(shelf: Shelf) -> None:
    """After a restart a release may be looked at before its list is; many at once still cost one document."""
    put(shelf, document(version("pad", "1.0.0"), version("pad", "1.1.0")))
    async with source(shelf.url) as npm:
        releases = await npm.releases(PAD)
    shelf.seen.clear()
    async with source(shelf.url) as npm:
        done = await asyncio.gather(*(npm.detail(PAD, release) for release in releases))
    assert [one.version for one in done] == ["1.0.0", "1.1.0"] and len(shelf.seen) == 1


async def test_an_attestation_names_the_repository(shelf: Shelf) -> None:
    """Whose build it was is asked for the release at hand alone; what has none is told from what does not say."""
    put(shelf, document(version("pad", "1.0.0"), trusted("1.1.0"), trusted("1.2.0")))
    shelf.pages["/-/npm/v1/attestations/pad@1.1.0"] = attestations("1.1.0")
    shelf.pages["/-/npm/v1/attestations/pad@1.2.0"] = attestations("1.2.0", "https://github.com/evil/pad")
    async with source(shelf.url) as npm:
        listed = await npm.releases(PAD)
        assert [one.trust.provenance for one in listed] == ["", None, None]
        none, first, other = [await npm.detail(PAD, release) for release in listed]
        again = await npm.detail(PAD, listed[1])
    assert none.trust.provenance == ""
    assert first.trust.provenance == "https://github.com/acme/pad" and again == first and not first.partial
    assert first.trust.publisher == "trusted publisher github oidc:1f"
    assert [drop.loss for drop in drops(other, [none, first])] == [Loss.SOURCE]
    assert [path for path in shelf.paths if "attestations" in path] == [
        "/-/npm/v1/attestations/pad@1.1.0", "/-/npm/v1/attestations/pad@1.2.0",
    ]  # fmt: skip


async def test_lost_provenance_and_a_new_publisher_show(shelf: Shelf) -> None:
    """The tell of the known attacks: no attestation where there was one, another account, a script at installation."""
    bad = version("pad", "1.2.0", _npmUser={"name": "mallory"}, hasInstallScript=True)
    put(shelf, document(trusted("1.1.0"), bad))
    shelf.pages["/-/npm/v1/attestations/pad@1.1.0"] = attestations("1.1.0")
    async with source(shelf.url) as npm:
        before, after = [await npm.detail(PAD, release) for release in await npm.releases(PAD)]
    assert {drop.loss for drop in drops(after, [before])} == {Loss.PROVENANCE, Loss.PUBLISHER, Loss.INSTALL_SCRIPT}


async def test_an_attestation_that_is_not_shown_still_counts(shelf: Shelf) -> None:
    """Many mirrors list attestations and do not serve them: their loss is noticed all the same."""
    put(shelf, document(trusted("1.1.0"), version("pad", "1.2.0")))
    async with source(shelf.url) as npm:
        before, after = [await npm.detail(PAD, release) for release in await npm.releases(PAD)]
        assert before.trust.provenance == UNNAMED and after.trust.provenance == ""
        assert Loss.PROVENANCE in {drop.loss for drop in drops(after, [before])}
    shelf.pages["/-/npm/v1/attestations/pad@1.1.0"] = lambda request: web.Response(status=503)
    async with source(shelf.url) as npm:
        with pytest.raises(Transient):
            await npm.detail(PAD, before)


async def test_a_registry_that_knows_one_form_is_asked_once(shelf: Shelf) -> None:
    """Reduced registries answer every question with one document: it lists and tells the times."""
    reduced = document(
        *(version("pad", n, _npmUser=None, maintainers=None, scripts=None) for n in ("1.0.0", "2.0.0"))
    )  # fmt: skip
    shelf.pages["/pad"] = reduced
    async with source(shelf.url) as npm:
        one, two = await npm.releases(PAD)
        assert not one.partial and one.published == datetime(2026, 1, 1, 10, tzinfo=UTC)
        assert two.trust == Trust()
        assert await npm.detail(PAD, one) == one
    assert len(shelf.seen) == 1


async def test_times_in_an_abbreviated_document_are_taken(shelf: Shelf) -> None:
    """Some registries add the times to the short form: then only the people have to be asked for."""
    full = document(version("pad", "1.0.0"))
    shelf.pages["/pad"] = {**short(full), "time": full["time"]}
    shelf.kinds["/pad"] = INSTALL
    async with source(shelf.url) as npm:
        (one,) = await npm.releases(PAD)
    assert one.partial and one.published == datetime(2026, 1, 1, 10, tzinfo=UTC)


async def test_one_registry_alone_answers_for_a_name(shelf: Shelf) -> None:
    """A scope's packages come from the scope's registry, and a public package of that name is never looked at."""
    put(shelf, document(version("pad", "9.9.9")), "/public/@acme%2fpad")
    put(shelf, document(version("@acme/pad", "1.0.0")), "/acme/@acme%2fpad")
    put(shelf, document(version("@acme/pad", "3.0.0")), "/named/@acme%2fpad")
    pad = Component(name="@acme/pad", ecosystem="npm")
    async with source(f"{shelf.url}/public/", scopes={"@acme": f"{shelf.url}/acme/"}) as npm:
        assert [one.version for one in await npm.releases(pad)] == ["1.0.0"]
        named = Component(name="@acme/pad", ecosystem="npm", registry=f"{shelf.url}/named/")
        assert [one.version for one in await npm.releases(named)] == ["3.0.0"]
        with pytest.raises(Missing):
            await npm.releases(Component(name="@acme/other", ecosystem="npm"))
    assert not [path for path in shelf.paths if path.startswith("/public")]


async def test_logins_of_npm_go_to_their_place_alone(shelf: Shelf) -> None:
    """A private registry gets the token of the `.npmrc`; where it sends us, or a file says, gets none."""
    shelf.login = "Bearer s3cret"
    put(shelf, document(version("pad", "1.0.0")))
    async with Shelf().running() as stranger:
        stranger.url = stranger.url.replace("127.0.0.1", "localhost")
        put(stranger, document(version("pad", "6.6.6")))
        logins = {f"//{shelf.url.partition('//')[2]}/": Secret("Bearer s3cret")}
        async with source(shelf.url, logins=logins) as npm:
            assert await npm.releases(PAD)
            shelf.pages["/away"] = sends_to(f"{stranger.url}/pad")
            await npm.releases(Component(name="away", ecosystem="npm"))
            await npm.releases(Component(name="pad", ecosystem="npm", registry=stranger.url))
        assert [asked.authorization for asked in stranger.seen] == ["", ""]
    async with source(shelf.url) as npm:
        with pytest.raises(Refused):
            await npm.releases(PAD)
    async with source(shelf.url.replace("//", "//me:pass@")) as npm:
        shelf.login = "Basic " + base64.b64encode(b"me:pass").decode()
        assert await npm.releases(PAD)


async def test_options_add_to_npms_settings(shelf: Shelf) -> None:
    """A registry and a scope of the options, each with the token of its own."""
    put(shelf, document(version("pad", "1.0.0")), "/main/pad")
    put(shelf, document(version("@acme/pad", "2.0.0")), "/acme/@acme%2fpad")
    options = {
        "url": f"{shelf.url}/main/",
        "token": "MAIN",
        "scopes": {"@Acme": {"url": f"{shelf.url}/acme", "token": "ACME"}},
    }
    secrets = lent(MAIN="m", ACME="a")
    async with Http(TRUSTED) as http:
        npm = open_one(sources, "npm", options, Tools(http=http, secrets=secrets))
        npm._settings = lambda: NpmSettings(registry="https://unused.example/")
        assert [one.version for one in await npm.releases(PAD)] == ["1.0.0"]
        assert [one.version for one in await npm.releases(Component(name="@acme/pad", ecosystem="npm"))] == ["2.0.0"]
    assert [asked.authorization for asked in shelf.seen] == ["Bearer m", "Bearer a"]
    with pytest.raises(ConfigProblem, match="no secret 'NONE'"):
        open_one(sources, "npm", {"url": "https://a.example", "token": "NONE"}, Tools(http=Http()))
    with pytest.raises(ConfigProblem, match="no URL of a registry"):
        open_one(sources, "npm", {"url": "a.example"}, Tools(http=Http()))


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "@/x", "@a/b/c", "a?b", "a#b", "", ".x", "a b", "a\nb", "x" * 300, "é"]
)
async def test_what_can_be_no_name_is_never_asked(shelf: Shelf, name: str) -> None:
    """Names come out of strangers' files and go into URLs."""
    async with source(shelf.url) as npm:
        with pytest.raises(Missing, match="can be no npm package's name"):
            await npm.releases(Component(name=name, ecosystem="npm"))
    assert not shelf.seen


async def test_what_is_wrong_is_said(shelf: Shelf) -> None:
    """Unknown, taken back, away, no document, no registry: each is told apart, and nothing is guessed."""
    shelf.pages["/gone"] = {"name": "gone", "time": {"unpublished": {"time": "2026-01-01", "versions": ["1.0.0"]}}}
    shelf.pages["/html"] = "<html>"
    shelf.pages["/empty"] = {}
    shelf.pages["/list"] = {"versions": []}
    async with source(shelf.url) as npm:
        for name, error, words in (
            ("unknown", Missing, "404"),
            ("gone", Missing, "taken back"),
            ("html", Permanent, "no npm document for html"),
            ("empty", Permanent, "no versions"),
            ("list", Permanent, "no npm document for list"),
        ):
            with pytest.raises(error, match=words):
                await npm.releases(Component(name=name, ecosystem="npm"))
        with pytest.raises(Permanent, match="no URL of a registry"):
            await npm.releases(Component(name="pad", ecosystem="npm", registry="file:///etc"))
        shelf.fail = 503
        with pytest.raises(Transient):
            await npm.releases(PAD)


async def test_an_attested_release_without_a_checksum(shelf: Shelf) -> None:
    """An attestation can be compared with nothing then, so nobody is asked."""
    bare = trusted("1.0.0")
    bare["dist"].pop("integrity"), bare["dist"].pop("shasum")
    put(shelf, document(bare))
    async with source(shelf.url) as npm:
        (one,) = await npm.releases(PAD)
        assert (await npm.detail(PAD, one)).trust.provenance == UNNAMED
    assert not [path for path in shelf.paths if "attestations" in path]


async def test_a_big_document_is_read_as_well(shelf: Shelf) -> None:
    """Thousands of versions, read in a thread."""
    put(shelf, document(*(version("pad", f"1.{n}.0") for n in range(28)), readme="x" * (300 << 10)))
    shelf.pages["/big"] = document(*(version("pad", f"1.{n}.0") for n in range(28)), readme="x" * (300 << 10))
    async with source(shelf.url) as npm:
        assert len(await npm.releases(Component(name="big", ecosystem="npm"))) == 28
        release = (await npm.releases(PAD))[-1]
        assert (await npm.detail(PAD, release)).published == datetime(2026, 1, 28, 10, tzinfo=UTC)


def test_a_public_package_has_a_page() -> None:
    """Where a person reads of it is known for the public registry only."""
    from packageurl.contrib import purl2url

    public = purl2url.get_download_url("pkg:npm/%40acme/pad@1")  # type: ignore[no-untyped-call]  # it has no types
    assert _page(public, "@acme/pad").endswith("/@acme/pad/v/{}")
    assert _page("https://registry.example/@acme%2fpad", "@acme/pad") == ""
