"""The source of Python packages against a real pypiserver, filled by uv: what it lists, refuses, and does not say."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import sys
import tarfile
import urllib.parse
import urllib.request
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from uv import find_uv_bin

from bot.adapters import Tools, open_one, sources
from bot.core.choice import Choice
from bot.core.errors import Missing, Refused, Transient
from bot.core.model import Component, Kind, Trust, Verdict
from bot.core.ports import Source
from bot.tools.cache import Memory
from bot.tools.http import Http, Reach
from bot.tools.pip import IndexSettings
from tests.real.serving import Bench, checked, eventually, free_port, plain, program, ran, running

MEND = (
    "Install it with: python3 -m venv .venv-real && "
    ".venv-real/bin/python -m pip install --require-hashes -r tests/real/servers/requirements.txt"
)
ME, PASSWORD = "me", "pass:word @1"
GREETER = Component(name="greeter")
NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running pypiserver. home: an empty home for those who talk to it."""

    url: str
    home: Path
    log: Path

    @property
    def index(self) -> str:
        """The URL that pip is given."""
        return f"{self.url}/simple"

    def login(self, password: str = PASSWORD) -> str:
        """The same with a login in it, as people write it into pip's settings."""
        pair = f"{ME}:{urllib.parse.quote(password, safe='')}"
        return self.index.replace("://", f"://{pair}@")

    def asked(self, name: str) -> list[int]:
        """How each request for this project's page was answered, by the server's own log."""
        said = re.findall(rf'"GET /simple/{re.escape(name)}/ HTTP/1\.1" (\d+)', self.log.read_text("utf-8", "replace"))
        return [int(status) for status in said]

    def publish(self, *files: Path) -> None:
        """By uv, with the login; a server that needs none ignores it."""
        words = [find_uv_bin(), "publish", "--publish-url", f"{self.url}/", "--username", ME, "--password", PASSWORD]
        ran([*words, *map(str, files)], env=plain(self.home))

    def take_back(self, name: str, version: str) -> None:
        """As `setup.py` once did it: the server has no other way."""
        form = urllib.parse.urlencode({":action": "remove_pkg", "name": name, "version": version}).encode()
        pair = base64.b64encode(f"{ME}:{PASSWORD}".encode()).decode()
        asked = urllib.request.Request(f"{self.url}/", form, {"Authorization": f"Basic {pair}"})
        with urllib.request.urlopen(asked, timeout=10):
            pass


@contextmanager
def serving(place: Path, *words: str, closed: bool = False) -> Iterator[Server]:
    """A pypiserver with an empty folder. closed: whether even a look needs the login."""
    files = place / "files"
    files.mkdir(parents=True)
    secret = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
    (place / "htpasswd").write_text(f"{ME}:{{SHA}}{secret}\n")
    server = Server(url=f"http://127.0.0.1:{free_port()}", home=place / "home", log=place / "log")
    options = [
        "-v", "--interface", "127.0.0.1", "--port", server.url.rpartition(":")[2], "--server", "wsgiref",
        "--authenticate", "update,list,download" if closed else "update", "--passwords", str(place / "htpasswd"),
        *(words or ("--disable-fallback",)),
    ]  # fmt: skip
    run = [program("pypi-server", MEND), "run", *options, str(files)]
    with running(run, f"{server.url}/", server.log, env=plain(server.home)):
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that everybody may read; each test has names of its own in it."""
    with serving(tmp_path_factory.mktemp("open")) as made:
        yield made


def wheel(folder: Path, name: str, version: str, requires: str = ">=3.9") -> Path:
    """A wheel that installers take."""
    plainly = name.replace("-", "_").replace(".", "_").lower()
    info = f"{plainly}-{version}.dist-info"
    texts = {
        f"{plainly}/__init__.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: {requires}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*texts, f"{info}/RECORD"))
    place = folder / f"{plainly}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(place, "w") as made:
        for path, text in {**texts, f"{info}/RECORD": record}.items():
            made.writestr(path, text)
    return place


def sdist(folder: Path, name: str, version: str) -> Path:
    """A source archive."""
    plainly = name.replace("-", "_").replace(".", "_").lower()
    place = folder / f"{plainly}-{version}.tar.gz"
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    with tarfile.open(place, "w:gz") as made:
        entry = tarfile.TarInfo(f"{plainly}-{version}/PKG-INFO")
        entry.size = len(text)
        made.addfile(entry, io.BytesIO(text))
    return place


@asynccontextmanager
async def source(index: str, *extra: str, cached: bool = False) -> AsyncIterator[tuple[Source, Http]]:
    """Python packages for a machine whose pip has these indexes."""
    settings = IndexSettings(index_url=index, extra=extra)
    async with Http(Reach(trusted=settings.hosts), cache=Memory() if cached else None) as http:
        yield open_one(sources, "pypi", {}, Tools(http=http, index=lambda: settings)), http


async def test_an_index_is_read_as_pip_reads_it(server: Server, tmp_path: Path) -> None:
    """The versions are those that pip itself finds there, the digests those of the files, and the links lead to them.

    Such an index tells neither times nor withdrawals, so nothing is said of them.
    """
    name = "Odd.Name-of_it"
    files = [
        wheel(tmp_path, name, "1.0"), wheel(tmp_path, name, "1.10"), sdist(tmp_path, name, "1.10"),
        wheel(tmp_path, name, "1.9.post1"), wheel(tmp_path, name, "2.0rc1"), wheel(tmp_path, name, "1.10+local.7"),
    ]  # fmt: skip
    server.publish(*files)
    words = ["index", "versions", name, "--pre", "--index-url", server.index]
    said = re.search(r"Available versions: (.+)", ran([sys.executable, "-m", "pip", *words], env=plain(server.home)))
    assert said
    async with source(server.index) as (packages, http):
        component = Component(name="odd-name-of-it")
        found = await packages.releases(component)

        assert [one.version for one in found] == list(reversed(said[1].split(", ")))
        assert [one.version for one in found] == ["1.0", "1.9.post1", "1.10", "1.10+local.7", "2.0rc1"]
        listed = {file.filename: file for one in found for file in one.artifacts}
        assert set(listed) == {file.name for file in files}
        for file in files:
            assert listed[file.name].sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
            assert (await http.get(listed[file.name].url)).body == file.read_bytes()
        for one in found:
            assert (one.published, one.yanked, one.partial, one.trust) == (None, False, False, Trust())
            assert await packages.detail(component, one) == one


async def test_a_page_without_validators_is_read_again_only_when_it_changed(server: Server, tmp_path: Path) -> None:
    """The server never says "not modified"; the page's own digest tells. What is added or taken back is seen."""
    server.publish(wheel(tmp_path, "turner", "1.0"))
    turner = Component(name="turner")
    async with source(server.index, cached=True) as (packages, _):
        first = await packages.releases(turner)
        assert await packages.releases(turner) is first
        await eventually(lambda: server.asked("turner"), [200, 200])
        server.publish(wheel(tmp_path, "turner", "1.1"))
        assert [one.version for one in await packages.releases(turner)] == ["1.0", "1.1"]
        server.take_back("turner", "1.0")
        assert [one.version for one in await packages.releases(turner)] == ["1.1"]
        server.take_back("turner", "1.1")
        with pytest.raises(Missing, match="knows turner"):
            await packages.releases(turner)


async def test_a_private_index_needs_its_login(tmp_path: Path) -> None:
    """With the login of pip's settings, whatever signs the password has; without, or with a wrong one, it refuses."""
    with serving(tmp_path / "closed", closed=True) as closed:
        closed.publish(wheel(tmp_path, "greeter", "1.0"))
        async with source(closed.login()) as (packages, _):
            assert [one.version for one in await packages.releases(GREETER)] == ["1.0"]
            (artifact,) = (await packages.releases(GREETER))[0].artifacts
            assert artifact.url.startswith(closed.url), "no login in a URL that is shown"
        for index, says in ((closed.index, "401"), (closed.login("wrong-word"), "403")):
            async with source(index) as (packages, _):
                with pytest.raises(Refused, match=says) as refused:
                    await packages.releases(GREETER)
                assert "word" not in str(refused.value)
        await eventually(lambda: closed.asked("greeter"), [200, 200, 401, 403])


async def test_what_no_index_knows_is_missing(server: Server) -> None:
    """A name that can be none is not even asked for."""
    async with source(server.index) as (packages, _):
        with pytest.raises(Missing, match="no index that pip uses here knows unheard-of"):
            await packages.releases(Component(name="Unheard_of"))
        before = server.log.read_text()
        for name in ("../packages", "a/../b", "a?b", "a b", "-a", "a\r\nHost: x", ""):
            with pytest.raises(Missing, match="can be no package's name"):
                await packages.releases(Component(name=name))
        assert server.log.read_text() == before


async def test_a_fallback_is_followed_without_the_login(server: Server, tmp_path: Path) -> None:
    """pypiserver sends on who asks for what it does not have; the place where that leads never sees our login."""
    server.publish(wheel(tmp_path, "elsewhere", "3.0"))
    there = Component(name="elsewhere")
    with serving(tmp_path / "behind", closed=True) as behind:
        behind.publish(wheel(tmp_path, "elsewhere", "4.0"))
        with serving(tmp_path / "a", "--fallback-url", f"{server.url}/simple/", closed=True) as front:
            async with source(front.login()) as (packages, _):
                assert [one.version for one in await packages.releases(there)] == ["3.0"]
        with serving(tmp_path / "b", "--fallback-url", f"{behind.url}/simple/", closed=True) as front:
            async with source(front.login()) as (packages, _):
                with pytest.raises(Refused, match="401"):
                    await packages.releases(there)
            # Both have the same user with the same password, so that a login sent along would have opened it.
            await eventually(lambda: front.asked("elsewhere"), [303])
            await eventually(lambda: behind.asked("elsewhere"), [401])


async def test_a_stranger_cannot_take_a_private_name(server: Server, tmp_path: Path) -> None:
    """What is on the private index comes from there alone; and when that is away, from nowhere."""
    (tmp_path / "evil").mkdir()
    server.publish(wheel(tmp_path / "evil", "ours", "99.0"))
    ours = Component(name="ours")
    with serving(tmp_path / "closed", closed=True) as closed:
        closed.publish(wheel(tmp_path, "ours", "1.0"))
        async with source(server.index, closed.login()) as (packages, _):
            assert [one.version for one in await packages.releases(ours)] == ["1.0"]
    async with source(server.index, closed.login()) as (packages, _):
        with pytest.raises(Transient, match="cannot be reached"):
            await packages.releases(ours)


async def test_what_has_no_time_ages_from_when_it_was_first_seen(server: Server, tmp_path: Path) -> None:
    """Held at the first look, proposed three days later; a release that came meanwhile begins at its own first day."""
    server.publish(*(wheel(tmp_path, "greeter", version) for version in ("1.0", "1.1", "1.2rc1")))
    async with source(server.index) as (packages, _):
        bench = Bench(
            component=GREETER, source=packages, seen=tmp_path / "seen", manifest="requirements", version="1.0"
        )
        (held,) = await bench.answers(NOW)
        assert (held.verdict, version_of(held), held.held_until) == (Verdict.HOLD, "1.1", NOW + 3 * DAY)
        assert "its registry names no time" in held.why[0]
        server.publish(wheel(tmp_path, "greeter", "1.2"))
        (free,) = await bench.answers(NOW + 3 * DAY)
        assert (free.verdict, version_of(free), free.kind) == (Verdict.APPROVE, "1.1", Kind.MINOR)
        assert any(line.startswith("1.2: first seen 0") for line in free.why), free.why
        (last,) = await bench.answers(NOW + 6 * DAY)
        assert (last.verdict, version_of(last)) == (Verdict.APPROVE, "1.2")


def version_of(choice: Choice) -> str | None:
    return choice.target.version if choice.target else None


async def test_a_checkout_is_checked_against_the_index_of_pips_settings(server: Server, tmp_path: Path) -> None:
    """From the environment alone to the report, twice: what was first seen yesterday is not seen anew today."""
    server.publish(wheel(tmp_path, "still", "1.0"))
    server.publish(*(wheel(tmp_path, "checked", version) for version in ("1.0", "1.0.1", "2.0")))
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "requirements.txt").write_text("still==1.0\nchecked==1.0\nnowhere==1\n")
    env = plain(tmp_path / "home", PIP_INDEX_URL=server.index)
    began = datetime.now(UTC).replace(microsecond=0)
    code, said = checked(tree, env)
    again, saying = checked(tree, env)

    assert (code, again, said["errors"], said["notes"]) == (1, 1, [], [])
    rows = {(row["name"], row["target"]): row for row in said["components"]}
    assert set(rows) == {("still", None), ("checked", "1.0.1"), ("checked", "2.0"), ("nowhere", None)}
    assert rows["still", None]["verdict"] == "current" and rows["nowhere", None]["verdict"] == "hold"
    small = dict(rows["checked", "1.0.1"])
    until = datetime.fromisoformat(small.pop("held_until"))
    assert began + 3 * DAY <= until <= datetime.now(UTC) + 3 * DAY
    assert small.pop("why")[0].startswith("1.0.1: first seen")
    assert small == {
        "name": "checked", "ecosystem": "pypi", "manifest": "requirements.txt", "line": 2, "current": "1.0",
        "group": None, "places": ["requirements.txt:2"], "simulation": None,
        "target": "1.0.1", "kind": "patch", "priority": "low", "verdict": "hold",
    }  # fmt: skip
    assert rows["checked", "2.0"]["kind"] == "major"
    assert [row["held_until"] for row in saying["components"]] == [row["held_until"] for row in said["components"]]
    await eventually(lambda: (server.asked("checked"), server.asked("nowhere")), ([200, 200], [404, 404]))
