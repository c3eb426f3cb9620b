"""go.sum: what is made of Go's answers, what it is given, and where it is, without Go itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bot.core.errors import ConfigProblem, Permanent
from bot.core.lockfiles import Moved
from bot.core.model import Component
from bot.lab import locks, resolver
from bot.lab.host import Host
from bot.lab.locking import golang
from bot.lab.locking.golang import Go
from bot.lab.locking.programs import Program
from bot.lab.locks import LockJob, Locksmith, Relocked, Room
from bot.tools.http import Http, Reach
from bot.tools.pip import IndexSettings

PAD = "pad.example/pad"
MOD = f"module app.example/app\n\ngo 1.18\n\nrequire {PAD} v1.1.0\n"
OLD = f"{PAD} v1.0.0 h1:aa=\n{PAD} v1.0.0/go.mod h1:ab=\n"
NEW = f"{PAD} v1.1.0 h1:ba=\n{PAD} v1.1.0/go.mod h1:bb=\n"
SETTINGS = {
    "GOPROXY": "https://me:pw@goproxy.example/go/,direct", "GOSUMDB": "sums.example", "GOPRIVATE": "own.example",
    "GONOPROXY": "", "GONOSUMDB": "",
}  # fmt: skip


def job(version: str = "v1.1.0", **more: str) -> LockJob:
    """pad moves to a version. more: other files, or other texts."""
    files = {"go.mod": MOD, "go.sum": OLD, "a.go": f'package app\nimport "{PAD}"\nfunc evil() {{}}\n', **more}
    pad = Component(name=PAD, ecosystem="golang")
    return LockJob(files=files, lock="go.sum", manifest="go.mod", component=pad, version=version)


def answering(folder: Path, sums: str, mod: str = MOD, *, code: int = 0) -> Go:
    """A Go that hands back these texts, or shows what it was given and fails."""
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    (folder / "sum").write_bytes(sums.encode())
    (folder / "mod").write_bytes(mod.encode())
    script = folder / "bin" / "go"
    shown = f'echo "$@"; env; cat a.go; echo "go: downloading x"; exit {code}'
    made = f'cp "{folder}/sum" go.sum; cp "{folder}/mod" go.mod'
    script.write_text(f"#!/bin/sh\n[ {code} = 0 ] || {{ {shown}; }}\n{made}\n")
    for path in (folder, folder / "bin", script):
        path.chmod(0o755)
    program = Program(command=(str(script),), folders=(folder,), version=(1, 20))
    return Go(program=program, settings=SETTINGS)


async def relocked(host: Host, work: LockJob, go: Go, monkeypatch: pytest.MonkeyPatch) -> Relocked:
    """What comes of it where Go answers so."""

    async def there() -> Go:
        return go

    monkeypatch.setattr(golang, "there", there)
    async with Http(Reach()) as http:
        room = Room(host=host, http=http, reach=Reach(), seconds=60, memory_mib=512)
        return await Locksmith(room=room, uv=resolver.find_uv(IndexSettings())).lock(work)


async def test_what_go_makes_of_both_files_is_taken(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A go.mod only where it changed."""
    made = await relocked(host, job(), answering(tmp_path / "go", NEW), monkeypatch)
    assert made == Relocked(files={"go.sum": NEW}, moved=(Moved(PAD, "v1.0.0", "v1.1.0"),))
    more = MOD + "\nrequire tie.example/tie v1.0.0 // indirect\n"
    made = await relocked(host, job(), answering(tmp_path / "go", NEW, more), monkeypatch)
    assert made.files == {"go.sum": NEW, "go.mod": more}


async def test_what_go_says_is_held_against_what_was_asked(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version, none, another Go, other bytes under an old name, or no sums at all."""
    for sums, mod, why in (
        (NEW, MOD.replace("v1.1.0", "v1.2.0"), f"Go takes {PAD} v1.2.0: v1.1.0 lacks a package"),
        (NEW, "module app.example/app\n", f"Go takes {PAD} not at all"),
        (NEW, MOD.replace("go 1.18", "go 1.20"), "cannot be had without a change of more than what is required"),
        (NEW, MOD + "replace a => b v1.0.0\n", "cannot be had without a change of more than what is required"),
        (NEW + OLD.replace("h1:aa", "h1:zz"), MOD, f"other files under the old version of {PAD} v1.0.0"),
    ):
        with pytest.raises(ConfigProblem, match=re.escape(why)):
            await relocked(host, job(), answering(tmp_path / "go", sums, mod), monkeypatch)


async def test_go_is_given_imports_and_the_machines_settings(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no login, no rest of the source, no version control, and nobody but a proxy."""
    with pytest.raises(ConfigProblem) as caught:
        await relocked(host, job(), answering(tmp_path / "go", "", code=2), monkeypatch)
    said = str(caught.value)
    assert "get -t ./..." in said and "evil" not in said and "pw" not in said and "downloading" not in said
    for word in ("GOPROXY=https://goproxy.example/go ", "GOVCS=*:off", "GOTOOLCHAIN=local", "GOSUMDB=sums.example",
                 "GOPRIVATE=own.example", "GOWORK=off"):  # fmt: skip
        assert word in said, word


async def test_what_cannot_be_made_is_said_before_anything_is_started(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No module, no version of it, no word about Go, a newer Go, and no proxy."""
    go = answering(tmp_path / "go", NEW)
    for work, why in (
        (job("v1"), "is no module of Go"),
        (job("v1.2.0"), "does not require pad.example/pad v1.2.0"),
        (job(**{"go.mod": MOD.replace("go 1.18\n", "")}), "does not say for which Go it is. Run `go mod tidy` once"),
    ):
        with pytest.raises(ConfigProblem, match=re.escape(why)):
            await relocked(host, work, go, monkeypatch)
    newer = job(**{"go.mod": MOD.replace("go 1.18", "go 1.21.3")})
    with pytest.raises(Permanent, match=r"is for Go 1\.21 or newer, and here is Go 1\.20"):
        await relocked(host, newer, go, monkeypatch)
    nobody = Go(program=go.program, settings={**SETTINGS, "GOPROXY": "direct"})
    with pytest.raises(Permanent, match="names no proxy"):
        await relocked(host, job(), nobody, monkeypatch)


def test_who_may_be_asked_is_what_the_machine_says() -> None:
    """Proxies with their logins, and the database unless it is off."""
    found = golang.places_of("https://me:pw@a.example/go/,https://b.example|direct,off")
    assert [(one.url, one.login is not None) for one in found] == [
        ("https://a.example/go", True),
        ("https://b.example", False),
    ]
    for setting, url in (
        ("sums.example", "https://sums.example"),
        ("sums.example+0123+key https://mirror.example/sums/", "https://mirror.example/sums"),
        ("sums.example+0123+key", "https://sums.example"),
    ):
        assert [one.url for one in golang.database_of(setting)] == [url]
    assert golang.database_of("off") == golang.database_of("") == []


def script(place: Path, body: str) -> Path:
    """A program."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\n{body}\n")
    place.chmod(0o755)
    return place


async def test_go_is_found_where_it_says_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, or with one that is too old or says nothing, it is told how to get it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Permanent, match=r"Go is not installed.*Install Go 1\.18 or newer"):
        await golang.find()
    for version, why in (("go1.17.2", r"Go 1\.17 is installed, and it is too old"), ("", "cannot be asked what it is")):
        said = json.dumps({**SETTINGS, "GOROOT": str(tmp_path / "root"), "GOVERSION": version}) if version else "{"
        folder = script(tmp_path / (version or "odd") / "go", f"echo '{said}'").parent
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        with pytest.raises(Permanent, match=why):
            await golang.find()
    said = json.dumps({**SETTINGS, "GOROOT": str(tmp_path / "root"), "GOVERSION": "go1.22.1"})
    folder = script(tmp_path / "good" / "go", f"echo '{said}'").parent
    script(tmp_path / "root" / "bin" / "go", "")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    root = tmp_path / "root"
    assert await golang.find() == Program(command=(str(root / "bin" / "go"),), folders=(root,), version=(1, 22))


async def test_a_module_is_read_with_its_source_and_no_more_than_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Side by side, since each file may be a request; a repository with more is held, and so is one with a vendor."""
    given: list[LockJob] = []

    class Smith:
        async def lock(self, job: LockJob) -> Relocked:
            given.append(job)
            return Relocked(files={}, moved=())

    async def read(path: str) -> str | None:
        return None if path == "gone.go" else f"package {path[0]}\n"

    pad = Component(name=PAD, ecosystem="golang")
    files = ["go.mod", "go.sum", "a.go", "in/b.go", "gone.go", "c.py"]
    await locks.follow({"go.mod": MOD}, files, read, (pad, "v1.1.0"), Smith())
    assert given[0].files.keys() == {"go.mod", "go.sum", "a.go", "in/b.go"}
    with pytest.raises(Permanent, match="go mod vendor"):
        await locks.follow({"go.mod": MOD}, [*files, "vendor/modules.txt"], read, (pad, "v1.1.0"), Smith())
    many = [*files, *(f"{number}.go" for number in range(locks.MOST_SOURCES))]
    with pytest.raises(ConfigProblem, match="would need 1505 files, and 1500 are read"):
        await locks.follow({"go.mod": MOD}, many, read, (pad, "v1.1.0"), Smith())
