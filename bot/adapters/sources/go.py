"""Go modules from the proxies that Go uses on this machine, or from one that is named; never from their repositories.

The list of a module (`/<module>/@v/list`) gives its versions, and the go.mod of the newest one which are retracted and
whether the module is deprecated; a module without versions has the one of its newest commit (`/@latest`). As with Go
itself, `+incompatible` versions do not count once the newest other version has a go.mod. Of a version that is about to
be proposed, `/@v/<version>.info` tells the commit and the repository that the proxy fetched.

When a version was published is in no answer: the time that `.info` gives is the commit's own, which whoever commits
can set, and a tag can be put on an old commit. So it counts only where the operator says so (`commit_times`), and a
version is as old as when it was first seen here. Nobody says who published a version, and Go runs no code at
installation. A new major version is another module with another path (`…/v2`) and so not listed here; where one is
known to the proxy, a link of the release says so.

Proxies are those of GOPROXY, in its order and by its rules, from the environment or the file of `go env -w`. `direct`
is not followed, and `off` means none. What GONOPROXY or GOPRIVATE names is not asked of them: name a proxy that knows
it. Options: `url`, a proxy for all modules, private ones among them; `token`, the name of a secret for it, as
`user:password` or a token alone; `commit_times`, whether the time of a commit counts as that of publication.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import quote, urlsplit

import msgspec
from cachetools import LRUCache

from bot.adapters import Options, Tools, decode, secret_of
from bot.adapters.sources import _gomod
from bot.adapters.sources._goenv import GoSettings, go_settings
from bot.adapters.sources._gomod import SCHEME, GoMod
from bot.adapters.sources._pages import Pages, Place, basic, bearer, configured, place_of
from bot.adapters.sources._said import links_of, repository_url, time_of
from bot.adapters.sources.pypi import without_login
from bot.core import versions
from bot.core.errors import Missing, Permanent, Refused, SurefootError
from bot.core.model import Artifact, Component, Release
from bot.tools.http import Answer, Http
from bot.tools.secrets import Secret

KIND = "go"
PUBLIC = "https://proxy.golang.org"
PAGES = "https://pkg.go.dev"  # where people read of public modules
ELEMENT = r"[A-Za-z0-9_~+-](?:[A-Za-z0-9._~+-]*[A-Za-z0-9_~+-])?"
MODULE = re.compile(rf"(?=[^/]*\.)(?!-)[a-z0-9-](?:[a-z0-9.-]*[a-z0-9-])?(?:/{ELEMENT})*")
PSEUDO = re.compile(r".*[.-]\d{14}-[0-9a-f]{12}(?:\+incompatible)?")
LONGEST_MODULE = 300
MOST_MAJORS = 5  # so many newer ones are looked for

Releases = tuple[Release, ...]
T = TypeVar("T")


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    url: str = ""
    token: str = ""
    commit_times: bool = False


class _Origin(msgspec.Struct, rename="pascal"):
    url: str = msgspec.field(name="URL", default="")
    hash: str = ""


class _Info(msgspec.Struct, rename="pascal"):
    version: str
    time: str | None = None
    origin: _Origin | None = None


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_INFOS = msgspec.json.Decoder(_Info)


@dataclass(frozen=True, slots=True)
class _Proxy:
    """One proxy. goes_on: whether the next one is asked whatever went wrong here, and not only for a 404.

    public: whether it serves what pkg.go.dev shows.
    """

    place: Place
    public: bool = False
    goes_on: bool = False


def open(options: Options, tools: Tools) -> Go:
    """Options: url, token (the name of a secret), commit_times. ConfigProblem for no URL, or an unset secret."""
    chosen = decode(options, _Options, KIND)
    token = secret_of(tools, chosen.token, KIND, chosen.url)
    header = (basic(token) if ":" in token.reveal() else bearer(token)) if token else None
    place = Place(url=configured(chosen.url, KIND), header=header) if chosen.url else None
    return Go(tools.http, place, commit_times=chosen.commit_times)


class Go:
    """A `core.ports.Source`. place: the one proxy for all; None means what Go's `settings` say."""

    def __init__(
        self,
        http: Http,
        place: Place | None = None,
        *,
        settings: Callable[[], GoSettings] = go_settings,
        commit_times: bool = False,
    ) -> None:
        self._http = http
        self._place = place
        self._settings = settings
        self._commit_times = commit_times
        self._known: GoSettings | None = None
        self._lists: Pages[Releases] = Pages(len)
        # The go.mod of a version never changes.
        self._mods: LRUCache[str, GoMod] = LRUCache(2048)

    async def releases(self, component: Component) -> Sequence[Release]:
        """All versions that the first proxy which knows the module lists, oldest first. Missing when none knows it."""
        return await self._first(component, lambda proxy: self._listed(proxy, component.name))

    async def detail(self, component: Component, release: Release) -> Release:
        """The release with its commit, its repository and, as a link, the newest major version there is."""
        return await self._first(component, lambda proxy: self._completed(proxy, component.name, release))

    async def _first(self, component: Component, ask: Callable[[_Proxy], Awaitable[T]]) -> T:
        """What the first proxy that knows the module says, by the rules of GOPROXY."""
        name = component.name
        if len(name) > LONGEST_MODULE or not MODULE.fullmatch(name) or ".." in name:
            raise Missing(f"{name[:100]!r} can be no Go module's path")
        last: SurefootError | None = None
        for proxy in await self._proxies(component):
            try:
                return await ask(proxy)
            except SurefootError as error:
                if not proxy.goes_on and not isinstance(error, Missing):
                    raise
                # That one proxy is away is worse than that another does not know it.
                last = error if last is None or isinstance(last, Missing) else last
        raise last or Missing(f"no proxy of GOPROXY knows {name}, and its repository is not asked here")

    async def _proxies(self, component: Component) -> Sequence[_Proxy]:
        if component.registry:
            url = place_of(component.registry)
            return [_Proxy(self._place if self._place and self._place.url == url else Place(url=url))]
        if self._place:
            return [_Proxy(self._place)]
        if self._known is None:
            self._known = await asyncio.to_thread(self._settings)
        if self._known.is_private(component.name):
            raise Permanent(
                f"{component.name} is private by GONOPROXY or GOPRIVATE, so no proxy is asked for it. Name one that "
                "knows it in the options of the source, or watch its git repository instead"
            )
        return _of_goproxy(self._known.proxy)

    async def _listed(self, proxy: _Proxy, name: str) -> Releases:
        base = f"{proxy.place.url}/{escaped(name)}"
        answer = await self._get(proxy, f"{base}/@v/list")
        if latest := not answer.body.strip():
            answer = await self._get(proxy, f"{base}/@latest")
        kept = self._lists.known(base)
        if kept and kept[0] == answer.digest:
            return kept[1]
        listed = [_info(answer, name).version] if latest else _versions(answer, name)
        mod = await self._mod(proxy, base, name, listed)
        # Go takes no +incompatible version once a module has come to have a go.mod.
        counted = listed if mod.bare else [one for one in listed if not one.endswith("+incompatible")] or listed
        made = tuple(_release(one, mod, name, base, public=proxy.public) for one in counted)
        self._lists.keep(base, answer.digest, made)
        return made

    async def _mod(self, proxy: _Proxy, base: str, name: str, listed: Sequence[str]) -> GoMod:
        """What the newest go.mod says: that of the newest finished version, else of the newest one."""
        real = [one for one in listed if not one.endswith("+incompatible")]
        newest = next((one for one in reversed(real) if versions.is_stable(SCHEME, one)), real[-1] if real else None)
        if newest is None:
            return GoMod(bare=True)
        url = f"{base}/@v/{escaped(newest)}.mod"
        if url not in self._mods:
            answer = await self._get(proxy, url)
            self._mods[url] = _gomod.read(answer.body.decode("utf-8", "replace"), name)
        return self._mods[url]

    async def _completed(self, proxy: _Proxy, name: str, release: Release) -> Release:
        base = f"{proxy.place.url}/{escaped(name)}"
        info = _info(await self._get(proxy, f"{base}/@v/{escaped(release.version)}.info"), name)
        newer = await self._newer(proxy, name) if proxy.public else ""
        repository = repository_url(info.origin.url) if info.origin else None
        links = links_of(repository=repository, **{"newer major": f"{PAGES}/{newer}" if newer else None})
        return replace(
            release,
            published=time_of(info.time) if self._commit_times else None,
            digest=info.origin.hash[:128] if info.origin else "",
            links=links,
            partial=False,
        )

    async def _newer(self, proxy: _Proxy, name: str) -> str:
        """The path of the newest major version after this one, "" for none: each is looked for until one is missing."""
        found = ""
        for path in majors_after(name):
            try:
                await self._get(proxy, f"{proxy.place.url}/{escaped(path)}/@latest")
            except SurefootError:
                # It is a hint and no more: not known is as good as none.
                break
            found = path
        return found

    async def _get(self, proxy: _Proxy, url: str) -> Answer:
        return await self._http.get(url, headers=proxy.place.headers(url))


def _of_goproxy(text: str) -> list[_Proxy]:
    """The proxies that GOPROXY names, up to `direct`. Refused where it begins with `off`."""
    parts = re.split(r"([,|])", text)
    found: list[_Proxy] = []
    for at in range(0, len(parts), 2):
        word = parts[at].strip()
        if word == "off" and not found:
            raise Refused("GOPROXY is off, so no proxy may be asked. Set it, or name a proxy in the source's options")
        if word in {"off", "direct"}:
            break
        if word:
            # Go takes a bare host for https.
            url, login = without_login(place_of(word if "://" in word else f"https://{word}"))
            place = Place(url=url, header=Secret(login["Authorization"]) if login else None)
            found.append(_Proxy(place, public=url == PUBLIC, goes_on=parts[at + 1 : at + 2] == ["|"]))
    return found


def escaped(text: str) -> str:
    """A path or version as it stands in a URL: capitals as `!` and the small letter (x/mod/module, EscapePath)."""
    return quote(re.sub(r"[A-Z]", lambda match: f"!{match[0].lower()}", text), safe="/!+~")


def _split(name: str) -> tuple[str, int | None]:
    """A module's path without its major version, and that version; None where the path has none, as for v0 and v1."""
    sign = r"\.v" if name.startswith("gopkg.in/") else "/v"
    found = re.fullmatch(rf"(.+?{sign})(\d{{1,9}})", name)
    return (found[1], int(found[2])) if found else (name, None)


def majors_after(name: str) -> list[str]:
    """The paths that the next major versions of a module would have (x/mod/module, SplitPathVersion)."""
    path, major = _split(name)
    prefix = path if major is not None else f"{name}/v"
    return [f"{prefix}{(1 if major is None else major) + step}" for step in range(1, MOST_MAJORS + 1)]


def _info(answer: Answer, name: str) -> _Info:
    try:
        return _INFOS.decode(answer.body)
    except msgspec.DecodeError as error:
        raise Permanent(f"{urlsplit(answer.url).hostname} sends no info of {name}: {error}") from error


def _versions(answer: Answer, name: str) -> list[str]:
    """The versions of a list, oldest first, without those that Go passes over: commits, and majors of other paths."""
    lines = (line.split() for line in answer.body.decode("utf-8", "replace").splitlines())
    words = {fields[0] for fields in lines if fields}
    valid = [word for word in words if versions.is_valid(SCHEME, word)]
    if words and not valid:
        raise Permanent(f"{urlsplit(answer.url).hostname} sends no list of versions for {name}")
    _, major = _split(name)
    own = [word for word in valid if not PSEUDO.fullmatch(word) and _is_of(word, major)]
    return sorted(own, key=lambda word: (versions.key(SCHEME, word), word))


def _is_of(version: str, major: int | None) -> bool:
    """Whether a version may have this path (x/mod/module, MatchPathMajor)."""
    said = int(version[1:].partition(".")[0])
    return said in (0, 1) or version.endswith("+incompatible") if major is None else said == major


def _release(version: str, mod: GoMod, name: str, base: str, *, public: bool) -> Release:
    why = mod.retracted(version)
    return Release(
        version=version,
        yanked=why is not None,
        yanked_reason=why or "",
        deprecated=mod.deprecated,
        artifacts=(Artifact(filename=f"{version}.zip", url=f"{base}/@v/{escaped(version)}.zip"),),
        url=f"{PAGES}/{name}@{version}" if public else None,
        partial=True,
    )
