"""Greets a repository: one pull request with a first configuration; nothing else happens before it is merged."""

from __future__ import annotations

from dataclasses import dataclass

from gidgethub.abc import GitHubAPI

from bot.core import names, render
from bot.core.errors import ConfigProblem, Permanent
from bot.core.model import PullNumber, RepoName, Sha
from bot.core.repo_config import CONFIG_PATH
from bot.github import commits, pulls
from bot.github.apps import Us
from bot.tools import places

WORKFLOWS = ".github/workflows/"
NEEDED = frozenset({"sha", "weight"})
TITLE = "Configure Surefoot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeted:
    """The onboarding pull request and how it stands, in words."""

    pull: PullNumber
    why: str


async def run(repo: RepoName, *, gh: GitHubAPI, us: Us) -> Greeted:
    """Open the onboarding pull request, or say how the one that is there stands."""
    base = await commits.default_branch(gh, repo)
    if found := await pulls.find(gh, repo, names.ONBOARD_BRANCH, author=us.login):
        told = (
            "waits for somebody to merge it"
            if found.state == "open"
            else "was closed, so this repository is left alone"
        )
        return Greeted(pull=found.number, why=f"the onboarding pull request #{found.number} {told}")
    if theirs := await pulls.find(gh, repo, names.ONBOARD_BRANCH, state="open"):
        return _in_the_way(theirs)
    tip = await commits.branch(gh, repo, base)
    if tip is None:
        raise Permanent(f"the default branch {base} has no commit yet")
    environments = await _environments(gh, repo, tip)
    info = await commits.commit_info(gh, repo, tip)
    head = await commits.commit(
        gh,
        repo,
        parent=tip,
        files={CONFIG_PATH: render.onboarding_config(environments)},
        message=f"{TITLE}\n",
        author=commits.Author(name=names.AUTHOR, email=names.EMAIL, at=info.author.at),
    )
    await commits.put_branch(gh, repo, names.ONBOARD_BRANCH, head, mark=TITLE)
    opened = await pulls.open(
        gh,
        repo,
        branch=names.ONBOARD_BRANCH,
        base=base,
        title=TITLE,
        body=render.onboarding_body(environments),
    )
    if opened.author.lower() != us.login.lower():
        return _in_the_way(opened)
    await pulls.label(gh, repo, opened.number, (names.LABEL,))
    return Greeted(pull=opened.number, why=f"opened the onboarding pull request #{opened.number}")


def _in_the_way(pull: pulls.PullInfo) -> Greeted:
    """Whoever may push could open one with our branch's name and any configuration in it."""
    why = f"#{pull.number} from {pull.head_ref} was opened by {pull.author}, not by us: close it, and ours is opened"
    return Greeted(pull=pull.number, why=why)


async def _environments(gh: GitHubAPI, repo: RepoName, tip: Sha) -> list[tuple[str, str, str]]:
    """Name, workflow file and health address of each environment that a workflow of the repository deploys to."""
    found = []
    for path in (file.path for file in await commits.tree(gh, repo, tip)):
        if path.startswith(WORKFLOWS) and path.endswith((".yml", ".yaml")):
            text = await commits.read(gh, repo, path, tip) or ""
            found += [(name, path.removeprefix(WORKFLOWS), url) for name, url in environments_in(text, path)]
    return found


def environments_in(text: str, path: str) -> list[tuple[str, str]]:
    """Name and health address of the environments of one workflow; empty when it takes no `sha` and `weight`."""
    try:
        # Read where it stands and never copied: a few lines of YAML can name a list of lists a billion times over.
        top = places.load(text, path).raw()
    except ConfigProblem:
        return []  # GitHub itself would not run it
    match top:
        case {"on": {"workflow_dispatch": {"inputs": dict(inputs)}}, "jobs": dict(jobs)} if set(inputs) >= NEEDED:
            return [made for job in jobs.values() if (made := _environment(job))]
    return []


def _environment(job: object) -> tuple[str, str] | None:
    match job:
        case {"environment": {"name": str(name), "url": str(url)}} if "${{" not in name + url:
            return name, url.rstrip("/") + "/healthz/releases"
    return None
