"""Speaks with any registry of the OCI distribution specification, open or guarded, and gives each only its own login.

A registry that wants to know who asks says so with 401 and how: with a token of the server that it names (the realm),
or with the login itself. What it said is remembered, so that the next component costs no extra request, and a token
serves until it expires. The realm is foreign text: it is asked only over https, or on the registry's own host.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import urlencode, urlsplit

import msgspec
from cachetools import LRUCache

from bot.adapters.sources._logins import Logins, host_of, is_this_machine
from bot.adapters.sources._paging import Kept, Releases, decoded, whole_list
from bot.core.errors import Missing, Permanent, Refused
from bot.tools.http import Answer, Http

REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
# Signatures, attestations and other referrers lie beside the images as tags that are named after a digest.
REFERRER = re.compile(r"sha(?:256|512)-[0-9a-f]{64,}(?:\..*)?")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
PAGE = 1_000  # tags asked for at once; a registry may give fewer
MOST_PAGES = 1_000
MOST_TAGS = 100_000
MOST_MANIFEST = 4 << 20  # the least that the specification makes a registry take, and the most that it sends
MOST_TOKEN = 256 << 10
LONGEST_NAME = 255
SHORTEST = 60.0  # seconds that a token lives at least; what says less is meant for older clients
EARLY = 5.0
PLACES = 1_024

What: TypeAlias = Literal["tags", "manifests"]


class _Tags(msgspec.Struct):
    tags: list[str] | None = None  # null where a repository has none


class _Token(msgspec.Struct):
    token: str = ""
    access_token: str = ""
    expires_in: float | None = None


class _Manifest(msgspec.Struct):
    schema: int = msgspec.field(name="schemaVersion")


_TAGS = msgspec.json.Decoder(_Tags)
_TOKEN = msgspec.json.Decoder(_Token)
_MANIFEST = msgspec.json.Decoder(_Manifest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One repository of one registry. base: the registry's URL; host: what people call it, and its login's name."""

    base: str
    repository: str
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Challenge:
    """How a registry wants to be told who asks. scope: with {} for the repository."""

    realm: str = ""
    service: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    header: str
    until: float


def place_of(base: str, repository: str, *, host: str = "") -> Place:
    """The repository at a registry's URL, whose path, if any, comes before it.

    Missing when it is none that a registry could have; Permanent when the URL is none.
    """
    try:
        split = urlsplit(base)
        known = split.scheme in ("http", "https") and bool(split.hostname) and not split.username and split.port != 0
    except ValueError:
        known = False
    if not known:
        shown = base.rpartition("@")[2][:100]
        raise Permanent(f"{shown!r} is no registry's URL; write it as https://registry.example")
    name = "/".join(part for part in (split.path.strip("/"), repository) if part)
    if len(name) > LONGEST_NAME or not REPOSITORY.fullmatch(name):
        raise Missing(f"{name[:100]!r} can be no image's name")
    return Place(base=f"{split.scheme}://{split.netloc}", repository=name, host=host or host_of(base))


def base_of(registry: str, plain: Collection[str] = ()) -> str:
    """A registry's URL, where it may be written as oci://host/path. plain: hosts that are spoken to without TLS.

    As Docker does it: a registry on this very machine needs no TLS either.
    """
    scheme, _, rest = registry.partition("://")
    host = rest.partition("/")[0].lower()
    if scheme != "oci" and (scheme != "https" or host not in plain):
        return registry
    bare = re.sub(r":\d*$", "", host).strip("[]")
    return f"{'http' if host in plain or is_this_machine(bare) else 'https'}://{rest}"


class Distribution:
    """Lists tags and says what a tag points at. clock: seconds that only move forward."""

    def __init__(self, http: Http, logins: Logins, clock: Callable[[], float] = time.monotonic) -> None:
        self._http, self._logins, self._clock = http, logins, clock
        self._challenges: LRUCache[tuple[str, What], _Challenge] = LRUCache(PLACES)
        self._held: LRUCache[tuple[str, str], _Held] = LRUCache(4 * PLACES)
        self._kept = Kept()

    async def releases(self, place: Place, make: Callable[[Place, Sequence[str]], Releases]) -> Releases:
        """What `make` makes of all tags, in the registry's order. Missing when it knows no such repository."""

        async def ask(url: str) -> Answer:
            return await self._ask(place, "tags", url, head=False)

        url = f"{place.base}/v2/{place.repository}/tags/list?n={PAGE}"
        pages = await whole_list(ask, url, most=MOST_PAGES)
        key = (place, *(page.digest for page in pages))
        return self._kept.get(key) or self._kept.keep(key, make(place, await _tags(place, pages)))

    async def digest(self, place: Place, tag: str) -> str:
        """What a tag points at now, as "sha256:<hex>". Missing when the tag is gone."""
        if not TAG.fullmatch(tag):
            raise Missing(f"{tag[:100]!r} can be no tag")
        url = f"{place.base}/v2/{place.repository}/manifests/{tag}"
        answer = await self._ask(place, "manifests", url, head=True)
        if answer.status < 300 and (told := _told(answer)):
            return told
        # Some registries know no HEAD (405), or leave the header out: then the manifest itself says it.
        answer = await self._ask(place, "manifests", url, head=False)
        if (await decoded(_MANIFEST, answer, f"manifest of {place.repository}:{tag}")).schema != 2:
            raise Permanent(f"{place.host} has {place.repository}:{tag} in a form of before 2016, which has no digest")
        return _told(answer) or f"sha256:{answer.digest}"

    async def _ask(self, place: Place, what: What, url: str, *, head: bool) -> Answer:
        """One answer, with whatever login the registry wants. Refused when it wants another one than we have."""
        # A registry that never told how it guards its manifests most likely does it as with its lists.
        known = self._challenges.get((place.base, what)) or self._challenges.get((place.base, "tags"))
        sent = await self._remembered(place, what, known) if known else {}
        answer = await self._send(what, url, sent, head=head)
        if answer.status != 401:
            return answer
        challenge = self._challenges[place.base, what] = _challenge(answer, place)
        if sent:
            self._held.pop(_key(place, challenge), None)  # the token was taken back before its time
        fresh = await self._authorization(place, challenge)
        if fresh and fresh != sent:
            answer = await self._send(what, url, fresh, head=head)
        if answer.status == 401:
            raise Refused(f"{place.host} does not show {place.repository}: {self._why(place)}")
        return answer

    async def _send(self, what: What, url: str, login: Mapping[str, str], *, head: bool) -> Answer:
        headers = {"Accept": MANIFESTS if what == "manifests" else "application/json", **login}
        if head:
            return await self._http.head(url, headers=headers, known={401, 405, 501})
        # Tokens change all the time, and whoever asks with another one is a stranger to what is kept.
        keep = what == "tags" and not login.get("Authorization", "").startswith("Bearer ")
        most = MOST_MANIFEST if what == "manifests" else None
        return await self._http.get(url, headers=headers, keep=keep, most_bytes=most, known={401})

    async def _remembered(self, place: Place, what: What, known: _Challenge) -> dict[str, str]:
        try:
            return await self._authorization(place, known)
        except Permanent:
            # Perhaps its tokens come from elsewhere by now: the next look asks from the start.
            self._challenges.pop((place.base, what), None)
            raise

    async def _authorization(self, place: Place, challenge: _Challenge) -> dict[str, str]:
        """The header that answers a challenge; empty where it wants a login and none is set."""
        if not challenge.realm:
            return self._logins.header(place.host, place.base)
        key = _key(place, challenge)
        held = self._held.get(key)
        if held is None or held.until <= self._clock():
            held = self._held[key] = await self._token(place, challenge)
        return {"Authorization": held.header}

    async def _token(self, place: Place, challenge: _Challenge) -> _Held:
        """A token of the server that the registry named, as the registry's documentation has it."""
        _must_be_askable(challenge.realm, place)
        asked = {"service": challenge.service, "scope": challenge.scope.format(place.repository)}
        query = urlencode({name: value for name, value in asked.items() if value})
        url = f"{challenge.realm}{'&' if '?' in challenge.realm else '?'}{query}"
        began = self._clock()
        login = self._logins.header(place.host, challenge.realm)
        answer = await self._http.get(url, headers=login, keep=False, most_bytes=MOST_TOKEN, known={401, 403})
        if answer.status in (401, 403):
            raise Refused(f"{host_of(challenge.realm)} gives no token for {place.repository}: {self._why(place)}")
        got = await decoded(_TOKEN, answer, f"token for {place.repository}")
        token = got.token or got.access_token
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise Permanent(f"{host_of(challenge.realm)} sends no token for {place.repository}")
        lives = max(got.expires_in or SHORTEST, SHORTEST)
        return _Held(header=f"Bearer {token}", until=began + lives - EARLY)

    def _why(self, place: Place) -> str:
        if place.host in self._logins:
            return "it is not there, or the login that is set for this registry may not see it"
        return f"it is not there, or it is private; then set `logins` for {place.host}"


async def _tags(place: Place, pages: Sequence[Answer]) -> Sequence[str]:
    """Every tag that could name a version. Permanent when there are too many to look through."""
    found: dict[str, None] = {}  # registries are not told to sort, and some repeat a tag where two pages meet
    for page in pages:
        tags = (await decoded(_TAGS, page, f"list of tags for {place.repository}")).tags or ()
        found.update((tag, None) for tag in tags if TAG.fullmatch(tag) and not REFERRER.fullmatch(tag))
    if len(found) > MOST_TAGS:
        raise Permanent(f"{place.host} lists more than {MOST_TAGS} tags of {place.repository}")
    return tuple(found)


def _told(answer: Answer) -> str:
    told = answer.headers.get("docker-content-digest", "")
    return told if DIGEST.fullmatch(told) else ""


def _key(place: Place, challenge: _Challenge) -> tuple[str, str]:
    return place.base, f"{challenge.realm}\n{challenge.service}\n{challenge.scope.format(place.repository)}"


def _must_be_askable(realm: str, place: Place) -> None:
    split, mine = urlsplit(realm), urlsplit(place.base)
    if split.scheme == "https" or (mine.scheme == "http" and split.hostname == mine.hostname):
        return
    raise Refused(f"{place.host} sends us for a token to {split.hostname}, and not over https")


def _challenge(answer: Answer, place: Place) -> _Challenge:
    """What a 401 asks for (RFC 9110, 11.6.1): a token where it offers one, else the login itself."""
    text = answer.headers.get("www-authenticate", "")
    if bearer := re.search(r"\bbearer\s+(.*)", text, re.IGNORECASE | re.DOTALL):
        said = {name.lower(): value for name, value in reversed(re.findall(r'(\w+)\s*=\s*"([^"]*)"', bearer[1]))}
        if realm := said.get("realm"):
            return _Challenge(realm=realm, service=said.get("service", ""), scope=_scope(said.get("scope", ""), place))
    if re.search(r"\bbasic\b", text, re.IGNORECASE):
        return _Challenge()
    raise Permanent(f"{place.host} asks for a login in a way that we do not know: {text[:60]!r}")


def _scope(said: str, place: Place) -> str:
    """The scope for any repository of the same registry, by what it asked for this one."""
    kind, _, actions = said.partition(f":{place.repository}:")
    if kind == "repository" and re.fullmatch(r"[\w,*]+", actions):
        return "repository:{}:" + actions
    # Some registries have one scope for all; a scope that names other repositories is none of ours.
    return said if re.fullmatch(r"[\w-]+", said) else "repository:{}:pull"
