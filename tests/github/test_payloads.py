"""Deliveries: read as GitHub describes them, refused where they have another form, and never a crash."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import board
from bot.core.alerts import Aside, Word
from bot.core.errors import Permanent
from bot.core.events import (
    ActionPressed,
    Advised,
    Archived,
    BoardTouched,
    ChecksMoved,
    Commented,
    Concern,
    DeploymentMoved,
    Ignored,
    Installed,
    Published,
    PullChanged,
    Pushed,
    Renamed,
    Reviewed,
    RunMoved,
    Uninstalled,
    concern,
)
from bot.github import payloads
from bot.github.signatures import signed_by, too_deep
from tests.github import barest

SHA = "a" * 40
OURS = 4242
NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
REPO = {"full_name": "acme/shop", "default_branch": "main"}
PERSON = {"login": "ann", "type": "User"}
BOT = {"login": "surefoot[bot]", "type": "Bot"}
OUR_BOARD = {"number": 3, "body": f"{board.MARK} and more", "user": BOT}


def read(name, **body):
    return payloads.parse(name, "guid-1", json.dumps(body).encode(), app_id=OURS, received=NOW)


@pytest.mark.parametrize("event", sorted(barest.described("webhooks")["x-webhooks"]))
def test_the_barest_delivery_that_github_describes_is_read(event):
    """We need no field that GitHub does not promise, and take null wherever it may send it."""
    body = json.dumps(barest.webhook(event)).encode()
    told = payloads.parse(event.partition(".")[0], "guid-1", body, app_id=OURS, received=NOW)
    concern(told)  # and it follows something, or nothing, from it


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        (
            "installation",
            {"action": "created", "installation": {"id": 7}, "repositories": [{"full_name": "acme/shop", "id": 500}]},
            Installed(installation=7, repos=("acme/shop",), numbers=(("acme/shop", 500),)),
        ),
        ("installation", {"action": "suspend", "installation": {"id": 7}}, Uninstalled(installation=7)),
        (
            "installation_repositories",
            {
                "action": "removed",
                "installation": {"id": 7},
                "repositories_added": [],
                "repositories_removed": [{"full_name": "acme/shop"}],
            },
            Uninstalled(installation=7, repos=("acme/shop",)),
        ),
        (
            "installation_repositories",
            {"action": "added", "installation": {"id": 7}, "repositories_added": [{"full_name": "acme/shop"}]},
            Installed(installation=7, repos=("acme/shop",)),
        ),
        (
            "installation_repositories",
            {"action": "removed", "installation": {"id": 7}, "repositories_removed": []},
            Ignored(name="installation_repositories.removed"),
        ),
        (
            "push",
            {"ref": "refs/heads/main", "after": SHA, "repository": REPO},
            Pushed(repo="acme/shop", ref="refs/heads/main", after=SHA, default=True),
        ),
        (
            "push",
            {"ref": "refs/heads/x", "after": "0" * 40, "repository": REPO},
            Pushed(repo="acme/shop", ref="refs/heads/x", after=None, default=False),
        ),
        (
            "push",
            {"ref": "refs/tags/v1", "after": SHA, "repository": REPO},
            Published(repo="acme/shop", names=("acme/shop",)),
        ),
        ("release", {"action": "published", "repository": REPO}, Published(repo="acme/shop", names=("acme/shop",))),
        (
            "issues",
            {"action": "edited", "issue": OUR_BOARD, "repository": REPO, "sender": PERSON},
            BoardTouched(repo="acme/shop"),
        ),
        (
            "issues",
            {"action": "edited", "issue": OUR_BOARD, "repository": REPO, "sender": BOT},
            Ignored(name="issues.edited"),
        ),
        (
            "issues",
            {"action": "labeled", "issue": OUR_BOARD, "repository": REPO, "sender": PERSON},
            Ignored(name="issues.labeled"),
        ),
        (
            "issues",
            {"action": "edited", "issue": {**OUR_BOARD, "user": PERSON}, "repository": REPO, "sender": PERSON},
            Ignored(name="issues.edited"),
        ),
        (
            "issues",
            {"action": "edited", "issue": {**OUR_BOARD, "body": None}, "repository": REPO, "sender": PERSON},
            Ignored(name="issues.edited"),
        ),
        ("release", {"action": "created", "repository": REPO}, Ignored(name="release.created")),
        ("package", {"action": "published"}, Ignored(name="package.published")),
        (
            "registry_package",
            {"action": "updated", "repository": REPO, "registry_package": {"name": "greeter"}},
            Published(repo="acme/shop", names=("acme/shop", "greeter")),
        ),
        (
            "check_suite",
            {"action": "completed", "check_suite": {"head_sha": SHA}, "repository": REPO, "sender": PERSON},
            ChecksMoved(repo="acme/shop", sha=SHA),
        ),
        ("repository", {"action": "archived", "repository": REPO}, Archived(repo="acme/shop", archived=True)),
        ("repository", {"action": "unarchived", "repository": REPO}, Archived(repo="acme/shop", archived=False)),
        (
            "repository",
            {"action": "renamed", "repository": REPO, "changes": {"repository": {"name": {"from": "store"}}}},
            Renamed(repo="acme/shop", was="acme/store"),
        ),
        *(
            (
                "repository",
                {"action": "transferred", "repository": REPO, "changes": {"owner": {"from": {kind: {"login": "old"}}}}},
                Renamed(repo="acme/shop", was="old/shop"),
            )
            for kind in ("user", "organization")
        ),
        (
            "repository",
            {"action": "transferred", "repository": REPO, "changes": {"owner": {"from": {}}}},
            Ignored(name="repository.transferred"),
        ),
        ("repository", {"action": "edited", "repository": REPO}, Ignored(name="repository.edited")),
        ("status", {"sha": SHA, "repository": REPO}, ChecksMoved(repo="acme/shop", sha=SHA)),
        (
            "workflow_run",
            {"action": "completed", "workflow_run": {"id": 9, "head_sha": SHA}, "repository": REPO},
            RunMoved(repo="acme/shop", run="9", sha=SHA),
        ),
        (
            "pull_request",
            {"action": "closed", "pull_request": {"number": 3, "head": {"ref": "b"}}, "repository": REPO},
            PullChanged(repo="acme/shop", pull=3, action="closed", branch="b"),
        ),
        (
            "pull_request_review",
            {"action": "submitted", "pull_request": {"number": 3}, "repository": REPO},
            Reviewed(repo="acme/shop", pull=3),
        ),
        (
            "deployment_status",
            {"action": "created", "deployment": {"sha": SHA}, "repository": REPO},
            DeploymentMoved(repo="acme/shop", sha=SHA),
        ),
        (
            "deployment_protection_rule",
            {"action": "requested", "deployment": {"sha": SHA}, "repository": REPO},
            DeploymentMoved(repo="acme/shop", sha=SHA),
        ),
        ("dependabot_alert", {"action": "created", "repository": REPO}, Advised(repo="acme/shop")),
        ("security_advisory", {"action": "published"}, Advised(repo=None)),
        (
            "merge_group",
            {"action": "checks_requested", "merge_group": {"head_sha": SHA}, "repository": REPO},
            ChecksMoved(repo="acme/shop", sha=SHA),
        ),
        ("installation", {"action": "renamed", "installation": {"id": 7}}, Ignored(name="installation.renamed")),
        ("installation_repositories", {"action": "odd"}, Ignored(name="installation_repositories.odd")),
        ("ping", {"zen": "x"}, Ignored(name="ping")),
        ("a_new_thing", {}, Ignored(name="a_new_thing")),
    ],
)
def test_each_event_says_what_happened(name, body, expected):
    """What GitHub sends becomes the one thing that the bot reacts to."""
    assert expected == read(name, **body)


def a_comment(**change):
    body = {
        "action": "created",
        "issue": {"number": 3, "pull_request": {"url": "x"}},
        "comment": {"id": 5, "created_at": "2026-03-04T13:00:00+01:00", "body": "/surefoot approve", "user": PERSON},
        "repository": REPO,
        "sender": PERSON,
    }
    return body | change


def test_a_persons_new_comment_on_a_pull_request_is_heard():
    """With its words, its writer and the moment in UTC."""
    expected = Commented(repo="acme/shop", pull=3, comment=5, author="ann", body="/surefoot approve", at=NOW)
    assert expected == read("issue_comment", **a_comment())


@pytest.mark.parametrize(
    "change",
    [
        {"action": "edited"},
        {"action": "deleted"},
        {"issue": {"number": 3}},
        {"sender": {"login": "surefoot[bot]", "type": "Bot"}},
        {"comment": {"id": 5, "created_at": "2026-03-04T12:00:00Z", "user": {"login": "x[bot]", "type": "Bot"}}},
        {"comment": {"id": 5, "created_at": "2026-03-04T12:00:00Z", "user": None}},
    ],
)
def test_other_comments_are_not_heard(change):
    """Neither an edit, nor an issue's comment, nor a bot's, nor one of nobody commands anything."""
    assert isinstance(read("issue_comment", **a_comment(**change)), Ignored)


def a_press(app=OURS, sender=PERSON, **change):
    run = {"head_sha": SHA, "app": {"id": app}}
    body = {"action": "requested_action", "check_run": run, "repository": REPO, "sender": sender}
    return body | {"requested_action": {"identifier": "rollback"}} | change


def test_a_button_of_ours_is_heard_and_nobody_elses():
    """A press counts when a person made it on a check run of our own App; its time is the delivery's."""
    expected = ActionPressed(repo="acme/shop", sha=SHA, identifier="rollback", author="ann", at=NOW, delivery="guid-1")
    assert expected == read("check_run", **a_press())
    bot = {"login": "x[bot]", "type": "Bot"}
    for body in (a_press(app=1), a_press(sender=bot), a_press(requested_action=None)):
        assert isinstance(read("check_run", **body), Ignored)
    assert ChecksMoved(repo="acme/shop", sha=SHA) == read("check_run", **a_press(app=1, action="completed"))


@pytest.mark.parametrize("action", ["created", "completed"])
def test_what_we_write_ourselves_is_no_news(action):
    """GitHub tells us of our own check runs too; each word of ours would bring the next look."""
    assert isinstance(read("check_run", **a_press(action=action)), Ignored)


def a_suite(action, app=OURS, sender=PERSON):
    return {
        "action": action,
        "check_suite": {"head_sha": SHA, "app": {"id": app}},
        "repository": REPO,
        "sender": sender,
    }


@pytest.mark.parametrize("action", ["requested", "completed"])
def test_a_suite_of_our_own_runs_is_no_news(action):
    """GitHub opens it for every push, and ends it when we have said our last word; another App's is news."""
    assert isinstance(read("check_suite", **a_suite(action)), Ignored)
    assert ChecksMoved(repo="acme/shop", sha=SHA) == read("check_suite", **a_suite(action, app=1))


def test_a_deployment_status_of_our_own_is_no_news():
    """What the deploy workflow says of its job is."""
    body = {"action": "created", "deployment": {"sha": SHA}, "repository": REPO}
    for app, expected in ((OURS, Ignored), (1, DeploymentMoved), (None, DeploymentMoved)):
        status = {"performed_via_github_app": {"id": app} if app else None}
        assert isinstance(read("deployment_status", **body, deployment_status=status), expected)


def test_running_all_checks_again_is_a_retry():
    """GitHub's own button, pressed by a person on our suite; not one that a bot pressed."""
    expected = ActionPressed(repo="acme/shop", sha=SHA, identifier="retry", author="ann", at=NOW, delivery="guid-1")
    assert expected == read("check_suite", **a_suite("rerequested"))
    bot = {"login": "x[bot]", "type": "Bot"}
    assert isinstance(read("check_suite", **a_suite("rerequested", sender=bot)), Ignored)


def test_without_an_app_id_no_button_is_ours():
    """Before the App is known nothing is taken for its own."""
    body = json.dumps(a_press()).encode()
    assert isinstance(payloads.parse("check_run", "g", body, app_id=None), Ignored)
    for app in (OURS, None):
        body = json.dumps(a_suite("completed", app=app)).encode()
        assert isinstance(payloads.parse("check_suite", "g", body, app_id=None), ChecksMoved)


@pytest.mark.parametrize(
    ("body", "number"),
    [
        (b'{"repository": {"id": 5, "full_name": "a/b"}}', 5),
        (b'{"repository": {"full_name": "a/b"}}', None),
        (b'{"repository": null}', None),
        (b"{}", None),
        (b"[1]", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
    ],
)
def test_a_repository_has_githubs_number_where_it_is_told(body, number):
    """It stays when the name does not; a body without one breaks nothing."""
    assert number == payloads.number_of(body)


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("push", {"ref": "x", "after": SHA, "sender": PERSON}, "repository"),
        ("push", {"ref": 1, "after": SHA, "repository": REPO, "sender": PERSON}, r"\$\.ref"),
        (
            "repository",
            {"action": "renamed", "repository": REPO, "changes": {"repository": {"name": {"from": "../x"}}}},
            "from",
        ),
        ("push", {"ref": "x", "after": "--upload-pack=x", "repository": REPO, "sender": PERSON}, r"\$\.after"),
        ("status", {"sha": SHA, "repository": {"full_name": "../../app"}}, "full_name"),
        ("status", {"sha": SHA, "repository": {"full_name": "acme/.."}}, "full_name"),
        ("status", {"sha": SHA, "repository": {"full_name": "acme/shop?x=1"}}, "full_name"),
        ("status", {"sha": SHA, "repository": {"full_name": "acme/shop\n"}}, "full_name"),
        ("status", {"sha": SHA + "\n", "repository": REPO}, "sha"),
        ("deployment_protection_rule", {"deployment": {"sha": "main"}, "repository": REPO}, "deployment.sha"),
        ("pull_request", {"action": "opened", "pull_request": {"number": "3"}, "repository": REPO}, "number"),
    ],
)
def test_a_body_of_another_form_is_refused_with_the_field(name, body, field):
    """The message names the delivery, the event and the field, and nothing odd gets past the door."""
    with pytest.raises(Permanent, match=field) as caught:
        read(name, **body)
    assert "guid-1" in str(caught.value) and name in str(caught.value)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
EVENTS = sorted({event.partition(".")[0] for event in barest.described("webhooks")["x-webhooks"]})


@given(st.sampled_from(EVENTS), ANY_JSON | st.binary(max_size=60))
def test_no_body_breaks_the_reading(name, body):
    """Whatever comes in is an event or a refusal."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        payloads.parse(name, "guid", raw, app_id=OURS, received=NOW)
    except Permanent:
        return


@given(st.data(), st.sampled_from(sorted(barest.described("webhooks")["x-webhooks"])), ANY_JSON)
def test_no_field_breaks_the_reading(data, event, value):
    """Any one field of a true delivery may be anything at all."""
    body = barest.webhook(event)
    place = body
    while True:
        key = data.draw(st.sampled_from(sorted(place)) if isinstance(place, dict) and place else st.just(None))
        if key is None:
            break
        if not isinstance(place[key], dict) or data.draw(st.booleans()):
            place[key] = value
            break
        place = place[key]
    try:
        payloads.parse(event.partition(".")[0], "guid", json.dumps(body).encode(), app_id=OURS, received=NOW)
    except Permanent:
        return


def signature(secret: str, body: bytes, how=hashlib.sha256) -> str:
    return f"{how().name}=" + hmac.new(secret.encode(), body, how).hexdigest()


@given(st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()), st.binary(max_size=200))
def test_a_true_signature_is_believed(secret, body):
    """What GitHub signs with our secret is GitHub's, whatever the secret's letters."""
    assert signed_by(secret, signature(secret, body), body)


@given(st.binary(max_size=100), st.one_of(st.none(), st.text(max_size=80), st.text(max_size=64).map("sha256=".__add__)))
def test_any_other_signature_is_not(body, header):
    """Missing, malformed, non-ASCII or made up: no, and never a crash."""
    assert not signed_by("secret", header, body) or header == signature("secret", body)


def test_an_old_a_changed_and_a_foreign_signature_are_not_believed():
    """SHA-1 is never enough; one byte changed, another secret, upper case, or no secret at all is no."""
    body = b'{"a": 1}'
    good = signature("secret", body)
    assert signed_by("secret", good, body)
    assert not signed_by("secret", signature("secret", body, hashlib.sha1), body)
    assert not signed_by("secret", good, body + b" ")
    assert not signed_by("other", good, body)
    assert not signed_by("secret", good.upper(), body)
    assert not signed_by("secret", good.removeprefix("sha256="), body)
    assert not signed_by("", signature("", body), body)


def depth_of(value) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@given(ANY_JSON, st.integers(0, 6))
def test_depth_is_measured_truly(value, deepest):
    """Brackets inside of strings do not count, escaped quotes do not end one, and the rest is counted exactly."""
    body = json.dumps({"[[[": value, '"{': '\\"[['}).encode()
    assert (too_deep(body, deepest) is not None) == (1 + depth_of(value) > deepest)


def test_a_deep_or_broken_body_is_measured_without_recursion():
    """A million brackets, an open string, and a backslash at the end are all just measured."""
    assert too_deep(b"[" * 1_000_000, 100) == "the JSON is nested deeper than 100 levels"
    assert too_deep(b'{"a": "' + b"[" * 1000, 100) is None
    assert too_deep(b'"\\', 100) is None
    assert too_deep(b"]]]]", 0) is None


ADVICE = {
    "ghsa_id": "GHSA-rf4j-j272-fj86",
    "summary": "Django leaks\na thing",
    "severity": "high",
    "identifiers": [
        {"type": "GHSA", "value": "GHSA-rf4j-j272-fj86"},
        {"type": "CVE", "value": "CVE-2018-6188"},
        {"type": "CVE", "value": "](x) @ann"},
    ],
    "cvss": {"vector_string": "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", "score": 7.5},
    "cwes": [{"cwe_id": "CWE-200", "name": "Exposure"}],
    "withdrawn_at": None,
    "vulnerabilities": [
        {
            "package": {"ecosystem": "pip", "name": "django"},
            "severity": "high",
            "vulnerable_version_range": ">= 2.0.0, < 2.0.2",
            "first_patched_version": {"identifier": "2.0.2"},
        },
        {
            "package": {"ecosystem": "pip", "name": "django"},
            "severity": "high",
            "vulnerable_version_range": ">= 1.11.8, < 1.11.10",
            "first_patched_version": None,
        },
        {"package": {"ecosystem": "swift", "name": "x"}, "severity": "low", "vulnerable_version_range": "< 1"},
    ],
}
DJANGO = Word(
    id="GHSA-rf4j-j272-fj86",
    ecosystem="pypi",
    name="django",
    aliases=("CVE-2018-6188",),
    summary="Django leaks a thing",
    vectors=("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N",),
    severity="high",
    ranges=(">= 2.0.0, < 2.0.2", ">= 1.11.8, < 1.11.10"),
    fixed=("2.0.2",),
    url="https://github.com/advisories/GHSA-rf4j-j272-fj86",
)


def test_an_advisory_is_read_to_a_word_for_each_package():
    """Its ranges together, in our own names for things; what no registry of ours has is left out."""
    assert read("security_advisory", action="published", security_advisory=ADVICE) == Advised(
        repo=None, words=(DJANGO,)
    )
    for body in ({"action": "withdrawn"}, {"action": "updated", "withdrawn_at": "2026-01-01T00:00:00Z"}):
        advice = ADVICE | {key: value for key, value in body.items() if key != "action"}
        told = read("security_advisory", action=body["action"], security_advisory=advice)
        assert told == Advised(repo=None, words=(replace(DJANGO, withdrawn=True),))


def test_an_advisory_about_nothing_that_could_be_in_use_wakes_nobody():
    """GitHub tells of every ecosystem; to look at each repository for each of them would cost all its requests."""
    swift = ADVICE | {"vulnerabilities": ADVICE["vulnerabilities"][2:]}
    told = read("security_advisory", action="published", security_advisory=swift)

    assert isinstance(told, Ignored) and concern(told) == Concern()


@pytest.mark.parametrize(
    "more", [{"classification": "malware"}, {"cwes": [{"cwe_id": "CWE-506", "name": "Embedded Malicious Code"}]}]
)
def test_malware_is_told_as_such(more):
    """By its class, or by its weakness where there is no class."""
    [word] = read("security_advisory", action="published", security_advisory=ADVICE | more).words

    assert word.malicious


def test_an_advisory_whose_name_is_none_is_no_word():
    """It would stand in titles; a range that is too long to be meant might be any version."""
    assert read("security_advisory", action="x", security_advisory=ADVICE | {"ghsa_id": "@ann"}) != Advised(repo=None)
    long = ADVICE["vulnerabilities"][0] | {"vulnerable_version_range": "< 1" * 200}
    [word] = read("security_advisory", action="x", security_advisory=ADVICE | {"vulnerabilities": [long]}).words

    assert word.ranges == ("",)


@pytest.mark.parametrize(
    ("action", "reason", "aside"),
    [
        ("created", None, False),
        ("reopened", None, False),
        ("reintroduced", None, False),
        ("auto_reopened", None, False),
        ("dismissed", "not_used", True),
        ("dismissed", "tolerable_risk", True),
        ("dismissed", "fix_started", False),  # a fix that was begun is none
        ("dismissed", "no_bandwidth", False),
        ("auto_dismissed", None, True),
        ("fixed", None, None),
        ("assignees_changed", None, None),
    ],
)
def test_a_dismissed_alert_is_set_aside_where_it_does_no_harm(action, reason, aside):
    """In its repository; whatever happens to it, its repository is looked at."""
    alert = {"security_advisory": ADVICE, "dismissed_reason": reason}
    told = read("dependabot_alert", action=action, repository=REPO, alert=alert)

    assert told.aside == (None if aside is None else Aside(id=DJANGO.id, aside=aside))
    assert (told.repo, told.words) == ("acme/shop", (DJANGO,))
    assert concern(told).look and not concern(told).look_everywhere


def test_an_alert_whose_advisory_names_no_package_is_about_its_own():
    """Some lists are left out of deliveries; the alert itself always says which package it is about."""
    alert = {
        "security_advisory": ADVICE | {"vulnerabilities": []},
        "security_vulnerability": ADVICE["vulnerabilities"][0],
    }
    [word] = read("dependabot_alert", action="created", repository=REPO, alert=alert).words

    assert (word.name, word.ranges) == ("django", (">= 2.0.0, < 2.0.2",))
