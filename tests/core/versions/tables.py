"""The tables of published test pairs that lie beside the tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"


def rows(name: str) -> list[Any]:
    """What stands on the lines of a table, one JSON value each; the lines at its head say where they are from."""
    lines = (DATA / f"{name}.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in lines if not line.startswith("#")]
    assert found, f"{name} is empty"
    return found
