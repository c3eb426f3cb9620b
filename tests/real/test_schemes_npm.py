"""The npm scheme against node-semver itself, the very copy that npm runs: one process answers for all questions.

Versions and ranges are made at random from a grammar that is wider than what people write: loose forms, wild spaces,
signs without versions and plain rubbish, because npm gives an answer to those too.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.core import versions
from bot.core.errors import ConfigProblem

ASK = """
const semver = require(process.argv[1])
const asked = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const loosely = { loose: true, includePrerelease: true }
const range = (text, candidates) => {
  if (semver.validRange(text, loosely) === null) return null
  return candidates.map((version) => semver.satisfies(version, text, loosely))
}
process.stdout.write(JSON.stringify({
  valid: asked.versions.map((text) => semver.valid(text, loosely) !== null),
  stable: asked.versions.map((text) => semver.valid(text, loosely) !== null && !semver.prerelease(text, loosely)),
  order: asked.pairs.map(([one, other]) => semver.compare(one, other, true)),
  ranges: asked.ranges.map(([text, candidates]) => range(text, candidates)),
}))
"""

SINCE = "7.8.5"  # before, node-semver read x-ranges, builds and tildes otherwise where pre-releases are let in
MEND = "install Node.js with npm, then `npm install --global semver@7`"


def places() -> Iterator[Path]:
    """Where a node-semver may lie: in npm itself, beside it, and among what is installed globally."""
    program = shutil.which("npm")
    if program is None or shutil.which("node") is None:
        pytest.fail(f"node and npm are not on PATH: {MEND}")
    home = Path(program).resolve().parent.parent
    yield home / "node_modules" / "semver"
    yield home.parent / "semver"
    found = subprocess.run([program, "root", "--global"], capture_output=True, text=True, timeout=60, check=True)
    yield Path(found.stdout.strip()) / "semver"


def reference() -> Path:
    """The folder of a node-semver that is new enough."""
    for place in places():
        about = place / "package.json"
        if about.is_file():
            found = json.loads(about.read_text())["version"]
            if versions.compare("semver", found, SINCE) >= 0:
                return place
    pytest.fail(f"there is no node-semver {SINCE} or newer: {MEND}")


class Writer:
    """Writes versions and ranges at random; the same seed writes the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def pick(self, *choices: str) -> str:
        return self.random.choice(choices)

    def maybe(self, share: float, text: str) -> str:
        return text if self.random.random() < share else ""

    def number(self) -> str:
        return self.pick("0", "0", "1", "1", "2", "3", "9", "10", "11", "00", "01", "99", "9007199254740991")

    def identifier(self) -> str:
        return self.pick("0", "1", "2", "10", "01", "a", "A", "alpha", "beta", "rc1", "1a", "01a", "-", "x", "a-b", "v")

    def pre(self) -> str:
        return ".".join(self.identifier() for _ in range(self.random.randint(1, 3)))

    def plain(self) -> str:
        text = ".".join(self.random.choice("01123") for _ in range(3))
        return text + self.maybe(0.4, "-" + self.pick("0", "1", "a", "alpha.1", "rc"))

    def version(self) -> str:
        text = self.maybe(0.2, self.pick("v", "=", " ", "v ", "= ", "=v", "\t"))
        text += ".".join(self.number() for _ in range(self.random.choice((3, 3, 3, 3, 3, 3, 2, 4))))
        text += self.maybe(0.5, self.pick("-", "-", "-", "", ".", "--") + self.pre())
        text += self.maybe(0.2, self.pick("+1", "+a.b", "+0-1", "+", "+a+b"))
        return text + self.maybe(0.03, self.pick(" ", "!", "\n", "x"))

    def partial(self) -> str:
        count = self.random.choice((0, 1, 1, 2, 2, 3, 3, 3, 3, 4))
        text = self.maybe(0.1, self.pick("v", "=", " ", "v ", "= ", "=v"))
        parts = [self.pick("x", "X", "*") if self.random.random() < 0.12 else self.digit() for _ in range(count)]
        text += ".".join(parts) + self.maybe(0.25, self.pick("-", "-", "") + self.pre())
        return text + self.maybe(0.08, self.pick("+1", "+a.b", "+")) + self.maybe(0.03, self.pick("*", "x", ".", "-"))

    def digit(self) -> str:
        return self.pick("0", "0", "1", "1", "2", "3") if self.random.random() < 0.96 else self.number()

    def comparator(self) -> str:
        signs = ("", "", "", "^", "^", "~", "~", "~>", ">", ">=", "<", "<=", "=", "==", "=>", "!", "<>", ">=<", "~=")
        return self.pick(*signs) + self.maybe(0.15, self.pick(" ", "  ", "\t")) + self.partial()

    def row(self) -> str:
        if self.random.random() < 0.2:
            return self.partial() + self.pick(" - ", " - ", " - ", "  -  ", " -", "-") + self.partial()
        tokens = [self.comparator() for _ in range(self.random.choice((1, 1, 1, 2, 2, 3)))]
        if self.random.random() < 0.05:
            tokens.insert(self.random.randint(0, len(tokens)), self.pick("latest", "||", "+b", "-", "*", "", ">", "^"))
        return " ".join(tokens)

    def range(self) -> str:
        joint = self.pick(" || ", " || ", "||", " ||", "|")
        return joint.join(self.row() for _ in range(self.random.choice((1, 1, 1, 2, 3))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was asked, and what node-semver answered."""

    texts: list[str]
    good: list[str]
    pairs: list[list[str]]
    ranges: list[tuple[str, list[str]]]
    answers: dict[str, list[Any]]


@pytest.fixture(scope="module")
def survey() -> Survey:
    """One node process answers 6,000 versions, 10,000 pairs and 10,000 ranges with twelve versions each."""
    writer = Writer(20)
    texts = [writer.version() for _ in range(6_000)]
    good = [text for text in texts if versions.is_valid("npm", text)]
    pairs = [writer.random.sample(good, 2) for _ in range(10_000)]
    ranges = [(writer.range(), [writer.plain() for _ in range(12)]) for _ in range(10_000)]
    asked = json.dumps({"versions": texts, "pairs": pairs, "ranges": ranges})
    done = subprocess.run(
        ["node", "-e", ASK, str(reference())], input=asked, capture_output=True, text=True, timeout=100, check=True
    )
    return Survey(texts=texts, good=good, pairs=pairs, ranges=ranges, answers=json.loads(done.stdout))


def test_npm_and_we_agree_on_what_a_version_is(survey: Survey) -> None:
    """A version that npm would install is read, any other is refused, and both call the same ones finished."""
    valid = [text for text, valid in zip(survey.texts, survey.answers["valid"], strict=True) if valid]
    stable = [text for text, stable in zip(survey.texts, survey.answers["stable"], strict=True) if stable]

    assert valid == survey.good
    assert stable == [text for text in survey.good if versions.is_stable("npm", text)]
    assert len(survey.texts) > len(valid) > len(stable) > 100, "all three kinds are asked"


def test_npm_and_we_agree_on_the_order(survey: Survey) -> None:
    """Sorting puts versions as npm does."""
    ours = [versions.compare("npm", one, other) for one, other in survey.pairs]
    differing = [
        (pair, answer, own)
        for pair, answer, own in zip(survey.pairs, survey.answers["order"], ours, strict=True)
        if answer != own
    ]

    assert differing == []
    assert {-1, 0, 1} == set(ours)


def taken(text: str, candidates: list[str]) -> list[bool] | None:
    """Which of the versions our reading of the range takes; None when it cannot be read."""
    try:
        return [versions.satisfies("npm", version, text) for version in candidates]
    except ConfigProblem:
        return None


def test_npm_and_we_agree_on_what_a_range_takes(survey: Survey) -> None:
    """Whatever stands in package.json, the versions that we call allowed are those that npm would take."""
    answers = survey.answers["ranges"]
    differing = [
        (text, candidates, answer, own)
        for (text, candidates), answer in zip(survey.ranges, answers, strict=True)
        if answer != (own := taken(text, candidates))
    ]

    assert differing == []
    assert sum(answer is None for answer in answers) > 200, "rubbish is asked too"
    assert sum(bool(answer and any(answer) and not all(answer)) for answer in answers) > 2_000, "answers differ"
