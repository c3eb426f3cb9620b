"""Before an update is merged, who built the very file that it installs is verified, and compared with before."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.core import trust
from bot.core.attestations import Told
from bot.core.model import Component, Grade, Kind, Level, Member, Release, SuiteResult, Trust
from bot.core.ports import Trial
from bot.lab import security, security_lock, security_vouched
from bot.lab.host import Host
from bot.lab.learnt import Learnt
from bot.lab.security_vouched import Vouched
from bot.lab.vouched.verifying import Unverified
from bot.lab.workbench import Budget, OutOfTime
from tests.lab.signing import Build, Sigstore
from tests.lab.test_security import World
from tests.lab.vouching import PUBLISHER, Bench, a_bench, of_package, of_wheel

OURS = Sigstore()
OLD, NEW = "greeter-1.0-py3-none-any.whl", "greeter-1.1-py3-none-any.whl"
OTHER = {**PUBLISHER, "workflow": "other.yml"}
BEFORE = Build(ref="refs/tags/v1.0", commit="a" * 40)


@pytest.fixture
async def bench(tmp_path: Path, host: Host) -> AsyncIterator[Bench]:
    """Registries on loopback, an own Sigstore."""
    async with a_bench(tmp_path, host, OURS) as made:
        yield made


async def examined(bench: Bench, *, parts: Sequence[Member] = (), seconds: float = 60.0) -> Vouched:
    """What is found of greeter's way from 1.0 to 1.1."""
    before, after = (
        f"greeter=={one} --hash=sha256:{bench.index.sha(file)}\n" for one, file in (("1.0", OLD), ("1.1", NEW))
    )
    return await looked(bench, before, after, "pypi", parts, seconds)


async def looked(
    bench: Bench, before: str, after: str, ecosystem: str, parts: Sequence[Member] = (), seconds: float = 60.0
) -> Vouched:
    """What is found between two locks."""
    made = replace(bench.made(before, after, ecosystem, parts), budget=Budget(seconds))
    (sides,) = security_lock.sides(made)
    changes = security_lock.changes(sides.old, sides.new)
    return await security_vouched.examine(made, sides, changes, Learnt(folder=bench.folder / "kept"))


def only(found: Vouched) -> Told:
    """The one thing that is said."""
    ((name, title, told),) = found.told
    assert title.startswith(f"`{name} ")
    return told


async def test_the_build_of_the_installed_wheel_is_verified_and_compared(bench: Bench) -> None:
    """The reader sees workflow, repository, tag and commit; the same place as before asks nobody, and is asked once."""
    bench.index.publish(OLD, of_wheel(OURS, OLD, BEFORE))
    bench.index.publish(NEW, of_wheel(OURS, NEW))
    told = only(await examined(bench))
    assert not told.asks and not told.grave
    assert ".github/workflows/release.yml" in told.why and "refs/tags/v1.1" in told.why and "as the old" in told.why
    asked = len(bench.index.seen)
    assert only(await examined(bench)) == told
    assert asked == 3 and len(bench.index.seen) == asked  # one page, two documents; what was learnt is not asked again


def pair(name: str) -> tuple[str, str]:
    """The files of both versions."""
    return f"{name}-1.0-py3-none-any.whl", f"{name}-1.1-py3-none-any.whl"


def publish(bench: Bench, name: str, *bundles: Any, old: bool = False, **more: Any) -> None:
    """A package, of which old versions were attested or not."""
    before, after = pair(name)
    bench.index.publish(before, *([of_wheel(OURS, before, BEFORE)] if old else []))
    bench.index.publish(after, *bundles, **more)


async def test_each_package_of_an_update_gets_its_own_answer(bench: Bench) -> None:
    """What another build signed, what is about other bytes and what does not hold refuses the update; what was lost or
    changed asks a person; all of it is found in one go.
    """
    stranger = Build(repository="https://github.com/mallory/greeter")
    publish(bench, "other", of_wheel(OURS, pair("other")[1], stranger))
    publish(bench, "bytes", of_wheel(OURS, pair("bytes")[1], sha="f" * 64))
    good, bad = (of_wheel(OURS, pair("broken")[1]) for _ in range(2))
    bad["dsseEnvelope"]["signatures"] = good["dsseEnvelope"]["signatures"]
    publish(bench, "broken", good, bad)  # one good one does not make up for it
    publish(bench, "lost", old=True)
    moved = Build(workflow=".github/workflows/other.yml")
    publish(bench, "moved", of_wheel(OURS, pair("moved")[1], moved), old=True, publisher=OTHER)
    publish(bench, "private", of_wheel(Sigstore(), pair("private")[1]), old=True)
    publish(bench, "never")
    before, after = (lock(bench, version) for version in ("1.0", "1.1"))
    found = await looked(bench, before, after, "pypi")
    told = {name: one for name, _, one in found.told}
    assert {name for name, one in told.items() if one.grave} == {"other", "bytes", "broken"}
    assert {name for name, one in told.items() if one.asks} == {"lost", "moved", "private"}
    assert "mallory/greeter" in told["other"].why and "acme/greeter" in told["other"].why
    assert "other bytes" in told["bytes"].why
    assert "the workflow was `.github/workflows/release.yml`" in told["moved"].why
    assert "authority that the trusted root does not know" in told["private"].why
    assert (found.asked, found.without) == (7, 2)
    # Said already when the version was chosen: it is only told.
    lost = trust.drops(
        Release(version="1.1", trust=Trust(provenance="")),
        [Release(version="1.0", trust=Trust(provenance="https://github.com/acme/greeter"))],
    )
    gates = tuple(drop.why for drop in lost)
    part = Member(component=Component(name="lost"), current="1.0", target="1.1", kind=Kind.MINOR, gates=gates)
    again = {name: one for name, _, one in (await looked(bench, before, after, "pypi", [part])).told}
    assert gates and not again["lost"].asks and again["lost"].why == told["lost"].why


def lock(bench: Bench, version: str) -> str:
    """Everything that the index has in this version."""
    files = (one for one in bench.index.files if f"-{version}-" in one)
    return "".join(f"{one.partition('-')[0]}=={version} --hash=sha256:{bench.index.sha(one)}\n" for one in files)


async def test_a_page_without_json_names_attestations_too(bench: Bench) -> None:
    """PEP 740 has an attribute for it."""
    bench.index.html = True
    publish(bench, "greeter", of_wheel(OURS, NEW))
    assert "is verified" in only(await examined(bench)).why


async def test_without_any_attestation_nothing_is_asked_and_nothing_is_claimed(bench: Bench) -> None:
    """Most packages have none; that is counted, and no jail is started for it."""
    bench.index.publish(OLD)
    bench.index.publish(NEW)
    found = await examined(bench)
    assert not found.told and found.without == 1
    assert "verifying attestations" not in bench.said
    await examined(bench)
    assert len(bench.index.seen) == 1


async def test_what_cannot_be_had_is_unknown_and_asked_again(bench: Bench) -> None:
    """An index that is away, or has lost what its page names, is no proof of anything; tomorrow it may be there."""
    bench.index.publish(NEW, of_wheel(OURS, NEW))
    bench.index.gone = True
    gone = only(await examined(bench))
    assert gone.asks and "is not verified" in gone.why
    bench.index.fail = 503
    away = only(await examined(bench))
    assert away.asks and "the index did not say" in away.why
    bench.index.fail, bench.index.gone = 0, False
    assert bench.http._closed.pop("127.0.0.1", None)  # it asked to be left alone for a while
    assert "is verified" in only(await examined(bench)).why


async def test_a_machine_without_the_library_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked for then, and nothing is called verified; with a trusted root that is none, all is unknown."""
    bench.index.publish(NEW, of_wheel(OURS, NEW))
    assert bench.root
    bench.root.write_text("{}")
    told = only(await examined(bench))
    assert told.asks and "verifying failed" in told.why
    bench.root.write_bytes(b"x" * (5 << 20))
    with pytest.raises(Unverified, match="too big"):
        await examined(bench)
    bench.root.unlink()
    with pytest.raises(Unverified, match="cannot be read"):
        await examined(bench)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "sigstore" else find(name, *more)
    )
    with pytest.raises(Unverified, match="not installed"):
        await examined(bench)


async def test_only_wheels_for_this_python_count(bench: Bench) -> None:
    """Another system's wheel and the source are not what is installed here; of two that fit, both must be attested.

    Where none seems to fit (a Python of another maker, say), any may be the one.
    """
    locks = ""
    for name, kinds in {
        "one": ("py3-none-any.whl", "cp27-cp27m-win32.whl", "odd.whl", "tar.gz"),
        "two": ("py3-none-any.whl", "cp311-none-any.whl"),
        "three": ("cp27-cp27m-win32.whl",),
    }.items():
        files = [f"{name}-1.1.tar.gz" if kind == "tar.gz" else f"{name}-1.1-{kind}" for kind in kinds]
        bench.index.publish(files[0], of_wheel(OURS, files[0]))
        for file in files[1:]:
            bench.index.publish(file)
        locks += f"{name}==1.1{''.join(f' --hash=sha256:{bench.index.sha(file)}' for file in files)}\n"
    found = await looked(bench, "", locks, "pypi")
    assert [name for name, _, told in found.told if "is verified" in told.why] == ["one", "three"]
    assert len(found.told) == 2 and found.without == 1


async def test_when_the_time_is_over_it_is_said(bench: Bench) -> None:
    """The budget of the simulation is everybody's."""
    bench.index.publish(NEW, of_wheel(OURS, NEW))
    with pytest.raises(OutOfTime):
        await examined(bench, seconds=0.5)


def npm_lock(name: str, version: str, integrity: str) -> str:
    """A lock with one package."""
    entry: dict[str, Any] = {"version": version, "integrity": integrity}
    return json.dumps({"lockfileVersion": 3, "packages": {"": {}, f"node_modules/{name}": entry}})


NO_LOCK = '{"lockfileVersion": 3, "packages": {"": {}}}'


@pytest.mark.parametrize("whole", [False, True])
async def test_a_package_of_npm_is_verified_by_its_build_and_its_registry(bench: Bench, whole: bool) -> None:
    """Both signatures are looked at, at the registry of the settings, whatever address stands beside the version."""
    name = "@acme/greeter"
    bench.npm.whole = whole
    old = bench.npm.publish(name, "1.0.0", *of_package(OURS, bench.npm, name, "1.0.0", BEFORE))
    new = bench.npm.publish(name, "1.1.0", *of_package(OURS, bench.npm, name, "1.1.0"), trusted="github")
    found = await looked(bench, npm_lock(name, "1.0.0", old), npm_lock(name, "1.1.0", new), "npm")
    told = only(found)
    assert not told.asks and not told.grave and "registry's own signature" in told.why and "as the old" in told.why
    assert [one for one in bench.npm.seen if one.endswith("/keys")] == ["/-/npm/v1/keys"]


async def test_npm_without_its_key_is_unknown(bench: Bench) -> None:
    """A registry that publishes no keys cannot vouch for itself."""
    bench.npm.no_keys = True
    new = bench.npm.publish("greeter", "1.1.0", of_package(OURS, bench.npm, "greeter", "1.1.0")[1])
    told = only(await looked(bench, NO_LOCK, npm_lock("greeter", "1.1.0", new), "npm"))
    assert told.asks and "no key of the name" in told.why


async def test_npm_with_other_bytes_or_another_publisher(bench: Bench) -> None:
    """A lock that holds other bytes than the registry lists is unknown; a package that another built is refused."""
    new = bench.npm.publish("greeter", "1.1.0", *of_package(OURS, bench.npm, "greeter", "1.1.0"), trusted="gitlab")
    assert only(await looked(bench, NO_LOCK, npm_lock("greeter", "1.1.0", new), "npm")).grave
    elsewhere = bench.npm.publish("other", "1.1.0")
    told = only(await looked(bench, NO_LOCK, npm_lock("greeter", "1.1.0", elsewhere), "npm"))
    assert told.asks and "other bytes" in told.why
    sha1 = await looked(bench, NO_LOCK, npm_lock("greeter", "1.1.0", "sha1-AAAA"), "npm")
    assert not sha1.told and sha1.without == 1
    ((_, _, strange),) = (await looked(bench, NO_LOCK, npm_lock("\ud800", "1.1.0", new), "npm")).told
    assert strange.asks and "did not say" in strange.why
    bench.npm.said["greeter@1.1.0"] = {"attestations": "none"}
    odd = only(await looked(bench, NO_LOCK, npm_lock("greeter", "1.1.0", f"{new} sha1-AAAA"), "npm"))
    assert odd.asks and "sends no attestations" in odd.why


async def test_a_lab_that_can_ask_nobody_says_nothing(bench: Bench) -> None:
    """Nor is anything said of ecosystems that publish no such thing in this way."""
    made = bench.made("greeter==1.0\n", "greeter==1.1\n", "pypi")
    (sides,) = security_lock.sides(made)
    changes = security_lock.changes(sides.old, sides.new)
    kept = Learnt(folder=bench.folder / "kept")
    assert await security_vouched.examine(replace(made, fetching=None), sides, changes, kept) == Vouched()
    assert isinstance(made.trial, Trial)


async def test_the_suite_shows_it_at_the_line_that_pins_the_package(bench: Bench, tmp_path: Path, host: Host) -> None:
    """A verified build is a remark, a wrong one fails the update; what has none, or cannot be verified, is a note."""
    tmp_path.chmod(0o755)
    world = World(tmp_path / "world", host)
    names = ("greeter", "other", "plain")
    for version in ("1.0", "1.1"):
        for name in names:
            world.release(version, {f"{name}.py": "X = 1\n"}, name=name)
    for path in (tmp_path / "world/index").iterdir():
        bench.index.shas[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        bench.index.publish(path.name)
    other = pair("other")[1]
    bench.index.publish(NEW, of_wheel(OURS, NEW, sha=bench.index.sha(NEW)))
    bench.index.publish(other, of_wheel(OURS, other, sha="f" * 64))
    asking = bench.made("", "", "pypi")

    async def suite() -> SuiteResult:
        pins = [[f"{name}=={version}" for name in names] for version in ("1.0", "1.1")]
        result = await security.examine(replace(world.bench(*pins), uv=asking.uv, fetching=asking.fetching))
        assert result
        return result

    found = await suite()
    assert found.grade is Grade.FAILED and found.why.startswith("`other 1.1` has an attestation that does not hold")
    (good,) = [one for one in found.remarks if "is verified" in one.title]
    assert (good.level, good.path, good.line) == (Level.NOTICE, "requirements.txt", 2)
    assert "attestations: 1 of 3 packages has none" in found.notes
    assert "attestations: 1 of 3 packages are verified" in found.notes
    assert bench.root
    bench.root.unlink()
    unread = await suite()
    assert unread.grade is Grade.PASSED and any(note.startswith("not run: attestations (") for note in unread.notes)
