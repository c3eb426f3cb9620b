"""Chapters of the walk: issues and talk, a pull request with its checks and reviews, and the merge."""

import base64

from tests.box.cast import REPO, Cast, until


async def issues(cast: Cast) -> None:
    """An issue with labels, comments and reactions."""
    await cast.bot("POST", f"{REPO}/labels", {"name": "surefoot", "color": "0e8a16", "description": "Ours"})
    await cast.bot("POST", f"{REPO}/labels", {"name": "surefoot", "color": "0e8a16"})
    await cast.bot("GET", f"{REPO}/labels?per_page=1")
    await cast.bot("GET", f"{REPO}/labels/surefoot")
    await cast.bot("GET", f"{REPO}/labels/none")
    body = {"title": "Something", "body": "Look", "labels": ["surefoot"], "assignees": ["hubot"]}
    number = (await cast.mona("POST", f"{REPO}/issues", body))["number"]
    one = f"{REPO}/issues/{number}"
    await cast.mona("POST", f"{REPO}/issues", {"body": "no title"})
    await cast.bot("GET", f"{REPO}/issues?state=all&labels=surefoot&creator=mona")
    await cast.bot("GET", one)
    await cast.bot("GET", f"{REPO}/issues/9999")
    await cast.bot("PATCH", one, {"title": "Something else", "state": "closed", "state_reason": "completed"})
    await cast.bot("PATCH", one, {"state": "open"})
    await labels_of(cast, one)
    await reactions(cast, one)
    await locked(cast, one)


async def locked(cast: Cast, one: str) -> None:
    """A conversation that is closed to all but its writers, and opened again."""
    await cast.mona("PUT", f"{one}/lock", {"lock_reason": "too heated"})
    await cast.mona("PUT", f"{one}/lock", {"lock_reason": "boring"})
    await cast.bot("POST", f"{one}/comments", {"body": "May I?"})
    await cast.bot("POST", f"{one}/reactions", {"content": "eyes"})
    await cast.bot("GET", one)
    await cast.mona("DELETE", f"{one}/lock")


async def labels_of(cast: Cast, one: str) -> None:
    """Labels of one issue: shown, added, set, taken away."""
    await cast.bot("GET", f"{one}/labels")
    await cast.bot("POST", f"{one}/labels", {"labels": ["urgent", "later"]})
    await cast.bot("DELETE", f"{one}/labels/urgent")
    await cast.bot("DELETE", f"{one}/labels/urgent")
    await cast.bot("PUT", f"{one}/labels", {"labels": ["surefoot"]})
    await cast.bot("DELETE", f"{one}/labels")
    await cast.mona("DELETE", f"{REPO}/labels/later")


async def reactions(cast: Cast, one: str) -> None:
    """Comments on an issue, and reactions on both."""
    comment = await cast.hubot("POST", f"{one}/comments", {"body": "/surefoot help"})
    await cast.bot("POST", f"{one}/comments", {})
    ours = await cast.bot("POST", f"{one}/comments", {"body": "At work"})
    await cast.bot("GET", f"{one}/comments?per_page=1&page=2")
    await cast.bot("GET", f"{REPO}/issues/comments?sort=created&direction=desc")
    there = f"{REPO}/issues/comments/{comment['id']}"
    await cast.bot("GET", there)
    await cast.hubot("PATCH", there, {"body": "/surefoot status"})
    for place in (one, there):
        made = await cast.bot("POST", f"{place}/reactions", {"content": "eyes"})
        await cast.bot("POST", f"{place}/reactions", {"content": "eyes"})
        await cast.bot("POST", f"{place}/reactions", {"content": "shrug"})
        await cast.bot("GET", f"{place}/reactions?content=eyes")
        await cast.bot("DELETE", f"{place}/reactions/{made['id']}")
    await cast.bot("DELETE", f"{REPO}/issues/comments/{ours['id']}")
    await cast.bot("GET", f"{REPO}/issues/comments/{ours['id']}")


async def pulls(cast: Cast, branch: str) -> tuple[int, str]:
    """A pull request up to its reviews; answers with its number and head."""
    body = {"title": "Bump lib to 2", "head": branch, "base": "main", "body": "Notes", "draft": False}
    pull = await cast.bot("POST", f"{REPO}/pulls", body)
    await cast.bot("POST", f"{REPO}/pulls", body)
    await cast.bot("POST", f"{REPO}/pulls", body | {"head": "nowhere"})
    one = f"{REPO}/pulls/{pull['number']}"
    await cast.bot("GET", f"{REPO}/pulls?state=open&head=octo:{branch}&base=main&sort=updated&direction=asc")
    await cast.bot("GET", one)
    await cast.bot("GET", f"{REPO}/pulls/9999")
    await cast.bot("PATCH", one, {"title": "Bump lib to 2.0", "body": "Better notes"})
    await cast.bot("PATCH", one, {"state": "closed"})
    await cast.bot("PATCH", one, {"state": "open"})
    await cast.bot("GET", f"{one}/files")
    await cast.bot("GET", f"{one}/commits")
    await cast.bot("GET", f"{one}/merge")
    await cast.bot("GET", one, accept="application/vnd.github.diff")
    await cast.bot("POST", f"{REPO}/issues/{pull['number']}/labels", {"labels": ["surefoot"]})
    await cast.bot("DELETE", f"{REPO}/issues/{pull['number']}/labels/surefoot")
    await cast.bot("GET", f"{REPO}/issues/{pull['number']}")
    await cast.bot("GET", f"{REPO}/commits/{pull['head']['sha']}/pulls")
    return pull["number"], pull["head"]["sha"]


async def reviews(cast: Cast, number: int, head: str) -> None:
    """Reviewers asked, reviews given, dismissed, refused."""
    one = f"{REPO}/pulls/{number}"
    await cast.bot("POST", f"{one}/requested_reviewers", {"reviewers": ["hubot", "mona"]})
    await cast.bot("GET", f"{one}/requested_reviewers")
    await cast.bot("DELETE", f"{one}/requested_reviewers", {"reviewers": ["mona"]})
    await cast.bot("POST", f"{one}/reviews", {"event": "APPROVE"})
    await cast.hubot("POST", f"{one}/reviews", {"event": "COMMENT"})
    pending = await cast.hubot("POST", f"{one}/reviews", {"body": "Wait"})
    await cast.hubot("GET", f"{one}/reviews/{pending['id']}")
    await cast.hubot("POST", f"{one}/reviews/{pending['id']}/events", {"event": "REQUEST_CHANGES", "body": "No"})
    await cast.mona("PUT", f"{one}/reviews/{pending['id']}/dismissals", {"message": "Done since"})
    await cast.hubot("POST", f"{one}/reviews", {"event": "APPROVE", "commit_id": head, "body": "Fine"})
    await cast.bot("GET", f"{one}/reviews?per_page=100")
    await cast.bot("GET", f"{one}/reviews/9999")


async def checks(cast: Cast, head: str) -> None:
    """Check runs, suites and statuses of a commit."""
    output = {"title": "Running", "summary": "So far so good"}
    actions = [{"label": "Again", "description": "Run it again", "identifier": "again"}]
    body = {"name": "surefoot / simulation", "head_sha": head, "external_id": "7", "status": "in_progress"}
    run = await cast.bot("POST", f"{REPO}/check-runs", body | {"output": output, "actions": actions})
    one = f"{REPO}/check-runs/{run['id']}"
    note = {"path": "pins.txt", "start_line": 1, "end_line": 1, "annotation_level": "warning", "message": "Look"}
    done = {"conclusion": "success", "completed_at": "2026-01-02T03:04:05Z", "details_url": "https://surefoot.test/1"}
    await cast.bot("PATCH", one, done | {"output": output | {"annotations": [note], "text": "More"}})
    await cast.bot("PATCH", one, {"output": output | {"annotations": [note] * 51}})
    await cast.bot("POST", f"{REPO}/check-runs", {"name": "x", "head_sha": "2" * 40})
    await cast.mona("POST", f"{REPO}/check-runs", body)
    await cast.bot("GET", one)
    await cast.bot("GET", f"{one}/annotations")
    await cast.bot("POST", f"{one}/rerequest")
    await cast.bot("GET", f"{REPO}/commits/{head}/check-runs?check_name=surefoot%20/%20simulation&filter=latest")
    suites = (await cast.bot("GET", f"{REPO}/commits/{head}/check-suites"))["check_suites"]
    suite = f"{REPO}/check-suites/{suites[0]['id']}"
    await cast.bot("GET", suite)
    await cast.bot("GET", f"{suite}/check-runs")
    await cast.bot("POST", f"{suite}/rerequest")
    await cast.bot("POST", f"{REPO}/check-suites", {"head_sha": head})
    main = (await cast.bot("GET", f"{REPO}/git/ref/heads/main"))["object"]["sha"]
    await cast.bot("POST", f"{REPO}/check-suites", {"head_sha": main})


async def statuses(cast: Cast, head: str) -> None:
    """Statuses of a commit, alone and together."""
    await cast.bot("GET", f"{REPO}/commits/{head}/status")
    for state in ("pending", "success"):
        body = {"state": state, "context": "ci", "description": "It is so", "target_url": "https://ci.test/1"}
        await cast.mona("POST", f"{REPO}/statuses/{head}", body)
    await cast.mona("POST", f"{REPO}/statuses/{head}", {"state": "merry"})
    await cast.bot("GET", f"{REPO}/commits/{head}/statuses")
    await cast.bot("GET", f"{REPO}/commits/{head}/status?per_page=1")


async def merging(cast: Cast, number: int, head: str) -> None:
    """Refused with the wrong head, refused while it is not known, merged, and refused again."""
    one = f"{REPO}/pulls/{number}"
    main = base64.b64encode(b"moved\n").decode()
    await cast.mona("PUT", f"{REPO}/contents/moved.txt", {"message": "Move main", "content": main})
    await cast.bot("PUT", f"{one}/update-branch", {"expected_head_sha": "3" * 40})
    await cast.bot("PUT", f"{one}/update-branch", {"expected_head_sha": head})
    pull = await until(cast, one, "mergeable", (True, False))
    await cast.bot("PUT", f"{one}/merge", {"sha": head, "merge_method": "squash"})
    body = {"sha": pull["head"]["sha"], "merge_method": "squash", "commit_title": "Bump lib", "commit_message": "Notes"}
    await cast.bot("PUT", f"{one}/merge", body)
    await cast.bot("PUT", f"{one}/merge", body)
    await cast.bot("GET", f"{one}/merge")
    await cast.bot("GET", one)
    await cast.bot("PUT", f"{one}/update-branch")
    await cast.bot("GET", f"{REPO}/commits?per_page=1")
