"""Repositories as GitHub shows them: minimal, whole, and in a push."""

from __future__ import annotations

from bot.demo.box.rows import Json, Repo
from bot.demo.box.shapes.people import node_id, organization, user
from bot.demo.box.world import World, stamp

LINKS = """
archive_url {archive_format}{/ref}
assignees_url assignees{/user}
blobs_url git/blobs{/sha}
branches_url branches{/branch}
collaborators_url collaborators{/collaborator}
comments_url comments{/number}
commits_url commits{/sha}
compare_url compare/{base}...{head}
contents_url contents/{+path}
contributors_url contributors
deployments_url deployments
downloads_url downloads
events_url events
forks_url forks
git_commits_url git/commits{/sha}
git_refs_url git/refs{/sha}
git_tags_url git/tags{/sha}
hooks_url hooks
issue_comment_url issues/comments{/number}
issue_events_url issues/events{/number}
issues_url issues{/number}
keys_url keys{/key_id}
labels_url labels{/name}
languages_url languages
merges_url merges
milestones_url milestones{/number}
notifications_url notifications{?since,all,participating}
pulls_url pulls{/number}
releases_url releases{/id}
stargazers_url stargazers
statuses_url statuses/{sha}
subscribers_url subscribers
subscription_url subscription
tags_url tags
teams_url teams
trees_url git/trees{/sha}
"""


def api(world: World, repo: Repo) -> str:
    """Where the REST API of a repository begins."""
    return f"{world.url}/repos/{repo.full_name}"


def html(world: World, repo: Repo) -> str:
    """Where a person looks at it."""
    return f"{world.url}/{repo.full_name}"


def minimal(world: World, repo: Repo) -> Json:
    """A minimal repository."""
    base = api(world, repo)
    links = dict(line.split(" ", 1) for line in LINKS.split("\n") if line)
    return {
        "id": repo.id,
        "node_id": node_id("Repository", repo.id),
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
        "owner": user(world, repo.owner),
        "html_url": html(world, repo),
        "description": repo.description,
        "fork": False,
        "url": base,
        **{name: f"{base}/{path}" for name, path in links.items()},
    }


def whole(world: World, repo: Repo) -> Json:
    """A repository with its counts and settings."""
    open_issues = sum(issue.state == "open" for issue in repo.issues.values())
    page = html(world, repo)
    return minimal(world, repo) | {
        "git_url": f"{page.replace('http', 'git', 1)}.git",
        "ssh_url": f"git@{world.url.partition('//')[2]}:{repo.full_name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "mirror_url": None,
        "homepage": None,
        "language": None,
        "license": None,
        "size": 0,
        "forks": 0,
        "forks_count": 0,
        "stargazers_count": 0,
        "watchers": 0,
        "watchers_count": 0,
        "open_issues": open_issues,
        "open_issues_count": open_issues,
        "default_branch": repo.default_branch,
        "topics": [],
        "is_template": False,
        "has_issues": True,
        "has_projects": False,
        "has_wiki": False,
        "has_pages": False,
        "has_downloads": True,
        "has_discussions": False,
        "archived": repo.archived,
        "disabled": False,
        "visibility": "private" if repo.private else "public",
        "pushed_at": stamp(repo.pushed_at),
        "created_at": stamp(repo.created_at),
        "updated_at": stamp(repo.pushed_at),
        "allow_forking": True,
        "web_commit_signoff_required": False,
    }


def full(world: World, repo: Repo) -> Json:
    """A repository as GET /repos/{owner}/{repo} shows it."""
    shown = whole(world, repo) | {
        "subscribers_count": 0,
        "network_count": 0,
        "temp_clone_token": None,
        "allow_merge_commit": "merge" in repo.methods,
        "allow_squash_merge": "squash" in repo.methods,
        "allow_rebase_merge": "rebase" in repo.methods,
        "allow_auto_merge": True,
        "allow_update_branch": True,
        "delete_branch_on_merge": repo.delete_branch_on_merge,
    }
    if repo.owner.kind == "Organization":
        shown["organization"] = user(world, repo.owner)
    return shown


def in_push(world: World, repo: Repo) -> Json:
    """A repository as a push carries it: seconds instead of stamps, and a named owner."""
    return whole(world, repo) | {
        "owner": user(world, repo.owner) | {"name": repo.owner.login, "email": repo.owner.email},
        "created_at": int(repo.created_at.timestamp()),
        "pushed_at": int(repo.pushed_at.timestamp()),
        "stargazers": 0,
        "master_branch": repo.default_branch,
    }


def around(world: World, repo: Repo) -> Json:
    """What every webhook about a repository carries beside its subject."""
    shown: Json = {"repository": whole(world, repo)}
    if repo.owner.kind == "Organization":
        shown["organization"] = organization(world, repo.owner)
    return shown
