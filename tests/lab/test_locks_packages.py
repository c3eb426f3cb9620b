"""The locks of pnpm and Yarn: what is made of the tools' answers, and where the tools are, without the tools."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import ConfigProblem, Missing, Permanent
from bot.core.lockfiles import Moved
from bot.core.model import Component
from bot.lab import resolver
from bot.lab.host import Host
from bot.lab.locking import packages, pnpm, yarn
from bot.lab.locking.gateway import Document
from bot.lab.locking.packages import Registries
from bot.lab.locking.programs import Program
from bot.lab.locking.showing import Npm
from bot.lab.locks import LockJob, Locksmith, Relocked, Room
from bot.tools.http import Http, Reach
from bot.tools.npm import NpmSettings
from bot.tools.pip import IndexSettings
from tests.lab import pnpm_locks, yarn_locks

PACKAGES: dict[str, dict[str, Mapping[str, Any]]] = {
    "pad": {"1.0.0": {}, "1.1.0": {"dependencies": {"tie": "^1.0.0"}}},
    "tie": {"1.0.0": {}},
    "top": {"1.0.0": {"dependencies": {"tie": "^1.0.0"}}},
}
REGISTRY = "https://npm.example"
PUBLIC = packages.public_registry()


def pnpm_lock(wish: str, pad: str = "1.0.0", **more: Mapping[str, str]) -> str:
    """pad and top, which needs tie."""
    needs = {} if pad == "1.0.0" else {"tie": "1.0.0"}
    held = [("pad", pad, needs), ("tie", "1.0.0", {}), ("top", "1.0.0", {"tie": "1.0.0"})]
    return pnpm_locks.lock_of(PACKAGES, {"pad": (wish, pad), "top": ("1.0.0", "1.0.0")}, held, **more)


def classic(wish: str, pad: str = "1.0.0", registry: str = REGISTRY) -> str:
    """The same as Yarn 1 writes it."""
    needs = PACKAGES["pad"][pad].get("dependencies", {})
    held = [(f"pad@{wish}", pad, needs), ("tie@^1.0.0", "1.0.0", {}), ("top@1.0.0", "1.0.0", {"tie": "^1.0.0"})]
    return yarn_locks.classic(PACKAGES, registry, held)


def modern(wish: str, pad: str = "1.0.0", **more: Any) -> str:
    """The same as Yarn 4 writes it."""
    needs = PACKAGES["pad"][pad].get("dependencies", {})
    held = [(f"pad@npm:{wish}", pad, needs), ("tie@npm:^1.0.0", "1.0.0", {}),
            ("top@npm:1.0.0", "1.0.0", {"tie": "^1.0.0"})]  # fmt: skip
    return yarn_locks.modern(held, {"pad": wish, "top": "1.0.0"}, **more)


MAKERS = {"pnpm": pnpm_lock, "classic": classic, "modern": modern}
NAMES = {"pnpm": "pnpm-lock.yaml", "classic": "yarn.lock", "modern": "yarn.lock"}

# Where a lock says the checksum of tie, and all that it says of the bytes of pad.
SPOTS = {
    "pnpm": (r"(tie@1.0.0:\n    resolution: \{integrity: )[^}]*", r"\{integrity: ([^}]*)\}(?=\n\n  tie@)"),
    "classic": (r"(tie-1.0.0[^\n]*\n  integrity )\S+", r'(#\w+)?"\n  integrity \S+(?=\n  depend)'),
    "modern": (
        r"(tie@npm:1.0.0\"\n  checksum: )\S+",
        r'  checksum: \S+\n(?=  languageName: node\n  linkType: hard\n\n"tie)',
    ),
}


# --- tools that lie --------------------------------------------------------------------------------------------------


def answering(folder: Path, kind: str, text: str, *, code: int = 0) -> Program:
    """A tool that hands back this text, or shows what it was given and fails."""
    lock = NAMES[kind]
    folder.mkdir(exist_ok=True)
    (folder / "answer").write_bytes(text.encode())
    script = folder / "tool"
    settings = ".yarnrc.yml" if kind == "modern" else ".npmrc"
    shown = f"head -c 300 package.json; cat {lock} {settings}; exit {code}"
    script.write_text(f'#!/bin/sh\n[ {code} = 0 ] || {{ {shown}; }}\ncat "{folder}/answer" > {lock}\n')
    for path in (folder, script):
        path.chmod(0o755)
    return Program(command=(str(script),), folders=(folder,), version=(1, 22) if kind == "classic" else (4, 18))


@asynccontextmanager
async def smith(host: Host, settings: NpmSettings) -> AsyncIterator[Locksmith]:
    """The locksmith of a machine whose npm has these settings."""
    there = Reach(trusted=settings.hosts)
    async with Http(there) as http:
        room = Room(host=host, http=http, reach=there, seconds=60, memory_mib=512)
        yield Locksmith(room=room, uv=resolver.find_uv(IndexSettings()), npm=lambda: settings)


def job(kind: str, lock: str, *, wish: str = "^1.1.0", version: str = "1.1.0", **more: str) -> LockJob:
    """pad moves to a version. more: other files, or the manifest."""
    text = json.dumps({"name": "app", "version": "1.0.0", "dependencies": {"pad": wish, "top": "1.0.0"}})
    files = {"package.json": text, NAMES[kind]: lock, **more}
    component = Component(name="pad", ecosystem="npm")
    return LockJob(files=files, lock=NAMES[kind], manifest="package.json", component=component, version=version)


async def relocked(
    host: Host, work: LockJob, program: Program, monkeypatch: pytest.MonkeyPatch, registry: str = REGISTRY
) -> Relocked:
    """What comes of it where the tool answers so."""

    async def public(program: Program) -> tuple[str, ...]:
        return ("https://yarn.example",)

    monkeypatch.setattr(pnpm, "find", lambda: program)
    monkeypatch.setattr(yarn, "find", lambda *, classic: program)
    monkeypatch.setattr(yarn, "_public", public)
    async with smith(host, NpmSettings(registry=registry)) as one:
        return await one.lock(work)


@pytest.mark.parametrize("kind", list(MAKERS))
async def test_a_lock_that_is_what_was_asked_for_is_taken(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """With the line ends that it had."""
    old, new = MAKERS[kind]("^1.0.0"), MAKERS[kind]("^1.1.0", "1.1.0")
    for end in ("\n", "\r\n"):
        program = answering(tmp_path / "bin", kind, new)
        made = await relocked(host, job(kind, old.replace("\n", end)), program, monkeypatch)
        assert made.files == {NAMES[kind]: new.replace("\n", end)}
        assert made.moved == (Moved("pad", "1.0.0", "1.1.0"),)


@pytest.mark.parametrize("kind", list(MAKERS))
async def test_what_the_tool_says_is_held_against_what_was_asked(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Another version, other bytes, a server of strangers, no checksum, or no lock at all."""
    old, right = MAKERS[kind]("^1.0.0"), MAKERS[kind]("^1.1.0", "1.1.0")
    tie, bare = SPOTS[kind]
    cases = [
        (old, "keeps pad at 1.0.0"),
        (old.replace("pad", "bad"), "keeps pad at no version"),
        (re.sub(tie, r"\1sha512-evil", right), "other files under the old version of tie 1.0.0"),
        (right + "\n{" if kind != "pnpm" else "{", "cannot be read" if kind != "pnpm" else "only 9.0 is known"),
    ]
    if kind == "modern":
        away = right.replace('"pad@npm:1.1.0"', '"pad@npm:1.1.0::__archiveUrl=https%3A%2F%2Fevil.example%2Fpad.tgz"')
        cases += [(away, "sends pad to https://evil.example"), (re.sub(bare, "", right), "no checksum for pad")]
    elif kind == "pnpm":
        away = re.sub(bare, r"{integrity: \1, tarball: https://evil.example/pad.tgz}", right)
        assert away != right
        cases += [
            (away, "sends pad to https://evil.example"),
            (re.sub(bare, "{tarball: https://npm.example/pad/-/pad-1.1.0.tgz}", right), "no checksum for pad"),
        ]
    else:
        away = right.replace(f"{REGISTRY}/pad", "https://evil.example/pad")
        cases += [(away, "sends pad to https://evil.example"), (re.sub(bare, '"', right), "no checksum for pad")]
    for text, why in cases:
        with pytest.raises(ConfigProblem, match=re.escape(why)):
            await relocked(host, job(kind, old), answering(tmp_path / "bin", kind, text), monkeypatch)


@pytest.mark.parametrize("kind", list(MAKERS))
async def test_the_tool_is_given_this_machines_registry_and_none_of_the_projects(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Nor the name of the tool's own version, which it would fetch and run."""
    text = json.dumps({"name": "app", "packageManager": "x@1.0.0", "dependencies": {"pad": "^1.0.0"}})
    more = {
        "package.json": text, ".npmrc": "registry=https://evil.example\nauto-install-peers=false\n",
        ".yarnrc.yml": "npmRegistryServer: https://evil.example\nyarnPath: ./x.cjs\ncompressionLevel: 9\n",
    }  # fmt: skip
    program = answering(tmp_path / "bin", kind, "", code=3)
    with pytest.raises(ConfigProblem, match="cannot lock pad") as caught:
        await relocked(host, job(kind, MAKERS[kind]("^1.0.0"), **more), program, monkeypatch)
    said = str(caught.value)
    assert REGISTRY in said and "evil.example" not in said and "packageManager" not in said and "yarnPath" not in said
    if kind == "pnpm":
        assert '"pad": "1.1.0"' in said and "auto-install-peers=false" in said
    else:
        assert "pad@" not in said.replace("pad@^1.1", ""), "the block of what moves was taken out of the lock"
    assert ('"compressionLevel": 9' in said) == (kind == "modern")


async def test_what_cannot_be_made_is_said_before_anything_is_started(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hooks of the project, formats of long ago, manifests that name nothing, names that are none."""
    nobody = Program(command=("/nowhere",), folders=(), version=(4, 18))
    hooked = pnpm_lock("^1.0.0").replace("importers:", "pnpmfileChecksum: abc\n\nimporters:", 1)
    for work, why in (
        (job("pnpm", hooked), "shaped by hooks of the project"),
        (
            job("pnpm", pnpm_lock("^1.0.0"), **{"pnpm-workspace.yaml": "configDependencies:\n  x: 1\n"}),
            "shaped by hooks",
        ),
        (job("pnpm", pnpm_lock("^1.0.0"), **{"package.json": "{}"}), "names no range of pad"),
        (job("classic", classic("^1.0.0"), **{"package.json": "[]"}), "is no package.json"),
        (job("classic", classic("^1.0.0"), **{"package.json": "{"}), "is no package.json"),
        (job("modern", modern("^1.0.0"), **{"package.json": '{"dependencies": []}'}), "is no package.json"),
        (job("modern", modern("^1.0.0"), version="one"), "is no package of npm"),
        (job("modern", modern("^1.0.0"), **{".yarnrc.yml": "[1"}), ".yarnrc.yml"),
    ):
        with pytest.raises(ConfigProblem, match=why):
            await relocked(host, work, nobody, monkeypatch)
    with pytest.raises(Permanent, match="is of Yarn 2 or 3"):
        await relocked(host, job("modern", modern("^1.0.0", version=6)), nobody, monkeypatch)


async def test_a_lock_in_another_format_is_not_taken(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever works on the project could not read it."""
    program = answering(tmp_path / "bin", "modern", modern("^1.1.0", "1.1.0", version=9))
    with pytest.raises(Permanent, match=r"writes yarn\.lock in another format"):
        await relocked(host, job("modern", modern("^1.0.0")), program, monkeypatch)


async def test_behind_a_mirror_a_classic_lock_keeps_the_public_name(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of its two names the lock has."""
    for name in (PUBLIC, "https://yarn.example"):
        kept, old = classic("^1.1.0", "1.1.0", registry=name), classic("^1.0.0", registry=name)
        program = answering(tmp_path / "bin", "classic", kept.replace(f"{name}/pad", f"{REGISTRY}/pad"))
        assert (await relocked(host, job("classic", old), program, monkeypatch)).files == {"yarn.lock": kept}
    old, new = (
        classic(wish, pad, registry="https://yarn.example") for wish, pad in (("^1.0.0", "1.0.0"), ("^1.1.0", "1.1.0"))
    )
    program = answering(tmp_path / "bin", "classic", new.replace("https://yarn.example/pad", f"{PUBLIC}/pad"))
    assert (await relocked(host, job("classic", old), program, monkeypatch, registry=PUBLIC)).files == {
        "yarn.lock": new
    }


# --- texts -----------------------------------------------------------------------------------------------------------


def test_words_about_what_did_not_move_stay() -> None:
    """A package may be called old since; that is no news of this change."""
    old = pnpm_lock("^1.0.0", more={"tie@1.0.0": "    engines: {node: '>=18'}\n"})
    new = pnpm_lock("^1.1.0", "1.1.0", more={"tie@1.0.0": "    deprecated: use another\n"})
    assert pnpm.quiet(old, new) == pnpm_lock("^1.1.0", "1.1.0", more={"tie@1.0.0": "    engines: {node: '>=18'}\n"})
    other = new.replace(
        "tie@1.0.0:\n    resolution: {integrity: sha512-", "tie@1.0.0:\n    resolution: {integrity: sha1-"
    )
    assert pnpm.quiet(old, other) == other


ASKED = st.dictionaries(st.sampled_from(["pad", "@acme/own", "tie"]), st.sampled_from(["^1.0.0", "~1.0.0"]), min_size=1)


@given(st.lists(ASKED, min_size=1, max_size=3), st.booleans(), st.sampled_from(["pad", "@acme/own"]))
def test_only_what_the_manifests_ask_is_taken_out(wishes: list[dict[str, str]], is_classic: bool, name: str) -> None:
    """Every other wish keeps its block and all that stands in it."""
    known = {one: {"1.0.0": {}} for one in ("pad", "@acme/own", "tie")}
    mark = "" if is_classic else "npm:"
    asked = sorted({(key, wish) for one in wishes for key, wish in one.items()})
    taken = {(key, wish) for key, wish in asked if key == name and wish == "^1.0.0"}

    def text(pairs: list[tuple[str, str]]) -> str:
        held = [(", ".join(f"{key}@{mark}{wish}" for key, wish in pairs if key == one), "1.0.0", {})
                for one in sorted({key for key, _ in pairs})]  # fmt: skip
        return yarn_locks.classic(known, REGISTRY, held) if is_classic else yarn_locks.modern(held, {})

    left = yarn.without(text(asked), taken, classic=is_classic)
    assert left.split() == text([one for one in asked if one not in taken]).split()


def test_complaints_are_one_paragraph() -> None:
    """Without codes, progress and colours."""
    said = "➤ YN0000: · Yarn 4.18.1\n➤ YN0082: │ pad@npm:^7: No candidates found\n➤ YN0000: └ Completed\n"
    assert "pad@npm:^7: No candidates found" in yarn.in_plain_words(said) and "YN0" not in yarn.in_plain_words(said)
    said = 'info Visit x\nerror Couldn\'t find any versions for "pad"\n'
    assert yarn.in_plain_words(said) == 'Couldn\'t find any versions for "pad"'
    said = "Progress: resolved 1\n ERR_PNPM_NO_MATCHING_VERSION  No matching version found for pad@7.0.0\n"
    assert pnpm.in_plain_words(said) == "No matching version found for pad@7.0.0"


# --- what a registry shows -------------------------------------------------------------------------------------------


async def shown(body: str, url: str = f"{REGISTRY}/@acme%2fown", name: str = "@acme/own") -> Any:
    """The document that the desk makes of one."""

    async def get(asked: str, accept: str) -> Document:
        return Document(body.encode(), "application/json")

    made = await Npm(REGISTRY, name, "1.1.0", ["1.0.0"]).answer(url, get)
    return None if made is None else json.loads(made.body)


async def test_of_one_package_only_the_chosen_version_is_shown() -> None:
    """And those that are locked; all other packages are shown as they are."""
    told = {"name": "@acme/own", "dist-tags": {"latest": "2.0.0"}, "versions": {"1.0.0": 1, "1.1.0": 2, "1.2.0": 3}}
    assert await shown(json.dumps(told)) == {
        "name": "@acme/own", "dist-tags": {"latest": "1.1.0"}, "versions": {"1.0.0": 1, "1.1.0": 2},
    }  # fmt: skip
    assert await shown(json.dumps(told), url=f"{REGISTRY}/tie") is None
    with pytest.raises(Missing, match=r"has no version 1\.1\.0"):
        await shown(json.dumps({"versions": {"1.0.0": 1}}))
    for odd in ("{", "[]", '{"versions": 1}'):
        with pytest.raises(ConfigProblem, match="cannot be read"):
            await shown(odd)


def test_the_main_registry_stands_for_every_name_of_the_public_one() -> None:
    """With its own login, and each scope with its own."""
    there = Registries(
        settings=NpmSettings(registry=f"{REGISTRY}/", scopes={"@acme": "https://acme.example"}),
        public=("https://yarn.example",),
    )
    assert {(one.url, one.asked) for one in there.places} == {
        (PUBLIC, REGISTRY), ("https://yarn.example", REGISTRY), (REGISTRY, REGISTRY),
        ("https://acme.example", "https://acme.example"),
    }  # fmt: skip
    assert there.npmrc("a=b") == f"registry={REGISTRY}/\n@acme:registry=https://acme.example/\na=b\n"


# --- where the tools are ---------------------------------------------------------------------------------------------


def installed(folder: Path, name: str, version: str, script: str, body: str = "#!/usr/bin/env node\n") -> Path:
    """A package of npm's with a program, and a link to it, as `npm install --global` leaves it."""
    place = folder / "lib" / "node_modules" / name
    (place / script).parent.mkdir(parents=True)
    (place / script).write_text(body)
    (place / script).chmod(0o755)
    (place / "package.json").write_text(json.dumps({"name": name, "version": version}))
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / ("pnpm" if "pnpm" in name else "yarn")).symlink_to(place / script)
    return folder / "bin"


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A folder with a Node in it."""
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / "node").symlink_to(sys.executable)
    return tmp_path / "node"


def test_each_kind_of_yarn_is_found_although_they_bear_one_name(
    tmp_path: Path, node: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever order; a script of corepack is none, for it would have to fetch Yarn first."""
    bins = [
        installed(tmp_path / "a", "corepack", "0.30.0", "dist/yarn.js"),
        installed(tmp_path / "b", "@yarnpkg/cli-dist", "4.18.1", "bin/yarn.js"),
        installed(tmp_path / "c", "yarn", "1.22.22", "bin/yarn.js"),
    ]
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, [node, *bins])))
    assert yarn.find(classic=False).version == (4, 18, 1)
    found = yarn.find(classic=True)
    assert found.command == (str((node / "node").resolve()), str(tmp_path / "c/lib/node_modules/yarn/bin/yarn.js"))
    assert tmp_path / "c/lib/node_modules" in found.folders
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, [node, bins[0]])))
    for is_classic, why in ((True, r"Yarn 1 is not installed.*yarn@1"), (False, r"Yarn 4 or newer.*@yarnpkg/cli-dist")):
        with pytest.raises(Permanent, match=why):
            yarn.find(classic=is_classic)


def test_pnpm_is_found_in_all_its_forms(tmp_path: Path, node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script for Node, a program of its own, and a script for the shell that stands for one for Node."""
    script = installed(tmp_path / "a", "pnpm", "10.1.0", "bin/pnpm.cjs")
    native = installed(tmp_path / "b", "pnpm", "12.1.0", "pnpm", "\x7fELF")
    shell = installed(tmp_path / "c", "pnpm", "12.1.0", "pnpm", "# sh\n")
    for folder in ("b", "c"):
        inner = tmp_path / folder / "lib/node_modules/pnpm/bin/pnpm.mjs"
        inner.parent.mkdir()
        inner.write_text("")
    for folder, last in ((script, "bin/pnpm.cjs"), (native, "pnpm"), (shell, "bin/pnpm.mjs")):
        monkeypatch.setenv("PATH", os.pathsep.join(map(str, [node, folder])))
        found = pnpm.find()
        assert found.command[-1] == str(folder.parent / "lib/node_modules/pnpm" / last)
        assert len(found.command) == (1 if folder == native else 2)
    old = installed(tmp_path / "d", "pnpm", "8.15.0", "bin/pnpm.cjs")
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, [node, old])))
    with pytest.raises(Permanent, match=r"pnpm 8\.15\.0 writes an older format"):
        pnpm.find()
    (tmp_path / "d/lib/node_modules/pnpm/package.json").write_text("[")
    with pytest.raises(Permanent, match=r"no pnpm is installed.*npm install --global pnpm"):
        pnpm.find()
    monkeypatch.setenv("PATH", str(script))
    with pytest.raises(Permanent, match="no pnpm is installed"):
        pnpm.find()


async def test_yarn_1_says_how_it_calls_the_public_registry(tmp_path: Path) -> None:
    """One that says nothing of use has no name for it."""
    script = tmp_path / "yarn"
    program = Program(command=(str(script),), folders=(), version=(1, 22))
    for said, names in (("https://yarn.example/", ("https://yarn.example",)), ("", ()), ("undefined", ())):
        script.write_text(f"#!/bin/sh\necho {said}\n")
        script.chmod(0o755)
        assert await yarn._public(program) == names


async def test_one_member_of_a_workspace_moves_in_a_folder(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock's own folder is where the tool runs."""
    work = job("classic", classic("^1.0.0"))
    inner = replace(
        work,
        lock="web/yarn.lock",
        manifest="web/package.json",
        files={f"web/{path}": text for path, text in work.files.items()},
    )
    new = classic("^1.1.0", "1.1.0")
    made = await relocked(host, inner, answering(tmp_path / "bin", "classic", new), monkeypatch)
    assert made.files == {"web/yarn.lock": new}
