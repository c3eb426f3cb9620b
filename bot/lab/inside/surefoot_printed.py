"""Reads in the jail the figures that benchmarks of other languages print for people; all else that is said is skipped.

Known are the lines of Go's own benchmarks, of Rust's (libtest, and criterion when asked to speak so), of benchmark.js
and mitata, the table of tinybench, and the JSON that `vitest bench` leaves. Bounded; the standard library only.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

MOST_LINES, LONGEST = 20_000, 400
MOST = 200
CLEAR = 2e-6  # seconds: a call that is timed alone and takes less is blurred by the steps of the clock
_COLOURS = re.compile(r"\x1b\[[0-9;]{0,20}m")
_UNITS = {"ps": 1e-12, "ns": 1e-9, "µs": 1e-6, "μs": 1e-6, "us": 1e-6, "ms": 1e-3, "s": 1.0}
_GO = re.compile(r"(Benchmark\S{0,200})\s{1,80}(\d{1,12})\s{1,40}([\d.]{1,30}) ns/op\b(.{0,300})")
_GO_MEMORY = re.compile(r"([\d.]{1,20}) (B|allocs)/op\b")
_GO_FAILED = re.compile(r"\s{0,8}--- FAIL: (Benchmark\S{0,200})")
_RUST = re.compile(r"test (.{1,200}?) +\.\.\. bench: +([\d,.]{1,30}) ns/iter")
_OPS = re.compile(r"(\S.{0,200}?) x ([\d,.]{1,30}) ops/sec ")
_MITATA = re.compile(r"(\S.{0,200}?) {2,80}([\d,.]{1,20}) (ps|ns|µs|μs|us|ms|s)/iter\b")

Figure = dict[str, float]


def figures(text: str) -> dict[str, Figure]:
    """Name -> {seconds, …} of one call; the best where a name comes several times. Empty where nothing is known."""
    found: dict[str, Figure] = {}
    for name, figure in [*_lines(text), *_table(text)]:
        if math.isfinite(figure["seconds"]) and figure["seconds"] > 0 and len(found) < MOST:
            best = found.get(name)
            found[name] = figure if best is None else {key: min(best.get(key, one), one) for key, one in figure.items()}
    return found


def failed(text: str) -> dict[str, str]:
    """What Go says of benchmarks that failed: name -> the words below."""
    lines = text.splitlines()[:MOST_LINES]
    found = {}
    for place, line in enumerate(lines):
        if said := _GO_FAILED.match(line):
            found[said[1]] = " ".join(" ".join(lines[place + 1 : place + 4]).split())[:300] or "it fails"
    return found


def calls(text: str) -> dict[str, int]:
    """How many calls Go made for its figure."""
    return {name: int(count) for name, count, _, _ in (found.groups() for found in _go(text))}


def _go(text: str) -> Iterator[re.Match[str]]:
    for line in text.splitlines()[:MOST_LINES]:
        if line.startswith("Benchmark") and (found := _GO.match(line[:1000])):
            yield found


def _lines(text: str) -> Iterator[tuple[str, Figure]]:
    for line in _go(text):
        yield line[1], {"seconds": _number(line[3]) * 1e-9, **_memory(line[4])}
    for written in text.splitlines()[:MOST_LINES]:
        plain = _COLOURS.sub("", written[: 4 * LONGEST])[:LONGEST].strip()
        if found := _RUST.match(plain):
            yield found[1], {"seconds": _number(found[2]) * 1e-9}
        elif found := _OPS.match(plain):
            yield found[1], {"seconds": 1 / (_number(found[2]) or math.inf)}
        elif found := _MITATA.match(plain):
            yield found[1], {"seconds": _number(found[2]) * _UNITS[found[3]]}


def _memory(rest: str) -> Figure:
    names = {"B": "allocated", "allocs": "allocations"}
    return {names[unit]: int(_number(number)) for number, unit in _GO_MEMORY.findall(rest)}


def _number(text: str) -> float:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return math.nan


def _table(text: str) -> Iterator[tuple[str, Figure]]:
    """What tinybench gives to console.table: the columns are told by their heads, which differ by its version."""
    names, speeds = -1, -1
    for line in text.splitlines()[:MOST_LINES]:
        cells = [cell.strip().strip("'\"") for cell in line[: 4 * LONGEST].split("│")[1:-1]]
        heads = [cell.lower() for cell in cells]
        if "task name" in heads:
            names = heads.index("task name")
            speeds = next((place for place, head in enumerate(heads) if "ops/s" in head), -1)
        elif 0 <= names < len(cells) and 0 <= speeds < len(cells):
            yield cells[names][:200], {"seconds": 1 / (_number(cells[speeds].partition("±")[0].strip()) or math.inf)}


def of_vitest(text: str) -> dict[str, Figure]:
    """The report of `vitest bench --outputJson`: "file::suite > name" -> the median of its calls, in seconds.

    The mean, where the clock is too coarse for one call. ValueError for what is no such report.
    """
    found: dict[str, Figure] = {}
    groups = [group for file in _list(json.loads(text), "files") for group in _list(file, "groups")]
    named = [(_text(group, "fullName"), one) for group in groups for one in _list(group, "benchmarks")]
    for above, one in named:
        seconds = _typical(one)
        if seconds > 0 and len(found) < MOST:
            full = f"{above} > {_text(one, 'name')}"
            found[full.replace(" > ", "::", 1)[:MOST]] = {"seconds": seconds}
    return found


def _typical(one: Any) -> float:
    """0 where it has no figure, as one that failed has none."""
    told = [one.get(key) if isinstance(one, dict) else None for key in ("median", "mean")]
    median, mean = (value / 1000 if isinstance(value, float | int) and math.isfinite(value) else 0.0 for value in told)
    return median if median >= CLEAR else mean


def _list(held: Any, key: str) -> list[Any]:
    value = held.get(key) if isinstance(held, dict) else None
    return value[:1000] if isinstance(value, list) else []


def _text(held: Any, key: str) -> str:
    value = held.get(key) if isinstance(held, dict) else None
    return value if isinstance(value, str) else "?"
