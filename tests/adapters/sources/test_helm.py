"""Charts from repositories and image registries: found in a big index at small cost, whoever wrote it and however."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from bot.adapters import Tools, open_one, sources
from bot.adapters.sources import _chart_index
from bot.adapters.sources._chart_index import Chart, charts
from bot.adapters.sources.helm import Charts
from bot.core.errors import Missing, Permanent, Refused, Transient
from bot.core.model import Component
from bot.tools.cache import Memory
from bot.tools.http import Http, Reach
from tests.adapters.index_server import serving
from tests.adapters.sources.registry_world import Registry, basic, digest_of, manifest
from tests.builders import lent

SHA = "ab" * 32
# As `helm repo index` writes it: lists at the depth of their keys, long texts wrapped, and keys by the alphabet.
INDEX = f"""apiVersion: v1
entries:
  # by hand
  web:
  - annotations:
      artifacthub.io/changes: |
        - "added: a thing"
        version: 9.9.9
    apiVersion: v2
    appVersion: "2.10"
    created: "2026-03-04T05:06:07.123456789+02:00"
    dependencies:
    - name: common
      repository: oci://registry.example/charts
      version: 2.x.x
    description: a chart with a long description that goes on
      version: 8.8.8
    digest: {SHA}
    home: https://web.example
    name: web
    sources:
    - https://git.example/web
    - javascript:alert(1)
    urls:
    - charts/web-1.10.tgz
    version: 1.10 # not 1.1

  - apiVersion: v1
    created: 2018-03-01T10:00:20.883794Z
    deprecated: true
    digest: sha256:{SHA.upper()}
    home: "javascript:alert(1)"
    name: web
    urls:
      - 'https://files.example/web-1.0.0+build.1.tgz'
      - oci://registry.example/web:1.0.0
    version: 1.0.0+build.1
  - name: web
    urls: []
  web-extra:
  - name: web-extra
    urls:
    - web-extra-7.0.0.tgz
    version: 7.0.0
generated: "2026-03-04T05:06:07Z"
"""


@dataclass
class Shop:
    """A chart repository: its index, who may see it, and what was asked."""

    index: bytes = INDEX.encode()
    login: str = ""
    fail: int = 0
    elsewhere: str = ""
    seen: list[tuple[str, int, str | None]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        answer = self._answer(request)
        self.seen.append((request.path, answer.status, request.headers.get("Authorization")))
        return answer

    def _answer(self, request: web.Request) -> web.Response:
        if self.fail:
            return web.Response(status=self.fail)
        if self.elsewhere:
            return web.Response(status=302, headers={"Location": self.elsewhere})
        if self.login and request.headers.get("Authorization") != self.login:
            return web.Response(status=401)
        if request.path != "/charts/index.yaml":
            return web.Response(status=404)
        tag = f'"{hash(self.index)}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304)
        return web.Response(body=self.index, headers={"ETag": tag})


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    made = Shop()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.handle)
    async with serving(app) as base:
        made.url = f"{base}/charts"
        yield made


@asynccontextmanager
async def source(**options: object) -> AsyncIterator[Charts]:
    async with Http(Reach(trusted=["127.0.0.1", "localhost"]), cache=Memory()) as http:
        yield open_one(
            sources,
            "helm",
            options,
            Tools(http=http, secrets=lent("127.0.0.1", "charts.example", PASSWORD="pass word")),
        )


def chart(name: str, registry: str = "") -> Component:
    return Component(name=name, ecosystem="helm", registry=registry)


async def test_an_index_tells_versions_files_and_digests(shop: Shop) -> None:
    """Relative URLs lead to the repository, versions stay text, and what is no web address is left out."""
    async with source() as helm:
        newest, old = await helm.releases(chart("web", shop.url + "/"))
    assert (newest.version, newest.published, newest.deprecated, newest.partial) == ("1.10", None, "", False)
    (file,) = newest.artifacts
    assert (file.filename, file.url, file.sha256) == ("web-1.10.tgz", f"{shop.url}/charts/web-1.10.tgz", SHA)
    assert newest.url == "https://web.example" and newest.links == (("repository", "https://git.example/web"),)
    assert (old.version, old.url, old.links) == ("1.0.0+build.1", None, ())
    assert old.deprecated and [one.sha256 for one in old.artifacts] == [SHA]


async def test_times_count_only_where_you_trust_them(shop: Shop) -> None:
    """`created` is whatever the writer of the index says; a repository that is written by a server may be trusted."""
    async with source(**{"url": shop.url, "trust-created": True}) as helm:
        newest, old = await helm.releases(chart("web"))
        assert newest.published == datetime(2026, 3, 4, 3, 6, 7, 123456, tzinfo=UTC)
        assert old.published == datetime(2018, 3, 1, 10, 0, 20, 883794, tzinfo=UTC)
        shop.index = INDEX.replace("2018-03-01", "yesterday").encode()
        assert (await helm.releases(chart("web")))[1].published is None
        assert (await helm.detail(chart("web"), newest)) is newest


async def test_an_index_that_did_not_change_is_not_read_again(shop: Shop) -> None:
    """The repository answers 304, and the same releases are simply known."""
    async with source(url=shop.url) as helm:
        first = await helm.releases(chart("web"))
        assert await helm.releases(chart("web")) is first
        assert [one.version for one in await helm.releases(chart("web-extra"))] == ["7.0.0"]
        shop.index = INDEX.replace("1.10", "1.11").encode()
        assert (await helm.releases(chart("web")))[0].version == "1.11"
    assert [status for _, status, _ in shop.seen] == [200, 304, 304, 200]


async def test_what_is_not_there_and_who_is_away(shop: Shop) -> None:
    """A chart that the index lacks, a repository that is none, one that is away, and nothing said at all."""
    async with source() as helm:
        for name in ("we", "eb", "extra", "common", "apiVersion", "generated"):
            with pytest.raises(Missing, match="has no chart"):
                await helm.releases(chart(name, shop.url))
        for name in ("", "../web", "a b", "web/x", "w?x", "-", "a" * 300):
            with pytest.raises(Missing, match="can be no chart"):
                await helm.releases(chart(name, shop.url))
        with pytest.raises(Missing, match="in which repository"):
            await helm.releases(chart("web"))
        with pytest.raises(Missing):
            await helm.releases(chart("web", shop.url + "/none"))
        for wrong in (
            "@stable",
            "charts.example",
            "file:///charts",
            "https://me:secret@c.example",
            "https://[c",
            "oci://",
        ):
            with pytest.raises(Permanent, match="no chart repository") as caught:
                await helm.releases(chart("web", wrong))
            assert "secret" not in str(caught.value)
        shop.fail = 503
        with pytest.raises(Transient):
            await helm.releases(chart("web", shop.url))
    assert len(shop.seen) == 8


async def test_a_private_repository_gets_its_login_and_nobody_else(shop: Shop) -> None:
    """Not where a redirect leads, and not over a wire that others can read."""
    shop.login = basic("me", "pass word")
    host = shop.url.removeprefix("http://").removesuffix("/charts")
    other = Shop()
    app = web.Application()
    app.router.add_get("/{path:.*}", other.handle)
    logins = {name: {"username": "me", "secret": "PASSWORD"} for name in (host, "charts.example")}
    async with serving(app) as base, source(logins=logins) as helm:
        assert await helm.releases(chart("web", shop.url))
        shop.elsewhere = f"{base}/charts/index.yaml"
        assert await helm.releases(chart("web", shop.url))
        assert [login for *_, login in other.seen] == [None]
        with pytest.raises(Refused, match="not sent over plain http"):
            await helm.releases(chart("web", "http://charts.example"))
    async with source() as helm:
        shop.elsewhere = ""
        with pytest.raises(Refused):
            await helm.releases(chart("web", shop.url))


async def test_charts_of_an_image_registry_are_tags() -> None:
    """With a plus where Helm had to write an underscore; the digest is asked for one by one."""
    tags = {"1.2.3": manifest("a"), "1.2.4_build.5": manifest("b")}
    registry = Registry(repositories={"team/charts/web": tags}, way="token")
    async with registry.running(), source() as helm:
        component = chart("web", f"oci://{registry.host}/team/charts/")
        old, new = await helm.releases(component)
        assert (old.version, new.version, new.partial) == ("1.2.3", "1.2.4+build.5", True)
        whole = await helm.detail(component, new)
        assert (whole.digest, whole.partial) == (digest_of(manifest("b")), False)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>", b"", b"entries: 3: 4", b"- a", b"apiVersion: v1", b'{"entries": 3}', b"{",
        b"entries:\n  web: &a\n  - version: 1\n  other: *a\n", b"entries:\n  ? [web]\n  : x\n",
        b'{"entries": {"web": ["x"]}}', b"entries:\n  web:\n  - *a\n", b"entries: [" + b"[" * 60 + b"]" * 61,
        b"entries:\n  web:\n  - [version]\n", b"entries:\n  web:\n  - version: !!int\n\t- x\n",
    ],
)  # fmt: skip
async def test_what_is_no_index_is_said(shop: Shop, body: bytes) -> None:
    """Nothing is guessed out of another document, and none of YAML's dangers comes along."""
    shop.index = body
    async with source(url=shop.url) as helm:
        with pytest.raises(Permanent, match=r"127\.0\.0\.1.* sends no index of charts for web"):
            await helm.releases(chart("web"))


ONE = Chart(version="1.10", urls=("web.tgz",))


@pytest.mark.parametrize(
    "text",
    [
        'entries:\n  web:\n  - version: "1.10"\n    urls: [web.tgz]\n',
        "entries:\n  web:\n    - urls:\n        - web.tgz\n      version: 1.10\n",
        "\ufeffentries: # all\r\n    'web':\r\n    -   version: '1.10'\r\n        urls:\r\n        - web.tgz\r\n",
        'entries:\n  "web": # this\n  - {version: 1.10, urls: [web.tgz]}\nother: 1\n',
        "entries:\n  web:\n  -\n    version: 1.10\n    urls:\n    - web.tgz\n",
        "entries: {web: [{version: 1.10, urls: [web.tgz]}]}",
        "entries:\n  other: {}\n  web: [{version: 1.10, urls: [web.tgz]}]\n",
        'entries:\n  web:\n  - version: >-\n      1.10\n    urls:\n    - "web\\u002etgz"\n',
        "entries:\n  web:\n  - version:\n      1.10\n    urls:\n    # the only one\n    - web.tgz # here\n",
        "entries:\n  web:\n  # none\n\n  - description: 'a\n\n      b'\n    version: 1.10\n    urls:\n    - web.tgz\n",
        json.dumps({"entries": {"web": [{"version": "1.10", "urls": ["web.tgz"], "deprecated": None}]}}),
        "---\nentries:\n  web:\n  - version: 1.10\n    deprecated: null\n    urls:\n    - web.tgz\n...\n",
    ],
)
def test_an_index_may_be_written_in_many_ways(text: str) -> None:
    """By hand, by another program, as JSON, with comments, from Windows: a chart's entry means the same."""
    assert charts(text.encode(), "web") == (ONE,)
    assert charts(text.encode(), "webs") is None


def test_json_says_true_in_its_own_way() -> None:
    """A chart that was given up is that in JSON too."""
    (found,) = charts(b'{"entries": {"web": [{"version": "1", "deprecated": true}]}}', "web") or ()
    assert found.deprecated == "true" and charts(b'{"entries": {"web": null}}', "web") is None
    assert charts(b'{"apiVersion": "v1"}', "web") is None and charts(b"entries:\n", "web") is None
    assert charts(b"entries:\n  web:\n  other: x\n", "web") == ()


def test_what_costs_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A big index is read where it is written plainly; a big one that needs a parser is not, and the error says so."""
    plain = "entries:\n" + "".join(f"  c{n}:\n  - version: {n}.0.0\n" for n in range(60_000))
    assert len(plain) > _chart_index.MOST_PARSED
    assert charts(plain.encode(), "c59999") == (Chart(version="59999.0.0"),)
    assert charts(plain.encode(), "c60000") is None
    odd = plain.replace("  c1:\n", "  ? c1\n  :\n")
    with pytest.raises(Permanent, match="too big for the way in which it is written"):
        charts(odd.encode(), "c60000")
    monkeypatch.setattr(_chart_index, "MOST_ENTRIES", 1)
    with pytest.raises(Permanent, match="more than 1 versions of web"):
        charts(b"entries:\n  web:\n  - version: 1\n  - version: 2\n", "web")


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=30)
ENTRY = st.fixed_dictionaries(
    {"version": WORDS, "urls": st.lists(WORDS, max_size=3)},
    optional={"description": WORDS, "digest": WORDS, "home": WORDS, "sources": st.lists(WORDS, max_size=2)},
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.sampled_from(["web", "web-1", "a"]), st.lists(ENTRY, min_size=1, max_size=2), max_size=2))
def test_the_quick_way_reads_what_a_parser_reads(entries: Mapping[str, list[dict[str, Any]]]) -> None:
    """Whatever stands in the texts of an index that a program wrote, both ways come to the same."""
    out = StringIO()
    writer = YAML()
    writer.width = 40
    writer.dump({"apiVersion": "v1", "entries": dict(entries), "generated": "now"}, out)
    text = out.getvalue()
    tree = _chart_index.Budget().parse(text)
    for name in ("web", "a", "none"):
        assert charts(text.encode(), name) == _chart_index._of_tree(tree, name)
        if name in entries:
            assert [one.version for one in charts(text.encode(), name) or ()] == [e["version"] for e in entries[name]]
