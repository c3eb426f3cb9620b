"""The fleet's table: every use is in it once, the newest version first, and nobody who is behind is left out."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.core.inventory import Use, entries


def a_use(repo: str, current: str, target: str | None = None, name: str = "lodash", ecosystem: str = "npm") -> Use:
    return Use(repo=repo, name=name, ecosystem=ecosystem, current=current, verdict="approve", target=target)


def test_versions_stand_in_the_order_of_their_scheme() -> None:
    """4.17.9 is older than 4.17.21, and a range stands last."""
    uses = [a_use("a/a", "4.17.9", "4.17.21"), a_use("a/b", "4.17.21"), a_use("a/c", "^4.0.0", "5.0.0-rc.1")]
    [entry] = entries(uses)
    assert ["4.17.21", "4.17.9", "^4.0.0"] == [version for version, _ in entry.uses]
    assert ("5.0.0-rc.1", 3, 2) == (entry.newest, entry.repos, entry.behind)


def test_the_same_name_elsewhere_is_another_component() -> None:
    """redis of PyPI is not the image; both are found by a part of their name, in any case."""
    uses = [a_use("a/a", "5.0", name="redis", ecosystem="pypi"), a_use("a/a", "7.2", name="redis", ecosystem="docker")]
    assert 2 == len(entries(uses, "RED")) and () == entries(uses, "postgres")


def test_a_repository_counts_once_however_often_it_pins() -> None:
    """Two folders of one repository are two places and one repository."""
    [entry] = entries([a_use("a/a", "1.0.0", "2.0.0"), a_use("a/a", "1.1.0", "2.0.0")])
    assert (1, 1, 2) == (entry.repos, entry.behind, len(entry.uses))


def test_what_nobody_can_tell_is_not_called_up_to_date() -> None:
    """A registry that is away, or a component that is left alone, is neither behind nor not behind."""
    away, current = replace(a_use("a/a", "1.0.0"), verdict="hold"), replace(a_use("a/b", "1.0.0"), verdict="current")
    held = replace(a_use("a/c", "1.0.0", "2.0.0"), verdict="hold")
    [entry] = entries([away, current, held])
    assert (1, 1) == (entry.behind, entry.untold)


def test_what_nobody_can_order_is_shown_all_the_same() -> None:
    """An ecosystem of another time has no scheme here."""
    [entry] = entries(
        [replace(a_use("a/a", "b"), ecosystem="unheard"), replace(a_use("a/b", "a"), ecosystem="unheard")]
    )
    assert ["a", "b"] == [version for version, _ in entry.uses]


@given(
    st.lists(
        st.builds(
            a_use,
            st.sampled_from(["a/a", "a/b", "c/c"]),
            st.sampled_from(["1.0.0", "1.0", "x", "", "2.0.0-rc.1"]),
            st.none() | st.sampled_from(["3.0.0", "y"]),
            st.sampled_from(["one", "two"]),
        )
    )
)
def test_no_use_is_lost(uses: list[Use]) -> None:
    """Whatever the repositories said, each word of theirs is in the table exactly once."""
    held = [use for entry in entries(uses) for _, mine in entry.uses for use in mine]
    key = lambda use: (use.repo, use.name, use.current, use.target or "")  # noqa: E731 - a key, for two lines
    assert sorted(held, key=key) == sorted(uses, key=key)
