"""A noxfile is read and never run: what it says of the tests counts as far as it is constant."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.lab import noxes, pytests, wants
from tests.lab.world import tree

FILES = {"tests/unit/test_a.py": "", "tests/unit/test_b.py": "", "docs/test_c.py": ""}


def a_tree(folder: Path, noxfile: str, **more: str) -> Path:
    """A project with a noxfile."""
    return tree(folder, {**FILES, "noxfile.py": noxfile, **more})


def session(*lines: str, mark: str = "@nox.session", name: str = "tests") -> str:
    """A noxfile with one session."""
    body = "".join(f"    {line}\n" for line in lines)
    return f"import nox\n\n{mark}\ndef {name}(session):\n{body}"


@pytest.mark.parametrize(
    ("line", "chosen"),
    [
        ('session.run("pytest", "tests/unit")', "tests/unit"),
        ('session.run("pytest", "-n", "4", "--cov=app", "-m", "not slow", "tests")', "-m 'not slow' tests"),
        ('session.run("python", "-m", "pytest", "tests/unit", *session.posargs)', "tests/unit"),
        ('session.run("coverage", "run", "-m", "pytest", *(session.posargs or ["tests/unit"]))', "tests/unit"),
        ('args = session.posargs or ["tests/unit", "docs"]; session.run("pytest", *args)', "tests/unit docs"),
        ('WHERE = ("tests/unit",); session.run("pytest", *WHERE, env={"A": "b"})', "tests/unit"),
        ('session.run("python", "-m", "unittest", "discover", "-s", "tests/unit", "-v")', "tests/unit"),
        ('session.run("python", "-m", "unittest", "tests.unit.test_a")', "tests/unit/test_a.py"),
        ('session.run("ruff", "check"); session.run("pytest", "docs")', "docs"),
        ('session.run("pip", "install", "pytest"); session.run("poetry", "run", "pytest", "docs")', "docs"),
        ('session.run("pytest", "../x", "/etc", "no/such")', ""),
        ('session.run("pytest", somewhere())', ""),
    ],
)
def test_pytest_is_run_on_what_nox_names(line: str, chosen: str, tmp_path: Path) -> None:
    """Only words that choose tests, and only what is in the tree; the note says where they come from."""
    command, notes = pytests.commands(a_tree(tmp_path, session(line)))["unit"]
    assert command == f"python -m pytest {chosen}".rstrip()
    assert (f"pytest is run on {chosen}, as noxfile.py says" in notes) is bool(chosen)


def test_what_is_not_constant_is_noted_and_passed_over(tmp_path: Path) -> None:
    """With its line; the words beside it count."""
    line = 'session.run("pytest", f"tests/{x}", "docs", env={"A": "b"})'
    command, notes = pytests.commands(a_tree(tmp_path, session(line)))["unit"]
    assert command == "python -m pytest docs"
    assert notes[1:] == (
        "noxfile.py:5: an argument that is not constant is passed over",
        "noxfile.py:5: env is not taken over",
    )


@pytest.mark.parametrize(
    "lines",
    [
        ["args = []", 'args.append("docs")', 'session.run("pytest", *args)'],
        ['args = ["docs"]', 'args += ["tests"]', 'session.run("pytest", *args)'],
        ['for args in (["docs"], ["tests"]):', '    session.run("pytest", *args)'],
        ["if 1:", '    args = ["docs"]', "else:", '    args = ["tests"]', 'session.run("pytest", *args)'],
    ],
)
def test_what_changes_is_not_constant(lines: list[str], tmp_path: Path) -> None:
    """A list that is added to is not known."""
    command, notes = pytests.commands(a_tree(tmp_path, session(*lines)))["unit"]
    assert command == "python -m pytest" and "not constant" in notes[0]


def test_a_session_that_changes_its_folder_is_left_alone(tmp_path: Path) -> None:
    """Its paths are not those of the tree."""
    made = a_tree(tmp_path, session('session.chdir("tests")', 'session.run("pytest", "unit")'))
    command, notes = pytests.commands(made)["unit"]
    assert command == "python -m pytest" and "changes its folder" in notes[0]


def test_the_session_that_runs_by_itself_counts(tmp_path: Path) -> None:
    """Of several, the first of those that nox.options.sessions names; a name may be given beside."""
    text = (
        'import nox\nUSUAL = ["unit"]\nnox.options.sessions = USUAL\n'
        '@nox.session\ndef docs(session):\n    session.run("pytest", "docs")\n'
        '@nox.session(name="unit", python=["3.11"])\ndef other(it):\n    it.run("pytest", "tests/unit")\n'
        'def helper(session):\n    session.run("pytest", "tests")\n'
    )
    made = a_tree(tmp_path, text)
    assert pytests.commands(made)["unit"][0] == "python -m pytest tests/unit"
    (made / "noxfile.py").write_text(text.replace('["unit"]', '["lint"]'))
    assert pytests.commands(made)["unit"][0] == "python -m pytest docs"


def test_tox_speaks_first_and_a_noxfile_is_never_run(tmp_path: Path) -> None:
    """Where both are there; and reading one has no effect at all."""
    evil = "open('owned', 'w').close()\n" + session('session.run("pytest", "docs")')
    made = a_tree(tmp_path, evil)
    assert pytests.commands(made)["unit"][0] == "python -m pytest docs"
    assert not (made / "owned").exists() and not Path("owned").exists()
    (made / "tox.ini").write_text("[testenv]\ncommands = pytest tests/unit\n")
    assert pytests.commands(made)["unit"][0] == "python -m pytest tests/unit"


@pytest.mark.parametrize(
    "text", ["def (", "\0", "-" * 100_000 + "1", "x" + "+x" * 50_000, "#" * 300_000, "x" + ".a" * 400 + "=1\n", ""]
)
def test_a_noxfile_that_cannot_be_read_says_nothing(text: str, tmp_path: Path) -> None:
    """However it is made; no file of another tree is read."""
    made = a_tree(tmp_path, text)
    assert noxes.tests_of(made) is None
    (made / "noxfile.py").unlink()
    (made / "noxfile.py").symlink_to("/etc/passwd")
    assert noxes.tests_of(made) is None


@given(st.text(max_size=300))
def test_any_text_is_a_noxfile_or_none(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Nothing else comes of it."""
    folder = tmp_path_factory.mktemp("nox")
    (folder / "noxfile.py").write_text(session(text.replace("\n", " ")), "utf-8")
    assert noxes.tests_of(folder) is None or noxes.tests_of(folder)


INSTALLS = session(
    'session.install("-r", "needs/test.txt", "-c", "limits.txt")',
    'session.install("-e", ".[speed,Extra_One]")',
    'session.install("pytest>=8", "coverage", silent=True)',
    'session.install(*nox.project.dependency_groups(P, "checks"))',
    'session.install(".", "--no-deps", f"django=={x}")',
    'session.run("pytest")',
)
PROJECT = """\
[project]
name = "app"
version = "1"
dependencies = ["base"]
[project.optional-dependencies]
speed = ["fast"]
extra-one = ["one"]
other = ["never"]
[dependency-groups]
checks = ["check"]
"""


def test_what_the_session_installs_is_asked_for(tmp_path: Path) -> None:
    """Files, extras, groups and names, each with its line; what is built of variables is noted."""
    made = a_tree(
        tmp_path, INSTALLS, **{"needs/test.txt": "plugin==1\n", "limits.txt": "fast<2\n", "pyproject.toml": PROJECT}
    )
    found = wants.read(made)
    assert [want.text for want in found.loose] == ["base", "plugin==1", "fast", "one", "pytest>=8", "coverage", "check"]
    assert [want.where for want in found.loose][4] == "noxfile.py:7"
    assert [want.text for want in found.constraints] == ["fast<2"]
    assert "noxfile.py:9: an argument that is not constant is passed over" in found.notes
    assert "noxfile.py:9: --no-deps is not followed, only pip's own configuration is" in found.notes


def test_nobody_is_asked_twice(tmp_path: Path) -> None:
    """Where something else of the tree asks for pytest, what nox installs is its own affair."""
    made = a_tree(tmp_path, INSTALLS, **{"requirements.txt": "pytest\n"})
    assert [want.text for want in wants.read(made).loose] == ["pytest"]


@pytest.mark.parametrize(
    ("words", "note"),
    [
        ('"-r", "../out.txt"', "leads out of the tree"),
        ('"-r", "none.txt"', "is no file of this tree"),
        ('"x @ https://evil.example/x.whl"', "named by a URL"),
        ('"???"', "cannot be read"),
    ],
)
def test_what_is_not_to_be_installed_is_noted(words: str, note: str, tmp_path: Path) -> None:
    """The rest of the session counts."""
    made = a_tree(tmp_path, session(f"session.install({words})", 'session.install("pytest")', 'session.run("pytest")'))
    found = wants.read(made)
    assert [want.text for want in found.loose] == ["pytest"]
    assert any(note in one and one.startswith("noxfile.py:5") for one in found.notes), found.notes
