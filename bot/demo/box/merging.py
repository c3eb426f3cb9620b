"""A merge happens only if it may: the head that was meant, no conflict, and every rule of the branch kept."""

from __future__ import annotations

from bot.demo.box import events
from bot.demo.box.errors import Refusal, unprocessable
from bot.demo.box.git import Commit, Person
from bot.demo.box.pushes import mark_merged, move
from bot.demo.box.rows import Account, Pull, Repo
from bot.demo.box.standing import obstacles, rules_of
from bot.demo.box.triggers import test_merge
from bot.demo.box.world import World


def signature(world: World, account: Account) -> Person:
    """An account as the author of a commit made now."""
    return Person(name=account.login, email=account.email, date=world.now())


async def try_merge(world: World, repo: Repo, pull: Pull) -> None:
    """Find out whether it merges; what moved meanwhile is tried again at the next look."""
    async with repo.lock:
        if pull.open:
            pull.merge_commit_sha = await test_merge(world, repo, pull)
            pull.mergeable = pull.merge_commit_sha is not None
        pull.checking = False


async def check(world: World, repo: Repo, pull: Pull, sha: str | None, method: str) -> str:
    """The tree of the merge; 405 or 409 with GitHub's reason where it must not be."""
    if not pull.open or pull.draft:
        what = "Pull Request is not mergeable" if not pull.draft else "Pull Request is still a draft"
        raise Refusal(405, what)
    if sha is not None and sha != pull.head_sha:
        raise Refusal(409, "Head branch was modified. Review and try the merge again.")
    if method not in repo.methods:
        raise Refusal(405, f"{method.capitalize()} merges are not allowed on this repository.")
    if reasons := obstacles(repo, pull):
        raise Refusal(405, " ".join(reasons))
    if rules_of(repo, pull.base_ref).strict and not pull.up_to_date:
        raise Refusal(405, "Head branch is out of date. Review and try the merge again.")
    tree = await repo.git.merged_tree(pull.base_sha, pull.head_sha)
    if tree is None:
        raise Refusal(405, "Pull Request is not mergeable")
    return tree


async def merge(world: World, repo: Repo, pull: Pull, by: Account, words: dict[str, str | None]) -> str:
    """Merge and tell everyone; the new tip of the base. ``words``: method, sha, title, message."""
    method = words.get("method") or "merge"
    tree = await check(world, repo, pull, words.get("sha"), method)
    commit = await make(world, repo, pull, tree, (method, by, words))
    pull.merge_commit_sha = commit
    await mark_merged(world, repo, pull, commit, by)
    await move(world, repo, f"refs/heads/{pull.base_ref}", commit, by, merged=True)
    events.pull_event(world, repo, pull, "closed", by)
    if repo.delete_branch_on_merge:
        await move(world, repo, f"refs/heads/{pull.head_ref}", None, by)
    return commit


async def make(world: World, repo: Repo, pull: Pull, tree: str, how: tuple[str, Account, dict[str, str | None]]) -> str:
    """The commit that the base will point at, by method."""
    method, by, words = how
    git, author = repo.git, signature(world, by)
    github = Person(name="GitHub", email="noreply@github.com", date=author.date)
    title, body = default_words(repo, pull, method)
    message = f"{words.get('title') or title}\n\n{body if words.get('message') is None else words['message']}".strip()
    if method == "rebase":
        tip = await git.rebased(pull.base_sha, pull.head_sha, github)
        if tip is None:
            raise Refusal(405, "This branch can't be rebased")
        return tip
    if method == "squash":
        opener = await git.commit(await first_commit(repo, pull))
        return await git.write_commit(tree, [pull.base_sha], message, author=by_first(opener, author), committer=github)
    return await git.write_commit(tree, [pull.base_sha, pull.head_sha], message, author=author, committer=github)


async def first_commit(repo: Repo, pull: Pull) -> str:
    """The oldest commit of a pull request."""
    shas = (await repo.git.run("rev-list", "--reverse", f"{pull.base_sha}..{pull.head_sha}")).split()
    return shas[0]


def by_first(opener: Commit, merger: Person) -> Person:
    """A squash is authored by whoever wrote the branch, dated by the merge."""
    return Person(name=opener.author.name, email=opener.author.email, date=merger.date)


def default_words(repo: Repo, pull: Pull, method: str) -> tuple[str, str]:
    """GitHub's own title and body of a merge."""
    if method == "squash":
        return f"{pull.issue.title} (#{pull.number})", pull.issue.body or ""
    return f"Merge pull request #{pull.number} from {repo.owner.login}/{pull.head_ref}", pull.issue.title


def merge_method(given: object) -> str:
    """A method of the body; 422 where GitHub knows none of that name."""
    if given not in (None, "merge", "squash", "rebase"):
        raise unprocessable(
            f"Invalid request.\n\n{given} is not a possible value. Must be one of: merge, squash, rebase."
        )
    return str(given or "merge")
