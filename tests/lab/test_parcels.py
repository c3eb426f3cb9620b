"""A trial that travels arrives as it was, and a parcel that was made by somebody else harms nobody."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import ConfigProblem
from bot.core.suites import Asked
from bot.lab import parcels, trees
from tests.lab.world import a_trial, tree

NAMES = st.text("ab.-_ é\n", min_size=1, max_size=8).filter(lambda name: name not in (".", ".."))


def sent(trial: Any, folder: Path) -> Any:
    parcel = io.BytesIO()
    parcels.pack(trial, parcel)
    parcel.seek(0)
    folder.mkdir()
    return parcels.unpack(parcel, folder)


def test_both_trees_and_the_question_arrive_as_they_were(tmp_path: Path) -> None:
    """Files, modes, links and the bounds of the trial; a pipe is no part of a tree."""
    base = tree(tmp_path / "a", {"tests/test_it.py": "x", "run.sh": "#!/bin/sh"})
    (base / "run.sh").chmod(0o755)
    (base / "link").symlink_to("tests/test_it.py")
    (base / "twin").hardlink_to(base / "run.sh")
    (base / "empty").mkdir()
    candidate = tree(tmp_path / "b", {"tests/test_it.py": "y"})
    trial = a_trial(base, candidate, unit="make check")
    arrived = sent(trial, tmp_path / "there")

    assert trees.fingerprint(arrived.base) == trees.fingerprint(base)
    assert trees.fingerprint(arrived.candidate) == trees.fingerprint(candidate)
    assert (arrived.base / "empty").is_dir() and (arrived.base / "twin").read_text() == "#!/bin/sh"
    assert {"unit": Asked(run="make check")} == arrived.suites
    assert (trial.head, trial.base_sha, trial.component) == (arrived.head, arrived.base_sha, arrived.component)


def test_what_was_written_anew_travels_once(tmp_path: Path) -> None:
    """It stands in the tree; a lock file of megabytes would not fit into the question."""
    trial = a_trial(tree(tmp_path / "a", {"uv.lock": "old"}), tree(tmp_path / "b", {"uv.lock": "new"}))
    arrived = sent(replace(trial, written={"uv.lock": "x" * (2 << 20)}), tmp_path / "there")
    assert ({}, "new") == (arrived.written, (arrived.candidate / "uv.lock").read_text())


@given(files=st.dictionaries(st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.binary(max_size=20), max_size=5))
def test_whatever_a_tree_holds_arrives(files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same fingerprint on both machines, whatever the names are."""
    there = tmp_path_factory.mktemp("tree")
    (there / "a").mkdir()
    for name, data in files.items():
        place = there / "a" / name
        if any(parent.is_file() for parent in place.parents) or place.is_dir():
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    arrived = sent(a_trial(there / "a", there / "a"), there / "there")
    assert trees.fingerprint(arrived.base) == trees.fingerprint(there / "a")


def made_by_hand(*members: tuple[str, bytes | str, bytes]) -> io.BytesIO:
    """A parcel with a good question and these members: name, type or link target, content."""
    parcel = io.BytesIO()
    question = io.BytesIO()
    parcels.pack(a_trial(Path("/nowhere/a"), Path("/nowhere/b")), question)
    question.seek(0)
    with tarfile.open(fileobj=question) as good, tarfile.open(fileobj=parcel, mode="w:gz") as made:
        head = good.next()
        assert head is not None
        made.addfile(head, good.extractfile(head))
        for name, kind, data in members:
            member = tarfile.TarInfo(name)
            if isinstance(kind, str):
                member.type, member.linkname = tarfile.SYMTYPE, kind
            else:
                member.type = kind
            member.size = len(data)
            made.addfile(member, io.BytesIO(data))
        made.addfile(tarfile.TarInfo(parcels.END))
    parcel.seek(0)
    return parcel


@pytest.mark.parametrize(
    "member",
    [
        ("base/../../out", tarfile.REGTYPE, b"x"),
        ("/etc/out", tarfile.REGTYPE, b"x"),
        ("elsewhere/file", tarfile.REGTYPE, b"x"),
        ("base//file", tarfile.REGTYPE, b"x"),
        ("base/pipe", tarfile.FIFOTYPE, b""),
        ("base/device", tarfile.CHRTYPE, b""),
        ("base/hard", tarfile.LNKTYPE, b""),
    ],
)
def test_what_would_lie_elsewhere_is_refused(member: tuple[str, bytes, bytes], tmp_path: Path) -> None:
    """Paths that climb, devices, pipes, hard links: the whole parcel is refused, and nothing was written outside."""
    (tmp_path / "in").mkdir()
    with pytest.raises(ConfigProblem, match="holds what is neither"):
        parcels.unpack(made_by_hand(member), tmp_path / "in")
    assert ["in"] == [path.name for path in tmp_path.iterdir()]


def test_no_link_leads_out_and_nothing_is_written_through_one(tmp_path: Path) -> None:
    """A link that leaves its tree is left out, also by way of another link; files come first."""
    secret = tmp_path / "secret"
    secret.write_text("s")
    (tmp_path / "in").mkdir()
    links = [
        ("base/up", "../../secret", b""),
        ("base/root", "/", b""),
        ("base/ok", "file", b""),
        ("base/folder", "sub", b""),
        ("base/folder/inner", "../file", b""),
        ("base/other", "../candidate/file", b""),
    ]
    files = [("base/sub", tarfile.DIRTYPE, b""), ("base/file", tarfile.REGTYPE, b"mine")]
    arrived = parcels.unpack(made_by_hand(*links, *files), tmp_path / "in")
    found = {path.name for path in arrived.base.iterdir() if path.is_symlink()}
    assert {"ok", "folder"} == found and "mine" == (arrived.base / "ok").read_text()
    assert [] == list((arrived.base / "sub").iterdir())


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"", "no parcel|is empty"), (b"\x1f\x8b" + b"junk" * 20, "no parcel"), (b"plain", "no parcel")],
)
def test_what_is_no_parcel_is_said_to_be_none(data: bytes, said: str, tmp_path: Path) -> None:
    """Somebody sent something else."""
    with pytest.raises(ConfigProblem, match=said):
        parcels.unpack(io.BytesIO(data), tmp_path)


def test_a_small_parcel_does_not_become_a_large_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zeros pack well; what they unpack to is counted before it is written."""
    monkeypatch.setattr(parcels, "MOST_BYTES", 1 << 20)
    with pytest.raises(ConfigProblem, match="more than a trial may"):
        parcels.unpack(made_by_hand(("base/zeros", tarfile.REGTYPE, bytes(2 << 20))), tmp_path)
    monkeypatch.setattr(parcels, "MOST_MEMBERS", 2)
    (tmp_path / "again").mkdir()
    few = [(f"base/{n}", tarfile.REGTYPE, b"") for n in range(3)]
    with pytest.raises(ConfigProblem, match="more than a trial may"):
        parcels.unpack(made_by_hand(*few), tmp_path / "again")


def test_the_question_comes_first(tmp_path: Path) -> None:
    """A tree without a question is no trial, and neither is a question that cannot be read."""
    for name, data in (("base/file", b"x"), (parcels.QUESTION, b"{}"), (parcels.QUESTION, msgspec.json.encode([1]))):
        parcel = io.BytesIO()
        with tarfile.open(fileobj=parcel, mode="w:gz") as made:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            made.addfile(member, io.BytesIO(data))
        parcel.seek(0)
        folder = tmp_path / f"{len(data)}{len(name)}"
        folder.mkdir()
        with pytest.raises(ConfigProblem, match=r"begin with|no parcel"):
            parcels.unpack(parcel, folder)
