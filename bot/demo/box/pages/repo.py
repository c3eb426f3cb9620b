"""The front page of a repository: its files, pull requests, runs and deployments; and its files one by one."""

from __future__ import annotations

from html import escape

from bot.demo.box.call import Call
from bot.demo.box.deploying import state_of
from bot.demo.box.errors import not_found
from bot.demo.box.pages import markdown
from bot.demo.box.pages.layout import box, link, page, rows, tag
from bot.demo.box.rows import Pull, Repo, Run
from bot.demo.box.world import stamp


def trail(repo: Repo, *more: tuple[str, str]) -> list[tuple[str, str]]:
    """The way back to a repository."""
    return [("box", "/"), (repo.full_name, f"/{repo.full_name}"), *more]


async def index(call: Call) -> str:
    """All repositories of this world."""
    found = [link(repo.full_name, f"/{repo.full_name}") for repo in call.world.repos.values()]
    return page("GitHub in a box", [("box", "/")], "<h1>GitHub in a box</h1>" + rows(found, "No repository yet."))


async def front(call: Call) -> str:
    """A repository."""
    repo = call.repo
    head = repo.git.refs.get(f"refs/heads/{repo.default_branch}")
    files = await repo.git.tree(head) if head else []
    listed = [link(one.path + ("/" if one.kind == "tree" else ""), file_page(repo, one.path)) for one in files]
    readme = next((one for one in files if one.path.lower() == "readme.md"), None)
    shown = markdown.render((await repo.git.blob(readme.sha)).decode("utf-8", "replace")) if readme else ""
    body = f"<h1>{escape(repo.full_name)}</h1><p class=dim>{escape(repo.description or '')}</p>"
    body += f"<h2>Files on {escape(repo.default_branch)}</h2>{rows(listed, 'Nothing here yet.')}"
    body += f"<h2>{link('Pull requests', f'/{repo.full_name}/pulls')}</h2>{pull_rows(repo)}"
    body += f"<h2>Deployments</h2>{deployment_rows(repo)}<h2>Workflow runs</h2>{run_rows(repo)}"
    return page(repo.full_name, trail(repo), body + (box("README.md", shown) if readme else ""))


def file_page(repo: Repo, path: str) -> str:
    """Where a file is shown."""
    return f"/{repo.full_name}/blob/{repo.default_branch}/{path}"


def pull_line(repo: Repo, pull: Pull) -> str:
    """A pull request in a list."""
    state = "merged" if pull.merged_at else pull.issue.state
    labels = " ".join(f'<span class="tag dim">{escape(name)}</span>' for name in pull.issue.labels)
    title = link(pull.issue.title, f"/{repo.full_name}/pull/{pull.number}")
    return f"{tag(state)} {title} {labels} <span class=dim>#{pull.number} by {escape(pull.issue.user.login)}</span>"


def pull_rows(repo: Repo) -> str:
    """All pull requests, the newest first."""
    return rows([pull_line(repo, pull) for pull in reversed(repo.pulls.values())], "No pull request yet.")


def deployment_rows(repo: Repo) -> str:
    """All deployments, the newest first, with every state that they went through."""
    lines = []
    for one in reversed(repo.deployments.values()):
        said = " → ".join(f"{escape(s.state)} <span class=dim>{escape(s.description)}</span>" for s in one.statuses)
        where = f"<strong>{escape(one.environment)}</strong> {escape(one.ref)} <code>{one.sha[:7]}</code>"
        lines.append(f"{tag(state_of(one))} {where}<br>{said}")
    return rows(lines, "Nothing was deployed yet.")


def run_line(repo: Repo, run: Run) -> str:
    """A workflow run in a list."""
    title = link(run.title or run.name, f"/{repo.full_name}/actions/runs/{run.id}")
    about = f"{escape(run.name)}, {stamp(run.created_at)}"
    return f"{tag(run.conclusion or run.status)} {title} <span class=dim>{about}</span>"


def run_rows(repo: Repo) -> str:
    """The newest runs."""
    return rows([run_line(repo, run) for run in list(reversed(repo.runs.values()))[:30]], "No workflow ran yet.")


async def pulls(call: Call) -> str:
    """The list of pull requests."""
    way = trail(call.repo, ("pull requests", f"/{call.repo.full_name}/pulls"))
    return page(f"Pull requests of {call.repo.full_name}", way, f"<h1>Pull requests</h1>{pull_rows(call.repo)}")


async def file(call: Call) -> str:
    """A file or folder on a branch."""
    git, (branch, path) = call.repo.git, (call.params["name"], call.params["path"])
    sha = await git.resolve(branch)
    entry = await git.entry(sha, path) if sha else None
    if sha is None or entry is None:
        raise not_found()
    way = trail(call.repo, (path, file_page(call.repo, path)))
    if entry.kind == "tree":
        inside = [
            link(one.path, f"/{call.repo.full_name}/blob/{branch}/{path}/{one.path}")
            for one in await git.tree(sha, under=path)
        ]
        return page(path, way, rows(inside, "Empty."))
    text = (await git.blob(entry.sha)).decode("utf-8", "replace")
    return page(path, way, box(escape(path), f"<pre><code>{escape(text)}</code></pre>"))


PAGES = [
    ("/", index),
    ("/{owner}/{repo}", front),
    ("/{owner}/{repo}/pulls", pulls),
    ("/{owner}/{repo}/blob/{name}/{path}", file),
]
