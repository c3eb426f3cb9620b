"""An XML document as elements with places; no entity is defined in it, none is fetched, and nothing is followed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from bot.adapters.manifests._file import File, templated
from bot.adapters.manifests._tree import DEEPEST, Text, bounded
from bot.core.errors import ConfigProblem

_ATTRIBUTE = re.compile(r"""\s+(?P<name>[^\s=/>"']+)\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)')""")


@dataclass(slots=True, kw_only=True)
class Element:
    """name: without its prefix. text: what stands in it, blanks around it cut; None where nothing or elements do."""

    name: str
    attributes: dict[str, Text]
    text: Text | None = None
    children: list[Element] = field(default_factory=list)

    def all(self, *path: str) -> list[Element]:
        """The elements below, by their names from here down."""
        found = [self]
        for name in path:
            found = [child for one in found for child in one.children if child.name == name]
        return found

    def child(self, name: str) -> Text | None:
        """The text of the first child of this name that has one."""
        return next((one.text for one in self.all(name) if one.text), None)


def walk(element: Element, *, but: frozenset[str] = frozenset()) -> Iterator[tuple[Element, Element]]:
    """Every element with the one that holds it, in reading order; what stands below these names is left out."""
    for child in element.children:
        yield element, child
        if child.name not in but:
            yield from walk(child, but=but)


def root(file: File) -> Element | None:
    """The outermost element. ConfigProblem for what is no XML; None where it is a template of one."""
    bounded(file)
    reader = _Reader(file)
    try:
        return reader.read()
    except expat.ExpatError as error:
        why, at = expat.ErrorString(error.code), reader.where()
    except UnicodeEncodeError as error:
        why, at = "it holds half a character", error.start
    except _Declared as error:
        raise file.problem(
            "declares an entity, which may hide what it says", error.at, mend="Write out what the entity stands for"
        ) from None
    if templated(file.text):
        return None
    raise file.problem(f"is no valid XML: {why}", at)


class _Declared(ConfigProblem):
    def __init__(self, at: int) -> None:
        super().__init__("")
        self.at = at


class _Reader:
    """Takes the events of expat, whose offsets are those of bytes, and only ever grow."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._data = b""
        self._known = (0, 0)  # an offset in bytes, and the same in characters
        self._top = Element(name="", attributes={})
        self._open = [self._top]
        self._pieces: list[tuple[int, str]] = []
        # What the declaration says of the encoding is no longer true: the text is decoded.
        self._parser = expat.ParserCreate("utf-8")
        # An entity that HTML has and XML has not (`&oslash;` in a name) is passed over, as Maven itself does it.
        self._parser.UseForeignDTD(True)
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._say
        self._parser.EntityDeclHandler = self._refuse

    def read(self) -> Element:
        self._data = self._file.text.encode()
        self._parser.Parse(self._data, True)
        return self._top.children[0]

    def where(self) -> int:
        """The offset in the text at which the parser gave up."""
        return len(self._data[: max(0, self._parser.ErrorByteIndex)].decode(errors="ignore"))

    def _here(self) -> int:
        byte, character = self._known
        now = self._parser.CurrentByteIndex
        self._known = (now, character + len(self._data[byte:now].decode()))
        return self._known[1]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        at = self._here()
        if len(self._open) > DEEPEST:
            raise self._file.problem(f"nests deeper than {DEEPEST}", at)
        found = dict(self._attributes(at + 1 + len(name), attributes))
        made = Element(name=name.rpartition(":")[2], attributes=found)
        self._open[-1].children.append(made)
        self._open.append(made)
        self._pieces = []

    def _attributes(self, at: int, values: dict[str, str]) -> Iterator[tuple[str, Text]]:
        while found := _ATTRIBUTE.match(self._file.text, at):
            name, at = found["name"], found.end()
            raw = found.group("double") if found.group("double") is not None else found.group("single")
            value = values.get(name, raw)
            yield name, Text(value=value, at=at - 1 - len(raw), plain=value == raw)

    def _end(self, name: str) -> None:
        closed = self._open.pop()
        value = "".join(data for _, data in self._pieces).strip()
        if value and not closed.children:
            at = next(at + len(data) - len(data.lstrip()) for at, data in self._pieces if data.strip())
            closed.text = Text(value=value, at=at, plain=self._file.text.startswith(value, at))
        self._pieces = []

    def _say(self, data: str) -> None:
        self._pieces.append((self._here(), data))

    def _refuse(self, *_: object) -> None:
        raise _Declared(self._here())
