"""Figures are counted whether or not anybody looks, and nothing that was counted early is lost."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from types import ModuleType

from bot.tools import metrics, tally


def a_tally() -> ModuleType:
    """One of its own: that of this process is shown already."""
    spec = importlib.util.find_spec("bot.tools.tally")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_what_was_counted_early_is_shown_later() -> None:
    """Whoever begins to look sees all from the beginning, each value as it was last, and everything after that."""
    early, counted, values = a_tally(), dict[tuple[str, str], int](), dict[tuple[str, str], float]()

    def count(figure: str, label: str, number: int) -> None:
        counted[figure, label] = counted.get((figure, label), 0) + number

    def put(figure: str, label: str, value: float) -> None:
        values[figure, label] = value

    for _ in range(3):
        early.count("requests", "fresh")
    early.put("stale", "npm", 2.0)
    early.put("stale", "npm", 1.0)
    early.show(count, put)
    early.count("requests", "fresh")
    early.put("stale", "pypi", 4.0)

    assert counted == {("requests", "fresh"): 4}
    assert values == {("stale", "npm"): 1.0, ("stale", "pypi"): 4.0}


def test_every_figure_has_its_place() -> None:
    """A name that is counted by is one that a dashboard can ask for."""
    tally.count("requests", "transient")
    tally.put("stale", "pypi", 0)
    tally.put("last_success", "pypi", 1.5e9)

    text = metrics.exposition().decode()
    assert 'surefoot_http_requests_total{outcome="transient"}' in text
    assert 'surefoot_stale_sources{kind="pypi"} 0.0' in text
    assert 'surefoot_last_success_timestamp_seconds{what="pypi"} 1.5e+09' in text


def test_a_look_loads_no_figures() -> None:
    """What only looks at a checkout waits neither for what draws figures nor for what it will not read."""
    words = "import sys; import bot.check; print([one for one in sys.argv[1:] if one in sys.modules])"
    unwanted = ("prometheus_client", "sqlalchemy", "ruamel.yaml", "tomlkit", "rich", "structlog", "packageurl")
    said = subprocess.run([sys.executable, "-c", words, *unwanted], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
