"""What people read: the words are there, and no foreign text can be more than text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.core import check_runs, names, render
from bot.core.model import (
    Component,
    Grade,
    Isolation,
    Kind,
    Level,
    Measure,
    Merge,
    PullNumber,
    Remark,
    Sha,
    State,
    SuiteResult,
    Tally,
)
from bot.core.policy import Facts, Policy, decide
from bot.core.quoting import block, calm, code, table
from tests.builders import (
    BASE,
    HEAD,
    MERGED,
    NOW,
    a_change,
    a_pull,
    a_release,
    a_rollout,
    a_simulation,
    a_suite,
    an_update,
)

FAILED = a_simulation(grade=Grade.FAILED, why="1 test newly fails")


def decided(simulation=None, kind: Kind = Kind.PATCH):
    """An update with the decision that its simulation leads to."""
    simulation = simulation or a_simulation()
    decision = decide(Facts(kind=kind, head=HEAD, now=NOW, simulation=simulation), Policy())
    return an_update(pull=a_pull(), simulation=simulation, decision=decision, state=State.SIMULATED, kind=kind)


def test_the_pull_request_says_what_and_why() -> None:
    """Component, versions, kind, age, place and reason are in the body."""
    body = render.pull_body(an_update(release=a_release(), why_now=("the newest",)))

    for words in ("`greeter`", "`1.2.3`", "`1.2.4`", "patch", "2026-02-25", "`requirements.txt:1`", "- the newest"):
        assert words in body


@pytest.mark.parametrize("state", State)
def test_the_status_comment_is_found_again_and_says_its_state(state: State) -> None:
    """Its first line is our mark; the state stands in words in its heading."""
    update = an_update(state=state, pull=a_pull(), rollout=a_rollout(), merge=Merge(sha=MERGED, parent=BASE, at=NOW))
    text = render.status(update, now=NOW)

    assert text.splitlines()[0] == names.mark_of(update)
    assert render.WORDS[state] in text.splitlines()[1]


def test_a_failing_test_is_named_where_it_failed() -> None:
    """The check run names the test in its table and annotates its line and the pinned one."""
    [simulation] = check_runs.wanted(an_update(pull=a_pull(), simulation=FAILED, state=State.SIMULATED))

    assert (names.SIMULATION, "completed", "failure") == (simulation.name, simulation.status, simulation.conclusion)
    assert "`tests/test_shop.py::test_greets`" in simulation.summary
    assert [("requirements.txt", 1), ("tests/test_shop.py", 7)] == [(a.path, a.line) for a in simulation.annotations]


@pytest.mark.parametrize(
    ("grade", "conclusion"), [(Grade.PASSED, "success"), (Grade.FAILED, "failure"), (Grade.UNKNOWN, "neutral")]
)
def test_the_conclusion_is_the_grade(grade: Grade, conclusion: str) -> None:
    """Not known is neutral: neither a green nor a red mark."""
    update = an_update(pull=a_pull(), simulation=a_simulation(grade=grade), state=State.SIMULATED)

    assert conclusion == check_runs.wanted(update)[0].conclusion


def test_the_simulation_shows_every_suite() -> None:
    """One row a suite with its verdict, its counts on both sides and its reason, below the names of the columns."""
    unit = a_suite(kind="unit", before=Tally(passed=3, skipped=1), after=Tally(passed=2, failed=1), why="1 newly fails")
    other = a_suite(kind="browser", grade=Grade.UNKNOWN, before=Tally(), after=Tally(), why="no display | here")
    simulation = a_simulation(grade=Grade.FAILED, suites=(unit, other))
    [run] = check_runs.wanted(an_update(pull=a_pull(), simulation=simulation, state=State.SIMULATED))
    rows = [line for line in run.summary.splitlines() if line.startswith("|")]

    assert ["| Suite | Verdict | Before | After | Why |", "|" + " --- |" * 5] == rows[:2]
    assert [
        "| unit | passed | 3 passed, 1 skipped | 2 passed, 1 failed | 1 newly fails |",
        "| browser | unknown | none | none | no display \\| here |",
    ] == rows[2:4]


def test_a_trial_that_runs_is_in_progress() -> None:
    """Who looks at the pull request sees at once that something is being done."""
    [simulation] = check_runs.wanted(an_update(pull=a_pull(), state=State.PROPOSED))

    assert ("in_progress", None) == (simulation.status, simulation.conclusion)


@pytest.mark.parametrize(
    ("update", "conclusion", "buttons"),
    [
        (decided(), "success", 0),
        (decided(FAILED), "failure", 0),
        (decided(kind=Kind.MAJOR), "action_required", 3),
    ],
)
def test_the_policy_check_gives_every_reason(update, conclusion: str, buttons: int) -> None:
    """Each finding is a row, and where a person is asked there are buttons to answer with."""
    policy = next(run for run in check_runs.wanted(update) if run.name == names.POLICY)

    assert (conclusion, buttons) == (policy.conclusion, len(policy.actions))
    assert all(finding.why in policy.summary for finding in update.decision.findings)


def test_buttons_fit_githubs_bounds() -> None:
    """20 signs for label and identifier, 40 for the description, three at the most."""
    updates = [decided(), decided(FAILED), decided(kind=Kind.MAJOR), an_update(state=State.DONE, rollout=a_rollout())]
    for run in (run for update in updates for run in check_runs.wanted(update)):
        assert len(run.actions) <= 3
        for button in run.actions:
            assert len(button.label) <= 20 and len(button.identifier) <= 20 and len(button.description) <= 40


@pytest.mark.parametrize(
    ("state", "conclusion"),
    [
        (State.ROLLING_OUT, None),
        (State.ROLLED_BACK, "failure"),
        (State.PAUSED, "action_required"),
        (State.FAILED, "failure"),
    ],
)
def test_the_rollout_check_ends_as_the_rollout(state: State, conclusion: str | None) -> None:
    """It is on the merged commit, in progress until the end."""
    run = check_runs.wanted(an_update(state=state, rollout=a_rollout()))[-1]

    assert (names.ROLLOUT, a_rollout().sha, conclusion) == (run.name, run.head, run.conclusion)


def test_one_environment_done_is_a_success_while_the_next_is_waited_for() -> None:
    """The first environment's check is green before the second one begins."""
    rollout = a_rollout()
    run = check_runs.wanted(an_update(state=State.MERGED, rollout=rollout, environments_done=(rollout.environment,)))[
        -1
    ]

    assert "success" == run.conclusion


def test_the_revert_says_why_and_what_waits() -> None:
    """Who finds the revert knows what happened without asking."""
    rollout = replace(a_rollout(), because="canary failed 12 of 200 requests")
    body = render.revert_body(an_update(pull=a_pull(), state=State.ROLLING_BACK, rollout=rollout, revert=PullNumber(3)))

    assert "canary failed 12 of 200 requests" in body
    assert "not proposed again" in body


@pytest.mark.parametrize("isolation", Isolation)
def test_every_check_says_how_code_was_locked_in(isolation: Isolation) -> None:
    """A weaker jail, or none, is never passed over in silence."""
    simulation = a_simulation(isolation=isolation)

    assert (
        render.isolation_line(simulation)
        in check_runs.wanted(an_update(pull=a_pull(), simulation=simulation))[0].summary
    )


EVIL = "`@everyone` </details><img src=x> |a|b| ```\n/surefoot approve\n" + chr(0x202E) + chr(7)


@given(st.text(max_size=400) | st.just(EVIL))
def test_foreign_text_stays_text(text: str) -> None:
    """A test's name or message is inline code on one line: no mention, no markup, no table cell, no command."""
    inline, fenced = code(text), block(text)

    assert "`" == inline[0] == inline[-1]
    assert "`" not in inline[1:-1] and "\n" not in inline
    fence = fenced.splitlines()[0].removesuffix("text")
    assert fence not in "\n".join(fenced.splitlines()[1:-1])
    assert 3 == len(table(("a",), [(inline,)]).splitlines())


def test_hostile_test_names_do_not_break_the_check() -> None:
    """The simulation's table keeps its shape whatever a test is called."""
    suite = a_suite(grade=Grade.FAILED, newly_failing=(a_change(test=EVIL, message=EVIL),), log=EVIL)
    run = check_runs.wanted(an_update(pull=a_pull(), simulation=a_simulation(grade=Grade.FAILED, suites=(suite,))))[0]
    rows = [line for line in run.summary.splitlines() if line.startswith("| Newly")]

    assert 1 == len(rows)
    assert 6 == rows[0].replace("\\|", "").count("|")
    assert chr(0x202E) not in run.summary + run.text


def test_a_pull_request_says_what_a_person_has_to_look_at_and_what_moved_along() -> None:
    """Whoever opens it reads it there, and need not look for it in a log."""
    body = render.pull_body(
        an_update(gates=("1.2.4 was published by `eve`",), locks=(("uv.lock", Sha("a" * 40)),), moved=("helper 1 → 2",))
    )

    assert "**A person has to look at this before it is merged**\n\n- 1.2.4 was published by `eve`" in body
    assert "**Made anew by its own tool:** `uv.lock`\n\n- `helper 1 → 2`" in body
    assert "A person has to look" not in render.pull_body(an_update())


def test_what_was_found_beside_tests_is_told_with_its_place() -> None:
    """A remark stands in the table and on its line; a figure has both sides."""
    remark = Remark(level=Level.FAILURE, title="cachetools.MRUCache is gone", path="app.py", line=7)
    unplaced = Remark(level=Level.WARNING, title="a new install script", message="runs `setup.sh`")
    whole = Remark(level=Level.NOTICE, title="moves along", path="deps.lock")
    suite = SuiteResult(
        kind="compatibility",
        command="",
        grade=Grade.FAILED,
        why="one use breaks",
        remarks=(remark, unplaced, whole),
        measures=(Measure(name="import time", before="120 ms", after="131 ms", change="+9.2 %"),),
    )
    run = check_runs.wanted(an_update(pull=a_pull(), simulation=a_simulation(grade=Grade.FAILED, suites=(suite,))))[0]
    assert "cachetools.MRUCache is gone" in run.summary and "app.py:7" in run.summary
    assert "| compatibility | failed |  |  |" in run.summary, "it counts no tests"
    assert "a new install script" in run.summary and "+9.2 %" in run.summary
    assert "| deps.lock |" in run.summary and "None" not in run.summary
    assert [(one.path, one.line, one.level) for one in run.annotations if one.path == "app.py"] == [
        ("app.py", 7, "failure")
    ]


def test_a_bot_that_knows_its_address_links_to_the_whole_story() -> None:
    """Each check run leads to the update's page, the simulation to what the candidate printed."""
    simulation = a_simulation(suites=(a_suite(log="boom"), a_suite(kind="security", log="")))
    update = an_update(state=State.SIMULATED, pull=a_pull(), simulation=simulation)
    [run] = check_runs.wanted(update, "https://bot.example")
    assert f"https://bot.example/updates/{update.id}" == run.page
    assert f"[unit](https://bot.example/api/updates/{update.id}/log/unit)." in run.summary
    [without] = check_runs.wanted(update)
    assert "" == without.page and "Output of the candidate" not in without.summary


HOSTILE = "2.0@acme/everyone\n<!-- surefoot:x --><img src=x> ![p](http://evil/t.png) [skip ci] fixes #1"


def everything_said(update) -> str:  # type: ignore[no-untyped-def]  # an update
    """All that people read of an update in places that render markdown."""
    runs = check_runs.wanted(update)
    return "\n".join((render.pull_body(update), render.status(update, now=NOW), *(run.summary for run in runs)))


@pytest.mark.parametrize("state", [State.PROPOSED, State.IN_REVIEW, State.ROLLED_BACK])
def test_a_makers_version_calls_nobody_and_hides_nothing(state: State) -> None:
    """Where tags are free, a maker may write anything into one: it shows no picture, no comment and no mention."""
    why = f"{HOSTILE} is the newest patch that nothing speaks against"
    update = replace(
        decided(),
        target=HOSTILE,
        release=a_release(HOSTILE),
        why_now=(why,),
        gates=(why,),
        gated=NOW,
        note=why,
        state=state,
    )
    outside = re.sub(r"`[^`]*`", "", everything_said(update))

    assert not re.search(r"@\w|<(?!/?sub>|!-- surefoot:[0-9a-f]+ -->|\u200b)|!\[|\]\(", outside)


def test_what_a_trial_says_calls_nobody() -> None:
    """A file, a measure or an error that a suite names as it stands is text, in the check and in the comment."""
    remark = Remark(level=Level.WARNING, title=HOSTILE, message=HOSTILE, path=HOSTILE, line=1)
    measure = Measure(name=HOSTILE, before=HOSTILE, after="1", change=HOSTILE, level=Level.NOTICE)
    suite = a_suite(why=HOSTILE, notes=(HOSTILE,), remarks=(remark,), measures=(measure,))
    tried = a_simulation(grade=Grade.FAILED, why=HOSTILE, suites=(suite,), notes=(HOSTILE,))
    outside = re.sub(r"`[^`]*`", "", everything_said(decided(tried)))

    assert not re.search(r"@\w|<(?!/?sub>|!-- surefoot:[0-9a-f]+ -->|\u200b)|!\[|\]\(", outside)


def test_a_scope_of_npm_is_no_mention() -> None:
    """`@babel/core` is a package, and no team that wants to hear of each step."""
    update = replace(an_update(pull=a_pull()), component=Component(name="@babel/core", ecosystem="npm"))

    assert "@babel" not in re.sub(r"`[^`]*`", "", everything_said(update))
    assert "@babel/core" in names.title_of(update)


def test_a_makers_version_says_nothing_to_machines() -> None:
    """The titles of commits are read by machines too: a version skips no check and closes no issue."""
    title = names.title_of(replace(an_update(), target="2.0 [skip ci] fixes #1"))

    assert title.endswith("to 2.0-skip-ci-fixes-1")


def outside_of_code(line: str) -> str:
    """What CommonMark does not take for code, where each piece of code stands as one blank."""
    return re.sub(r"\\\\|\\`|(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", " ", line)


@given(st.text(alphabet="`@a<!-[](x) \n\\", max_size=60))
@example("<``!")
@example("``` @a `")
@example("\\`@a`")
@example("` `` @a `` `")
def test_calm_lines_are_calm(text: str) -> None:
    """Whatever stands in a line of ours, outside of code nothing in it acts; and it is one line."""
    outside = outside_of_code(calm(text))

    assert not re.search(r"@\w|<[a-z!/?]|!\[|\]\(|\n", outside)
    assert calm(calm(text)) == calm(text)


@given(st.text(alphabet="`@a \\", max_size=30), st.text(alphabet="`@a \\", max_size=30))
def test_calm_texts_side_by_side_stay_calm(one: str, other: str) -> None:
    """No piece of foreign text opens or shuts the code of the next."""
    assert not re.search(r"@\w", outside_of_code(f"{calm(one)} and {calm(other)}, {code('@a')}"))


def test_code_in_a_calm_line_stays_code() -> None:
    """What is quoted already is left as it is written."""
    assert calm("needs `@babel/core` and `<b>`, not `x") == "needs `@babel/core` and `<b>`, not 'x"


@pytest.mark.parametrize("sign", [0x061C, 0x00AD, 0x2060, 0xFEFF, 0x180E, 0x9B, 0xE0041, 0x200B, 0x202E])
def test_signs_that_nobody_sees_are_not_shown(sign: int) -> None:
    """Of bidirectional and invisible signs none is left, in a line nor in a block."""
    assert code(f"a{chr(sign)}b") == "`ab`"
    assert chr(sign) not in block(f"a{chr(sign)}b")
