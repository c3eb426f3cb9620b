"""Asks registries who vouches for a file: through the safe client, bounded, and those of this machine's settings alone.

Python: the provenance that a project's page names beside a file (PEP 740). npm: as `npm audit signatures` does it,
the attestations and the registry's keys, both at the registry itself and nowhere else.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable, Collection, Coroutine, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from bot.core.errors import Missing, Permanent, SurefootError
from bot.lab.locking.allowed import without_login
from bot.lab.vouched import documents
from bot.lab.vouched.documents import Attestation, Key, Listed, Signature, Version
from bot.tools.http import Answer, Http
from bot.tools.npm import NpmSettings
from bot.tools.pip import IndexSettings
from bot.tools.secrets import Secret

_PAGE = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_PROVENANCE = "application/vnd.pypi.integrity.v1+json, application/json;q=0.5"
_SHORT, _JSON = "application/vnd.npm.install-v1+json, application/json;q=0.5", "application/json"
_MOST_DOCUMENT = 4 << 20  # bytes; one attestation has some ten thousand
# How registries say that they have no keys to show: npm's own client takes 400 and 404 so.
_NO_KEYS = (400, 401, 403, 404, 405, 410)
_OTHER = "it has other bytes of that version than those that are installed"
T = TypeVar("T")


class Unasked(Exception):
    """What is published could not be had; says why in words that may be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that may be the installed one, and what is published of it. digest: hex, as the lock has it.

    trusted: see `core.vouching.of_npm`. keys: those of its registry, by name.
    """

    filename: str
    digest: str
    attestations: tuple[Attestation, ...] = ()
    trusted: str = ""
    keys: Mapping[str, Key] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What a registry of npm's has signed with its own keys of one version. host: its name, to be shown.

    signatures: None for what is no list of such. published: when the version was, where a key that ended makes it
    matter and the registry says it.
    """

    host: str
    keys: Mapping[str, Key] = field(default_factory=dict)
    signatures: tuple[Signature, ...] | None = ()
    published: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registries:
    """Those of this machine. What was asked once is not asked again: one is made for each examination.

    keys: URL of a registry -> its keys, known for a while.
    """

    http: Http
    index: IndexSettings
    npm: Callable[[], NpmSettings]
    keys: MutableMapping[str, Mapping[str, Key]] = field(default_factory=dict)
    _asked: dict[str, asyncio.Task[Any]] = field(default_factory=dict)

    async def of_python(self, name: str, hashes: Collection[str], fits: Callable[[str], bool]) -> tuple[File, ...]:
        """The wheels with one of these hashes ("sha256:<hex>") that fit here, and what is published of each. Unasked.

        All of them where none seems to fit. Nothing for what no index on the net lists: a folder has no attestations.
        """
        found: dict[str, Listed] = {}
        for one in await self._once(f"page {name}", self._listed, name):
            if one.filename.endswith(".whl") and one.sha256 and f"sha256:{one.sha256}" in hashes:
                # Two indexes may list the file, and only one of them what is attested of it.
                known = found.get(one.filename)
                found[one.filename] = known if known and known.provenance else one
        wheels = [one for one in found.values() if fits(one.filename)] or list(found.values())
        return tuple(
            await asyncio.gather(
                *(self._once(f"file {one.provenance} {one.sha256}", self._of_file, one) for one in wheels)
            )
        )

    async def of_npm(self, name: str, version: str, sha512: str) -> File:
        """What is published of one version. sha512: hex, by the lock. Unasked."""
        return await self._once(f"npm {name} {version}", self._of_version, name, version, sha512)

    async def _once(self, key: str, ask: Callable[..., Coroutine[Any, Any, T]], *words: object) -> T:
        # Who ran out of time has ended it for those that ask later too.
        if key not in self._asked or self._asked[key].cancelled():
            self._asked[key] = asyncio.create_task(ask(*words))
        try:
            found: T = await self._asked[key]
        except SurefootError as problem:
            raise Unasked(str(problem)) from None
        return found

    async def _listed(self, name: str) -> list[Listed]:
        indexes = [one for one in self.index.all if urlsplit(one).scheme in ("http", "https")]
        pages = await asyncio.gather(*(self._page(index, name) for index in indexes))
        return [one for page in pages for one in page]

    async def _page(self, index: str, name: str) -> list[Listed]:
        plain, login = without_login(index)
        try:
            answer = await self.http.get(
                f"{plain}/{quote(name)}/", headers={"Accept": _PAGE, **_header(login)}, keep=False
            )
        except Missing:
            return []
        return await asyncio.to_thread(documents.page, answer.body, answer.url)

    async def _of_file(self, listed: Listed) -> File:
        """Without the index's login: where its page leads is another matter."""
        found: tuple[Attestation, ...] = ()
        if listed.provenance:
            answer = await self.http.get(
                listed.provenance, headers={"Accept": _PROVENANCE}, most_bytes=_MOST_DOCUMENT, keep=False
            )
            found = documents.provenance(answer.body)
        return File(filename=listed.filename, digest=listed.sha256, attestations=found)

    async def _of_version(self, name: str, version: str, sha512: str) -> File:
        settings = await self._settings()
        registry = settings.of(name)
        said = await self._once(f"document {name} {version}", self._document, name, version)
        if said.integrity and sha512 not in sha512_of(said.integrity):
            raise Permanent(_OTHER)
        file = File(filename=f"{name}@{version}", digest=sha512, trusted=said.trusted)
        place = f"{_quoted(name)}@{quote(version, safe='')}"
        return await self._attested(file, said, settings, registry, place) if said.attested else file

    async def _settings(self) -> NpmSettings:
        return await self._once("npm's settings", asyncio.to_thread, self.npm)

    async def _document(self, name: str, version: str) -> Version:
        settings = await self._settings()
        registry = settings.of(name)
        try:
            place = f"{_quoted(name)}/{quote(version, safe='')}"
            return documents.version(await self._ask(settings, registry, place))
        except Permanent:  # a registry that knows whole packages alone
            return documents.packument(await self._ask(settings, registry, _quoted(name), _SHORT), version)

    async def signed(self, name: str, version: str, sha512: Sequence[str]) -> Signed:
        """By which of its registry's own keys one version is signed. sha512: hex, all that the lock has. Unasked.

        Of a registry that publishes no keys nothing more is asked.
        """
        settings = await self._settings()
        registry = settings.of(name)
        keys = await self._once(f"keys {registry}", self._keys, settings, registry)
        host = urlsplit(registry).hostname or ""
        if not keys:
            return Signed(host=host)
        said = await self._once(f"document {name} {version}", self._document, name, version)
        if said.integrity and not set(sha512) & set(sha512_of(said.integrity)):
            raise Unasked(_OTHER)
        named = {one.key for one in said.signatures or ()}
        if not named <= keys.keys():  # one that is newer than what is known of them
            keys = await self._once(f"keys of today {registry}", self._fresh_keys, settings, registry)
        ends = any(keys[one].expires for one in named & keys.keys())
        published = await self._once(f"time {name} {version}", self._published, name, version) if ends else None
        return Signed(host=host, keys=keys, signatures=said.signatures, published=published)

    async def _published(self, name: str, version: str) -> datetime | None:
        """Only the whole document tells it, which may be a big one."""
        settings = await self._settings()
        answer = await self._get(settings, settings.of(name), _quoted(name))
        return await asyncio.to_thread(documents.published, answer.body, version)

    async def _attested(self, file: File, said: Version, settings: NpmSettings, registry: str, place: str) -> File:
        """A mirror passes on addresses of the registry behind it, so the address beside the version is not followed."""
        body = await self._ask(settings, registry, f"-/npm/v1/attestations/{place}")
        found, keys = documents.attestations(body), dict[str, Key]()
        if any(one.signer for one in found):
            keys = dict(await self._once(f"keys {registry}", self._keys, settings, registry))
        return File(filename=file.filename, digest=file.digest, attestations=found, trusted=said.trusted, keys=keys)

    async def _keys(self, settings: NpmSettings, registry: str) -> Mapping[str, Key]:
        known = self.keys.get(registry)
        return await self._fresh_keys(settings, registry) if known is None else known

    async def _fresh_keys(self, settings: NpmSettings, registry: str) -> Mapping[str, Key]:
        """None where it says in any of the usual ways that there are none. Permanent for what is no list of such."""
        answer = await self._get(settings, registry, "-/npm/v1/keys", most=_MOST_DOCUMENT, known=_NO_KEYS)
        found = {} if answer.status in _NO_KEYS else documents.keys(answer.body)
        self.keys[registry] = found
        return found

    async def _ask(self, settings: NpmSettings, registry: str, path: str, accept: str = _JSON) -> bytes:
        most = _MOST_DOCUMENT if accept == _JSON else None
        return (await self._get(settings, registry, path, accept=accept, most=most)).body

    async def _get(
        self, settings: NpmSettings, registry: str, path: str, *, accept: str = _JSON, most: int | None = None,
        known: Collection[int] = (),
    ) -> Answer:  # fmt: skip
        plain, login = without_login(registry)
        url = f"{plain}/{path}"
        headers = {"Accept": accept, **_header(settings.login(url) or login)}
        return await self.http.get(url, headers=headers, most_bytes=most, keep=False, known=known)


def _quoted(name: str) -> str:
    return quote(name, safe="@").replace("%2F", "%2f")


def sha512_of(integrity: str) -> tuple[str, ...]:
    """In hex, of hashes as npm writes them: `sha512-<base64>` among others (W3C, Subresource Integrity)."""
    found = re.findall(r"sha512-([A-Za-z0-9+/]{86}==)", integrity)
    return tuple(base64.b64decode(one).hex() for one in found)


def _header(login: Secret | None) -> dict[str, str]:
    return {"Authorization": login.reveal()} if login else {}
