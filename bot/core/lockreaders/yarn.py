"""yarn.lock, of both kinds: classic (`# yarn lockfile v1`) and that of Yarn 2 and newer (`__metadata`); line by line.

Both are blocks with a head that names what is asked for (`pad@^1.0.0, pad@^1.1.0`), and below it what is locked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from bot.core.errors import ConfigProblem
from bot.core.lockreaders.locked import PUBLIC, Locked
from bot.core.lockreaders.npm import registry_of

CLASSIC = "# yarn lockfile v1"
_NEWEST = 10  # of the versions that `__metadata` may name
_OLDEST = 4
_ASKED = re.compile(r"(?P<name>(?:@[^@/\s]+/)?[^@/\s]+)@(?P<wish>.*)")
_FIELD = re.compile(r'  (?P<key>[A-Za-z]+):? (?P<quote>"?)(?P<value>[^"\n]*)(?P=quote)')


def is_classic(text: str) -> bool:
    """Whether it is of Yarn 1."""
    return CLASSIC in text[:400]


def read(text: str) -> Iterator[Locked]:
    """Every package of a yarn.lock."""
    plain = text.replace("\r\n", "\n")
    if is_classic(plain):
        yield from (_classic(head, fields) for head, fields in blocks(plain))
        return
    version = version_of(plain)
    if version is None or not _OLDEST <= version <= _NEWEST:
        raise ConfigProblem(f"is of version {version}; known are those of Yarn 1, and {_OLDEST} to {_NEWEST}",
                            where="yarn.lock")  # fmt: skip
    for head, fields in blocks(plain):
        if head != "__metadata":
            yield _modern(fields)


def version_of(text: str) -> int | None:
    """Of the format of Yarn 2 and newer; None where it says none."""
    found = re.search(r"^__metadata:\n  version: (\d{1,4})$", text, re.MULTILINE)
    return int(found[1]) if found else None


def asked(head: str) -> list[tuple[str, str]]:
    """What a head names: name and wish, as `pad` and `^1.0.0`, or `npm:^1.0.0`."""
    found = (_ASKED.fullmatch(part.strip().strip('"')) for part in head.split(","))
    return [(one["name"], one["wish"]) for one in found if one]


def blocks(text: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Each head, and the plain fields below it. ValueError for a line that is none of a lock's."""
    head, fields = "", dict[str, str]()
    for line in text.split("\n"):
        if not line or line.startswith("#"):
            continue
        if not line.startswith(" "):
            if head:
                yield head, fields
            if not line.endswith(":"):
                raise ValueError(line[:80])
            head, fields = line[:-1].strip('"') if line.count('"') == 2 else line[:-1], {}
        elif found := _FIELD.fullmatch(line):
            fields[found["key"]] = found["value"]
    if head:
        yield head, fields


def _classic(head: str, fields: Mapping[str, str]) -> Locked:
    name, wish = asked(head)[0]
    alias = _ASKED.fullmatch(wish.removeprefix("npm:")) if wish.startswith("npm:") else None
    real, version = alias["name"] if alias else name, fields["version"]
    resolved, _, sha1 = fields.get("resolved", "").partition("#")
    web = resolved.startswith(("https://", "http://"))
    # From a registry are ranges only; whoever names a URL or a folder means that.
    aside = bool(re.match(r"(git|https?:|file:|link:|\.|/|[^@\s]+/)", wish)) or (bool(resolved) and not web)
    checksum = fields.get("integrity") or sha1
    return Locked(
        name=real, version=version, origin="" if wish.startswith("file:") else registry_of(resolved, real),
        files={f"{real.rpartition('/')[2]}-{version}.tgz": checksum} if checksum and not aside else {}, aside=aside,
    )  # fmt: skip


def _modern(fields: Mapping[str, str]) -> Locked:
    found = _ASKED.fullmatch(fields["resolution"])
    if found is None:
        raise ValueError(fields["resolution"][:80])
    name, reference, checksum = found["name"], found["wish"], fields.get("checksum", "")
    plain, _, more = reference.removeprefix("npm:").partition("::")
    archive = re.search(r"(?:^|&)__archiveUrl=([^&]*)", more)
    if not reference.startswith("npm:"):
        own = reference.startswith(("workspace:", "link:", "portal:", "file:", "patch:"))
        return Locked(name=name, version=fields["version"], origin="" if own else reference, files={}, aside=True)
    return Locked(
        name=name, version=plain, origin=registry_of(unquote(archive[1]), name) if archive else PUBLIC,
        files={f"{name.rpartition('/')[2]}-{plain}.tgz": checksum} if checksum else {},
    )  # fmt: skip
