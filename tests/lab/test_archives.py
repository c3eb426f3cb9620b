"""A hostile tar makes folders, plain files and links below one place, or nothing; its size is known beforehand."""

from __future__ import annotations

import contextlib
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.lab import archives
from bot.lab.archives import Box, Odd, Rules, TooMuch

RULES = Rules(members=20, bytes=1 << 20)
NAMES = st.lists(st.sampled_from(["a", "b", "..", ".", "", "x" * 4001, "c\0", "base", "é"]), max_size=4).map("/".join)
KINDS = [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]


def unpacked(data: bytes, place: Path, rules: Rules = RULES) -> None:
    """All that the two readers do."""
    box = Box(place, rules)
    with archives.opened(io.BytesIO(data)) as held:
        for member in box.members(held):
            box.take(held, member)
    box.tie()


def header(name: str, kind: bytes, size: int, more: dict[int, bytes] | None = None) -> bytes:
    """One block of an archive, as the GNU format has it; more: offset -> bytes."""
    block = bytearray(tarfile.TarInfo(name).tobuf(tarfile.GNU_FORMAT))
    block[124:136] = b"%011o\0" % size
    block[156:157] = kind
    for place, data in (more or {}).items():
        block[place : place + len(data)] = data
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def test_a_file_of_holes_is_refused(tmp_path: Path) -> None:
    """A kilobyte that says it is a sparse file of a terabyte would fill a disk with zeros."""
    real = 1 << 32
    holes = {386: b"%011o\0%011o\0" % (real, 0), 483: b"%011o\0" % real}
    with pytest.raises((Odd, TooMuch)):
        unpacked(header("zeros", tarfile.GNUTYPE_SPARSE, 0, holes) + bytes(1024), tmp_path)
    small = {386: b"%011o\0%011o\0" % (10, 0), 483: b"%011o\0" % 10}
    with pytest.raises(Odd, match="neither a file, a folder nor a link"):
        unpacked(header("zeros", tarfile.GNUTYPE_SPARSE, 0, small) + bytes(1024), tmp_path)
    modern = tarfile.TarInfo("zeros")
    modern.pax_headers = {"GNU.sparse.map": "10,0", "GNU.sparse.size": "10"}
    with pytest.raises(Odd, match="neither a file, a folder nor a link"):
        unpacked(modern.tobuf(tarfile.PAX_FORMAT) + bytes(1024), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_a_header_is_not_read_into_memory_whatever_it_says(kind: bytes, tmp_path: Path) -> None:
    """It may claim gigabytes, and tarfile would hold them all."""
    with pytest.raises(Odd, match="a header of"):
        unpacked(header("x", kind, 1 << 30) + bytes(1024), tmp_path)


def test_what_is_too_much_is_known_before_it_is_read(tmp_path: Path) -> None:
    """By what the archive says of itself; nothing of that file is made."""
    with pytest.raises(TooMuch, match="more than 1 MiB"):
        unpacked(header("big", tarfile.REGTYPE, 2 << 20) + bytes(2 << 20), tmp_path)
    many = b"".join(header(f"f{number}", tarfile.REGTYPE, 0) for number in range(21))
    with pytest.raises(TooMuch, match="more than 20 files"):
        unpacked(many + bytes(1024), tmp_path)
    assert not (tmp_path / "big").exists()


@given(members=st.lists(st.tuples(NAMES, st.sampled_from(KINDS), NAMES), max_size=6), rooted=st.booleans())
def test_nothing_is_made_elsewhere(
    members: list[tuple[str, bytes, str]], rooted: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever names, kinds and links it holds, in whatever order, with roots or without."""
    there = tmp_path_factory.mktemp("in")
    (there / "place" / "base").mkdir(parents=True)
    (there / "secret").write_text("s")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as made:
        for name, kind, link in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, link
            made.addfile(entry)
    rules = Rules(members=9, bytes=9, roots=frozenset({"base"}) if rooted else frozenset())
    with contextlib.suppress(ValueError, OSError, tarfile.TarError):
        unpacked(packed.getvalue(), there / "place", rules)
    assert sorted(path.name for path in there.iterdir()) == ["place", "secret"]
    assert (there / "secret").read_text() == "s"
    found = [path for path in (there / "place").rglob("*") if path.is_symlink()]
    assert not any(path.readlink().is_absolute() for path in found)
    if rooted:
        assert [path.name for path in (there / "place").iterdir()] == ["base"]
        assert all(path.resolve().is_relative_to(there / "place" / "base") for path in found)
