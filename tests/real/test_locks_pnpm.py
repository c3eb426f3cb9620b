"""pnpm locks are made anew by the real pnpm in the jail: only what must move moves, and no project's file has power."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import ConfigProblem, Transient
from bot.core.lockfiles import Moved
from bot.core.model import Component
from bot.lab.host import Host
from bot.lab.locks import LockJob
from bot.tools.npm import NpmSettings
from bot.tools.secrets import Secret
from tests.lab.pnpm_locks import lock_of
from tests.lab.registries import Npm
from tests.real import tools
from tests.real.smithing import PACKAGES, of_npm, refusal, relocked


@pytest.fixture(autouse=True)
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pnpm that `make servers` installs, unless another is to be tried."""
    tools.first_of_node(monkeypatch, "SUREFOOT_TEST_PNPM")


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Npm]:
    """With pad, tie and top."""
    async with Npm(packages=PACKAGES).running(tmp_path) as made:
        yield made


def manifest(pad: str, **more: Any) -> str:
    """A package.json."""
    return json.dumps({"name": "app", "version": "1.0.0", "dependencies": {"pad": pad, "top": "1.0.0"}, **more})


def locked(wish: str, pad: str = "1.0.0", tie: str = "1.0.0") -> str:
    """pad and top, which needs tie."""
    needs = {} if pad == "1.0.0" else {"tie": tie}
    held = [("pad", pad, needs), ("tie", tie, {}), ("top", "1.0.0", {"tie": tie})]
    return lock_of(PACKAGES, {"pad": (wish, pad), "top": ("1.0.0", "1.0.0")}, held)


def job(lock: str, version: str, *, wish: str = "^1.0.0", **more: str) -> LockJob:
    """pad moves to a version. more: other files, or the manifest."""
    files = {"package.json": manifest(wish), "pnpm-lock.yaml": lock, **more}
    component = Component(name="pad", ecosystem="npm")
    return LockJob(files=files, lock="pnpm-lock.yaml", manifest="package.json", component=component, version=version)


async def test_only_what_must_move_moves(best: Host, registry: Npm) -> None:
    """To the version that was asked for, not the newest of the range; tie stays, and so does every other byte."""
    made = await relocked(best, registry, job(locked("^1.0.0"), "1.1.0", wish="^1.1.0"))
    assert made.files == {"pnpm-lock.yaml": locked("^1.1.0", "1.1.0")}
    assert made.moved == (Moved("pad", "1.0.0", "1.1.0"),)


async def test_what_the_new_version_needs_moves_with_it(best: Host, registry: Npm) -> None:
    """No script and no hook runs, no tarball is fetched, and no other pnpm that the project names."""
    evil = {"preinstall": "exit 1", "prepare": "exit 1", "pnpm:devPreinstall": "exit 1"}
    more = {
        "package.json": manifest("^1.2.0", scripts=evil, packageManager="pnpm@8.0.0+sha512.00"),
        ".pnpmfile.cjs": "process.exit(9)\n",
    }
    made = await relocked(best, registry, job(locked("^1.0.0"), "1.2.0", **more))
    assert made.moved == (Moved("pad", "1.0.0", "1.2.0"), Moved("tie", "", "1.5.0"))
    assert not any("/-/" in path or "pnpm" in path for path in registry.seen)


async def test_a_member_of_a_workspace_moves_alone(best: Host, registry: Npm) -> None:
    """The lock and the list of members lie at the root; the manifests of all members are laid out."""
    root = json.dumps({"name": "app", "version": "1.0.0"})
    web = {"name": "web", "version": "1.0.0", "devDependencies": {"pad": "~1.0.0", "nick": "npm:pad@^1.0.0"}}
    wishes = {"pad": ("~1.0.0", "1.0.0"), "nick": ("npm:pad@^1.0.0", "pad@1.0.0")}
    lock = lock_of(PACKAGES, wishes, [("pad", "1.0.0", {})])
    lock = lock.replace("\n  .:\n    dependencies:\n", "\n  .: {}\n\n  web:\n    devDependencies:\n")
    moved = json.dumps({**web, "devDependencies": {"pad": "~1.1.0", "nick": "npm:pad@~1.1.0"}})
    files = {"a/package.json": root, "a/web/package.json": moved, "a/pnpm-lock.yaml": lock,
             "a/pnpm-workspace.yaml": "packages:\n  - web\n"}  # fmt: skip
    pad = Component(name="pad", ecosystem="npm")
    work = LockJob(files=files, lock="a/pnpm-lock.yaml", manifest="a/web/package.json", component=pad, version="1.1.0")
    made = await relocked(best, registry, work)
    assert made.moved == (Moved("pad", "1.0.0", "1.1.0"), Moved("tie", "", "1.5.0"))
    assert "  web:\n    devDependencies:\n" in made.files["a/pnpm-lock.yaml"]


async def test_a_private_scope_with_a_login_over_tls(best: Host, registry: Npm, tmp_path: Path) -> None:
    """The login reaches that registry and no other; it is neither in the lock nor in the jail."""
    (tmp_path / "tls").mkdir()
    own = {"@acme/own": {"1.0.0": {}, "1.0.1": {}}}
    private = Npm(packages=own, tls=True, login="Bearer hunter2")
    async with private.running(tmp_path / "tls"):
        lock, after = (
            lock_of(own, {"@acme/own": (f"^{one}", one)}, [("@acme/own", one, {})]) for one in ("1.0.0", "1.0.1")
        )
        text = json.dumps({"name": "app", "version": "1.0.0", "dependencies": {"@acme/own": "^1.0.1"}})
        settings = NpmSettings(
            registry=registry.url, scopes={"@acme": private.url},
            logins={private.url.removeprefix("https:") + "/": Secret("Bearer hunter2")},
        )  # fmt: skip
        component = Component(name="@acme/own", ecosystem="npm")
        work = replace(job(lock, "1.0.1", **{"package.json": text}), component=component)
        async with of_npm(best, settings, ca=private.pem) as one:
            made = await one.lock(work)
    assert made.files == {"pnpm-lock.yaml": after}
    assert set(private.logins) == {"Bearer hunter2"} and set(registry.logins) <= {None}


# --- refusals ------------------------------------------------------------------------------------------------------


async def refused(host: Host, registry: Npm, work: LockJob, **settings: Any) -> str:
    """Why it is refused, in the words that a person gets."""
    return await refusal(relocked(host, registry, work, **settings))


async def test_a_version_that_is_not_there_is_told_in_pnpms_words(best: Host, registry: Npm) -> None:
    """Bounded, in one paragraph."""
    said = await refused(best, registry, job(locked("^1.0.0"), "7.0.0", wish="^7.0.0"))
    assert said.startswith("pnpm-lock.yaml: pnpm cannot lock pad 7.0.0: ")
    assert "No matching version found for pad@7.0.0" in said and len(said) < 1700 and "\n" not in said


async def test_settings_of_the_project_have_no_power(best: Host, registry: Npm) -> None:
    """Its registry, its scripts and its programs are not heard."""
    evil = (
        "registry=https://evil.example/\n@acme:registry=https://evil.example/\nignore-scripts=false\n"
        "node-options=--require=/home/sim/tree/project/evil.js\nproxy=\nhttps-proxy=\nnoproxy=*\n"
        "use-node-version=20.0.0\nmanage-package-manager-versions=true\n"
    )
    more = {".npmrc": evil, "evil.js": "process.exit(9)"}
    made = await relocked(best, registry, job(locked("^1.0.0"), "1.1.0", wish="^1.1.0", **more))
    assert made.files == {"pnpm-lock.yaml": locked("^1.1.0", "1.1.0")}


async def test_a_place_of_the_workspace_is_not_asked(best: Host, registry: Npm) -> None:
    """Newer versions of pnpm read settings from there as well, and it is for the gateway to say no."""
    more = {
        "pnpm-workspace.yaml": "packages:\n  - web\nregistry: https://evil.example/\nregistries:\n  default: https://evil.example/\n"
    }
    try:
        made = await relocked(best, registry, job(locked("^1.0.0"), "1.1.0", wish="^1.1.0", **more))
    except ConfigProblem as problem:
        assert "wants to fetch from https://evil.example" in str(problem)
    else:
        assert made.files == {"pnpm-lock.yaml": locked("^1.1.0", "1.1.0")}


@pytest.mark.parametrize(
    "wish", ["git+https://evil.example/x.git", "https://evil.example/x.tgz", "http://169.254.169.254/x.tgz"]
)
async def test_a_dependency_from_elsewhere_leads_nowhere(best: Host, registry: Npm, wish: str) -> None:
    """pnpm would fetch it, and has no way to."""
    text = json.dumps(
        {"name": "app", "version": "1.0.0", "dependencies": {"pad": "^1.1.0", "top": "1.0.0", "sly": wish}}
    )
    said = await refused(best, registry, job(locked("^1.0.0"), "1.1.0", **{"package.json": text}))
    assert "wants to fetch from http" in said or "pnpm cannot lock" in said
    assert registry.url not in said


async def test_a_registry_that_sends_elsewhere_is_refused(best: Host, registry: Npm) -> None:
    """A tarball at another server would be fetched by whoever installs; so would one without a checksum."""
    registry.tarballs = "https://evil.example"
    assert "https://evil.example" in await refused(best, registry, job(locked("^1.0.0"), "1.1.0"))
    registry.tarballs, registry.checksums = "", False
    said = await refused(best, registry, job(locked("^1.0.0"), "1.1.0"))
    assert "checksum" in said or "integrity" in said


async def test_a_registry_that_is_away_is_worth_another_try(best: Host, registry: Npm) -> None:
    """The loop waits and asks again."""
    registry.fail = 503
    with pytest.raises(Transient):
        await relocked(best, registry, job(locked("^1.0.0"), "1.1.0"))
