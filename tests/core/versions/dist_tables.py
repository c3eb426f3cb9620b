"""Reads the tables in data/: one JSON value a line, after lines of # that say where they come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"


def rows(name: str) -> list[Any]:
    """The rows of a table, in their order; a table without a head that names its source is refused."""
    lines = (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# "), f"{name}.jsonl does not say where it comes from"
    return [json.loads(line) for line in lines if not line.startswith("#")]
