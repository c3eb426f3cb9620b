"""What the benchmarks of both sides come to: figures, remarks with their place, and one verdict.

A benchmark that somebody wrote fails the update when it gets slower than the limit. What nobody asked to be measured,
as the time of an import, warns, and where people will feel it a person is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bot.core.comparisons import USUAL, Comparison, Pace
from bot.core.model import Grade, Level, Measure, Remark
from bot.core.quoting import code

_FELT = 0.1  # seconds: less than this a person hardly notices
_MUCH_CPU, _MUCH_MEMORY = 1.5, 1.25  # as ratios, of one run each on a machine with other work
_MIB = 1 << 20
_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a benchmark stands in the repository; line counts from 1."""

    path: str
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One benchmark on both sides. own: the repository's people wrote it. counted: by instructions, where in doubt.

    seconds: of one call. memory: peak in bytes, of processes that do nothing else. allocations: how often one call asks
    for memory; allocated: for how many bytes. Each may not be known.
    """

    name: str
    seconds: Comparison = field(default_factory=lambda: Comparison(pace=Pace.UNKNOWN))
    memory: Comparison | None = None
    counted: Comparison | None = None
    allocations: Comparison | None = None
    allocated: Comparison | None = None
    own: bool = True
    place: Place | None = None

    @property
    def is_known(self) -> bool:
        """Whether there is any figure to show."""
        return any(one is not None and one.pace is not Pace.UNKNOWN for one in (self.seconds, self.memory))

    @property
    def every(self) -> tuple[Comparison, ...]:
        """All that there is of it, but for the second opinion."""
        found = (self.seconds, self.memory, self.allocations, self.allocated)
        return tuple(one for one in found if one is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A benchmark that one side has no figure for. words: quoted already. failed: it broke, else it is absent."""

    name: str
    words: str
    failed: bool
    own: bool = True
    place: Place | None = None


def measures(found: Sequence[Measured]) -> tuple[Measure, ...]:
    """For the table, the worst first."""
    lines = [line for one in found for line in _lines(one)]
    return tuple(line for _, line in sorted(lines, key=lambda pair: -pair[0]))


def _lines(one: Measured) -> list[tuple[float, Measure]]:
    """Each with the ratio that it is sorted by."""
    time, lines = one.seconds, []
    if time.pace is not Pace.UNKNOWN:
        lines.append(
            (time.ratio, _measure(code(one.name), in_seconds(time.before), in_seconds(time.after, time.before), time))
        )
    if (memory := one.memory) is not None and memory.pace is not Pace.UNKNOWN:
        before, after = _in_mib(memory.before), _in_mib(memory.after)
        lines.append((memory.ratio, _measure(f"{code(one.name)}, peak memory", before, after, memory)))
    for count, words in ((one.allocations, "allocations"), (one.allocated, "bytes allocated")):
        # What did not change is not worth a line beside that of the time.
        if count is not None and count.before != count.after:
            figures = (f"{count.before:.0f}", f"{count.after:.0f}")
            lines.append((count.ratio, _measure(f"{code(one.name)}, {words}", *figures, count)))
    return lines


def _measure(name: str, before: str, after: str, found: Comparison) -> Measure:
    change = in_percent(found.change) if found.before else "new"
    return Measure(name=name, before=before, after=after, change=change, level=found.level)


def in_seconds(value: float, like: float = 0.0) -> str:
    """A duration in the unit that suits it, or that suits the one that it is held against: "1.23 ms"."""
    size, unit = next((pair for pair in _UNITS if (like or value) >= pair[0]), _UNITS[-1])
    figure = value / size
    return f"{figure:.0f} {unit}" if figure >= 100 else f"{figure:.3g} {unit}"


def in_percent(share: float) -> str:
    """A change with its sign: "+9.2 %"."""
    text = f"{share * 100:+.1f}"
    return f"{text.lstrip('+-') if float(text) == 0 else text} %"


def remarks(found: Sequence[Measured], troubles: Sequence[Trouble]) -> tuple[Remark, ...]:
    """What a reader should look at, the gravest first."""
    said = [_of_trouble(one) for one in troubles]
    for one in found:
        said += [remark for remark in (_of_time(one), _of_memory(one), _of_allocations(one)) if remark is not None]
    order = (Level.FAILURE, Level.WARNING, Level.NOTICE)
    return tuple(sorted(said, key=lambda remark: order.index(remark.level)))


def _of_trouble(one: Trouble) -> Remark:
    grave = one.own and one.failed
    title = f"{code(one.name)} fails" if one.failed else f"{code(one.name)} gives no figure any more"
    return _placed(Level.FAILURE if grave else Level.WARNING, title, one.words, one.place)


def _of_time(one: Measured) -> Remark | None:
    time = one.seconds
    if time.level is Level.NOTICE:
        return None
    figures = f"{in_seconds(time.before)} before, {in_seconds(time.after, time.before)} now"
    beside = f"best of {time.samples} fresh processes on each side; medians {in_percent(time.middle - 1)}"
    if one.counted is not None:
        beside += f"; instructions {in_percent(one.counted.change)}"
    if time.uneven:
        title = f"{code(one.name)} is slower in many runs, though not in the best"
    else:
        title = f"{code(one.name)} takes {time.change * 100:.0f} % longer"
    return _placed(time.level, title, f"{figures} ({beside})", one.place)


def _of_memory(one: Measured) -> Remark | None:
    memory = one.memory
    if memory is None or memory.level is Level.NOTICE:
        return None
    words = f"{_in_mib(memory.before)} before, {_in_mib(memory.after)} now, at the most"
    return _placed(memory.level, f"{code(one.name)} needs {memory.change * 100:.0f} % more memory", words, one.place)


def _of_allocations(one: Measured) -> Remark | None:
    """One remark for both counts: more of them are more bytes too."""
    told = (("times", one.allocations), ("bytes", one.allocated))
    worse = [(words, count) for words, count in told if count is not None and count.level is not Level.NOTICE]
    if not worse:
        return None
    words = ", ".join(f"{count.before:.0f} {unit} before, {count.after:.0f} now" for unit, count in worse)
    return _placed(Level.WARNING, f"{code(one.name)} asks for more memory", f"{words}, in each call", one.place)


def _placed(level: Level, title: str, words: str, place: Place | None) -> Remark:
    path, line = (place.path, place.line) if place else (None, None)
    return Remark(level=level, title=title, message=words, path=path, line=line)


def unasked(found: Measured, least: float) -> Measured:
    """What nobody asked to be measured warns at most, and only of a difference of at least so many seconds."""
    time = found.seconds
    if time.level is Level.NOTICE:
        return found
    small = time.after - time.before < least or time.uneven
    level, pace = (Level.NOTICE, Pace.SAME) if small else (Level.WARNING, time.pace)
    return _with_time(found, level, pace)


def _with_time(found: Measured, level: Level, pace: Pace) -> Measured:
    return replace(found, seconds=replace(found.seconds, level=level, pace=pace, uneven=False))


def verdict(found: Sequence[Measured], troubles: Sequence[Trouble], fail: float) -> tuple[Grade, str]:
    """The grade, and one sentence that says why. fail: the limit, as a share of 1. No figure at all is UNKNOWN."""
    known = [one for one in found if one.seconds.pace is not Pace.UNKNOWN]
    said = remarks(found, troubles)
    if said and said[0].level is Level.FAILURE:
        more = sum(remark.level is Level.FAILURE for remark in said) - 1
        return Grade.FAILED, said[0].title + (f", and {more} more got worse" if more else "")
    for one in troubles:
        if one.own:
            return Grade.UNKNOWN, f"{code(one.name)} gave a figure before and gives none now"
    if grave := [one for one in known if one.own and _may_fail(one.seconds, fail)]:
        count, name = grave[0].seconds.samples, code(grave[0].name)
        return Grade.UNKNOWN, f"{name} seems to be slower than the limit, but there was time for {count} samples only"
    if felt := [one for one in known if not one.own and _is_felt(one, fail)]:
        time = felt[0].seconds
        return Grade.UNKNOWN, f"{code(felt[0].name)} takes {in_seconds(time.after - time.before)} longer"
    if not known and said:
        return Grade.UNKNOWN, said[0].title
    if not known:
        return Grade.UNKNOWN, "no benchmark could be measured often enough on both sides"
    return Grade.PASSED, _passed(known, said)


def _may_fail(time: Comparison, fail: float) -> bool:
    return time.pace is Pace.SLOWER and time.change > fail and time.samples < USUAL


def _is_felt(one: Measured, fail: float) -> bool:
    time = one.seconds
    return time.pace is Pace.SLOWER and time.change > fail and time.after - time.before >= _FELT


def _passed(known: Sequence[Measured], said: Sequence[Remark]) -> str:
    count = f"{len(known)} figure" + ("" if len(known) == 1 else "s")
    faster = sum(one.seconds.pace is Pace.FASTER for one in known)
    words = f"{count} compared, none got worse" + (f", {faster} got better" if faster else "")
    return words if not said else f"{count} compared, none failed the limit; {said[0].title}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one run of a suite of tests used. cpu: seconds computing; peak: bytes at the most; 0 where not known."""

    cpu: float = 0.0
    peak: float = 0.0


def of_tests(before: Usage, after: Usage) -> tuple[Measure, ...]:
    """What the tests used, as they were run anyway: one run a side, so only what is far beyond chance is a warning."""
    lines = (
        ("CPU time of the tests", before.cpu, after.cpu, _MUCH_CPU, 1.0, in_seconds),
        ("peak memory of the tests", before.peak, after.peak, _MUCH_MEMORY, 16.0 * _MIB, _in_mib),
    )
    return tuple(
        Measure(
            name=name,
            before=told(old, old),
            after=told(new, old),
            change=in_percent(new / old - 1),
            level=Level.WARNING if new > much * old and new - old > least else Level.NOTICE,
        )
        for name, old, new, much, least, told in lines
        if old > 0 and new > 0
    )


def _in_mib(value: float, _: float = 0.0) -> str:
    return f"{value / _MIB:.1f} MiB"
