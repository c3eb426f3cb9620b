"""A workflow is a file in the repository, read at a commit; what it declares is what a dispatch may ask."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bot.demo.box.errors import unprocessable
from bot.demo.box.rows import Json, Repo
from bot.demo.box.world import World

FOLDER = ".github/workflows"
INPUTS_MOST = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """One workflow file, parsed. ``triggers`` maps an event to its settings."""

    path: str
    name: str
    run_name: str
    triggers: Mapping[str, Any]
    env: Mapping[str, Any]
    jobs: Mapping[str, Any]

    @property
    def inputs(self) -> Mapping[str, Any]:
        """What workflow_dispatch declares."""
        return (self.triggers.get("workflow_dispatch") or {}).get("inputs") or {}


@lru_cache(maxsize=256)
def parse(path: str, text: str) -> Workflow | None:
    """A workflow, or None where the file is not one."""
    try:
        read = YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        return None
    if not isinstance(read, dict) or not isinstance(read.get("jobs"), dict):
        return None
    on = read.get("on", read.get(True))
    if isinstance(on, str):
        on = {on: None}
    if isinstance(on, list):
        on = dict.fromkeys(on)
    return Workflow(
        path=path,
        name=str(read.get("name") or path),
        run_name=str(read.get("run-name") or ""),
        triggers={event: settings or {} for event, settings in (on or {}).items()},
        env=read.get("env") or {},
        jobs=read["jobs"],
    )


async def read_all(world: World, repo: Repo, sha: str) -> list[Workflow]:
    """The workflows of a commit; each path has its id for good from the first time it is seen."""
    found = []
    if await repo.git.entry(sha, FOLDER) is None:
        return []
    for entry in await repo.git.tree(sha, under=FOLDER):
        path = f"{FOLDER}/{entry.path}"
        if entry.kind == "blob" and path.endswith((".yml", ".yaml")):
            workflow = parse(path, (await repo.git.blob(entry.sha)).decode("utf-8", "replace"))
            if workflow:
                repo.workflow_ids.setdefault(path, world.next_id())
                found.append(workflow)
    return found


async def on_default_branch(world: World, repo: Repo) -> list[Workflow]:
    """The workflows that the API lists."""
    head = repo.git.refs.get(f"refs/heads/{repo.default_branch}")
    return await read_all(world, repo, head) if head else []


async def find(world: World, repo: Repo, key: str) -> Workflow | None:
    """A workflow by its id or file name."""
    for workflow in await on_default_branch(world, repo):
        if key in (str(repo.workflow_ids[workflow.path]), workflow.path.rpartition("/")[2], workflow.path):
            return workflow
    return None


def checked_inputs(workflow: Workflow, given: Json) -> Json:
    """The inputs of a dispatch with defaults filled in; 422 in GitHub's words for what is not declared or missing."""
    declared = workflow.inputs
    if len(given) > INPUTS_MOST:
        raise unprocessable("you may only define up to 25 `inputs` for a `workflow_dispatch` event")
    if extra := [name for name in given if name not in declared]:
        raise unprocessable(f"Unexpected inputs provided: {extra}".replace("'", '"'))
    values = {}
    for name, about in declared.items():
        about = about or {}
        value = given.get(name, about.get("default"))
        if about.get("required") and value in (None, ""):
            raise unprocessable(f"Required input '{name}' not provided")
        values[name] = typed(name, value, about)
    return values


def typed(name: str, value: Any, about: Mapping[str, Any]) -> Any:
    """An input as its declared type."""
    match about.get("type", "string"):
        case "boolean":
            return str(value).lower() == "true"
        case "choice" if value not in [None, *about.get("options", [])]:
            raise unprocessable(f"Provided value '{value}' for input '{name}' not in the list of allowed values")
        case "number" if value not in (None, ""):
            try:
                return float(value) if "." in str(value) else int(value)
            except ValueError as error:
                raise unprocessable(f"Provided value '{value}' for input '{name}' is not a number") from error
        case _:
            return "" if value is None else str(value)


def wants_branch(settings: Mapping[str, Any], branch: str) -> bool:
    """Do ``branches`` and ``branches-ignore`` let this branch through? Tag filters alone exclude branches."""
    if "branches" in settings:
        return any(fnmatch(branch, str(pattern)) for pattern in settings["branches"])
    if "branches-ignore" in settings:
        return not any(fnmatch(branch, str(pattern)) for pattern in settings["branches-ignore"])
    return "tags" not in settings


def matrix(job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The combinations of a job's matrix; one empty combination without it."""
    table = (job.get("strategy") or {}).get("matrix") or {}
    axes = {
        key: values for key, values in table.items() if isinstance(values, list) and key not in ("include", "exclude")
    }
    combos = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    left_out = table.get("exclude") or []
    combos = [one for one in combos if not any(out.items() <= one.items() for out in left_out)]
    added = table.get("include") or []
    return (combos if axes else []) + added or [{}]


def in_order(jobs: Mapping[str, Any]) -> list[str]:
    """Job keys so that each comes after what it needs; 422 for a circle or an unknown name."""
    done: list[str] = []
    left = list(jobs)
    while left:
        ready = [key for key in left if all(need in done for need in needs(jobs[key]))]
        if not ready:
            raise unprocessable(f"The workflow's jobs need each other in a circle, or one that is not there: {left}")
        done += ready
        left = [key for key in left if key not in ready]
    return done


def needs(job: Mapping[str, Any]) -> list[str]:
    """The jobs that must have ended before this one."""
    wanted = job.get("needs") or []
    return [wanted] if isinstance(wanted, str) else list(wanted)
