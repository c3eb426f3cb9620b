"""Workflows and actions: tags, commits with their comments, and images; a rewrite never lets them disagree."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.errors import ConfigProblem
from tests.adapters.manifests.pinned import (
    COMMIT,
    DIGEST,
    ENDS,
    MARKS,
    OTHER_COMMIT,
    OTHER_DIGEST,
    QUOTES,
    TAGS,
    moved,
    opened,
    release,
    short,
    what,
)

FILE = opened("github_actions")
PATH = ".github/workflows/ci.yml"


def read(text: str) -> list[tuple[int, int, str, str | None]]:
    return short(FILE.read(PATH, text))


def test_everything_that_a_workflow_uses_is_found() -> None:
    """Steps, reusable workflows, containers and services; a path in a repository is the same component."""
    text = f"""\
on: push
jobs:
  test:
    container: node:22
    services:
      db: {{image: "postgres:16"}}
    steps:
      - uses: actions/checkout@v4
      - uses: "github/codeql-action/init@{COMMIT}"  # v3.27.0
      - name: more
        uses: 'github/codeql-action/analyze@{COMMIT}' # tag=v3.27.0 as above
      - uses: acme/unknown@{COMMIT}
      - uses: acme/branch@main
      - uses: ./.github/actions/own
      - uses: ../other
      - uses: docker://ghcr.io/acme/tool:1.0
      - uses: ${{{{ matrix.action }}}}@v1
      - run: "echo uses: no/no@v1"
  deploy:
    uses: acme/flows/.github/workflows/deploy.yml@v1.2.3
  local:
    uses: ./.github/workflows/other.yml
  image:
    container:
      image: docker.io/library/alpine:3.20
    services:
      it: {{image: "${{{{ matrix.image }}}}"}}
"""
    assert read(text) == [
        (4, 16, "node", "22"),
        (6, 20, "postgres", "16"),
        (8, 15, "actions/checkout", "v4"),
        (9, 16, "github/codeql-action", "v3.27.0"),
        (11, 16, "github/codeql-action", "v3.27.0"),
        (12, 15, "acme/unknown", None),
        (13, 15, "acme/branch", None),
        (16, 32, "acme/tool", "1.0"),
        (20, 11, "acme/flows", "v1.2.3"),
        (25, 32, "alpine", "3.20"),
    ]
    pins = FILE.read(PATH, text)
    assert {pin.component.ecosystem for pin in pins} == {"githubactions", "docker"}
    assert [pin.digest for pin in pins] == ["", "", "", COMMIT, COMMIT, COMMIT, "", "", "", ""]
    assert (pins[5].requirement, pins[6].requirement, pins[2].requirement) == (COMMIT, "main", "v4")


def test_an_action_of_ones_own_uses_others_too() -> None:
    """Composite steps, and the image of a Docker action."""
    text = "name: a\nruns:\n  using: composite\n  steps:\n    - uses: a/b@v1\n    - uses: actions/cache/save@v4.1\n"
    assert read(text) == [(5, 13, "a/b", "v1"), (6, 13, "actions/cache", "v4.1")]
    assert read("runs: {using: docker, image: 'docker://debian:12'}\n") == [(1, 40, "debian", "12")]
    assert read("runs:\n  using: docker\n  image: Dockerfile\n") == []


# Forms after the parse.spec.ts of Renovate's manager for these files (data only), and of what people write.
@pytest.mark.parametrize(
    ("comment", "version"),
    [
        ("# v4.2.1", "v4.2.1"), ("#v4.2.1", "v4.2.1"), ("# tag=v4.2.1", "v4.2.1"), ("# pin@v4", "v4"),
        ("# pin v2", "v2"), ("# pin @v2.1", "v2.1"), ("# renovate: pin v3.0.0", "v3.0.0"), ("# @v4.1.0", "v4.1.0"),
        ("# renovate: tag=v2.0.1", "v2.0.1"), ("# ratchet:actions/checkout@v4", "v4"), ("# 1.2.3", "1.2.3"),
        ("# node/v20", "node/v20"), ("# actions/checkout@v4.2.1", "v4.2.1"), ("# v4.2.1, see below", "v4.2.1"),
        ("# (v1)", None), ("# version v4", "v4"), ("# v1.0.0-beta.2 - pinned", "v1.0.0-beta.2"),
        ("# frozen: v1.2", "v1.2"), ("# main", None), ("# release/v1", None), ("# ratchet:exclude", None),
        ("# some random comment", None), ("", None), (f"# {COMMIT}", None), ("\n      # v4", None),
    ],
)  # fmt: skip
def test_a_comment_says_the_version_of_a_commit(comment: str, version: str | None) -> None:
    """In every form that people and their tools write; a comment that names none leaves the commit unknown."""
    text = f"jobs:\n  a:\n    steps:\n      - uses: actions/checkout@{COMMIT} {comment}\n"
    (pin,) = FILE.read(PATH, text)
    assert (pin.version, pin.digest) == (version, COMMIT)
    if version:
        after = moved(FILE, PATH, text, 0, release("v9.9.9", OTHER_COMMIT))
        assert after == text.replace(COMMIT, OTHER_COMMIT).replace(
            comment, "".join(comment.rsplit(version, 1)[:1]) + "v9.9.9" + comment.rpartition(version)[2]
        )


@pytest.mark.parametrize(
    ("ref", "version"),
    [
        ("v4", "v4"), ("4", "4"), ("v4.2.1", "v4.2.1"), ("v1.0.0-rc.1", "v1.0.0-rc.1"), ("20240101", "20240101"),
        ("release-1.12.1", "release-1.12.1"), ("codeql-bundle-v2.13.4", "codeql-bundle-v2.13.4"), ("main", None),
        ("master", None), ("release/v1", None), ("v4.x", None), ("stable", None), ("a1b2c3d", None),
        ("feature/v2-thing", None), ("nightly-latest", None), ("fix-123", None), ("v" * 300 + "1", None),
    ],
)  # fmt: skip
def test_a_branch_is_no_version(ref: str, version: str | None) -> None:
    """Tags are told from branches and shortened commits by how they are written."""
    (pin,) = FILE.read(PATH, f"jobs:\n  a:\n    steps:\n      - uses: a/b@{ref}\n")
    assert (pin.version, pin.requirement, pin.digest) == (version, ref, "")


def test_a_commit_is_never_moved_without_the_new_one() -> None:
    """Half a change would say one version and run another."""
    text = f"jobs: {{a: {{steps: [{{uses: a/b@{COMMIT}}}]}}}}\n"
    with pytest.raises(ConfigProblem, match="no longer pins a/b"):
        FILE.rewrite(text, FILE.read(PATH, text)[0], release("v2", OTHER_COMMIT))
    text = f"jobs:\n  a:\n    uses: a/b/c.yml@{COMMIT} # v1\n"
    with pytest.raises(ConfigProblem, match="no digest that is known"):
        FILE.rewrite(text, FILE.read(PATH, text)[0], release("v2"))


def test_a_broken_workflow_names_its_line() -> None:
    """The person is led to the place; expressions of GitHub's own are no template."""
    with pytest.raises(ConfigProblem, match=r"ci.yml:3:"):
        read("jobs:\n  a: ${{ x }}\n b: [\n")
    assert read("") == [] and read("- a\n") == [] and read("jobs: a\n") == []


STEPS = st.tuples(
    st.from_regex(r"[a-z]{2,6}/[a-z]{2,6}(/[a-z]{1,4})?", fullmatch=True),
    TAGS,
    st.sampled_from(["tag", "commit", "image", "job"]),
    QUOTES,
    st.sampled_from([" # {}", "   # tag={}", "\t# pin@{} for a reason", " #{}"]),
)


def written(steps: list[tuple[str, str, str, str, str]], digests: dict[int, str], end: str) -> str:
    """Each use in a job of its own."""
    text = ["jobs:"]
    for number, (name, tag, form, quote, comment) in enumerate(steps):
        text += [f"  j{number}:"]
        if form == "tag":
            text += ["    steps:", f"      - uses:  {quote}{name}@{tag}{quote}  # v0"]
        elif form == "commit":
            commit = digests.get(number, COMMIT)
            text += [
                "    steps:",
                f"    - {{name: x}}{end}    - uses: {quote}{name}@{commit}{quote}{comment.format(tag)}",
            ]
        elif form == "image":
            text += [f"    container: {quote}{name}:{tag}@{digests.get(number, DIGEST)}{quote} # a:1"]
        else:
            text += [f"    uses: {quote}{name}/.github/workflows/x.yml@{tag}{quote}"]
    return end.join([*text, ""])


@settings(max_examples=50, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=5), TAGS, ENDS, MARKS, st.data())
def test_a_rewrite_changes_one_use_and_nothing_else(
    steps: list[tuple[str, str, str, str, str]], tag: str, end: str, mark: str, data: st.DataObject
) -> None:
    """Whatever the quotes, comments and line ends: as if the new tag or commit had been written at once."""
    text = mark + written(steps, {}, end)
    assert [version for _, _, version, _ in what(FILE.read(PATH, text))] == [old for _, old, *_ in steps]
    at = data.draw(st.integers(0, len(steps) - 1))
    digest = OTHER_DIGEST if steps[at][2] == "image" else OTHER_COMMIT
    after = moved(FILE, PATH, text, at, release(tag, digest))
    steps[at] = (steps[at][0], tag, *steps[at][2:])
    assert after == mark + written(steps, {at: digest}, end)
