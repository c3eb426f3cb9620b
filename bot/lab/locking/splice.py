"""A uv.lock made anew differs from the old one by what moved, and by nothing else. Pure, text to text.

uv writes the whole file: a newer one adds fields (upload times, sizes) to every package, an index may have got more
files of an old version, and behind a mirror every URL is another one (astral-sh/uv#6349). So the text of each package
that says the same as before is put back, byte for byte.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from bot.core import tomls

_MARK = "[[package]]\n"
_FILES = ("sdist", "wheels")
# Where a warehouse keeps a file, whoever mirrors it: by the blake2b of its content.
_BY_CONTENT = re.compile(r"(?P<root>https?://[^\s\"]*?)(?P<rest>/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}/[^\s\"/]+)")

Package = Mapping[str, Any]


def quiet(old: str, new: str) -> str:
    """The new text, with the old text of each package that is of the same version, source and dependencies.

    Also the old mark of the format's revision, which says what may be there and not what must.
    """
    before = {_named(package): (package, text) for package, text in _packages(old)}
    head, *_ = new.partition(_MARK)
    texts = []
    for package, text in _packages(new):
        was = before.get(_named(package))
        texts.append(was[1] if was is not None and _without_files(was[0]) == _without_files(package) else text)
    had = re.search(r"^revision = \d+\n", old.partition(_MARK)[0], re.MULTILINE)
    head = re.sub(r"^revision = \d+\n", had[0] if had else "", head, count=1, flags=re.MULTILINE)
    return head + "\n".join(text.rstrip("\n") + "\n" for text in texts)


def respelt(old: str, new: str, registry: str) -> str:
    """Files by the URLs that the lock's own registry gives them, where a mirror of it was asked in its stead."""
    roots: Counter[str] = Counter()
    for package, text in _packages(old):
        if package["source"].get("registry") == registry:
            roots.update(match["root"] for match in _BY_CONTENT.finditer(text))
    if not roots:
        return new
    root = roots.most_common(1)[0][0]
    return _BY_CONTENT.sub(lambda match: root + match["rest"], new)


def _packages(text: str) -> list[tuple[Package, str]]:
    """Each package as read and as written; none where the mark stands elsewhere too, which uv never writes."""
    parts = re.split(r"^\[\[package\]\]\n", text, flags=re.MULTILINE)[1:]
    read = tomls.loads(text).get("package", [])
    if len(read) != len(parts):
        return []
    return [(package, _MARK + part) for package, part in zip(read, parts, strict=True)]


def _named(package: Package) -> tuple[str, str, str]:
    return str(package["name"]), str(package.get("version")), str(sorted(package["source"].items()))


def _without_files(package: Package) -> dict[str, Any]:
    return {key: value for key, value in package.items() if key not in _FILES}
