"""Chapters of the walk: the App and the people, files, git data, history, and the rules of a branch."""

import base64

from tests.box.cast import REPO, Cast


async def the_app(cast: Cast) -> None:
    """What an App asks about itself."""
    await cast.app("GET", "/app")
    (here,) = await cast.app("GET", "/app/installations?per_page=100&page=1")
    one = f"/app/installations/{here['id']}"
    await cast.app("GET", one)
    await cast.app("GET", f"{REPO}/installation")
    await cast.app("GET", "/orgs/octo/installation")
    await cast.app("GET", "/users/octo/installation")
    narrow = {"repositories": ["lib"], "permissions": {"contents": "read"}}
    made = await cast.app("POST", f"{one}/access_tokens", narrow)
    await cast.app("POST", f"{one}/access_tokens", {"repositories": ["nowhere"]})
    brief = cast.with_token(made["token"])
    await brief("GET", "/installation/repositories")
    await brief("POST", f"{REPO}/git/refs", {"ref": "refs/heads/forbidden", "sha": "0" * 40})
    await brief("DELETE", "/installation/token")
    await brief("GET", "/installation/repositories")
    await cast.app("GET", "/app/installations/999999")


async def people(cast: Cast) -> None:
    """Who is who, and how much is left."""
    await cast.mona("GET", "/user")
    await cast.mona("GET", "/users/hubot")
    await cast.mona("GET", "/users/octo")
    await cast.mona("GET", "/users/noone-at-all")
    await cast.mona("GET", f"{REPO}/collaborators/hubot/permission")
    await cast.bot("GET", f"{REPO}/collaborators/app-owner/permission")
    await cast.bot("GET", "/rate_limit")
    await cast.nobody("GET", "/meta")
    await cast.nobody("GET", "/zen")
    await cast.nobody("GET", "/user")
    await cast.mona("GET", REPO)
    await cast.bot("GET", "/repos/octo/nowhere")


async def files(cast: Cast) -> None:
    """Contents, one file at a time."""
    text = base64.b64encode(b"hello\n").decode()
    made = await cast.bot("PUT", f"{REPO}/contents/docs/a.md", {"message": "Add a", "content": text})
    await cast.bot("PUT", f"{REPO}/contents/docs/a.md", {"message": "Add a", "content": text})
    more = base64.b64encode(b"hello again\n").decode()
    change = {"message": "Change a", "content": more, "sha": made["content"]["sha"], "branch": "main"}
    made = await cast.bot("PUT", f"{REPO}/contents/docs/a.md", change)
    for path in ("", "docs", "docs/a.md", "docs/a.md?ref=main", "nowhere.txt"):
        await cast.bot("GET", f"{REPO}/contents/{path}")
    await cast.bot("GET", f"{REPO}/contents/docs", accept="application/vnd.github.object+json")
    await cast.bot("GET", f"{REPO}/contents/docs/a.md", accept="application/vnd.github.raw+json")
    gone = {"message": "Remove a", "sha": made["content"]["sha"]}
    await cast.bot("DELETE", f"{REPO}/contents/docs/a.md", gone)
    await cast.bot("DELETE", f"{REPO}/contents/docs/a.md", gone)


async def git_data(cast: Cast) -> str:
    """Blobs, trees, commits and refs; answers with the name of a branch that is one commit ahead."""
    tip = (await cast.bot("GET", f"{REPO}/git/ref/heads/main"))["object"]["sha"]
    commit = await cast.bot("GET", f"{REPO}/git/commits/{tip}")
    blob = await cast.bot("POST", f"{REPO}/git/blobs", {"content": "aGkK", "encoding": "base64"})
    await cast.bot("GET", f"{REPO}/git/blobs/{blob['sha']}")
    entries = [
        {"path": "pins.txt", "mode": "100644", "type": "blob", "sha": blob["sha"]},
        {"path": "src/new.py", "mode": "100644", "type": "blob", "content": "x = 1\n"},
        {"path": "README.md", "mode": "100644", "type": "blob", "sha": None},
    ]
    tree = await cast.bot("POST", f"{REPO}/git/trees", {"base_tree": commit["tree"]["sha"], "tree": entries})
    await cast.bot("GET", f"{REPO}/git/trees/{tree['sha']}?recursive=1")
    await cast.bot("GET", f"{REPO}/git/trees/main")
    body = {"message": "Pin lib 2", "tree": tree["sha"], "parents": [tip]}
    made = await cast.bot("POST", f"{REPO}/git/commits", body)
    await cast.bot("POST", f"{REPO}/git/commits", body | {"tree": "1" * 40})
    await cast.bot("POST", f"{REPO}/git/refs", {"ref": "refs/heads/bump/lib-2", "sha": tip})
    await cast.bot("POST", f"{REPO}/git/refs", {"ref": "refs/heads/bump/lib-2", "sha": tip})
    await cast.bot("PATCH", f"{REPO}/git/refs/heads/bump/lib-2", {"sha": made["sha"], "force": False})
    await cast.bot("PATCH", f"{REPO}/git/refs/heads/bump/none", {"sha": made["sha"]})
    await cast.bot("GET", f"{REPO}/git/matching-refs/heads/bump")
    await cast.bot("GET", f"{REPO}/git/ref/heads/none")
    await cast.bot("POST", f"{REPO}/git/refs", {"ref": "refs/heads/brief", "sha": made["sha"]})
    await cast.bot("DELETE", f"{REPO}/git/refs/heads/brief")
    await cast.bot("DELETE", f"{REPO}/git/refs/heads/brief")
    return "bump/lib-2"


async def history(cast: Cast, branch: str) -> None:
    """Commits, comparisons, branches, merges, archives."""
    await cast.bot("GET", f"{REPO}/commits?sha={branch}&per_page=2&path=pins.txt")
    head = await cast.bot("GET", f"{REPO}/commits/{branch}")
    await cast.bot("GET", f"{REPO}/commits/{head['sha']}/pulls")
    await cast.bot("GET", f"{REPO}/commits/nowhere")
    await cast.bot("GET", f"{REPO}/compare/main...{branch}")
    await cast.bot("GET", f"{REPO}/compare/main...nowhere")
    await cast.bot("GET", f"{REPO}/branches?protected=false")
    await cast.bot("GET", f"{REPO}/branches/{branch}")
    await cast.bot("GET", f"{REPO}/branches/nowhere")
    await cast.bot("GET", f"{REPO}/activity?ref={branch}&per_page=1")
    await cast.bot("GET", f"{REPO}/activity?activity_type=branch_creation&direction=asc")
    await cast.bot("GET", f"{REPO}/tarball/main")
    await cast.bot("GET", f"{REPO}/zipball/main")
    tip = (await cast.bot("GET", f"{REPO}/git/ref/heads/main"))["object"]["sha"]
    await cast.bot("POST", f"{REPO}/git/refs", {"ref": "refs/heads/trial", "sha": tip})
    merge = {"base": "trial", "head": branch, "commit_message": "Try"}
    await cast.bot("POST", f"{REPO}/merges", merge)
    await cast.bot("POST", f"{REPO}/merges", merge)
    await cast.bot("POST", f"{REPO}/merges", merge | {"head": "nowhere"})
    await cast.bot("DELETE", f"{REPO}/git/refs/heads/trial")


async def protection(cast: Cast) -> None:
    """The rules of a branch, set by its owner and taken away again."""
    guard = f"{REPO}/branches/main/protection"
    await cast.bot("GET", guard)
    await cast.mona("GET", guard)
    rules = {
        "required_status_checks": {"strict": False, "contexts": [], "checks": [{"context": "ci", "app_id": -1}]},
        "enforce_admins": False,
        "required_pull_request_reviews": {"required_approving_review_count": 1, "dismiss_stale_reviews": True},
        "restrictions": None,
    }
    await cast.mona("PUT", guard, rules)
    await cast.hubot("PUT", guard, rules)
    for path in (guard, f"{guard}/required_status_checks"):
        await cast.mona("GET", path)
    for path in (f"{REPO}/branches/main", f"{REPO}/rules/branches/main"):
        await cast.bot("GET", path)
    await cast.mona("DELETE", guard)
    await cast.mona("PUT", guard, rules | {"required_pull_request_reviews": None, "required_status_checks": None})
    await cast.mona("GET", guard)
    await cast.mona("GET", f"{guard}/required_status_checks")
    await cast.mona("DELETE", guard)
