"""Which types that a tree names are no longer among what packages declare; where no compiler of TypeScript tells it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from bot.core.compatibility import Guard
from bot.core.model import Grade, Level, Remark
from bot.core.modules import Taken, spoken
from bot.core.quoting import code
from bot.core.verdicts import Looked
from bot.lab import learnt, questions
from bot.lab.inside.surefoot_scripts_reader import package_of
from bot.lab.jobs import Reason
from bot.lab.learnt import Learnt
from bot.lab.questions import Seat
from bot.lab.scripting import packages, uses
from bot.lab.scripting.changes import Change, Side
from bot.lab.together import all_of
from bot.lab.workbench import Workbench

_LAYOUT = "1"  # part of every key: raise it when declarations are read differently
_SECONDS = 30.0
_MOST_ASKED, _MOST_REMARKS = 50, 30
_TYPED = (".ts", ".tsx", ".mts", ".cts")
_HOW_SURE = "By the declarations that it ships; no compiler of TypeScript was run."

Place = tuple[str, str]  # the folder from which it is found, and the specifier


class Names(msgspec.Struct, frozen=True, array_like=True):
    """Of one specifier. there: it has declarations; whole: it exports no more names than these."""

    there: bool
    whole: bool
    names: list[str]


_ANSWER = msgspec.json.Decoder(list[Names])
_KEPT = msgspec.json.Decoder(Names)


async def look(bench: Workbench, store: Learnt, change: Change, told: Iterable[Remark]) -> Looked:
    """UNKNOWN for each that is gone. told: what was said already, of which nothing is said again. OutOfTime."""
    said = {(one.path, one.line) for one in told}
    named = [
        (base, one)
        for base, group in change.taken.items()
        for one in group
        if one.use.file.endswith(_TYPED) and (one.use.file, one.use.line) not in said and (one.members or one.loads)
    ]
    asked = list(dict.fromkeys((base, one.specifier) for base, one in named))[:_MOST_ASKED]
    if not asked:
        return Looked()
    old, new = await all_of(_declared(bench, store, side, asked) for side in (change.before, change.after))
    remarks = dict.fromkeys(
        remark
        for base, one in named
        if (remark := _remark(one, old.get((base, one.specifier)), new.get((base, one.specifier)))) is not None
    )
    return _looked(list(remarks)[:_MOST_REMARKS])


def _looked(remarks: Sequence[Remark]) -> Looked:
    if not remarks:
        return Looked()
    first = remarks[0]
    more = f" ({len(remarks) - 1} more)" if len(remarks) > 1 else ""
    why = f"{first.title}, and {code(f'{first.path}:{first.line}')} uses it{more}"
    return Looked(grade=Grade.UNKNOWN, why=why, remarks=tuple(remarks))


def _remark(taken: Taken, old: Names | None, new: Names | None) -> Remark | None:
    """Only of what was there; a name that is a value as well was loaded, and is judged by that."""
    if old is None or new is None or not old.there:
        return None
    if not new.there:
        title = f"{code(taken.specifier)} declares no types any more" if taken.loads else ""
    else:
        name = taken.members[0] if taken.members else ""
        gone = name in old.names and name not in new.names and new.whole
        title = f"{spoken((taken.specifier, name))} is not declared any more" if gone and not _is_value(taken) else ""
    if not title:
        return None
    return Remark(level=Level.WARNING, title=title, message=_HOW_SURE, path=taken.use.file, line=taken.use.line)


def _is_value(taken: Taken) -> bool:
    """It is called, made, or asked for."""
    return taken.called or taken.makes or taken.use.guard is Guard.FALLBACK


async def _declared(bench: Workbench, store: Learnt, side: Side, asked: Sequence[Place]) -> Mapping[Place, Names]:
    """What is exported by the declarations of one side; what one version says serves every repository."""
    keys = await asyncio.to_thread(_keys, side, asked)
    found = {place: one for place in asked if (one := _recalled(store, keys[place])) is not None}
    missing = [place for place in asked if place not in found]
    if missing:
        fresh = await _asked(bench, side, missing)
        for place, one in fresh.items():
            store.remember(keys[place], msgspec.json.encode(one))
        found |= fresh
    return found


def _recalled(store: Learnt, key: str) -> Names | None:
    try:
        return _KEPT.decode(store.recall(key) or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _keys(side: Side, asked: Sequence[Place]) -> dict[Place, str]:
    """By the package and by what declares it in its stead."""
    keys = {}
    for base, specifier in asked:
        name = package_of(specifier)
        names = (name, f"@types/{name.removeprefix('@').replace('/', '__')}")
        bound = [packages.closure(side.environment, side.bounds, base, one) or "" for one in names]
        own = bound if any(bound) else [side.environment.key, base]
        keys[base, specifier] = learnt.key_of("declared", _LAYOUT, specifier, *own)
    return keys


async def _asked(bench: Workbench, side: Side, asked: Sequence[Place]) -> dict[Place, Names]:
    python, folders = questions.ours(), uses.parsers()
    ran = await questions.ask(
        bench,
        "surefoot_scripts_types",
        {"root": str(side.environment.folder), "asks": asked, "paths": sorted({str(one.parent) for one in folders})},
        Seat(python=(str(python.path), "-I", "-S"), visible=(side.environment.folder, python.prefix, *folders)),
        seconds=_SECONDS,
    )
    if ran.reason is not Reason.FINISHED or ran.code != 0:
        return {}
    try:
        found = await asyncio.to_thread(_ANSWER.decode, ran.results or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return dict(zip(asked, found, strict=False))
