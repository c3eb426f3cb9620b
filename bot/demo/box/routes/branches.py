"""Branches, the rules that guard them, and the plain merge of one branch into another."""

from __future__ import annotations

from bot.demo.box.call import NOTHING, Call, Reply, Route, created, ok
from bot.demo.box.errors import Refusal, not_found
from bot.demo.box.git import Person
from bot.demo.box.protecting import guard
from bot.demo.box.pushes import move
from bot.demo.box.rows import Json
from bot.demo.box.shapes import code
from bot.demo.box.shapes.repos import api, html
from bot.demo.box.standing import branch_rules, rules_of

# What classic protection can also hold and the box always shows as off.
OFF = (
    "required_linear_history",
    "allow_force_pushes",
    "allow_deletions",
    "block_creations",
    "required_conversation_resolution",
    "lock_branch",
    "allow_fork_syncing",
)


def summary(call: Call, branch: str) -> Json:
    """What a branch object tells of its protection, to readers too: the required checks."""
    checks = rules_of(call.repo, branch).checks if branch in call.repo.protection else ()
    return {
        "enabled": branch in call.repo.protection,
        "required_status_checks": {
            "enforcement_level": "non_admins" if checks else "off",
            "contexts": [name for name, _ in checks],
            "checks": [{"context": name, "app_id": app_id} for name, app_id in checks],
        },
    }


def is_protected(call: Call, branch: str) -> bool:
    """Is there any rule on it?"""
    return branch in call.repo.protection or bool(branch_rules(call.repo, branch))


async def branches(call: Call) -> Reply:
    """GET …/branches"""
    names = sorted(ref.removeprefix("refs/heads/") for ref in call.repo.git.refs if ref.startswith("refs/heads/"))
    if "protected" in call.query:
        names = [name for name in names if is_protected(call, name) is (call.query["protected"] == "true")]

    def show(name: str) -> Json:
        sha = call.repo.git.refs[f"refs/heads/{name}"]
        base = api(call.world, call.repo)
        return {
            "name": name,
            "commit": {"sha": sha, "url": f"{base}/commits/{sha}"},
            "protected": is_protected(call, name),
            "protection": summary(call, name),
            "protection_url": f"{base}/branches/{name}/protection",
        }

    return call.page(names, show)


def branch_name(call: Call) -> str:
    """The branch in the path; 404 where there is none."""
    name = call.params["branch"]
    if f"refs/heads/{name}" not in call.repo.git.refs:
        raise not_found("Branch not found")
    return name


async def branch(call: Call) -> Reply:
    """GET …/branches/{branch}"""
    name = branch_name(call)
    head = await call.repo.git.commit(call.repo.git.refs[f"refs/heads/{name}"])
    base = api(call.world, call.repo)
    return ok(
        {
            "name": name,
            "commit": code.commit(call.world, call.repo, head),
            "_links": {"self": f"{base}/branches/{name}", "html": f"{html(call.world, call.repo)}/tree/{name}"},
            "protected": is_protected(call, name),
            "protection": summary(call, name),
            "protection_url": f"{base}/branches/{name}/protection",
        }
    )


def shown_protection(call: Call, name: str) -> Json:
    """Classic protection as its endpoint shows it."""
    base = f"{api(call.world, call.repo)}/branches/{name}/protection"
    kept = call.repo.protection[name]
    shown: Json = {"url": base}
    if checks := kept["required_status_checks"]:
        url = f"{base}/required_status_checks"
        shown["required_status_checks"] = {"url": url, "contexts_url": f"{url}/contexts", **checks}
    if reviews := kept["required_pull_request_reviews"]:
        shown["required_pull_request_reviews"] = {"url": f"{base}/required_pull_request_reviews", **reviews}
    shown["enforce_admins"] = {"url": f"{base}/enforce_admins", "enabled": kept["enforce_admins"]}
    shown["required_signatures"] = {"url": f"{base}/required_signatures", "enabled": False}
    return shown | {key: {"enabled": False} for key in OFF}


async def protection(call: Call) -> Reply:
    """GET …/branches/{branch}/protection"""
    name = branch_name(call)
    if name not in call.repo.protection:
        raise not_found("Branch not protected")
    return ok(shown_protection(call, name))


async def protect(call: Call) -> Reply:
    """PUT …/branches/{branch}/protection"""
    name = branch_name(call)
    for key in ("required_status_checks", "enforce_admins", "required_pull_request_reviews", "restrictions"):
        if key not in call.body:
            raise Refusal(422, f'Invalid request.\n\n"{key}" wasn\'t supplied.')
    call.repo.protection[name] = {
        "required_status_checks": status_checks(call.body["required_status_checks"]),
        "required_pull_request_reviews": pull_reviews(call.body["required_pull_request_reviews"]),
        "enforce_admins": bool(call.body["enforce_admins"]),
    }
    return ok(shown_protection(call, name))


def status_checks(given: Json | None) -> Json | None:
    """Required checks from either of the two ways of saying them."""
    if given is None:
        return None
    checks = [{"context": one["context"], "app_id": one.get("app_id")} for one in given.get("checks") or []]
    named = [one["context"] for one in checks]
    checks += [{"context": name, "app_id": None} for name in given.get("contexts") or [] if name not in named]
    return {"strict": bool(given.get("strict")), "contexts": [one["context"] for one in checks], "checks": checks}


def pull_reviews(given: Json | None) -> Json | None:
    """Required reviews with their defaults."""
    if given is None:
        return None
    return {
        "dismiss_stale_reviews": bool(given.get("dismiss_stale_reviews")),
        "require_code_owner_reviews": bool(given.get("require_code_owner_reviews")),
        "required_approving_review_count": int(given.get("required_approving_review_count", 1)),
        "require_last_push_approval": bool(given.get("require_last_push_approval")),
    }


async def unprotect(call: Call) -> Reply:
    """DELETE …/branches/{branch}/protection"""
    if call.repo.protection.pop(branch_name(call), None) is None:
        raise not_found("Branch not protected")
    return NOTHING


async def required_checks(call: Call) -> Reply:
    """GET …/branches/{branch}/protection/required_status_checks"""
    name = branch_name(call)
    kept = call.repo.protection.get(name)
    if not kept:
        raise not_found("Branch not protected")
    if not kept["required_status_checks"]:
        raise not_found("Required status checks not enabled")
    return ok(shown_protection(call, name)["required_status_checks"])


async def rules(call: Call) -> Reply:
    """GET …/rules/branches/{branch}"""
    return call.page(branch_rules(call.repo, call.params["branch"]), lambda rule: rule)


async def merge(call: Call) -> Reply:
    """POST …/merges: 201 with the merge, 204 when there is nothing to do, 409 on a conflict."""
    git = call.repo.git
    ref = f"refs/heads/{call.text('base', 'Merge')}"
    base = git.refs.get(ref)
    head = await git.resolve(call.text("head", "Merge"))
    if base is None or head is None:
        raise not_found(f"{'Base' if base is None else 'Head'} does not exist")
    if await git.contains(head, base):
        return NOTHING
    tree = await git.merged_tree(base, head)
    if tree is None:
        raise Refusal(409, "Merge conflict")
    me = Person(name=call.me.login, email=call.me.email, date=call.world.now())
    said = call.text("commit_message", "Merge", default=f"Merge {call.body['head']} into {call.body['base']}")
    sha = await git.write_commit(tree, [base, head], said, author=me)
    await guard(call.actor, call.repo, ref, base, sha)
    await move(call.world, call.repo, ref, sha, call.me)
    return created(code.commit(call.world, call.repo, await git.commit(sha)))


BASE = "/repos/{owner}/{repo}"
PROTECTION = f"{BASE}/branches/{{branch}}/protection"
ROUTES = [
    Route("GET", f"{BASE}/branches", branches),
    Route("GET", PROTECTION, protection),
    Route("PUT", PROTECTION, protect),
    Route("DELETE", PROTECTION, unprotect),
    Route("GET", f"{PROTECTION}/required_status_checks", required_checks),
    Route("GET", f"{BASE}/branches/{{branch}}", branch),
    Route("GET", f"{BASE}/rules/branches/{{branch}}", rules),
    Route("POST", f"{BASE}/merges", merge),
]
