"""Known flaws and malicious packages from OSV.dev, or any service with its API; asked in batches and remembered.

OSV gathers GitHub's advisories, PyPA's, Go's, RustSec's, OpenSSF's malicious packages and others; its names for the
ecosystems are those of its schema, and for what has none there (images, charts, Terraform) nothing is asked and nothing
known. Whatever is asked within a few milliseconds goes into one `/v1/querybatch`, a thousand questions at the most; the
advisories that it names are then read one by one (`/v1/vulns/<id>`), each once for every time that it is modified. So a
package that five hundred repositories use costs one question in an hour. The names of private packages are asked too.

The service finds a package by its exact name: it folds only Python's (google/osv.dev#6039). It compares no versions of
GitHub Actions (google/osv.dev#2308): there all advisories of an action are asked for and compared here, a tag such as
v4 counting as the newest 4.

Options: `url`, the service (default https://api.osv.dev); `fresh`, how long an answer counts as new (default 1h).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple, TypeAlias, TypeVar
from urllib.parse import urlsplit

import msgspec
from cachetools import LRUCache, TTLCache

from bot.adapters import Options, Tools, decode
from bot.adapters.advisories import _affected, _entries, _names, _told
from bot.adapters.advisories._entries import Entry
from bot.adapters.advisories._together import Together
from bot.core.advisories import Advisory
from bot.core.durations import duration
from bot.core.errors import ConfigProblem, Missing, Permanent, Refused, SurefootError
from bot.core.model import Component
from bot.tools.http import Http

KIND = "osv"
PUBLIC = "https://api.osv.dev"
PAGE = "https://osv.dev/vulnerability"
PAUSE = 0.005  # seconds in which others may join a batch
MOST_QUERIES = 1000  # in one request; the service refuses more
MOST_PAGES = 50  # of one question; a page has up to 1,000 advisories
MOST_HALVES = 40  # requests to find out which question a service cannot bear
AT_ONCE = 8  # advisories read side by side
MOST_BYTES = 16 << 20  # of one advisory
MOST_ANSWERS = 50_000
MOST_ENTRIES = 10_000

K = TypeVar("K")
T = TypeVar("T")


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    url: str = PUBLIC
    fresh: str = "1h"


class Question(NamedTuple):
    """What is known against a version of a package, by OSV's names. version: "" for all of them."""

    ecosystem: str
    name: str
    version: str


class _Named(msgspec.Struct, frozen=True):
    id: str
    modified: str | None = None


class _Result(msgspec.Struct):
    vulns: list[_Named] | None = None
    next_page_token: str | None = None


class _Batch(msgspec.Struct):
    results: list[_Result | None] = []


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_BATCHES = msgspec.json.Decoder(_Batch)

Names: TypeAlias = dict[Question, list[_Named] | SurefootError]
Found: TypeAlias = tuple[Entry, ...]
Spoken: TypeAlias = Mapping[tuple[str, str], Entry]  # by ecosystem and folded name


def open(options: Options, tools: Tools) -> Osv:
    """Options: url and fresh. ConfigProblem for what is no URL or no span of time."""
    chosen = decode(options, _Options, KIND)
    split = urlsplit(chosen.url)
    if split.scheme not in {"http", "https"} or not split.hostname or split.query or split.fragment:
        raise ConfigProblem(f"{KIND}: {chosen.url!r} is no URL of a service", mend=f"The public one is {PUBLIC}")
    try:
        fresh = duration(chosen.fresh)
    except ValueError as error:
        raise ConfigProblem(f"{KIND}: fresh: {error}") from None
    return Osv(tools.http, chosen.url.rstrip("/"), fresh)


class Osv:
    """A `core.ports.Advisories`, to be shared by all who ask. url: the service. fresh: how long an answer is new."""

    def __init__(self, http: Http, url: str, fresh: timedelta) -> None:
        self._http, self._url = http, url
        self._host = urlsplit(url).hostname or ""
        self._answers: TTLCache[Question, Found] = TTLCache(MOST_ANSWERS, fresh.total_seconds())
        self._entries: LRUCache[_Named, Spoken] = LRUCache(MOST_ENTRIES, getsizeof=lambda said: len(said) + 1)
        self._batches: Together[Question, Found] = Together(self._answered, pause=PAUSE)
        self._room = asyncio.Semaphore(AT_ONCE)

    async def of(self, component: Component, versions: Sequence[str]) -> Mapping[str, Sequence[Advisory]]:
        """What OSV knows against each of these versions. Transient when it cannot be asked now, Permanent if never."""
        ecosystem, name = _names.ecosystem_of(component), _names.name_of(component)
        if not ecosystem or not name:
            return {}
        questions = {version: _question(ecosystem, name, version) for version in versions if version}
        answers = await _all(self._ask, list(dict.fromkeys(questions.values())))
        found = {version: self._told(answers[question], ecosystem, version) for version, question in questions.items()}
        return {version: advisories for version, advisories in found.items() if advisories}

    def forget(self, component: Component) -> None:
        """Ask anew about every version of the package: somebody says that there is news."""
        ecosystem, name = _names.ecosystem_of(component), _names.name_of(component)
        folded = _names.folded(ecosystem, name)
        for one in [one for one in self._answers if one.ecosystem == ecosystem]:
            if one.name == name or _names.folded(ecosystem, one.name) == folded:
                self._answers.pop(one, None)

    async def _ask(self, question: Question) -> Found:
        kept = self._answers.get(question)
        if kept is None:
            kept = self._answers[question] = await self._batches.ask(question)
        return kept

    def _told(self, entries: Found, ecosystem: str, version: str) -> tuple[Advisory, ...]:
        if ecosystem == _names.ACTIONS:
            entries = tuple(entry for entry in entries if _affected.affected(entry, ecosystem, version))
        return _told.told(entries, ecosystem, self._page)

    def _page(self, entry: Entry) -> str:
        if self._url == PUBLIC and entry.id != _entries.UNNAMED:
            return f"{PAGE}/{entry.id}"
        return entry.link

    async def _answered(self, questions: Sequence[Question]) -> Mapping[Question, Found | SurefootError]:
        names: Names = {}
        budget = iter(range(MOST_HALVES))
        for part in (questions[at : at + MOST_QUERIES] for at in range(0, len(questions), MOST_QUERIES)):
            names |= await self._listed(part, budget)
        wanted = {one for named in names.values() if isinstance(named, list) for one in named}
        spoken = await _all(self._spoken, list(wanted))
        return {question: _gathered(question, named, spoken) for question, named in names.items()}

    async def _listed(self, questions: Sequence[Question], budget: Iterator[int]) -> Names:
        """The advisories' names for each question. A service refuses all of a batch for the sake of one of them."""
        try:
            return await self._paged(questions)
        except (Missing, Refused) as error:  # that is about the place, not about a question
            return dict.fromkeys(questions, error)
        except Permanent as error:
            if len(questions) == 1 or next(budget, None) is None:
                return dict.fromkeys(questions, error)
        except SurefootError as error:
            return dict.fromkeys(questions, error)
        half = len(questions) // 2
        return await self._listed(questions[:half], budget) | await self._listed(questions[half:], budget)

    async def _paged(self, questions: Sequence[Question]) -> Names:
        named: dict[Question, list[_Named]] = {question: [] for question in questions}
        left: dict[Question, str] = dict.fromkeys(questions, "")
        for _ in range(MOST_PAGES):
            results = await self._page_of(left)
            if isinstance(results, SurefootError):
                return dict.fromkeys(questions, results)
            for question, result in results.items():
                named[question] += result.vulns or ()
            left = {question: result.next_page_token for question, result in results.items() if result.next_page_token}
            if not left:
                return dict(named)
        endless = Permanent(f"{self._host} finds no end of what it knows")
        return {question: endless if question in left else known for question, known in named.items()}

    async def _page_of(self, left: Mapping[Question, str]) -> Mapping[Question, _Result] | SurefootError:
        """One request. left: the questions, and the token of the page that is wanted. Raises what `Http.post` does."""
        body = msgspec.json.encode({"queries": [_query(question, token) for question, token in left.items()]})
        answer = await self._http.post(f"{self._url}/v1/querybatch", body, headers={"Content-Type": "application/json"})
        try:
            results = _BATCHES.decode(answer.body).results
        except msgspec.DecodeError as error:
            return Permanent(f"{self._host} sends no answer to a batch: {error}")
        if len(results) != len(left):
            return Permanent(f"{self._host} was asked {len(left)} questions and answers {len(results)}")
        return {question: result or _Result() for question, result in zip(left, results, strict=True)}

    async def _spoken(self, named: _Named) -> Spoken | SurefootError:
        """What an advisory says of each of its packages; nothing of any when it is gone, or cannot be asked for."""
        if (kept := self._entries.get(named)) is not None:
            return kept
        if not _entries.IDENTIFIER.fullmatch(named.id):
            return {}
        try:
            async with self._room:
                answer = await self._http.get(f"{self._url}/v1/vulns/{named.id}", most_bytes=MOST_BYTES)
            spoken = self._read(answer.body, named)
        except Missing:
            return {}
        except SurefootError as error:
            return error
        if named.modified and len(spoken) < MOST_ENTRIES:
            self._entries[named] = spoken
        return spoken

    def _read(self, body: bytes, named: _Named) -> Spoken:
        try:
            document = _entries.DOCUMENTS.decode(body)
        except msgspec.DecodeError as error:
            raise Permanent(f"{self._host} sends no advisory for {named.id}: {error}") from error
        if document.id != named.id:
            raise Permanent(f"{self._host} sends the advisory {document.id[:100]!r} for {named.id}")
        return {(of, name): _lighter(of, entry) for of, name, entry in _entries.entries_of(document)}


def _lighter(ecosystem: str, entry: Entry) -> Entry:
    """Without its versions, where the service has compared them already: there may be thousands."""
    return entry if ecosystem == _names.ACTIONS else msgspec.structs.replace(entry, versions=())


def _question(ecosystem: str, name: str, version: str) -> Question:
    return Question(ecosystem, name, "" if ecosystem == _names.ACTIONS else _names.version_of(ecosystem, version))


def _query(question: Question, token: str) -> dict[str, object]:
    query: dict[str, object] = {"package": {"ecosystem": question.ecosystem, "name": question.name}}
    if question.version:
        query["version"] = question.version
    if token:
        query["page_token"] = token
    return query


def _gathered(
    question: Question, named: list[_Named] | SurefootError, spoken: Mapping[_Named, Spoken | SurefootError]
) -> Found | SurefootError:
    """The entries of a question, or the first error among them: half an answer could hide the worst of it.

    An advisory that does not speak of the package when it is read still counts, by its name: it was listed for it.
    """
    if isinstance(named, SurefootError):
        return named
    package = question.ecosystem, _names.folded(question.ecosystem, question.name)
    found: list[Entry] = []
    for one in named:
        said = spoken[one]
        if isinstance(said, SurefootError):
            return said
        found.append(said.get(package) or _entries.bare(one.id))
    return tuple(found)


async def _all(ask: Callable[[K], Awaitable[T]], keys: Sequence[K]) -> dict[K, T]:
    return dict(zip(keys, await asyncio.gather(*map(ask, keys)), strict=True))
