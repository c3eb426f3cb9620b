"""Hooks of pre-commit: repositories at tags or at frozen commits."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.errors import ConfigProblem
from tests.adapters.manifests.pinned import (
    BLANKS,
    COMMIT,
    ENDS,
    MARKS,
    OTHER_COMMIT,
    QUOTES,
    TAGS,
    moved,
    opened,
    release,
    short,
    what,
)

FILE = opened("pre_commit")
PATH = ".pre-commit-config.yaml"

CONFIG = f"""\
default_language_version: {{python: python3.12}}
repos:
  - repo: https://github.com/psf/black
    rev: 24.1.0
    hooks: [{{id: black, additional_dependencies: [click==8.0.0]}}]
  - repo: https://github.com/pre-commit/pre-commit-hooks.git
    rev: {COMMIT}  # frozen: v4.5.0
    hooks:
      - id: check-yaml
  - repo: git@git.example:team/hooks.git
    rev: "v1.0"
  - repo: https://user:secret@git.example:8443/team/other/
    rev: main
  - repo: https://github.com/acme/unknown
    rev: {COMMIT}
  - repo: local
    hooks: []
  - repo: meta
    hooks: [{{id: check-hooks-apply}}]
  - repo: ../here
    rev: v1
  - repo: file:///there
    rev: v1
  - repo: https://github.com/acme/without
"""


def test_every_repository_of_a_url_is_found() -> None:
    """By host and path; what is on the machine, and packages of the hooks' languages, are left alone."""
    pins = FILE.read(PATH, CONFIG)
    assert short(pins) == [
        (3, 11, "github.com/psf/black", "24.1.0"),
        (6, 11, "github.com/pre-commit/pre-commit-hooks", "v4.5.0"),
        (10, 11, "git.example/team/hooks", "v1.0"),
        (12, 11, "git.example/team/other", None),
        (14, 11, "github.com/acme/unknown", None),
    ]
    assert [pin.component.registry for pin in pins] == [
        "https://github.com/psf/black",
        "https://github.com/pre-commit/pre-commit-hooks",
        "https://git.example/team/hooks.git",
        "https://git.example:8443/team/other",
        "https://github.com/acme/unknown",
    ]
    assert [pin.digest for pin in pins] == ["", COMMIT, "", "", COMMIT]
    assert {pin.component.ecosystem for pin in pins} == {"git"}


def test_a_frozen_commit_and_its_comment_move_together() -> None:
    """Nothing else of the file changes, and without the new commit nothing at all."""
    after = moved(FILE, PATH, CONFIG, 1, release("v5.0.0", OTHER_COMMIT))
    assert after == CONFIG.replace(f"{COMMIT}  # frozen: v4.5.0", f"{OTHER_COMMIT}  # frozen: v5.0.0")
    with pytest.raises(ConfigProblem, match=r".pre-commit-config.yaml:6: .*no digest that is known"):
        FILE.rewrite(CONFIG, FILE.read(PATH, CONFIG)[1], release("v5.0.0"))


def test_a_tag_stays_a_text() -> None:
    """A tag of two numbers gets the quotes without which YAML would take it for one."""
    text = "repos:\n- {repo: 'https://git.example/a', rev: v1.9}\n"
    assert moved(FILE, PATH, text, 0, release("1.10")) == text.replace("v1.9", '"1.10"')


def test_the_oldest_form_is_a_list() -> None:
    """Before the key repos there was none."""
    assert short(FILE.read(PATH, "- repo: https://git.example/a\n  rev: v1\n")) == [(1, 9, "git.example/a", "v1")]
    assert FILE.read(PATH, "") == FILE.read(PATH, "repos: []\n") == []


def test_a_broken_file_names_its_line() -> None:
    """The person is led to the place."""
    with pytest.raises(ConfigProblem, match=r"config.yaml:3:1: is no valid YAML"):
        FILE.read(PATH, "repos:\n- repo: [\n")


HOOKS = st.tuples(st.from_regex(r"[a-z]{2,6}/[a-z]{2,6}", fullmatch=True), TAGS, st.booleans(), QUOTES, BLANKS)


def written(hooks: list[tuple[str, str, bool, str, str]], commits: list[str], end: str) -> str:
    text = ["repos: # rev: v1"]
    for number, (name, tag, frozen, quote, blank) in enumerate(hooks):
        rev = f"{quote}{commits[number]}{quote} {blank}# frozen: {tag}" if frozen else f"{quote}{tag}{quote}{blank}"
        text += [f"-   repo: https://github.com/{name}", f"    rev: {blank}{rev}", f"    hooks: [{{id: {tag}}}]"]
    return end.join([*text, ""])


@settings(max_examples=50, deadline=None)
@given(st.lists(HOOKS, min_size=1, max_size=5), TAGS, ENDS, MARKS, st.data())
def test_a_rewrite_changes_one_rev_and_nothing_else(
    hooks: list[tuple[str, str, bool, str, str]], tag: str, end: str, mark: str, data: st.DataObject
) -> None:
    """Whatever the quotes, comments and line ends: as if the new tag or commit had been written at once."""
    commits = [COMMIT] * len(hooks)
    text = mark + written(hooks, commits, end)
    assert [(version, digest) for _, _, version, digest in what(FILE.read(PATH, text))] == [
        (old, COMMIT if frozen else "") for _, old, frozen, *_ in hooks
    ]
    at = data.draw(st.integers(0, len(hooks) - 1))
    after = moved(FILE, PATH, text, at, release(tag, OTHER_COMMIT))
    # The hook's own name is the old tag, and is no pin.
    old = hooks[at][1]
    hooks[at] = (hooks[at][0], tag, *hooks[at][2:])
    commits[at] = OTHER_COMMIT
    lines = (mark + written(hooks, commits, end)).split(end)
    lines[3 * at + 3] = f"    hooks: [{{id: {old}}}]"
    assert after == end.join(lines)
