"""A rewrite moves what is behind and nothing else: never back, and never twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from bot.adapters.manifests.requirements import Requirements
from bot.core.model import Release
from bot.core.rewriting import rewritten

MANIFESTS = {"requirements": Requirements()}


def moved(text: str, version: str) -> str:
    pins = MANIFESTS["requirements"].read("requirements.txt", text)
    changed = rewritten({"requirements.txt": text}, pins, Release(version=version), MANIFESTS)
    return changed.get("requirements.txt", text)


def test_a_pin_that_is_ahead_stays_where_it_is() -> None:
    """Two lines of one package in two places: the step of the older never takes the newer one down."""
    assert moved("urllib3==1.26.17\nurllib3==2.0.3\n", "1.26.20") == "urllib3==1.26.20\nurllib3==2.0.3\n"
    assert moved("urllib3==1.26.17\nurllib3==2.0.3\n", "2.5.0") == "urllib3==2.5.0\nurllib3==2.5.0\n"


version = st.builds("{}.{}".format, st.integers(0, 9), st.integers(0, 9))


@given(st.lists(version, min_size=1, max_size=6), version)
def test_nothing_ever_moves_back(pinned: list[str], target: str) -> None:
    """Each pin is the greater of what it was and the target, and twice is once."""
    text = "".join(f"a=={one}\n" for one in pinned)
    once = moved(text, target)

    assert once == "".join(f"a=={max(one, target, key=Version)}\n" for one in pinned)
    assert moved(once, target) == once


@pytest.mark.parametrize("ahead", ["3.0", "2.0"])
def test_a_file_with_nothing_behind_does_not_change(ahead: str) -> None:
    """An update that finds nothing to do makes no commit."""
    text = f"a=={ahead}\n"
    pins = MANIFESTS["requirements"].read("requirements.txt", text)
    assert rewritten({"requirements.txt": text}, pins, Release(version="2.0"), MANIFESTS) == {}
