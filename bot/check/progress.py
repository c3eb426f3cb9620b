"""How far a look has come, on standard error and only for a person who watches."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar


class Progress:
    """A bar that is gone when the work is done; silent where standard error is no terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console or Console(stderr=True),
            transient=True,
            disable=console is None and not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("reading the checkout", total=None)

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def of(self, total: int, what: str) -> None:
        """Begin a part of this many steps."""
        self._bar.update(self._task, total=total, completed=0, description=what)

    def step(self) -> None:
        """One step is done."""
        self._bar.advance(self._task)

    def say(self, what: str) -> None:
        """What is being done now, in a few words."""
        self._bar.update(self._task, description=what)
