"""What our small programs in the jail hand over of packages: names by their files, and answers of running ones."""

from __future__ import annotations

import gc
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.lab.api_diff import _ANSWERS, _SUMMARIES
from bot.lab.inside import surefoot_names_seen, surefoot_names_static, surefoot_names_warned
from tests.lab.world import tree

STUB = """\
from typing import overload
@overload
def many(a: int) -> int: ...
@overload
def many(a: str) -> str: ...
"""
PACKAGE = {
    "shape/__init__.py": """\
from .made import Thing as Renamed, maker
from .stars import *
from elsewhere import other
import os
Str = Renamed
number: int = 3
""",
    "shape/made.py": """\
import functools
from typing import Optional, overload
from dataclasses import dataclass
from warnings import deprecated
class Base: pass
class Thing(Base):
    inside = 1
    def __init__(self, a, /, b, *rest, c, d=1, **more) -> None:
        self.alone = 1
    @property
    def held(self) -> Base: ...
    @classmethod
    def whole(cls) -> "Thing": ...
    @staticmethod
    def fixed(x): ...
    @functools.cache
    def odd(self): ...
@dataclass
class Point:
    x: int
    y: int = 0
class Meta(Thing, metaclass=type): pass
def maker() -> Thing: ...
def unclear() -> Optional[Thing]: ...
@deprecated("use maker")
def old(): ...
""",
    "shape/stars.py": "shine = 1\n",
    "shape/lazy.py": "def __getattr__(name): ...\n",
    "shape/broken.py": "def (\n",
    "shape/stub.pyi": STUB,
    "shape/tests/test_it.py": "helper = 1\n",
    "single.py": "def alone(): ...\n",
}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """All that is read of the package."""
    folder = tmp_path_factory.mktemp("site")
    tree(folder, PACKAGE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SUREFOOT_RESULTS", str(folder / "results"))
        before = list(sys.path), sys.getrecursionlimit()
        surefoot_names_static.main(
            {"site": str(folder), "tops": ["shape", "single", "absent"], "paths": [], "most": 500}
        )
        sys.path[:] = before[0]
        sys.setrecursionlimit(before[1])
        # It is made for a process of its own.
        logging.disable(logging.NOTSET)
        gc.enable()
    summary = _SUMMARIES.decode((folder / "results").read_bytes())
    assert len(summary.missed) == 1 and summary.missed[0].startswith("absent") and not summary.cut
    return summary.names


def test_kinds_and_aliases(names: Mapping[str, Any]) -> None:
    """A name given to a class is an alias of it, as an import is; stars are unfolded."""
    kinds = {
        "shape": "module",
        "shape.made.Thing": "class",
        "shape.maker": "alias",
        "shape.Renamed": "alias",
        "shape.Str": "alias",
        "shape.shine": "alias",
        "shape.number": "attribute",
        "single.alone": "function",
    }
    assert {name: names[name].kind for name in kinds} == kinds
    assert names["shape.Str"].to in ("shape.Renamed", "shape.made.Thing")
    assert (names["shape.other"].to, names["shape.lazy"].lazy) == ("elsewhere.other", True)
    assert not [name for name in names if "tests" in name]


def test_shapes(names: Mapping[str, Any]) -> None:
    """Parameters in their order, how each is given, and which may be left out."""
    shape = [(one.name, one.how, one.optional) for one in names["shape.made.Thing.__init__"].parameters]
    assert shape == [
        ("self", "/", False),
        ("a", "/", False),
        ("b", "", False),
        ("rest", "*", True),
        ("c", "!", False),
        ("d", "!", True),
        ("more", "**", True),
    ]
    assert [one.name for one in names["shape.made.Point.__init__"].parameters] == ["self", "x", "y"]
    assert names["shape.stub.many"].parameters is None


def test_what_more_is_known(names: Mapping[str, Any]) -> None:
    """What a call gives, what decorators do, what only objects have, what is going away."""
    made = "shape.made."
    assert (names[f"{made}maker"].returns, names[f"{made}unclear"].returns) == (f"{made}Thing", "typing.Optional")
    assert (names[f"{made}Thing.held"].returns, names[f"{made}Thing.held"].how) == (f"{made}Base", ("property",))
    assert names[f"{made}Thing.fixed"].how == ("staticmethod",) and not names[f"{made}Thing.fixed"].odd
    assert (
        names[f"{made}Thing.odd"].odd and names[f"{made}Thing.alone"].alone and not names[f"{made}Thing.inside"].alone
    )
    assert names[f"{made}Thing"].bases == (f"{made}Base",) and names[f"{made}Meta"].blind
    assert "use maker" in names[f"{made}old"].old and not names[f"{made}maker"].old


def test_griffe_stays_out_of_our_own_process() -> None:
    """What it reads is hostile, so it runs in the jail only."""
    code = "import sys, bot.lab.compatibility; sys.exit('griffe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


RUNNING = """\
import warnings
class Thing:
    def method(self, a, *, b=1): ...
    @classmethod
    def whole(cls, a): ...
def __getattr__(name):
    if name == "old":
        warnings.warn("old goes", DeprecationWarning)
        return len
    if name == "rude": raise SystemExit("no")
    if name == "moved": raise ImportError("moved away")
    raise AttributeError(name)
"""


def test_answers_of_a_running_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There or not, in what shape, in the package's own words; whatever it raises, the rest is answered."""
    tree(
        tmp_path, {"running/__init__.py": RUNNING, "running/below.py": "x = 1\n", "running/bad.py": "import nowhere_\n"}
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("SUREFOOT_RESULTS", str(tmp_path / "results"))
    asked = [
        "Thing",
        "Thing.method",
        "Thing.whole",
        "Thing.none",
        "below.x",
        "old",
        "rude",
        "moved",
        "none",
        "bad",
        "bad.x",
    ]
    surefoot_names_seen.main({"names": [f"running.{name}" for name in asked] + ["nowhere_at_all"]})
    told = dict(_ANSWERS.decode(line) for line in (tmp_path / "results").read_bytes().splitlines())
    seen = {name.removeprefix("running."): answer for name, answer in told.items()}
    there = {name: answer.there for name, answer in seen.items()}
    assert there == {
        **dict.fromkeys(["Thing", "Thing.method", "Thing.whole", "below.x", "old"], True),
        **dict.fromkeys(["Thing.none", "moved", "none", "bad", "bad.x", "nowhere_at_all"], False),
        "rude": None,
    }
    method, whole = seen["Thing.method"], seen["Thing.whole"]
    assert method.parameters is not None and whole.parameters is not None
    assert ([one.name for one in method.parameters], method.takes_object) == (["self", "a", "b"], True)
    assert ([one.name for one in whole.parameters], whole.takes_object) == (["a"], False)
    assert (seen["moved"].error, seen["rude"].error) == ("ImportError: moved away", "SystemExit: no")
    assert seen["old"].warned == "old goes" and "nowhere_" in seen["bad"].error


def test_warnings_that_point_at_the_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only deprecations, only of its own lines, each once."""
    monkeypatch.setenv("SUREFOOT_WORK", str(tmp_path.resolve()))
    monkeypatch.setenv("SUREFOOT_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr(surefoot_names_warned, "_found", {})

    def raised(kind: type[Warning], file: Path) -> None:
        message = warnings.WarningMessage(kind("goes"), kind, str(file), 7)
        surefoot_names_warned.pytest_warning_recorded(SimpleNamespace(**{
            name: getattr(message, name) for name in ("category", "filename", "lineno", "message")
        }))  # fmt: skip

    for kind, file in (
        (DeprecationWarning, tmp_path / "a.py"),
        (DeprecationWarning, tmp_path / "a.py"),
        (UserWarning, tmp_path / "a.py"),
        (FutureWarning, Path("/usr/lib/b.py")),
    ):
        raised(kind, file)
    surefoot_names_warned.pytest_unconfigure()
    lines = [json.loads(line) for line in (tmp_path / "results").read_text().splitlines()]
    assert lines == [["a.py", 7, "DeprecationWarning", "goes"]]
