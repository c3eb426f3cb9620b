"""RPM's versions and ranges against rpm's own library."""

from __future__ import annotations

import ctypes
import random
from functools import lru_cache

import pytest

from bot.core import versions

LIBRARIES = ("librpm.so.10", "librpm.so.9", "librpm.so")  # rpm 4.20 and later, rpm 4.14 to 4.19, where rpm is developed
MEND = "librpm is not here. On Debian: apt-get install librpm9 (librpm10 from Debian 13 on)"
SENSE = {"<": 2, ">": 4, "=": 8, "<=": 10, ">=": 12}  # RPMSENSE_LESS, _GREATER and _EQUAL of rpmds.h


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL:
    """librpm, whose rpmver functions every rpm, dnf and zypper asks."""
    for name in LIBRARIES:
        try:
            found = ctypes.CDLL(name)
        except OSError:
            continue
        found.rpmverParse.restype = ctypes.c_void_p
        found.rpmverFree.restype = ctypes.c_void_p
        found.rpmverFree.argtypes = [ctypes.c_void_p]
        found.rpmverCmp.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        found.rpmverOverlap.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
        return found
    pytest.fail(MEND)


def rpm(one: str, other: str) -> tuple[int, dict[str, bool]]:
    """-1, 0 or 1 as the first is before, with or after the second, and which requirements of the second it meets."""
    rpmlib = library()
    left, right = rpmlib.rpmverParse(one.encode()), rpmlib.rpmverParse(other.encode())
    order = rpmlib.rpmverCmp(left, right)
    met = {sign: bool(rpmlib.rpmverOverlap(left, SENSE["="], right, sense)) for sign, sense in SENSE.items()}
    rpmlib.rpmverFree(left), rpmlib.rpmverFree(right)
    return (order > 0) - (order < 0), met


def pairs_of_versions(count: int) -> list[tuple[str, str]]:
    """Drawn at random, the same each time; half of the pairs begin alike, since only those go deep."""
    dice = random.Random(20240229)
    signs = ["0", "1", "01", "10", "a", "b", "rc", "aa", "Z", ".", "_", "+", "~", "^"]

    def text() -> str:
        version = "".join(dice.choices(signs, k=dice.randrange(1, 6)))
        release = "".join(dice.choices(signs, k=dice.randrange(1, 4)))
        return f"{dice.choice(['', '', '0:', '1:', '01:', ':'])}{version}{dice.choice(['', f'-{release}'])}"

    pairs = []
    for _ in range(count):
        one, other = text(), text()
        at = dice.randrange(len(one))
        pairs.append((one, dice.choice([other, one[:at] + other[at:]]) or other))
    return pairs


def test_order_and_ranges_are_rpm_s() -> None:
    """Whatever two versions a repository holds, they stand as rpm would put them, and meet what they would meet."""
    compared = 0
    for one, other in pairs_of_versions(5000):
        if not (versions.is_valid("rpm", one) and versions.is_valid("rpm", other)):
            continue  # a cut in the middle can leave an empty release, or two colons
        order, met = rpm(one, other)
        assert order == versions.compare("rpm", one, other), (one, other)
        assert met == {sign: versions.satisfies("rpm", one, f"{sign} {other}") for sign in SENSE}, (one, other)
        compared += 1
    assert compared > 2500
