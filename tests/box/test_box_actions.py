"""Workflows really run: dispatched with inputs, on pushes and pull requests, with artifacts, gates and an end."""

import asyncio
import io
import json
import zipfile

import pytest

from tests.box.stage import WORKFLOW, stage

DEPLOY = """
name: Deploy
run-name: deploy ${{ inputs.version }} by ${{ github.actor }}
on:
  workflow_dispatch:
    inputs:
      version: {required: true}
      weight: {type: number, default: 5}
      dry: {type: boolean, default: false}
      where: {type: choice, options: [here, there], default: here}
env: {LEVEL: workflow}
jobs:
  build:
    runs-on: ubuntu-latest
    env: {NAME: "job-${{ inputs.version }}"}
    steps:
      - uses: actions/checkout@v4
      - id: one
        env: {STEP: "${{ inputs.where }}"}
        run: |
          echo "$LEVEL $NAME $STEP $INPUT_VERSION $EXTRA ${{ github.sha }}" > out.txt
          test -f src/app.py
          echo "answer=42" >> "$GITHUB_OUTPUT"
          printf 'LATER<<END\\nyes\\nEND\\n' >> "$GITHUB_ENV"
          echo "::error file=src/app.py,line=1,title=Oh::not good"
      - if: ${{ steps.one.outputs.answer == '42' && !inputs.dry }}
        run: echo "again $LATER" >> out.txt
      - if: failure()
        run: exit 1
      - uses: actions/upload-artifact@v4
        with: {name: report, path: out.txt}
  after:
    needs: build
    runs-on: ubuntu-latest
    steps: [{run: "echo weight ${{ inputs.weight }}"}]
"""


def flow(**jobs):
    """A workflow to start by hand, in JSON, which is YAML too."""
    return json.dumps({"name": "W", "on": {"workflow_dispatch": {}}, "jobs": jobs})


async def until(true):
    """Wait for something that happens in the background."""
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never happened")


async def run(it, name="deploy.yml", **inputs):
    """Start a workflow and wait for its end; the run."""
    url = it.at(f"/actions/workflows/{name}/dispatches")
    got = await it.ask("POST", url, {"ref": "main", "inputs": inputs, "return_run_details": True})
    assert got.status == 200, got.json
    await it.settle()
    return (await it.ask("GET", it.at(f"/actions/runs/{got.json['workflow_run_id']}"))).json


async def test_a_dispatched_run_does_its_work():
    """Inputs, environment, outputs, artifacts, annotations and logs: as the file says, told at every turn."""
    async with stage(files={".github/workflows/deploy.yml": DEPLOY}) as it:
        it.box.world.job_env["EXTRA"] = "extra"
        done = await run(it, version="1.2.3")
        assert (done["status"], done["conclusion"]) == ("completed", "success")
        assert done["display_title"] == "deploy 1.2.3 by surefoot[bot]"
        url = it.at(f"/actions/runs/{done['id']}")
        jobs = (await it.ask("GET", f"{url}/jobs")).json["jobs"]
        assert [job["name"] for job in jobs] == ["build", "after"]
        assert [step["conclusion"] for step in jobs[0]["steps"]] == [
            "success",
            "success",
            "success",
            "skipped",
            "success",
        ]
        kept = (await it.ask("GET", f"{url}/artifacts")).json["artifacts"][0]
        sent = await it.ask("GET", it.at(f"/actions/artifacts/{kept['id']}/zip"))
        assert sent.status == 302
        packed = await it.ask("GET", sent.headers["Location"].removeprefix(it.box.url), token="none")
        text = zipfile.ZipFile(io.BytesIO(packed.data)).read("out.txt").decode()
        sha = it.repo.git.refs["refs/heads/main"]
        assert text == f"workflow job-1.2.3 here 1.2.3 extra {sha}\nagain yes\n"
        log = await it.ask("GET", it.at(f"/actions/jobs/{jobs[1]['id']}/logs"))
        said = await it.ask("GET", log.headers["Location"].removeprefix(it.box.url), token="none")
        assert said.data == b"weight 5"
        whole = await it.ask("GET", f"{url}/logs")
        packed = await it.ask("GET", whole.headers["Location"].removeprefix(it.box.url), token="none")
        assert len(zipfile.ZipFile(io.BytesIO(packed.data)).namelist()) == 2
        checks = (await it.ask("GET", it.at("/commits/main/check-runs?app_id=15368"))).json["check_runs"]
        assert {one["name"]: one["conclusion"] for one in checks} == {"build": "success", "after": "success"}
        build = next(one for one in checks if one["name"] == "build")
        assert build["output"]["annotations_count"] == 1
        for name in (
            "workflow_run.requested",
            "workflow_run.in_progress",
            "workflow_run.completed",
            "workflow_job.queued",
            "workflow_job.completed",
        ):
            assert name in it.ear.names()
        assert (await it.ask("GET", it.at("/actions/artifacts?name=report"))).json["total_count"] == 1
        assert (await it.ask("GET", it.at(f"/actions/artifacts/{kept['id']}"))).json["name"] == "report"
        assert (await it.ask("GET", it.at(f"/actions/artifacts/{kept['id']}/tar"))).status == 404
        assert (await it.ask("GET", it.at(f"/actions/jobs/{jobs[0]['id']}"))).json["workflow_name"] == "Deploy"
        assert (await it.ask("GET", it.at("/actions/jobs/1"))).status == 404


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"ref": "main"}, "Required input 'version' not provided"),
        ({"ref": "main", "inputs": {"version": "1", "nope": "2"}}, 'Unexpected inputs provided: ["nope"]'),
        ({"ref": "main", "inputs": {"version": "1", "where": "nowhere"}}, "not in the list of allowed values"),
        ({"ref": "main", "inputs": {"version": "1", "weight": "much"}}, "is not a number"),
        ({"ref": "main", "inputs": {str(n): "" for n in range(26)}}, "up to 25"),
        ({"ref": "none", "inputs": {"version": "1"}}, "No ref found for: none"),
        ({}, ""),
        ({"ref": "main", "inputs": [1]}, ""),
    ],
)
async def test_a_wrong_dispatch_is_refused(body, says):
    """422 with the reason, and nothing runs."""
    async with stage(files={".github/workflows/deploy.yml": DEPLOY}) as it:
        got = await it.ask("POST", it.at("/actions/workflows/deploy.yml/dispatches"), body)
        assert got.status == 422 and says in got.json["message"]
        assert not it.repo.runs


async def test_without_details_a_dispatch_is_204():
    """As it was before 2026; and a workflow without the trigger, or none at all, is refused."""
    async with stage(files={".github/workflows/deploy.yml": DEPLOY, ".github/workflows/ci.yml": WORKFLOW}) as it:
        listed = (await it.ask("GET", it.at("/actions/workflows"))).json["workflows"]
        ids = {one["path"].rpartition("/")[2]: one["id"] for one in listed}
        body = {"ref": "main", "inputs": {"version": "1"}}
        assert (await it.ask("POST", it.at(f"/actions/workflows/{ids['deploy.yml']}/dispatches"), body)).status == 204
        got = await it.ask("POST", it.at("/actions/workflows/ci.yml/dispatches"), {"ref": "main"})
        assert got.status == 422 and "workflow_dispatch" in got.json["message"]
        assert (await it.ask("GET", it.at("/actions/workflows/ci.yml"))).json["name"] == "CI"
        assert (await it.ask("GET", it.at("/actions/workflows/none.yml"))).status == 404
        await it.settle()


async def test_pushes_and_pull_requests_are_tested():
    """The check of CI stands on the head commit, and goes red where the tests do; a conflict runs nothing."""
    async with stage(files={".github/workflows/ci.yml": WORKFLOW}) as it:
        await it.settle()
        pushed = (await it.ask("GET", it.at("/actions/runs?event=push"))).json
        assert pushed["total_count"] == 1 and pushed["workflow_runs"][0]["conclusion"] == "success"
        pull = await it.pull()
        await it.settle()
        head = pull["head"]["sha"]
        found = (await it.ask("GET", it.at(f"/actions/runs?event=pull_request&head_sha={head}"))).json["workflow_runs"]
        assert [(one["conclusion"], one["pull_requests"][0]["number"]) for one in found] == [
            ("success", pull["number"])
        ]
        await it.box.commit(it.repo, {"README.md": None}, "Break it", "topic")
        await it.settle()
        red = (await it.ask("GET", it.at("/actions/runs?status=failure&branch=topic"))).json["workflow_runs"]
        assert [one["conclusion"] for one in red] == ["failure"]
        checks = (await it.ask("GET", it.at("/commits/topic/check-runs"))).json["check_runs"]
        assert [(one["name"], one["conclusion"], one["app"]["slug"]) for one in checks] == [
            ("test", "failure", "github-actions")
        ]
        count = len(it.repo.runs)
        await it.box.commit(it.repo, {"notes.txt": "mine\n"}, "Mine")
        await it.box.commit(it.repo, {"notes.txt": "theirs\n"}, "Theirs", "topic")
        await it.settle()
        assert [run.event for run in list(it.repo.runs.values())[count:]] == ["push"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("actor=nobody", 0),
        ("created=>=2000-01-01", 1),
        ("created=<2000-01-01", 0),
        ("created=2000-01-01..*", 1),
        ("created=2000-01-01..2001-01-01", 0),
        ("created=2000-01-01", 0),
        ("status=completed", 1),
    ],
)
async def test_runs_are_found(query, count):
    """By who, when and how."""
    async with stage(files={".github/workflows/ci.yml": WORKFLOW}) as it:
        await it.settle()
        assert (await it.ask("GET", it.at(f"/actions/runs?{query}"))).json["total_count"] == count
        assert (await it.ask("GET", it.at(f"/actions/workflows/ci.yml/runs?{query}"))).json["total_count"] == count


async def test_a_failed_job_stops_those_that_need_it():
    """They are skipped, unless they ask to run always; continue-on-error is no failure; a matrix is many jobs."""
    text = flow(
        bad={
            "runs-on": "x",
            "steps": [{"run": "exit 3"}, {"run": "echo never"}, {"if": "always()", "run": "echo still"}],
        },
        skipped={"needs": "bad", "steps": [{"run": "true"}]},
        always={"needs": ["bad"], "if": "${{ always() }}", "steps": [{"run": "echo ${{ needs.bad.result }}"}]},
        soft={"steps": [{"run": "exit 1", "continue-on-error": True}]},
        many={
            "strategy": {"matrix": {"py": ["3.11", "3.12"], "exclude": [{"py": "3.12"}], "include": [{"py": "3.13"}]}},
            "steps": [{"run": "test ${{ matrix.py }} != 3.12"}],
        },
    )
    async with stage(files={".github/workflows/w.yml": text}) as it:
        done = await run(it, "w.yml")
        assert done["conclusion"] == "failure"
        jobs = {job.name: job for job in it.repo.runs[done["id"]].jobs}
        assert {name: job.conclusion for name, job in jobs.items()} == {
            "bad": "failure",
            "skipped": "skipped",
            "always": "success",
            "soft": "success",
            "many (3.11)": "success",
            "many (3.13)": "success",
        }
        assert (jobs["bad"].log, jobs["always"].log) == ("\nstill", "failure")


@pytest.mark.parametrize(
    "job",
    [
        {"if": "nonsense(", "steps": []},
        {"steps": [{"run": "echo ${{ magic() }}"}]},
        {"steps": [{"uses": "actions/upload-artifact@v4", "with": {"path": "none", "if-no-files-found": "error"}}]},
        {"steps": [{"run": "sleep 60", "timeout-minutes": 0.001}]},
        {"steps": [{"run": "true", "working-directory": "none"}]},
        {"steps": [{"run": "true", "if": "magic()"}]},
        {"env": {"X": "${{ magic() }}"}, "steps": [{"run": "true"}]},
    ],
)
async def test_what_cannot_be_done_fails(job):
    """An expression that the box does not know, an artifact that is not there, a step that takes too long."""
    async with stage(files={".github/workflows/w.yml": flow(job=job)}) as it:
        assert (await run(it, "w.yml"))["conclusion"] == "failure"


async def test_jobs_in_a_circle_are_refused():
    """They could never start."""
    async with stage(files={".github/workflows/w.yml": flow(a={"needs": "b"}, b={"needs": "a"})}) as it:
        got = await it.ask("POST", it.at("/actions/workflows/w.yml/dispatches"), {"ref": "main"})
        assert got.status == 422 and "circle" in got.json["message"]


async def test_a_run_is_cancelled():
    """What runs is killed, what waits never starts; a finished run cannot be cancelled."""
    text = flow(one={"steps": [{"run": "sleep 60"}]}, two={"needs": "one", "steps": [{"run": "true"}]})
    async with stage(files={".github/workflows/w.yml": text}) as it:
        url = it.at("/actions/workflows/w.yml/dispatches")
        started = (await it.ask("POST", url, {"ref": "main", "return_run_details": True})).json["workflow_run_id"]
        await until(lambda: it.repo.runs[started].jobs[0].status == "in_progress")
        cancel = it.at(f"/actions/runs/{started}/cancel")
        assert (await it.ask("POST", cancel)).status == 202
        await it.settle()
        assert (await it.ask("GET", it.at(f"/actions/runs/{started}"))).json["conclusion"] == "cancelled"
        assert (await it.ask("POST", cancel)).status == 409


@pytest.mark.parametrize(("answer", "conclusion"), [("approved", "success"), ("rejected", "failure")])
async def test_an_app_guards_an_environment(answer, conclusion):
    """The job waits, the App is asked, and its word decides; the deployment says how it ended."""
    job = {"environment": {"name": "production"}, "steps": [{"run": "echo live"}]}
    async with stage(files={".github/workflows/w.yml": flow(go=job)}) as it:
        assert (await it.ask("PUT", it.at("/environments/production"), {}, token=it.owner)).status == 200
        rules = it.at("/environments/production/deployment_protection_rules")
        made = await it.ask("POST", rules, {"integration_id": it.app_id}, token=it.owner)
        assert made.json["app"]["slug"] == "surefoot"
        assert (await it.ask("POST", rules, {"integration_id": 1}, token=it.owner)).status == 422
        assert (await it.ask("GET", rules)).json["total_count"] == 1
        url = it.at("/actions/workflows/w.yml/dispatches")
        started = (await it.ask("POST", url, {"ref": "main", "return_run_details": True})).json["workflow_run_id"]
        await until(lambda: "deployment_protection_rule.requested" in it.ear.names())
        asked = it.ear.last("deployment_protection_rule.requested")
        assert asked["environment"] == "production" and "workflow_job.waiting" in it.ear.names()
        callback = asked["deployment_callback_url"].removeprefix(it.box.url)
        assert (await it.ask("GET", it.at(f"/actions/runs/{started}"))).json["status"] == "waiting"
        body = {"environment_name": "production", "state": answer, "comment": "judged"}
        assert (await it.ask("POST", callback, body | {"environment_name": "x"})).status == 422
        assert (await it.ask("POST", callback, {"environment_name": "production", "comment": "wait"})).status == 204
        assert (await it.ask("POST", callback, body)).status == 204
        assert (await it.ask("POST", callback, body)).status == 422
        await it.settle()
        assert (await it.ask("GET", it.at(f"/actions/runs/{started}"))).json["conclusion"] == conclusion
        said = (await it.ask("GET", it.at(f"/actions/runs/{started}/approvals"))).json
        assert (said[0]["state"], said[0]["comment"]) == (answer, "judged")
        states = [one.state for one in next(iter(it.repo.deployments.values())).statuses]
        assert states[-1] == conclusion
        gone = it.at(f"/environments/production/deployment_protection_rules/{made.json['id']}")
        assert (await it.ask("DELETE", gone, token=it.owner)).status == 204
        assert (await it.ask("DELETE", gone, token=it.owner)).status == 404


async def test_a_run_that_waits_at_a_gate_holds_nobody_up_and_can_be_cancelled():
    """Others run meanwhile; cancelling ends the wait."""
    job = {"environment": "production", "steps": [{"run": "true"}]}
    files = {".github/workflows/w.yml": flow(go=job), ".github/workflows/ci.yml": flow(ok={"steps": [{"run": "true"}]})}
    async with stage(files=files) as it:
        await it.ask("PUT", it.at("/environments/production"), {}, token=it.owner)
        rules = it.at("/environments/production/deployment_protection_rules")
        await it.ask("POST", rules, {"integration_id": it.app_id}, token=it.owner)
        url = it.at("/actions/workflows/{}/dispatches")
        body = {"ref": "main", "return_run_details": True}
        waiting = [(await it.ask("POST", url.format("w.yml"), body)).json["workflow_run_id"] for _ in range(3)]
        other = (await it.ask("POST", url.format("ci.yml"), body)).json["workflow_run_id"]
        await until(lambda: it.repo.runs[other].status == "completed")
        for number in waiting:
            assert it.repo.runs[number].status == "waiting"
            await it.ask("POST", it.at(f"/actions/runs/{number}/cancel"))
        await it.settle()
        assert {it.repo.runs[number].conclusion for number in waiting} == {"cancelled"}
