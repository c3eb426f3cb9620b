"""What a program costs as a process: CPU seconds with all its children's, the most memory of any of them, the clock.

A program that is installed has its modules compiled, and one in a checkout may not: here all keep what they compiled in
one folder, so the first run of each is for that and should not be counted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_COMPILED = tempfile.TemporaryDirectory(prefix="bench-compiled-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """seconds by the clock are an upper bound where others use the machine; cpu and memory are the program's own."""

    cpu: float
    seconds: float
    mib: float
    code: int
    said: str
    complained: str


def spend(words: Sequence[str], *, env: Mapping[str, str] | None = None, given: str = "") -> Spent:
    """Run to the end. given: its standard input."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as into:
        into.write(given.encode())
        into.seek(0)
        began = time.perf_counter()
        process = subprocess.Popen(list(words), stdin=into, stdout=out, stderr=err, env=_compiling(env), cwd=ROOT)
        # wait4 tells of this child and of those that it waited for itself, and of nobody else's.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10  # macOS counts bytes, Linux KiB
    return Spent(
        cpu=usage.ru_utime + usage.ru_stime, seconds=seconds, mib=usage.ru_maxrss / unit, code=process.returncode,
        said=texts[0], complained=texts[1],
    )  # fmt: skip


def _compiling(env: Mapping[str, str] | None) -> dict[str, str]:
    made = dict(os.environ if env is None else env) | {"PYTHONPYCACHEPREFIX": _COMPILED.name}
    made.pop("PYTHONDONTWRITEBYTECODE", None)
    return made
