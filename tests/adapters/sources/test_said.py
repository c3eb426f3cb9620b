"""What registries pass on is checked: links can be shown, times are UTC, logins stay where they belong."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.sources._pages import Pages, Place, basic, bearer, below, configured, place_of
from bot.adapters.sources._said import (
    LONGEST_TEXT,
    LONGEST_URL,
    checksum_of_sri,
    links_of,
    repository_url,
    text_of,
    time_of,
    web_url,
)
from bot.core.errors import ConfigProblem, Permanent
from bot.tools.http import Answer
from bot.tools.secrets import Secret


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ("https://github.com/a/b", "https://github.com/a/b"),
        ("HTTP://a.example:8080?x=1#y", "HTTP://a.example:8080?x=1#y"),
        ("javascript:alert(1)", None),
        ("https://me:pass@a.example/", None),
        ("https://a.example/x y", None),
        ("https://a.example/\nx", None),
        ('https://a.example/"><script>', None),
        ("https:///x", None),
        ("//a.example", None),
        ("ftp://a.example", None),
        ("https://[", None),
        ("https://a.example:port/", None),
        ("", None),
        (None, None),
        (["https://a.example"], None),
        ("https://a.example/" + "x" * LONGEST_URL, None),
    ],
)
def test_a_link_can_be_shown(said: object, url: str | None) -> None:
    """Plain http and https, without a login, white space or anything that breaks out of a page."""
    assert web_url(said) == url


@given(st.text() | st.from_regex(r"https?://[ -~]{0,40}", fullmatch=True))
def test_no_text_makes_a_bad_link(said: str) -> None:
    """Whatever a publisher writes, a link has a host and no login."""
    for url in (web_url(said), repository_url(said)):
        if url is not None:
            split = urlsplit(url)
            assert split.scheme.lower() in {"http", "https"} and split.hostname and "@" not in split.netloc
            assert not set(url) & set(' <>"\n\t')


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ("git+https://github.com/a/b.git", "https://github.com/a/b"),
        ("git://github.com/a/b.git#main", "https://github.com/a/b"),
        ("git+ssh://git@github.com/a/b.git", "https://github.com/a/b"),
        ("git@gitlab.example:group/sub/b.git", "https://gitlab.example/group/sub/b"),
        ("https://github.com/a/b/", "https://github.com/a/b"),
        ("a/b", "https://github.com/a/b"),
        ("github:a/b#x", "https://github.com/a/b"),
        ("gitlab:a/b", "https://gitlab.com/a/b"),
        ("bitbucket:a/b", "https://bitbucket.org/a/b"),
        ("gist:1234", None),
        ("../../x", None),
        ("ssh://me:pass@host/x", None),
        ("", None),
        (3, None),
        ("x" * 600, None),
    ],
)
def test_a_repository_is_found_where_people_look(said: object, url: str | None) -> None:
    """In all the ways in which package files name one."""
    assert repository_url(said) == url


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-12 * 60, 12 * 60))
def test_a_time_is_utc(at: datetime, minutes: int) -> None:
    """Whatever zone a registry writes it in; without one it is UTC already."""
    assert time_of(at.isoformat()) == at
    assert time_of(at.replace(tzinfo=None).isoformat()) == at
    there = at.replace(tzinfo=None).isoformat() + f"{'+-'[minutes < 0]}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    found = time_of(there)
    # The first and the last day of the calendar have no other zone's time.
    assert found is None or (found == at - timedelta(minutes=minutes) and found.tzinfo is UTC)


@given(st.text() | st.none() | st.integers())
def test_no_text_makes_a_bad_time(said: object) -> None:
    """What is no time is not known."""
    found = time_of(said)
    assert found is None or found.tzinfo is UTC


@given(st.text())
def test_words_are_short_and_in_one_line(said: str) -> None:
    """They go into a comment that people read."""
    text = text_of(said)
    assert len(text) <= LONGEST_TEXT and len(text.splitlines()) <= 1
    assert text_of(None) == ""


@given(st.binary(min_size=1, max_size=64), st.sampled_from(["sha1", "sha256", "sha384", "sha512"]))
def test_a_checksum_becomes_hex(digest: bytes, kind: str) -> None:
    """Of subresource integrity, with or without options behind it."""
    token = f"{kind}-{base64.b64encode(digest).decode()}"
    assert checksum_of_sri(token) == checksum_of_sri(f" {token}?opt ") == f"{kind}:{digest.hex()}"


def test_the_strongest_checksum_counts() -> None:
    """Several may stand side by side; unknown and broken ones are none."""
    digest = base64.b64encode(hashlib.sha512(b"x").digest()).decode()
    assert (
        checksum_of_sri(f"md5-AAAA sha1-AAAA sha512-{digest} sha256-AAAA")
        == f"sha512:{hashlib.sha512(b'x').hexdigest()}"
    )
    for nothing in ("", "sha512-", "sha512-???", "md5-AAAA", None, 3, "sha512-é"):
        assert checksum_of_sri(nothing) is None


def test_each_link_is_named_once() -> None:
    """A homepage that is the repository is no second link."""
    assert links_of(repository="https://a.example", homepage="https://a.example", changelog=None) == (
        ("repository", "https://a.example"),
    )


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("https://a.example/npm", True), ("https://A.example/npm/x/y", True), ("https://a.example/npmx", False),
        ("https://a.example/", False), ("http://a.example/npm/x", False), ("https://a.example:444/npm/x", False),
        ("https://a.example.evil.example/npm/x", False),
    ],
)  # fmt: skip
def test_a_login_stays_below_its_place(url: str, inside: bool) -> None:
    """The same scheme, host and port, and a path that begins with the whole of its own."""
    assert below(url, "https://a.example/npm") == inside
    place = Place(url="https://a.example/npm", header=bearer(Secret("tok3n")))
    assert place.headers(url) == ({"Authorization": "Bearer tok3n"} if inside else {})
    assert Place(url="https://a.example/npm").headers(url) == {}


def test_a_place_is_a_plain_url() -> None:
    """It may stand in a stranger's file."""
    assert place_of("https://a.example/npm//") == "https://a.example/npm"
    for text in (
        "",
        "a.example",
        "file:///etc",
        "https://",
        "https://a.example/?x",
        "https://a.example/#x",
        "https://a b",
    ):
        with pytest.raises(Permanent, match="no URL of a registry"):
            place_of(text)
    for text in ("https://[", "https://[x]/", "https://a.example:99999", "https://a.example:x"):
        with pytest.raises(Permanent, match="no URL of a registry"):
            place_of(text)
    with pytest.raises(Permanent) as caught:
        place_of("https://me:s3cret@a.example/?x")
    assert "s3cret" not in str(caught.value)
    with pytest.raises(ConfigProblem, match="kind: 'x'"):
        configured("x", "kind")
    assert basic(Secret("a:b")) == Secret("Basic " + base64.b64encode(b"a:b").decode())


async def test_a_page_is_read_once_and_room_is_bounded() -> None:
    """Unchanged pages are not read again, big ones are read in a thread, and what is too big is not kept."""
    pages: Pages[str] = Pages(len, most=10)
    reads: list[str] = []

    def reader(answer: Answer) -> str:
        reads.append(answer.digest)
        return answer.digest * 3

    async def read(key: str, digest: str, size: int = 1) -> str:
        return await pages.read(key, Answer(url="https://a.example", body=b"x" * size, digest=digest), reader)

    assert [await read("a", "1"), await read("a", "1"), await read("a", "2", 300 << 10)] == ["111", "111", "222"]
    assert reads == ["1", "2"]
    await read("b", "1"), await read("c", "1")
    assert pages.known("a") is None and pages.known("c") == ("1", "111")
    assert await read("c", "12345") == "12345" * 3
    assert pages.known("c") is None


async def test_many_who_want_the_same_ask_once() -> None:
    """And an error is nobody's answer: the next one asks again."""
    pages: Pages[str] = Pages(len)
    asked = 0

    async def ask() -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        if asked == 1:
            raise Permanent("once")
        return "made"

    with pytest.raises(Permanent):
        await pages.fetch("a", "1", ask)
    assert await asyncio.gather(*(pages.fetch("a", "1", ask) for _ in range(5))) == ["made"] * 5
    assert asked == 2
    assert await pages.fetch("a", "2", ask) == "made" and asked == 3
