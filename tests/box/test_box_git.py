"""Code is git: files, trees, refs and comparisons by API, clone and push by git itself, one truth behind both."""

import asyncio
import base64
import os
import subprocess

import pytest

from tests.box.stage import stage


async def test_files_are_read_in_every_way():
    """A file as base64 or raw, a folder as a list, an old ref, and 404 for what is not there."""
    async with stage() as it:
        got = await it.ask("GET", it.at("/contents/src/app.py"))
        assert base64.b64decode(got.json["content"]) == b"print('hi')\n"
        raw = await it.ask("GET", it.at("/contents/src/app.py"), Accept="application/vnd.github.raw+json")
        assert raw.data == b"print('hi')\n"
        assert [one["path"] for one in (await it.ask("GET", it.at("/contents/src"))).json] == ["src/app.py"]
        assert {one["name"] for one in (await it.ask("GET", it.at("/contents/"))).json} == {"README.md", "src"}
        for path in ("/contents/none", "/contents/README.md?ref=none"):
            assert (await it.ask("GET", it.at(path))).status == 404


async def test_files_are_written_with_a_commit():
    """New, changed only with the right hash, deleted; each is a commit of the App and a push."""
    async with stage() as it:
        path, text = it.at("/contents/docs/a b.md"), base64.b64encode(b"one").decode()
        made = await it.ask("PUT", path, {"message": "add", "content": text})
        assert made.status == 201 and made.json["commit"]["author"]["name"] == "surefoot[bot]"
        sha = made.json["content"]["sha"]
        assert (await it.ask("PUT", path, {"message": "m", "content": text})).status == 422
        assert (await it.ask("PUT", path, {"message": "m", "content": text, "sha": "0" * 40})).status == 409
        assert (await it.ask("PUT", path, {"message": "m", "content": "*"})).status == 422
        changed = await it.ask("PUT", path, {"message": "m", "content": "dHdv", "sha": sha})
        assert changed.status == 200
        assert (await it.ask("DELETE", path, {"message": "gone"})).status == 422
        gone = await it.ask("DELETE", path, {"message": "gone", "sha": changed.json["content"]["sha"]})
        assert gone.status == 200 and (await it.ask("GET", path)).status == 404
        await it.settle()
        assert it.ear.names().count("push") == 3
        assert it.ear.last("push")["commits"][0]["removed"] == ["docs/a b.md"]


async def test_workflow_files_need_a_permission_of_their_own():
    """An App without ``workflows`` changes none, neither by path nor by ref."""
    async with stage() as it:
        body = {"message": "m", "content": "YQ=="}
        assert (await it.ask("PUT", it.at("/contents/.github/workflows/x.yml"), body)).status == 403
        with pytest.raises(AssertionError):
            await it.branch("sneak", path=".github/workflows/x.yml")


async def test_refs_move_forward_only():
    """Create once, move forward, force when meant, delete; nonsense is 422."""
    async with stage() as it:
        first = it.repo.git.refs["refs/heads/main"]
        sha = await it.branch("topic")
        ref = it.at("/git/refs/heads/topic")
        assert (await it.ask("GET", it.at("/git/ref/heads/topic"))).json["object"]["sha"] == sha
        found = (await it.ask("GET", it.at("/git/matching-refs/heads/to"))).json
        assert [one["ref"] for one in found] == ["refs/heads/topic"]
        again = await it.ask("POST", it.at("/git/refs"), {"ref": "refs/heads/topic", "sha": sha})
        assert (again.status, again.json["message"]) == (422, "Reference already exists")
        back = await it.ask("PATCH", ref, {"sha": first})
        assert (back.status, back.json["message"]) == (422, "Update is not a fast forward")
        assert (await it.ask("PATCH", ref, {"sha": first, "force": True})).status == 200
        assert (await it.ask("PATCH", ref, {"sha": "1" * 40})).status == 422
        assert (await it.ask("POST", it.at("/git/refs"), {"ref": "topic", "sha": sha})).status == 422
        assert (await it.ask("POST", it.at("/git/refs"), {"ref": "refs/heads/y", "sha": "1" * 40})).status == 422
        assert (await it.ask("DELETE", ref)).status == 204
        assert (await it.ask("DELETE", ref)).status == 422
        assert (await it.ask("PATCH", ref, {"sha": sha})).status == 422
        assert (await it.ask("GET", it.at("/git/ref/heads/topic"))).status == 404
        await it.settle()
        assert {"create", "delete"} <= set(it.ear.names())


async def test_objects_are_checked():
    """Blobs, trees and commits are read back as written; what points nowhere is refused."""
    async with stage() as it:
        sha = await it.branch("topic")
        commit = (await it.ask("GET", it.at(f"/git/commits/{sha}"))).json
        tree = (await it.ask("GET", it.at(f"/git/trees/{commit['tree']['sha']}?recursive=1"))).json
        assert "src/app.py" in [one["path"] for one in tree["tree"]]
        assert (await it.ask("GET", it.at("/git/trees/topic"))).status == 200
        blob = next(one["sha"] for one in tree["tree"] if one["path"] == "notes.txt")
        got = (await it.ask("GET", it.at(f"/git/blobs/{blob}"))).json
        assert base64.b64decode(got["content"]) == b"new\n"
        coded = await it.ask("POST", it.at("/git/blobs"), {"content": "bmV3Cg==", "encoding": "base64"})
        assert coded.json["sha"] == blob
        for kind in ("blobs", "trees", "commits"):
            assert (await it.ask("GET", it.at(f"/git/{kind}/{'1' * 40}"))).status == 404
        for path, body in (
            ("/git/trees", {"tree": []}),
            ("/git/trees", {"tree": [{"path": "../x", "mode": "100644", "content": "x"}]}),
            ("/git/trees", {"tree": [{"path": "x", "mode": "1", "content": "x"}]}),
            ("/git/trees", {"tree": [{"path": "x", "mode": "100644", "sha": "1" * 40}]}),
            ("/git/trees", {"base_tree": "1" * 40, "tree": [{"path": "x", "mode": "100644", "content": "x"}]}),
            ("/git/commits", {"message": "m", "tree": "1" * 40}),
            ("/git/commits", {"message": "m", "tree": commit["tree"]["sha"], "parents": ["1" * 40]}),
            ("/git/commits", {"tree": commit["tree"]["sha"]}),
            ("/git/commits", {"message": "m", "tree": commit["tree"]["sha"], "author": {"name": "x"}}),
            ("/git/blobs", {}),
        ):
            assert (await it.ask("POST", it.at(path), body)).status == 422, (path, body)
        who = {"name": "Zoe", "email": "zoe@example.org", "date": "2026-01-02T03:04:05Z"}
        made = await it.ask(
            "POST", it.at("/git/commits"), {"message": "m", "tree": commit["tree"]["sha"], "author": who}
        )
        assert made.json["author"] == who
        gone = {"base_tree": sha, "tree": [{"path": "notes.txt", "mode": "100644", "type": "blob", "sha": None}]}
        smaller = await it.ask("POST", it.at("/git/trees"), gone)
        assert "notes.txt" not in [one["path"] for one in smaller.json["tree"]]


async def test_commits_are_listed_and_compared():
    """History, one commit with its files, and the difference of two branches."""
    async with stage() as it:
        sha = await it.branch("topic")
        await it.box.commit(it.repo, {"other.txt": "x\n"}, "On main")
        listed = (await it.ask("GET", it.at("/commits?sha=topic&path=notes.txt"))).json
        assert [one["sha"] for one in listed] == [sha]
        one = (await it.ask("GET", it.at(f"/commits/{sha}"))).json
        assert one["stats"] == {"total": 1, "additions": 1, "deletions": 0}
        assert one["files"][0]["patch"] == "@@ -0,0 +1 @@\n+new" and one["author"]["login"] == "surefoot[bot]"
        root = (await it.ask("GET", it.at("/commits?sha=main"))).json[-1]["sha"]
        assert len((await it.ask("GET", it.at(f"/commits/{root}"))).json["files"]) == 2
        bare = await it.ask("GET", it.at("/commits/topic"), Accept="application/vnd.github.sha")
        assert bare.data.decode() == sha
        got = (await it.ask("GET", it.at("/compare/main...topic"))).json
        assert (got["status"], got["ahead_by"], got["behind_by"]) == ("diverged", 1, 1)
        assert [one["filename"] for one in got["files"]] == ["notes.txt"]
        assert (await it.ask("GET", it.at("/compare/main...main"))).json["status"] == "identical"
        assert (await it.ask("GET", it.at("/compare/main...none"))).status == 404
        assert (await it.ask("GET", it.at("/commits/none"))).status == 422
        for kind, magic in (("tarball", b"\x1f\x8b"), ("zipball", b"PK")):
            sent = await it.ask("GET", it.at(f"/{kind}/topic"))
            assert sent.status == 302
            address = sent.headers["Location"].removeprefix(it.box.url)
            assert (await it.ask("GET", address, token="none")).data[:2] == magic
            assert (await it.ask("GET", address[:-1] + "x", token="none")).status == 403
        assert (await it.ask("GET", it.at("/zipball/none"))).status == 404


async def test_a_rename_is_one_file():
    """A moved file is shown as renamed, with its old name, in compare and in the push."""
    async with stage() as it:
        await it.box.commit(it.repo, {"src/app.py": None, "src/main.py": "print('hi')\n"}, "Move", "topic")
        files = (await it.ask("GET", it.at("/compare/main...topic"))).json["files"]
        moved = files[0]
        assert (moved["status"], moved["previous_filename"]) == ("renamed", "src/app.py")


async def test_branches_merge():
    """201 with the merge, 204 for nothing to do, 409 on a conflict, 404 for strangers."""
    async with stage() as it:
        await it.branch("topic")
        await it.box.commit(it.repo, {"other.txt": "x\n"}, "On main")
        body = {"base": "main", "head": "topic", "commit_message": "Together"}
        assert (await it.ask("POST", it.at("/merges"), body)).json["commit"]["message"] == "Together"
        assert (await it.ask("POST", it.at("/merges"), body)).status == 204
        await it.box.commit(it.repo, {"README.md": "mine\n"}, "Mine")
        await it.box.commit(it.repo, {"README.md": "theirs\n"}, "Theirs", "topic")
        assert (await it.ask("POST", it.at("/merges"), body)).status == 409
        assert (await it.ask("POST", it.at("/merges"), {"base": "main", "head": "none"})).status == 404


def git(*args, cwd=None, token=""):
    """Run git as a user would, without the machine's own settings."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    names = ("-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "protocol.version=2")
    return asyncio.to_thread(subprocess.run, ["git", *names, *args], cwd=cwd, env=env, capture_output=True, text=True)


def with_token(it, token):
    """The clone address with a token in it."""
    return f"{it.box.url}/acme/shop.git".replace("://", f"://x-access-token:{token}@")


async def test_git_clones_and_pushes(tmp_path):
    """An installation token clones and pushes; the push is seen by API and webhook, and moves the pull request."""
    async with stage(private=True) as it:
        pull = await it.pull()
        done = await git("clone", "-q", "-b", "topic", with_token(it, it.token), str(tmp_path / "w"))
        assert done.returncode == 0, done.stderr
        (tmp_path / "w" / "more.txt").write_text("more\n")
        await git("add", ".", cwd=tmp_path / "w")
        await git("commit", "-qm", "More", cwd=tmp_path / "w")
        done = await git("push", "-q", "origin", "HEAD:topic", cwd=tmp_path / "w")
        assert done.returncode == 0, done.stderr
        seen = (await it.ask("GET", it.at(f"/pulls/{pull['number']}"))).json
        assert (seen["commits"], seen["head"]["sha"]) == (2, it.repo.git.refs["refs/heads/topic"])
        await it.settle()
        assert it.ear.last("pull_request.synchronize")["before"] == pull["head"]["sha"]


async def test_git_is_refused_what_the_api_refuses(tmp_path):
    """No token, no write access, and a protected branch: git is told so, and nothing moves."""
    async with stage(private=True) as it:
        assert (await git("clone", f"{it.box.url}/acme/shop.git", str(tmp_path / "no"))).returncode != 0
        eve = it.box.add_user("eve")
        assert (await git("clone", with_token(it, eve), str(tmp_path / "eve"))).returncode != 0
        it.repo.collaborators["eve"] = "read"
        rules = {"required_pull_request_reviews": {"required_approving_review_count": 1}}
        body = {"required_status_checks": None, "enforce_admins": False, "restrictions": None} | rules
        assert (await it.ask("PUT", it.at("/branches/main/protection"), body, token=it.owner)).status == 200
        before = it.repo.git.refs["refs/heads/main"]
        for token, says in ((eve, "denied"), (it.reviewer, "GH006")):
            place = tmp_path / token[-4:]
            assert (await git("clone", "-q", with_token(it, token), str(place))).returncode == 0
            (place / "x").write_text("x")
            await git("add", ".", cwd=place)
            await git("commit", "-qm", "x", cwd=place)
            pushed = await git("push", "origin", "HEAD:main", cwd=place)
            assert pushed.returncode != 0 and (says in pushed.stderr or "403" in pushed.stderr)
        assert it.repo.git.refs["refs/heads/main"] == before
        place = tmp_path / "ann"
        await git("clone", "-q", with_token(it, it.owner), str(place))
        await git("commit", "-q", "--amend", "-m", "Other", cwd=place)
        forced = await git("push", "-f", "origin", "HEAD:main", cwd=place)
        assert "Cannot force-push" in forced.stderr
