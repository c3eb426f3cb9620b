"""Has each side's benchmarks built once in a jail, and takes the programs out, to be run in the jails of that side.

What comes out is hostile: it is unpacked within bounds, nobody but a jail ever runs it, and no jail can write to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import tempfile
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from bot.core.benchmarks import Trouble
from bot.core.errors import Permanent
from bot.core.quoting import code
from bot.lab import unpacking
from bot.lab.benchmarking.comparing import Outcome
from bot.lab.benchmarking.probes import Probe, Run
from bot.lab.jobs import MIB, Ran, Reason
from bot.lab.workbench import Sample, Workbench

_MOST_PACKED, _MOST_PLAIN = 64 * MIB, 512 * MIB
_PIECE = 1 << 20
_INDEX = "index.json"
_FULL = "No space left on device"  # the jail's disk was too small, which is nobody's fault


class _Program(msgspec.Struct):
    file: str


class _Index(msgspec.Struct):
    programs: list[_Program] = []
    failed: dict[str, str] = {}


# Made once and here: a decoder must not be made in a thread.
_DECODER = msgspec.json.Decoder(_Index)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """What came of one side. folder: where its programs are. words: why there are none; broken: by its own fault."""

    folder: Path
    words: str = ""
    broken: bool = False


@contextlib.asynccontextmanager
async def built(bench: Workbench, probe: Probe, seconds: float) -> AsyncIterator[Probe | Outcome]:
    """The probe with its programs, which last as long as the context; or what is to be said where there are none.

    seconds: at most so long for both sides, which are built at once: nothing is measured meanwhile. OutOfTime.
    """
    if probe.build is None:
        yield probe
        return
    bench.say(f"building {probe.title}")
    build, samples = probe.build, (bench.before, bench.after)
    with _folder() as place:
        before, after = await asyncio.gather(
            *(_one(bench, sample, build, place / side, seconds) for side, sample in zip("ab", samples, strict=True))
        )
        if said := _problem(probe, before, after):
            yield said
            return
        yield replace(probe, built=tuple(zip(samples, (before.folder, after.folder), strict=True)))


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """One that the jail's uid, which is another than ours, can read."""
    with tempfile.TemporaryDirectory(prefix="surefoot-built-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def _problem(probe: Probe, before: _Side, after: _Side) -> Outcome | None:
    """Without the baseline's nothing can be known here; where the candidate's alone do not build, it broke them."""
    if before.words:
        return Outcome(problem=f"{probe.title} cannot be built here: {before.words}", unable=True)
    if not after.words:
        return None
    if after.broken:
        return Outcome(troubles=[Trouble(name=probe.title, words=after.words, failed=True, own=probe.own)])
    return Outcome(problem=f"{probe.title} of the candidate could not be built: {after.words}")


async def _one(bench: Workbench, sample: Sample, build: Run, folder: Path, seconds: float) -> _Side:
    ran = await bench.run(
        sample, build.command, env=build.env, visible=build.visible, seconds=seconds, keep_results=_MOST_PACKED
    )
    if ran.reason is not Reason.FINISHED:
        late = ran.reason is Reason.TIMEOUT
        words = f"it takes more than {seconds:.0f} s" if late else f"it did not finish ({ran.reason.value})"
        return _Side(folder=folder, words=words)
    try:
        index = await asyncio.to_thread(_laid_out, ran, folder)
    except (Permanent, OSError, ValueError, EOFError, zlib.error, msgspec.MsgspecError) as problem:
        return _Side(folder=folder, words=code(f"{problem}; {ran.text.strip()[-300:]}", most=400))
    if index.programs:
        return _Side(folder=folder)
    said = next(iter(index.failed.values()), "") or "no program came of it"
    return _Side(folder=folder, words=code(f"{said} {_errors(ran)}".strip(), most=400), broken=_FULL not in ran.text)


def _errors(ran: Ran) -> str:
    """Of what a compiler said, the first line that names an error."""
    return next((line.strip()[:200] for line in ran.text.splitlines() if line.lstrip().startswith("error")), "")


def _laid_out(ran: Ran, folder: Path) -> _Index:
    if ran.results is None:
        raise ValueError(f"more than {_MOST_PACKED // MIB} MiB of programs")
    if not ran.results:
        raise ValueError(f"it ended with {ran.code} and left nothing")
    archive = folder.with_suffix(".tar")
    with gzip.GzipFile(fileobj=io.BytesIO(ran.results)) as packed, archive.open("xb") as file:
        total = 0
        while data := packed.read(_PIECE):
            total += len(data)
            if total > _MOST_PLAIN:
                raise ValueError(f"more than {_MOST_PLAIN // MIB} MiB of programs")
            file.write(data)
    unpacking.unpack(archive, folder)
    archive.unlink()
    index = folder / _INDEX
    if index.is_symlink() or not index.is_file() or index.stat().st_size > MIB:
        raise ValueError("its list of programs is none")
    return _DECODER.decode(index.read_bytes())
