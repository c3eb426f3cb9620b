"""Commits through the API: the same twice, as git has them, and never a part for the whole."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime

import pytest

from bot.core.errors import Missing, Refused
from bot.core.model import InstallationId, Sha
from bot.demo.box.git import Person
from bot.github import apps, checkout, commits
from tests.github.hub import hub_and_forge, said
from tests.github.town import REPO, town

BY = commits.Author(name="surefoot", email="surefoot@bot.invalid", at=datetime(2026, 3, 4, 12, 0, tzinfo=UTC))
NOWHERE = Sha("f" * 40)


async def test_the_same_change_is_the_same_commit_however_often_it_is_made(shop):
    """A step that was killed after its commit makes the very same commit when it runs again, to the last bit."""
    change = {"requirements.txt": "a==2\n", "new/file.txt": "new\n", "README.md": None}
    first = await commits.commit(shop.gh, REPO, parent=shop.tip, files=change, message="Update a\n", author=BY)
    again = await commits.commit(shop.gh, REPO, parent=shop.tip, files=change, message="Update a\n", author=BY)

    assert first == again
    assert {"deep/run.sh", "deep/er/x.txt", "requirements.txt", "new/file.txt"} == {
        file.path for file in await commits.tree(shop.gh, REPO, first)
    }
    info = await commits.commit_info(shop.gh, REPO, first)
    assert ((shop.tip,), BY) == (info.parents, info.author)
    assert info.message.startswith("Update a")
    assert "a==2\n" == await commits.read(shop.gh, REPO, "requirements.txt", first)
    fsck = subprocess.run(["git", "fsck", "--strict"], cwd=shop.repo.git.path, capture_output=True, text=True)
    assert 0 == fsck.returncode, fsck.stderr


async def test_a_script_stays_a_script(shop):
    """A rewritten file keeps its mode, at the root and deep down; a new one is plain."""
    change = {"deep/run.sh": "#!/bin/sh\necho\n", "deep/er/x.txt": "y\n", "deep/new.sh": "#!/bin/sh\n"}
    sha = await commits.commit(shop.gh, REPO, parent=shop.tip, files=change, message="m", author=BY)
    modes = {file.path: file.mode for file in await commits.tree(shop.gh, REPO, sha)}

    assert ("100755", "100644", "100644") == (modes["deep/run.sh"], modes["deep/er/x.txt"], modes["deep/new.sh"])


async def test_no_change_is_no_commit(shop):
    """Writing what is there already, or taking away what is not there, answers the parent and makes nothing."""
    for files in ({"requirements.txt": "a==1\n"}, {"no/such.txt": None}, {}):
        same = await commits.commit(shop.gh, REPO, parent=shop.tip, files=files, message="m", author=BY)
        assert shop.tip == same
    assert [] == shop.asked("POST", "/git/commits")


async def test_without_an_author_github_signs(shop):
    """GitHub names the App itself, then."""
    sha = await commits.commit(shop.gh, REPO, parent=shop.tip, files={"x": "y"}, message="m")
    assert "surefoot" in (await commits.commit_info(shop.gh, REPO, sha)).author.name


async def test_what_is_no_plain_file_is_not_written(shop):
    """A link is not written through, a file is no folder, and the message names the path."""
    link = await shop.repo.git.write_blob(b"/etc/passwd")
    tree = await shop.repo.git.write_tree(shop.tip, [("120000", link, "link")])
    person = Person(name="x", email="y", date=BY.at)
    parent = await shop.repo.git.write_commit(tree, [shop.tip], "m", author=person)
    for path in ("link", "link/below", "README.md/below", "deep"):
        with pytest.raises(Refused, match=path.partition("/")[0]):
            await commits.commit(shop.gh, REPO, parent=Sha(parent), files={path: "x"}, message="m", author=BY)
    assert [] == shop.asked("POST", "/git/trees")


async def test_a_branch_is_made_once_and_an_other_hand_is_seen(shop):
    """Made twice it is there once; where it points elsewhere already, that is what is answered."""
    sha = await commits.commit(shop.gh, REPO, parent=shop.tip, files={"x": "y"}, message="m", author=BY)
    name = "surefoot/a-1.0+x"
    assert await commits.branch(shop.gh, REPO, name) is None
    assert sha == await commits.create_branch(shop.gh, REPO, name, sha)
    assert sha == await commits.create_branch(shop.gh, REPO, name, sha)
    assert sha == await commits.create_branch(shop.gh, REPO, name, shop.tip)
    assert sha == await commits.branch(shop.gh, REPO, name)

    with pytest.raises(Refused):
        await commits.create_branch(shop.gh, REPO, "surefoot/other", NOWHERE)


async def test_a_branch_moves_forward_and_back_only_by_force(shop):
    """What others pushed is not lost by an ordinary move."""
    sha = await commits.commit(shop.gh, REPO, parent=shop.tip, files={"x": "y"}, message="m", author=BY)
    await commits.create_branch(shop.gh, REPO, "b", shop.tip)
    await commits.move_branch(shop.gh, REPO, "b", sha)
    with pytest.raises(Refused):
        await commits.move_branch(shop.gh, REPO, "b", shop.tip)
    await commits.move_branch(shop.gh, REPO, "b", shop.tip, force=True)

    assert shop.tip == await commits.branch(shop.gh, REPO, "b")


async def test_a_branch_is_taken_away_once(shop):
    """Gone is gone: a second time is no error."""
    await commits.create_branch(shop.gh, REPO, "b", shop.tip)
    await commits.delete_branch(shop.gh, REPO, "b")
    await commits.delete_branch(shop.gh, REPO, "b")
    assert await commits.branch(shop.gh, REPO, "b") is None


async def test_how_two_commits_stand_to_each_other(shop):
    """Ahead, behind, diverged, the same, and where they parted."""
    start = shop.tip
    sha = await commits.commit(shop.gh, REPO, parent=start, files={"x": "y"}, message="m", author=BY)
    await commits.create_branch(shop.gh, REPO, "b/c", sha)
    ahead = await commits.compare(shop.gh, REPO, "main", "b/c")
    moved = await shop.push({"z": "1"})
    diverged = await commits.compare(shop.gh, REPO, moved, sha)

    assert ("ahead", 1, 0, start) == (ahead.status, ahead.ahead, ahead.behind, ahead.merge_base)
    assert ("diverged", 1, 1, start) == (diverged.status, diverged.ahead, diverged.behind, diverged.merge_base)
    assert "identical" == (await commits.compare(shop.gh, REPO, "main", "main")).status


async def test_reading_gives_text_or_nothing(shop):
    """A folder, a binary file, another encoding, a huge file and a file that is not there have no text to give."""
    odd = {
        "nul.bin": b"a\0b",
        "latin.txt": "é".encode("latin-1"),
        "huge.txt": b"x" * (1024 * 1024 + 1),
        "ümläut #?%.txt": "ä".encode(),
        "empty.txt": b"",
    }
    edits = [("100644", await shop.repo.git.write_blob(data), path) for path, data in odd.items()]
    tree = await shop.repo.git.write_tree(shop.tip, edits)
    sha = await shop.repo.git.write_commit(tree, [shop.tip], "m", author=Person(name="x", email="y", date=BY.at))
    for path in ("deep", "nul.bin", "latin.txt", "huge.txt", "no/such"):
        assert await commits.read(shop.gh, REPO, path, sha) is None
    assert "ä" == await commits.read(shop.gh, REPO, "ümläut #?%.txt", sha)
    assert "" == await commits.read(shop.gh, REPO, "empty.txt", sha)
    assert "shop\n" == await commits.read(shop.gh, REPO, "README.md", "main")


@pytest.mark.parametrize(
    "answer",
    [
        {"type": "file", "encoding": "none", "size": 2_000_000, "content": ""},
        {"type": "submodule", "size": 0},
        {"type": "symlink", "target": "/etc/passwd"},
        {"type": "file", "encoding": "base64", "size": 3, "content": "not base64!"},
    ],
)
async def test_other_contents_have_no_text(answer):
    """What GitHub shows beside plain files, and what it does not show because of its size."""
    async with hub_and_forge() as (hub, forge):
        hub.on("GET", "/repos/acme/shop/contents/x", lambda asked: said(answer))
        assert await commits.read(await forge.installation(InstallationId(7)), REPO, "x", "main") is None


async def test_a_list_of_files_that_was_cut_short_is_refused():
    """GitHub lists 100,000 files at most; the rest is not passed over in silence, in reading and in writing."""
    async with hub_and_forge() as (hub, forge):
        cut = {"sha": "a" * 40, "tree": [], "truncated": True}
        author = {"name": "x", "email": "y", "date": "2026-03-04T12:00:00Z"}
        commit = {"sha": "b" * 40, "tree": {"sha": "a" * 40}, "parents": [], "author": author, "committer": author}
        commit |= {"message": "m"}
        hub.on("GET", f"/repos/acme/shop/git/trees/{'a' * 40}", lambda asked: said(cut))
        hub.on("GET", f"/repos/acme/shop/git/commits/{'b' * 40}", lambda asked: said(commit))
        gh = await forge.installation(InstallationId(7))
        with pytest.raises(Refused, match="more files"):
            await commits.tree(gh, REPO, Sha("a" * 40))
        with pytest.raises(Refused, match="more entries"):
            await commits.commit(gh, REPO, parent=Sha("b" * 40), files={"x": "y"}, message="m")


async def test_what_is_not_there_is_missing(shop):
    """A commit that nobody has, and a repository that we do not see."""
    with pytest.raises(Missing):
        await commits.commit_info(shop.gh, REPO, NOWHERE)
    with pytest.raises(Missing):
        await commits.default_branch(shop.gh, "acme/other")
    assert "main" == await commits.default_branch(shop.gh, REPO)


async def test_without_the_permission_nothing_is_written(tmp_path):
    """An App that may only read is told so in GitHub's words."""
    async with town(tmp_path, permissions={"contents": "read", "metadata": "read"}) as shop:
        with pytest.raises(Refused, match="403"):
            await commits.create_branch(shop.gh, REPO, "b", shop.tip)
        assert "shop\n" == await commits.read(shop.gh, REPO, "README.md", "main")


async def test_the_app_finds_itself_and_its_repositories(shop):
    """Who it is, where it is installed, and what it was given."""
    app = shop.forge.app()
    assert shop.us == await apps.us(app)
    assert "surefoot[bot]" == shop.us.login
    assert (apps.Installation(id=shop.installation, active=True),) == await apps.installations(app)
    assert {REPO: shop.repo.id} == await apps.repositories(shop.gh)


async def test_a_clone_token_opens_the_real_git_door(shop, tmp_path):
    """The token for git fetches a private tree over HTTP and nothing else; without it the door stays shut."""
    shop.repo.private = True
    head = await shop.push({"requirements.txt": "a==2\n"}, branch="update")
    base = await shop.push({"README.md": "moved\n"})
    token = await shop.forge.token(shop.installation, REPO)
    url = shop.forge.git_url(REPO)
    got = await checkout.trees(url, token, base=base, head=head, into=tmp_path / "in")

    assert "a==2\n" == (got.candidate / "requirements.txt").read_text()
    assert "moved\n" == (got.candidate / "README.md").read_text()
    assert "a==1\n" == (got.base / "requirements.txt").read_text()
    with pytest.raises(Refused):
        await checkout.trees(url, None, base=base, head=head, into=tmp_path / "out")
