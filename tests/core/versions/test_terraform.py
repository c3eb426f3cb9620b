"""Terraform's constraints mean here what they mean to Terraform."""

from __future__ import annotations

import pytest

from bot.core import ecosystems, versions
from bot.core.errors import ConfigProblem
from bot.core.model import Component

# As far as its versions are SemVer's: the table in hashicorp/go-version's constraint_test.go.
PAIRS = [
    ("~> 1.0", "2.0.0", False),
    ("~> 1.0", "1.1.0", True),
    ("~> 1.0", "1.2.3", True),
    ("~> 1.0.0", "1.2.3", False),
    ("~> 1.0.0", "1.0.7", True),
    ("~> 1.0.0", "1.1.0", False),
    ("~> 1.0.7", "1.0.4", False),
    ("~> 1.0.7", "1.0.7", True),
    ("~> 1.0.7", "1.0.8", True),
    (">= 1.0, < 1.2", "1.1.5", True),
    ("> 1.1, <= 1.2", "1.2.0", True),
]
OURS = [
    ("~> 1", "1.9.0", True),
    ("~> 1", "2.0.0", False),
    ("~>0.2, != 0.3.0", "0.4.0", True),
    ("~>0.2, != 0.3.0", "0.3.0", False),
    ("~> 0.2", "1.0.0-rc.1", False),
]


@pytest.mark.parametrize(("wanted", "version", "taken"), [*PAIRS, *OURS])
def test_the_last_number_that_is_written_may_grow(wanted: str, version: str, taken: bool) -> None:
    """`~> 5.0` takes every 5: nobody is told that it holds 5.3."""
    scheme = ecosystems.scheme_of(Component(name="hashicorp/aws", ecosystem="terraform"))
    assert versions.satisfies(scheme, version, wanted) is taken


@pytest.mark.parametrize("wanted", ["~>", "~> x.y", "~> 1.2.3.4", "latest"])
def test_what_is_no_constraint_is_refused(wanted: str) -> None:
    """A slip is told, and never taken for a constraint that lets everything pass."""
    with pytest.raises(ConfigProblem, match="is no terraform version range"):
        versions.satisfies("terraform", "1.2.3", wanted)
