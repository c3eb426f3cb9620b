"""Flaws that are used in attacks, by CISA's catalogue: whatever another database says of one of them becomes critical.

The catalogue of Known Exploited Vulnerabilities is one JSON document with the CVE of each flaw of which CISA has
evidence that it is used in attacks, and the day on which it was added. It knows no packages: it is asked about what the
other databases report, by the names of it that are CVEs. A rating says how bad a flaw could be; this says that somebody
is at it.

It is off unless the operator names a place for it in `SUREFOOT_KEV`: CISA's own
(`https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json`), a mirror's, or the path of a
file. It is fetched again every six hours, a file within a minute after it changed. While it cannot be had the last one
counts.

Options: `place`, a URL or a path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from bot.adapters import Options, Tools, decode
from bot.adapters.advisories._document import Document, checked
from bot.adapters.advisories._joined import Forgetful
from bot.core.advisories import Advisory
from bot.core.errors import Permanent
from bot.core.model import Component
from bot.core.ports import Advisories

KIND = "kev"
MOST_FLAWS = 200_000
_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,19}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    place: str


class _Flaw(msgspec.Struct, rename={"cve": "cveID", "added": "dateAdded", "ransom": "knownRansomwareCampaignUse"}):
    cve: str
    added: str = ""
    ransom: str = ""


class _Catalogue(msgspec.Struct):
    vulnerabilities: list[_Flaw]


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_CATALOGUES = msgspec.json.Decoder(_Catalogue)


def open(options: Options, tools: Tools) -> Kev:
    """Options: place. ConfigProblem for a file that is not there."""
    place = checked(decode(options, _Options, KIND).place, KIND)
    return Kev(Document(tools.http, place, read))


def read(body: bytes) -> Mapping[str, str]:
    """Of each CVE, in words, that it is used in attacks. Permanent when it is no such catalogue."""
    try:
        flaws = _CATALOGUES.decode(body).vulnerabilities
    except msgspec.DecodeError as error:
        raise Permanent(f"it is no catalogue of exploited vulnerabilities: {error}") from error
    if not flaws or len(flaws) > MOST_FLAWS:
        raise Permanent(f"a catalogue of exploited vulnerabilities with {len(flaws)} of them is none")
    return {flaw.cve: _words(flaw) for flaw in flaws if _CVE.fullmatch(flaw.cve)}


def _words(flaw: _Flaw) -> str:
    since = f" since {flaw.added}" if _DAY.fullmatch(flaw.added) else ""
    ransom = ", also for ransom" if flaw.ransom == "Known" else ""
    return f"used in attacks{ransom}: in CISA's catalogue{since}"


class Kev:
    """A `core.ports.Advisories`: what another says, with what is exploited marked. document: the catalogue."""

    def __init__(self, document: Document[Mapping[str, str]], inner: Advisories | None = None) -> None:
        self._document, self._inner = document, inner

    def over(self, inner: Advisories) -> Kev:
        """The same catalogue over another database."""
        return Kev(self._document, inner)

    async def of(self, component: Component, versions: Sequence[str]) -> Mapping[str, Sequence[Advisory]]:
        """What the other database says of these versions, marked. Errors as its own."""
        said = await self._inner.of(component, versions) if self._inner is not None else {}
        return {version: await self.noted(known) for version, known in said.items()}

    async def noted(self, known: Sequence[Advisory]) -> tuple[Advisory, ...]:
        """These, with what is exploited marked."""
        catalogue = (await self._document.now() or {}) if known else {}
        return tuple(_marked(one, catalogue) for one in known)

    def forget(self, component: Component) -> None:
        """The other database is to ask anew."""
        inner: object = self._inner
        if isinstance(inner, Forgetful):
            inner.forget(component)


def _marked(known: Advisory, catalogue: Mapping[str, str]) -> Advisory:
    why = next((catalogue[name] for name in (known.id, *known.aliases) if name in catalogue), "")
    return replace(known, exploited=why) if why else known
