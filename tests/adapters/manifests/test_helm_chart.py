"""Charts: the dependencies that a repository lists, exact ones apart from ranges."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.errors import ConfigProblem
from tests.adapters.manifests.pinned import BLANKS, ENDS, MARKS, QUOTES, VERSIONS, moved, opened, release, short, what

FILE = opened("helm_chart")

CHART = """\
apiVersion: v2
name: shop
version: 1.0.0
appVersion: "2.0.0"
dependencies:
  - name: postgresql
    version: 12.1.2
    repository: https://charts.example/bitnami/
  - {name: redis, version: "=17.0.0", repository: 'oci://registry.example/charts', alias: cache}
  - name: ranged
    version: ~1.2.0
    repository: https://charts.example/x
  - name: short
    version: 1.2
    repository: https://charts.example/x
  - name: any
    repository: https://charts.example/x
  - name: local
    version: 1.0.0
    repository: file://../local
  - name: aliased
    version: 1.0.0
    repository: "@stable"
  - name: also-aliased
    version: 1.0.0
    repository: alias:stable
  - name: vendored
    version: 1.0.0
  - name: empty
    version: 1.0.0
    repository: ""
"""


def test_the_dependencies_of_repositories_are_found() -> None:
    """By repository; what stands in the chart itself, or only this machine knows by name, is left alone."""
    pins = FILE.read("charts/shop/Chart.yaml", CHART)
    assert short(pins) == [
        (6, 11, "postgresql", "12.1.2"),
        (9, 12, "redis", "17.0.0"),
        (10, 11, "ranged", None),
        (13, 11, "short", None),
        (16, 11, "any", None),
    ]
    assert [pin.component.registry for pin in pins][:2] == [
        "https://charts.example/bitnami",
        "oci://registry.example/charts",
    ]
    assert [pin.requirement for pin in pins] == ["12.1.2", "=17.0.0", "~1.2.0", "1.2", ""]
    assert {pin.component.ecosystem for pin in pins} == {"helm"}


def test_the_older_form_is_read_and_other_files_of_its_name_are_not() -> None:
    """requirements.yaml of a chart; a list of roles under the same name holds no pins."""
    text = "dependencies:\n- name: a\n  version: v1.0.0\n  repository: https://charts.example\n"
    assert short(FILE.read("requirements.yaml", text)) == [(2, 9, "a", "v1.0.0")]
    assert FILE.read("requirements.yaml", "- src: geerlingguy.java\n  version: 1.0.0\n") == []
    assert FILE.read("requirements.yaml", "") == []
    assert FILE.read("Chart.yaml", "name: {{ name }}\ndependencies: [\n") == []


def test_only_the_number_of_an_exact_version_changes() -> None:
    """The sign before it stays; a range is edited only where it shuts the release out."""
    assert moved(FILE, "Chart.yaml", CHART, 1, release("18.0.0")) == CHART.replace("=17.0.0", "=18.0.0")
    ranged = FILE.read("Chart.yaml", CHART)[2]
    assert FILE.rewrite(CHART, ranged, release("1.2.9")) == CHART
    assert FILE.rewrite(CHART, ranged, release("1.3.0")) == CHART.replace("~1.2.0", "~1.3.0")


def test_a_broken_chart_names_its_line() -> None:
    """The person is led to the place."""
    with pytest.raises(ConfigProblem, match=r"a/Chart.yaml:3:2: is no valid YAML"):
        FILE.read("a/Chart.yaml", "dependencies:\n - a: [1\nb: c\n")


CHARTS = st.tuples(st.from_regex(r"[a-z]{2,8}", fullmatch=True), VERSIONS, QUOTES, BLANKS, st.booleans())


def written(charts: list[tuple[str, str, str, str, bool]], end: str) -> str:
    text = ["version: 1.0.0", "dependencies:"]
    for name, version, quote, blank, flow in charts:
        where = "https://charts.example/x"
        text += (
            [f"- {{ name: {name}, repository: {where}, version: {quote}{version}{quote}{blank}}} # version: 1.0.0"]
            if flow
            else [
                f"-   version: {quote}{version}{quote}{blank}",
                f"    name: {name} # {name}",
                f"    repository: {where}",
            ]
        )
    return end.join([*text, ""])


@settings(max_examples=50, deadline=None)
@given(st.lists(CHARTS, min_size=1, max_size=5), VERSIONS, ENDS, MARKS, st.data())
def test_a_rewrite_changes_one_version_and_nothing_else(
    charts: list[tuple[str, str, str, str, bool]], version: str, end: str, mark: str, data: st.DataObject
) -> None:
    """Whatever the order, quotes, comments and line ends: as if the new version had been written at once."""
    text = mark + written(charts, end)
    assert [(name, old) for name, _, old, _ in what(FILE.read("Chart.yaml", text))] == [(c[0], c[1]) for c in charts]
    at = data.draw(st.integers(0, len(charts) - 1))
    after = moved(FILE, "Chart.yaml", text, at, release(version))
    charts[at] = (charts[at][0], version, *charts[at][2:])
    assert after == mark + written(charts, end)
