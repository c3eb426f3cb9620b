"""What the bot tells the warden and what it hears back: plain data, since `marshal` carries it."""

from __future__ import annotations

from typing import TypedDict


class Bounds(TypedDict):
    """For the cgroups: bytes, tasks, cores."""

    memory: int
    pids: int
    cpus: float


class Order(TypedDict):
    """One run. files: contents, found by the child at descriptors 10, 11, …; limits: (RLIMIT_*, value).

    groups: parent folder -> controller ("v2" for all in one); stage: a folder to cover with what `sources` names, or
    "" for none; seconds: until everything is killed; slots: the folder of the locks.
    """

    argv: list[str]
    env: dict[str, str]
    cwd: str
    files: list[bytes]
    limits: list[tuple[int, int]]
    groups: dict[str, str]
    bounds: Bounds
    stage: str
    sources: list[tuple[str, str]]
    drop_uid: bool
    seconds: float
    slots: str
    keep_output: int
    most_output: int
    keep_results: int


class Answer(TypedDict):
    """How a run went. reason: finished, memory, timeout, output, abandoned, or "error: …" with words.

    results is None when there were more bytes than the order allowed. started: whether the command itself ran.
    clean: whether everything was buried and removed.
    """

    code: int | None
    reason: str
    seconds: float
    peak: int
    cpu_seconds: float
    output: bytes
    output_total: int
    results: bytes | None
    started: bool
    clean: bool
    slot: int
