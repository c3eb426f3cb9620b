"""What a hint may name, and what it means by that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.events import Alerted, Concern, Hinted, concern
from bot.core.hints import LONGEST_NAME, MOST_NAMES, bounded, last_parts, means, wanted
from bot.core.model import RepoName


@pytest.mark.parametrize(
    ("hint", "name"),
    [
        ("acme/tool", "acme/tool"),
        ("Acme/Tool", "acme/tool"),
        ("acme/tool", "github.com/acme/tool"),
        ("acme/tool", "https://ghcr.io/acme/tool"),
        ("Foo_Bar.baz", "foo-bar-baz"),  # PyPI's own rule
        ("org.acme:lib", "org.acme:lib"),
    ],
)
def test_it_means_what_bears_its_name(hint: str, name: str) -> None:
    """In any case, in the spelling of any of them, and at the end of a path."""
    assert means(wanted([hint]), name)


@pytest.mark.parametrize(
    ("hint", "name"),
    [("acme/tool", "acme/toolbox"), ("acme/tool", "tool"), ("tool", "acme/mytool"), ("tool", "tool/x")],
)
def test_it_means_nothing_else(hint: str, name: str) -> None:
    """Half a name is none, and neither is the beginning of a path."""
    assert not means(wanted([hint]), name)


def test_a_chart_is_called_by_the_end_of_its_place() -> None:
    """Chart.yaml names `web` and, apart from it, the registry that it lies in."""
    assert means(last_parts(wanted(["team/charts/web"])), "web")


@given(st.lists(st.text(max_size=2 * LONGEST_NAME) | st.sampled_from(["a", "b/c"]), max_size=3 * MOST_NAMES))
def test_names_are_bounded(names: list[str]) -> None:
    """However many come and whatever is in them: fifty, each once, none changed, none that could not be shown."""
    kept = bounded(names)

    assert len(kept) == len(set(kept)) <= MOST_NAMES
    assert set(kept) <= {name for name in names if name.isprintable() and 0 < len(name) <= LONGEST_NAME}
    assert kept or not any(name.isprintable() and 0 < len(name) <= LONGEST_NAME for name in names)


def test_whom_it_concerns() -> None:
    """Those who use what is named; and of an alert, those whom it names."""
    shop = RepoName("acme/shop")

    assert concern(Hinted(names=("a",))) == Concern(names=("a",))
    assert concern(Alerted(repos=(shop,))) == Concern(alerted=(shop,))
