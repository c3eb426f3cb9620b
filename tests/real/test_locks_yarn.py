"""yarn.lock is made anew by the real Yarn in the jail, classic and modern: only what must move moves."""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import Permanent, Transient
from bot.core.lockfiles import Moved
from bot.core.model import Component
from bot.lab.host import Host
from bot.lab.locking import yarn
from bot.lab.locks import LockJob
from bot.tools.npm import NpmSettings
from bot.tools.secrets import Secret
from tests.lab import yarn_locks
from tests.lab.registries import Npm
from tests.real.smithing import of_npm, refusal, relocked

SERVERS = Path(os.environ.get("SUREFOOT_TEST_YARN", Path(__file__).parents[2] / ".venv-real")) / "node_modules"
PACKAGES: dict[str, dict[str, Mapping[str, Any]]] = {
    "pad": {
        "1.0.0": {},
        "1.1.0": {"dependencies": {"tie": "^1.0.0"}},
        "1.2.0": {"dependencies": {"tie": "^1.1.0"}, "scripts": {"postinstall": "exit 9"}},
        "1.9.0": {},
    },
    "tie": {"1.0.0": {}, "1.1.0": {}, "1.5.0": {}},
    "top": {"1.0.0": {"dependencies": {"tie": "^1.0.0"}}},
    "@acme/own": {"1.0.0": {}, "1.0.1": {}},
}


@pytest.fixture(autouse=True)
def on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Both kinds of Yarn that `make servers` installs; they bear one name, so each has a folder of its own."""
    for package in ("yarn", "@yarnpkg/cli-dist"):
        folder = tmp_path / "bin" / package
        folder.mkdir(parents=True)
        (folder / "yarn").symlink_to(SERVERS / package / "bin" / "yarn.js")
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Npm]:
    """With the packages above."""
    async with Npm(packages=PACKAGES).running(tmp_path) as made:
        yield made


def manifest(pad: str, **more: Any) -> str:
    """A package.json."""
    return json.dumps({"name": "app", "version": "1.0.0", "dependencies": {"pad": pad, "top": "1.0.0"}, **more})


def classic(registry: str, wish: str, pad: str = "1.0.0", *more: tuple[str, str, Mapping[str, str]]) -> str:
    """pad and top, which needs tie, as Yarn 1 writes them."""
    needs = PACKAGES["pad"][pad].get("dependencies", {})
    held = [(f"pad@{wish}", pad, needs), ("tie@^1.0.0", "1.0.0", {}), *more, ("top@1.0.0", "1.0.0", {"tie": "^1.0.0"})]
    return yarn_locks.classic(PACKAGES, registry, held)


def job(lock: str, version: str, *, wish: str = "^1.0.0", **more: str) -> LockJob:
    """pad moves to a version. more: other files, or the manifest."""
    files = {"package.json": manifest(wish), "yarn.lock": lock, **more}
    component = Component(name="pad", ecosystem="npm")
    return LockJob(files=files, lock="yarn.lock", manifest="package.json", component=component, version=version)


async def test_only_what_must_move_moves_in_a_classic_lock(best: Host, registry: Npm) -> None:
    """To the version that was asked for, not the newest of the range; tie stays, and so does every other byte."""
    for old, new in (("^1.0.0", "^1.1.0"), ("^1.0.0", "^1.0.0")):
        made = await relocked(best, registry, job(classic(registry.url, old), "1.1.0", wish=new))
        assert made.files == {"yarn.lock": classic(registry.url, new, "1.1.0")}
        assert made.moved == (Moved("pad", "1.0.0", "1.1.0"),)


def modern(wish: str, pad: str = "1.0.0", more: str = "") -> str:
    """pad and top, which needs tie, as Yarn 4 writes them."""
    needs = PACKAGES["pad"][pad].get("dependencies", {})
    held = [(f"pad@npm:{wish}", pad, needs), ("tie@npm:^1.0.0", "1.0.0", {}),
            ("top@npm:1.0.0", "1.0.0", {"tie": "^1.0.0"})]  # fmt: skip
    return yarn_locks.modern(held, {"pad": wish, "top": "1.0.0"}, more=more)


async def test_only_what_must_move_moves_in_a_modern_lock(best: Host, registry: Npm) -> None:
    """To the version that was asked for, whether its range moved or not; what stays is not even fetched."""
    for old, new in (("^1.0.0", "^1.1.0"), ("^1.0.0", "^1.0.0")):
        registry.seen.clear()
        made = await relocked(best, registry, job(modern(old), "1.1.0", wish=new))
        found = re.search(r"pad@npm:1.1.0[^#]*?checksum: 10c0/([0-9a-f]{128})", made.files["yarn.lock"])
        assert found and made.files == {"yarn.lock": modern(new, "1.1.0", found[1])}
        assert made.moved == (Moved("pad", "1.0.0", "1.1.0"),)
        assert [path for path in registry.seen if "/-/" in path] == ["/pad/-/pad-1.1.0.tgz"]


EVIL = {
    "evil.cjs": "process.exit(9)",
    ".yarnrc.yml": "yarnPath: ./evil.cjs\nplugins:\n  - ./evil.cjs\nnpmRegistryServer: https://evil.example\n"
    "enableScripts: true\nhttpsProxy: ''\nnetworkSettings:\n  '*':\n    enableNetwork: false\n",
    ".yarnrc": 'yarn-path "./evil.cjs"\nregistry "https://evil.example"\n--install.ignore-scripts false\n',
    ".npmrc": "registry=https://evil.example/\nignore-scripts=false\n",
}


@pytest.mark.parametrize("kind", ["classic", "modern"])
async def test_what_the_new_version_needs_moves_with_it_and_nothing_is_run(
    best: Host, registry: Npm, kind: str
) -> None:
    """Neither a script of the project nor of a package, no Yarn and no plugin of the project, and no setting of it."""
    scripts = {"preinstall": "exit 9", "postinstall": "exit 9", "prepare": "exit 9"}
    text = manifest("^1.2.0", scripts=scripts, packageManager="yarn@3.0.0+sha512.00")
    lock = classic(registry.url, "^1.0.0") if kind == "classic" else modern("^1.0.0")
    made = await relocked(best, registry, job(lock, "1.2.0", **{**EVIL, "package.json": text}))
    assert made.moved == (Moved("pad", "1.0.0", "1.2.0"), Moved("tie", "", "1.5.0"))
    assert list(made.files) == ["yarn.lock"]


@pytest.mark.parametrize("kind", ["classic", "modern"])
async def test_a_private_scope_with_a_login_over_tls(best: Host, registry: Npm, tmp_path: Path, kind: str) -> None:
    """The login reaches that registry and no other; it is neither in the lock nor in the jail."""
    (tmp_path / "tls").mkdir()
    private = Npm(packages=PACKAGES, tls=True, login="Bearer hunter2")
    async with private.running(tmp_path / "tls"):
        asks = {"@acme/own": "^1.0.0"}
        if kind == "classic":
            lock = yarn_locks.classic(PACKAGES, private.url, [("@acme/own@^1.0.0", "1.0.0", {})])
        else:
            lock = yarn_locks.modern([("@acme/own@npm:^1.0.0", "1.0.0", {})], asks)
        text = json.dumps({"name": "app", "version": "1.0.0", "dependencies": asks})
        settings = NpmSettings(
            registry=registry.url, scopes={"@acme": private.url},
            logins={private.url.removeprefix("https:") + "/": Secret("Bearer hunter2")},
        )  # fmt: skip
        own = Component(name="@acme/own", ecosystem="npm")
        work = replace(job(lock, "1.0.1", **{"package.json": text}), component=own)
        async with of_npm(best, settings, ca=private.pem) as one:
            made = await one.lock(work)
    assert made.moved == (Moved("@acme/own", "1.0.0", "1.0.1"),)
    assert "hunter2" not in made.files["yarn.lock"]
    assert set(private.logins) == {"Bearer hunter2"} and set(registry.logins) <= {None}


async def test_the_public_name_stays_in_a_classic_lock(best: Host, registry: Npm, tmp_path: Path) -> None:
    """Yarn 1 calls the public registry by a name of its own; this machine's registry stands for that."""
    name = await packages_name()
    made = await relocked(best, registry, job(classic(name, "^1.0.0"), "1.1.0", wish="^1.1.0"))
    assert made.files == {"yarn.lock": classic(name, "^1.1.0", "1.1.0")}
    assert registry.seen


async def packages_name() -> str:
    """As Yarn 1 itself says it."""
    (name,) = await yarn._public(yarn.find(classic=True))
    return name


async def test_who_else_is_answered_by_the_same_block_keeps_it(best: Host, registry: Npm) -> None:
    """A block that answers two wishes is parted, and only the manifest's own moves."""
    lock = classic(registry.url, "^1.0.0").replace("\npad@^1.0.0:", "\npad@^1.0.0, pad@~1.0.0:")
    lock = lock.replace('    tie "^1.0.0"\n', '    pad "~1.0.0"\n    tie "^1.0.0"\n')
    made = await relocked(best, registry, job(lock, "1.1.0", wish="^1.0.0"))
    text = made.files["yarn.lock"]
    assert '\npad@^1.0.0:\n  version "1.1.0"\n' in text and '\npad@~1.0.0:\n  version "1.0.0"\n' in text
    assert made.moved == (Moved("pad", "", "1.1.0"),)


# --- refusals ------------------------------------------------------------------------------------------------------


async def refused(host: Host, registry: Npm, work: LockJob, **settings: Any) -> str:
    """Why it is refused, in the words that a person gets."""
    return await refusal(relocked(host, registry, work, **settings))


@pytest.mark.parametrize("kind", ["classic", "modern"])
async def test_what_cannot_be_locked_is_told_in_yarns_words(best: Host, registry: Npm, kind: str) -> None:
    """A version that is not there, one that the range shuts out, and a place of strangers."""
    lock = classic(registry.url, "^1.0.0") if kind == "classic" else modern("^1.0.0")
    said = await refused(best, registry, job(lock, "7.0.0", wish="^7.0.0"))
    assert "Yarn cannot lock pad 7.0.0" in said and "pad" in said.partition(": ")[2] and "\n" not in said
    said = await refused(best, registry, job(lock, "1.9.0", wish="~1.0.0"))
    assert "Yarn keeps pad at 1.0.0" in said
    for wish in ("https://evil.example/x.tgz", "git+https://evil.example/x.git", "acme/evil"):
        text = json.dumps({"name": "app", "dependencies": {"pad": "^1.1.0", "top": "1.0.0", "sly": wish}})
        said = await refused(best, registry, job(lock, "1.1.0", **{"package.json": text}))
        assert "wants to fetch from https://" in said or "Yarn cannot lock" in said, said


@pytest.mark.parametrize("kind", ["classic", "modern"])
async def test_a_registry_that_sends_elsewhere_or_is_away(best: Host, registry: Npm, kind: str) -> None:
    """A tarball at another server is not fetched; one that is away is asked again later."""
    lock = classic(registry.url, "^1.0.0") if kind == "classic" else modern("^1.0.0")
    registry.tarballs = "https://evil.example"
    assert "https://evil.example" in await refused(best, registry, job(lock, "1.1.0"))
    registry.fail = 503
    with pytest.raises(Transient):
        await relocked(best, registry, job(lock, "1.1.0"))


async def test_a_lock_of_an_older_format_is_not_written_anew(best: Host, registry: Npm) -> None:
    """All checksums in it would be others."""
    lock = modern("^1.0.0").replace("version: 8", "version: 6")
    with pytest.raises(Permanent, match="is of Yarn 2 or 3, and a newer one would write all of it anew"):
        await relocked(best, registry, job(lock, "1.1.0"))
