"""What suites need works under gVisor's kernel too: programs of every ecosystem, services, a way out, an end."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.model import Grade, Isolation
from bot.lab import jail, probe, resolver, sandbox, services, trial
from bot.lab.host import Host
from bot.lab.jobs import Job, Limits, Ran, Reason
from bot.lab.ready import INSIDE
from tests.lab import world
from tests.lab.world import a_trial, tree

PYTHON = os.path.realpath(sys.executable)
REPO = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def host() -> Host:
    """A jail with gVisor in it. A runsc that is there and does not work is a failure, not a skip."""
    if shutil.which("runsc") is None:
        pytest.skip("no runsc is installed (Debian: the package runsc)")
    found = asyncio.run(probe.probe())
    if found.isolation is not Isolation.FULL:
        pytest.skip(f"it is asked for on top of a full jail only: {found.reason}")
    found = asyncio.run(probe.probe(gvisor=True))
    if found.isolation is not Isolation.GVISOR:
        pytest.fail(f"{found.reason}. {found.mend}")
    return found


async def ran(host: Host, *command: str, seconds: float = 120, **more: object) -> Ran:
    """The command with the interpreter that runs us in sight."""
    seen = (*probe.interpreter(), *more.pop("visible", ()))  # type: ignore[misc]  # any field
    job = Job(command=command, visible=seen, limits=Limits(seconds=seconds), **more)  # type: ignore[arg-type]  # any field
    return await sandbox.run(job, host)


async def test_an_update_is_tried_in_it_and_says_so(host: Host, tmp_path: Path) -> None:
    """Both sides run, the test that breaks is named, and the grade and the platform stand in the answer."""
    wheels = world.with_pytest(tmp_path / "wheels")
    world.wheel(wheels, "greeter", "1.0", {"greeter.py": "def hail(name):\n    return 'Hello, ' + name\n"})
    world.wheel(wheels, "greeter", "2.0", {"greeter.py": "def hail(name):\n    return 'Hail, ' + name\n"})
    uv = resolver.find_uv(world.index(wheels))
    tests = "import greeter\ndef test_it(): assert greeter.hail('you') == 'Hello, you'\ndef test_other(): pass\n"
    sides = [
        tree(tmp_path / side, {"requirements.txt": f"greeter=={version}\n", "test_it.py": tests})
        for side, version in (("base", "1.0"), ("head", "2.0"))
    ]
    lab = trial.laboratory(tmp_path / "lab", host=host, uv=uv, examiners={})
    told = await lab.simulate(a_trial(*sides))
    assert (told.grade, told.isolation) == (Grade.FAILED, Isolation.GVISOR), told
    assert "test_it" in told.why and any("platform of its kernel" in note for note in told.notes)


PROGRAMS = {
    "go": ("main.go", 'package main\nimport "fmt"\nfunc main() { fmt.Println(6 * 7) }\n', "go run main.go"),
    "node": ("main.js", "setTimeout(() => console.log(6 * 7), 1)\n", "node main.js"),
    "rustc": ("main.rs", 'fn main() { println!("{}", 6 * 7) }\n', "rustc main.rs && ./main"),
    "java": ("Main.java", "", "java -version 2>&1 | grep -q -i version && echo 42"),
    "ruby": ("main.rb", "puts 6 * 7\n", "ruby main.rb"),
    "php": ("main.php", "<?php echo 6 * 7;\n", "php main.php"),
}


@pytest.mark.parametrize("name", PROGRAMS)
async def test_programs_of_every_ecosystem_run(host: Host, name: str, tmp_path: Path) -> None:
    """Compilers and runtimes with threads of their own, out of /usr, on a copy of the tree."""
    if shutil.which(name, path="/usr/bin:/bin") is None:
        pytest.skip(f"no {name} below /usr")
    file, text, command = PROGRAMS[name]
    folder = tree(tmp_path / "tree", {file: text})
    tmp_path.chmod(0o755)
    told = await ran(host, "/bin/sh", "-c", command, tree=folder, roomy=True)
    assert told.code == 0 and told.text.split()[-1] == "42", told


@pytest.mark.parametrize("name", services.KNOWN)
async def test_services_start_beside_a_suite(host: Host, name: str) -> None:
    """A database forks, shares memory and locks files; all of it is gVisor's."""
    if services.KNOWN[name]() is None:
        pytest.fail(f"{name} is not installed: {services._MENDS[name]}")
    ask = {
        "postgresql": 'psql -Atqc "create table t (x int); insert into t values (42); select x from t"',
        "redis": 'bash -c "exec 9<>/dev/tcp/127.0.0.1/6379; echo PING >&9; read -r x <&9; echo $x 42"',
        "memcached": 'bash -c "exec 9<>/dev/tcp/127.0.0.1/11211; echo version >&9; read -r x <&9; echo 42"',
    }
    words = (*services.starter([name]), "/bin/sh", "-c", ask[name])
    told = await ran(host, *words, visible=(INSIDE,))
    assert told.code == 0 and told.text.split()[-1] == "42", told


@pytest.fixture
def way_out(tmp_path: Path) -> Iterator[Path]:
    """A socket of ours in a folder that the jail sees; it says "out" to whoever comes."""
    tmp_path.chmod(0o755)
    folder = tmp_path / "gate"
    folder.mkdir(mode=0o755)
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(folder / "s"))
    (folder / "s").chmod(0o666)
    server.listen()

    def serve() -> None:
        try:
            while True:
                with server.accept()[0] as caller:
                    caller.sendall(b"out")
        except OSError:
            return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield folder / "s"
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(timeout=10)


async def test_the_way_out_is_open_to_who_was_sent_through_it(host: Host, way_out: Path) -> None:
    """A tool that makes a lock file reaches its gateway; any other command sees the socket and is refused."""
    code = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({str(way_out)!r}); print(s.recv(9).decode())"
    seen = (way_out.parent,)
    assert (await ran(host, PYTHON, "-ISc", code, visible=seen, outward=True)).text == "out\n"
    refused = await ran(host, PYTHON, "-ISc", code, visible=seen)
    assert refused.code == 1 and "Error" in refused.text, refused


async def test_folders_are_shown_where_they_are_asked_for(host: Host, tmp_path: Path) -> None:
    """Below its own home and below /tmp, over its own disks; and none of them can be written."""
    tmp_path.chmod(0o755)
    for name in ("packages", "venv"):
        (tmp_path / name).mkdir(mode=0o755)
        (tmp_path / name / "one").write_text(name)
    places = [f"{jail.HOME}/deep/modules", str(tmp_path / "venv")]
    code = f"""
for place in {places!r}:
    print(open(place + "/one").read())
    try: open(place + "/two", "w")
    except OSError as problem: print("refused")
open("{jail.HOME}/x", "w"); open("/tmp/x", "w"); open("x", "w")
"""
    placed = {places[0]: tmp_path / "packages"}
    told = await ran(host, PYTHON, "-ISc", code, visible=(tmp_path / "venv",), placed=placed)
    assert (told.code, told.text.split()) == (0, ["packages", "refused", "venv", "refused"]), told
    assert sorted(path.name for path in (tmp_path / "venv").iterdir()) == ["one"]


async def test_a_tree_is_copied_around_what_is_laid_in_it(host: Host, tmp_path: Path) -> None:
    """A folder of what was prepared stands in the tree, and the rest of the tree beside it can be written."""
    tmp_path.chmod(0o755)
    folder = tree(tmp_path / "tree", {"a/own": "own", "top": "top"})
    (tmp_path / "kept").mkdir(mode=0o755)
    (tmp_path / "kept" / "one").write_text("kept")
    code = "print(open('a/b/kept/one').read(), open('a/own').read()); open('a/x', 'w'); open('a/b/x', 'w')"
    placed = {f"{jail.WORK}/a/b/kept": tmp_path / "kept"}
    told = await ran(host, PYTHON, "-ISc", code, tree=folder, placed=placed)
    assert (told.code, told.text.split()) == (0, ["kept", "own"]), told


async def test_a_full_output_waits_for_its_reader(host: Host) -> None:
    """Both streams, faster than they are read: nothing is lost and nobody is told to try again."""
    # One write may take a part only, which gVisor does and Linux does not: libraries go on with the rest.
    code = """
import os
for fd in (1, 2) * 200:
    left = 65536
    while left: left -= os.write(fd, b"y" * left)
"""
    told = await ran(host, PYTHON, "-ISc", code)
    assert (told.code, told.reason) == (0, Reason.FINISHED), told
    kept, lost = told.output.count(b"y" * 64) * 64, int(told.text.partition("[... ")[2].split()[0])
    assert abs(kept + lost - 400 * 65536) <= 128


def test_the_operator_asks_for_it_by_a_setting(host: Host, tmp_path: Path) -> None:
    """`surefoot lab run` and `surefoot doctor` honour it and name it; without runsc they run nothing and say why."""
    words = [sys.executable, "-m", "bot", "lab", "run", "--json", "--dir", str(tmp_path), "--", "echo", "hello"]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SUREFOOT_JAIL": "gvisor"}
    told = subprocess.run(words, env=env, cwd=REPO, capture_output=True, text=True, check=True)
    assert (json.loads(told.stdout)["isolation"], json.loads(told.stdout)["output"]) == ("gvisor", "hello\n")
    doctor = [*words[:3], "doctor"]
    said = subprocess.run(doctor, env=env, cwd=REPO, capture_output=True, text=True, check=False).stdout
    assert "jail: gvisor. the platform of its kernel is " in said
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bwrap").symlink_to(shutil.which("bwrap") or "")
    bare = {**env, "PATH": str(tmp_path / "bin")}
    refused = subprocess.run(words, env=bare, cwd=REPO, capture_output=True, text=True, check=False)
    assert refused.returncode != 0 and "runsc is not installed" in refused.stderr, refused
    assert "hello" not in refused.stdout
