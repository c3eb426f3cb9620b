"""What a package offers, as read off its files: every name with its shape, and the way from a use to what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

CALLED = "()"  # a step of a path: what a call of the path before it gives
_FUEL = 40  # aliases and bases that are followed for one name: a circle of them has no end
_PLAIN_BASES = frozenset({"object", "abc.ABC", "typing.Generic", "typing.Protocol", "typing_extensions.Protocol"})
_SELF = frozenset({"typing.Self", "typing_extensions.Self"})


class Kind(StrEnum):
    """What a name is."""

    MODULE = "module"
    CLASS = "class"
    FUNCTION = "function"
    ATTRIBUTE = "attribute"
    ALIAS = "alias"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter. how: "" by place or name, "/" by place alone, "!" by name alone, "*" and "**" for the rest."""

    name: str
    how: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One name. to: what an alias means. bases, returns: full paths, "" where they cannot be read.

    lazy: a module that may have more names than are written in it; blind: the same of a class.
    odd: a decorator may have changed the shape. alone: an attribute that the class itself does not have, only its
    objects. how: staticmethod, classmethod or property. old: what a `deprecated` decorator says.
    """

    kind: Kind
    to: str = ""
    bases: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] | None = None
    returns: str = ""
    how: tuple[str, ...] = ()
    lazy: bool = False
    blind: bool = False
    odd: bool = False
    alone: bool = False
    old: str = ""


Api = Mapping[str, Entry]


class Status(StrEnum):
    """Is a name there? UNSURE: only the running package can say; BEYOND: it leads where nothing can be asked.

    MADE_UP: its class does not have it, but an object of it may make it up when it is asked (`__getattr__`).
    """

    PRESENT = "present"
    GONE = "gone"
    UNSURE = "unsure"
    BEYOND = "beyond"
    MADE_UP = "made up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the files say of one path.

    asks: the name that the running package can be asked for, "" for none; of an object's attribute it is that of its
    class. missing: how much of the path led to the answer, as it was written. parameters: of what is called, without
    the object that it is bound to; None where they cannot be read. bound: it is called on an object.
    """

    status: Status
    asks: str = ""
    missing: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] | None = None
    bound: bool = False
    old: str = ""
    alone: bool = False


@dataclass(frozen=True, slots=True)
class _At:
    """Where a walk stands: a name that is there, or an object of the class of that name."""

    name: str
    instance: bool = False
    owner: str = ""  # the class through which a method was reached


def look(api: Api, path: Sequence[str]) -> Look:
    """Follow a path of names and calls as far as the files tell."""
    if path[0] not in api:
        return Look(status=Status.GONE, asks=_up_to_call(path), missing=(path[0],))
    at: _At = _At(path[0])
    for place, step in enumerate(path[1:], 1):
        found = _step(api, at, step)
        if isinstance(found, Status):
            return _lost(at, path, place, found)
        at = found
    return _found(api, at, path)


def _lost(at: _At, path: Sequence[str], place: int, status: Status) -> Look:
    missing = tuple(path[: place + 1])
    written = _up_to_call(path)
    if CALLED not in path[: place + 1]:
        return Look(status=status, asks=written, missing=missing)
    asks = f"{at.name}.{path[place]}" if path[place] != CALLED and status is not Status.BEYOND else ""
    return Look(status=status, asks=asks, missing=missing, bound=at.instance)


def _up_to_call(path: Sequence[str]) -> str:
    """The part of it that needs no call to be asked for."""
    plain = path[: path.index(CALLED)] if CALLED in path else path
    return ".".join(plain)


def _found(api: Api, at: _At, path: Sequence[str]) -> Look:
    entry = api[at.name]
    bound = bool(at.owner)
    asks = ".".join(path) if CALLED not in path else f"{at.owner}.{path[-1]}" if at.owner else at.name
    parameters = _called(api, at, entry)
    return Look(
        status=Status.PRESENT,
        asks=asks,
        missing=tuple(path),
        parameters=parameters,
        bound=bound,
        old=entry.old,
        alone=entry.alone,
    )


def _called(api: Api, at: _At, entry: Entry) -> tuple[Parameter, ...] | None:
    """What a call of it takes, without the object; None where the files do not say."""
    if entry.kind is Kind.CLASS:
        return _constructor(api, at.name, entry)
    if entry.kind is not Kind.FUNCTION or entry.odd or entry.parameters is None:
        return None
    owned = "." in at.name and api.get(at.name.rpartition(".")[0], entry).kind is Kind.CLASS
    drops = owned and "staticmethod" not in entry.how and (bool(at.owner) or "classmethod" in entry.how)
    return entry.parameters[1:] if drops else entry.parameters


def _constructor(api: Api, name: str, entry: Entry) -> tuple[Parameter, ...] | None:
    if entry.blind or member(api, name, "__new__") is not Status.GONE:
        return None
    made = member(api, name, "__init__")
    found = api.get(made) if not isinstance(made, Status) else None
    if found is None or found.kind is not Kind.FUNCTION or found.odd or not found.parameters:
        return None
    return found.parameters[1:]


def _step(api: Api, at: _At, step: str) -> _At | Status:
    entry = api[at.name]
    if at.instance:
        return _of_object(api, at, step)
    match entry.kind:
        case Kind.MODULE:
            return _of_module(api, at.name, entry, step)
        case Kind.CLASS if step == CALLED:
            return _At(at.name, instance=True)
        case Kind.CLASS:
            found = member(api, at.name, step)
            return found if isinstance(found, Status) else _settled(api, found)
        case Kind.FUNCTION if step == CALLED:
            return _given(api, entry.returns, at.owner)
        case Kind.ATTRIBUTE:
            held = _given(api, entry.returns, at.owner)
            return held if isinstance(held, Status) else _of_object(api, held, step)
        case _:
            return Status.BEYOND


def _of_module(api: Api, name: str, entry: Entry, step: str) -> _At | Status:
    if step == CALLED:
        return Status.BEYOND
    inner = f"{name}.{step}"
    if inner not in api:
        return Status.UNSURE if entry.lazy else Status.GONE
    return _settled(api, inner)


def _of_object(api: Api, at: _At, step: str) -> _At | Status:
    if step == CALLED:
        return Status.BEYOND
    found = member(api, at.name, step)
    if found in (Status.GONE, Status.UNSURE):
        makes_up = any(not isinstance(member(api, at.name, how), Status) for how in ("__getattr__", "__getattribute__"))
        return Status.MADE_UP if makes_up else Status(found)
    entry = api[found]
    if entry.kind in (Kind.FUNCTION, Kind.ATTRIBUTE):
        return _At(found, owner=at.name)
    return _settled(api, found)


def _given(api: Api, returns: str, owner: str) -> _At | Status:
    """An object of the class that a function says it gives."""
    if returns in _SELF and owner:
        return _At(owner, instance=True)
    found = reach(api, returns) if returns else None
    return _At(found, instance=True) if found and api[found].kind is Kind.CLASS else Status.BEYOND


def _settled(api: Api, name: str) -> _At | Status:
    """What a name means behind all its aliases; itself where that lies in another package."""
    if api[name].kind is not Kind.ALIAS:
        return _At(name)
    found = reach(api, name)
    if found is not None:
        return _At(found)
    return Status.UNSURE if api[name].to.partition(".")[0] in api else _At(name)


def reach(api: Api, name: str, fuel: int = _FUEL) -> str | None:
    """The name under which a path of plain names is defined; None where the files do not lead there."""
    for _ in range(fuel):
        entry = api.get(name)
        if entry is None:
            break
        if entry.kind is not Kind.ALIAS:
            return name
        name = entry.to
    above, _, last = name.rpartition(".")
    if not above or fuel <= 1 or name in api:
        return None
    held = reach(api, above, fuel // 2)
    return None if held is None or held == above else reach(api, f"{held}.{last}", fuel // 2)


def member(api: Api, name: str, step: str, fuel: int = _FUEL) -> str | Status:
    """The full name of a class's attribute, its own or a base's. UNSURE where a base cannot be read."""
    own = f"{name}.{step}"
    if own in api:
        return own
    entry = api[name]
    answer: str | Status = Status.UNSURE if entry.blind or fuel <= 1 else Status.GONE
    for base in entry.bases if fuel > 1 else ():
        if base in _PLAIN_BASES:
            continue
        held = reach(api, base)
        found = (
            Status.UNSURE if held is None or api[held].kind is not Kind.CLASS else member(api, held, step, fuel // 2)
        )
        if not isinstance(found, Status):
            return found
        answer = Status.UNSURE if found is Status.UNSURE else answer
    return answer
