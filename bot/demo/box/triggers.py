"""A workflow starts because of something: a push, a pull request, or someone who asked for it."""

from __future__ import annotations

from bot.demo.box.expressions import ExpressionError, fill
from bot.demo.box.git import NO_SHA, Person
from bot.demo.box.rows import Account, CheckSuite, Json, Pull, Repo, Run
from bot.demo.box.runner import execute, plan
from bot.demo.box.workflows import Workflow, read_all, wants_branch
from bot.demo.box.world import World


async def start_for_push(world: World, repo: Repo, branch: str, sha: str, sender: Account) -> None:
    """Start what listens to a push on this branch."""
    for workflow in await read_all(world, repo, sha):
        if "push" in workflow.triggers and wants_branch(workflow.triggers["push"], branch):
            commit = await repo.git.commit(sha)
            run = new_run(world, repo, workflow, sender, {"event": "push", "sha": sha, "branch": branch})
            run.title = run.title or commit.message.partition("\n")[0]
            begin(world, repo, run, workflow)


async def start_for_pull(world: World, repo: Repo, pull: Pull, action: str, sender: Account) -> None:
    """Start what listens to pull requests; the jobs see the test merge, the checks stand on the head."""
    listening = []
    for workflow in await read_all(world, repo, pull.head_sha):
        settings = workflow.triggers.get("pull_request")
        if settings is None:
            continue
        if action in settings.get("types", ("opened", "synchronize", "reopened")) and wants_branch(
            settings, pull.base_ref
        ):
            listening.append(workflow)
    if not listening or not (merge := await test_merge(world, repo, pull)):
        return  # GitHub runs nothing for a pull request that conflicts
    for workflow in listening:
        about = {"event": "pull_request", "sha": pull.head_sha, "branch": pull.head_ref}
        run = new_run(world, repo, workflow, sender, about)
        run.checkout, run.pull, run.title = merge, pull.number, run.title or pull.issue.title
        begin(world, repo, run, workflow)


async def test_merge(world: World, repo: Repo, pull: Pull) -> str | None:
    """The commit under refs/pull/N/merge: head merged into base as both stand now; None on a conflict."""
    git = repo.git
    tree = await git.merged_tree(pull.base_sha, pull.head_sha)
    if tree is None:
        return None
    by = Person(name="GitHub", email="noreply@github.com", date=world.now())
    message = f"Merge {pull.head_sha} into {pull.base_sha}"
    commit = await git.write_commit(tree, [pull.base_sha, pull.head_sha], message, author=by)
    await git.set_ref(f"refs/pull/{pull.number}/merge", commit)
    return commit


def dispatch(world: World, repo: Repo, workflow: Workflow, sender: Account, about: Json) -> Run:
    """Start by hand; ``about`` holds event, sha, branch and inputs."""
    run = new_run(world, repo, workflow, sender, about)
    run.title = run.title or workflow.name
    begin(world, repo, run, workflow)
    return run


def new_run(world: World, repo: Repo, workflow: Workflow, sender: Account, about: Json) -> Run:
    """The row of a run, with a check suite of its own."""
    now = world.now()
    suite = CheckSuite(
        id=world.next_id(),
        app=world.actions,
        head_sha=about["sha"],
        head_branch=about["branch"],
        before=NO_SHA,
        created_at=now,
        updated_at=now,
    )
    run = Run(
        id=world.next_id(),
        path=workflow.path,
        workflow_id=repo.workflow_ids[workflow.path],
        name=workflow.name,
        title="",
        event=about["event"],
        number=sum(one.path == workflow.path for one in repo.runs.values()) + 1,
        head_sha=about["sha"],
        head_branch=about["branch"],
        checkout=about["sha"],
        actor=sender,
        suite=suite,
        inputs=about.get("inputs", {}),
        created_at=now,
        updated_at=now,
    )
    suite.run_id = run.id
    repo.suites[suite.id] = suite
    repo.runs[run.id] = run
    run.title = title_of(repo, run, workflow)
    return run


def title_of(repo: Repo, run: Run, workflow: Workflow) -> str:
    """``run-name`` filled in; empty where there is none or it cannot be read."""
    context = {
        "inputs": run.inputs,
        "github": {
            "actor": run.actor.login,
            "ref_name": run.head_branch,
            "sha": run.head_sha,
            "repository": repo.full_name,
        },
    }
    try:
        return fill(workflow.run_name, context)
    except ExpressionError:
        return ""


def begin(world: World, repo: Repo, run: Run, workflow: Workflow) -> None:
    """Plan the jobs and let them run in the background."""
    plan(world, repo, run, workflow)
    world.spawn(execute(world, repo, run, workflow))
