"""What a repository uses of a package that changes: each broken use is named, and nothing else is."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.core.model import Grade, Level, SuiteResult
from bot.core.verdicts import Looked
from bot.lab import compatibility, deprecations, environments, resolver, typing_diff
from bot.lab.cache import Cache
from bot.lab.host import Host
from bot.lab.trees import offered
from bot.lab.workbench import Budget, OutOfTime, Sample, Workbench
from tests.lab import world
from tests.lab.world import a_trial, tree

OLD = {
    "shop/__init__.py": """\
from .core import Basket, total, discount
from . import deep
def __getattr__(name):
    if name == "lazy": return 1
    raise AttributeError(name)
""",
    "shop/core.py": """\
def total(prices, rounded=False, currency="EUR"): return 1
def discount(price): return price
class Base:
    def clear(self): pass
class Basket(Base):
    def __init__(self, owner, limit=10): self.note = ""
    def add(self, item, count=1) -> "Basket": return self
    def pay(self): pass
""",
    "shop/deep.py": "def inner(): pass\nglobals()['built'] = 1\n",
    "shop/plain.py": "def kept(a, b): pass\n",
}
NEW = {
    "shop/__init__.py": """\
from .core import Basket, total
from . import deep
def __getattr__(name):
    if name == "lazy": raise ImportError("lazy moved to shop-lazy")
    raise AttributeError(name)
""",
    "shop/core.py": """\
import functools
def total(prices, *, rounded=False): return 1
class Base: pass
class Basket(Base):
    def __init__(self, owner, limit): pass
    def add(self, item) -> "Basket": return self
""",
    "shop/deep.py": "def inner(): pass\n",
    "shop/plain.py": "def kept(a, b): pass\n",
}


FORGED = "import os\nopen(os.environ['SUREFOOT_RESULTS'], 'a').write('[1]\\n{\\n[\"x\", {}]\\n')\n"
HOSTILE = {
    "it ends the process": "import os\nos._exit(0)\n",
    "it raises what nobody catches": "import sys\nsys.exit(3)\n",
    "it answers in our place": FORGED + "os._exit(0)\n",
}
CHECKER = """\
import pathlib, sys
import shop
if "--no-pretty" not in sys.argv: sys.exit(2)
broken = pathlib.Path("program.py").read_text().startswith("#broken")
if broken: sys.exit(2)
print("program.py:1: error: always  [misc]")
if not hasattr(shop, "discount"):
    print('program.py:2: error: Module has no attribute "discount"  [attr-defined]')
sys.exit(1)
"""
AGED = "import warnings\ndef old():\n    warnings.warn('x', FutureWarning, stacklevel=2)\ndef buy():\n    pass\n"
AGEING = "    warnings.warn('use pay', DeprecationWarning, stacklevel=2)\n"
RUDE = range(len(HOSTILE))
# All that the tests need is in one pair of environments, as making them takes the most time.
BEFORE = "".join(["shop==1\naged==1\nspaced==1\nmypy==99\nleaving==1\n", *(f"rude{number}==1\n" for number in RUDE)])
AFTER = "".join(["shop==2\naged==2\nspaced==2\nmypy==99\n", *(f"rude{number}==2\n" for number in RUDE)])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where environments and what is learnt are kept, with an index that has a shop in two versions, and more."""
    folder = tmp_path_factory.mktemp("compatibility")
    wheels = world.with_pytest(folder / "wheels")
    world.wheel(wheels, "shop", "1", OLD)
    world.wheel(wheels, "shop", "2", NEW)
    world.wheel(wheels, "aged", "1", {"aged.py": AGED})
    world.wheel(wheels, "aged", "2", {"aged.py": AGED + AGEING})
    for version, text in (("1", "def gone(): pass\n"), ("2", "")):
        held = {"space/one/__init__.py": text, "space/one/fast.cpython-311-x86_64-linux-gnu.so": "no library"}
        world.wheel(wheels, "spaced", version, held)
    world.wheel(wheels, "leaving", "1", {"leaving.py": ""})
    world.wheel(wheels, "mypy", "99", {"mypy/__init__.py": "", "mypy/__main__.py": CHECKER})
    for number, text in enumerate(HOSTILE.values()):
        world.wheel(wheels, f"rude{number}", "1", {f"rude{number}.py": f"{text}def gone(): pass\n"})
        world.wheel(wheels, f"rude{number}", "2", {f"rude{number}.py": text})
    return folder


@contextlib.asynccontextmanager
async def bench_of(
    host: Host, place: Path, trees: Sequence[Path], *, learnt: str = "learnt", say: Callable[[str], None] = print
) -> AsyncIterator[Workbench]:
    """A workbench with both trees and their environments, as `trial` makes it."""
    uv = resolver.find_uv(world.index(place / "wheels"))
    cache = Cache(folder=place / "environments")
    async with contextlib.AsyncExitStack() as stack:
        ready = [await stack.enter_async_context(environments.prepared(one, uv=uv, cache=cache)) for one in trees]
        before, after = (Sample(tree=one, environment=made) for one, made in zip(trees, ready, strict=True))
        yield Workbench(
            trial=a_trial(*trees),
            before=before,
            after=after,
            host=host,
            uv=uv,
            budget=Budget(300.0),
            folder=place / learnt,
            say=say,
        )


async def examined(host: Host, place: Path, folder: Path, files: Mapping[str, str], **more: Any) -> SuiteResult:
    """The result for a tree with these files, pinned before and after."""
    folder.mkdir(exist_ok=True)
    trees = [tree(folder / name, {"requirements.txt": pin, **files}) for name, pin in (("a", BEFORE), ("b", AFTER))]
    with contextlib.ExitStack() as stack:
        seen = [stack.enter_context(offered(one, host)) for one in trees]
        async with bench_of(host, place, seen, **more) as bench:
            result = await compatibility.examine(bench)
    assert result is not None
    return result


def failures(result: SuiteResult) -> set[tuple[str | None, int | None, str]]:
    """File, line and title of each."""
    return {(one.path, one.line, one.title) for one in result.remarks if one.level is Level.FAILURE}


BROKEN = {
    "a function that is gone": ("import shop\nshop.discount(1)\n", 2, "`shop.discount` is gone"),
    "gone behind an alias": ("from shop import discount as less\n", 1, "`shop.discount` is gone"),
    "gone from a module below": ("from shop.core import discount\n", 1, "`shop.core.discount` is gone"),
    "a parameter": ("import shop\nshop.total([], currency='X')\n", 2, "`shop.total` has no parameter `currency`"),
    "a place": ("import shop\nshop.total([], True)\n", 2, "`shop.total` takes 1 positional arguments, and 2 are given"),
    "a default": ("import shop\nshop.Basket('me')\n", 2, "`shop.Basket` needs `limit`, which is not given"),
    "a method of an object": ("import shop\nb = shop.Basket('me', 1)\nb.pay()\n", 3, "`shop.Basket().pay` is gone"),
    "what a base had": ("import shop\nshop.Basket('me', 1).clear()\n", 2, "`shop.Basket().clear` is gone"),
    "what a call gives": (
        "import shop\nb = shop.Basket('me', 1).add(1)\nb.add(1, count=2)\n",
        3,
        "`shop.Basket().add().add` has no parameter `count`",
    ),
    "by an annotation": (
        "import shop\ndef f(b: 'shop.Basket | None'):\n    b.pay()\n",
        3,
        "`shop.Basket().pay` is gone",
    ),
    "of a subclass": (
        "import shop\nclass Mine(shop.Basket):\n    def go(self):\n        self.pay()\n",
        4,
        "`shop.Basket().pay` is gone",
    ),
    "of what is above": (
        "import shop\nclass Mine(shop.Basket):\n    def __init__(self):\n        super().__init__('me')\n",
        4,
        "`shop.Basket().__init__` needs `limit`, which is not given",
    ),
    "made up on the way": ("import shop\nshop.lazy\n", 2, "`shop.lazy` is gone"),
    "put together by code": ("from shop import deep\ndeep.built\n", 2, "`shop.deep.built` is gone"),
    "in a namespace": ("from space.one import gone\n", 1, "`space.one.gone` is gone"),
    "named in words": ("from unittest import mock\nmock.patch('shop.discount')\n", 2, "`shop.discount` is gone"),
}


async def test_a_broken_use_is_named_by_file_and_line(host: Host, place: Path, tmp_path: Path) -> None:
    """However the name is come by; the running package has had its say, and nothing else is named."""
    files = {f"case_{how.replace(' ', '_')}.py": program for how, (program, _, _) in BROKEN.items()}
    wanted = {(f"case_{how.replace(' ', '_')}.py", line, title) for how, (_, line, title) in BROKEN.items()}
    result = await examined(host, place, tmp_path, files)
    assert result.grade is Grade.FAILED, result
    assert failures(result) == wanted
    first = min(files)
    assert f"`{first}:" in result.why and f"and {len(wanted) - 1} more uses break" in result.why


UNHURT = {
    "other names": "import shop\nshop.total([], rounded=True)\nshop.Basket('me', limit=1).add(1)\n",
    "a way out": "try:\n    from shop import discount\nexcept ImportError:\n    discount = None\ndiscount\n",
    "asked for first": "import shop\nif hasattr(shop, 'discount'):\n    shop.discount(1)\n",
    "a name of its own": "import shop\nclass shop:\n    pass\nshop.discount\n",
    "only for types": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from shop import discount\n",
    "now this, now that": "import shop\ndef f():\n    b = shop.Basket(1, 2)\n    b = 3\n    b.pay()\n",
    "a name that never was": "import shop\nshop.nonsense\n",
    "in a compiled module": "from space.one import fast\nfast.x\nfast.y.z(1)\n",
    "stars": "import shop\na = [1]\nshop.total(*a, **{})\n",
}


async def test_what_is_not_hurt_passes(host: Host, place: Path, tmp_path: Path) -> None:
    """No false alarm; a use with a way out is a notice."""
    files = {f"case_{how.replace(' ', '_')}.py": program for how, program in UNHURT.items()}
    result = await examined(host, place, tmp_path, files)
    assert result.grade is Grade.PASSED, result
    assert {one.path for one in result.remarks} == {
        "case_a_way_out.py",
        "case_asked_for_first.py",
        "case_only_for_types.py",
    }
    assert {one.level for one in result.remarks} == {Level.NOTICE}


async def test_figures_and_the_packages_own_words(host: Host, place: Path, tmp_path: Path) -> None:
    """How much there was, how much is used, and what the package says to who asks for a name that moved."""
    result = await examined(host, place, tmp_path, {"a.py": "import shop\nshop.lazy\nshop.total([])\n"})
    assert [(one.name, one.change) for one in result.measures] == [("public names", "-4"), ("names used", "-1")]
    assert "`ImportError: lazy moved to shop-lazy`" in result.remarks[0].message


async def test_what_is_not_used_costs_nothing(host: Host, place: Path, tmp_path: Path) -> None:
    """It passes, and it is said that nothing of it is used; a module of the tree's own comes before the package."""
    files = {"a.py": "import shop\nshop.discount(1)\n", "shop.py": "def discount(x): pass\n"}
    result = await examined(host, place, tmp_path, files)
    assert (result.grade, result.why) == (Grade.PASSED, "7 packages change, and nothing of them is used directly")


async def test_where_nothing_changes_there_is_nothing_to_say(host: Host, place: Path, tmp_path: Path) -> None:
    """No row in the table for it."""
    one = tree(tmp_path / "a", {"requirements.txt": BEFORE})
    async with bench_of(host, place, (one, one)) as bench:
        assert await compatibility.examine(bench) is None


async def test_what_was_learnt_of_a_package_serves_another_repository(host: Host, place: Path, tmp_path: Path) -> None:
    """The second look reads no package again, nor asks again what was asked."""
    said: list[str] = []
    uses = {"a.py": "import shop\nshop.total([])\nshop.lazy\n"}
    first = await examined(host, place, tmp_path / "one", uses, learnt="other", say=said.append)
    assert [words for words in said if words.startswith(("reading", "asking"))]
    said.clear()
    again = await examined(
        host, place, tmp_path / "two", {**uses, "b.py": "import shop\n"}, learnt="other", say=said.append
    )
    assert failures(again) == failures(first) != set()
    assert said == ["comparing what is used of what changes"]


async def test_a_package_that_goes_altogether(host: Host, place: Path, tmp_path: Path) -> None:
    """Nobody asks for it any more, but a file still imports it."""
    result = await examined(host, place, tmp_path, {"a.py": "import leaving\n"})
    assert failures(result) == {("a.py", 1, "`leaving` is gone")}


async def test_a_file_that_cannot_be_read_is_said(host: Host, place: Path, tmp_path: Path) -> None:
    """The others are read; however deep it nests."""
    files = {
        "bad.py": "def (:\n",
        "deep.py": "x = " + "(" * 5000 + ")" * 5000 + "\n",
        "a.py": "from shop import discount",
    }
    result = await examined(host, place, tmp_path, files)
    assert failures(result) == {("a.py", 1, "`shop.discount` is gone")}
    assert any("bad.py:1" in note for note in result.notes) and any("deep.py" in note for note in result.notes)


async def test_packages_that_do_not_answer_are_not_known(host: Host, place: Path, tmp_path: Path) -> None:
    """A person looks: their files say that the names are gone, and nobody could ask the running packages."""
    files = {"a.py": "".join(f"from rude{number} import gone\n" for number in RUDE)}
    result = await examined(host, place, tmp_path, files)
    assert result.grade is Grade.UNKNOWN, result
    assert [(one.line, one.level) for one in result.remarks] == [(number + 1, Level.WARNING) for number in RUDE]
    assert "`rude0.gone` seems to be gone" in result.why
    assert any("were not answered" in note for note in result.notes)


TYPED = {"mypy.ini": "[mypy]\nfiles = program.py\n", "program.py": "import shop\nshop.total([])\n"}


async def test_a_type_checkers_new_errors_ask_a_person(host: Host, place: Path, tmp_path: Path) -> None:
    """Only the new ones, with file, line and rule; how many there were is said."""
    result = await examined(host, place, tmp_path, TYPED)
    assert result.grade is Grade.UNKNOWN, result
    assert result.why == 'mypy newly reports an error in `program.py:2`: `Module has no attribute "discount"`'
    (remark,) = result.remarks
    assert (remark.path, remark.line, remark.level) == ("program.py", 2, Level.WARNING)
    assert result.measures[-1].name == "errors of mypy" and result.measures[-1].change == "+1"
    assert (await examined(host, place, tmp_path, TYPED)).remarks == result.remarks


async def test_a_type_checker_that_gives_up_is_said(host: Host, place: Path, tmp_path: Path) -> None:
    """And one that the tree has no settings for is not run."""
    broken = {**TYPED, "program.py": "#broken\nimport shop\n"}
    result = await examined(host, place, tmp_path / "a", broken)
    assert result.grade is Grade.PASSED and "mypy could not be run on both sides" in result.notes[0]
    quiet = await examined(host, place, tmp_path / "b", {"program.py": TYPED["program.py"]})
    assert (quiet.grade, quiet.notes) == (Grade.PASSED, ())


async def test_deprecations_of_own_lines_are_noticed(host: Host, place: Path, tmp_path: Path) -> None:
    """What newly warns as the tests are imported, at the line that asked for it, though warnings are errors here."""
    files = {
        "test_a.py": "import aged\naged.old()\naged.buy()\ndef test(): aged.nothing\n",
        "pytest.ini": "[pytest]\nfilterwarnings = error\n",
    }
    result = await examined(host, place, tmp_path, files)
    assert result.grade is Grade.PASSED, result
    (remark,) = result.remarks
    assert (remark.path, remark.line, remark.level) == ("test_a.py", 3, Level.NOTICE)
    assert (remark.title, remark.message) == ("`DeprecationWarning` is newly raised here", "`use pay`")


async def test_what_is_found_is_not_lost_for_want_of_time(
    host: Host, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken name is named, and it is said what there was no time for."""

    async def late(*_: object) -> Looked:
        raise OutOfTime

    monkeypatch.setattr(typing_diff, "look", late)
    monkeypatch.setattr(deprecations, "look", late)
    result = await examined(host, place, tmp_path, {"a.py": "import shop\nshop.discount(1)\n"})
    assert failures(result) == {("a.py", 2, "`shop.discount` is gone")}
    assert [note for note in result.notes if "no time was left" in note] == [
        "the type checker was not run: no time was left",
        "the search for deprecations was not run: no time was left",
    ]
