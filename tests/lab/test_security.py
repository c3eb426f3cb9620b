"""An update is examined for what attacks do: each is found and named by its file; ordinary releases are left alone."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bot.core.advisories import Advisory
from bot.core.errors import SurefootError, Transient
from bot.core.model import Component, Grade, Level, SuiteResult
from bot.core.ports import Advisories
from bot.lab import artifact_diff, security, security_lock, security_watch
from bot.lab.environments import Environment, Interpreter
from bot.lab.host import Host
from bot.lab.learnt import Learnt
from bot.lab.resolver import Uv
from bot.lab.trial import Laboratory
from bot.lab.workbench import Budget, OutOfTime, Sample, Workbench
from bot.tools.pip import IndexSettings
from tests.lab.world import a_trial, tree

PLAIN = {"greeter/__init__.py": "import re\nNAME = re.compile('x')\ndef hail(name):\n    return 'Hello, ' + name\n"}


def wheel(
    folder: Path,
    version: str,
    files: Mapping[str, str | bytes],
    *,
    name: str = "greeter",
    heads: Sequence[str] = (),
    lies: Mapping[str, str | None] | None = None,
) -> None:
    """A wheel as somebody could publish it. heads: of METADATA. lies: path -> what RECORD says of it, None: nothing."""
    info = f"{name}-{version}.dist-info"
    head = "".join(f"{line}\n" for line in (f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *heads))
    held = {
        **{path: text if isinstance(text, bytes) else text.encode() for path, text in files.items()},
        f"{info}/METADATA": head.encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = {path: f"{path},sha256={_digest(data)},{len(data)}" for path, data in held.items()} | dict(lies or {})
    record = "".join(f"{row}\n" for row in rows.values() if row is not None) + f"{info}/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, data in {**held, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), data)


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


@dataclass
class World:
    """Published wheels, and two environments made of them, as they are after installing."""

    folder: Path
    host: Host
    advisories: Advisories | None = None
    said: list[str] = field(default_factory=list)

    def release(self, version: str, files: Mapping[str, str | bytes] | None = None, **more: Any) -> None:
        """What is published of greeter, or of another name."""
        wheel(self.folder / "index", version, {**PLAIN, **(files or {})} if "name" not in more else files or {}, **more)

    def side(self, *pins: str) -> Sample:
        """A tree that pins these (name==version), and its environment."""
        key = hashlib.sha256("\0".join(pins).encode()).hexdigest()
        place, lock = self.folder / key[:8], ""
        site = place / "venv" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
        site.mkdir(parents=True, exist_ok=True)
        (place / "venv/bin").mkdir(exist_ok=True)
        (place / "venv/bin/python").unlink(missing_ok=True)
        (place / "venv/bin/python").symlink_to(os.path.realpath(sys.executable))
        (place / "venv/pyvenv.cfg").write_text(f"home = {PREFIX / 'bin'}\n")
        for pin in pins:
            name, _, version = pin.partition("==")
            path = self.folder / "index" / f"{name}-{version}-py3-none-any.whl"
            with zipfile.ZipFile(path) as archive:
                archive.extractall(site)
            lock += f"{pin} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"
        python = Interpreter(path=Path(os.path.realpath(sys.executable)), version="3", prefix=PREFIX)
        asked = tree(place / "tree", {"requirements.txt": "# pinned\n" + "".join(f"{pin}\n" for pin in pins)})
        return Sample(
            tree=asked, environment=Environment(key=key, folder=place / "venv", interpreter=python, lock=lock)
        )

    def bench(self, before: Sequence[str], after: Sequence[str], *, seconds: float = 60.0) -> Workbench:
        """Both sides, ready to be examined."""
        old, new = self.side(*before), self.side(*after)
        return Workbench(
            trial=a_trial(old.tree, new.tree, seconds=seconds), before=old, after=new, host=self.host,
            uv=Uv(path="uv", index=IndexSettings(no_index=True)), budget=Budget(seconds),
            folder=self.folder / "learnt", say=self.said.append, advisories=self.advisories,
        )  # fmt: skip

    async def examined(
        self, before: Sequence[str] = ("greeter==1.0",), after: Sequence[str] = ("greeter==1.1",)
    ) -> SuiteResult:
        """What the suite says."""
        result = await security.examine(self.bench(before, after))
        assert result is not None
        return result


PREFIX = Path(os.path.realpath(sys.base_prefix))


@pytest.fixture
def place(tmp_path: Path, host: Host) -> World:
    """greeter 1.0 is published."""
    tmp_path.chmod(0o755)
    made = World(tmp_path, host)
    made.release("1.0")
    return made


def asks(result: SuiteResult) -> list[str]:
    """What a person must look at."""
    return [f"{one.title} {one.message}" for one in result.remarks if one.level is not Level.NOTICE]


async def test_an_ordinary_update_is_silent(place: World) -> None:
    """New code and a new host are told, with the line that pins the package, and ask nobody."""
    code = "URL = 'https://docs.example.org/x'\ndef f():\n    import subprocess\n    subprocess.run(['x'])\n"
    place.release("1.1", {"greeter/more.py": code})
    result = await place.examined()
    assert result.grade is Grade.PASSED, result
    assert [remark.level for remark in result.remarks] == [Level.NOTICE], result
    assert "docs.example.org" in result.remarks[0].title
    assert (result.remarks[0].path, result.remarks[0].line) == ("requirements.txt", 2)
    assert "1 package differs" in result.why


PACKED = base64.b64encode(b"print('hello')").decode()
ELF = b"\x7fELF\x02\x01\x01" + bytes(100)
RUNS = "import subprocess as s\ndef go():\n    s.run(['true'])\ngo()\n"
# what is released -> (a word of what is said, where). Nothing here does any harm.
ATTACKS: Mapping[str, tuple[Mapping[str, str | bytes], str, str]] = {
    "pth": ({"pth.pth": "import os; os.environ.get('X')\n"}, "at every start of Python", "`pth.pth:1`"),
    "sitecustomize": ({"sitecustomize.py": "X = 1\n"}, "at every start of Python", "`sitecustomize.py`"),
    "binary": ({"it/_fast.so": ELF}, "has machine code for Linux", "`it/_fast.so`"),
    "disguise": ({"it/logo.png": ELF}, "under another name", "`it/logo.png`"),
    "bytecode": ({"it/more.pyc": b"\xa7\r\r\n" + bytes(12)}, "byte code", "`it/more.pyc`"),
    "script": (
        {"script-1.1.dist-info/entry_points.txt": "[console_scripts]\nls = greeter:hail\n"},
        "installs a program called `ls`",
        "greeter:hail",
    ),
    "process": ({"it/a.py": RUNS}, "starts a process when it is imported", "`it/a.py:3`"),
    "network": (
        {"it/a.py": "from urllib import request\nx = lambda: 1\nrequest.urlopen('x') if 0 else 0\n"},
        "opens a connection when it is imported",
        "`it/a.py:3`",
    ),
    "hidden": (
        {"it/a.py": f"import base64\ndef f():\n    exec(base64.b64decode('{PACKED}'))\n"},
        "unpacks",
        ":3`",
    ),
    "hop": ({"it/a.py": "import zlib as z\nc = z.decompress(b'')\ndef f():\n    eval(c)\n"}, "unpacks", "a.py:4`"),
    "byname": ({"it/a.py": "__import__('os').system('true')\n"}, "`os.system`", "`it/a.py:1`"),
    "fetched": (
        {"it/a.py": "import requests\ndef f():\n    exec(requests.get('x').text)\n"},
        "unpacks or fetches",
        "`it/a.py:3`",
    ),
    "mangled": ({"it/a.js": "".join(f"_0x{n:04x}();" for n in range(40))}, "unreadable", "`it/a.js:1`"),
    "drop": ({"it/a.py": "U = 'https://x.webhook.site/1'\n"}, "anybody can collect", "`it/a.py:1`"),
    "address": ({"it/a.py": "\nU = 'http://45.9.148.1/x'\n"}, "bare address", "`it/a.py:2`"),
    "deep": ({"it/a.py": "x = eval\ny = " + "-" * 50_000 + "1"}, "cannot be read", "`it/a.py:1`"),
    "pushed": ({"it/a.py": "x = 1" + " " * 300 + "; y = 2\n"}, "behind so many blanks", "`it/a.py:1`"),
}


async def test_each_attack_is_found_and_named_by_its_file(place: World) -> None:
    """What attacks did is found without running anything, and a person is asked."""
    for name, (files, _, _) in ATTACKS.items():
        place.release("1.0", {f"{name}/__init__.py": "X = 1\n"}, name=name)
        moved = {path.replace("it/", f"{name}/"): text for path, text in files.items()}
        place.release("1.1", {f"{name}/__init__.py": "X = 2\n", **moved}, name=name)
    result = await place.examined([f"{name}==1.0" for name in ATTACKS], [f"{name}==1.1" for name in ATTACKS])
    said = {
        name: [
            one
            for one in asks(result)
            if one.startswith((f"`{name}`", "the ")) and word in one and where.replace("it/", f"{name}/") in one
        ]
        for name, (_, word, where) in ATTACKS.items()
    }
    assert result.grade is Grade.UNKNOWN, result
    assert [name for name, found in said.items() if not found] == [], asks(result)


# what the module does when it is imported, put together so that no reader of text finds it -> what is said
DEEDS: Mapping[str, tuple[str, str]] = {
    "process": ("getattr(__import__('o' + 's'), 'sys' + 'tem')('tr' + 'ue')", "starts a process `true`"),
    "secret": (
        "import os\np = os.path.expanduser('~/.ssh/id_' + 'rsa')\nif os.path.exists(p): open(p).read()",
        "reads `~/.ssh/id_rsa`, where secrets lie",
    ),
    "list": ("import os\nos.listdir(os.path.expanduser('~/.aws'))", "lists `~/.aws`, where secrets lie"),
    "other": ("open('/etc/shadow')", "reads `/etc/shadow`"),
    "lookup": (
        "m = __import__('sock' + 'et')\ntry: getattr(m, 'getaddr' + 'info')('evil.example', 80)\nexcept OSError: pass",
        "looks up the host `evil.example`",
    ),
    "connect": (
        "m = __import__('sock' + 'et')\ns = getattr(m, 'sock' + 'et')()\ns.connect(('192.0.2.1', 80))",
        "opens a connection to `192.0.2.1:80`",
    ),
    "bashrc": ("import os\nopen(os.path.expanduser('~/.bash' + 'rc'), 'a').write('x')", "writes to `~/.bashrc`"),
    "exit": ("import os\ngetattr(os, '_ex' + 'it')(0)", "ends the interpreter"),
    "fork": ("import os\nif not getattr(os, 'fo' + 'rk')(): os._exit(0)", "starts a process `os.fork`"),
}


async def test_what_importing_newly_tries_is_seen_in_the_jail(place: World) -> None:
    """However the text hides it, what is tried when a module is imported comes to light."""
    for name, (text, _) in DEEDS.items():
        place.release("1.0", {f"{name}.py": "X = 1\n"}, name=name)
        place.release("1.1", {f"{name}.py": f"{text}\n"}, name=name)
    result = await place.examined([f"{name}==1.0" for name in DEEDS], [f"{name}==1.1" for name in DEEDS])
    said = {
        name: [one for one in asks(result) if f"`{name}`" in one and word in one] for name, (_, word) in DEEDS.items()
    }
    assert [name for name, found in said.items() if not found] == [], asks(result)


NEST = "[" * 150 + "]" * 150
HOSTILE: Mapping[str, str | bytes] = {
    "greeter/wide.py": "X = '" + "a" * (10 << 20) + "'\n",
    "greeter/packed.py": "import re\nX = eval('1')\ny = '"
    + base64.b64encode(hashlib.sha512(b"x").digest() * 99).decode()
    + "'\n",
    "greeter/nest.json": '{"a":' * 50_000,
    "greeter/deep.py": f"exec\nx = {NEST}\n" + "".join(" " * n + "if 1:\n" for n in range(90)) + " " * 99 + "pass\n",
    "greeter/nul.py": "exec\0('x')\n",
    "greeter/latin.py": b"# -*- coding: latin-1 -*-\nexec\nx = '\xe9'\n",
    "greeter/`@acme` <b>.py": "import subprocess\nsubprocess.run(['x'])\n",
    "greeter-1.1.dist-info/entry_points.txt": "[" * 100_000 + "\n=\n[a]\n=b\n\0\n",
}


async def test_hostile_files_are_survived(place: World) -> None:
    """A line of 10 MB, deep nesting, bytes that are no text, names that would be markup: each is read or said."""
    place.release("1.1", HOSTILE, heads=("Author: " + "x" * 100_000, "Requires-Dist: ((((", "License: " + "(" * 9999))
    result = await place.examined()
    assert result.grade is Grade.UNKNOWN, result
    assert any("cannot be read as a program" in one and "wide.py" in one for one in asks(result)), asks(result)
    assert any("packed or made unreadable" in one and "packed.py:3" in one for one in asks(result)), asks(result)
    assert any("`greeter/@acme <b>.py:2`" in one for one in asks(result)), asks(result)


async def test_a_record_that_lies_is_said(place: World) -> None:
    """Another file than it describes, a path outside, a name that leads nowhere, a file that it keeps quiet about."""
    slip = "../../../../../../../../etc/passwd,,"
    lies = {"greeter/a.py": "greeter/a.py,sha256=AAAA,1", "slip": slip, "gone": "greeter/gone.py,,", "quiet.pth": None}
    place.release("1.1", {"greeter/a.py": "X = 1\n", "quiet.pth": "import os\n"}, lies=lies)
    result = await place.examined()
    told = "\n".join(asks(result))
    assert "not the one that its record describes `greeter/a.py`" in told
    assert "a path outside of the environment `../../../../../../../../etc/passwd`" in told
    assert "a file that is not there `greeter/gone.py`" in told
    assert "a file that is in no record runs code at every start of Python: `import os` `quiet.pth:1`" in told


async def test_a_link_is_not_followed(place: World) -> None:
    """Neither a file nor a folder that leads elsewhere is opened; it is said."""
    place.release("1.1", {"greeter/a.py": "X = 1\n", "greeter/sub/b.py": "X = 1\n"})
    bench = place.bench(["greeter==1.0"], ["greeter==1.1"])
    site = next((bench.after.environment.folder / "lib").glob("*/site-packages"))
    (site / "greeter/a.py").unlink()
    (site / "greeter/a.py").symlink_to("/etc/passwd")
    (site / "greeter/sub").rename(site / "moved")
    (site / "greeter/sub").symlink_to(site / "moved")
    result = await security.examine(bench)
    assert result is not None and result.grade is Grade.UNKNOWN
    assert [one for one in asks(result) if "a link where a file should be `greeter/a.py`" in one], asks(result)
    assert [one for one in asks(result) if "a link where a file should be `greeter/sub/b.py`" in one], asks(result)


async def test_one_package_that_writes_over_another_is_said(place: World) -> None:
    """The file of a package that is not updated would be another's from now on."""
    place.release("1.0", {"other.py": "X = 1\n"}, name="other")
    place.release("1.1", {"other.py": "X = 2\n"})
    result = await place.examined(["greeter==1.0", "other==1.0"], ["greeter==1.1", "other==1.0"])
    assert any("`greeter` and `other` write the same file `other.py`" in one for one in asks(result)), asks(result)


async def test_other_bytes_under_one_version_are_said(place: World) -> None:
    """The lock names the same version with no file in common."""
    bench = place.bench(["greeter==1.0"], ["greeter==1.0"])
    environment = replace(bench.after.environment, key="other", lock="greeter==1.0 --hash=sha256:" + "0" * 64 + "\n")
    result = await security.examine(replace(bench, after=replace(bench.after, environment=environment)))
    assert result is not None and result.grade is Grade.UNKNOWN
    assert "`greeter 1.0` has other bytes under the same version" in result.why


async def test_a_file_that_is_added_to_an_old_release_is_looked_into(place: World) -> None:
    """The lock names one more file; where that is what is installed, it is said, and else nothing is."""
    bench = place.bench(["greeter==1.0"], ["greeter==1.0"])
    lock = bench.after.environment.lock.rstrip() + " --hash=sha256:" + "0" * 64 + "\n"
    after = replace(bench.after, environment=replace(bench.after.environment, key="other", lock=lock))
    result = await security.examine(replace(bench, after=after))
    assert result is not None and (result.grade, result.remarks) == (Grade.PASSED, ()), result
    (place.folder / "learnt").rename(place.folder / "forgotten")
    place.release("1.1", {"greeter/a.py": "X = 1\n"})
    other = place.side("greeter==1.1").environment
    site = next((other.folder / "lib").glob("*/site-packages"))
    (site / "greeter-1.1.dist-info").rename(site / "greeter-1.0.dist-info")
    record = (site / "greeter-1.0.dist-info/RECORD").read_text().replace("greeter-1.1", "greeter-1.0")
    (site / "greeter-1.0.dist-info/RECORD").write_text(record)
    after = replace(bench.after, environment=replace(other, key="third", lock=lock))
    result = await security.examine(replace(bench, after=after))
    assert result is not None and result.grade is Grade.UNKNOWN
    assert result.why.startswith("`greeter`: has other files under the same version"), result


async def test_a_package_that_comes_in_is_held_to_less(place: World) -> None:
    """A new dependency may have machine code and start processes; what only attacks do still asks."""
    files: dict[str, str | bytes] = {"new.py": RUNS, "new.so": ELF, "new.pth": "import os\n"}
    place.release("1.0", files, name="new")
    result = await place.examined(["greeter==1.0"], ["greeter==1.0", "new==1.0"])
    assert [one for one in asks(result) if "at every start" not in one] == [], result
    assert len(asks(result)) == 1 and "`new.pth:1`" in asks(result)[0]
    assert any("machine code" in one.title for one in result.remarks)


async def test_a_package_that_goes_says_nothing(place: World) -> None:
    """There is nothing left to look into."""
    place.release("1.0", {"other.py": "X = 1\n"}, name="other")
    result = await place.examined(["greeter==1.0", "other==1.0"], ["greeter==1.0"])
    assert (result.grade, result.remarks) == (Grade.PASSED, ())


async def test_the_same_packages_are_no_matter_for_this_suite(place: World) -> None:
    """It says nothing, instead of passing what it did not look at."""
    assert await security.examine(place.bench(["greeter==1.0"], ["greeter==1.0"])) is None


async def test_what_was_learnt_serves_the_next_repository(place: World) -> None:
    """The same change in another environment is known already; in the same one nothing is run at all."""
    place.release("1.1", {"it.pth": "import os\n"})
    place.release("1.0", {"other.py": "X = 1\n"}, name="other")
    first = await place.examined()
    place.said.clear()
    assert [one.title for one in first.remarks] == [one.title for one in (await place.examined()).remarks]
    assert place.said == []
    again = await place.examined(["greeter==1.0", "other==1.0"], ["greeter==1.1", "other==1.0"])
    assert asks(again) == asks(first)
    assert "1 of 2 differences of contents were known already" in again.notes


async def test_what_was_kept_and_cannot_be_read_is_learnt_anew(place: World) -> None:
    """A file that was cut off is no answer."""
    place.release("1.1", {"it.pth": "import os\n"})
    first = await place.examined()
    for path in (place.folder / "learnt" / "security").iterdir():
        path.write_text("[{")
    assert asks(await place.examined()) == asks(first)


async def test_packages_that_cannot_be_read_ask_a_person(place: World) -> None:
    """The jail ended before it answered: nothing is known, and that is said."""
    place.release("1.1")
    bench = place.bench(["greeter==1.0"], ["greeter==1.1"])
    nowhere = replace(bench.after.environment, folder=place.folder / "nowhere")
    result = await security.examine(replace(bench, after=replace(bench.after, environment=nowhere)))
    assert result is not None and result.grade is Grade.UNKNOWN
    assert [one.title.partition(":")[0] for one in result.remarks] == [
        "the packages could not be read",
        "what importing does could not be seen",
    ]


async def test_a_package_without_its_record_asks(place: World) -> None:
    """It is in the lock, so it is installed; that nothing is to be seen of it is no good sign."""
    place.release("1.1")
    bench = place.bench(["greeter==1.0"], ["greeter==1.1"])
    site = next((bench.after.environment.folder / "lib").glob("*/site-packages"))
    (site / "greeter-1.1.dist-info").rename(site / "elsewhere")
    result = await security.examine(bench)
    assert result is not None and result.grade is Grade.UNKNOWN
    assert any("its record is not in the environment" in one for one in asks(result)), asks(result)


async def test_more_packages_than_can_be_looked_into_are_said(place: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was left out asks a person; what was not watched is a note."""
    monkeypatch.setattr(artifact_diff, "MOST_NAMES", 1)
    monkeypatch.setattr(security_watch, "MOST_NAMES", 1)
    monkeypatch.setattr(security, "_MOST_TOLD", 0)
    place.release("1.1", {"greeter/a.py": "U = 'https://a.example'\n"})
    place.release("1.0", {"other.py": "X = 1\n"}, name="other")
    result = await place.examined(["greeter==1.0"], ["greeter==1.1", "other==1.0"])
    assert result.why == "not looked into: 1 packages, since too many differ"
    assert {"not watched: 1 packages, since too many differ", "1 more differences are not listed"} <= set(result.notes)


async def test_without_time_nothing_is_guessed(place: World) -> None:
    """The simulation says that there was no time."""
    place.release("1.1")
    bench = place.bench(["greeter==1.0"], ["greeter==1.1"], seconds=0.5)
    with pytest.raises(OutOfTime):
        await security.examine(bench)


def node(place: World, side: str, packages: Mapping[str, Mapping[str, Any]], text: str = "") -> Environment:
    """An environment of npm: place below the lock -> its package.json."""
    entries: dict[str, Any] = {"": {"name": "app"}}
    for folder, document in packages.items():
        tree(place.folder / side / "modules/web" / folder, {"package.json": json.dumps(document), "x.js": text or "1"})
        entries[folder] = {"version": document["version"], "integrity": f"sha512-{document['version']}{len(document)}"}
    entries |= {"packages/own": {"version": "1"}, "node_modules/own": {"link": True, "resolved": "packages/own"}}
    python = place.side("greeter==1.0").environment.interpreter
    lock = json.dumps({"lockfileVersion": 3, "packages": entries})
    return Environment(
        key=side, folder=place.folder / side / "modules", interpreter=python, lock=lock, ecosystem="npm", where="web"
    )


async def test_what_was_found_in_time_is_not_lost(place: World) -> None:
    """A malicious package is known at once; that the rest could not be examined is said beside it."""

    class Slow(Feed):
        """Its answer takes all the time that there is."""

        async def of(self, component: Component, versions: Sequence[str]) -> Mapping[str, Sequence[Advisory]]:
            bench.budget.began -= 3600
            return await Feed.of(self, component, versions)

    place.release("1.1")
    feed = Slow({("greeter", "1.1"): [an_advisory("MAL-1", None, malicious=True)]})
    bench = replace(place.bench(["greeter==1.0"], ["greeter==1.1"]), advisories=feed)
    result = await security.examine(bench)
    assert result is not None and result.grade is Grade.FAILED
    assert asks(result)[1].startswith("not all was examined: the time was over")


async def test_scripts_that_npm_runs_at_installation_are_found(place: World) -> None:
    """A hook that is new asks, wherever the package lies and whatever else is in the environment; others do not."""
    left, deep = {"name": "left", "version": "1.0.0", "license": "MIT"}, {"name": "@a/deep", "version": "1.0.0"}
    hooked = {**left, "version": "1.1.0", "scripts": {"postinstall": "node x.js"}, "dependencies": {"evil": "1"}}
    fresh = {"name": "evil", "version": "1.0.0", "scripts": {"preinstall": "x"}}
    before = node(place, "old", {"node_modules/left": left, "node_modules/@a/deep": deep, "node_modules/gone": deep})
    after = node(
        place,
        "new",
        {"node_modules/left": hooked, "node_modules/left/node_modules/@a/deep": deep, "node_modules/evil": fresh},
    )
    feed = Feed({("evil", "1.0.0"): [an_advisory("MAL-1", None, malicious=True)]})
    bench = replace(place.bench(["greeter==1.0"], ["greeter==1.0"]), advisories=feed)
    tree(bench.after.tree / "web", {"package.json": '{"dependencies": {\n  "left": "1.1.0"\n}}\n'})
    sides = [
        replace(one, environment=replace(one.environment, beside=(other,)))
        for one, other in ((bench.before, before), (bench.after, after))
    ]
    result = await security.examine(replace(bench, before=sides[0], after=sides[1]))
    assert result is not None and result.grade is Grade.FAILED
    assert "`evil 1.0.0` has the known flaw `MAL-1` (malicious)" in result.why
    told = {one.title: (one.path, one.line) for one in result.remarks}
    hook = "`left@1.1.0`: runs a script when it is installed, `postinstall`: `node x.js`"
    assert told[hook] == ("web/package.json", 2)
    assert "`evil@1.0.0`: runs a script when it is installed, `preinstall`: `x`" in told
    assert "`left@1.1.0`: newly needs `evil`" in told
    assert not any("deep" in title for title in told), told
    assert any(title.startswith("what importing does could not be seen") for title in told), "there is no Node here"


@dataclass
class Feed:
    """A `core.ports.Advisories` that knows what it is given: (name, version) -> advisories."""

    known: Mapping[tuple[str, str], Sequence[Advisory]]
    problem: SurefootError | None = None

    async def of(self, component: Component, versions: Sequence[str]) -> Mapping[str, Sequence[Advisory]]:
        """As the port has it."""
        if self.problem:
            raise self.problem
        found = {version: self.known.get((component.name, version), ()) for version in versions}
        return {version: some for version, some in found.items() if some}


def an_advisory(name: str, score: float | None, **more: Any) -> Advisory:
    """A flaw."""
    return Advisory(id=name, score=score, **more)


# what is known against greeter 1.1 and not against 1.0 -> the grade, and a word of the reason
BROUGHT = {
    "malicious": (an_advisory("MAL-2026-1", None, malicious=True), Grade.FAILED, "`MAL-2026-1` (malicious)"),
    "critical": (an_advisory("CVE-2026-1", 9.8, summary="runs <b>"), Grade.FAILED, "(critical): `runs <b>`"),
    "high": (an_advisory("GHSA-1", 7.5, aliases=("CVE-2026-2",)), Grade.FAILED, "`CVE-2026-2` (high)"),
    "unrated": (an_advisory("GHSA-2", None), Grade.FAILED, "(severity unknown)"),
    "medium": (an_advisory("GHSA-3", 5.0), Grade.UNKNOWN, "(medium)"),
    "low": (an_advisory("GHSA-4", 2.0), Grade.UNKNOWN, "(low)"),
    "used in attacks": (an_advisory("CVE-2026-3", 3.0, exploited="used in attacks"), Grade.FAILED, "(used in attacks)"),
    "notice": (an_advisory("GHSA-5", 0.0), Grade.PASSED, "1 package differs"),
    "withdrawn": (an_advisory("GHSA-6", 9.9, withdrawn=True), Grade.PASSED, "1 package differs"),
}


@pytest.mark.parametrize("how", BROUGHT)
async def test_a_flaw_that_the_update_brings_in_counts_by_its_gravity(how: str, place: World) -> None:
    """Malicious and grave ones refuse it, lesser ones ask; notices and what was withdrawn do neither."""
    advisory, grade, word = BROUGHT[how]
    bench = unread(place, Feed({("greeter", "1.1"): [advisory]}))
    result = await security.examine(bench)
    assert result is not None
    assert (result.grade, word in result.why) == (grade, True), result


async def test_flaws_that_stay_are_counted_and_those_that_go_are_told(place: World) -> None:
    """What both versions have is no news, whatever other databases call it; the whole lock counts, not one package."""
    both, other = an_advisory("GHSA-1", 9.0, aliases=("CVE-1",)), an_advisory("PYSEC-1", 9.0, aliases=("CVE-1",))
    gone, deep = an_advisory("CVE-2", 8.0), an_advisory("CVE-3", 6.0)
    feed = Feed({("greeter", "1.0"): [both, gone], ("greeter", "1.1"): [other], ("deep", "1.0"): [deep]})
    result = await security.examine(unread(place, feed, "deep==1.0"))
    assert result is not None and result.grade is Grade.UNKNOWN
    assert "`deep 1.0` has the known flaw `CVE-3` (medium)" in result.why
    assert (result.remarks[0].path, result.remarks[0].line) == ("requirements.txt", 3)
    assert any("`CVE-2` of `1.0` is mended" in one.title for one in result.remarks)
    packages, flaws = result.measures
    assert (packages.name, packages.before, packages.after, packages.change) == ("packages (pypi)", "1", "2", "+1")
    assert (flaws.name, flaws.before, flaws.after, flaws.change) == ("known flaws (pypi)", "2", "2", "same")


async def test_flaws_that_cannot_be_asked_for_ask_a_person(place: World) -> None:
    """Nothing known is not the same as nothing being there."""
    result = await security.examine(unread(place, Feed({}, Transient("the feed is away"))))
    assert result is not None and result.grade is Grade.UNKNOWN
    assert result.why == "known flaws could not be asked for: the feed is away"


async def test_one_package_that_could_not_be_asked_about_asks_a_person(place: World) -> None:
    """A feed may answer for some and not for others."""
    feed = Feed({("greeter", "1.1"): [Advisory(id="x", unasked="the database is away")]})
    result = await security.examine(unread(place, feed))
    assert result is not None and result.grade is Grade.UNKNOWN
    assert result.why == "known flaws could not be asked for: `greeter`: the database is away"


async def test_a_version_that_gets_no_more_fixes_is_told(place: World) -> None:
    """It is no flaw, and where the old one had the same fate it is no news."""
    ended = Advisory(id="eol", ended="support ended in 2025")
    result = await security.examine(unread(place, Feed({("greeter", "1.1"): [ended]})))
    assert result is not None and result.grade is Grade.PASSED
    assert [one.title for one in result.remarks] == ["`greeter 1.1` gets no more fixes: `support ended in 2025`"]
    both = Feed({("greeter", version): [ended] for version in ("1.0", "1.1")})
    still = await security.examine(unread(place, both))
    assert still is not None and still.remarks == ()


async def test_where_nobody_is_asked_that_is_said(place: World) -> None:
    """The operator wants it so; the rest of the suite stands."""
    result = await security.examine(unread(place, None))
    assert result is not None and result.grade is Grade.PASSED
    assert "not run: known flaws (nobody is asked for them here)" in result.notes


def unread(place: World, feed: Advisories | None, *more: str) -> Workbench:
    """An update of greeter whose contents were read before, so that only the feed counts."""
    place.release("1.1")
    for pin in more:
        place.release(pin.partition("==")[2], {"deep.py": "X = 1\n"}, name=pin.partition("==")[0])
    bench = replace(place.bench(["greeter==1.0"], ["greeter==1.1", *more]), advisories=feed)
    (sides,) = security_lock.sides(bench)
    changes = security_lock.changes(sides.old, sides.new)
    learnt = Learnt(folder=bench.folder / "security")
    keys = artifact_diff.keys_of(sides, changes)
    for key in (*keys.values(), security_watch.key_for(bench, sides, [change.name for change in changes])):
        learnt.remember(key, b"[]" if key in keys.values() else b'{"found":{}}')
    return bench


async def test_a_whole_simulation_tells_it(lab: Laboratory, wheels: Path, tmp_path: Path) -> None:
    """With environments that were really prepared: the update that hides code asks a person, beside its good tests."""
    wheel(wheels, "3.0", {"greeter.py": f"import base64\ndef f():\n    exec(base64.b64decode('{PACKED}'))\n"})
    tests = "def test_it(): pass\n"
    folders = [
        tree(tmp_path / side, {"requirements.txt": f"greeter=={version}\n", "test_it.py": tests})
        for side, version in (("a", "1.0"), ("b", "3.0"))
    ]
    simulation = await replace(lab, examiners={"security": security.examine}).simulate(a_trial(*folders))
    assert simulation.grade is Grade.UNKNOWN, simulation
    assert simulation.why.startswith("security: `greeter`: runs code that it unpacks or fetches first"), simulation.why
    assert "`greeter.py:3`" in simulation.why
