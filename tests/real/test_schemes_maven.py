"""The Maven scheme against Maven's own ComparableVersion: one Java process compares thousands of pairs.

The class has a main program that compares each of its arguments with the one before, and that is in every Maven since
version 3. The versions written here are those on which all Mavens agree; where 3 and 4 differ (a zero or a word behind
a qualifier's number), ours is 4's, and the tables beside the scheme's own tests hold it.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from bot.core import versions

MEND = "apt-get install maven default-jre-headless, as .ci/run does"
SIGNS = {-1: "<", 0: "==", 1: ">"}
CLASS = "org.apache.maven.artifact.versioning.ComparableVersion"
QUALIFIERS = (
    "alpha",
    "beta",
    "milestone",
    "rc",
    "cr",
    "sp",
    "a",
    "b",
    "m",
    "x",
    "jre",
    "RC",
    "M",
    "Beta",
    "pre",
    "foo",
)
NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*")
LINE = re.compile(r" {3}(\S+) (<|==|>) (\S+)")


@cache
def library() -> Path:
    """The library of the Maven on PATH that holds its version order."""
    program = shutil.which("mvn")
    if program is None or shutil.which("java") is None:
        pytest.fail(f"mvn and java are not on PATH: {MEND}")
    folder = Path(program).resolve().parent.parent / "lib"
    found = sorted(folder.glob("maven-artifact-*.jar"))
    if not found:
        pytest.fail(f"Maven at {program} has no maven-artifact library in {folder}: {MEND}")
    return found[0]


def written(chance: random.Random) -> str:
    """A version as people publish it: numbers, then a qualifier with its number, a release word, or a build."""
    numbers = [str(chance.choice((0, 1, 2, 3, 10))) for _ in range(chance.randint(1, 4))]
    text, kind = ".".join(numbers), chance.random()
    if kind < 0.5:
        text += f"{chance.choice('-.')}{chance.choice(QUALIFIERS)}{chance.choice((1, 2, 10, 1234567890))}"
    elif kind < 0.6:
        text += f"-{chance.choice(QUALIFIERS[:6] + QUALIFIERS[9:])}"
    elif kind < 0.7:
        return text + chance.choice(("-", ".", "")) + chance.choice(("Final", "ga", "RELEASE", "release"))
    elif kind < 0.75 and numbers[-1] != "0":
        text += f"-{chance.choice((1, 2, 20240102, 12345678901234567890))}"
    return text + ("-SNAPSHOT" if chance.random() < 0.15 else "")


def beside(text: str, chance: random.Random) -> str:
    """A version with the same numbers."""
    return NUMBERS.findall(text)[0] + chance.choice(("", "-SNAPSHOT", "-rc1", "-RC2", ".0", ".1", "-alpha-1"))


@pytest.mark.parametrize("seed", [20, 26])
def test_maven_and_we_put_versions_in_the_same_order(seed: int) -> None:
    """What Maven would call the newer version is the newer version here."""
    chance = random.Random(seed)
    texts = [text for _ in range(2500) for one in (written(chance),) for text in (one, beside(one, chance))]
    done = subprocess.run(
        ["java", "-cp", str(library()), CLASS, *texts], capture_output=True, text=True, timeout=60, check=True
    )
    answers = [found.groups() for line in done.stdout.splitlines() if (found := LINE.fullmatch(line))]

    assert len(answers) == len(texts) - 1
    assert [row for row in answers if SIGNS[versions.compare("maven", row[0], row[2])] != row[1]] == []
