"""The source of npm packages against a real verdaccio, filled by npm itself: what it lists, keeps and refuses."""

from __future__ import annotations

import hashlib
import json
import re
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters import Tools, open_one, sources
from bot.adapters.sources.npm import Npm
from bot.core.errors import Missing, Refused
from bot.core.model import Component, Kind, Release, Trust, Verdict
from bot.tools.cache import Memory
from bot.tools.http import Http, Reach
from bot.tools.npm import read_settings
from tests.builders import lent
from tests.real.serving import Bench, checked, eventually, free_port, plain, program, ran, running

MEND = (
    "Install it with: mkdir -p .venv-real && cp tests/real/servers/package*.json .venv-real/ && "
    "npm ci --ignore-scripts --prefix .venv-real"
)
NPM_MEND = "Install Node.js with npm 7 or newer"
DAY = timedelta(days=1)
CONFIG = """\
storage: {place}/storage
auth: {{htpasswd: {{file: {place}/htpasswd, algorithm: sha1}}}}
web: {{enable: false}}
uplinks: {uplinks}
packages:
  '@closed/*': {{access: $authenticated, publish: $authenticated, unpublish: $authenticated}}
  '**': {{access: $all, publish: $authenticated, unpublish: $authenticated, proxy: [{proxies}]}}
log: {{type: stdout, format: json, level: http}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running verdaccio. home: of the one who publishes, with the login in its .npmrc."""

    url: str
    home: Path
    log: Path
    token: str

    def asked(self, path: str) -> list[int]:
        """How each GET for this path was answered, by the server's own log."""
        found = []
        for line in self.log.read_text("utf-8", "replace").splitlines():
            said = json.loads(line) if line.startswith("{") else {}
            request = said.get("request", {})
            # There is another line when a question has come in whole: it says 200, too, and that nothing was sent.
            answered = (said.get("status"), said.get("bytes", {}).get("out")) != (200, 0)
            if "status" in said and answered and (request["method"], request["url"]) == ("GET", path):
                found.append(said["status"])
        return found

    def npm(self, *words: str, cwd: Path | None = None) -> str:
        """npm as the one who publishes."""
        return ran([program("npm", NPM_MEND), *words], env=plain(self.home), cwd=cwd)

    def publish(self, folder: Path, name: str, version: str, *words: str, **more: object) -> Path:
        """Pack a package, publish that very file, and give it."""
        place = folder / f"{name.strip('@').replace('/', '-')}-{version}"
        place.mkdir()
        (place / "package.json").write_text(json.dumps({"name": name, "version": version, **more}))
        (place / "index.js").write_text(f"module.exports = {version!r}\n")
        packed = place / self.npm("pack", "--silent", cwd=place).strip()
        self.npm("publish", str(packed), *words, cwd=place)
        return packed


@contextmanager
def verdaccio(place: Path, **uplinks: str) -> Iterator[Server]:
    """A registry with one user and nothing in it; uplinks: the registries that it passes on, by a name."""
    behind = json.dumps({name: {"url": url} for name, url in uplinks.items()})  # JSON is YAML
    (place / "config.yaml").write_text(CONFIG.format(place=place, uplinks=behind, proxies=", ".join(uplinks)))
    url = f"http://127.0.0.1:{free_port()}"
    words = [program("verdaccio", MEND), "--config", str(place / "config.yaml"), "--listen", url.partition("//")[2]]
    with running(words, f"{url}/-/ping", place / "log", env=plain(place / "home")):
        token = signed_up(url)
        (place / "home/.npmrc").write_text(f"registry={url}/\n{url.partition(':')[2]}/:_authToken={token}\n")
        yield Server(url=url, home=place / "home", log=place / "log", token=token)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests; each has packages of its own in it."""
    with verdaccio(tmp_path_factory.mktemp("registry")) as made:
        yield made


def signed_up(url: str) -> str:
    """A new user's token, by the question that `npm adduser` asks."""
    body = json.dumps({"name": "me", "password": "pass word"}).encode()
    kind = {"Content-Type": "application/json"}
    asked = urllib.request.Request(f"{url}/-/user/org.couchdb.user:me", body, kind, method="PUT")
    with urllib.request.urlopen(asked, timeout=20) as answer:
        return str(json.load(answer)["token"])


@asynccontextmanager
async def source(env: Mapping[str, str], *, cached: bool = False) -> AsyncIterator[Npm]:
    """npm packages for a machine with this environment and the files that it names."""
    known = read_settings(env)
    async with Http(Reach(trusted=known.hosts), cache=Memory() if cached else None) as http:
        yield Npm(http, {}, settings=lambda: known)


def nobody(server: Server, home: Path) -> dict[str, str]:
    """An environment that knows the registry and has no login."""
    return plain(home, npm_config_registry=server.url)


def npm_component(name: str) -> Component:
    return Component(name=name, ecosystem="npm")


async def whole(npm: Npm, name: str) -> dict[str, Release]:
    component = npm_component(name)
    listed = await npm.releases(component)
    return {one.version: await npm.detail(component, one) for one in listed}


async def test_a_package_is_read_as_npm_views_it(server: Server, tmp_path: Path) -> None:
    """Versions, times, deprecations and digests are those that npm shows, and the digests are those of the files.

    All versions are listed, wherever the tags point; who published is not said here, so it is not known.
    """
    files = {
        "1.0.0": server.publish(tmp_path, "pad", "1.0.0", repository="github:acme/pad"),
        "1.1.0": server.publish(tmp_path, "pad", "1.1.0", scripts={"postinstall": "node -e 0"}),
        "1.2.0": server.publish(tmp_path, "pad", "1.2.0", scripts={"test": "node -e 0"}),
        "2.0.0-rc.1": server.publish(tmp_path, "pad", "2.0.0-rc.1", "--tag", "next"),
    }
    server.npm("dist-tag", "add", "pad@1.0.0", "latest")
    server.npm("deprecate", "pad@1.1.0", "use 1.2, it's smaller")
    said = json.loads(server.npm("view", "pad", "versions", "time", "dist-tags", "--json"))
    each = {version: json.loads(server.npm("view", f"pad@{version}", "--json")) for version in files}
    async with source(nobody(server, tmp_path / "me")) as npm:
        listed = await npm.releases(npm_component("pad"))
        found = await whole(npm, "pad")
        async with Http(Reach(trusted=["127.0.0.1"])) as http:
            for version, file in files.items():
                (artifact,) = found[version].artifacts
                assert artifact.checksum == "sha512:" + hashlib.sha512(file.read_bytes()).hexdigest()
                assert artifact.filename == file.name
                assert (await http.get(artifact.url)).body == file.read_bytes()
                assert each[version]["dist"]["tarball"] == artifact.url

    assert said["dist-tags"] == {"latest": "1.0.0", "next": "2.0.0-rc.1"}
    assert list(found) == said["versions"] == list(files)
    assert [one.published for one in found.values()] == [datetime.fromisoformat(said["time"][one]) for one in found]
    assert {version: one.deprecated for version, one in found.items()} == {
        version: told.get("deprecated", "") for version, told in each.items()
    }
    assert found["1.1.0"].deprecated == "use 1.2, it's smaller"
    for releases in (listed, found.values()):
        assert [one.trust.install_script for one in releases] == [False, True, False, False]
    assert {(one.trust.publisher, one.trust.maintainers, one.trust.provenance) for one in found.values()} == {
        (None, None, None)
    }
    assert not any(one.partial or one.yanked for one in found.values())
    assert dict(found["1.0.0"].links)["repository"] == "https://github.com/acme/pad"


async def test_an_unchanged_document_is_not_sent_again(server: Server, tmp_path: Path) -> None:
    """Two looks cost one document and one "not modified"; what npm changes is seen at the next look."""
    server.publish(tmp_path, "turner", "1.0.0")
    server.publish(tmp_path, "turner", "1.1.0")
    component = npm_component("turner")

    def mine() -> list[int]:
        return server.asked("/turner")

    before = len(mine())
    async with source(nobody(server, tmp_path / "me"), cached=True) as npm:
        first = await npm.releases(component)
        again = await npm.releases(component)
        assert first == again
        await eventually(lambda: mine()[before:], [200, 304])
        whole_now = [await npm.detail(component, one) for one in first]
        assert all(one.published for one in whole_now)
        await eventually(lambda: mine()[before:], [200, 304, 200])

        server.npm("deprecate", "turner@1.0.0", "old")
        assert [one.deprecated for one in await npm.releases(component)] == ["old", ""]
        server.npm("deprecate", "turner@1.0.0", "")
        assert [one.deprecated for one in await npm.releases(component)] == ["", ""]
        server.npm("unpublish", "turner@1.1.0")
        assert [one.version for one in await npm.releases(component)] == ["1.0.0"]
        with pytest.raises(Missing, match=r"no longer lists turner 1\.1\.0"):
            await npm.detail(component, first[1])
        server.npm("unpublish", "--force", "turner")
        with pytest.raises(Missing, match="404 for /turner"):
            await npm.releases(component)


async def test_a_private_scope_needs_its_token(server: Server, tmp_path: Path) -> None:
    """With the token out of npm's own file, or that of an option; nobody else is shown the name, nor the token."""
    server.publish(tmp_path, "@closed/own", "1.0.0")
    server.publish(tmp_path, "@open/own", "2.0.0")
    closed, opened = npm_component("@closed/own"), npm_component("@open/own")
    # npm's own file, with the login that npm has just published with.
    mine = {"HOME": str(server.home), "npm_config_globalconfig": "/none"}
    async with source(mine) as npm:
        assert list(await whole(npm, "@closed/own")) == ["1.0.0"]
        assert list(await whole(npm, "@open/own")) == ["2.0.0"]
    async with source(nobody(server, tmp_path / "me")) as npm:
        assert [one.version for one in await npm.releases(opened)] == ["2.0.0"]
        with pytest.raises(Refused, match="401"):
            await npm.releases(closed)
    async with Http(Reach(trusted=["127.0.0.1"])) as http:
        for token, shown in ((server.token, True), ("wrong" * 8, False)):
            tools = Tools(http=http, secrets=lent(TOKEN=token))
            npm = open_one(sources, "npm", {"scopes": {"@closed": {"url": server.url, "token": "TOKEN"}}}, tools)
            if shown:
                assert [one.version for one in await npm.releases(closed)] == ["1.0.0"]
            else:
                with pytest.raises(Refused) as refused:
                    await npm.releases(closed)
                assert "wrong" not in str(refused.value)


async def test_what_the_registry_does_not_know_is_missing(server: Server, tmp_path: Path) -> None:
    """A name that can be none is not even asked for."""
    async with source(nobody(server, tmp_path / "me")) as npm:
        for name in ("unheard-of", "@open/unheard-of"):
            with pytest.raises(Missing, match="404"):
                await npm.releases(npm_component(name))
        before = requests(server)
        for name in ("../pad", "@closed/../pad", "a/b", "a?b", ".hidden", "a\r\nHost: x", "@/x", "-/ping", ""):
            with pytest.raises(Missing, match="can be no npm package's name"):
                await npm.releases(npm_component(name))
        assert requests(server) == before


def requests(server: Server) -> int:
    return len(re.findall(r'"sub":"in"', server.log.read_text("utf-8", "replace")))


async def test_a_mirror_tells_what_its_origin_tells(server: Server, tmp_path: Path) -> None:
    """Versions, times, deprecations and digests pass through it; the files' links lead to the mirror itself."""
    server.publish(tmp_path, "behind", "1.0.0")
    file = server.publish(tmp_path, "behind", "1.1.0")
    server.npm("deprecate", "behind@1.0.0", "old")
    with verdaccio(tmp_path, origin=server.url) as mirror:
        async with source(nobody(server, tmp_path / "a")) as npm:
            direct = await whole(npm, "behind")
        async with source(nobody(mirror, tmp_path / "b")) as npm:
            passed = await whole(npm, "behind")
            (artifact,) = passed["1.1.0"].artifacts
            async with Http(Reach(trusted=["127.0.0.1"])) as http:
                assert (await http.get(artifact.url)).body == file.read_bytes()
            with pytest.raises(Missing, match="404"):
                await npm.releases(npm_component("unheard-of"))
    assert artifact.url.startswith(f"{mirror.url}/")
    moved = {
        version: replace(
            one, artifacts=tuple(replace(a, url=a.url.replace(mirror.url, server.url)) for a in one.artifacts)
        )
        for version, one in passed.items()
    }
    assert moved == direct and direct["1.0.0"].deprecated == "old"


async def test_the_answer_follows_from_the_registrys_own_times(server: Server, tmp_path: Path) -> None:
    """Young releases wait for three days from the registry's time; the newest then comes, pre-releases do not.

    That a script runs at installation which its forerunners had not, or that a release is deprecated, asks a person.
    """
    server.publish(tmp_path, "answer", "1.0.0")
    server.publish(tmp_path, "answer", "1.1.0", scripts={"postinstall": "node -e 0"})
    server.publish(tmp_path, "answer", "1.2.0-rc.1", "--tag", "next")
    server.npm("deprecate", "answer@1.1.0", "no")
    times = json.loads(server.npm("view", "answer", "time", "--json"))
    published = datetime.fromisoformat(times["1.1.0"])
    async with source(nobody(server, tmp_path / "me")) as npm:
        bench = Bench(
            component=npm_component("answer"), source=npm, seen=tmp_path / "seen", manifest="package_json",
            version="1.0.0",
        )  # fmt: skip
        (held,) = await bench.answers(published + DAY)
        assert (held.verdict, held.held_until) == (Verdict.HOLD, published + 3 * DAY)
        (free,) = await bench.answers(published + 3 * DAY)
    assert free.target is not None and free.target.version == "1.1.0"
    assert (free.verdict, free.kind) == (Verdict.APPROVE, Kind.MINOR)
    assert len(free.gates) == 2, free.gates
    assert "script" in free.gates[0] and free.gates[1].startswith("1.1.0 is deprecated by its maker")
    assert free.target.trust == Trust(install_script=True)


PACKAGE = """\
{
  "name": "shop", "version": "1.0.0", "private": true,
  "dependencies": {
    "still": "1.0.0",
    "checked": "1.0.0",
    "@closed/checked": "1.0.0",
    "nowhere": "1.0.0"
  }
}
"""


async def test_a_checkout_is_checked_against_the_registry_of_npms_settings(server: Server, tmp_path: Path) -> None:
    """From the environment and the user's .npmrc to the report; at the second look the lists alone are asked for."""
    for name, version in (("still", "1.0.0"), ("checked", "1.0.0"), ("checked", "1.0.1"), ("@closed/checked", "1.0.0"),
                          ("@closed/checked", "2.0.0")):  # fmt: skip
        server.publish(tmp_path, name, version)
    tree = tmp_path / "tree"
    (tree / ".github").mkdir(parents=True)
    (tree / "package.json").write_text(PACKAGE)
    env = plain(tmp_path / "home", npm_config_registry=server.url)
    (tmp_path / "home/.npmrc").write_text((server.home / ".npmrc").read_text())
    asked = {path: len(server.asked(path)) for path in ("/checked", "/@closed%2fchecked", "/nowhere")}

    code, said = checked(tree, env)
    (tree / ".github/surefoot.yml").write_text("version: 1\nupdates: {minimum_age: 0d}\n")
    again, saying = checked(tree, env)
    # While the list is as it was, so is the full document, and it is not asked for again.
    wanted = {"/checked": [200, 200, 304], "/@closed%2fchecked": [200, 200, 304], "/nowhere": [404, 404]}
    await eventually(lambda: {path: server.asked(path)[count:] for path, count in asked.items()}, wanted)

    time = json.loads(server.npm("view", "checked", "time", "--json"))["1.0.1"]
    ready = datetime.fromisoformat(time).replace(microsecond=0) + 3 * DAY
    assert (code, again, said["errors"], saying["errors"]) == (1, 1, [], [])
    first = {row["name"]: row for row in said["components"]}
    assert {name: (row["target"], row["verdict"]) for name, row in first.items()} == {
        "still": (None, "current"), "checked": ("1.0.1", "hold"), "@closed/checked": ("2.0.0", "hold"),
        "nowhere": (None, "hold"),
    }  # fmt: skip
    assert "404" in first["nowhere"]["why"][0]
    assert first["checked"] == {
        "name": "checked", "ecosystem": "npm", "manifest": "package.json", "line": 5, "current": "1.0.0",
        "group": None, "places": ["package.json:5"], "simulation": None,
        "target": "1.0.1", "kind": "patch", "priority": "low", "verdict": "hold", "why": first["checked"]["why"],
        "held_until": f"{ready:%Y-%m-%dT%H:%M:%SZ}",
    }  # fmt: skip
    second = {row["name"]: row for row in saying["components"]}
    assert second["checked"]["held_until"] is None
    assert second["checked"]["why"][0].startswith("1.0.1 is the newest")
    assert second["@closed/checked"]["verdict"] == "review" and second["@closed/checked"]["kind"] == "major"
