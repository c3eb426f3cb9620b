"""Light rows become the very releases that would be made one by one."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.sources import _rows
from bot.core.model import Artifact, Release
from bot.core.releases import Trust

texts = st.text(max_size=8)
times = st.none() | st.datetimes(timezones=st.just(UTC), min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1))
trusts = st.builds(
    Trust, provenance=st.none() | texts, publisher=st.none() | texts, install_script=st.none() | st.booleans()
)
files = st.fixed_dictionaries(
    {"filename": texts, "url": texts, "sha256": st.none() | texts, "size": st.none() | st.integers(0, 9)}
)
rows = st.fixed_dictionaries(
    {
        "version": texts, "published": times, "yanked": st.booleans(), "trust": trusts, "partial": st.booleans(),
        "links": st.lists(st.tuples(texts, texts), max_size=2).map(tuple), "latest": texts, "node": texts,
        "deprecated": texts, "files": st.lists(files, max_size=3),
    }
)  # fmt: skip


@given(st.lists(rows, max_size=4))
def test_nothing_is_lost_or_added(given_rows: list[dict]) -> None:
    """Whatever an index says of a release, all of it arrives, and what it does not say is left at what it means."""
    light, one_by_one = [], []
    for said in given_rows:
        rest = {key: value for key, value in said.items() if key != "files"}
        light.append(_rows.Row(**rest, artifacts=[_rows.File(**file) for file in said["files"]]))
        one_by_one.append(Release(**rest, artifacts=tuple(Artifact(**file) for file in said["files"])))
    assert _rows.releases(light) == tuple(one_by_one)
