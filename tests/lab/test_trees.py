"""Two trees with the same content are the same, and the jail's uid can read what it is offered."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from bot.lab import sandbox, trees
from bot.lab.host import Host
from bot.lab.jobs import Job, Limits
from tests.lab.world import tree

FILES = {"a.py": "a", "b/c.txt": "c"}


def test_content_and_modes_make_the_fingerprint(tmp_path: Path) -> None:
    """Place, times and what git keeps beside do not matter; content, names, links and the executable bit do."""
    one, two = tree(tmp_path / "one", FILES), tree(tmp_path / "two", {**FILES, ".git/HEAD": "x"})
    os.utime(two / "a.py", (0, 0))
    assert trees.fingerprint(one) == trees.fingerprint(two)
    seen = {trees.fingerprint(two)}
    (two / "a.py").chmod(0o755)
    seen.add(trees.fingerprint(two))
    (two / "link").symlink_to("a.py")
    seen.add(trees.fingerprint(two))
    (two / "folder").symlink_to("b")
    seen.add(trees.fingerprint(two))
    (two / "a.py").rename(two / "d.py")
    seen.add(trees.fingerprint(two))
    (two / "d.py").write_text("other")
    seen.add(trees.fingerprint(two))
    assert len(seen) == 6


def test_a_fingerprint_of_some_files_hangs_on_those_alone(tmp_path: Path) -> None:
    """What is learnt of a tree's sources stays known when a lock file changes, and not when a source does."""
    one = tree(tmp_path / "one", FILES)
    before = trees.fingerprint(one, ".py", ".pyi")
    (one / "b/c.txt").write_text("other")
    assert trees.fingerprint(one, ".py", ".pyi") == before
    (one / "b/d.pyi").write_text("")
    assert trees.fingerprint(one, ".py", ".pyi") != before


@pytest.mark.parametrize("staged", [True, False])
async def test_a_private_tree_can_be_tried(staged: bool, host: Host, tmp_path: Path) -> None:
    """Files of mode 0600 in folders of mode 0700, a dangling link, a pipe: what is readable by us is offered."""
    private = tree(tmp_path / "x" / "private", FILES)
    for path in (private, private / "b", private / "a.py", private / "b/c.txt", tmp_path / "x"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    (private / "gone").symlink_to("nowhere")
    os.mkfifo(private / "pipe")
    there = host if staged else replace(host, stage="" if not _wheel_is_apart(host) else host.stage)
    with trees.offered(private, there) as offered:
        job = Job(command=("/bin/sh", "-c", "cat a.py b/c.txt; ls"), tree=offered, limits=Limits(seconds=20))
        ran = await sandbox.run(job, there)
    assert ran.text.startswith("aca.py\nb\ngone\n"), ran
    assert (private.stat().st_mode & 0o777, (private / "a.py").stat().st_mode & 0o777) == (0o700, 0o600)
    assert offered == private or not offered.exists()


def _wheel_is_apart(host: Host) -> bool:
    """A bwrap in a place that others cannot walk into needs the stage."""
    assert host.bwrap is not None
    return any(not parent.stat().st_mode & 1 for parent in Path(host.bwrap.path).parents)


def test_an_open_tree_is_offered_as_it_is(host: Host, tmp_path: Path) -> None:
    """No copy is made that is not needed."""
    tmp_path.chmod(0o755)
    with trees.offered(tree(tmp_path, FILES), replace(host, stage="/mnt")) as offered:
        assert offered == tmp_path.resolve()
