"""What GitHub tells by itself counts at once, also while the database is away, and a withdrawal ends it at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.advisories import listener
from bot.core.advisories import Advisory
from bot.core.alerts import Heard, Word
from bot.core.errors import Permanent, SurefootError, Transient
from bot.core.model import Component, RepoName

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
GHSA = "GHSA-aaaa-bbbb-cccc"
FLASK = Component(name="flask")
REPO = RepoName("acme/shop")
WORD = Word(
    id=GHSA,
    ecosystem="pypi",
    name="Flask",
    aliases=("CVE-2026-0001",),
    severity="critical",
    ranges=(">= 1.0, < 2.0.1",),
    fixed=("2.0.1",),
    url=f"https://github.com/advisories/{GHSA}",
)


@dataclass
class Database:
    """Knows what is laid out; away while `error` is set. forgot: what it was told to ask anew."""

    known: dict[str, Sequence[Advisory]] = field(default_factory=dict)
    error: SurefootError | None = None
    forgot: list[str] = field(default_factory=list)

    async def of(self, component: Component, versions: Sequence[str]) -> Mapping[str, Sequence[Advisory]]:
        if self.error:
            raise self.error
        return {version: self.known[version] for version in versions if version in self.known}

    def forget(self, component: Component) -> None:
        self.forgot.append(component.name)


@dataclass
class Told:
    """What GitHub told."""

    heard: list[Heard] = field(default_factory=list)
    aside: frozenset[str] = frozenset()

    async def words(self) -> Sequence[Heard]:
        return self.heard

    async def asides(self, repo: str) -> frozenset[str]:
        return self.aside if repo == REPO else frozenset()


def told(*words: Word, aside: Sequence[str] = ()) -> Told:
    return Told([Heard(word=word, at=NOW) for word in words], frozenset(aside))


async def known(
    database: Database | None, said: Told, version: str = "2.0.0", component: Component = FLASK
) -> tuple[Advisory, ...]:
    return tuple((await listener(database, said).of(REPO).of(component, [version])).get(version, ()))


async def test_a_word_counts_before_the_database_knows_of_it() -> None:
    """With its severity, its names, what mends it and where to read on."""
    assert await known(Database(), told(WORD)) == (
        Advisory(id=GHSA, aliases=("CVE-2026-0001",), score=9.0, fixed=("2.0.1",), url=WORD.url),
    )
    assert await known(Database(), told(WORD), "2.0.1") == ()
    assert await known(Database(), told(WORD), "0.9") == ()
    assert await known(None, told(WORD)) != ()  # also where the operator wants nobody to be asked
    assert await known(Database(), told(WORD), component=Component(name="flask", ecosystem="npm")) == ()


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("= 2.0.0", ["2.0.0", "2.0"], ["1.9", "2.0.1"]),
        ("<= 2.0.0", ["2.0.0", "0.1"], ["2.0.1"]),
        ("< 2.0.0", ["1.9"], ["2.0.0"]),
        (">= 2.0.0", ["2.0.0", "9"], ["1.9"]),
        ("> 2.0.0, <= 3", ["3", "2.5"], ["1.9", "3.1"]),
        ("> 2.0.0,< 3", ["2.5"], ["3"]),
        ("", ["2.0.0"], []),  # what cannot be read might be any version
        ("~> 2.0", ["1.0"], []),
        ("<", ["1.0"], []),
    ],
)
async def test_githubs_ranges_are_read_as_it_means_them(text: str, inside: list[str], outside: list[str]) -> None:
    """Each sign by itself and two together."""
    said = told(replace(WORD, ranges=(text,), fixed=()))

    assert [one for one in inside if not await known(None, said, one)] == []
    assert [one for one in outside if await known(None, said, one)] == []


@given(st.text(max_size=40))
async def test_no_range_is_too_odd(text: str) -> None:
    """Whatever stands there: an answer, and never an error."""
    await known(None, told(replace(WORD, ranges=(text,))))


async def test_the_database_is_believed_but_for_what_nobody_rated_there() -> None:
    """Its score stays; where it has none, GitHub's severity counts."""
    rated, bare = Advisory(id="CVE-2026-0001", score=5.0), Advisory(id="PYSEC-1", aliases=(GHSA,))

    assert await known(Database({"2.0.0": [rated]}), told(WORD)) == (rated,)
    assert await known(Database({"2.0.0": [bare]}), told(WORD)) == (replace(bare, score=9.0),)


async def test_a_withdrawal_ends_it_unless_somebody_else_reported_it() -> None:
    """The database may still list it for hours; what another database reported is not GitHub's to withdraw."""
    gone = told(replace(WORD, withdrawn=True))
    theirs = Advisory(id=GHSA, aliases=("CVE-2026-0001",), score=9.8)
    shared = replace(theirs, aliases=("CVE-2026-0001", "PYSEC-1"))

    assert [one.withdrawn for one in await known(Database({"2.0.0": [theirs]}), gone)] == [True]
    assert [one.withdrawn for one in await known(Database({"2.0.0": [shared]}), gone)] == [False]
    assert await known(Database(), gone) == ()


async def test_while_the_database_is_away_githubs_word_counts_and_says_so() -> None:
    """The flaw is known; what nobody could be asked about has a note. Without a word nothing is known at all."""
    away = Database(error=Transient("osv.example does not answer"))
    found = await listener(away, told(WORD)).of(REPO).of(FLASK, ["2.0.0", "2.0.1"])

    assert [one.id for one in found["2.0.0"]] == [GHSA, ""]
    assert [one.unasked for one in found["2.0.1"]] == ["osv.example does not answer"]
    with pytest.raises(Transient):
        await known(away, told())
    with pytest.raises(Permanent):
        await known(Database(error=Permanent("no dump")), told(WORD))


async def test_each_word_makes_the_database_forget_once() -> None:
    """An answer of an hour ago is not used again; another look at the same word asks for nothing."""
    database, said = Database(), told(WORD)
    ears = listener(database, said)
    await ears.of(REPO).of(FLASK, ["2.0.0"])
    await ears.of(None).of(FLASK, ["2.0.0"])
    assert database.forgot == ["flask"]

    said.heard.append(Heard(word=replace(WORD, withdrawn=True), at=NOW + timedelta(minutes=1)))
    await ears.of(REPO).of(FLASK, ["2.0.0"])
    await ears.of(REPO).of(Component(name="other"), ["1"])
    assert database.forgot == ["flask", "flask"]


async def test_what_was_set_aside_counts_for_nothing_there_and_malice_always() -> None:
    """A person said that it does no harm in this repository; nobody can say that of what is malicious."""
    assert await known(None, told(WORD, aside=[GHSA])) == ()
    assert await known(None, told(replace(WORD, malicious=True), aside=[GHSA])) != ()
    assert (await listener(None, told(WORD, aside=[GHSA])).of(None).of(FLASK, ["2.0.0"])) != {}
