"""The page on detection is what the code says of itself."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_is_what_the_code_says() -> None:
    """Every source, manifest, scheme and database is on it, in its own words; `make docs` writes it anew."""
    written = (DOCS / "detection.md").read_text()

    assert written == runpy.run_path(str(DOCS / "generate.py"))["page"]()
