"""An independent client drives the box: PyGithub, which knows nothing of us, walks from branch to merge."""

import asyncio

from github import Auth, Github, GithubIntegration

from tests.box.stage import key, stage

HURRY = {"seconds_between_requests": None, "seconds_between_writes": None}  # the box is no shared server


def walk(url, app_id, reviewer):
    """Branch, file, pull request, check, review, labels, comment, merge; what PyGithub saw."""
    auth = Auth.AppAuth(app_id, key())
    installation = GithubIntegration(auth=auth, base_url=url).get_repo_installation("acme", "shop")
    assert installation.app_id == app_id
    hub = Github(auth=auth.get_installation_auth(installation.id), base_url=url, **HURRY)
    repo = hub.get_repo("acme/shop")
    main = repo.get_branch("main")
    repo.create_git_ref("refs/heads/topic", main.commit.sha)
    made = repo.create_file("notes.txt", "Add notes", "hello", branch="topic")
    assert repo.get_contents("notes.txt", ref="topic").decoded_content == b"hello"
    pull = repo.create_pull(base="main", head="topic", title="Notes", body="by PyGithub")
    pull.add_to_labels("surefoot")
    pull.create_issue_comment("Looking").create_reaction("eyes")
    sha = made["commit"].sha
    check = repo.create_check_run("sim", sha, status="in_progress")
    note = {"path": "notes.txt", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}
    check.edit(conclusion="success", output={"title": "t", "summary": "s", "annotations": [note]})
    assert [one.message for one in check.get_annotations()] == ["m"]
    theirs = Github(auth=Auth.Token(reviewer), base_url=url, **HURRY).get_repo("acme/shop").get_pull(pull.number)
    theirs.create_review(event="APPROVE")
    assert [one.state for one in pull.get_reviews()] == ["APPROVED"]
    assert [one.conclusion for one in repo.get_commit(sha).get_check_runs()] == ["success"]
    merged = pull.merge(merge_method="squash", sha=sha)
    assert merged.merged and repo.get_pull(pull.number).merged
    assert repo.get_branch("main").commit.sha == merged.sha
    deployment = repo.create_deployment("main", auto_merge=False, required_contexts=[], environment="staging")
    deployment.create_status("success")
    assert [one.state for one in deployment.get_statuses()] == ["success"]
    assert repo.create_git_release("v1", "One", "notes").tag_name == "v1"
    return [one.filename for one in repo.get_pull(pull.number).get_files()]


async def test_pygithub_walks_from_branch_to_merge():
    """Every object that it parses has what it expects, and the world ends as it should."""
    async with stage() as it:
        files = await asyncio.to_thread(walk, it.box.url, it.app_id, it.reviewer)
        assert files == ["notes.txt"]
        assert next(iter(it.repo.pulls.values())).merged_at
        await it.settle()
        for row in it.box.log:
            it.judge(row.method, row.path, row.status, row.response)
