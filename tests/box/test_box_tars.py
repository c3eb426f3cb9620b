"""Checkouts are unpacked whole, and nothing in a tar can leave its folder, on old and new Pythons."""

from __future__ import annotations

import contextlib
import io
import tarfile
from pathlib import Path

import pytest

from bot.demo.box import tars


def packed(*members: tarfile.TarInfo) -> tarfile.TarFile:
    """A tar with these members; each file holds `x`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member in members:
            member.size = 1 if member.isfile() else 0
            archive.addfile(member, io.BytesIO(b"x") if member.isfile() else None)
    buffer.seek(0)
    return tarfile.open(fileobj=buffer)


def a_member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    """One member."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = kind, link, 0o755
    return member


@pytest.fixture(params=["this python", "an older one"])
def python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With extraction filters and without."""
    if request.param == "an older one" and hasattr(tarfile, "data_filter"):
        monkeypatch.delattr(tarfile, "data_filter")


def test_files_keep_their_place_and_their_right_to_run(python: None, tmp_path: Path) -> None:
    """What git packed is there as it was."""
    tars.unpack(packed(a_member("bin", tarfile.DIRTYPE), a_member("bin/run.sh")), tmp_path)

    assert "x" == (tmp_path / "bin" / "run.sh").read_text()
    assert (tmp_path / "bin" / "run.sh").stat().st_mode & 0o100


@pytest.mark.parametrize(
    "member",
    [a_member("../out"), a_member("/out"), a_member("link", tarfile.SYMTYPE, "/etc/passwd"), a_member("a/../../out")],
    ids=lambda member: member.name,
)
def test_nothing_leaves_the_folder(python: None, tmp_path: Path, member: tarfile.TarInfo) -> None:
    """A hostile member is refused or left out; nothing appears outside, and no link leads there."""
    inside = tmp_path / "in"
    inside.mkdir()
    with contextlib.suppress(tarfile.TarError):
        tars.unpack(packed(member), inside)

    assert [inside] == list(tmp_path.iterdir())
    assert not any(path.is_symlink() for path in inside.rglob("*"))
    assert not Path("/out").exists()
