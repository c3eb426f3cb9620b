"""Pull requests behave: opened once, mergeable or not, guarded by rules, merged in three ways, closed by the world."""

import pytest

from tests.box.stage import stage

CHECKS = {"strict": False, "checks": [{"context": "ci", "app_id": None}]}

FLAKY = """
on: pull_request
jobs:
  test:
    steps: [{run: 'test -z "$FAIL"'}]
"""


def rules(*, checks=None, reviews=None, enforce=False):
    """A body for branch protection."""
    return {
        "required_status_checks": checks,
        "required_pull_request_reviews": reviews,
        "enforce_admins": enforce,
        "restrictions": None,
    }


async def state(it, number):
    """mergeable and mergeable_state, once they are known."""
    await it.ask("GET", it.at(f"/pulls/{number}"))
    await it.settle()
    seen = (await it.ask("GET", it.at(f"/pulls/{number}"))).json
    return seen["mergeable"], seen["mergeable_state"]


async def protect(it, **given):
    """Guard main, as its owner."""
    got = await it.ask("PUT", it.at("/branches/main/protection"), rules(**given), token=it.owner)
    assert got.status == 200, got.json
    return got.json


async def test_a_branch_has_one_open_pull_request():
    """A second one, one without commits, and one from nowhere are refused in GitHub's words."""
    async with stage() as it:
        await it.pull()
        body = {"title": "t", "head": "topic", "base": "main"}
        again = await it.ask("POST", it.at("/pulls"), body)
        assert again.json["errors"][0]["message"] == "A pull request already exists for acme:topic."
        assert (await it.ask("POST", it.at("/pulls"), body | {"head": "none"})).status == 422
        assert (await it.ask("POST", it.at("/pulls"), {"head": "topic", "base": "main"})).status == 422
        head = {"ref": "refs/heads/same", "sha": it.repo.git.refs["refs/heads/main"]}
        await it.ask("POST", it.at("/git/refs"), head)
        empty = await it.ask("POST", it.at("/pulls"), body | {"head": "same"})
        assert empty.json["errors"][0]["message"] == "No commits between main and same"
        assert (await it.ask("POST", it.at("/pulls"), body | {"head": "eve:topic"})).status == 422


async def test_pull_requests_are_found_by_head_base_and_state():
    """A bot finds its own again instead of opening it twice."""
    async with stage() as it:
        first, second = await it.pull("one"), await it.pull("two", path="two.txt")
        await it.ask("PATCH", it.at(f"/pulls/{first['number']}"), {"state": "closed"})
        for query, expected in (
            ("head=acme:two", [second["number"]]),
            ("head=acme:one", []),
            ("head=acme:one&state=all", [first["number"]]),
            ("state=all&base=main&sort=updated&direction=asc", [second["number"], first["number"]]),
            ("base=none", []),
        ):
            got = await it.ask("GET", it.at(f"/pulls?{query}"))
            assert [one["number"] for one in got.json] == expected, query


async def test_a_pull_request_is_edited_closed_and_reopened():
    """Each turn is told; what is merged or has lost its branch stays closed."""
    async with stage() as it:
        url = it.at(f"/pulls/{(await it.pull())['number']}")
        assert (await it.ask("PATCH", url, {"title": "Better", "body": None})).json["title"] == "Better"
        assert (await it.ask("PATCH", url, {"state": "closed"})).json["closed_at"]
        assert (await it.ask("PATCH", url, {"state": "open"})).json["state"] == "open"
        await it.box.commit(it.repo, {"x": "y"}, "Other base", "next")
        assert (await it.ask("PATCH", url, {"base": "next"})).json["base"]["ref"] == "next"
        assert (await it.ask("PATCH", url, {"state": "half"})).status == 422
        assert (await it.ask("PATCH", url, {"title": "mine"}, token=it.box.add_user("eve"))).status == 403
        await it.ask("DELETE", it.at("/git/refs/heads/topic"))
        assert (await it.ask("GET", url)).json["state"] == "closed"
        assert (await it.ask("PATCH", url, {"state": "open"})).status == 422
        await it.settle()
        wanted = {"pull_request.edited", "pull_request.closed", "pull_request.reopened"}
        assert wanted <= set(it.ear.names())
        assert (await it.ask("GET", it.at("/pulls/99"))).status == 404


async def test_files_commits_and_diff_are_shown():
    """What it changes, by file, by commit and as a diff."""
    async with stage() as it:
        pull = await it.pull()
        url = it.at(f"/pulls/{pull['number']}")
        assert [one["filename"] for one in (await it.ask("GET", f"{url}/files")).json] == ["notes.txt"]
        assert [one["sha"] for one in (await it.ask("GET", f"{url}/commits")).json] == [pull["head"]["sha"]]
        diff = await it.ask("GET", url, Accept="application/vnd.github.diff")
        assert diff.data.startswith(b"diff --git a/notes.txt")
        of = await it.ask("GET", it.at(f"/commits/{pull['head']['sha']}/pulls"))
        assert [one["number"] for one in of.json] == [pull["number"]]


async def test_a_conflict_is_dirty_and_cannot_merge():
    """null at the first look, then false; 405 at the merge, and no workflow, no merge ref."""
    async with stage() as it:
        pull = await it.pull(path="README.md", text="theirs\n")
        await it.box.commit(it.repo, {"README.md": "mine\n"}, "Mine")
        assert (await it.ask("GET", it.at(f"/pulls/{pull['number']}"))).json["mergeable"] is None
        assert await state(it, pull["number"]) == (False, "dirty")
        got = await it.ask("PUT", it.at(f"/pulls/{pull['number']}/merge"), {})
        assert (got.status, got.json["message"]) == (405, "Pull Request is not mergeable")
        assert (await it.ask("PUT", it.at(f"/pulls/{pull['number']}/update-branch"), {})).status == 422


@pytest.mark.parametrize(("method", "parents"), [("merge", 2), ("squash", 1), ("rebase", 1)])
async def test_three_ways_to_merge(method, parents):
    """Each makes the commit that it should, closes the pull request, and leaves the work on main."""
    async with stage() as it:
        pull = await it.pull()
        await it.box.commit(it.repo, {"other.txt": "x\n"}, "Meanwhile")
        url = it.at(f"/pulls/{pull['number']}")
        merged = await it.ask("PUT", f"{url}/merge", {"merge_method": method})
        commit = (await it.ask("GET", it.at(f"/git/commits/{merged.json['sha']}"))).json
        assert len(commit["parents"]) == parents
        assert (await it.ask("GET", it.at("/contents/notes.txt"))).status == 200
        seen = (await it.ask("GET", url)).json
        assert (seen["merged"], seen["state"], seen["merge_commit_sha"]) == (True, "closed", merged.json["sha"])
        assert (await it.ask("GET", f"{url}/merge")).status == 204
        assert (await it.ask("PUT", f"{url}/merge", {})).status == 405
        assert (await it.ask("PATCH", url, {"state": "open"})).status == 422


async def test_only_the_meant_head_is_merged():
    """Another head is 409, a method that is switched off 405, an unknown one 422, a draft 405."""
    async with stage() as it:
        url = it.at(f"/pulls/{(await it.pull())['number']}")
        assert (await it.ask("GET", f"{url}/merge")).status == 404
        assert (await it.ask("PUT", f"{url}/merge", {"sha": "1" * 40})).status == 409
        it.repo.methods.discard("rebase")
        assert (await it.ask("PUT", f"{url}/merge", {"merge_method": "rebase"})).status == 405
        assert (await it.ask("PUT", f"{url}/merge", {"merge_method": "magic"})).status == 422
        next(iter(it.repo.pulls.values())).draft = True
        assert "draft" in (await it.ask("PUT", f"{url}/merge", {})).json["message"]


async def test_required_checks_block_until_they_are_green():
    """Missing, failing, and by another App than asked for: blocked; then clean."""
    async with stage() as it:
        await protect(it, checks={"strict": False, "checks": [{"context": "sim", "app_id": it.app_id}]})
        pull = await it.pull()
        url, sha = it.at(f"/pulls/{pull['number']}"), pull["head"]["sha"]
        assert await state(it, pull["number"]) == (True, "blocked")
        said = (await it.ask("PUT", f"{url}/merge", {})).json["message"]
        assert said == 'Required status check "sim" is expected.'
        await it.ask("POST", it.at(f"/statuses/{sha}"), {"state": "success", "context": "sim"})
        assert (await state(it, pull["number"]))[1] == "blocked"
        body = {"name": "sim", "head_sha": sha, "conclusion": "failure"}
        await it.ask("POST", it.at("/check-runs"), body)
        assert 'check "sim" is failing.' in (await it.ask("PUT", f"{url}/merge", {})).json["message"]
        await it.ask("POST", it.at("/check-runs"), body | {"conclusion": "success"})
        assert (await state(it, pull["number"]))[1] == "clean"
        assert (await it.ask("PUT", f"{url}/merge", {})).status == 200


async def test_a_red_check_that_nobody_requires_is_unstable():
    """It may merge, and GitHub says how it stands."""
    async with stage() as it:
        pull = await it.pull()
        body = {"name": "lint", "head_sha": pull["head"]["sha"], "conclusion": "failure"}
        await it.ask("POST", it.at("/check-runs"), body)
        assert await state(it, pull["number"]) == (True, "unstable")


async def test_a_strict_branch_wants_the_newest_base():
    """Behind until the branch is brought up, which is a push of its own."""
    async with stage() as it:
        await protect(it, checks={"strict": True, "contexts": []})
        pull = await it.pull()
        await it.box.commit(it.repo, {"other.txt": "x\n"}, "Meanwhile")
        assert await state(it, pull["number"]) == (True, "behind")
        url = it.at(f"/pulls/{pull['number']}")
        assert (await it.ask("PUT", f"{url}/merge", {})).status == 405
        assert (await it.ask("PUT", f"{url}/update-branch", {"expected_head_sha": "1" * 40})).status == 422
        assert (await it.ask("PUT", f"{url}/update-branch", {})).status == 202
        assert await state(it, pull["number"]) == (True, "clean")
        assert (await it.ask("PUT", f"{url}/update-branch", {})).status == 422


async def test_required_reviews_count_people_who_may_write():
    """Not the author, not a reader; one change request blocks; a dismissed one does not."""
    async with stage() as it:
        await protect(it, reviews={"required_approving_review_count": 1, "dismiss_stale_reviews": True})
        eve = it.box.add_user("eve")
        pull = await it.pull()
        url = it.at(f"/pulls/{pull['number']}")
        own = await it.ask("POST", f"{url}/reviews", {"event": "APPROVE"})
        assert own.json["errors"] == ["Can not approve your own pull request"]
        await it.ask("POST", f"{url}/reviews", {"event": "APPROVE"}, token=eve)
        assert "At least 1 approving review is" in (await it.ask("PUT", f"{url}/merge", {})).json["message"]
        bad = {"event": "REQUEST_CHANGES", "body": "no"}
        asked = await it.ask("POST", f"{url}/reviews", bad, token=it.owner)
        await it.ask("POST", f"{url}/reviews", {"event": "APPROVE"}, token=it.reviewer)
        assert (await it.ask("PUT", f"{url}/merge", {})).json["message"] == "Changes requested."
        dismiss = f"{url}/reviews/{asked.json['id']}/dismissals"
        assert (await it.ask("PUT", dismiss, {"message": "old"}, token=eve)).status == 403
        assert (await it.ask("PUT", dismiss, {"message": "old"}, token=it.owner)).json["state"] == "DISMISSED"
        assert (await it.ask("PUT", dismiss, {"message": "old"}, token=it.owner)).status == 422
        assert (await state(it, pull["number"]))[1] == "clean"
        await it.box.commit(it.repo, {"more.txt": "x\n"}, "More", "topic")
        assert (await state(it, pull["number"]))[1] == "blocked"
        await it.settle()
        assert it.ear.names().count("pull_request_review.dismissed") == 3


async def test_reviews_are_written_in_steps():
    """A pending review is its writer's secret until it is sent; empty ones are refused."""
    async with stage() as it:
        pull = await it.pull()
        url = it.at(f"/pulls/{pull['number']}/reviews")
        asked = await it.ask("POST", it.at(f"/pulls/{pull['number']}/requested_reviewers"), {"reviewers": ["rob"]})
        assert [one["login"] for one in asked.json["requested_reviewers"]] == ["rob"]
        pending = await it.ask("POST", url, {"body": "hm"}, token=it.reviewer)
        assert (await it.ask("GET", url)).json == []
        assert len((await it.ask("GET", url, token=it.reviewer)).json) == 1
        one = f"{url}/{pending.json['id']}"
        assert (await it.ask("POST", f"{one}/events", {"event": "COMMENT"}, token=it.owner)).status == 422
        assert (await it.ask("POST", f"{one}/events", {"event": "COMMENT"}, token=it.reviewer)).status == 200
        assert (await it.ask("GET", one)).json["state"] == "COMMENTED"
        for bad in ({"event": "COMMENT"}, {"event": "SHOUT", "body": "x"}, {"event": "APPROVE", "commit_id": "1" * 40}):
            assert (await it.ask("POST", url, bad, token=it.reviewer)).status == 422
        assert (await it.ask("GET", f"{url}/1")).status == 404
        assert (await it.ask("GET", it.at(f"/pulls/{pull['number']}/requested_reviewers"))).json["users"] == []


async def test_reviewers_are_asked_and_let_go():
    """Only people who exist, and never the author."""
    async with stage() as it:
        url = it.at(f"/pulls/{(await it.pull())['number']}/requested_reviewers")
        assert (await it.ask("POST", url, {"reviewers": ["nobody"]})).status == 422
        assert (await it.ask("POST", url, {"reviewers": ["surefoot[bot]"]})).status == 422
        await it.ask("POST", url, {"reviewers": ["rob", "ann"]})
        await it.ask("DELETE", url, {"reviewers": ["rob"]})
        await it.settle()
        assert {"pull_request.review_requested", "pull_request.review_request_removed"} <= set(it.ear.names())
        assert [one["login"] for one in (await it.ask("GET", url)).json["users"]] == ["ann"]


async def test_protection_is_read_by_those_who_may():
    """Admins see all, everyone the summary on the branch; removing it frees the branch."""
    async with stage() as it:
        path = it.at("/branches/main/protection")
        assert (await it.ask("GET", path, token=it.owner)).json["message"] == "Branch not protected"
        await protect(it, checks=CHECKS, reviews={}, enforce=True)
        assert (await it.ask("GET", f"{path}/required_status_checks", token=it.owner)).json["contexts"] == ["ci"]
        assert (await it.ask("GET", path)).status == 403
        assert (await it.ask("PUT", path, rules(), token=it.reviewer)).status == 404
        assert (await it.ask("PUT", path, {}, token=it.owner)).status == 422
        shown = (await it.ask("GET", it.at("/branches/main"))).json
        assert shown["protection"]["required_status_checks"]["contexts"] == ["ci"]
        listed = (await it.ask("GET", it.at("/branches?protected=true"))).json
        assert [one["name"] for one in listed] == ["main"]
        body = {"message": "m", "content": "YQ=="}
        assert (await it.ask("PUT", it.at("/contents/x"), body, token=it.owner)).status == 422
        assert (await it.ask("DELETE", it.at("/git/refs/heads/main"), token=it.owner)).status == 422
        assert (await it.ask("DELETE", path, token=it.owner)).status == 204
        assert (await it.ask("DELETE", path, token=it.owner)).status == 404
        assert (await it.ask("PUT", it.at("/contents/x"), body)).status == 201
        assert (await it.ask("GET", it.at("/branches/none"))).status == 404


async def test_rulesets_count_like_protection():
    """Required checks and reviews of a ruleset block, and are listed for the branch."""
    async with stage() as it:
        checks = {"required_status_checks": [{"context": "ci"}], "strict_required_status_checks_policy": False}
        reviews = {
            "dismiss_stale_reviews_on_push": False,
            "require_code_owner_review": False,
            "require_last_push_approval": False,
            "required_approving_review_count": 1,
            "required_review_thread_resolution": False,
        }
        both = [
            {"type": "required_status_checks", "parameters": checks},
            {"type": "pull_request", "parameters": reviews},
        ]
        it.box.add_ruleset(it.repo, ["~DEFAULT_BRANCH"], both)
        listed = await it.ask("GET", it.at("/rules/branches/main"))
        assert [rule["type"] for rule in listed.json] == ["required_status_checks", "pull_request"]
        pull = await it.pull()
        said = (await it.ask("PUT", it.at(f"/pulls/{pull['number']}/merge"), {})).json["message"]
        assert "ci" in said and "approving" in said
        pushed = await it.ask("PUT", it.at("/contents/x"), {"message": "m", "content": "YQ=="})
        assert pushed.json["message"] == "Changes must be made through a pull request."
        assert (await it.ask("GET", it.at("/rules/branches/other"))).json == []


async def test_a_push_of_the_head_to_the_base_is_a_merge():
    """Whoever brings the commits in, the pull request is merged."""
    async with stage() as it:
        pull = await it.pull()
        ref = it.at("/git/refs/heads/main")
        assert (await it.ask("PATCH", ref, {"sha": pull["head"]["sha"]})).status == 200
        seen = (await it.ask("GET", it.at(f"/pulls/{pull['number']}"))).json
        assert (seen["merged"], seen["merge_commit_sha"]) == (True, pull["head"]["sha"])


async def test_auto_merge_waits_for_the_check():
    """Enabled by GraphQL, it merges in the moment the required check is green, and not before."""
    async with stage() as it:
        await protect(it, checks=CHECKS)
        it.repo.delete_branch_on_merge = True
        pull = await it.pull()
        given = "input: {pullRequestId: $id, mergeMethod: SQUASH}"
        text = f"mutation($id: ID!) {{ enablePullRequestAutoMerge({given}) {{ clientMutationId }} }}"
        got = await it.ask("POST", "/graphql", {"query": text, "variables": {"id": pull["node_id"]}})
        assert got.json["data"]["enablePullRequestAutoMerge"], got.json
        url = it.at(f"/pulls/{pull['number']}")
        assert (await it.ask("GET", url)).json["auto_merge"]["merge_method"] == "squash"
        body = {"name": "ci", "head_sha": pull["head"]["sha"], "conclusion": "success"}
        await it.ask("POST", it.at("/check-runs"), body)
        assert (await it.ask("GET", url)).json["merged"] is True
        assert "refs/heads/topic" not in it.repo.git.refs

        other = (await it.pull("other", path="other.txt"))["node_id"]
        for word in ("enable", "disable"):
            mutation = f'{word}PullRequestAutoMerge(input: {{pullRequestId: "{other}"}})'
            text = f"mutation {{ {mutation} {{ clientMutationId }} }}"
            assert (await it.ask("POST", "/graphql", {"query": text})).json["data"]
        await it.settle()
        assert {"pull_request.auto_merge_enabled", "pull_request.auto_merge_disabled"} <= set(it.ear.names())


async def test_graphql_knows_little_and_says_so():
    """Who am I, how much is left; anything else is an error in GraphQL's own way."""
    async with stage() as it:
        got = await it.ask("POST", "/graphql", {"query": "{ viewer { login } rateLimit { remaining } }"})
        assert got.json["data"]["viewer"]["login"] == "surefoot[bot]"
        assert got.json["data"]["rateLimit"]["remaining"] > 0
        assert (await it.ask("POST", "/graphql", {"query": "{ nodes }"})).json["errors"]
        pull = await it.pull()
        for node, on in ((pull["node_id"], "enable"), ("bm9uZQ==", "enable"), ("bm9uZQ==", "disable")):
            text = f'mutation {{ {on}PullRequestAutoMerge(input: {{pullRequestId: "{node}"}}) {{ clientMutationId }} }}'
            assert (await it.ask("POST", "/graphql", {"query": text})).json["errors"]


async def test_direct_pushes_meet_the_rules_too():
    """No force-push to a protected branch; admins pass where rules are not for them; others wait for the check."""
    async with stage() as it:
        await protect(it, checks=CHECKS)
        main = it.at("/git/refs/heads/main")
        first = it.repo.git.refs["refs/heads/main"]
        sha = await it.branch("topic")
        assert (await it.ask("PATCH", main, {"sha": sha})).json["message"] == 'Required status check "ci" is expected.'
        assert (await it.ask("PATCH", main, {"sha": sha}, token=it.owner)).status == 200
        forced = await it.ask("PATCH", main, {"sha": first, "force": True}, token=it.owner)
        assert forced.json["message"] == "Cannot force-push to this branch"
        other = await it.branch("other", path="other.txt")
        await it.ask("POST", it.at(f"/statuses/{other}"), {"state": "success", "context": "ci"})
        assert (await it.ask("PATCH", main, {"sha": other})).status == 200


async def test_the_newest_run_of_a_required_check_counts():
    """A red run that was tried again and went green does not block for ever."""
    async with stage(files={".github/workflows/ci.yml": FLAKY}) as it:
        await protect(it, checks={"strict": False, "checks": [{"context": "test", "app_id": 15368}]})
        it.box.world.job_env["FAIL"] = "1"
        pull = await it.pull()
        url = it.at(f"/pulls/{pull['number']}")
        await it.settle()
        assert (await it.ask("PUT", f"{url}/merge", {})).status == 405
        it.box.world.job_env.clear()
        for state in ("closed", "open"):
            await it.ask("PATCH", url, {"state": state})
        await it.settle()
        assert (await it.ask("PUT", f"{url}/merge", {})).status == 200
