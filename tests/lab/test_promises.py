"""Pythons, extras and programs that a tree relies on: what is gone of them is a person's to weigh, with its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.model import Grade
from bot.lab import promises
from bot.lab.installed import Installed
from tests.lab.world import tree

OLD = Installed(
    name="shop", version="1.0", site=Path(), python=">=3.7", extras=frozenset({"fast-lane", "till"}),
    scripts=frozenset({"shop", "shop-admin"}),
)  # fmt: skip
NEW = Installed(
    name="shop", version="2.0", site=Path(), python=">=3.10", extras=frozenset({"till"}), scripts=frozenset({"shop"})
)
PROJECT = '[project]\nname = "mine"\nversion = "1"\nrequires-python = ">=3.8"\ndependencies = [\n  "Shop>=2",\n]\n'


def look(folder: Path, files: dict[str, str], *commands: str) -> promises.Looked:
    return promises.look(tree(folder, files), {"shop": OLD}, {"shop": NEW}, commands)


def test_a_python_that_is_lost(tmp_path: Path) -> None:
    """The requirement, its line, the Pythons that are lost, and where they were promised."""
    told = look(tmp_path, {"pyproject.toml": PROJECT})
    (remark,) = told.remarks
    assert (remark.path, remark.line, told.grade) == ("pyproject.toml", 6, Grade.UNKNOWN)
    assert remark.title == "`shop 2.0` does not run on Python 3.8 and 3.9 any more"
    assert told.why == f"{remark.title}, and this project says that it does: requires-python is `>=3.8`"


@pytest.mark.parametrize(
    "line",
    ["shop>=1", "shop>=2; python_version >= '3.10'", "other==1"],
    ids=["the old version will do", "only where it runs", "another package"],
)
def test_a_python_that_is_not_needed(line: str, tmp_path: Path) -> None:
    """A requirement that leaves the older Pythons a way takes nothing from them."""
    told = look(tmp_path, {"pyproject.toml": PROJECT.replace("Shop>=2", line)})
    assert told == promises.Looked()


def test_what_makes_no_sense_is_no_reason_to_stop(tmp_path: Path) -> None:
    """A marker that compares the incomparable is taken as none, and so is a version that is none."""
    text = PROJECT.replace("Shop>=2", "Shop>=2; os_name ~= '1'")
    assert len(look(tmp_path / "a", {"pyproject.toml": text}).remarks) == 1
    odd = replace(OLD, version="not a version")
    place = tree(tmp_path / "b", {"pyproject.toml": PROJECT})
    assert promises.look(place, {"shop": odd}, {"shop": NEW}).grade is Grade.UNKNOWN


def test_an_extra_that_is_gone(tmp_path: Path) -> None:
    """Whatever sign its name is written with; one that is still there is not said."""
    told = look(tmp_path, {"requirements.txt": "# pins\nshop[fast_lane,till]==2.0\n"})
    (remark,) = told.remarks
    assert (remark.path, remark.line) == ("requirements.txt", 2)
    assert remark.title == "`shop 2.0` has no extra `fast_lane` any more"


def test_a_program_that_is_gone(tmp_path: Path) -> None:
    """Each file that calls it, and a command of the suites; not a longer word, not a comment."""
    told = look(
        tmp_path,
        {
            "requirements.txt": "shop==2.0\n",
            "Makefile": "# shop-admin\nall:\n\tshop-admin init\n\tshop-admin run\n",
            "run.sh": "my-shop-admin\nshop-admin-more\nshop serve\n",
            ".github/workflows/ci.yml": "- run: shop-admin check\n",
            "prose.md": "shop-admin\n",
        },
        "shop-admin test",
    )
    assert [(one.path, one.line) for one in told.remarks] == [
        (".github/workflows/ci.yml", 1),
        ("Makefile", 3),
        (None, None),
    ]
    assert told.why == "the program `shop-admin` of `shop` is gone, and it is called here (2 more)"


def test_what_is_kept_is_not_said(tmp_path: Path) -> None:
    """And a tree whose requirements cannot be read is another's to complain about."""
    assert look(tmp_path / "a", {"requirements.txt": "shop[till]==2.0\n", "Makefile": "all:\n\tshop\n"}).remarks == ()
    assert look(tmp_path / "b", {"requirements.txt": "???\n", "Makefile": "all:\n\tshop-admin\n"}).remarks == ()
    assert promises.look(tmp_path / "a", {"shop": OLD}, {}).remarks == ()
