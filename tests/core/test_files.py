"""A file that was swapped is seen for good, and one that came later is none."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.core import files
from bot.core.files import MOST_FILES, Listed, compared
from bot.core.model import Artifact, Release

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def a_release(*listed: tuple[str, str]) -> Release:
    """Of these files, by name and sha256, or `<algorithm>:<digest>`."""
    return Release(version="1.0", artifacts=tuple(an_artifact(name, said) for name, said in listed))


def an_artifact(name: str, said: str) -> Artifact:
    other = said if ":" in said else None
    return Artifact(filename=name, url=f"https://files.example/{name}", sha256=None if other else said, checksum=other)


def through(*releases: Release) -> Listed:
    kept = Listed()
    for release in releases:
        kept = compared(kept, release, NOW)
    return kept


def test_other_bytes_under_the_same_name_are_told_with_both_digests() -> None:
    """And told again when the old bytes are back: what was looked at in between may have been the others."""
    old, new = a_release(("a.whl", "1" * 64)), a_release(("a.whl", "2" * 64))
    said = through(old, new)

    assert said.altered == (
        "its file `a.whl` was listed with sha256:1111111111111111 first and with sha256:2222222222222222 "
        "on 2026-03-04: it was swapped"
    )
    assert through(old, new, old).altered == said.altered


def test_a_file_that_comes_later_is_no_swap() -> None:
    """A wheel for another platform, uploaded a week after the others; nor is one that is gone."""
    one, two = ("a.whl", "1" * 64), ("b.whl", "2" * 64)

    assert through(a_release(one), a_release(one, two), a_release(two)).altered == ""
    assert through(a_release(one), a_release(two), a_release(("a.whl", "3" * 64))).altered


def test_digests_of_another_kind_cannot_be_compared() -> None:
    """A registry that begins to list better ones has changed nothing."""
    assert through(a_release(("a.tgz", "sha1:aa")), a_release(("a.tgz", "sha512:bb"))).altered == ""
    assert through(a_release(("a.tgz", "sha512:BB")), a_release(("a.tgz", "sha512:bb"))).altered == ""
    assert through(a_release(("a.tgz", "sha512:bb")), a_release(("a.tgz", "sha512:cc"))).altered
    assert files.digests(Release(version="1", artifacts=(Artifact(filename="a", url=""),))) == {}


@given(st.lists(st.tuples(st.text(max_size=400), st.text(max_size=80)), max_size=20))
def test_what_is_kept_is_bounded_and_comes_back_the_same(listed: list[tuple[str, str]]) -> None:
    """Whatever a registry sends; the same list twice is no swap."""
    kept = through(a_release(*((f"{at}{name}", said) for at, (name, said) in enumerate(listed))))
    many = through(a_release(*((f"{at}.whl", "1" * 64) for at in range(MOST_FILES + 10))))

    assert kept.altered == ""
    assert len(many.files) == MOST_FILES
