"""What an installed package says of itself is read with bounds, and never beyond the folder of packages."""

from __future__ import annotations

from pathlib import Path

from bot.lab import installed, learnt
from bot.lab.environments import Environment, Interpreter
from bot.lab.learnt import Learnt

INFO = "venv/lib/python3.11/site-packages/My_Shop-1.0.dist-info"
RECORD = """\
shop/__init__.py,,
shop/deep/inner.pyi,,
shop/fast.cpython-311-x86_64-linux-gnu.so,,
shop/inner.so,,
shop/inner.py,,
single.py,,
space/part/leaf.py,,
../../../bin/shop,,
/etc/passwd.py,,
shop/not-a-module.py,,
My_Shop-1.0.dist-info/METADATA,,
"""


def an_environment(folder: Path, files: dict[str, str]) -> Environment:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    python = Interpreter(path=Path("/usr/bin/python3"), version="3.11.1", prefix=Path("/usr"))
    lock = "my-shop[x]==1.0 ; python_version > '3' --hash=sha256:aa \\\n  --hash=sha256:bb\nOther.Thing==2\n"
    return Environment(key="k", folder=folder / "venv", interpreter=python, lock=lock)


def test_modules_python_extras_and_programs(tmp_path: Path) -> None:
    """Found by the normalised name."""
    files = {
        f"{INFO}/RECORD": RECORD,
        f"{INFO}/METADATA": "Name: My_Shop\nRequires-Python: >=3.8\nProvides-Extra: Fast_Lane\n\nProvides-Extra: no\n",
        f"{INFO}/entry_points.txt": "[console_scripts]\nShop = shop:main\n[other]\nx = y\n",
    }
    environment = an_environment(tmp_path, files)
    found = installed.read(environment, frozenset({"my-shop", "absent"}))
    one = found.pop("my-shop")
    assert found == {}
    assert one.modules == {"shop", "shop.deep.inner", "shop.inner", "single", "space.part.leaf"}
    assert one.compiled == {"shop.fast"}
    assert (one.version, one.python, one.extras, one.scripts) == ("1.0", ">=3.8", {"fast-lane"}, {"Shop"})
    assert one.tops == ("shop", "single", "space")
    assert all(not path.startswith(("/", "..")) for path in one.sources)
    assert installed.versions(environment) == {"my-shop": "1.0", "other-thing": "2"}


def test_a_namespace_belongs_to_nobody(tmp_path: Path) -> None:
    """What lies in it does."""
    one = installed.read(an_environment(tmp_path, {f"{INFO}/RECORD": RECORD}), frozenset({"my-shop"}))["my-shop"]
    assert one.owns(("space", "part", "leaf", "x")) and one.owns(("shop", "anything"))
    assert not one.owns(("space",)) and not one.owns(("space", "other"))


def test_what_is_damaged_says_nothing(tmp_path: Path) -> None:
    """Neither a missing file nor a broken one is an error."""
    files = {f"{INFO}/RECORD": '"\0', f"{INFO}/entry_points.txt": "no section\n"}
    one = installed.read(an_environment(tmp_path, files), frozenset({"my-shop"}))["my-shop"]
    assert (one.modules, one.python, one.scripts) == (frozenset(), "", frozenset())
    assert installed.site_of(an_environment(tmp_path / "none", {})) is None


def test_what_was_learnt_keeps_within_its_bound(tmp_path: Path) -> None:
    """The longest unused goes; a folder that cannot be written is no error."""
    store = Learnt(folder=tmp_path / "learnt", most=250)
    for name in "abc":
        store.remember(learnt.key_of(name), b"x" * 100)
    assert len(list((tmp_path / "learnt").iterdir())) == 2
    assert store.recall(learnt.key_of("c")) == b"x" * 100
    (tmp_path / "file").write_text("")
    Learnt(folder=tmp_path / "file").remember("k", b"x")
    assert Learnt(folder=tmp_path / "file").recall("k") is None


def test_a_digest_is_of_the_content(tmp_path: Path) -> None:
    """The same files give the same text; one that is gone gives another."""
    (tmp_path / "a").write_text("1")
    before = learnt.digest_of([tmp_path / "a", tmp_path / "b"])
    assert before == learnt.digest_of([tmp_path / "a", tmp_path / "b"])
    (tmp_path / "b").write_text("2")
    assert before != learnt.digest_of([tmp_path / "a", tmp_path / "b"])
