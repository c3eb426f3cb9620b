"""The anchors of a simple page in HTML (PEP 503): what each says of its file; loaded where an index knows no JSON."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """One file's. yanked: a reason, or whether."""

    filename: str
    url: str
    sha256: str | None
    requires_python: str | None
    yanked: str | bool


class Anchors(HTMLParser):
    """The anchors of a page; a file's name is the last part of its link."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.files: list[Anchor] = []
        self.base = ""
        self.version = "1.0"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser for each opening tag."""
        got = dict(attrs)
        if tag == "base":
            self.base = self.base or got.get("href") or ""
        elif tag == "meta" and got.get("name") == "pypi:repository-version":
            self.version = got.get("content") or "1.0"
        elif tag == "a" and (href := got.get("href")):
            plain, fragment = urldefrag(href)
            kind, _, digest = fragment.partition("=")
            # The attribute alone means yanked; its text, if any, is the reason.
            yanked = (got["data-yanked"] or True) if "data-yanked" in got else False
            self.files.append(
                Anchor(
                    filename=unquote(urlsplit(plain).path.rpartition("/")[2]),
                    url=plain,
                    sha256=digest if kind == "sha256" and digest else None,
                    requires_python=got.get("data-requires-python"),
                    yanked=yanked,
                )
            )
