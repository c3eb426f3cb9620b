"""The keeper of a run, looked at from inside: what it keeps, what it waits for, and whom it buries."""

from __future__ import annotations

import marshal
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.lab import jail
from bot.lab.host import unjailed
from bot.lab.jobs import Job, Limits
from bot.lab.orders import Answer
from bot.lab.warden import groups, kernel, main
from bot.lab.warden.main import Run, Stream

SMALL = Limits(seconds=20, memory_mib=256)


@pytest.fixture
def lifeline() -> Iterator[tuple[int, int]]:
    """A pipe whose writing end is whoever asked."""
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)


def serve(text: str, lifeline: tuple[int, int], folder: Path, limits: Limits = SMALL, gone: bool = False) -> Answer:
    """One order from start to answer, in this process."""
    order = jail.unjailed(Job(command=("/bin/sh", "-c", text), limits=limits), unjailed(), folder)
    run = Run(order, lifeline[0])
    run.start()
    if gone:
        os.close(lifeline[1])
    reason = run.watch()
    clean = run.end_all()
    answer = run.answer(reason, clean)
    os.close(run.lock)
    for stream in run.streams:
        os.close(stream.fd)
    if not gone:
        os.close(lifeline[1])
    return answer


def test_a_run_and_its_answer(lifeline: tuple[int, int], tmp_path: Path) -> None:
    """Code, output, results, and what it took."""
    answer = serve('echo out; echo err >&2; echo mine > "$SUREFOOT_RESULTS"; exit 3', lifeline, tmp_path)
    assert (answer["code"], answer["reason"], answer["started"], answer["clean"]) == (3, "finished", True, True)
    assert (answer["output"], answer["results"]) == (b"out\nerr\n", b"mine\n")
    assert answer["peak"] > 0 and answer["seconds"] > 0


@pytest.mark.parametrize(
    ("text", "limits", "reason"),
    [
        ("sleep 600 & sleep 600", replace(SMALL, seconds=0.3), "timeout"),
        ("yes", replace(SMALL, most_output=1 << 20), "output"),
        ("setsid sleep 600 & exit 0", SMALL, "finished"),
    ],
)
def test_what_it_began_ends_with_it(
    text: str, limits: Limits, reason: str, lifeline: tuple[int, int], tmp_path: Path
) -> None:
    """Children that live on are ended, by the bound that was met or by the command's own end."""
    answer = serve(text, lifeline, tmp_path, limits)
    assert (answer["reason"], answer["clean"]) == (reason, True)


def test_who_asked_is_gone(lifeline: tuple[int, int], tmp_path: Path) -> None:
    """Then there is nobody to run it for."""
    answer = serve("sleep 600", lifeline, tmp_path, gone=True)
    assert (answer["reason"], answer["clean"], answer["code"]) == ("abandoned", True, -kernel.SIGKILL)


def test_an_order_that_breaks_off_is_none(tmp_path: Path) -> None:
    """Half an order is not carried out."""
    data = marshal.dumps({"argv": []})
    whole = len(data).to_bytes(8, "little") + data
    for sent, expected in ((whole, {"argv": []}), (whole[:-1], None), (whole[:5], None), (b"", None)):
        (tmp_path / "order").write_bytes(sent)
        with (tmp_path / "order").open("rb") as file:
            assert main.read_order(file.fileno()) == expected


@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(4, 400), st.booleans())
def test_a_stream_keeps_its_ends(parts: list[bytes], keep: int, tail: bool) -> None:
    """All of it while it fits; else the beginning and, where wanted, the end, with the count of what is lost."""
    stream = Stream(keep, tail=tail)
    assert stream.writing is not None
    for part in parts:
        os.write(stream.writing, part)
        stream.drain()
    stream.close_writing()
    stream.close_writing()
    stream.drain()
    os.close(stream.fd)
    sent, kept = b"".join(parts), stream.kept()
    assert (stream.ended, stream.total) == (True, len(sent))
    if len(sent) <= keep:
        assert kept == sent
    else:
        assert kept.startswith(sent[: stream.first]) and b"%d bytes not kept" % (len(sent) - keep) in kept
        assert kept.endswith(sent[len(sent) - stream.last :]) or not tail


def test_version_one_cgroups_are_written_as_the_kernel_wants_them(tmp_path: Path) -> None:
    """Two controllers may share a hierarchy. (Files stand in for the kernel's here.)"""
    for name in ("memory", "cpu,pids"):
        (tmp_path / name).mkdir()
    group = groups.Groups({str(tmp_path / "memory"): "memory", str(tmp_path / "cpu,pids"): "cpu,pids"}, 5)
    group.make(memory=1 << 20, pids=9, cpus=2.0)
    memory, pids = tmp_path / "memory/surefoot-5", tmp_path / "cpu,pids/surefoot-5"
    assert (memory / "memory.limit_in_bytes").read_text() == "1048576"
    assert {path.name: path.read_text() for path in pids.iterdir() if "memsw" not in path.name} == {
        "cpu.cfs_quota_us": "200000",
        "pids.max": "9",
    }
    assert (group.peak(), group.ran_out()) == (None, False)
    (memory / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    (memory / "memory.max_usage_in_bytes").write_text("77\n")
    assert (group.peak(), group.ran_out()) == (77, True)
