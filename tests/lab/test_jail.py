"""A jail shows folders elsewhere than where they lie, and gives room to what reserves more than it fills."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bot.lab import jail, sandbox
from bot.lab.host import Host
from bot.lab.jobs import Job, Limits, Ran

PYTHON = os.path.realpath(sys.executable)
PREFIX = Path(os.path.realpath(sys.base_prefix))


@pytest.fixture(params=["full", "plain"])
def kept(request: pytest.FixtureRequest, host: Host, plain: Host) -> Host:
    """Both grades."""
    return host if request.param == "full" else plain


async def test_a_folder_is_seen_elsewhere_and_cannot_be_written(kept: Host, tmp_path: Path) -> None:
    """Below the home, where only its own disk can be written; and at no other place."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "one").write_text("here")
    code = f"cat {jail.HOME}/deep/modules/one; touch {jail.HOME}/deep/modules/two || ls {tmp_path}; touch {jail.HOME}/x"
    job = Job(command=("/bin/sh", "-c", code), placed={f"{jail.HOME}/deep/modules": tmp_path / "packages"})
    ran = await sandbox.run(job, kept)
    assert ran.code == 0 and ran.text.startswith("here"), ran.text
    assert "Read-only file system" in ran.text and "No such file" in ran.text
    assert [path.name for path in (tmp_path / "packages").iterdir()] == ["one"]


RESERVE = "import mmap; mmap.mmap(-1, {mib} << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, {prot}); print('had')"


async def reserve(kept: Host, mib: int, *, prot: str, roomy: bool) -> Ran:
    """What comes of mapping so much in a jail of 256 MiB."""
    job = Job(
        command=(PYTHON, "-IS", "-c", RESERVE.format(mib=mib, prot=prot)),
        visible=(PREFIX,), limits=Limits(seconds=20, memory_mib=256), roomy=roomy,
    )  # fmt: skip
    return await sandbox.run(job, kept)


async def test_what_is_reserved_and_not_filled_is_let_through(kept: Host) -> None:
    """As Node does for WebAssembly; what could be filled is bounded as ever."""
    much = 9000
    assert (await reserve(kept, much, prot="mmap.PROT_READ", roomy=True)).text == "had\n"
    for prot, roomy in (("mmap.PROT_READ", False), ("mmap.PROT_READ | mmap.PROT_WRITE", True)):
        assert "had" not in (await reserve(kept, much, prot=prot, roomy=roomy)).text.splitlines()
