"""Maven's XML as far as we need it: read without entities, and what is no XML is said or left out, never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from bot.adapters.sources._said import Links, links_of, repository_url, text_of, web_url

# What a packaging is called, and how its file's name ends (Maven's default artifact handlers); the rest are jars.
ENDS = {
    "pom": "pom",
    "war": "war",
    "ear": "ear",
    "rar": "rar",
    "aar": "aar",
    "apk": "apk",
    "zip": "zip",
    "tar.gz": "tar.gz",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pom:
    """end: how the main file's name ends. moved: the coordinates to use instead, "" when it has not moved."""

    end: str = "jar"
    moved: str = ""
    links: Links = ()


def versions(body: bytes) -> tuple[str, ...]:
    """The versions of a maven-metadata.xml, in its order. ValueError when it is none, or declares entities."""
    root = _parsed(body)
    if _local(root) != "metadata":
        raise ValueError(f"it is a <{_local(root)[:50]}>")
    # The namespace is there in some files and not in others.
    found = root.findall("{*}versioning/{*}versions/{*}version")
    return tuple(dict.fromkeys(text for one in found if (text := (one.text or "").strip())))


def pom(body: bytes) -> Pom | None:
    """What a POM says of itself; None when it cannot be read, as some old ones cannot."""
    try:
        root = _parsed(body)
    except ValueError:
        return None
    packaging = _text(root, "{*}packaging") or "jar"
    return Pom(
        end=ENDS.get(packaging, "jar"),
        moved=_moved(root),
        links=links_of(
            repository=repository_url(_text(root, "{*}scm/{*}url")), homepage=web_url(_text(root, "{*}url"))
        ),
    )


def _parsed(body: bytes) -> Element:
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise ValueError(f"it is no XML: {type(error).__name__}") from None
    return root


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(root: Element, path: str) -> str:
    return (root.findtext(path) or "").strip()


def _moved(root: Element) -> str:
    """The relocation that a POM declares; what it leaves out stays as it was."""
    place = root.find("{*}distributionManagement/{*}relocation")
    if place is None:
        return ""
    parts = [_text(place, "{*}groupId"), _text(place, "{*}artifactId"), _text(place, "{*}version")]
    return text_of(":".join(filter(None, parts))) or "elsewhere"
