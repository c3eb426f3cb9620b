"""The command line as a person types it: exit codes, words, and what is left running: nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import cli
from bot.core.model import Isolation
from bot.lab.host import Host

ROOT = Path(__file__).parent.parent


def run(*words: str, env: dict[str, str] | None = None):
    """One command in this process."""
    return CliRunner().invoke(cli, list(words), env=env)


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def serving(folder: Path, port: int, **env: str) -> Iterator[subprocess.Popen[str]]:
    """The bot as an operator starts it."""
    told = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "SUREFOOT_DATA_DIR": str(folder / "data"),
        "PORT": str(port),
    }
    words = [sys.executable, "-m", "bot", "serve"]
    with ended(
        subprocess.Popen(
            words, cwd=ROOT, env={**told, **env}, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    ) as process:
        yield process


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that does not outlive its test."""
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def purelib() -> str:
    """Where the packages are that this process uses."""
    return sysconfig.get_path("purelib")


def answer(port: int, path: str, *, data: bytes | None = None) -> tuple[int, str]:
    """What it says, once it listens."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data=data) as told:
                return told.status, told.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            time.sleep(0.1)
    raise AssertionError("it never listened")


def test_help_names_every_command() -> None:
    """Who asks for help sees what there is."""
    told = run("--help")

    assert 0 == told.exit_code
    for command in ("serve", "check", "demo", "box", "runner", "lab", "doctor"):
        assert command in told.output


def test_the_version_is_said() -> None:
    """`--version` says the version of the package."""
    from bot import __version__

    assert __version__ in run("--version").output


def test_the_bot_serves_without_github_and_says_what_is_missing(tmp_path: Path) -> None:
    """Nothing is set and GitHub is away: it listens, says so, ends at once when told, and leaves nothing running."""
    port = free_port()
    with serving(tmp_path, port, GITHUB_API_URL="http://127.0.0.1:9") as process:
        status, health = answer(port, "/healthz")
        refused, words = answer(port, "/github", data=b"{}")
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        log, _ = process.communicate(timeout=30)

    assert (200, 503) == (status, refused)
    assert 3 == len(json.loads(health)["missing"])
    assert "WEBHOOK_SECRET" in words
    assert 0 == process.returncode, log
    for name in ("APP_ID", "PRIVATE_KEY", "WEBHOOK_SECRET"):
        assert name in log


def test_a_hoster_needs_the_requirements_and_the_clone_alone(tmp_path: Path) -> None:
    """The Procfile's line starts it where nobody installed the project itself, on every address of the machine."""
    kind, _, line = (ROOT / "Procfile").read_text().strip().partition(": ")
    clone, tools, port = tmp_path / "clone", tmp_path / "tools", free_port()
    shutil.copytree(ROOT / "bot", clone / "bot", ignore=shutil.ignore_patterns("__pycache__"))
    tools.mkdir()
    # -S: no path files, by which this very project is installed here; the packages it needs are named instead.
    (tools / "python").write_text(f'#!/bin/sh\nPYTHONPATH={purelib()} exec {sys.executable} -S "$@"\n')
    (tools / "python").chmod(0o755)
    env = {"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(tmp_path), "PORT": str(port)}
    where = subprocess.run(
        [str(tools / "python"), "-c", "import bot; print(bot.__file__)"], cwd=tmp_path, env=env, capture_output=True
    )

    assert b"No module named 'bot'" in where.stderr
    assert ("web", True) == (kind, line.startswith("HOST=0.0.0.0 "))
    # A test listens on the loopback alone.
    words = ["sh", "-c", "exec env " + line.replace("0.0.0.0", "127.0.0.1")]
    with ended(subprocess.Popen(words, cwd=clone, env=env, stdout=subprocess.DEVNULL)):
        assert 200 == answer(port, "/healthz")[0]


def test_a_second_bot_on_the_same_data_is_refused(tmp_path: Path) -> None:
    """One process per SQLite file: the second one names the folder and ends with 2."""
    first, second = free_port(), free_port()
    with serving(tmp_path, first) as running:
        answer(first, "/healthz")
        with serving(tmp_path, second) as other:
            log, _ = other.communicate(timeout=60)

        assert running.poll() is None
    assert 2 == other.returncode
    assert str(tmp_path / "data") in log


def test_a_wrong_setting_ends_with_its_name() -> None:
    """Exit code 2 and one line, no traceback."""
    told = run("serve", env={"PORT": "http"})

    assert 2 == told.exit_code
    assert "PORT: 'http' is no number" in told.output


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"PRIVATE_KEY": "no key", "APP_ID": "1"}, "surefoot: PRIVATE_KEY: this is no private key in PEM form"),
        ({"DATABASE_URL": "postgresql://me:hunter22@127.0.0.1:1/x"}, "surefoot: DATABASE_URL: the database does not"),
        ({"DATABASE_URL": "mysql://me:hunter22@127.0.0.1/x"}, "surefoot: DATABASE_URL: this is no database"),
        ({"SUREFOOT_SECRETS": "/no/where.yml"}, "surefoot: SUREFOOT_SECRETS: /no/where.yml cannot be read"),
    ],
)
def test_what_cannot_work_is_said_before_the_door_is_open(tmp_path: Path, env: dict[str, str], words: str) -> None:
    """Each by the name of its setting, with exit code 2, no traceback, and nobody who heard of it in vain."""
    with serving(tmp_path, free_port(), **env) as process:
        log, _ = process.communicate(timeout=60)

    assert 2 == process.returncode
    assert words in log
    assert not any(word in log for word in ("Traceback", "Unclosed", "serving ", "hunter22"))


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    """One line with the address, no traceback, and no code that means something else."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with serving(tmp_path, int(port)) as process:
            log, _ = process.communicate(timeout=60)

    assert 2 == process.returncode
    assert port in log.splitlines()[-1] and "Traceback" not in log


def test_a_defect_of_ours_is_no_found_update(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever reads the exit code of `check` must not take a crash for 1, which means that updates were found."""

    async def broken(*_: object, **__: object) -> int:
        raise KeyError("a mistake")

    monkeypatch.setattr("bot.check.run", broken)
    told = run("check", str(tmp_path))

    assert 2 == told.exit_code
    assert "KeyError: 'a mistake'" in told.stderr


def test_the_doctor_says_what_is_missing() -> None:
    """The jail and each missing credential are named; without credentials the code is 1."""
    told = run("doctor", env={"APP_ID": "", "PRIVATE_KEY": "", "PRIVATE_KEY_PATH": "", "WEBHOOK_SECRET": ""})

    assert 1 == told.exit_code
    assert "jail: " in told.output and "missing: APP_ID" in told.output


@pytest.mark.parametrize(
    ("variable", "value", "word"),
    [
        ("DATABASE_URL", "mysql://x/y", "DATABASE_URL: "),
        ("SUREFOOT_LOG", "loud", "SUREFOOT_LOG: "),
        ("SUREFOOT_OSV", "/nope", "SUREFOOT_OSV: "),
        ("SUREFOOT_KEV", "/nope", "SUREFOOT_KEV: "),
        ("SUREFOOT_RUNNER", "https://runner.example", "SUREFOOT_RUNNER_TOKEN: "),
    ],
)
def test_the_doctor_says_with_what_the_bot_would_not_start(variable: str, value: str, word: str) -> None:
    """Whoever asks before the start hears of each mistake that would end it, by the name of the variable."""
    told = run("doctor", env={variable: value, "SUREFOOT_RUNNER_TOKEN": ""})

    assert 2 == told.exit_code and word in told.stderr and "jail:" not in told.stdout


@pytest.mark.parametrize("words", [("serve",), ("box",)])
def test_a_port_that_is_taken_is_said_with_what_to_change(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Who starts it a second time reads which setting names the port, and no number of an error."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        env = {"PORT": port, "HOST": "127.0.0.1", "SUREFOOT_DATA_DIR": str(tmp_path)}
        told = run(*words, *(() if words == ("serve",) else ("--port", port)), env=env)

    assert 2 == told.exit_code and "Errno" not in told.stderr
    assert ("HOST, PORT: " if words == ("serve",) else "--host, --port: ") in told.stderr


def test_a_plain_jail_is_used_by_who_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a common bound of memory a bot runs nothing until its operator says that it is enough."""

    async def plain(*, gvisor: bool = False) -> Host:
        return Host(isolation=Isolation.PLAIN, reason="no cgroup here", mend="Run as root")

    monkeypatch.setattr("bot.lab.probe.probe", plain)
    refused, allowed = run("doctor"), run("doctor", env={"SUREFOOT_JAIL": "plain"})
    elsewhere = run("doctor", env={"SUREFOOT_RUNNER": "https://runner.example", "SUREFOOT_RUNNER_TOKEN": "x" * 32})

    assert "only the plain grade" in refused.output and "SUREFOOT_JAIL=plain" in refused.output
    assert "only the plain grade" not in allowed.output and "no cgroup here" in allowed.output
    assert "https://runner.example" in elsewhere.output


def test_a_runner_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    """It says how it locks code in, answers its door, and needs the token that both know."""
    port = free_port()
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SUREFOOT_RUNNER_TOKEN": "x" * 32}
    words = [sys.executable, "-m", "bot", "runner", "--port", str(port), "--dir", str(tmp_path / "kept")]
    pipe = subprocess.PIPE
    with ended(subprocess.Popen(words, env=env, cwd=ROOT, stdout=pipe, stderr=subprocess.STDOUT, text=True)) as process:
        status, health = answer(port, "/healthz")
        refused, _ = answer(port, "/simulate", data=b"x")
        process.send_signal(signal.SIGTERM)
        log, _ = process.communicate(timeout=30)

    assert (200, True, 401) == (status, json.loads(health)["ok"], refused)
    assert 0 == process.returncode and "running jails" in log, log
    mistaken = run("runner", env={"SUREFOOT_RUNNER_TOKEN": "x" * 32, "SUREFOOT_ALLOW_NETWORKS": "10"})
    assert 2 == mistaken.exit_code and "SUREFOOT_ALLOW_NETWORKS" in mistaken.stderr
    without = run("runner", "--port", "0", env={"SUREFOOT_RUNNER_TOKEN": ""})
    assert 2 == without.exit_code and "SUREFOOT_RUNNER_TOKEN" in without.output
    assert 2 == run("runner", "--cert", str(ROOT / "README.md")).exit_code


def test_a_command_runs_in_the_jail(tmp_path: Path) -> None:
    """The command sees a copy of the folder, its code is passed on, and the folder stays as it was."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "a.txt").write_text("hello")

    told = run(
        "lab", "run", "--dir", str(tmp_path / "here"), "--json", "--", "sh", "-c", "cat a.txt; echo x > a.txt; exit 3"
    )
    ran = json.loads(told.stdout)

    assert (3, 3, "finished", "hello") == (told.exit_code, ran["exit_code"], ran["reason"], ran["output"])
    assert "hello" == (tmp_path / "here" / "a.txt").read_text()


@pytest.mark.parametrize(
    "words", [("check", "/nowhere"), ("lab", "run", "--dir", "/nowhere", "x"), ("box", "--port", "x")]
)
def test_a_word_that_cannot_be_meant_is_refused(words: tuple[str, ...]) -> None:
    """click's own message and code 2."""
    assert 2 == run(*words).exit_code


def test_the_box_starts_alone(tmp_path: Path) -> None:
    """`surefoot box` listens and says where, until it is ended."""
    port = free_port()
    words = [sys.executable, "-m", "bot", "box", "--port", str(port), "--data-dir", str(tmp_path / "box")]
    process = subprocess.Popen(words, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        status, _ = answer(port, "/meta")
    finally:
        process.send_signal(signal.SIGINT)
        log, _ = process.communicate(timeout=30)

    assert 200 == status
    assert f"http://127.0.0.1:{port}" in log


def test_a_look_tells_all_before_it_ends_at_once(tmp_path: Path) -> None:
    """Its last words arrive whole also where a pipe takes them, and its exit code with them."""
    (tmp_path / "requirements.txt").write_text("".join(f"package-{at}==1\n" for at in range(300)))
    told = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "SUREFOOT_OSV": "off",
        "PIP_INDEX_URL": "http://127.0.0.1:1/",
    }
    words = [sys.executable, "-m", "bot", "check", str(tmp_path), "--no-simulate", "--json"]
    done = subprocess.run(words, cwd=ROOT, env=told, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert len(json.loads(done.stdout)["errors"]) == 300
