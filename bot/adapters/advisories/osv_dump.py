"""Known flaws and malicious packages out of OSV's own dumps, for machines that ask nobody outside.

For each ecosystem that is in use there must be OSV's `all.zip` under `path`: as `<ecosystem>.zip`, as
`<ecosystem>/all.zip`, as OSV's bucket has it, or unpacked as `<ecosystem>/*.json`. The names are OSV's: PyPI, npm,
crates.io, Go, RubyGems, NuGet, Packagist, Hex, Maven, GitHub Actions. An ecosystem without a dump is an error and not
an ecosystem without flaws. What OSV has no name for (images, charts, Terraform) is not asked for.

A dump is read when it is first wanted and again when it was replaced, which is best done by a rename; of an unpacked
one, files must be replaced and not written over. How old it may be is for whoever fetches it. Versions are compared by
our own schemes after OSV's algorithm, a tag of an action such as v4 counting as the newest 4.

Options: `path`, the folder with the dumps.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec

from bot.adapters import Options, Tools, decode
from bot.adapters.advisories import _affected, _archive, _entries, _names, _told
from bot.adapters.advisories._entries import Entry
from bot.core.advisories import Advisory
from bot.core.errors import ConfigProblem, Permanent
from bot.core.model import Component

KIND = "osv_dump"
SMALL = 64 << 10  # what is known of a package is longer than that for a few of them, and then read in a thread

# What is known of each package, one line for each entry: as text it takes a fifth of the room that objects would.
Index: TypeAlias = Mapping[str, bytes]

# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_ENCODER = msgspec.json.Encoder()
_ENTRIES = msgspec.json.Decoder(Entry)


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    path: str


def open(options: Options, tools: Tools) -> OsvDump:
    """Options: path. ConfigProblem when it is no folder."""
    folder = Path(decode(options, _Options, KIND).path)
    if not folder.is_dir():
        raise ConfigProblem(f"{KIND}: {str(folder)!r} is no folder", mend="Make it, and put OSV's dumps there")
    return OsvDump(folder)


class OsvDump:
    """A `core.ports.Advisories`. folder: where the dumps lie."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[_archive.Stamp, Index | Permanent]] = {}
        self._reading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, component: Component, versions: Sequence[str]) -> Mapping[str, Sequence[Advisory]]:
        """What the dump knows against each of these versions. Permanent when there is no dump, or a broken one."""
        ecosystem = _names.ecosystem_of(component)
        if not ecosystem:
            return {}
        async with self._reading[ecosystem]:
            index = await asyncio.to_thread(self._index, ecosystem)
        lines = index.get(_names.folded(ecosystem, _names.name_of(component)), b"")
        if len(lines) < SMALL:
            return _answer(lines, ecosystem, versions)
        return await asyncio.to_thread(_answer, lines, ecosystem, versions)

    def _index(self, ecosystem: str) -> Index:
        """The ecosystem's index as its dump is now; what was once found broken is not read again until replaced."""
        place = _archive.find(self._folder, ecosystem)
        stamp = _archive.stamp(place)
        known = self._known.get(ecosystem)
        if known is None or known[0] != stamp:
            self._known.pop(ecosystem, None)  # the old one and the new one need not be in memory at once
            known = self._known[ecosystem] = stamp, _indexed(place, ecosystem)
        if isinstance(known[1], Permanent):
            raise known[1].with_traceback(None)
        return known[1]


def _indexed(place: Path, ecosystem: str) -> Index | Permanent:
    index: dict[str, bytes] = {}
    try:
        for file, body in _archive.documents(place):
            for name, line in _rows(place, file, body, ecosystem):
                index[name] = index.get(name, b"") + line
    except Permanent as error:
        return error
    if not index:
        return Permanent(f"{place} holds no advisory about {ecosystem}, and OSV knows of some. {_archive.AGAIN}")
    return index


def _rows(place: Path, file: str, body: bytes, ecosystem: str) -> Sequence[tuple[str, bytes]]:
    try:
        document = _entries.DOCUMENTS.decode(body)
    except msgspec.DecodeError as error:
        raise Permanent(f"{place}: {file[:100]!r} is no advisory: {error}. {_archive.AGAIN}") from error
    found = ((name, entry) for of, name, entry in _entries.entries_of(document) if of == ecosystem)
    return [(name, _ENCODER.encode(entry) + b"\n") for name, entry in found]


def _answer(lines: bytes, ecosystem: str, versions: Sequence[str]) -> dict[str, tuple[Advisory, ...]]:
    entries = _ENTRIES.decode_lines(lines)
    found = {version: [one for one in entries if _affected.affected(one, ecosystem, version)] for version in versions}
    return {version: _told.told(some, ecosystem, lambda one: one.link) for version, some in found.items() if some}
