"""Runs in the jail: takes one sample of each benchmark in a process of its own, and leaves the figures as its results.

The plan is JSON in SUREFOOT_BENCH: what to measure ("functions", "imports", "starts", "command", or a "module" of
Python that measures by itself) and how often. Left is {figures: name -> {seconds, cpu}, failed: name -> words, plans:
name -> [calls, repeats], peak: KiB}. The standard library only; what is measured may change any of it, so the figures
are a claim of the code under test.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import inspect
import itertools
import json
import os
import re
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SHORTEST = 0.002  # seconds that one repeat is to take at least: below that the clock and the calls weigh in
LONGEST = 0.5  # seconds for all repeats of one benchmark in one process, where it is slow
REPEATS = 5
MOST_VARIATIONS = 20
MOST_CALLS = 10_000_000
MOST_SAID = 1 << 20  # bytes of what a command says that are read for figures
PATIENCE = 10.0  # seconds that a program may take to tell of its options
now, cpu_now = time.perf_counter, time.process_time


class Sheet:
    """What has been measured so far."""

    def __init__(self) -> None:
        self.figures: dict[str, dict[str, float]] = {}
        self.failed: dict[str, str] = {}
        self.plans: dict[str, list[int]] = {}

    @contextlib.contextmanager
    def entry(self, name: str) -> Iterator[None]:
        """Whatever goes wrong within it is noted under this name."""
        try:
            yield
        except (Exception, SystemExit) as problem:
            self.failed[name] = f"{type(problem).__name__}: {problem}"[:300]

    def left(self, whose: int) -> str:
        """As JSON. whose: `resource.RUSAGE_SELF` or `RUSAGE_CHILDREN`."""
        peak = resource.getrusage(whose).ru_maxrss
        return json.dumps({"figures": self.figures, "failed": self.failed, "plans": self.plans, "peak": peak})


def on_one_core(choice: int) -> None:
    """Moving from core to core costs time that has nothing to do with the code."""
    with contextlib.suppress(OSError):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[choice % len(cores)]})


def imports(sheet: Sheet, plan: dict[str, Any]) -> None:
    """The best of so many processes; a module can be imported for the first time only once in each.

    child: the program that imports, where it is none of Python.
    """
    once = Path(os.environ["SUREFOOT_RESULTS"] + ".once")
    env = {**os.environ, "SUREFOOT_BENCH": json.dumps({**plan, "mode": "import"}), "SUREFOOT_RESULTS": str(once)}
    for _ in range(plan["repeats"]):
        code = subprocess.call(plan.get("child") or [sys.executable, __file__], env=env)
        if code != 0:
            raise SystemExit(f"a process that only imports ended with {code}")
        left = json.loads(once.read_text())
        sheet.failed.update(left["failed"])
        sheet.plans.update(left["plans"])
        for name, figure in left["figures"].items():
            sheet.figures[name] = least(sheet.figures.get(name), figure)


def least(best: dict[str, float] | None, figure: dict[str, float]) -> dict[str, float]:
    """Of each figure the smaller one."""
    return figure if best is None else {key: min(best[key], figure[key]) for key in best}


def starts(sheet: Sheet, plan: dict[str, Any]) -> None:
    """Each program from its start to its end, so often; the best counts, and one that ends badly has no figure."""
    for name, words in plan["programs"].items():
        if name not in plan["wanted"]:
            continue
        with sheet.entry(name):
            for _ in range(plan["repeats"]):
                code, figure, _ = timed(words, said=False, most=PATIENCE)
                if code != 0:
                    raise RuntimeError(f"it ended with {code}")
                sheet.figures[name] = least(sheet.figures.get(name), figure)
            sheet.plans[name] = [1, plan["repeats"]]


def timed(words: list[str], *, said: bool, most: float | None = None) -> tuple[int, dict[str, float], str]:
    """The exit code, how long it took, and the end of what it said. most: seconds after which it is ended."""
    env = {name: value for name, value in os.environ.items() if name not in ("SUREFOOT_BENCH", "SUREFOOT_RESULTS")}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), now()
    heard = bytearray()
    reading, writing = os.pipe()
    listener = threading.Thread(target=listen, args=(reading, heard), daemon=True)
    listener.start()
    # Closed by hand: whoever the program left behind may keep the pipe open for ever, and so keep its reader.
    one = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=writing if said else subprocess.DEVNULL)
    os.close(writing)
    try:
        code = one.wait(most)
    finally:
        one.kill()
        one.wait()
    took, after = now() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    listener.join(1.0)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return code, {"seconds": took, "cpu": cpu}, heard.decode("utf-8", "replace")


def listen(pipe: int, heard: bytearray) -> None:
    """All of it is passed on, and the end of it kept."""
    while data := os.read(pipe, 1 << 16):
        heard += data
        del heard[:-MOST_SAID]
        os.write(1, data)


def import_once(sheet: Sheet, plan: dict[str, Any]) -> None:
    """Each group of modules is imported in this very process, in the order of the plan."""
    for name, modules in plan["groups"].items():
        with sheet.entry(name):
            began, cpu = now(), cpu_now()
            for module in modules:
                importlib.import_module(module)
            sheet.figures[name] = {"seconds": now() - began, "cpu": cpu_now() - cpu}
            sheet.plans[name] = [1, 1]


def command(sheet: Sheet, plan: dict[str, Any]) -> None:
    """The whole of it, as a shell reads it, from its start to its end; the first of several runs is not counted.

    most: seconds after which one run is enough. Where it tells figures of its own, they count instead: it then measures
    by itself, and takes as long as it likes. SUREFOOT_REPORT: the file in which vitest leaves such figures.
    """
    name, told = plan["name"], {}
    with sheet.entry(name):
        for run in range(plan["runs"]):
            code, figure, said = timed(["/bin/sh", "-c", plan["command"]], said=True)
            if code != 0:
                raise RuntimeError(f"the command ended with {code}")
            if told := own_figures(said, os.environ.get("SUREFOOT_REPORT")):
                break
            sheet.plans[name] = [1, run + 1]
            sheet.figures[name] = least(sheet.figures.get(name) if run > 1 else None, figure)
            if plan["most"] is not None and figure["seconds"] > plan["most"]:
                break
    if told:  # of the command as a whole nothing need be known then
        sheet.figures, sheet.plans = told, {name: [1, 1] for name in told}


def own_figures(said: str, report: str | None) -> dict[str, dict[str, float]]:
    """By the reader that lies beside us."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [*[place for place in sys.path if place != here], here]
    printed = importlib.import_module("surefoot_printed")
    if report is None:
        return dict(printed.figures(said))
    with open(report, encoding="utf-8") as file:
        return dict(printed.of_vitest(file.read(MOST_SAID * 16)))


def functions(sheet: Sheet, plan: dict[str, Any]) -> None:
    """The functions and methods `time_*` of the given files, as asv knows them. numbers: None to find them out."""
    sys.path[:0] = plan["roots"]
    wanted = plan.get("numbers")
    for path, module in plan["files"]:
        with sheet.entry(path):
            for name, one in found(path, importlib.import_module(module)):
                if wanted is None or name in wanted:
                    with sheet.entry(name):
                        one.measure(sheet, name, None if wanted is None else wanted[name])


def found(path: str, module: Any) -> Iterator[tuple[str, Timed]]:
    """Everything of a module that is to be timed, with the name by which it is known outside; not what it imports."""
    for name, held in list(vars(module).items()):
        if name.startswith("_") or getattr(held, "__module__", "") != module.__name__:
            continue
        if inspect.isclass(held):
            for method in [each for each in dir(held) if each.startswith("time_")]:
                yield from varied(f"{path}::{name}.{method}", held, method, module)
        elif name.startswith("time_") and callable(held):
            yield from varied(f"{path}::{name}", held, "", module)


def varied(name: str, held: Any, method: str, module: Any) -> Iterator[tuple[str, Timed]]:
    """One for each combination of the parameters; params is a list of values, or of such lists."""
    function = getattr(held, method) if method else held
    params = getattr(function, "params", None) or getattr(held, "params", None) or []
    lists = list(params) if params and all(isinstance(one, list | tuple) for one in params) else [list(params)]
    if not params:
        yield name, Timed(held, method, module, ())
        return
    for values in itertools.islice(itertools.product(*lists), MOST_VARIATIONS):
        said = ", ".join(re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))[:60] for value in values)
        yield f"{name}[{said}]", Timed(held, method, module, values)


class Timed:
    """One benchmark with its parameters. owner: an object of its class, or the function itself."""

    def __init__(self, held: Any, method: str, module: Any, values: tuple[Any, ...]) -> None:
        self.held, self.method, self.module = held, method, module
        self.values = values

    def wake(self) -> None:
        """Make the object; that may break, which is the benchmark's own affair."""
        self.owner = self.held() if self.method else self.held
        self.timed: Callable[..., Any] = getattr(self.owner, self.method) if self.method else self.held

    def helpers(self, name: str) -> list[Callable[..., Any]]:
        """Those of the module, of the class and of the function itself, the widest first, as asv takes them."""
        every = (getattr(one, name, None) for one in (self.module, self.owner, self.timed))
        return list(dict.fromkeys(one for one in every if callable(one)))

    def measure(self, sheet: Sheet, name: str, numbers: list[int] | None) -> None:
        """The best of the repeats, in seconds a call. A setup that raises NotImplementedError leaves it out."""
        self.wake()
        kept = [cache() for cache in self.helpers("setup_cache")[-1:]]
        arguments = (*kept, *self.values)
        try:
            calls, repeats = numbers or self.calibrated(arguments)
            pairs = [self.repeat(calls, arguments) for _ in range(repeats)]
        except NotImplementedError:
            return
        sheet.plans[name] = [calls, repeats]
        per = max(calls, 1)
        figure = {"seconds": min(one[0] for one in pairs) / per, "cpu": min(one[1] for one in pairs) / per}
        sheet.figures[name] = figure

    def calibrated(self, arguments: tuple[Any, ...]) -> tuple[int, int]:
        """How many calls make one repeat that is long enough, and how many repeats fit."""
        fixed = getattr(self.timed, "number", 0) or getattr(self.owner, "number", 0)
        calls = int(fixed) or 1
        took = self.repeat(calls, arguments)[0]
        while not fixed and took < SHORTEST and calls < MOST_CALLS:
            calls = min(MOST_CALLS, calls * min(10, max(2, int(SHORTEST / max(took, 1e-9)) + 1)))
            took = self.repeat(calls, arguments)[0]
        return calls, max(1, min(REPEATS, int(LONGEST / max(took, 1e-9))))

    def repeat(self, calls: int, arguments: tuple[Any, ...]) -> tuple[float, float]:
        """Wall and CPU seconds of so many calls in a row, without the collector, as `timeit` has it.

        The setup runs before each repeat, not before each call.
        """
        for helper in self.helpers("setup"):
            helper(*arguments)
        timed, rounds = self.timed, itertools.repeat(None, calls)
        gc.disable()
        try:
            began, cpu = now(), cpu_now()
            for _ in rounds:
                timed(*arguments)
            took = now() - began, cpu_now() - cpu
        finally:
            gc.enable()
        for helper in reversed(self.helpers("teardown")):
            helper(*arguments)
        return took


def main() -> None:
    """One plan, one sheet."""
    plan, results = json.loads(os.environ["SUREFOOT_BENCH"]), os.environ["SUREFOOT_RESULTS"]
    sheet = Sheet()
    on_one_core(plan["core"])
    if plan["mode"] == "module":  # leaves its results itself
        os.execv(sys.executable, [sys.executable, "-m", *plan["words"]])  # noqa: S606 - in the jail
    modes = {
        "functions": functions, "imports": imports, "import": import_once, "starts": starts, "command": command,
    }  # fmt: skip
    modes[plan["mode"]](sheet, plan)
    whose = resource.RUSAGE_SELF if plan["mode"] in ("functions", "import") else resource.RUSAGE_CHILDREN
    Path(results).write_text(sheet.left(whose))


if __name__ == "__main__":
    main()
