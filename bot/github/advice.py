"""What GitHub's deliveries say of flaws, read to words about packages; texts that go into titles are held to a form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from bot.core import alerts
from bot.core.alerts import Aside, Word
from bot.github.bodies import Repo

IDENTIFIER = re.compile(r"(?:GHSA(?:-[a-z0-9]{4}){3}|CVE-[0-9]{4}-[0-9]{4,19})", re.ASCII)
PAGE = "https://github.com/advisories"
LONGEST_SUMMARY = 200
LONGEST = 200  # of a range, a version, or a vector
MOST = 100  # of anything in a list
MALWARE = "malware"
EMBEDDED_MALICE = "CWE-506"


class Package(Struct, frozen=True):
    """A package as GitHub names it."""

    ecosystem: str = ""
    name: str = ""


class Patched(Struct, frozen=True):
    """The first version without a flaw."""

    identifier: str = ""


class Vulnerability(Struct, frozen=True):
    """Which versions of a package are affected."""

    package: Package = Package()
    severity: str = ""
    vulnerable_version_range: str = ""
    first_patched_version: Patched | None = None


class Cvss(Struct, frozen=True):
    """A rating. Its score is not read: it is 0 where there is no vector."""

    vector_string: str | None = None


class Ratings(Struct, frozen=True):
    """A rating for each version of CVSS."""

    cvss_v3: Cvss | None = None
    cvss_v4: Cvss | None = None


class Weakness(Struct, frozen=True):
    """What kind of flaw it is."""

    cwe_id: str = ""


class Identifier(Struct, frozen=True):
    """A name of an advisory: GHSA or CVE."""

    value: str = ""


class Advice(Struct, frozen=True):
    """An advisory of GitHub's."""

    ghsa_id: str = ""
    summary: str = ""
    severity: str = ""
    cvss: Cvss | None = None
    cvss_severities: Ratings | None = None
    cwes: tuple[Weakness, ...] = ()
    identifiers: tuple[Identifier, ...] = ()
    vulnerabilities: tuple[Vulnerability, ...] = ()
    withdrawn_at: str | None = None
    classification: str = ""


class AlertBody(Struct, frozen=True):
    """An alert of one repository. security_vulnerability: the part of the advisory that it is about."""

    security_advisory: Advice = Advice()
    security_vulnerability: Vulnerability | None = None
    dismissed_reason: str | None = None


class Alert(Struct):
    """dependabot_alert."""

    repository: Repo
    action: str = ""
    alert: AlertBody = AlertBody()


class Told(Struct):
    """security_advisory."""

    action: str = ""
    security_advisory: Advice = Advice()


def of_alert(told: Alert) -> tuple[Word, ...]:
    """What the advisory of an alert says of every package; of the alert's own, where it names no other."""
    advice, own = told.alert.security_advisory, told.alert.security_vulnerability
    return words(advice) or (words(advice, only=own) if own is not None else ())


def aside(told: Alert) -> Aside | None:
    """Whether the alert matters less from now on, or as much as before; None where its action changes nothing in that.

    An alert that a rule of the repository's dismissed counts as dismissed: its owners wrote the rule.
    """
    name = told.alert.security_advisory.ghsa_id
    if not IDENTIFIER.fullmatch(name):
        return None
    match told.action:
        case "dismissed":
            return Aside(id=name, aside=told.alert.dismissed_reason in alerts.HARMLESS)
        case "auto_dismissed":
            return Aside(id=name, aside=True)
        case "created" | "reopened" | "reintroduced" | "auto_reopened":
            return Aside(id=name, aside=False)
        case _:
            return None


def words(advice: Advice, *, withdrawn: bool = False, only: Vulnerability | None = None) -> tuple[Word, ...]:
    """One word for each package of an ecosystem that we know; none for an advisory without a usable name."""
    if not IDENTIFIER.fullmatch(advice.ghsa_id):
        return ()
    gone = withdrawn or bool(advice.withdrawn_at)
    found: dict[tuple[str, str], list[Vulnerability]] = {}
    for one in (only,) if only is not None else advice.vulnerabilities:
        ecosystem = alerts.ecosystem_of(one.package.ecosystem)
        if ecosystem and alerts.is_name(one.package.name):
            found.setdefault((ecosystem, one.package.name), []).append(one)
    said = list(found.items())[: alerts.MOST_WORDS]
    return tuple(_word(advice, ecosystem, name, some, gone) for (ecosystem, name), some in said)


def _word(advice: Advice, ecosystem: str, name: str, some: list[Vulnerability], gone: bool) -> Word:
    names = (one.value for one in advice.identifiers)
    patched = (one.first_patched_version.identifier for one in some if one.first_patched_version)
    kinds = (one.cwe_id for one in advice.cwes)
    return Word(
        id=advice.ghsa_id,
        ecosystem=ecosystem,
        name=name,
        aliases=_few(one for one in names if one != advice.ghsa_id and IDENTIFIER.fullmatch(one)),
        summary="".join(one for one in " ".join(advice.summary.split()) if one.isprintable())[:LONGEST_SUMMARY],
        vectors=_few(_vectors(advice)),
        severity=next((one.severity for one in some if one.severity), advice.severity)[:LONGEST],
        withdrawn=gone,
        malicious=advice.classification == MALWARE or EMBEDDED_MALICE in kinds,
        ranges=_few(_range(one.vulnerable_version_range) for one in some),
        fixed=_few(one for one in patched if one),
        url=f"{PAGE}/{advice.ghsa_id}",
    )


def _vectors(advice: Advice) -> Iterator[str]:
    each = advice.cvss_severities
    rated = (each and each.cvss_v4, each and each.cvss_v3, advice.cvss)
    yield from (one.vector_string for one in rated if one and one.vector_string)


def _range(text: str) -> str:
    """What cannot be meant might be anything, and "" is every version."""
    return text if len(text) <= LONGEST else ""


def _few(texts: Iterable[str]) -> tuple[str, ...]:
    """Each once and no more than a few; one that is too long to be meant is left out whole."""
    return tuple(dict.fromkeys(one for one in texts if len(one) <= LONGEST))[:MOST]
