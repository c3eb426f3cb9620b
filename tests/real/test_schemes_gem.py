"""The gem scheme against RubyGems itself: one Ruby process answers for all questions.

RubyGems 3.5 and later read a zero between letters as if it were not there, and so do we; such versions are not written
here, so that every RubyGems gives the same answers.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from typing import Any

import pytest

from bot.core import versions
from bot.core.errors import ConfigProblem

ASK = """
require "json"
asked = JSON.parse(STDIN.read)
version = ->(text) { Gem::Version.correct?(text) ? Gem::Version.new(text) : nil }
satisfied = lambda do |text, wanted|
  Gem::Requirement.new(wanted.split(",", -1)).satisfied_by?(version[text])
rescue ArgumentError
  nil
end
print JSON.generate(
  "valid" => asked["texts"].map { |text| !version[text].nil? },
  "stable" => asked["pairs"].map { |one, _| !version[one].prerelease? },
  "order" => asked["pairs"].map { |one, other| version[one] <=> version[other] },
  "ranges" => asked["ranges"].map { |text, wanted| satisfied[text, wanted] }
)
"""
MEND = "apt-get install ruby, as .ci/run does"
LETTERS = ("a", "b", "rc", "pre", "A", "beta", "x", "RC1", "a10", "b2", "alpha1")


def ask(**questions: Any) -> dict[str, list[Any]]:
    """The answers of one Ruby process."""
    if shutil.which("ruby") is None:
        pytest.fail(f"ruby is not on PATH: {MEND}")
    asked = json.dumps({"texts": [], "pairs": [], "ranges": [], **questions})
    done = subprocess.run(["ruby", "-e", ASK], input=asked, capture_output=True, text=True, timeout=60, check=True)
    answers: dict[str, list[Any]] = json.loads(done.stdout)
    return answers


def written(chance: random.Random) -> str:
    """Numbers, then perhaps letters and numbers; after letters no zero stands before other letters."""
    parts = [chance.choice(("0", "1", "2", "00", "01", "10", "20240101")) for _ in range(chance.randint(1, 4))]
    if chance.random() < 0.5:
        parts += [chance.choice((*LETTERS, "1", "3", "10")) for _ in range(chance.randint(0, 3))]
    text = ".".join(parts)
    if chance.random() < 0.2:
        text += f"-{chance.choice((*LETTERS, '1', '2'))}"
    return text + chance.choice(("", "", ".0"))


def spoilt(chance: random.Random) -> str:
    """A version with one sign too many, which may make it none."""
    text = written(chance)
    at = chance.randint(0, len(text))
    return text[:at] + chance.choice((" ", "\n", ".", "-", "+", "_", "é", "٨", "")) + text[at:]


def wanted(chance: random.Random) -> str:
    """One or two requirements, now and then one that Ruby does not know."""
    signs = ("=", "!=", ">", "<", ">=", "<=", "~>", "~>", "~>", "", "==", "^")
    count = chance.choice((1, 1, 2))
    return ",".join(chance.choice(signs) + chance.choice(("", " ")) + written(chance) for _ in range(count))


@pytest.mark.parametrize("seed", [20, 26])
def test_rubygems_and_we_agree_on_versions_and_their_order(seed: int) -> None:
    """A version that RubyGems reads is read, any other is refused, and sorting puts them as it does."""
    chance = random.Random(seed)
    texts = [spoilt(chance) for _ in range(2000)]
    pairs = [(written(chance), written(chance)) for _ in range(4000)]
    answers = ask(texts=texts, pairs=pairs)

    assert [versions.is_valid("gem", text) for text in texts] == answers["valid"]
    assert [versions.is_stable("gem", one) for one, _ in pairs] == answers["stable"]
    assert [versions.compare("gem", one, other) for one, other in pairs] == answers["order"]


@pytest.mark.parametrize("seed", [4, 7])
def test_rubygems_and_we_agree_on_requirements(seed: int) -> None:
    """A requirement of a Gemfile takes what an installer would take."""

    def ours(text: str, asked: str) -> bool | None:
        try:
            return versions.satisfies("gem", text, asked)
        except ConfigProblem:
            return None

    chance = random.Random(seed)
    questions = [(written(chance), wanted(chance)) for _ in range(4000)]
    answers = ask(ranges=questions)["ranges"]

    assert [row for row, right in zip(questions, answers, strict=True) if ours(*row) is not right] == []
