"""The whole walk of a bot: branch, pull request, check, review, merge; and every webhook on the way."""

from tests.box.stage import stage


async def test_a_pull_request_goes_its_whole_way():
    """Branch, open, check, approve, merge: each answer and each webhook is as GitHub publishes it."""
    async with stage() as it:
        pull = await it.pull()
        url = it.at(f"/pulls/{pull['number']}")
        assert pull["mergeable"] is None
        await it.ask("GET", url)
        await it.settle()
        seen = await it.ask("GET", url)
        assert (seen.json["mergeable"], seen.json["mergeable_state"]) == (True, "clean")
        sha = pull["head"]["sha"]
        check = await it.ask("POST", it.at("/check-runs"), {"name": "sim", "head_sha": sha, "status": "in_progress"})
        done = {"conclusion": "success", "output": {"title": "Good", "summary": "All fine"}}
        ended = await it.ask("PATCH", it.at(f"/check-runs/{check.json['id']}"), done)
        assert ended.json["status"] == "completed" and ended.json["completed_at"]
        review = await it.ask("POST", f"{url}/reviews", {"event": "APPROVE"}, token=it.reviewer)
        assert review.json["state"] == "APPROVED" and review.json["commit_id"] == sha
        merged = await it.ask("PUT", f"{url}/merge", {"sha": sha, "merge_method": "squash"})
        assert merged.json["merged"], merged.json
        assert it.repo.git.refs["refs/heads/main"] == merged.json["sha"]
        await it.settle()
        names = it.ear.names()
        for name in (
            "installation.created",
            "create",
            "push",
            "check_suite.requested",
            "pull_request.opened",
            "check_run.created",
            "check_run.completed",
            "check_suite.completed",
            "pull_request_review.submitted",
            "pull_request.closed",
        ):
            assert name in names, name
        assert it.ear.last("pull_request.closed")["pull_request"]["merged"] is True
