"""May it merge? Pure reading of rows: required checks, reviews and conflicts, folded as GitHub folds them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch

from bot.demo.box.auth import ROLES, role_of
from bot.demo.box.rows import CheckRun, CheckSuite, Json, Pull, Repo, Review, Status

PASSING = ("success", "neutral", "skipped")
# Of several conclusions in one suite the first of these that occurs is the suite's.
WORST_FIRST = ("failure", "timed_out", "action_required", "cancelled", "stale", "success", "neutral", "skipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a branch asks of a merge, from classic protection and rulesets together."""

    checks: tuple[tuple[str, int | None], ...] = ()  # (name, App id or any)
    approvals: int = 0
    reviewed: bool = False  # is a review asked for at all
    strict: bool = False  # must the head contain the base
    dismiss_stale: bool = False
    guarded: bool = False  # is direct force-push or deletion forbidden


def branch_rules(repo: Repo, branch: str) -> list[Json]:
    """The ruleset rules that apply to a branch, each with the ruleset it comes from."""
    found = []
    for ruleset in repo.rulesets.values():
        wanted = [ref.removeprefix("refs/heads/") for ref in ruleset["include"]]
        if any(
            fnmatch(branch, pattern)
            or (pattern == "~DEFAULT_BRANCH" and branch == repo.default_branch)
            or pattern == "~ALL"
            for pattern in wanted
        ):
            origin = {
                "ruleset_source_type": "Repository",
                "ruleset_source": repo.full_name,
                "ruleset_id": ruleset["id"],
            }
            found += [rule | origin for rule in ruleset["rules"]]
    return found


def rules_of(repo: Repo, branch: str) -> Rules:
    """All that a branch asks for."""
    classic = repo.protection.get(branch) or {}
    asked = classic.get("required_status_checks") or {}
    reviews = classic.get("required_pull_request_reviews")
    checks = [(one["context"], one["app_id"]) for one in asked.get("checks", [])]
    approvals = [(reviews or {}).get("required_approving_review_count", 0)]
    strict, stale = bool(asked.get("strict")), bool((reviews or {}).get("dismiss_stale_reviews"))
    modern = branch_rules(repo, branch)
    for rule in modern:
        given = rule.get("parameters", {})
        if rule["type"] == "required_status_checks":
            checks += [(one["context"], one.get("integration_id")) for one in given["required_status_checks"]]
            strict = strict or given.get("strict_required_status_checks_policy", False)
        if rule["type"] == "pull_request":
            approvals.append(given.get("required_approving_review_count", 0))
            stale = stale or given.get("dismiss_stale_reviews_on_push", False)
    return Rules(
        checks=tuple(checks),
        approvals=max(approvals),
        reviewed=reviews is not None or any(rule["type"] == "pull_request" for rule in modern),
        strict=strict,
        dismiss_stale=stale,
        guarded=bool(classic) or any(rule["type"] == "non_fast_forward" for rule in modern),
    )


def latest_checks(repo: Repo, sha: str) -> list[CheckRun]:
    """The newest run of each name in each suite."""
    newest = {}
    for check in repo.checks.values():
        if check.suite.head_sha == sha:
            newest[check.suite.app.id, check.suite.run_id and check.suite.id, check.name] = check
    return list(newest.values())


def latest_statuses(repo: Repo, sha: str) -> list[Status]:
    """The newest status of each context, newest first."""
    newest = {one.context: one for one in repo.statuses if one.sha == sha}
    return sorted(newest.values(), key=lambda one: -one.id)


def check_passes(repo: Repo, sha: str, name: str, app_id: int | None) -> bool | None:
    """Has a required check passed? None while nobody has said so either way. Of each App its newest run counts."""
    wanted = None if app_id in (None, -1) else app_id
    newest: dict[int, CheckRun] = {}
    for check in latest_checks(repo, sha):
        app = check.suite.app.id
        if check.name == name and wanted in (None, app) and (app not in newest or check.id > newest[app].id):
            newest[app] = check
    found = [check.conclusion in PASSING if check.status == "completed" else None for check in newest.values()]
    if wanted is None:
        states = {"success": True, "pending": None}
        found += [states.get(one.state, False) for one in latest_statuses(repo, sha) if one.context == name]
    if False in found:
        return False
    return True if found and None not in found else None


def opinions(repo: Repo, pull: Pull) -> list[Review]:
    """The last review of each person that says yes or no; a dismissed one says nothing any more."""
    last = {}
    for review in repo.reviews.values():
        if review.number == pull.number and review.state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            last[review.user.id] = review
    return [review for review in last.values() if review.state != "DISMISSED"]


def approvals(repo: Repo, pull: Pull) -> int:
    """How many people with write access approve; the author never counts."""
    return sum(
        review.state == "APPROVED"
        and review.user is not pull.issue.user
        and ROLES[role_of(repo, review.user)] >= ROLES["write"]
        for review in opinions(repo, pull)
    )


def obstacles(repo: Repo, pull: Pull) -> list[str]:
    """Why branch rules forbid the merge, in GitHub's words; empty when they do not."""
    rules = rules_of(repo, pull.base_ref)
    said = []
    for name, app_id in rules.checks:
        match check_passes(repo, pull.head_sha, name, app_id):
            case False:
                said.append(f'Required status check "{name}" is failing.')
            case None:
                said.append(f'Required status check "{name}" is expected.')
    if rules.reviewed and any(one.state == "CHANGES_REQUESTED" for one in opinions(repo, pull)):
        said.append("Changes requested.")
    missing = rules.approvals - approvals(repo, pull)
    if missing > 0:
        what = "review is" if rules.approvals == 1 else "reviews are"
        said.append(f"At least {rules.approvals} approving {what} required by reviewers with write access.")
    return said


def shaky(repo: Repo, sha: str) -> bool:
    """Is anything on the commit not green, required or not?"""
    checks = any(check.conclusion not in PASSING for check in latest_checks(repo, sha))
    return checks or any(one.state != "success" for one in latest_statuses(repo, sha))


def mergeable_state(repo: Repo, pull: Pull) -> str:
    """clean, unstable, blocked, behind, dirty, draft or unknown."""
    if not pull.open or pull.mergeable is None:
        return "unknown"
    if not pull.mergeable:
        return "dirty"
    if pull.draft:
        return "draft"
    if obstacles(repo, pull):
        return "blocked"
    if rules_of(repo, pull.base_ref).strict and not pull.up_to_date:
        return "behind"
    return "unstable" if shaky(repo, pull.head_sha) else "clean"


def suite_verdict(repo: Repo, suite: CheckSuite) -> tuple[str, str | None]:
    """Status and conclusion of a suite from its newest runs; queued while it has none."""
    newest = {check.name: check for check in repo.checks.values() if check.suite is suite}
    if not newest:
        return "queued", None
    if any(check.status != "completed" for check in newest.values()):
        return "in_progress" if any(c.status != "queued" for c in newest.values()) else "queued", None
    return "completed", worst(check.conclusion for check in newest.values())


def worst(conclusions: Iterable[str | None]) -> str | None:
    """The conclusion that stands for all."""
    found = set(conclusions)
    return next((one for one in WORST_FIRST if one in found), None)
