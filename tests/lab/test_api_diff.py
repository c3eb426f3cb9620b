"""What cannot be read of a package is asked for; what is too much for the reader is not tried each time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.api import Kind
from bot.lab import api_diff, questions
from bot.lab.api_diff import _own, _reader, _shelter, _summary, _unread
from bot.lab.environments import Interpreter
from bot.lab.installed import Installed
from bot.lab.jobs import Ran, Reason
from bot.lab.learnt import Learnt
from bot.lab.workbench import Workbench
from tests.lab.test_typing_diff import an_environment, ran

SPACED = Installed(
    name="spaced", version="1", site=Path("/none"), modules=frozenset({"space.one", "space.one.deep"}),
    compiled=frozenset({"space.one.fast"}),
)  # fmt: skip


def lazy(names: api_diff.Api) -> set[str]:
    return {name for name, entry in names.items() if entry.lazy}


def test_modules_have_a_shelter() -> None:
    """A namespace and a compiled module may always have more; every module may, where nothing could be read."""
    every = {"space", "space.one", "space.one.deep", "space.one.fast"}
    assert set(_shelter(SPACED, False)) == set(_shelter(SPACED, True)) == every
    assert lazy(_shelter(SPACED, False)) == {"space", "space.one.fast"}
    assert lazy(_shelter(SPACED, True)) == every


def test_a_module_that_the_reader_passed_over_may_have_more() -> None:
    """As the tests of a package, which some import from."""
    names = _shelter(SPACED, False)
    names["space.one.known"] = replace(names["space.one"], kind=Kind.FUNCTION)
    assert set(_unread(names, SPACED)) == {"space.one.deep"}


def test_a_namespace_is_shared() -> None:
    """What another distribution put there is not taken for this one's."""
    data = b'{"names":{"space.one.x":{"kind":"function"},"space.two.y":{"kind":"function"}}}'
    summary = _summary(data)
    assert summary is not None and set(_own(summary, SPACED)) == {"space.one.x"}
    whole = Installed(name="w", version="1", site=Path(), modules=frozenset({"space"}))
    assert _own(summary, whole) is summary.names
    assert _summary(b'{"names":[]}') is None and _summary(None) is None


def test_who_reads() -> None:
    """The environment's own Python, which knows the grammar of its packages, unless griffe cannot run on it."""
    new, old = an_environment(), an_environment()
    old = replace(old, interpreter=Interpreter(path=Path("/usr/bin/python3.8"), version="3.8.1", prefix=Path("/usr")))
    assert _reader(new) is new.interpreter
    assert _reader(old) == questions.ours()


class Bench:
    """As much of a workbench as reading needs."""

    def say(self, words: str) -> None: ...


ENDS = {
    "it takes too long": (ran(b"", None, Reason.TIMEOUT), 60.0, 1),
    "it needs too much": (ran(b"", None, Reason.MEMORY), 1.0, 1),
    "it fails": (ran(b"", 1), 1.0, 1),
    "the budget cuts it short": (ran(b"", None, Reason.TIMEOUT), 5.0, 2),
    "the jail cannot be set up": (ran(b"", None, Reason.BROKEN), 1.0, 2),
}


@pytest.mark.parametrize("how", ENDS)
async def test_what_is_too_much_is_remembered(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then only the running package is asked; where it was an accident, it is tried again."""
    answer, seconds, tries = ENDS[how]
    asked: list[str] = []

    async def ask(bench: Workbench, name: str, *_: object, **__: object) -> Ran:
        asked.append(name)
        return replace(answer, seconds=seconds)

    monkeypatch.setattr(questions, "ask", ask)
    store, environment = Learnt(folder=tmp_path), an_environment("spaced==1")
    for _ in range(2):
        # All that is asked of the bench is what Bench has.
        names, notes = await api_diff.read(Bench(), store, environment, [SPACED])  # type: ignore[arg-type]
        assert lazy(names) == set(names) == {"space", "space.one", "space.one.deep", "space.one.fast"}
        assert notes == ("spaced 1 could not be read whole: it was asked while running only",)
    assert len(asked) == tries
