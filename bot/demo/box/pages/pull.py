"""A pull request as a person reads it: what was said, reviewed and checked, in order of time; then what it changes."""

from __future__ import annotations

from datetime import datetime
from html import escape

from bot.demo.box.call import Call
from bot.demo.box.pages import markdown
from bot.demo.box.pages.layout import box, diff, link, page, rows, tag
from bot.demo.box.pages.repo import trail
from bot.demo.box.rows import Account, CheckRun, Issue, Pull, Repo
from bot.demo.box.shapes.talk import CONTENTS
from bot.demo.box.standing import latest_checks, latest_statuses, mergeable_state, obstacles
from bot.demo.box.world import World, stamp

FACES = dict(zip(CONTENTS, ["👍", "👎", "😄", "😕", "❤️", "🎉", "🚀", "👀"], strict=True))


def said(who: Account, when: datetime, what: str, text: str) -> tuple[datetime, str]:
    """One entry of the conversation."""
    return when, box(f"<strong>{escape(who.login)}</strong> {what} <span class=dim>{stamp(when)}</span>", text)


def faces(repo: Repo, subject: tuple[str, int]) -> str:
    """The reactions below a text."""
    given = [one.content for one in repo.reactions.values() if one.subject == subject]
    counts = [f'<span class="tag dim">{FACES[one]} {given.count(one)}</span>' for one in CONTENTS if one in given]
    return f"<p>{' '.join(counts)}</p>" if counts else ""


def conversation(repo: Repo, issue: Issue) -> str:
    """Opening words, comments and reviews, by time."""
    first = markdown.render(issue.body) or "<p class=dim>No description provided.</p>"
    entries = [said(issue.user, issue.created_at, "opened this", first + faces(repo, ("issue", issue.id)))]
    for one in repo.comments.values():
        if one.number == issue.number:
            text = markdown.render(one.body) + faces(repo, ("comment", one.id))
            entries.append(said(one.user, one.created_at, "commented", text))
    for review in repo.reviews.values():
        if review.number == issue.number and review.submitted_at:
            what = f"reviewed {tag(review.state)} <code>{review.commit_id[:7]}</code>"
            entries.append(said(review.user, review.submitted_at, what, markdown.render(review.body)))
    return "".join(text for _, text in sorted(entries, key=lambda entry: entry[0]))


def check_line(repo: Repo, check: CheckRun) -> str:
    """A check in a list, with its title."""
    name = link(check.name, f"/{repo.full_name}/runs/{check.id}")
    title = escape(str(check.output.get("title") or ""))
    by = escape(check.suite.app.name)
    return f"{tag(check.conclusion or check.status)} {name} <span class=dim>{by}</span> {title}"


def checks(repo: Repo, sha: str) -> str:
    """All that was said about a commit by machines."""
    lines = [check_line(repo, check) for check in latest_checks(repo, sha)]
    for one in latest_statuses(repo, sha):
        lines.append(f"{tag(one.state)} {escape(one.context)} {escape(one.description or '')}")
    return rows(lines, "No checks.")


def merge_box(world: World, repo: Repo, pull: Pull) -> str:
    """How it stands with merging."""
    if pull.merged_at:
        by = escape(pull.merged_by.login if pull.merged_by else "")
        return box(
            f"{tag('merged')} by {by}",
            f"into <code>{escape(pull.base_ref)}</code> as <code>{pull.merge_commit_sha}</code>",
        )
    if not pull.open:
        return box(tag("closed"), "Closed without merging.")
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in obstacles(repo, pull))
    return box(
        f"Merging: {tag(mergeable_state(repo, pull))}", f"<ul>{reasons}</ul>" if reasons else "Nothing forbids it."
    )


async def pull_page(call: Call) -> str:
    """A pull request."""
    repo, pull = call.repo, call.pull()
    state = "merged" if pull.merged_at else pull.issue.state
    ways = f"<code>{escape(pull.head_ref)}</code> into <code>{escape(pull.base_ref)}</code>"
    labels = " ".join(f'<span class="tag dim">{escape(name)}</span>' for name in pull.issue.labels)
    head = (
        f"<h1>{escape(pull.issue.title)} <span class=dim>#{pull.number}</span></h1><p>{tag(state)} {ways} {labels}</p>"
    )
    span = f"{await repo.git.merge_base(pull.base_sha, pull.head_sha) or pull.base_sha}..{pull.head_sha}"
    commits = [
        f"<code>{one.sha[:7]}</code> {escape(one.message.partition(chr(10))[0])}" for one in await repo.git.log(span)
    ]
    files = "".join(
        box(
            f"{escape(one.path)} <span class=add>+{one.additions}</span> <span class=del>-{one.deletions}</span>",
            diff(one.patch),
        )
        for one in pull.changes
    )
    body = f"{head}{conversation(repo, pull.issue)}<h2>Checks</h2>{checks(repo, pull.head_sha)}"
    body += f"{merge_box(call.world, repo, pull)}<h2>Commits</h2>{rows(commits, 'None.')}<h2>Files</h2>{files}"
    return page(pull.issue.title, trail(repo, ("pull requests", f"/{repo.full_name}/pulls")), body)


async def issue_page(call: Call) -> str:
    """An issue."""
    issue = call.issue()
    head = f"<h1>{escape(issue.title)} <span class=dim>#{issue.number}</span></h1><p>{tag(issue.state)}</p>"
    return page(issue.title, trail(call.repo), head + conversation(call.repo, issue))


PAGES = [
    ("/{owner}/{repo}/pull/{pull_number}", pull_page),
    ("/{owner}/{repo}/issues/{issue_number}", issue_page),
]
