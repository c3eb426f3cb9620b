"""What a tree asks for is read as text, with its place, and nothing in it chooses whom this machine speaks to."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.errors import ConfigProblem
from bot.lab import wants
from tests.lab.world import tree

HASH = "sha256:" + "0" * 64


def names(found: wants.Wants) -> list[str]:
    """The names of all that is wanted."""
    return [want.name for want in found.all]


def test_requirements_files_and_those_they_name(tmp_path: Path) -> None:
    """Comments, continued lines, markers and files named by -r; each file is read once."""
    tree(
        tmp_path,
        {
            "requirements.txt": "# all\nFlask_Login>=1 # why\nidna \\\n  ==3.1 ; python_version > '3'\n",
            "requirements-dev.txt": "-r requirements.txt\n--requirement more/x.txt\npytest\n-e .\n./local\n",
            "more/x.txt": "attrs\n",
            "requirements/constraints.txt": "nothing==1\n",
            "requirements/docs.txt": "-c constraints.txt\nsphinx\n--extra-index-url https://evil.example\n",
        },
    )
    found = wants.read(tmp_path)
    assert names(found) == ["flask-login", "idna", "attrs", "pytest", "sphinx"]
    assert [want.where for want in found.all][:2] == ["requirements.txt:2", "requirements.txt:3"]
    assert [want.name for want in found.constraints] == ["nothing"]
    assert any("--extra-index-url is not followed" in note for note in found.notes)
    assert sum("is not installed" in note for note in found.notes) == 2


def test_pyproject_with_extras_and_groups(tmp_path: Path) -> None:
    """Dependencies, the extras and groups that tests need, those they include, and no other."""
    tree(
        tmp_path,
        {
            "pyproject.toml": """
                [project]
                name = "It"
                requires-python = ">=3.11"
                dependencies = ["httpx>=0.27"]
                [project.optional-dependencies]
                dev = ["it[test]", "ruff"]
                test = ["pytest>=8", "it[dev]"]
                docs = ["sphinx"]
                [dependency-groups]
                Dev = ["coverage", {include-group = "lint"}]
                lint = ["mypy"]
                other = ["nothing"]
            """
        },
    )
    found = wants.read(tmp_path)
    assert set(names(found)) == {"httpx", "ruff", "pytest", "coverage", "mypy"}
    assert found.python == ">=3.11" and found.lock() is None


def lock_line(text: str) -> str:
    """A locked line."""
    return f"{text} \\\n    --hash={HASH} \\\n    --hash={HASH}\n"


A, B = lock_line("a==1"), lock_line("b==2")
WISH = "[project]\ndependencies = [{}]\n"


@pytest.mark.parametrize(
    ("files", "lock"),
    [
        ({"requirements.txt": A}, "requirements.txt"),
        ({"requirements.txt": A, "requirements-dev.txt": A + B}, "requirements-dev.txt"),
        ({"requirements.txt": A, "pyproject.toml": WISH.format("'A>=1'")}, "requirements.txt"),
        ({"requirements.txt": A, "pyproject.toml": WISH.format("\"b ; sys_platform == 'vms'\"")}, "requirements.txt"),
        ({"requirements.txt": A, "pyproject.toml": WISH.format("'a>=2'")}, None),
        ({"requirements.txt": A, "pyproject.toml": WISH.format("'b'")}, None),
        ({"requirements.txt": A, "requirements-x.txt": lock_line("a==2")}, None),
        ({"requirements.txt": A + "b==2\n"}, None),
        ({"requirements.txt": lock_line("a>=1")}, None),
        ({"requirements.txt": lock_line("a==1.*")}, None),
        ({"requirements.txt": "a==1\n"}, None),
        ({}, None),
    ],
)
def test_a_file_is_the_lock_when_it_answers_everything(files: dict[str, str], lock: str | None, tmp_path: Path) -> None:
    """Every line pinned with hashes, and every other wish met by its pins."""
    found = wants.read(tree(tmp_path, files)).lock()
    assert (found and found[0].where.split(":")[0]) == lock


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({"requirements.txt": "a\n???\n"}, "requirements.txt:2"),
        ({"requirements.txt": "a @ https://evil.example/a.whl\n"}, "named by a URL"),
        ({"requirements.txt": "-r ../../etc/passwd\n"}, "leads out of the tree"),
        ({"requirements.txt": "-r requirements.txt\n"}, "in a circle"),
        ({"requirements.txt": "-r none.txt\n"}, "no file of this tree"),
        ({"pyproject.toml": "[project\n"}, "pyproject.toml"),
        ({"pyproject.toml": '[project]\nrequires-python = "three"\n'}, "requires-python"),
    ],
)
def test_what_cannot_be_read_is_named(files: dict[str, str], word: str, tmp_path: Path) -> None:
    """File and line, and what is wrong."""
    with pytest.raises(ConfigProblem, match=word.replace("?", ".")):
        wants.read(tree(tmp_path, files))


def test_a_link_out_of_the_tree_is_not_followed(tmp_path: Path) -> None:
    """A tree could else have files of this machine read to it in error messages."""
    (tmp_path / "requirements.txt").symlink_to("/etc/hostname")
    with pytest.raises(ConfigProblem, match="no file of this tree"):
        wants.read(tmp_path)


def test_a_giant_file_is_refused(tmp_path: Path) -> None:
    """Before it is read into memory."""
    (tmp_path / "requirements.txt").write_bytes(b"#" * (5 << 20))
    with pytest.raises(ConfigProblem, match="larger than 4 MiB"):
        wants.read(tmp_path)


def test_what_is_not_read_is_said(tmp_path: Path) -> None:
    """A person then knows why nothing was installed."""
    tree(tmp_path, {"setup.py": "", "pyproject.toml": "[tool.poetry]\nname = 'x'\n"})
    assert [note.split(":")[0].split(" ")[0] for note in wants.read(tmp_path).notes] == ["pyproject.toml", "setup.py"]


TOX = """\
[testenv]
deps =
    -r{toxinidir}/needs.txt
    pytest-mock>=1  ; python_version > "3"
    py38: old
    {[base]deps}
    # a word
"""


def test_what_tox_installs_counts_where_nobody_else_says_it(tmp_path: Path) -> None:
    """What the tests need may stand there alone; its conditions are its own."""
    made = tree(tmp_path / "a", {"tox.ini": TOX, "needs.txt": "pytest\nhelper==1\n", "pyproject.toml": PROJECT})
    assert [want.name for want in wants.read(made).all] == ["app-dep", "pytest", "helper", "pytest-mock"]
    made = tree(tmp_path / "b", {"tox.ini": TOX, "needs.txt": "helper", "requirements.txt": "pytest==8\n"})
    assert [want.name for want in wants.read(made).all] == ["pytest"]


@pytest.mark.parametrize("text", ["odd", "[testenv]\ndeps = -r../away.txt\n", "[testenv]\ndeps = ???\n"])
def test_a_tox_that_cannot_be_read_is_noted(text: str, tmp_path: Path) -> None:
    """It was never needed before."""
    (note,) = wants.read(tree(tmp_path, {"tox.ini": text})).notes
    assert note.startswith("tox.ini is not read: ")


PROJECT = '[project]\nname = "app"\ndependencies = ["app-dep"]\n'
