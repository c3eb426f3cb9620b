"""Debian's versions against dpkg itself, which is on every Debian."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Sequence

import pytest

from bot.core import versions

MEND = "dpkg is not here. These tests run on Debian; elsewhere: apt-get install dpkg"

# dpkg answers one question a process, so one shell asks them all.
ASK = """
while read -r one other; do
    said=$(dpkg --validate-version "$one" 2>&1); syntax=$?
    case $said in *'invalid character'*) syntax=2;; esac
    dpkg --compare-versions "$one" lt "$other" 2>/dev/null; before=$?
    dpkg --compare-versions "$one" gt "$other" 2>/dev/null; after=$?
    echo "$syntax $before $after"
done
"""


def dpkg(pairs: Sequence[tuple[str, str]]) -> list[tuple[int, int, int]]:
    """Of each pair: how bad the first one's syntax is (2: refused); 0 where it is before, 0 where it is after."""
    if shutil.which("dpkg") is None:
        pytest.fail(MEND)
    asked = "".join(f"{one} {other}\n" for one, other in pairs)
    done = subprocess.run(["sh", "-c", ASK], input=asked, capture_output=True, text=True, check=True)
    answers = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert len(answers) == len(pairs)
    return [(syntax, before, after) for syntax, before, after in answers]


def pairs_of_versions(count: int) -> list[tuple[str, str]]:
    """Drawn at random, the same each time; half of the pairs begin alike, since only those go deep."""
    dice = random.Random(20240229)
    signs = ["0", "1", "01", "10", "9", "a", "b", "rc", "Z", ".", "+", "~", "-", ":"]

    def text() -> str:
        part = "".join(dice.choices(signs, k=dice.randrange(1, 6)))
        epoch, revision = dice.choice(["", "", "0:", "1:", "01:"]), dice.choice(["", "-0", "-1", "-1~"])
        return f"{epoch}{dice.choice('012')}{part}{revision}"

    pairs = []
    for _ in range(count):
        one, other = text(), text()
        at = dice.randrange(len(one))
        pairs.append((one, dice.choice([other, one[:at] + other[at:]]) or other))
    return pairs


def test_order_and_syntax_are_dpkg_s() -> None:
    """Whatever two versions an archive holds, they stand as dpkg would put them, and what it refuses is refused."""
    pairs = pairs_of_versions(300)
    compared = 0
    for (one, other), (syntax, before, after) in zip(pairs, dpkg(pairs), strict=True):
        assert (syntax < 2) is versions.is_valid("deb", one), one
        if versions.is_valid("deb", one) and versions.is_valid("deb", other):
            expected = -1 if before == 0 else int(after == 0)
            assert expected == versions.compare("deb", one, other), (one, other)
            compared += 1
    assert compared > 100
