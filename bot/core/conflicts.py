"""A resolver's proof that requirements contradict each other, in one plain sentence: who wants what of whom.

The resolver is uv; its grammar is that of PubGrub's reports: "Because A depends on B<2 and you require B==2.1, we can
conclude that …". Or it is npm, which names what it found and who wants another one beside it. What does not read like
that is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.core.quoting import code

_PREMISES = re.compile(r"[Bb]ecause ([^:]{1,1500}?),? we can conclude that")
_ALL = "all versions of "
_YOU = "you require "
_NONE = "there is no version of "
_UNKNOWN = re.compile(r"^(\S{1,200}) was not found in the ")
_WISH = re.compile(r"^(?:all versions of )?(\S{1,200}) depends? on (\S{1,300})$")
_TEXT = re.compile(r"^[A-Za-z0-9][\w.+!*\-\[\],<>=~]{0,300}$")
_NAME = re.compile(r"^[A-Za-z0-9][\w.\-]*")
_BOUND = re.compile(r"^[A-Za-z0-9][\w.\-]*(\[[^\]]*\])?")  # what stands before the bounds: a name, and its extras
_FOUND = re.compile(r"(?:^|\s)Found: (\S{1,300})$", re.MULTILINE)
_PEER = re.compile(r"(?:^|\s)peer (?:optional )?(\S{1,214})@\"([^\"\n]{1,200})\" from (\S{1,300})$", re.MULTILINE)
_PYTHON = re.compile(r"^the (?:requested|current) Python version \((\S{1,60})\) does not satisfy Python")


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Somebody asks for a package. who: another package, or "" for the repository itself."""

    who: str
    what: str

    @property
    def name(self) -> str:
        """Of what is asked for, as names are compared."""
        found = _NAME.match(self.what)
        return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def plain(words: str) -> str:
    """The heart of it as one sentence, without a full stop; "" where it cannot be read."""
    pieces = [piece for premises in _PREMISES.findall(words) for piece in _pieces(premises)]
    return _of_python(pieces) or _of_nothing(pieces) or _of_two(list(_demands(pieces)))


def absent(words: str) -> tuple[str, ...]:
    """What no index has, as it was asked for: a name, or a name with its version ("greeter==1.2.4")."""
    found = []
    for piece in (piece for premises in _PREMISES.findall(words) for piece in _pieces(premises)):
        if unknown := _UNKNOWN.match(piece):
            found.append(unknown[1])
        elif piece.startswith(_NONE) and _TEXT.match(what := piece.removeprefix(_NONE)):
            found.append(what)
    return tuple(dict.fromkeys(found))


def lagging(missing: Iterable[str], steps: Iterable[tuple[str, str]]) -> str:
    """Which of these steps (a name and a version) goes to what no index has; "" for none.

    Whoever lists a version and does not have it lags behind; a dependency that nobody has is missing for certain.
    """
    wanted = [Demand(who="", what=what) for what in missing]
    for name, version in steps:
        one = Demand(who="", what=name).name
        if any(want.name == one and _BOUND.sub("", want.what) in ("", f"=={version}") for want in wanted):
            return f"{name} {version}"
    return ""


def plain_of_npm(words: str) -> str:
    """The heart of npm's ERESOLVE as one sentence, without a full stop; "" where it cannot be read."""
    _, mark, reason = words.partition("Could not resolve dependency:")
    found, peer = _FOUND.search(words), _PEER.search(reason)
    if not mark or found is None or peer is None:
        return ""
    name, wanted, who = peer.groups()
    return f"{code(who)} wants {code(f'{name}@{wanted}')} beside it, and what is there is {code(found[1])}"


def _pieces(premises: str) -> list[str]:
    return [piece.strip() for piece in premises.split(" and ")]


def _demands(pieces: list[str]) -> Iterator[Demand]:
    """What stands in the premises, in their order; a bare requirement belongs to whoever spoke before it."""
    who: str | None = None
    for piece in pieces:
        if wish := _WISH.match(piece):
            who = wish[1]
            yield Demand(who=who, what=wish[2])
        elif piece.startswith(_YOU):
            who = ""
            yield Demand(who=who, what=piece.removeprefix(_YOU))
        elif who is not None and _TEXT.match(piece):
            yield Demand(who=who, what=piece)
        else:
            who = None


def _of_two(demands: list[Demand]) -> str:
    """The package of which two want different things; that of the last one, as a proof ends with it."""
    named = [demand for demand in demands if _TEXT.match(demand.what) and demand.name]
    for last in reversed(named):
        others = [one for one in named if one.name == last.name and one != last]
        if others and any(_NAME.fullmatch(one.what) is None for one in (last, others[0])):
            first = others[0]
            if first.who == last.who:
                return f"{_who(first)} {code(first.what)} and {code(last.what)} at once"
            return f"{_who(first)} {code(first.what)}, and {_who(last)} {code(last.what)}{_chain(named, first.who)}"
    return ""


def _who(demand: Demand) -> str:
    return f"{code(demand.who)} wants" if demand.who else "this repository asks for"


def _chain(demands: list[Demand], who: str) -> str:
    """Where one comes from that the repository does not ask for itself."""
    name = Demand(who="", what=who).name
    above = next((one for one in demands if one.name == name and one.who), None)
    return f" ({code(above.who)} brings {code(above.what)})" if above else ""


def _of_nothing(pieces: list[str]) -> str:
    for piece in pieces:
        if piece.startswith(_NONE) and _TEXT.match(what := piece.removeprefix(_NONE)):
            return f"no index has {code(what)}"
        if unknown := _UNKNOWN.match(piece):
            return f"no index knows {code(unknown[1])}"
    return ""


def _of_python(pieces: list[str]) -> str:
    asked = next((found[1] for piece in pieces if (found := _PYTHON.match(piece))), None)
    wish = next((one for one in _demands(pieces) if one.what.startswith("Python")), None)
    if asked is None or wish is None:
        return ""
    return f"{code(wish.who)} wants {code(wish.what)}, and it is tried with Python {code(asked)}"
