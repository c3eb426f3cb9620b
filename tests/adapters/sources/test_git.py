"""Tags of any git remote: read from git's own HTTP server in every version of its protocol, with the right commits."""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters import Tools, open_one, sources
from bot.adapters.sources import _packets
from bot.adapters.sources._packets import DELIMITER, FLUSH, Tag, greeting, listed, packet, packets, question
from bot.adapters.sources.git import GitRemotes, repository_of
from bot.core.errors import Missing, Permanent, Refused, Transient
from bot.core.model import Component
from bot.tools.cache import Memory
from bot.tools.http import Http, Reach
from tests.adapters.index_server import serving
from tests.builders import lent

QUIET = {
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b", "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_DATE": "1700000000 +0000", "GIT_TERMINAL_PROMPT": "0",
}  # fmt: skip


def git(folder: Path, *args: str) -> str:
    """Run git there, untouched by the settings of the machine."""
    done = subprocess.run(
        ["git", "-C", str(folder), *args], capture_output=True, text=True, env={**os.environ, **QUIET}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def repository(path: Path, *tags: str, form: str = "sha1") -> Path:
    """A bare repository with a commit for each tag; a name that begins with @ becomes an annotated tag."""
    path.mkdir(parents=True)
    git(path, "init", "--quiet", "--bare", f"--object-format={form}")
    tree = git(path, "write-tree")
    for name in tags:
        commit = git(path, "commit-tree", tree, "-m", name)
        extra = ["-a", "-m", name] if name.startswith("@") else []
        git(path, "tag", *extra, name.lstrip("@"), commit)
        git(path, "update-ref", "refs/heads/main", commit)
    return path


@dataclass
class Host:
    """`git http-backend`, git's own CGI program, behind a web server. version_2: whether the header reaches git.

    moved: path -> where it is now. login: what is wanted. dumb: serve files, and no protocol.
    """

    root: Path
    version_2: bool = True
    login: str = ""
    dumb: bool = False
    fail: int = 0
    moved: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, str, str | None]] = field(default_factory=list)
    sent: int = 0
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.seen.append((request.method, request.path, request.headers.get("Authorization")))
        for path, where in self.moved.items():
            if request.path.startswith(path + "/"):
                return web.Response(status=301, headers={"Location": request.path_qs.replace(path, where, 1)})
        if self.fail:
            return web.Response(status=self.fail)
        if self.login and request.headers.get("Authorization") != self.login:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="git"'})
        if self.dumb:
            return web.Response(text="0" * 40 + "\trefs/tags/v1\n", content_type="text/plain")
        return await self._backend(request)

    async def _backend(self, request: web.Request) -> web.Response:
        env = {
            **QUIET, "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(self.root), "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": request.method, "PATH_INFO": request.path, "QUERY_STRING": request.query_string,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""), "REMOTE_ADDR": "127.0.0.1",
        }  # fmt: skip
        if self.version_2 and "Git-Protocol" in request.headers:
            env["GIT_PROTOCOL"] = request.headers["Git-Protocol"]
        body = await request.read()
        env["CONTENT_LENGTH"] = str(len(body))
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            "git", "http-backend", env=env, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
        )
        out, _ = await process.communicate(body)
        head, _, rest = out.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        self.sent += len(rest)
        status = int(headers.pop("Status", "200 OK").split()[0])
        return web.Response(status=status, body=rest, headers=headers)


@asynccontextmanager
async def hosting(root: Path) -> AsyncIterator[Host]:
    made = Host(root=root)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    async with serving(app) as base:
        made.url = base
        yield made


@asynccontextmanager
async def source(**options: object) -> AsyncIterator[GitRemotes]:
    async with Http(Reach(trusted=["127.0.0.1", "localhost"]), cache=Memory()) as http:
        yield open_one(sources, "git", options, Tools(http=http, secrets=lent(TOKEN="s3cret")))


def remote(name: str, registry: str = "", ecosystem: str = "git") -> Component:
    return Component(name=name, ecosystem=ecosystem, registry=registry)


@pytest.mark.parametrize("version_2", [True, False])
@pytest.mark.parametrize("form", ["sha1", "sha256"])
async def test_tags_come_with_the_commits_that_they_lead_to(tmp_path: Path, version_2: bool, form: str) -> None:
    """Also where a tag is an object of its own, by old and new servers, and with both of git's hashes."""
    path = repository(tmp_path / "acme" / "lib.git", "v1.0.0", "@v1.1.0", "sub/v2", form=form)
    wanted = {name: git(path, "rev-parse", f"{name}^{{commit}}") for name in ("v1.0.0", "v1.1.0", "sub/v2")}
    async with hosting(tmp_path) as host, source(url=host.url) as remotes:
        host.version_2 = version_2
        found = await remotes.releases(remote("acme/lib.git", registry=f"{host.url}/acme/lib.git"))
        assert {release.version: release.digest for release in found} == wanted
        assert git(path, "rev-parse", "v1.1.0") != wanted["v1.1.0"]
        assert all(release.published is None and not release.partial for release in found)
        assert found[0].links == (("repository", f"{host.url}/acme/lib"),)
        assert await remotes.detail(remote("acme/lib"), found[0]) is found[0]


async def test_a_later_look_costs_one_request(tmp_path: Path) -> None:
    """Two the first time; what did not change is not read again, and a moved tag shows its new commit."""
    path = repository(tmp_path / "acme" / "lib", "v1", "v2")
    async with hosting(tmp_path) as host, source(url=host.url) as remotes:
        first = await remotes.releases(remote("acme/lib"))
        assert await remotes.releases(remote("acme/lib")) is first
        git(path, "tag", "-f", "v1", "v2")
        moved = await remotes.releases(remote("acme/lib"))
        assert moved[0].digest == moved[1].digest == first[1].digest != first[0].digest
        assert [method for method, *_ in host.seen] == ["GET", "POST", "POST", "POST"]


async def test_only_tags_are_sent(tmp_path: Path) -> None:
    """A repository with thousands of branches and pull requests costs no more than its tags."""
    path = repository(tmp_path / "acme" / "lib", "v1")
    tip = git(path, "rev-parse", "v1")
    (path / "packed-refs").write_text("".join(f"{tip} refs/pull/{n}/head\n" for n in range(2_000)))
    async with hosting(tmp_path) as host:
        for host.version_2, few, many in ((True, 0, 1_000), (False, 100_000, 1 << 20)):
            host.sent = 0
            async with source(url=host.url) as remotes:
                assert [release.version for release in await remotes.releases(remote("acme/lib"))] == ["v1"]
            assert few < host.sent < many


@pytest.mark.parametrize("version_2", [True, False])
async def test_a_repository_without_tags_has_no_versions(tmp_path: Path, version_2: bool) -> None:
    """Neither has one without any commit."""
    repository(tmp_path / "acme" / "none")
    async with hosting(tmp_path) as host, source(url=host.url) as remotes:
        host.version_2 = version_2
        assert await remotes.releases(remote("acme/none")) == ()


async def test_an_action_in_a_folder_is_its_repository(tmp_path: Path) -> None:
    """As workflows write it: owner, repository, and a path within it."""
    repository(tmp_path / "acme" / "actions", "v4")
    async with hosting(tmp_path) as host, source(url=host.url) as remotes:
        for name in ("acme/actions", "acme/actions/cache/restore", "acme/actions/.github/workflows/x.yml"):
            (release,) = await remotes.releases(remote(name, ecosystem="githubactions"))
            assert release.version == "v4"


async def test_a_renamed_repository_is_found_where_it_went(tmp_path: Path) -> None:
    """Also when it moves after we came to know it."""
    repository(tmp_path / "acme" / "old", "v1")
    async with hosting(tmp_path) as host, source(url=host.url) as remotes:
        assert await remotes.releases(remote("acme/old"))
        (tmp_path / "acme" / "old").rename(tmp_path / "acme" / "new")
        host.moved["/acme/old"] = "/acme/new"
        assert await remotes.releases(remote("acme/old"))
        assert await remotes.releases(remote("acme/old"))
        assert host.seen[-1][:2] == ("POST", "/acme/new/git-upload-pack")
        host.moved["/acme/gone"] = "/acme/elsewhere/login?for="
        with pytest.raises((Permanent, Missing)):
            await remotes.releases(remote("acme/gone"))


async def test_a_login_goes_to_its_host_only(tmp_path: Path) -> None:
    """Not to where that host sends us, and it is never shown."""
    repository(tmp_path / "acme" / "lib", "v1")
    login = "Basic " + base64.b64encode(b"x-access-token:s3cret").decode()
    async with hosting(tmp_path) as host, hosting(tmp_path) as other:
        host.login = login
        async with source(url=host.url, token="TOKEN") as remotes:
            assert await remotes.releases(remote("acme/lib"))
            assert await remotes.releases(remote("acme/lib", registry=f"{other.url}/acme/lib"))
            host.moved["/acme/away"] = f"{other.url.replace('127.0.0.1', 'localhost')}/acme/lib"
            assert await remotes.releases(remote("acme/away"))
        assert {login for *_, login in other.seen} == {None} and len(other.seen) == 4
        named = {host.url.removeprefix("http://"): {"username": "me", "secret": "TOKEN"}}
        async with source(url=host.url, logins=named) as remotes:
            with pytest.raises(Refused, match="it is not there, or it asks for a login") as caught:
                await remotes.releases(remote("acme/lib"))
        assert "s3cret" not in str(caught.value)


async def test_what_is_not_there_and_who_is_away(tmp_path: Path) -> None:
    """An unknown repository, a server in trouble, one that is gone, and one that only serves files."""
    repository(tmp_path / "acme" / "lib", "v1")
    async with hosting(tmp_path) as host, source(url=host.url) as remotes:
        with pytest.raises(Missing):
            await remotes.releases(remote("acme/none"))
        host.dumb = True
        with pytest.raises(Permanent, match="git http-backend or a forge"):
            await remotes.releases(remote("acme/lib"))
        host.dumb, host.fail = False, 503
        with pytest.raises(Transient):
            await remotes.releases(remote("acme/lib"))
    async with source(url=host.url) as remotes:
        with pytest.raises(Transient):
            await remotes.releases(remote("acme/lib"))


async def test_an_answer_of_garbage_names_its_host(tmp_path: Path) -> None:
    """Nothing is guessed out of what is no list of refs."""

    async def garbage(request: web.Request) -> web.Response:
        kind = "application/x-git-upload-pack-advertisement"
        big = b"zzzz" + b"x" * (300 << 10) if request.path.startswith("/acme/big") else b"<html>"
        return web.Response(body=big, headers={"Content-Type": kind})

    app = web.Application()
    app.router.add_get("/{path:.*}", garbage)
    async with serving(app) as base, source(url=base) as remotes:
        for name in ("acme/small", "acme/big"):
            with pytest.raises(Permanent, match=r"127\.0\.0\.1 sends no list of refs for /acme"):
                await remotes.releases(remote(name))


@pytest.mark.parametrize(
    ("name", "ecosystem", "url"),
    [
        ("psf/black", "git", "https://usual.example/psf/black"),
        ("github.com/psf/black", "git", "https://github.com/psf/black"),
        ("GitLab.example:8443/a/b/c.git", "git", "https://gitlab.example:8443/a/b/c"),
        ("git.example/x", "git", "https://git.example/x"),
        ("a/b/c", "git", "https://usual.example/a/b/c"),
        ("actions/checkout", "githubactions", "https://usual.example/actions/checkout"),
        ("github/codeql-action/init", "githubactions", "https://usual.example/github/codeql-action"),
    ],
)
def test_a_name_leads_to_a_repository(name: str, ecosystem: str, url: str) -> None:
    """With its host, or on the usual one."""
    assert repository_of(remote(name, ecosystem=ecosystem), "https://usual.example") == url


@pytest.mark.parametrize(
    "name",
    ["", "x", "/", "a/", "a/..", "../b", "a/b?c", "a/b#c", "a/b c", "a/é", "me@host.example/b", "a.b:x/y", "a/b\n"],
)
def test_a_name_that_can_be_none_is_not_asked_for(name: str) -> None:
    """Names come from files that strangers write, and go into URLs."""
    with pytest.raises(Missing):
        repository_of(remote(name), "https://usual.example")


@pytest.mark.parametrize(
    "url",
    ["git@github.com:a/b.git", "ssh://git@x.example/a", "git://x.example/a", "file:///srv/a", "https://me:pw@x.example/a",
     "https://x.example/a?b", "https://x.example/a b", "https://[x"],
)  # fmt: skip
def test_a_place_that_http_cannot_reach_is_said(url: str) -> None:
    """And how to write it instead, without showing a password."""
    with pytest.raises(Permanent, match="https://") as caught:
        repository_of(remote("a/b", registry=url), "https://usual.example")
    assert "pw" not in str(caught.value)


SHA, OTHER = "1" * 40, "2" * 40


def lines(*texts: str) -> bytes:
    return b"".join(packet(text.encode()) for text in texts)


def test_version_1_and_strange_lines_are_understood() -> None:
    """Version 1 says so first; shallow marks and other refs are passed over, and git's own words are handed on."""
    service = lines("# service=git-upload-pack") + FLUSH
    body = service + lines("version 1", f"{SHA} HEAD\0agent=git/2", f"{OTHER} refs/tags/a", f"{SHA} refs/tags/a^{{}}")
    assert greeting(body + lines(f"shallow {OTHER}") + FLUSH).tags == (Tag(name="a", commit=SHA),)
    assert greeting(service + FLUSH).tags == () and greeting(service + lines("version 1") + FLUSH).tags == ()
    with pytest.raises(Missing, match="Repository not found"):
        greeting(service + lines("ERR Repository not found."))
    with pytest.raises(Permanent, match="overloaded"):
        greeting(service + lines("ERR overloaded"))
    with pytest.raises(Permanent, match="cannot list refs"):
        greeting(service + lines("version 2", "fetch") + FLUSH)
    with pytest.raises(Permanent, match="which we do not know"):
        greeting(service + lines("version 2", "ls-refs", "object-format=md5") + FLUSH)
    with pytest.raises(Permanent, match="it says: no"):
        listed(lines("ERR no"))


@pytest.mark.parametrize(
    "body", [b"", lines(f"{SHA} refs/tags/a"), b"00", b"0003", b"0009ab", b"zzzz", lines("x refs/tags/a")]
)
def test_half_an_answer_is_none(body: bytes) -> None:
    """A list that breaks off must not look like one from which tags were removed."""
    with pytest.raises(Permanent):
        listed(body)


def test_too_many_are_not_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hostile server cannot fill the memory."""
    monkeypatch.setattr(_packets, "MOST_REFS", 2)
    refs = [f"{SHA} refs/tags/{n}" for n in range(3)]
    for read in (lambda: listed(lines(*refs) + FLUSH), lambda: greeting(lines(*refs) + FLUSH)):
        with pytest.raises(Permanent, match="more than 2 tags"):
            read()


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Z"], exclude_characters="^~:?*[\\"), min_size=1
)
OIDS = st.text("0123456789abcdef", min_size=40, max_size=40)


@settings(deadline=None)
@given(st.dictionaries(NAMES, st.tuples(OIDS, st.one_of(st.none(), OIDS)), max_size=20))
def test_what_a_server_lists_is_what_is_read(tags: dict[str, tuple[str, str | None]]) -> None:
    """In both forms, whatever the tags are called."""
    wanted = {name: peeled or oid for name, (oid, peeled) in tags.items()}
    two = [f"{oid} refs/tags/{name}" + (f" peeled:{p}" if p else "") for name, (oid, p) in tags.items()]
    assert {tag.name: tag.commit for tag in listed(lines(*two, f"{SHA} refs/heads/x") + FLUSH)} == wanted
    zero = [f"{SHA} HEAD\0side-band-64k object-format=sha1"]
    for name, (oid, peeled) in tags.items():
        zero += [f"{oid} refs/tags/{name}"] + ([f"{peeled} refs/tags/{name}^{{}}"] if peeled else [])
    assert {tag.name: tag.commit for tag in greeting(lines(*zero) + FLUSH).tags or ()} == wanted


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """A hostile server gets an error of ours and nothing else."""
    for read in (greeting, listed, lambda some: list(packets(some))):
        try:
            read(body)
        except Permanent:
            continue


def test_the_question_is_in_gits_own_form() -> None:
    """As gitprotocol-v2 shows it: the command, a delimiter, its arguments, a flush."""
    got = question("sha256")
    assert list(packets(got)) == [
        b"command=ls-refs", b"agent=surefoot", b"object-format=sha256", None, b"peel", b"ref-prefix refs/tags/", None,
    ]  # fmt: skip
    assert got.count(DELIMITER) >= 1 and got.endswith(FLUSH)
