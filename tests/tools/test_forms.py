"""What is made of a document is kept instead of it: small, made once, and never out of step with its server."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from bot.core.errors import Permanent
from bot.tools.cache import Cache, Folder, Kept, Memory
from bot.tools.forms import Form, Made
from bot.tools.http import Http, Reach
from bot.tools.keeping import SMALL, Answer
from tests.adapters.sources.shelf import Shelf

TRUSTED = Reach(trusted=["127.0.0.1", "localhost"])


class Counting:
    """A form that keeps a document's length, and counts how often it had to look."""

    def __init__(self, name: str = "length 1") -> None:
        self.made = 0
        self.form = Form(name=name, make=self.make, pack=lambda size: json.dumps(size).encode(), unpack=self.unpack)

    def make(self, answer: Answer) -> int:
        """Permanent for a document that is none."""
        self.made += 1
        if answer.body.startswith(b"bad"):
            raise Permanent("that is no document")
        return len(answer.body)

    @staticmethod
    def unpack(packed: bytes) -> int:
        """ValueError for what is no number."""
        return int(packed)


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with Shelf(pages={"/page": "x" * 1000}).running() as made:
        yield made


def statuses(shelf: Shelf) -> list[int]:
    return [asked.status for asked in shelf.seen]


@pytest.mark.parametrize("kind", ["memory", "folder"])
@pytest.mark.parametrize("etags", [True, False])
async def test_a_second_look_reads_what_was_made(shelf: Shelf, tmp_path: Path, kind: str, etags: bool) -> None:
    """With a validator the server sends nothing; without one the same body is recognised. Neither is made again."""
    shelf.etags = etags
    cache: Cache = Folder(tmp_path / "c") if kind == "folder" else Memory()
    counting = Counting()
    async with Http(TRUSTED, cache=cache) as http:
        first = await http.made(f"{shelf.url}/page", counting.form)
        again = await http.made(f"{shelf.url}/page", counting.form)
        shelf.pages["/page"] = "y" * 2000
        news = await http.made(f"{shelf.url}/page", counting.form)
    assert (first.value, first.changed, again) == (1000, True, Made(1000, first.digest, False))
    assert (news.value, news.changed, news.digest != first.digest) == (2000, True, True)
    assert counting.made == 2 and statuses(shelf) == [200, 304 if etags else 200, 200]


async def test_the_body_is_not_kept(shelf: Shelf, tmp_path: Path) -> None:
    """Ten thousand big documents fit on a small disk, since only what was made of them lies there."""
    async with Http(TRUSTED, cache=Folder(tmp_path / "c")) as http:
        await http.made(f"{shelf.url}/page", Counting().form)
    (file,) = (tmp_path / "c").iterdir()
    assert b"xxx" not in file.read_bytes() and file.stat().st_size < 500


async def test_without_a_cache_it_is_made_each_time(shelf: Shelf) -> None:
    """Nothing is remembered that nobody gave a place for."""
    counting = Counting()
    async with Http(TRUSTED) as http:
        assert [(await http.made(f"{shelf.url}/page", counting.form)).changed for _ in range(2)] == [True, True]
    assert counting.made == 2


async def test_a_form_of_another_name_is_another_thing(shelf: Shelf) -> None:
    """What an older release of ours kept, or another reader of the same page, is never taken for this one's."""
    one, other = Counting("length 1"), Counting("length 2")
    async with Http(TRUSTED, cache=Memory()) as http:
        await http.made(f"{shelf.url}/page", one.form)
        await http.made(f"{shelf.url}/page", other.form)
        await http.get(f"{shelf.url}/page")
    assert (one.made, other.made, statuses(shelf)) == (1, 1, [200, 200, 200])


async def test_what_cannot_be_read_again_is_asked_for_again(shelf: Shelf, tmp_path: Path) -> None:
    """A damaged file costs one request, and neither an error nor a wrong answer."""
    counting = Counting()
    async with Http(TRUSTED, cache=Folder(tmp_path / "c")) as http:
        await http.made(f"{shelf.url}/page", counting.form)
        (file,) = (tmp_path / "c").iterdir()
        file.write_bytes(file.read_bytes()[:-2])
        assert (await http.made(f"{shelf.url}/page", counting.form)).value == 1000
    broken = Form(name=counting.form.name, make=counting.make, pack=lambda _: b"no number", unpack=Counting.unpack)
    async with Http(TRUSTED, cache=Memory()) as http:
        assert [(await http.made(f"{shelf.url}/page", broken)).value for _ in range(2)] == [1000, 1000]
    assert statuses(shelf) == [200, 200, 200, 200]


async def test_what_hangs_on_a_mark_is_not_asked_for_twice(shelf: Shelf, tmp_path: Path) -> None:
    """Also by a later process; under another mark the server is asked, and what it says goes by the new mark."""
    counting = Counting()
    for mark, requests in (("a", 1), ("a", 1), ("b", 2), ("b", 2), ("a", 3)):
        async with Http(TRUSTED, cache=Folder(tmp_path / "c")) as http:
            assert (await http.made(f"{shelf.url}/page", counting.form, mark=mark)).value == 1000
        assert len(shelf.seen) == requests
    assert counting.made == 1 and statuses(shelf) == [200, 304, 304]


async def test_what_was_heard_in_a_turn_is_not_asked_for_twice(shelf: Shelf) -> None:
    """Who dropped a list in the middle of an hour gets it back from the cache; the next hour asks."""
    counting = Counting()
    cache = Memory()
    async with Http(TRUSTED, cache=cache) as http:
        for turn, requests in (("1", 1), ("1", 1), ("2", 2), ("2", 2), ("", 3)):
            await http.made(f"{shelf.url}/page", counting.form, turn=turn)
            assert len(shelf.seen) == requests
    async with Http(TRUSTED, cache=cache) as later:
        await later.made(f"{shelf.url}/page", counting.form, turn="2")
    assert len(shelf.seen) == 4, "a turn belongs to the object that heard it"


async def test_a_document_that_is_none_is_kept_by_nobody(shelf: Shelf) -> None:
    """The error is told each time, and the first good document counts."""
    counting = Counting()
    shelf.pages["/page"] = "bad"
    async with Http(TRUSTED, cache=Memory()) as http:
        for _ in range(2):
            with pytest.raises(Permanent, match="no document"):
                await http.made(f"{shelf.url}/page", counting.form)
        shelf.pages["/page"] = "good"
        assert (await http.made(f"{shelf.url}/page", counting.form)).value == 4
    assert statuses(shelf) == [200, 200, 200]


async def test_a_new_tag_is_a_new_page(shelf: Shelf) -> None:
    """A server that names a page anew is taken at its word, and asked by the new name the next time."""
    tags = iter(["a", "b", "c"])
    asked: list[str | None] = []

    def page(request: web.Request) -> web.Response:
        asked.append(request.headers.get("If-None-Match"))
        return web.Response(text="same", headers={"ETag": f'"{next(tags)}"'})

    shelf.pages["/page"] = page
    counting = Counting()
    async with Http(TRUSTED, cache=Memory()) as http:
        for _ in range(3):
            await http.made(f"{shelf.url}/page", counting.form)
    assert asked == [None, '"a"', '"b"'] and counting.made == 3


async def test_the_same_page_elsewhere_is_another(shelf: Shelf) -> None:
    """Links are relative to a page's place: a redirect that leads elsewhere makes it anew."""
    target = "/one"
    shelf.pages |= {"/one": "text", "/two": "text"}
    shelf.pages["/page"] = lambda _: web.Response(status=302, headers={"Location": target})
    counting = Counting()
    async with Http(TRUSTED, cache=Memory()) as http:
        await http.made(f"{shelf.url}/page", counting.form)
        target = "/two"
        await http.made(f"{shelf.url}/page", counting.form)
    assert counting.made == 2


async def test_few_bodies_are_held_at_once(shelf: Shelf) -> None:
    """However many big documents are wanted, no more are fetched before the first ones are let go."""
    done = most = 0

    def make(answer: Answer) -> int:
        nonlocal done, most
        most = max(most, len(shelf.seen) - done)
        time.sleep(0.005)  # in a thread: meanwhile the others could be fetched
        done += 1
        return len(answer.body)

    shelf.pages |= {f"/{n}": "z" * SMALL for n in range(40)}
    form = Form(name="big", make=make, pack=lambda size: b"%d" % size, unpack=int)
    async with Http(TRUSTED, cache=Memory()) as http:
        made = await asyncio.gather(*(http.made(f"{shelf.url}/{n}", form) for n in range(40)))
    assert {one.value for one in made} == {SMALL} and done == 40 and most <= 16


def test_files_of_an_older_release_are_still_read(tmp_path: Path) -> None:
    """What was kept before there were forms is a whole body, checked by its own digest."""
    folder = Folder(tmp_path / "c")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    folder.keep("key", Kept(url="u", digest=digest, body=b"abc"))
    (file,) = (tmp_path / "c").iterdir()
    file.write_bytes(b'{"url":"u","digest":"%s","headers":{}}\nabc' % digest.encode())
    assert folder.load("key") == Kept(url="u", digest=digest, body=b"abc")


async def test_who_is_alone_needs_no_threads(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A big document is made at once where nobody else waits, and is the same as one that is made in a thread."""
    threads: list[int] = []

    def make(answer: Answer) -> int:
        threads.append(threading.get_ident())
        return len(answer.body)

    shelf.pages["/big"] = "z" * SMALL
    form = Form(name="big", make=make, pack=lambda size: b"%d" % size, unpack=int)
    for alone in (False, True):
        async with Http(TRUSTED, cache=Memory(), alone=alone) as http:
            assert (await http.made(f"{shelf.url}/big", form)).value == SMALL
    assert [one == threading.get_ident() for one in threads] == [False, True]
