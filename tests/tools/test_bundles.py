"""Many answers in few files: whatever happens to the files, an answer is the one that was kept last, or none."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.tools import bundles
from bot.tools.bundles import Bundles
from bot.tools.cache import BIG, Folder, Kept


def files(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.name.startswith("bundle-"))


def kept(body: bytes) -> Kept:
    return Kept(url="https://index.example/x", digest="d" * 64, body=body, headers={"etag": '"1"'}, mark="m")


def test_a_hundred_answers_are_one_file(tmp_path: Path) -> None:
    """Also for a later process; the folder and the file are the owner's alone."""
    with Folder(tmp_path / "c", together=True) as folder:
        for number in range(100):
            folder.keep(str(number), kept(b"%d" % number))
            assert folder.load(str(number)) == kept(b"%d" % number)
    (file,) = files(tmp_path / "c")
    assert file.stat().st_mode & 0o777 == 0o600 and (tmp_path / "c").stat().st_mode & 0o777 == 0o700
    with Folder(tmp_path / "c", together=True) as again:
        assert [again.load(str(number)) for number in range(100)] == [kept(b"%d" % number) for number in range(100)]
        assert again.load("100") is None
    assert files(tmp_path / "c") == [file], "nothing new, so nothing is written"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from("abcde"), st.binary(max_size=40))), max_size=25))
def test_the_last_that_was_kept_counts(
    tmp_path_factory: pytest.TempPathFactory, runs: list[list[tuple[str, bytes]]]
) -> None:
    """Over as many runs as one likes, of which each sees what all before it kept; and the files stay few."""
    folder, expected = tmp_path_factory.mktemp("c"), dict[str, bytes]()
    for run in runs:
        one = Bundles(folder)
        for name, blob in run:
            one.keep(name, blob)
            expected[name] = blob
        assert {name: one.load(name) for name in expected} == expected
        one.flush()
        one.close()
        assert len(files(folder)) <= bundles.MOST_BUNDLES
    last = Bundles(folder)
    assert {name: last.load(name) for name in "abcde"} == {name: expected.get(name) for name in "abcde"}
    last.close()


def test_what_nobody_wants_goes_after_a_month(tmp_path: Path) -> None:
    """An answer that is wanted now and then stays; one that nobody wants leaves when the files are made one."""
    for day in range(0, 50, 5):
        one = Bundles(tmp_path, today=lambda day=day: 1000 + day)  # type: ignore[misc]  # a default
        if day == 0:
            one.keep("old", b"o")
            one.keep("used", b"u")
        else:
            assert one.load("used") == b"u"
        one.keep(f"new {day}", b"n")
        one.flush()
        one.close()
    last = Bundles(tmp_path, today=lambda: 1050)
    assert (last.load("used"), last.load("old"), last.load("new 45")) == (b"u", None, b"n")
    last.close()


def test_many_bytes_do_not_wait_for_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a long run keeps does not fill the memory, and all of it is there."""
    monkeypatch.setattr(bundles, "MOST_WAITING", 1000)
    one = Bundles(tmp_path)
    for number in range(40):
        one.keep(str(number), bytes([number]) * 400)
    assert len(files(tmp_path)) > 1
    assert [one.load(str(number)) for number in range(40)] == [bytes([number]) * 400 for number in range(40)]
    one.close()


@pytest.mark.parametrize("cut", [0, 1, 30, -1, -200])
def test_a_damaged_file_is_no_answer(tmp_path: Path, cut: int) -> None:
    """One that somebody cut short costs what was in it, and neither an error nor a wrong answer."""
    with Folder(tmp_path, together=True) as folder:
        folder.keep("a", kept(b"a" * 100))
        folder.keep("b", kept(b"b" * 100))
    (file,) = files(tmp_path)
    file.write_bytes(file.read_bytes()[:cut])
    with Folder(tmp_path, together=True) as folder:
        assert folder.load("a") in (None, kept(b"a" * 100)) and folder.load("b") is None
        folder.keep("b", kept(b"new"))
    with Folder(tmp_path, together=True) as folder:
        assert folder.load("b") == kept(b"new")


def test_a_file_that_lies_is_no_answer(tmp_path: Path) -> None:
    """Places that are none, and a head that is no list of places."""
    for number, head in enumerate(
        (b'{"a":[-1,5,20000]}', b'{"a":[0,-5,20000]}', b"[]", b"\xff", b'{"a":[9999,9,20000]}')
    ):
        (tmp_path / f"bundle-{number}").write_bytes(head + b"\nbody")
    one = Bundles(tmp_path)
    assert not one.load("a")
    one.close()


def test_a_big_answer_has_its_own_file(tmp_path: Path) -> None:
    """Before it was big, and after, the one that was kept last is found."""
    for body in (b"small", b"x" * (BIG + 1), b"small again"):
        with Folder(tmp_path, together=True) as folder:
            folder.keep("key", kept(body))
            assert folder.load("key") == kept(body)
        with Folder(tmp_path, together=True) as folder:
            assert folder.load("key") == kept(body)


def test_what_was_kept_one_by_one_is_still_read(tmp_path: Path) -> None:
    """The folder of an older release of ours loses nothing."""
    Folder(tmp_path).keep("key", kept(b"body"))
    with Folder(tmp_path, together=True) as folder:
        assert folder.load("key") == kept(b"body")


def test_an_old_bundle_is_swept_away(tmp_path: Path) -> None:
    """With all that nobody asked for in a month; to look at one makes it young."""
    with Folder(tmp_path, together=True) as folder:
        folder.keep("key", kept(b"body"))
    (file,) = files(tmp_path)
    os.utime(file, (0, 0))
    with Folder(tmp_path, together=True) as folder:
        assert folder.load("key") == kept(b"body") and folder.sweep() == 0
    os.utime(file, (0, 0))
    with Folder(tmp_path, together=True) as folder:
        assert folder.sweep() == 1 and folder.load("key") is None


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    """Losing the cache costs speed only."""
    (tmp_path / "file").write_text("")
    with Folder(tmp_path / "file", together=True) as folder:
        folder.keep("key", kept(b"body"))


def test_one_that_goes_while_it_is_listed_is_passed_over(tmp_path: Path) -> None:
    """Another process makes one file of many at any time."""
    (tmp_path / "bundle-1").symlink_to(tmp_path / "gone")
    one = Bundles(tmp_path)
    assert one.load("a") is None
    one.close()


async def test_threads_keep_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Big documents are made in threads, and none of them takes the place of another."""
    monkeypatch.setattr(bundles, "MOST_WAITING", 2000)
    with Folder(tmp_path, together=True) as folder:

        def work(number: int) -> bool:
            folder.keep(str(number), kept(b"%d" % number * 50))
            return folder.load(str(number)) == kept(b"%d" % number * 50)

        assert all(await asyncio.gather(*(asyncio.to_thread(work, number) for number in range(60))))
        assert all(folder.load(str(number)) for number in range(60))
