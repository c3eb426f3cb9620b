"""What machines said: a check run with its summary and annotations, a workflow run with its jobs and logs."""

from __future__ import annotations

from html import escape

from bot.demo.box.call import Call, known
from bot.demo.box.pages import markdown
from bot.demo.box.pages.layout import box, page, rows, tag
from bot.demo.box.pages.repo import trail
from bot.demo.box.rows import CheckRun, Job
from bot.demo.box.world import stamp


def annotations_of(check: CheckRun) -> str:
    """The annotations of a check run."""
    lines = []
    for one in check.annotations:
        where = f"<code>{escape(one['path'])}:{one['start_line']}</code>"
        title = f"<strong>{escape(one.get('title') or '')}</strong>"
        more = f"<pre>{escape(one['raw_details'])}</pre>" if one.get("raw_details") else ""
        lines.append(f"{tag(one['annotation_level'])} {where} {title} {escape(one['message'])}{more}")
    return f"<h2>Annotations</h2>{rows(lines, '')}" if lines else ""


async def check_page(call: Call) -> str:
    """A check run."""
    check = known(call.repo.checks, call.number("check_run_id"))
    sha = f"<code>{check.suite.head_sha[:7]}</code>"
    head = f"<h1>{escape(check.name)}</h1><p>{tag(check.conclusion or check.status)} {sha}"
    head += f" <span class=dim>{escape(check.suite.app.name)}, {stamp(check.started_at)}</span></p>"
    buttons = " ".join(f'<span class="tag">{escape(one["label"])}</span>' for one in check.actions)
    text = markdown.render(check.output.get("summary")) + markdown.render(check.output.get("text"))
    body = f"{head}{buttons}{box(escape(str(check.output.get('title') or check.name)), text)}{annotations_of(check)}"
    return page(check.name, trail(call.repo), body)


def job_box(job: Job) -> str:
    """A job with its steps and log."""
    steps = "".join(f"<li>{tag(step['conclusion'])} {escape(step['name'])}</li>" for step in job.steps)
    return box(
        f"{tag(job.conclusion or job.status)} {escape(job.name)}", f"<ol>{steps}</ol><pre>{escape(job.log)}</pre>"
    )


async def run_page(call: Call) -> str:
    """A workflow run."""
    run = known(call.repo.runs, call.number("run_id"))
    title = run.title or run.name
    head = f"<h1>{escape(title)}</h1><p>{tag(run.conclusion or run.status)} {escape(run.name)} #{run.number}, "
    head += f"{escape(run.event)} on <code>{run.head_sha[:7]}</code></p>"
    given = "".join(
        f"<tr><th>{escape(key)}</th><td>{escape(str(value))}</td></tr>" for key, value in run.inputs.items()
    )
    kept = [escape(one.name) for one in call.repo.artifacts.values() if one.run_id == run.id]
    body = head + (f"<table>{given}</table>" if given else "") + "".join(job_box(job) for job in run.jobs)
    return page(title, trail(call.repo), body + (f"<h2>Artifacts</h2>{rows(kept, '')}" if kept else ""))


PAGES = [
    ("/{owner}/{repo}/runs/{check_run_id}", check_page),
    ("/{owner}/{repo}/actions/runs/{run_id}", run_page),
    ("/{owner}/{repo}/actions/runs/{run_id}/job/{job_id}", run_page),
]
