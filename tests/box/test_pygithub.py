"""PyGithub, which knows nothing of us, walks from a branch to a release against the box and finds GitHub there.

PyGithub is blocking, so each walk runs in a thread beside the box. What it asked and what it was told is judged by
GitHub's description as well: if the box misled it into a wrong request, that is seen.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from github import Auth, Github, GithubException, GithubIntegration, InputGitTreeElement
from github.PullRequest import PullRequest
from github.Repository import Repository

from bot.demo.box import Box
from tests.box.stage import key
from tests.openapi.guard import Guard

FILES = {
    "README.md": "# Lib\n",
    "pins.txt": "lib==1\n",
    ".github/workflows/deploy.yml": """\
name: deploy
on:
  workflow_dispatch:
    inputs:
      version: {required: true}
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - run: test "${{ inputs.version }}" = 2
""",
}
# PyGithub sends labels as a bare list: an old form that GitHub takes, but no longer describes.
OLD_FORM = "POST /repos/{owner}/{repo}/issues/{issue_number}/labels /: ["
NO_WAITING: dict[str, Any] = {"seconds_between_requests": None, "seconds_between_writes": None, "retry": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A repository as three clients see it: the App's installation, the owner, and a reviewer who may write."""

    url: str
    app: GithubIntegration
    installation: int
    bot: Repository
    mona: Repository
    hubot: Repository


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    """A box, whose whole log is judged at the end."""
    async with Box.start() as started:
        yield started
        await started.settle()
        guard = Guard()
        guard.read(started.log, actors=("app:", "installation:", "user:"))
        assert [each for each in guard.problems if not each.startswith(OLD_FORM)] == []


@pytest.fixture
async def town(box: Box) -> Town:
    """octo/lib with our App on it."""
    people = {name: box.add_user(name) for name in ("mona", "hubot")}
    box.add_org("octo", {"mona": "admin", "hubot": "member"})
    app_id, pem, _ = box.add_app(private_key=key())
    installation = box.install(app_id, await box.add_repo("octo", "lib", FILES))
    app = GithubIntegration(auth=Auth.AppAuth(app_id, pem), base_url=box.url, **NO_WAITING)

    def seen_by(auth: Auth.Auth) -> Repository:
        return Github(auth=auth, base_url=box.url, **NO_WAITING).get_repo("octo/lib")

    def arrive() -> Town:
        as_bot = Auth.AppAuth(app_id, pem).get_installation_auth(installation)
        mona, hubot = (seen_by(Auth.Token(people[name])) for name in ("mona", "hubot"))
        return Town(url=box.url, app=app, installation=installation, bot=seen_by(as_bot), mona=mona, hubot=hubot)

    return await asyncio.to_thread(arrive)


def a_branch(repo: Repository, name: str, text: str) -> str:
    """A branch with one commit more than main, made through the git data API; the commit."""
    tip = repo.get_git_ref("heads/main").object.sha
    parent = repo.get_git_commit(tip)
    blob = repo.create_git_blob(text, "utf-8")
    entry = InputGitTreeElement(path="pins.txt", mode="100644", type="blob", sha=blob.sha)
    tree = repo.create_git_tree([entry], base_tree=repo.get_git_tree(parent.tree.sha))
    made = repo.create_git_commit("Bump lib to 2", tree, [parent])
    repo.create_git_ref(f"refs/heads/{name}", made.sha)
    return made.sha


def a_pull(repo: Repository) -> PullRequest:
    """A pull request for one changed file."""
    a_branch(repo, "bump/lib-2", "lib==2\n")
    return repo.create_pull("main", "bump/lib-2", title="Bump lib to 2", body="Notes", maintainer_can_modify=True)


def until_mergeable(repo: Repository, number: int) -> PullRequest:
    """Look until the test merge is done, as every client of GitHub must."""
    for _ in range(500):
        pull = repo.get_pull(number)
        if pull.mergeable is not None:
            return pull
        time.sleep(0.02)
    raise AssertionError("the test merge never ended")


async def test_a_pull_request_walks_from_branch_to_merge(town: Town) -> None:
    """Branch, commit, pull request, label, check, status, review, comment, reaction, merge: all is there afterwards."""

    def walk() -> None:
        pull = a_pull(town.bot)
        head = pull.head.sha
        assert (pull.user.login, pull.user.type, pull.state) == ("surefoot[bot]", "Bot", "open")
        (change,) = pull.get_files()
        assert (change.filename, change.status, change.additions) == ("pins.txt", "modified", 1)
        assert [each.sha for each in pull.get_commits()] == [head]
        town.bot.create_label("surefoot", "0e8a16", "Ours")
        pull.add_to_labels("surefoot")
        judged(town, head)
        reviewed(town, pull.number, head)
        talked_about(town, pull.number)
        pull = until_mergeable(town.bot, pull.number)
        assert (pull.mergeable, [each.name for each in pull.labels]) == (True, ["surefoot"])
        with pytest.raises(GithubException) as refused:
            pull.merge(sha="0" * 40)
        assert refused.value.status == 409
        merged = pull.merge(merge_method="squash", sha=head, commit_title="Bump lib to 2 (#1)")
        assert merged.merged
        assert town.mona.get_pull(pull.number).merged
        assert town.mona.get_pull(pull.number).merged_by.login == "surefoot[bot]"
        assert town.mona.get_branch("main").commit.sha == merged.sha
        contents = town.mona.get_contents("pins.txt", ref="main")
        assert not isinstance(contents, list)
        assert contents.decoded_content == b"lib==2\n"
        town.bot.get_git_ref("heads/bump/lib-2").delete()
        assert [each.name for each in town.mona.get_branches()] == ["main"]

    await asyncio.to_thread(walk)


def judged(town: Town, head: str) -> None:
    """A check run by the App with an annotation, and a status by a person."""
    run = town.bot.create_check_run("surefoot / simulation", head, status="in_progress", external_id="7")
    assert (run.status, run.conclusion, run.app.slug) == ("in_progress", None, "surefoot")
    note = {"path": "pins.txt", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "New"}
    output = {"title": "All tests passed", "summary": "Both sides", "annotations": [note]}
    run.edit(status="completed", conclusion="success", output=output)
    (found,) = town.hubot.get_commit(head).get_check_runs(check_name="surefoot / simulation")
    assert (found.conclusion, found.output.title, found.external_id) == ("success", "All tests passed", "7")
    assert [(each.path, each.message) for each in found.get_annotations()] == [("pins.txt", "New")]
    with pytest.raises(GithubException) as refused:
        town.hubot.create_check_run("forged", head)
    assert refused.value.status == 403
    commit = town.hubot.get_commit(head)
    for state in ("pending", "success"):
        commit.create_status(state, "https://ci.test/1", "It ran", "ci")
    together = commit.get_combined_status()
    assert (together.state, [(each.context, each.state) for each in together.statuses]) == (
        "success",
        [("ci", "success")],
    )


def reviewed(town: Town, number: int, head: str) -> None:
    """Nobody approves their own; somebody else does, for exactly this commit."""
    with pytest.raises(GithubException) as refused:
        town.bot.get_pull(number).create_review(event="APPROVE")
    assert refused.value.status == 422
    town.bot.get_pull(number).create_review_request(reviewers=["hubot"])
    assert [each.login for each in town.mona.get_pull(number).requested_reviewers] == ["hubot"]
    town.hubot.get_pull(number).create_review(town.hubot.get_commit(head), "Fine", "APPROVE")
    (review,) = town.bot.get_pull(number).get_reviews()
    assert (review.user.login, review.state, review.commit_id) == ("hubot", "APPROVED", head)
    assert town.mona.get_pull(number).requested_reviewers == []
    assert town.bot.get_collaborator_permission("hubot") == "write"


def talked_about(town: Town, number: int) -> None:
    """A command in a comment, a reaction by the App, a reply that is changed."""
    asked = town.hubot.get_pull(number).create_issue_comment("/surefoot status")
    comment = town.bot.get_issue(number).get_comment(asked.id)
    comment.create_reaction("eyes")
    assert [(each.content, each.user.login) for each in asked.get_reactions()] == [("eyes", "surefoot[bot]")]
    reply = town.bot.get_issue(number).create_comment("Looking")
    reply.edit("Waiting for the checks")
    said = [(each.user.login, each.body) for each in town.mona.get_issue(number).get_comments()]
    assert said == [("hubot", "/surefoot status"), ("surefoot[bot]", "Waiting for the checks")]


async def test_a_version_is_dispatched_deployed_and_released(town: Town) -> None:
    """A workflow that really runs, a deployment with its states, a release with its tag."""

    def walk() -> None:
        flow = town.bot.get_workflow("deploy.yml")
        assert flow.create_dispatch("main", {"version": "2"})
        run = finished(town.bot)
        assert (run.event, run.head_branch, run.conclusion) == ("workflow_dispatch", "main", "success")
        assert [(job.name, job.conclusion) for job in run.jobs()] == [("deploy", "success")]
        assert flow.create_dispatch("main", {"version": "3"})
        assert finished(town.bot).conclusion == "failure"
        tip = town.bot.get_branch("main").commit.sha
        made = town.bot.create_deployment(tip, environment="production", auto_merge=False, required_contexts=[])
        for state, words in (("in_progress", "5 %"), ("success", "100 %")):
            made.create_status(state, description=words)
        (found,) = town.mona.get_deployments(sha=tip)
        assert (found.environment, found.creator.login) == ("production", "surefoot[bot]")
        assert [(each.state, each.description) for each in found.get_statuses()] == [
            ("success", "100 %"),
            ("in_progress", "5 %"),
        ]
        town.mona.create_git_release("v2", "Two", "Notes", target_commitish=tip)
        assert (town.bot.get_latest_release().tag_name, town.bot.get_release("v2").name) == ("v2", "Two")
        assert [(tag.name, tag.commit.sha) for tag in town.bot.get_tags()] == [("v2", tip)]

    await asyncio.to_thread(walk)


def finished(repo: Repository) -> Any:
    """The newest workflow run, when it has ended."""
    for _ in range(500):
        run = next(iter(repo.get_workflow_runs()))
        if run.status == "completed":
            return run
        time.sleep(0.02)
    raise AssertionError("the workflow never ended")


async def test_an_app_finds_itself_and_its_installation(town: Town) -> None:
    """The App by its key alone: its name, where it is installed, what its token may see."""

    def walk() -> None:
        assert town.app.get_app().slug == "surefoot"
        assert [each.id for each in town.app.get_installations()] == [town.installation]
        assert town.app.get_repo_installation("octo", "lib").id == town.installation
        there = town.app.get_github_for_installation(town.installation)
        assert there.get_rate_limit().rate.limit == 5000
        narrow = town.app.get_access_token(town.installation, permissions={"contents": "read"})
        reader = Github(auth=Auth.Token(narrow.token), base_url=town.url, **NO_WAITING).get_repo("octo/lib")
        assert reader.get_contents("README.md")
        with pytest.raises(GithubException) as refused:
            reader.create_git_ref("refs/heads/x", reader.get_branch("main").commit.sha)
        assert refused.value.status == 403

    await asyncio.to_thread(walk)


async def test_lists_are_read_page_by_page(town: Town) -> None:
    """A list longer than a page comes whole and in order."""

    def walk() -> None:
        for number in range(35):
            town.mona.create_label(f"label-{number:02}", "ededed")
        names = [each.name for each in town.bot.get_labels() if each.name.startswith("label-")]
        assert names == [f"label-{number:02}" for number in range(35)]

    await asyncio.to_thread(walk)
