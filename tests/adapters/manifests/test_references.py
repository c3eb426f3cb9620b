"""References: what Docker and git make of them, as far as a pin depends on it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.manifests import _image, _refs
from bot.core.model import Component
from tests.adapters.manifests.pinned import DIGEST


@pytest.mark.parametrize(
    ("reference", "name", "registry", "tag", "digest"),
    [
        (f"python:3.12-slim@{DIGEST}", "python", "", "3.12-slim", DIGEST),
        ("python", "python", "", None, ""),
        ("library/python:3", "python", "", "3", ""),
        ("docker.io/python:3", "python", "", "3", ""),
        ("index.docker.io/library/python", "python", "", None, ""),
        ("docker.io/acme/app:1", "acme/app", "", "1", ""),
        ("ghcr.io/acme/a/b/c:v1", "acme/a/b/c", "https://ghcr.io", "v1", ""),
        ("GHCR.io/acme/app", "acme/app", "https://ghcr.io", None, ""),
        ("registry.example:5000/app:1", "app", "https://registry.example:5000", "1", ""),
        ("registry.example/library/app:1", "library/app", "https://registry.example", "1", ""),
        ("host:5000/app:1", "app", "https://host:5000", "1", ""),
        ("localhost/app", "app", "http://localhost", None, ""),
        ("localhost:5000/app:1", "app", "http://localhost:5000", "1", ""),
        ("127.0.0.1:5000/app:1", "app", "http://127.0.0.1:5000", "1", ""),
        ("[::1]:5000/app:1", "app", "http://[::1]:5000", "1", ""),
        (f"a_b__c-d--e.f@{DIGEST}", "a_b__c-d--e.f", "", None, DIGEST),
        ("a:_Tag.with-all_9", "a", "", "_Tag.with-all_9", ""),
    ],
)
def test_a_reference_is_taken_apart_as_docker_does(
    reference: str, name: str, registry: str, tag: str | None, digest: str
) -> None:
    """The usual registry has no name of its own, and its own images no folder."""
    image = _image.parse(reference)
    assert image is not None
    assert image.component == Component(name=name, ecosystem="docker", registry=registry)
    assert (image.tag, image.digest) == (tag, digest)
    assert reference[image.name_at :].startswith(name)
    assert tag is None or reference[image.tag_at :].startswith(tag)
    assert not digest or reference[image.digest_at :] == digest


@pytest.mark.parametrize(
    "reference",
    [
        "", "A:1", "a/B:1", "a:", "a:-x", "a@sha256:12", "a:$V", "${A}", "{{ a }}", "a b", "a//b", "/a", "a/", "a___b",
        "-a", "https://example.org/a", "a:" + "1" * 129, "a:1@" + "1" * 64, "x/" * 400 + "y", "./a",
    ],
)  # fmt: skip
def test_what_is_no_reference_is_no_image(reference: str) -> None:
    """Variables, templates, URLs and mistakes name no image."""
    assert _image.parse(reference) is None


@pytest.mark.parametrize(
    ("url", "name", "registry"),
    [
        ("https://github.com/a/b", "github.com/a/b", "https://github.com/a/b"),
        ("https://github.com/a/b.git", "github.com/a/b", "https://github.com/a/b"),
        ("git@github.com:a/b.git", "github.com/a/b", "https://github.com/a/b"),
        ("ssh://git@GitLab.com/a/b/c.git", "gitlab.com/a/b/c", "https://gitlab.com/a/b/c"),
        ("git://git.example/a.git", "git.example/a", "https://git.example/a.git"),
        ("http://git.example:3000/a/b.git/", "git.example/a/b", "http://git.example:3000/a/b.git"),
        ("https://me:secret@git.example/a", "git.example/a", "https://git.example/a"),
        ("ssh://git@git.example:2222/a", "git.example/a", "https://git.example/a"),
    ],
)
def test_a_repository_is_the_same_by_whatever_address(url: str, name: str, registry: str) -> None:
    """Two files that name it differently speak of one component, and no password is carried along."""
    found = _refs.repository(url)
    assert found == Component(name=name, ecosystem="git", registry=registry)


@pytest.mark.parametrize("url", ["local", "meta", "../x", "/srv/x", "file:///srv/x", "C:\\x", "", "https://", "~/x"])
def test_a_path_on_the_machine_is_no_repository(url: str) -> None:
    """What only this machine has is not asked of anyone."""
    assert _refs.repository(url) is None


@settings(max_examples=200, deadline=None)
@given(st.text("0123456789abcdefv.-_/@xX", max_size=45))
def test_a_commit_is_never_taken_for_a_version(ref: str) -> None:
    """Full or shortened: what may be a commit is none, and what is a version begins or ends as one."""
    version = _refs.version_of(ref)
    if _refs.is_commit(ref):
        assert version is None
    if version is not None:
        assert version == ref and any(sign.isdigit() for sign in ref)
        assert not (len(ref) > 5 and set(ref) <= set("0123456789abcdef") and set(ref) & set("abcdef"))
