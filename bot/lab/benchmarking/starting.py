"""How long the project's programs take from their start to their end, when asked for no more than their help."""

from __future__ import annotations

from bot.lab import contracts
from bot.lab.benchmarking import probes
from bot.lab.benchmarking.probes import Probe
from bot.lab.ready import NPM, PYPI
from bot.lab.workbench import Workbench

_MOST = 3  # programs: most of a start is what they have in common


def starts(bench: Workbench) -> Probe | None:
    """Of the programs that both sides declare, as `bot.lab.contracts` calls them; None where there are none."""
    programs: dict[str, tuple[str, ...]] = {}
    for ecosystem in (PYPI, NPM):
        if ecosystem in bench.before.environment.ecosystems & bench.after.environment.ecosystems:
            old, new = (contracts.find(side.tree, ecosystem) for side in (bench.before, bench.after))
            there = {case.shown for case in old}
            programs |= {f"start of {case.shown}": case.command for case in new if case.shown in there}
    return probes.of_starts(dict(list(programs.items())[:_MOST]), contracts.SAME_FOR_ALL) if programs else None
