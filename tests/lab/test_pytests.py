"""Which tests of a Python project are run, in which order, and what is known when the time ends before them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.differential import Came
from bot.core.model import Component, Grade
from bot.core.suites import Asked
from bot.lab import environments, junit, pytests, resolver, suites, users
from bot.lab.cache import Cache
from bot.lab.environments import NPM
from bot.lab.trial import Laboratory
from tests.lab import world
from tests.lab.world import a_trial, tree

MARKED = "import pytest\n@pytest.mark.integration\ndef test_far(): pass\ndef test_near(): pass\n"
REGISTERED = '[tool.pytest.ini_options]\nmarkers = ["integration: needs a server", "slow"]\n'
ALONE = {"unit": "python -m pytest"}
BY_MARK = {"unit": "python -m pytest -m 'not integration'", "integration": "python -m pytest -m integration"}
BY_FOLDER = {
    "unit": "python -m pytest --ignore=tests/integration --ignore=tests/e2e",
    "integration": "python -m pytest tests/integration tests/e2e",
}


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"test_a.py": ""}, ALONE),
        ({"tests/test_a.py": "", "tests/integration/test_b.py": "", "tests/e2e/b_test.py": ""}, BY_FOLDER),
        ({"tests/integration/test_b.py": ""}, {"integration": "python -m pytest tests/integration"}),
        ({"tests/test_a.py": "", "tests/integration/helper.py": ""}, ALONE),
        ({"test_a.py": MARKED, "pyproject.toml": REGISTERED}, BY_MARK),
        ({"test_a.py": MARKED, "pytest.ini": "[pytest]\nmarkers =\n    slow\n    integration: x\n"}, BY_MARK),
        ({"test_a.py": MARKED, "setup.cfg": "[tool:pytest]\nmarkers = integration\n"}, BY_MARK),
        ({"test_a.py": MARKED}, ALONE),
        ({"test_a.py": "", "pyproject.toml": REGISTERED}, ALONE),
        ({"test_a.py": MARKED, "pyproject.toml": REGISTERED + 'addopts = "-q -m slow"\n'}, ALONE),
        ({"test_a.py": MARKED, "pyproject.toml": "[", "setup.cfg": "odd"}, ALONE),
        ({"a.py": ""}, {}),
    ],
)
def test_integration_tests_are_a_suite_of_their_own(
    files: dict[str, str], found: dict[str, str], tmp_path: Path
) -> None:
    """Where a folder or a registered marker sets them apart; the project's own choice is left alone."""
    assert {kind: command for kind, (command, _) in pytests.commands(tree(tmp_path, files)).items()} == found


def test_services_and_reasons_of_the_config_belong_to_what_is_found(tmp_path: Path) -> None:
    """A suite that is found needs no command to be given services, or to be turned off."""
    made = tree(tmp_path, {"tests/test_a.py": "", "tests/integration/test_b.py": ""})
    unit, integration = suites.find(made, {"integration": Asked(services=("redis",))})
    assert (unit.services, integration.services) == ((), ("redis",)) and unit.whole != integration.whole
    assert [suite.kind for suite in suites.find(made, {"integration": Asked(off="no server here")})] == ["unit"]
    assert suites.find(made, {}, NPM) == ()


TOX = "[tox]\nenvlist = py\n[testenv]\ndeps = x\ncommands =\n    {envpython} -m coverage run -m pytest %s\n    other\n"


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ("{posargs:tests/unit}", "tests/unit"),
        ("--cov=app -n 4 {toxinidir}/tests {posargs}", "tests"),
        ("-m 'not slow' \\\n    --deselect=tests/x.py::a tests/unit/test_a.py::test_x", "-m 'not slow' --deselect=tests/x.py::a tests/unit/test_a.py::test_x"),  # noqa: E501 - one command
        ("../tests /etc {env:X} no/such", ""),
        ("'", ""),
    ],
)  # fmt: skip
def test_pytest_is_run_on_what_tox_names(words: str, chosen: str, tmp_path: Path) -> None:
    """Options that need what may not be installed are not taken over; what chooses tests is, and is said."""
    made = tree(tmp_path, {"tests/unit/test_a.py": "", "tox.ini": TOX % words})
    command, notes = pytests.commands(made)["unit"]
    assert command == " ".join(["python -m pytest", *([chosen] if chosen else [])])
    assert notes == ((f"pytest is run on {chosen}, as tox.ini says",) if chosen else ())


@pytest.mark.parametrize(
    "table",
    [
        '[tool.tox]\nlegacy_tox_ini = """\n[testenv]\ncommands = pytest tests\n"""\n',
        '[tool.tox.env_run_base]\ncommands = [["pytest", {x = 1}, "tests"], "odd"]\n',
    ],
)
def test_tox_may_be_set_up_in_pyproject(table: str, tmp_path: Path) -> None:
    """In either of its forms."""
    made = tree(tmp_path, {"tests/test_a.py": "", "pyproject.toml": table})
    assert pytests.commands(made)["unit"] == (
        "python -m pytest tests",
        ("pytest is run on tests, as pyproject.toml says",),
    )


def test_what_tox_names_is_no_integration_suite(tmp_path: Path) -> None:
    """Its tests are those that the project runs each day."""
    made = tree(tmp_path, {"tests/integration/test_a.py": "", "test_b.py": "", "tox.ini": TOX % "tests/integration"})
    assert set(pytests.commands(made)) == {"unit"}


# --- order and time ------------------------------------------------------------------------------------------------


def pytest_run(folder: Path, **env: str) -> tuple[int, list[str], dict[str, junit.Outcome]]:
    """A true run of pytest with our plugins: its exit code, the tests in their order, and what it reports."""
    options = suites._REPORT.format(results=folder / "report.xml")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider"],
        cwd=folder,
        env={"PYTHONPATH": f"{suites.INSIDE}", "PYTEST_ADDOPTS": options, "PATH": "/usr/bin:/bin", **env},
        capture_output=True,
        text=True,
        check=False,
    )
    ran = [line.split()[0] for line in done.stdout.splitlines() if line.endswith("%]")]
    return done.returncode, ran, junit.read((folder / "report.xml").read_bytes())


FOUR = {f"test_{name}.py": "import time\ndef test_1(): time.sleep(0.3)\ndef test_2(): pass\n" for name in "abcd"}


def test_direct_users_come_first(tmp_path: Path) -> None:
    """Whole files change their place; all tests run."""
    code, ran, found = pytest_run(tree(tmp_path, FOUR), SUREFOOT_FIRST=json.dumps(["test_c.py", "test_b.py"]))
    assert code == 0 and len(found) == 8
    files = [name.partition("::")[0] for name in ran]
    assert files == [f"test_{name}.py" for name in "bbccaadd"]


def test_what_ran_in_time_is_reported(tmp_path: Path) -> None:
    """No further test is begun when the time is over; the report is there."""
    code, _, found = pytest_run(tree(tmp_path, FOUR), SUREFOOT_UNTIL=str(time.monotonic() - 1))
    assert code == 2 and [outcome.came for outcome in found.values()] == [Came.PASSED]
    code, _, found = pytest_run(tmp_path, SUREFOOT_UNTIL=str(time.monotonic() + 600))
    assert code == 0 and len(found) == 8


async def test_the_users_of_a_component_are_found_by_what_it_installs(wheels: Path, tmp_path: Path) -> None:
    """By the names of its modules, which need not be its own; none where all or nobody import it."""
    world.wheel(wheels, "odd_name", "1.0", {"modular/__init__.py": "", "single.py": ""})
    uv = resolver.find_uv(world.index(wheels))
    files = {
        "requirements.txt": "odd-name==1.0\n",
        "test_a.py": "import os\n",
        "test_b.py": "def test():\n    from modular.x import y\n",
        "test_c.py": "import modularity, single_one\n",
        "tests/d_test.py": "import single as s\n",
        "helper.py": "import single\n",
    }
    made = tree(tmp_path / "tree", files)
    (made / "test_link.py").symlink_to("/etc/passwd")
    async with environments.prepared(made, uv=uv, cache=Cache(folder=tmp_path / "cache")) as ready:
        assert users.direct(made, ready, ["Odd.Name"]) == ("test_b.py", "tests/d_test.py")
        assert users.direct(made, ready, ["pluggy"]) == users.direct(made, ready, ["no-such"]) == ()
        assert users.direct(made, replace(ready, ecosystem=NPM), ["odd-name"]) == ()
        every = tree(tmp_path / "every", {"test_a.py": "import single\n"})
        assert users.direct(every, ready, ["odd-name"]) == ()


SLOW = """\
import greeter, os, time
def test_1(): assert greeter.hail("")[1] == "e"
def test_2():
    while greeter.hail("")[1] == "a" and time.monotonic() < float(os.environ["SUREFOOT_UNTIL"]): time.sleep(0.1)
def test_3(): pass
"""


async def test_when_time_runs_out_what_is_known_is_told(
    lab: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What uses the component ran first, and fails; what the candidate did not come to is not called missing."""
    monkeypatch.setattr(suites, "_margin", lambda limits: limits.seconds - 3.0)
    before, after = (
        tree(
            tmp_path / version,
            {"requirements.txt": f"greeter=={version}\n", "test_z.py": SLOW, "test_a.py": "def test(): pass\n"},
        )
        for version in ("1.0", "2.0")
    )
    simulation = await lab.simulate(replace(a_trial(before, after), component=Component(name="greeter")))
    (suite,) = simulation.suites
    assert suite.missing == () and [change.test for change in suite.newly_failing] == ["test_z::test_1"], suite
    assert "the candidate did not finish" in suite.why and simulation.grade is Grade.FAILED
    assert "2 of 4 tests had run when it was ended" in suite.notes
