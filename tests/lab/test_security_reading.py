"""Reads packages as hostile: what a text does is found however it is spelt; nothing is followed out of its folder."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.lab import security_lock
from bot.lab.inside import surefoot_watch, surefoot_watch_files, surefoot_watch_packages, surefoot_watch_source
from bot.lab.inside.surefoot_watch_source import Mark, marks, of_pth, of_script
from bot.lab.ready import Environment, Interpreter


def kinds(text: str) -> dict[str, str]:
    """Kind -> what, of a Python text."""
    return {mark.kind: mark.what for mark in marks(text.encode())}


SITE = Path(f"lib/python3.{sys.version_info.minor}/site-packages")
AT_IMPORT = {
    "plain": "import subprocess\nsubprocess.run(['x'])",
    "alias": "import subprocess as s\ns.run(['x'])",
    "from": "from subprocess import run as go\ngo(['x'])",
    "in a class": "import subprocess\nclass A:\n    x = subprocess.run(['x'])",
    "in an if": "import subprocess, sys\nif sys.platform:\n    subprocess.run(['x'])",
    "in a try": "import subprocess\ntry:\n    subprocess.run(['x'])\nexcept OSError:\n    pass",
    "decorator": "import subprocess\n@subprocess.run\ndef f(): pass",
    "default": "import subprocess\ndef f(x=subprocess.run(['x'])): pass",
    "own decorator": "import subprocess\ndef deco(f):\n    subprocess.run(['x'])\n@deco\nclass A: pass",
    "called": "import subprocess\ndef f():\n    g()\ndef g():\n    subprocess.run(['x'])\nf()",
    "constructed": "import subprocess\nclass A:\n    def __init__(self):\n        subprocess.run(['x'])\nA()",
    "recursive": "import subprocess\ndef f():\n    f()\n    subprocess.run(['x'])\nf()",
    "dunder import": "__import__('subprocess').run(['x'])",
    "import_module": "import importlib\nimportlib.import_module('subprocess').run(['x'])",
    "getattr": "import subprocess\ngetattr(subprocess, 'run')(['x'])",
    "both": "getattr(__import__('subprocess'), 'run')(['x'])",
}


@pytest.mark.parametrize("how", AT_IMPORT)
def test_what_runs_at_import_is_found(how: str) -> None:
    """By whatever name, and in functions that the module calls itself."""
    assert kinds(AT_IMPORT[how])["process"] == "subprocess.run"


LATER = {
    "function": "import subprocess\ndef f():\n    subprocess.run(['x'])",
    "async": "import subprocess\nasync def f():\n    subprocess.run(['x'])",
    "lambda": "import subprocess\nf = lambda: subprocess.run(['x'])",
    "main": "import subprocess\nif __name__ == '__main__':\n    subprocess.run(['x'])",
    "main and more": "import subprocess, sys\nif sys.argv and __name__ == '__main__':\n    subprocess.run(['x'])",
    "typing": "import subprocess\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    subprocess.run(['x'])",
    "another's": "from .here import run\nrun(['subprocess'])",
    "a class not made": "import subprocess\nclass A:\n    def __init__(self):\n        subprocess.run(['x'])",
    "a class without init": "import subprocess\nclass A:\n    def f(self):\n        subprocess.run(['x'])\nA()",
    "no name": "import subprocess\n[1][0]\n'subprocess'.join('')\n(lambda: 1)()",
}


@pytest.mark.parametrize("how", LATER)
def test_what_runs_later_is_left_alone(how: str) -> None:
    """Nearly every package starts a process somewhere; only what importing does is of interest."""
    assert kinds(LATER[how]) == {}


HIDDEN = {
    "inline": "import base64\nexec(base64.b64decode('eA=='))",
    "compiled": "import zlib\nexec(compile(zlib.decompress(b''), 'x', 'exec'))",
    "by a name": "import marshal\ncode = marshal.loads(b'')\nexec(code)",
    "hex": "eval(bytes.fromhex('00').decode())",
    "fetched": "import urllib.request\nexec(urllib.request.urlopen('x').read())",
    "builtins": "import builtins, base64\nbuiltins.exec(base64.b64decode('x'))",
    "__builtins__": "import base64\n__builtins__.exec(base64.b64decode('x'))",
}


@pytest.mark.parametrize("how", HIDDEN)
def test_code_that_is_unpacked_first_is_found(how: str) -> None:
    """Hardly any honest package runs what it decodes or fetches."""
    assert "hidden" in kinds(HIDDEN[how])


def test_exec_of_a_plain_text_is_only_exec() -> None:
    """As in dataclasses and named tuples; re.compile and methods of that name are nothing."""
    assert kinds("exec('x = 1')\nexec()") == {"code": "exec"}
    assert kinds("import re\nre.compile('x')\ndf.eval('x')\nloop.exec()") == {}


def test_what_is_suspicious_only_together_is_found_together() -> None:
    """All variables of the environment in a file that opens connections; a fetched program that is started."""
    takes = "import os, json, requests\ndef f():\n    requests.post('x', data=json.dumps(dict(os.environ)))\n"
    drops = (
        "import os, subprocess, urllib.request as r\ndef f():\n    r.urlretrieve('x', 'y')\n    os.chmod('y', 7)\n"
        "    subprocess.run(['y'])\n"
    )
    assert kinds(takes) == {"gathers": "dict of os.environ"}
    assert kinds("import os, httpx\ndef f():\n    httpx.get(os.environ.items())\n") == {"gathers": "os.environ.items"}
    each = "from os import environ\nimport requests\ndef f():\n    for one in environ:\n        requests.get(one)\n"
    assert kinds(each) == {"gathers": "os.environ, one by one"}
    assert kinds(drops) == {"drops": "os.chmod"}
    child = (
        "import os, httpx, subprocess\ndef f():\n    httpx.get('x')\n    subprocess.run(['x'], env=os.environ.copy())\n"
    )
    assert kinds(child) == {}


def test_shapes_are_seen_in_every_language() -> None:
    """Packed data, escaped bytes, mangled names, code out of sight, and places where secrets lie."""
    random = base64.b64encode(b"".join(hashlib.sha256(bytes([n])).digest() for n in range(99))).decode()
    assert {mark.kind for mark in of_script(f"x = '{random}'".encode())} == {"dense"}
    assert {
        mark.kind for mark in of_script(f"x = '{random.encode().hex()[:900]}{random.encode().hex()}'".encode())
    } <= {"dense"}
    assert {mark.kind for mark in of_script(b"x = '" + rb"\x41" * 400 + b"'")} == {"dense"}
    assert of_script(b"x = '" + b"a" * 5000 + b"'") == []
    assert {mark.kind for mark in of_script(b"a" * 30_000)} == {"long"}
    assert {mark.kind for mark in of_script(b"x = 1;" + b" " * 200 + b"evil()")} == {"pushed"}
    assert of_script(b"x = 1" + b" " * 200 + b"# a comment far to the right") == []
    assert {mark.kind for mark in of_script(b"_0x12ab(); " * 20)} == {"mangled"}
    unseen = "x = '" + "\ufe00\U000e0101" * 20 + "'"
    assert of_script(f"\n{unseen}".encode()) == [Mark("invisible", "40 signs", 2)]
    assert of_script("x = '❤\ufe0f \u200d'".encode()) == []
    assert [mark.kind for mark in of_script(b"curl -s https://x | bash\npowershell -enc AAAA")] == ["piped", "piped"]
    assert of_script(b"\nopen('.aws/credentials')") == [Mark("secrets", ".aws/credentials", 2)]


def test_pth_files_are_read_as_python_reads_them() -> None:
    """Only a line that begins with import runs."""
    assert of_pth(b"# x\nimport os\nimport\tsys\n import no\nlib\n\n") == [
        Mark("start", "import os", 2),
        Mark("start", "import\tsys", 3),
        Mark("path", "import no", 4),
        Mark("path", "lib", 5),
    ]


@given(st.binary(max_size=300).map(lambda data: b"exec\n" + data) | st.text(max_size=300).map(str.encode))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    """The same bytes give the same marks, in the order of their lines."""
    found = marks(data)
    assert found == marks(data)
    assert [mark.line for mark in found] == sorted(mark.line for mark in found)
    of_pth(data)


@pytest.mark.parametrize("text", ["-" * 50_000 + "1", "x" + ".a" * 50_000, "x" + "()" * 50_000, "1+" * 50_000 + "1"])
def test_nesting_is_no_way_to_break_or_to_hide(text: str) -> None:
    """It is said that the text cannot be read."""
    assert kinds(f"exec\nx = {text}")["unread"] == "is nested too deep"


def test_many_uses_of_one_great_text_cost_little() -> None:
    """Each is looked through once."""
    text = "x = [" + "f(1)," * 3_000 + "]\n" + "exec(x)\n" * 3_000
    assert kinds(text)["code"] == "exec"


# ---------------------------------------------------------------------------------------------------------- files


def test_files_are_known_by_their_first_bytes(tmp_path: Path) -> None:
    """Whatever their names say."""
    held = {
        "a.so": (b"\x7fELF...", "elf"),
        "b.png": (b"\x7fELF...", "elf"),
        "c.exe": (b"MZ", "pe"),
        "d.bin": (b"MZ" + bytes(58) + b"\x40\0\0\0" + b"PE\0\0", "pe"),
        "e.txt": (b"MZ is how this text begins", ""),
        "f.dylib": (b"\xcf\xfa\xed\xfe...", "macho"),
        "g.class": (b"\xca\xfe\xba\xbe...", ""),
        "h.pyc": (b"\xa7\r\r\n", "pyc"),
        "i.py": (b"", ""),
    }
    for name, (data, kind) in held.items():
        (tmp_path / name).write_bytes(data)
        found = surefoot_watch_files.read(str(tmp_path / name), str(tmp_path))
        assert not isinstance(found, str)
        assert (found.kind, found.size) == (kind, len(data))


def test_what_is_no_file_of_the_folder_is_not_opened(tmp_path: Path) -> None:
    """Links, pipes, folders, paths that leave, names with a zero byte."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to("/etc/passwd")
    (root / "folder").symlink_to("/etc")
    os.mkfifo(root / "pipe")
    expected = {
        "link": "link",
        "folder/passwd": "link",
        "pipe": "special",
        "gone": "absent",
        "../x": "outside",
        "/etc/passwd": "outside",
        "a\0b": "outside",
    }
    package = surefoot_watch_files.Package(str(root), str(root), dict.fromkeys(expected, ""))
    assert {name: what for what, name in package.odd} == expected
    assert package.files == {} and package.text("link") == ""


def installed(folder: Path, files: Mapping[str, str | bytes], *, name: str = "it", version: str = "1.0") -> Path:
    """An environment with one distribution, all of it recorded."""
    site = folder / SITE
    info = f"{name}-{version}.dist-info"
    for path, text in {f"{info}/METADATA": f"Name: {name}\nVersion: {version}\n", **files}.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_bytes(text if isinstance(text, bytes) else text.encode())
    rows = "".join(f"{path},,\n" for path in files)
    (site / info / "RECORD").write_text(f"{rows}{info}/RECORD,,\n")
    return folder


def looked(before: Path, after: Path, **more: object) -> dict[str, object]:
    """The facts of a plan, through JSON as they come out of the jail."""
    plan = {"before": str(before), "after": str(after), "names": ["it", "gone"], "whole": True, **more}
    told: dict[str, object] = json.loads(json.dumps(surefoot_watch_packages.look(plan)))
    return told


def test_facts_of_two_versions(tmp_path: Path) -> None:
    """Only what differs is read through; hosts come with their first place, people and entry points by their heads."""
    old = installed(tmp_path / "a", {"it/a.py": "X = 1\n", "it/same.py": "exec('1')\n"})
    text = "Name: it\nLicense: MIT\n and more\nClassifier: A\nClassifier: B\nX-Other: y\n\nLicense: of the text\n"
    new = {
        "it/a.py": "\n# https://a.example/x http://a.example\nexec('1')\n",
        "it/same.py": "exec('1')\n",
        "it-1.0.dist-info/METADATA": text,
        "it-1.0.dist-info/entry_points.txt": "# x\n[console_scripts]\ngo = it:go\n; no\n",
    }
    facts = looked(old, installed(tmp_path / "b", dict(new)))
    assert facts["packages"]["gone"] == {"before": None, "after": None}  # type: ignore[index]  # JSON
    side = facts["packages"]["it"]["after"]  # type: ignore[index]  # JSON
    assert side["meta"] == {"License": ["MIT\nand more"], "Classifier": ["A", "B"]}
    assert side["entries"] == [["console_scripts", "go", "it:go"]]
    assert side["hosts"] == {"a.example": "it/a.py:2"}
    assert side["files"]["it/a.py"]["marks"] == [["code", "exec", 3]]
    assert "it/same.py" not in side["files"] and side["odd"] == []


def test_strays_and_shared_files(tmp_path: Path) -> None:
    """What no record names, and what two name with other bytes."""
    old = installed(tmp_path / "a", {"it/a.py": "X = 1\n"})
    new = installed(tmp_path / "b", {"it/a.py": "X = 1\n"})
    site = new / SITE
    (site / "stray.pth").write_text("import os\n")
    (site / "__pycache__").mkdir()
    (site / "__pycache__/x.pyc").write_bytes(b"x")
    (site / "folder").symlink_to("/etc")
    installed(new, {"it/a.py": "X = 2\n"}, name="other")
    record = site / "other-1.0.dist-info/RECORD"
    record.write_text("it/a.py,sha256=AA,1\n")
    facts = looked(old, new)
    assert facts["whole"]["shared"] == [{"path": "it/a.py", "owners": ["it", "other"]}]  # type: ignore[index]  # JSON
    strays = facts["whole"]["strays"]["after"]  # type: ignore[index]  # JSON
    assert strays["files"]["stray.pth"]["marks"] == [["start", "import os", 1]]
    assert ["link", "folder"] in strays["odd"]


def test_records_that_are_no_records(tmp_path: Path) -> None:
    """A link, too great a field, a zero byte: what can be read is read."""
    old, new = (installed(tmp_path / side, {"it/a.py": "X = 1\n"}) for side in "ab")
    record = new / SITE / "it-1.0.dist-info/RECORD"
    record.write_bytes(b"it/a.py,,\n\0,\n" + b'"' + b"x" * 200_000 + b'",,\n')
    assert looked(old, new)["packages"]["it"]["after"]["count"] == 1  # type: ignore[index]  # JSON
    record.unlink()
    record.symlink_to("/etc/passwd")
    assert looked(old, new)["packages"]["it"]["after"]["count"] == 0  # type: ignore[index]  # JSON


def test_too_many_files_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is not read, and that is no secret."""
    monkeypatch.setattr(surefoot_watch_files, "MOST_FILES", 3)
    package = surefoot_watch_files.Package(str(tmp_path), str(tmp_path), {f"{n}.py": "" for n in range(5)})
    assert ("many", "5 files") in package.odd and len(package.odd) == 4


def test_nothing_hides_behind_a_crowd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text, a package or an import that does too much to be told is said to do so."""
    crowd = "".join(f"folder{n}\n" for n in range(300)) + "import os\n"
    assert of_pth(crowd.encode())[-1] == Mark("unread", "more than can be told", 201)
    assert [mark.kind for mark in marks(b"exec('1')\n" * 500 + b"import zlib\nexec(zlib.decompress(b''))\n")] == [
        "code",
        "hidden",
    ]
    monkeypatch.setattr(surefoot_watch_files, "MOST_HELD", 2)
    monkeypatch.setattr(surefoot_watch_files, "MOST_HOSTS", 2)
    text = "".join(f"u = 'https://h{n}.example'\n" for n in range(9))
    files = {"plain/a.py": "1", "plain/b.py": "1", "plain/c.py": "1", "it.pth": "import os\n", "it/a.py": text}
    site = installed(tmp_path, files) / SITE
    package = surefoot_watch_files.Package(str(tmp_path), str(site), dict.fromkeys(files, ""))
    told = package.told(None)
    assert next(iter(told["files"])) == "it.pth" and len(told["files"]) == 2
    assert list(told["hosts"]) == ["h0.example", "h1.example"] and told["odd"] == [("many", "hosts")]
    monkeypatch.setattr(surefoot_watch_files, "MOST_HELD", 0)
    assert ("many", "more than 0 files that do something") in package.told(None)["odd"]
    hears, tells = os.pipe()
    monkeypatch.setattr(surefoot_watch, "MOST_DEEDS", 2)
    ear = surefoot_watch.Ear(tells, ())
    for name in ("a", "b", "c", "d"):
        ear("os.system", (name,))
    os.close(tells)
    with os.fdopen(hears, "rb") as file:
        assert [kind for kind, _ in surefoot_watch._lines(file.read())] == ["process", "process", "many"]


def test_npm_in_the_words_of_metadata(tmp_path: Path) -> None:
    """Hooks, programs, people, licence; nonsense is nothing."""
    document = {
        "name": "@a/left", "version": "1", "license": {"type": "MIT"}, "bin": {"go": "x.js"}, "author": "Ada <a@b.c>",
        "maintainers": [{"name": "Eve"}], "scripts": {"install": "x", "test": "y"}, "engines": {"node": ">=18"},
        "dependencies": {"@b/c": "1"},
    }  # fmt: skip
    (tmp_path / "node_modules/deep").mkdir(parents=True)
    (tmp_path / "node_modules/deep/x.js").write_text("1")
    (tmp_path / "package.json").write_text(json.dumps(document))
    found = surefoot_watch_packages.npm(str(tmp_path), "", "node_modules/deep")
    assert found is not None
    assert list(found[0].files) == ["package.json"]
    assert found[1]["entries"] == [("npm", "install", "x"), ("console_scripts", "go", "x.js")]
    assert found[1]["meta"]["Requires-Dist"] == ["@b/c 1"] and found[1]["meta"]["License"] == ["MIT"]
    (tmp_path / "package.json").write_text("[" * 100_000)
    assert surefoot_watch_packages.npm(str(tmp_path))[1]["entries"] == []  # type: ignore[index]  # JSON
    assert surefoot_watch_packages.npm("") is None


# ------------------------------------------------------------------------------------------------------- watching


def heard(event: str, *given: object) -> list[tuple[str, str]]:
    """What an audit event means to the ear."""
    ear = surefoot_watch.Ear(os.open(os.devnull, os.O_WRONLY), ("/free/",))
    return list(ear.deeds(event, given))


def test_what_audit_events_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads, writes, the net and processes; what every import does is nothing."""
    monkeypatch.setenv("HOME", "/home/me")
    assert heard("open", "/home/me/.ssh/id_rsa", "r", os.O_RDONLY) == [("read", "~/.ssh/id_rsa")]
    assert heard("open", b"/etc/shadow", "r", 0) == [("read", "/etc/shadow")]
    assert heard("open", f"/proc/{os.getpid()}/maps", "r", 0) == []
    assert heard("open", "/proc/1/environ", "r", 0) == [("read", "/proc/1/environ")]
    assert heard("open", "/free/x.py", "r", 0) == heard("open", 3, "r", 0) == heard("open", "/usr/x", "r", 0) == []
    assert heard("open", "/free/x.pth", "w", os.O_WRONLY) == [("write", "/free/x.pth")]
    assert heard("open", "/tmp/x", "w", os.O_RDWR) == []
    assert heard("os.listdir", "/opt") == heard("os.scandir", "/opt") == [("list", "/opt")]
    assert heard("os.listdir", 3) == []
    assert heard("os.rename", "/opt/a", "/opt/b") == [("write", "/opt/a")]
    assert heard("socket.connect", None, ("192.0.2.1", 80)) == [("connect", "192.0.2.1:80")]
    assert heard("socket.connect", None, "/run/x.sock") == [("connect", "/run/x.sock")]
    assert heard("socket.getaddrinfo", "evil.example", 80) == [("lookup", "evil.example")]
    assert heard("subprocess.Popen", "/bin/ls", ["/bin/ls", "-l"], None, None) == [("process", "ls -l")]
    assert heard("subprocess.Popen", "x", "one line", None, None) == [("process", "one line")]
    assert heard("os.system", b"id") == [("process", "id")]
    assert heard("os.exec", "/bin/sh", ["sh", "-c", "id"], None) == [("process", "sh -c id")]
    assert heard("os.fork") == [("process", "os.fork")]
    assert heard("ctypes.dlopen", "/usr/lib/libc.so.6") == [("native", "libc.so.6")]
    assert heard("ctypes.dlopen", None) == heard("import", "x") == []


def test_the_ear_tells_each_deed_once_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it cannot read it says as well; it never breaks what it listens to."""
    hears, tells = os.pipe()
    ear = surefoot_watch.Ear(tells, ())
    for _ in range(3):
        ear("os.system", ("id",))
    ear("open", (object(), "r", 0))
    ear("os.rename", (object(),))
    ear("socket.connect", (None,))
    monkeypatch.setattr(surefoot_watch, "MOST_DEEDS", 0)
    with pytest.raises(IndexError):
        list(ear.deeds("socket.connect", (None,)))
    ear("os.system", ("another",))
    ear.tell("done", "")
    os.close(tells)
    with os.fdopen(hears, "rb") as file:
        told = list(surefoot_watch._lines(file.read() + b"[1]\nno\n" + b"[" * 100_000))
    assert told[0] == ["process", "id"]
    assert ["odd", "socket.connect"] in told and ["process", "another"] not in told


def test_a_watched_run_hands_over_what_it_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the start of Python and of each name; decoys lie where thieves look; what hangs is ended."""
    site = installed(tmp_path / "env", {"it.py": "print('loud')\n"}) / SITE
    results = tmp_path / "results"
    for name, value in {
        "HOME": str(tmp_path),
        "SUREFOOT_RESULTS": str(results),
        "SUREFOOT_WORK": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["x", json.dumps({"names": ["it"]})])
    monkeypatch.setattr("sys.executable", str(tmp_path / "env/bin/python"))
    monkeypatch.setattr(surefoot_watch, "SECONDS", 60.0)
    monkeypatch.syspath_prepend(str(site))
    surefoot_watch.main()
    told = json.loads(results.read_text())
    assert told.keys() == {"", "it"} and told["it"][-1] == ["done", ""]
    assert (tmp_path / ".aws/credentials").read_text() == "[default]\n"
    (site / "hangs_for_ever.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(surefoot_watch, "SECONDS", 0.3)
    assert ["done", ""] not in surefoot_watch.listened((), ["hangs_for_ever"])


def test_modules_of_a_distribution(tmp_path: Path) -> None:
    """The top ones; of a namespace, what lies one below; nothing that is no module."""
    site = (
        installed(
            tmp_path,
            {
                "it.py": "",
                "_it.cpython-311-x.so": "",
                "b/__init__.py": "",
                "b/c.py": "",
                "tests/__init__.py": "",
                "no-name.py": "",
            },
        )
        / SITE
    )
    assert surefoot_watch.modules(str(site), "it") == ["_it", "b", "it"]
    assert surefoot_watch.modules(str(site), "other") == []
    other = installed(tmp_path / "x", {"space/a/__init__.py": "", "space/b.py": "", "space/a/d.py": ""})
    assert surefoot_watch.modules(str(other / SITE), "it") == ["space.a", "space.b"]


# ---------------------------------------------------------------------------------------------------------- locks


def test_locks_are_read_by_normal_names() -> None:
    """Extras and markers are no part of a name; what does not hold here is not installed here."""
    lock = security_lock.read(
        "# made by a tool\nLeft_One[x]==1.0 --hash=sha256:aa --hash=sha256:bb\n"
        "old==1 ; python_version < '3' --hash=sha256:cc\n"
        "new===2 ; python_version >= '3' --hash=sha256:dd\n???==1\n\n"
    )
    assert [(one.name, one.version) for one in lock] == [("left-one", "1.0"), ("new", "2"), ("???", "1")]
    assert lock[0].hashes == {"sha256:aa", "sha256:bb"}


def test_what_differs_between_locks() -> None:
    """Versions, what came and what went, and other files of one version; the order of hashes is nothing."""
    before = security_lock.read("a==1 --hash=x --hash=y\nb==1 --hash=x\nc==1 --hash=x\nd==1 --hash=x\n")
    after = security_lock.read("a==1 --hash=y --hash=x\nb==2 --hash=x\nd==1 --hash=z\ne==1 --hash=x\n")
    assert [(one.name, one.same) for one in security_lock.changes(before, after)] == [
        ("b", False), ("c", False), ("d", True), ("e", False)
    ]  # fmt: skip
    assert security_lock.swapped(before, after) == ("d 1",)


def test_packages_of_npm_are_told_apart_by_content_and_not_by_place() -> None:
    """What only moved did not change; several versions of a name are several packages; nonsense is no lock."""
    entries = {
        "": {"version": "9"}, "node_modules/a": {"version": "1", "integrity": "x"}, "packages/b": {"version": "1"},
        "node_modules/b": {"link": True}, "node_modules/../../c": {"version": "1", "integrity": "x"},
    }  # fmt: skip
    old = security_lock.read_npm(json.dumps({"packages": entries}))
    assert [(one.name, one.version, one.place) for one in old] == [("a", "1", "node_modules/a")]
    below, top = "node_modules/z/node_modules/a", "node_modules/a"
    moved = {below: entries[top], top: {"version": "2", "integrity": "y"}}
    new = security_lock.read_npm(json.dumps({"packages": moved}))
    assert [(one.label, one.was, one.now) for one in security_lock.changes(old, new)] == [("a@2", top, top)]
    two = {top: {"version": "3", "integrity": "y"}, below: {"version": "3", "integrity": "z"}}
    twice = security_lock.read_npm(json.dumps({"packages": two}))
    assert [one.label for one in security_lock.changes((), twice)] == [f"a@3 in {top}", f"a@3 in {below}"]
    for nonsense in ("[", "{}", '{"packages": 1}', '{"packages": {"node_modules/a": 1}}'):
        assert security_lock.read_npm(nonsense) == ()


def test_places_are_those_that_a_person_wrote(tmp_path: Path) -> None:
    """File and line where there is one; a tree that cannot be read has none."""
    (tmp_path / "requirements.txt").write_text("# x\nGreeter==1\n")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'a'\ndependencies = ['other']\n")
    python = Interpreter(path=tmp_path, version="3", prefix=tmp_path)
    one = Environment(key="", folder=tmp_path, interpreter=python, lock="")
    sides = security_lock.Sides(before=one, after=one, old=(), new=())
    assert security_lock.places(tmp_path, sides) == {
        "greeter": ("requirements.txt", 2),
        "other": ("pyproject.toml", None),
    }
    (tmp_path / "pyproject.toml").write_text("[[[")
    assert security_lock.places(tmp_path, sides) == {}
    node = replace(one, ecosystem="npm")
    assert security_lock.places(tmp_path, replace(sides, after=node)) == {}


def test_the_source_reader_is_alone() -> None:
    """What runs in the jail imports nothing of ours but itself."""
    for module in (surefoot_watch, surefoot_watch_files, surefoot_watch_packages, surefoot_watch_source):
        lines = Path(str(module.__file__)).read_text().splitlines()
        ours = [line for line in lines if line.startswith(("from bot", "import bot"))]
        assert all(line.startswith("from bot.lab.inside") for line in ours)
