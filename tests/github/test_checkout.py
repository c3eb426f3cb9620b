"""Two plain trees out of a foreign repository: what would be merged, and nothing that could hurt."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.core.errors import Missing, Permanent, Refused, Transient
from bot.core.model import Sha
from bot.github import checkout, gitcmd
from bot.github.gitcmd import Git
from bot.tools.secrets import Secret

TOKEN = Secret("opaque-token-of-no-known-shape-0123456789")
FIXED = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_DATE": "2026-03-04T12:00:00Z",
    "GIT_COMMITTER_DATE": "2026-03-04T12:00:00Z",
} | {f"GIT_{role}_{what}": "x@y" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class Upstream:
    """A repository that somebody else owns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    @property
    def url(self) -> str:
        return f"file://{self.folder}"

    def git(self, *args: str, data: bytes | None = None) -> str:
        env = FIXED | {"PATH": os.environ["PATH"]}
        done = subprocess.run(["git", *args], cwd=self.folder, env=env, input=data, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def commit(self, files: dict[str, str | None], *, on: str = "main") -> Sha:
        """The files as given, or away where None, in one commit on a branch."""
        for path, text in files.items():
            place = self.folder / path
            if text is None:
                place.unlink()
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "-m", f"on {on}")
        return Sha(self.git("rev-parse", "HEAD"))

    def branch(self, name: str, start: str = "main") -> None:
        self.git("checkout", "--quiet", "-B", name, start)

    def raw_commit(self, lines: list[tuple[str, str, str]]) -> Sha:
        """A commit of a tree that git itself would not let anybody add: (mode, object, name)."""
        listed = b"".join(
            f"{mode} {name}\0".encode() + bytes.fromhex(sha) for mode, sha, name in sorted(lines, key=lambda x: x[2])
        )
        tree = self.git("hash-object", "-t", "tree", "--literally", "-w", "--stdin", data=listed)
        sha = Sha(self.git("commit-tree", tree, "-m", "raw"))
        self.git("update-ref", f"refs/heads/raw-{sha[:8]}", sha)
        return sha

    def blob(self, text: bytes) -> str:
        return self.git("hash-object", "-w", "--stdin", data=text)


@pytest.fixture
def upstream(tmp_path) -> Upstream:
    return Upstream(tmp_path / "upstream")


def files_of(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    return {
        path.relative_to(folder).as_posix(): f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
        for path in found
    }


async def test_a_head_on_top_of_its_base_is_taken_as_it_is(upstream, tmp_path):
    """Where merging changes nothing the candidate is the head itself; nothing of git is left in either folder."""
    base = upstream.commit({"a.txt": "1\n", "deep/b.sh": "run\n"})
    head = upstream.commit({"a.txt": "2\n"})
    got = await checkout.trees(upstream.url, None, base=base, head=head, into=tmp_path / "out")

    assert got.conflict is None and () == got.dropped
    assert {"a.txt": "1\n", "deep/b.sh": "run\n"} == files_of(got.base)
    assert {"a.txt": "2\n", "deep/b.sh": "run\n"} == files_of(got.candidate)


async def test_the_candidate_is_what_the_merge_would_give(upstream, tmp_path):
    """Both sides' changes are in it, a file that the base took away is away, and the merge is git's own."""
    upstream.commit({"a.txt": "1\n", "old.txt": "x\n", "b.txt": "1\n"})
    upstream.branch("update")
    head = upstream.commit({"b.txt": "2\n"})
    upstream.branch("main", "main")
    base = upstream.commit({"a.txt": "moved on\n", "old.txt": None})
    got = await checkout.trees(upstream.url, None, base=base, head=head, into=tmp_path / "out")

    assert {"a.txt": "moved on\n", "b.txt": "2\n"} == files_of(got.candidate)
    assert {"a.txt": "moved on\n", "b.txt": "1\n"} == files_of(got.base)


def a_conflict(upstream: Upstream) -> tuple[Sha, Sha]:
    upstream.commit({"pins.txt": "1\n", "other.txt": "1\n"})
    upstream.branch("update")
    head = upstream.commit({"pins.txt": "2\n", "other.txt": "2\n"})
    upstream.branch("main", "main")
    return upstream.commit({"pins.txt": "3\n", "other.txt": "3\n"}), head


async def test_a_conflict_is_told_in_words_and_nothing_is_made_up(upstream, tmp_path):
    """The files are named, the base is there, and there is no candidate that could be tried by mistake."""
    base, head = a_conflict(upstream)
    got = await checkout.trees(upstream.url, None, base=base, head=head, into=tmp_path / "out")

    assert "both sides changed other.txt, pins.txt" == got.conflict
    assert got.base.is_dir() and not got.candidate.exists()


async def test_an_older_git_merges_alike(upstream, tmp_path, monkeypatch):
    """Without `merge-tree` the same trees and the same words come out."""

    async def old(_git):
        return (2, 34)

    monkeypatch.setattr(checkout, "version", old)
    base, head = a_conflict(upstream)
    got = await checkout.trees(upstream.url, None, base=base, head=head, into=tmp_path / "one")
    assert "both sides changed other.txt, pins.txt" == got.conflict

    upstream.branch("other", f"{base}~1")
    beside = upstream.commit({"new.txt": "new\n"})
    got = await checkout.trees(upstream.url, None, base=base, head=beside, into=tmp_path / "two")
    assert {"new.txt": "new\n", "pins.txt": "3\n", "other.txt": "3\n"} == files_of(got.candidate)


async def test_many_conflicts_are_counted(upstream, tmp_path):
    """Five are named, the rest is a number."""
    names = [f"f{number}.txt" for number in range(8)]
    upstream.commit(dict.fromkeys(names, "1\n"))
    upstream.branch("update")
    head = upstream.commit(dict.fromkeys(names, "2\n"))
    upstream.branch("main", "main")
    base = upstream.commit(dict.fromkeys(names, "3\n"))
    got = await checkout.trees(upstream.url, None, base=base, head=head, into=tmp_path / "out")

    assert "both sides changed f0.txt, f1.txt, f2.txt, f3.txt, f4.txt and 3 more" == got.conflict


async def test_an_old_branch_is_found_far_back(upstream, tmp_path):
    """A branch that parted thirty commits ago is merged, though only a part of the past is fetched first."""
    upstream.commit({"a.txt": "1\n", "b.txt": "1\n"})
    upstream.branch("update")
    head = upstream.commit({"b.txt": "2\n"})
    upstream.branch("main", "main")
    for number in range(30):
        base = upstream.commit({"a.txt": f"{number}\n"})
    got = await checkout.trees(upstream.url, None, base=base, head=head, into=tmp_path / "out")

    assert {"a.txt": "29\n", "b.txt": "2\n"} == files_of(got.candidate)


async def test_strangers_are_not_merged(upstream, tmp_path):
    """Two histories without a common beginning are refused, and a commit that is not there is Missing."""
    base = upstream.commit({"a.txt": "1\n"})
    upstream.git("checkout", "--quiet", "--orphan", "other")
    head = upstream.commit({"b.txt": "1\n"})
    with pytest.raises(Permanent, match="no common ancestor"):
        await checkout.trees(upstream.url, None, base=base, head=head, into=tmp_path / "one")
    with pytest.raises(Missing, match="not our ref"):
        await checkout.trees(upstream.url, None, base=base, head=Sha("f" * 40), into=tmp_path / "two")


async def test_nothing_of_the_repository_runs(upstream, tmp_path):
    """No filter, merge driver, hook or submodule that a repository asks for is started or fetched."""
    proof = tmp_path / "proof"
    attributes = "*.txt filter=evil merge=evil diff=evil\n*.bin filter=lfs\n"
    modules = f'[submodule "s"]\n\tpath = s\n\turl = file://{upstream.folder}\n\tupdate = !touch {proof}\n'
    upstream.git("config", "filter.evil.smudge", f"touch {proof}")
    upstream.commit({".gitattributes": attributes, "a.txt": "1\n", "b.bin": "version https://git-lfs\n"})
    upstream.git("update-index", "--add", "--cacheinfo", f"160000,{'a' * 40},s")
    base = upstream.commit({".gitmodules": modules, ".gitconfig": f"[core]\n\tfsmonitor = touch {proof}\n"})
    upstream.branch("update", f"{base}~1")
    head = upstream.commit({"a.txt": "2\n"})
    got = await checkout.trees(upstream.url, None, base=base, head=head, into=tmp_path / "out")

    assert not proof.exists()
    assert "2\n" == (got.candidate / "a.txt").read_text()
    assert "version https://git-lfs\n" == (got.candidate / "b.bin").read_text()
    assert [] == list(got.candidate.rglob(".git"))


async def test_export_rules_of_the_repository_change_nothing(upstream, tmp_path):
    """A repository that keeps its tests out of archives is tried with its tests, byte for byte."""
    attributes = "tests export-ignore\n*.txt export-subst\n"
    base = upstream.commit({".gitattributes": attributes, "tests/t.py": "x\n", "v.txt": "$Format:%H$\r\n"})
    got = await checkout.trees(upstream.url, None, base=base, head=base, into=tmp_path / "out")

    assert (got.base / "tests/t.py").exists()
    assert b"$Format:%H$\r\n" == (got.base / "v.txt").read_bytes()


async def test_no_link_leads_out_of_the_tree(upstream, tmp_path):
    """Links within the tree work; one that leads out, directly or by way of others, is left out and named."""
    inner = upstream.folder / "d" / "e"
    inner.mkdir(parents=True)
    (inner / "real.txt").write_text("real\n")
    links = {
        "good": "d/e/real.txt",
        "folder": "d/e",
        "dangling": "nowhere",
        "up": "../outside",
        "abs": "/etc/passwd",
        "round": "round",
        "d/e/root": "../..",
        "sly": "d/e/root/..",
        "chain": "up/x",
    }
    for name, target in links.items():
        (upstream.folder / name).symlink_to(target)
    base = upstream.commit({})
    got = await checkout.trees(upstream.url, None, base=base, head=base, into=tmp_path / "out")

    assert ("abs", "chain", "round", "sly", "up") == tuple(sorted(set(got.dropped)))
    assert {"good", "folder", "dangling", "d/e/root", "d/e/real.txt"} == set(files_of(got.base))
    assert "real\n" == (got.candidate / "folder/real.txt").read_text()


NAMES = st.sampled_from(["a", "b", "c", "d"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
TARGETS = st.lists(NAMES | st.just(".."), min_size=1, max_size=4).map("/".join) | st.just("/etc")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@example(links={"a": "b/../..", "b": "a/a"})  # each alone is in a circle; without b, a leads out
@given(links=st.dictionaries(PATHS, TARGETS, max_size=6))
def test_after_taming_everything_read_is_inside(links, tmp_path):
    """However links are nested, what is left leads to nothing outside, in as many steps as one likes."""
    folder = tmp_path / "tree"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path, target in links.items():
        place = folder / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            if place.parent.resolve().is_relative_to(folder.resolve()):  # as git, which writes through no link
                place.symlink_to(target)
        except OSError:
            continue
    dropped = checkout.tame(folder)
    for link in folder.rglob("*"):
        assert link.resolve().is_relative_to(folder.resolve())
        assert link.relative_to(folder).as_posix() not in dropped


def test_a_knot_of_links_is_cut(tmp_path, monkeypatch):
    """Where links keep changing each other's ends beyond reason, all of them go, and files stay."""
    monkeypatch.setattr(checkout, "MOST_ROUNDS", 1)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("x")
    for name, target in {"a": "b/../..", "b": "a/a", "good": "file"}.items():
        (tmp_path / "tree" / name).symlink_to(target)
    assert {"a", "b", "good"} == set(checkout.tame(tmp_path / "tree"))
    assert {"file": "x"} == files_of(tmp_path / "tree")


@pytest.mark.parametrize("name", [".git", ".GIT", "..", "git~1"])
async def test_a_tree_that_would_write_into_git_is_refused(upstream, tmp_path, name):
    """A hand-made tree with git's own folder in it, under any of its names, is not laid out."""
    blob = upstream.blob(b"[core]\n\tfsmonitor = false\n")
    inner = upstream.git("mktree", data=f"100644 blob {blob}\tconfig\n".encode())
    sha = upstream.raw_commit([("40000", inner, name)])
    with pytest.raises(Permanent, match="invalid path"):
        await checkout.trees(upstream.url, None, base=sha, head=sha, into=tmp_path / "out")
    assert not (tmp_path / "config").exists()


async def test_a_tree_too_large_to_lay_out_is_refused_before_it_is(upstream, tmp_path, monkeypatch):
    """A few packed kilobytes of zeros do not fill the disk."""
    monkeypatch.setattr(checkout, "MOST_BYTES", 1024 * 1024)
    base = upstream.commit({"zeros": "0" * (3 * 1024 * 1024)})
    with pytest.raises(Permanent, match="1 files of 3 MiB"):
        await checkout.trees(upstream.url, None, base=base, head=base, into=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ext::sh -c touch% /tmp/x", "https only|only https"),
        ("ssh://git@git.example/a/b", "only https"),
        ("/srv/repo", "without a scheme"),
        ("http://git.example/a/b.git", "in the clear"),
        ("https://user:secret@git.example/a.git", "password"),
    ],
)
async def test_other_ways_are_not_gone(url, why, tmp_path):
    """Only https is spoken to the outside, and a token never in the clear."""
    with pytest.raises(Permanent, match=why):
        await checkout.trees(url, TOKEN, base=Sha("a" * 40), head=Sha("b" * 40), into=tmp_path / "out")


@pytest.mark.parametrize("sha", ["--upload-pack=touch /tmp/x", "main", "", "a" * 39, "A" * 40, "a" * 40 + "\n"])
async def test_only_a_commits_name_is_an_argument(sha, tmp_path):
    """No branch name and no option gets into a command."""
    with pytest.raises(Permanent, match="no commit's name"):
        await checkout.trees("https://git.example/a", None, base=Sha(sha), head=Sha("b" * 40), into=tmp_path / "out")


async def served(answer):
    """A server that answers git as told; its address and the runner to stop it."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return "http://{}:{}/a/b.git".format(*runner.addresses[0][:2]), runner


async def test_the_token_goes_to_git_unseen(tmp_path, monkeypatch):
    """The server gets it; no command line, file, error or redirect's target does, plain or encoded."""
    shim, seen = tmp_path / "bin", tmp_path / "seen"
    shim.mkdir()
    keep = f'printf "%s\\n" "$*" >> {seen}; cat "$GIT_DIR/config" >> {seen} 2>/dev/null'
    script = f'#!/bin/sh\n{keep}\nexec {shutil.which("git")} "$@"\n'
    (shim / "git").write_text(script)
    (shim / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim}:{os.environ['PATH']}")
    headers: list[str] = []
    lured: list[str] = []

    async def trap(request):
        lured.append(request.headers.get("authorization", ""))
        return web.Response(status=404)

    elsewhere, trap_runner = await served(trap)

    async def answer(request):
        headers.append(request.headers.get("authorization", ""))
        if len(headers) == 1:
            return web.Response(status=403, text=f"no: {request.headers['authorization']}")
        return web.Response(status=302, headers={"location": f"{elsewhere}/info/refs?service=git-upload-pack"})

    url, runner = await served(answer)
    told = []
    for _ in ("refused", "sent elsewhere"):
        with pytest.raises(Refused) as caught:
            await checkout.trees(url, TOKEN, base=Sha("a" * 40), head=Sha("b" * 40), into=tmp_path / "out")
        told.append(str(caught.value))
    await runner.cleanup()
    await trap_runner.cleanup()

    encoded = base64.b64encode(f"x-access-token:{TOKEN.reveal()}".encode()).decode()
    assert f"Basic {encoded}" == headers[0]
    assert [] == lured
    assert "fetch" in seen.read_text()
    for text in (seen.read_text(), *told, repr(Git(folder=tmp_path, url=url, token=TOKEN))):
        assert TOKEN.reveal() not in text and encoded not in text


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Transient), (403, Refused), (404, Missing), (500, Transient), (503, Transient)]
)
async def test_why_git_could_not_fetch_is_sorted(status, kind, tmp_path):
    """Not allowed and not there are for a person; a server in trouble, or a token that was revoked, is tried again."""

    async def answer(request):
        return web.Response(status=status)

    url, runner = await served(answer)
    with pytest.raises(kind, match="git fetch"):
        await checkout.trees(url, TOKEN, base=Sha("a" * 40), head=Sha("b" * 40), into=tmp_path / "out")
    await runner.cleanup()
    with pytest.raises(Transient):  # nobody listens any more
        await checkout.trees(url, TOKEN, base=Sha("a" * 40), head=Sha("b" * 40), into=tmp_path / "out")


async def test_a_git_that_hangs_is_ended(upstream):
    """After its time git and its helpers are gone, and the step is tried again later."""
    git = Git(folder=upstream.folder, url=upstream.url, seconds=0.2)
    with pytest.raises(Transient, match="more than"):
        await git("-c", "alias.hang=!sleep 61.0417", "hang")
    for _ in range(500):  # a killed process takes its moment to go
        if not any(_reads(name) == b"sleep\x0061.0417\x00" for name in Path("/proc").glob("[0-9]*/cmdline")):
            return
        await asyncio.sleep(0.01)
    pytest.fail("its helper still runs")


async def test_a_tree_without_end_is_not_listed_to_its_end(upstream):
    """A few small objects that hold one another make a tree of more files than memory has room for."""
    git = Git(folder=upstream.folder / ".git", url=upstream.url, most=1 << 20)
    held = f"100644 blob {upstream.blob(b'x')}\tx"
    for _ in range(6):
        tree = upstream.git("mktree", data=held.encode())
        held = "\n".join(f"040000 tree {tree}\t{number}" for number in range(10))
    with pytest.raises(Permanent, match="git ls-tree said more than 1 MiB"):
        await git("ls-tree", "-r", "-z", tree)


def _reads(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


async def test_without_git_the_mend_is_named(tmp_path, monkeypatch):
    """Who has no git learns to install it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Permanent, match="install git"):
        await Git(folder=tmp_path, url="file:///x")("--version")


async def test_nothing_of_this_machine_changes_what_git_does(upstream, tmp_path, monkeypatch):
    """Settings of the user, of the system and in the environment are not read."""
    settings_file = tmp_path / "gitconfig"
    settings_file.write_text('[core]\n\tsymlinks = false\n[url "file:///nowhere/"]\n\tinsteadOf = file://\n')
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, str(settings_file))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    base = upstream.commit({"a.txt": "1\n"})
    got = await checkout.trees(upstream.url, None, base=base, head=base, into=tmp_path / "out")

    assert {"a.txt": "1\n"} == files_of(got.base)
    assert (2, 20) < await checkout.version(Git(folder=tmp_path, url="file:///x"))
    assert "core.hooksPath" in gitcmd.SETTINGS
