"""Which uses of a package an update breaks: what the files say on both sides, confirmed by the running package.

The files alone give doubts, never a verdict: a module may make names while it is imported. Only what the running
package had before and has no more is broken for certain.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.core.api import CALLED, Api, Look, Parameter, Status, look
from bot.core.calls import Call, misfit
from bot.core.quoting import code

_MOST_NAMES = 5000  # through which a name like the lost one is looked for


class Guard(StrEnum):
    """How a place in a file would take it if the name were gone."""

    PLAIN = ""
    FALLBACK = "fallback"  # it asks first, or catches the error
    TYPES = "types"  # only a type checker goes there


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One place that uses a name of another package; path as `bot.core.api.look` takes it."""

    path: tuple[str, ...]
    file: str
    line: int
    guard: Guard = Guard.PLAIN
    call: Call | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A use that the files do not clear. asks: what to ask the running package for, before and after."""

    use: Use
    before: Look
    after: Look

    @property
    def asks(self) -> tuple[str, str]:
        """The one for each side."""
        return self.before.asks, self.after.asks


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the running package answered. there: None when it did not answer, or with another error than "no such name".

    parameters: None where it has no signature. takes_object: the first of them is the object itself.
    """

    there: bool | None
    error: str = ""
    parameters: tuple[Parameter, ...] | None = None
    takes_object: bool = False
    warned: str = ""


class Certainty(StrEnum):
    """How sure a finding is, and whether anybody is hurt."""

    BROKEN = "broken"
    UNSURE = "unsure"
    CUSHIONED = "cushioned"  # broken, where the code has an answer to it
    OLD = "old"  # there, but newly marked as going away


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One use that this update changes. name: quoted; words: the end of the sentence that begins with it.

    doubt: why it is not certain, as a sentence, where that is not for the usual reason.
    """

    use: Use
    certainty: Certainty
    name: str
    words: str
    said: str = ""  # the package's own words, not quoted yet
    hint: str = ""
    doubt: str = ""


Looks = Mapping[tuple[str, ...], tuple[Look, Look]]


def looks(before: Api, after: Api, uses: Iterable[Use]) -> Looks:
    """What the files of both sides say of each path that is used."""
    return {path: (look(before, path), look(after, path)) for path in dict.fromkeys(use.path for use in uses)}


def doubts(looked: Looks, uses: Iterable[Use]) -> list[Doubt]:
    """The uses that were there and may be gone, or whose call may not fit any more, in their order."""
    pairs = ((use, *looked[use.path]) for use in uses)
    return [Doubt(use=use, before=old, after=new) for use, old, new in pairs if _may_break(use, old, new)]


def _may_break(use: Use, old: Look, new: Look) -> bool:
    if new.status is Status.PRESENT:
        return old.status is Status.PRESENT and use.call is not None and _call_may_break(use.call, old, new)
    if old.status is new.status is Status.BEYOND or old.status is Status.MADE_UP:
        return False
    if old.status in (Status.GONE, Status.BEYOND) or new.status is Status.BEYOND:
        # People use what was there, so the files do not show it: a module may be put together while it is imported.
        return CALLED not in (*old.missing, *new.missing)
    return bool(old.asks)


def _call_may_break(call: Call, old: Look, new: Look) -> bool:
    if new.parameters is None:
        return bool(old.asks and new.asks)  # a decorated function, say: only the running one knows its shape
    return bool(misfit(new.parameters, call)) and (old.parameters is None or not misfit(old.parameters, call))


def findings(
    doubtful: Iterable[Doubt], before: Mapping[str, Seen], after: Mapping[str, Seen], *, names: Sequence[str] = ()
) -> list[Finding]:
    """What is left of the doubts when both running packages were asked. names: those of the new one, for hints."""
    nobody = Seen(there=None)
    public = [name for name in names if not any(part.startswith("_") for part in name.split("."))]
    judged = (_judged(doubt, before.get(doubt.asks[0], nobody), after.get(doubt.asks[1], nobody)) for doubt in doubtful)
    return [_hinted(finding, public) for finding in judged if finding is not None]


def _judged(doubt: Doubt, old: Seen, new: Seen) -> Finding | None:
    if doubt.before.status is Status.PRESENT and doubt.after.status is Status.PRESENT:
        return _call_judged(doubt, old, new)
    if old.there and new.there:
        return _call_judged(doubt, old, new) if doubt.use.call else None
    if doubt.after.status is Status.MADE_UP:
        gone = old.there and new.there is False
        return _finding(doubt, Certainty.UNSURE, "seems to be gone", new.error) if gone else None
    if old.there and new.error:
        words = "is gone" if new.there is False else "cannot be had any more"
        return _finding(doubt, Certainty.BROKEN, words, new.error)
    certain_by_files = doubt.before.status is Status.PRESENT and doubt.after.status is Status.GONE
    if not certain_by_files or new.there or (old.there is False and not doubt.before.alone):
        return None
    return _finding(doubt, Certainty.UNSURE, "seems to be gone", old.error or new.error)


def _call_judged(doubt: Doubt, old: Seen, new: Seen) -> Finding | None:
    call = doubt.use.call
    if call is None:
        return None
    now = _fits(doubt.after, new, call)
    was = _fits(doubt.before, old, call)
    if now and not was and new.there:
        sure = new.parameters is not None and (old.parameters is not None or doubt.before.parameters is not None)
        found = _finding(doubt, Certainty.BROKEN if sure else Certainty.UNSURE, now)
        return replace(found, hint=_named_alike(_taken(doubt.after, new) or (), call))
    return None


def _fits(looked: Look, seen: Seen, call: Call) -> str:
    parameters = _taken(looked, seen)
    return "" if parameters is None else misfit(parameters, call)


def _taken(looked: Look, seen: Seen) -> Sequence[Parameter] | None:
    """The running package's word counts; without one, that of the files."""
    if seen.parameters is None:
        return looked.parameters
    return seen.parameters[1:] if seen.takes_object and looked.bound else seen.parameters


def _named_alike(parameters: Sequence[Parameter], call: Call) -> str:
    """A parameter with a name much like one that is not there any more."""
    names = [one.name for one in parameters if one.how in ("", "!")]
    strangers = (keyword for keyword in call.keywords if keyword not in names)
    alike = [near for one in strangers for near in difflib.get_close_matches(one, names, n=1, cutoff=0.6)]
    return f"it has {code(alike[0])}" if alike else ""


def _finding(doubt: Doubt, certainty: Certainty, words: str, said: str = "") -> Finding:
    cushioned = certainty is Certainty.BROKEN and doubt.use.guard is not Guard.PLAIN
    path = doubt.after.missing or doubt.use.path
    return Finding(
        use=doubt.use,
        certainty=Certainty.CUSHIONED if cushioned else certainty,
        name=code(spoken(path)),
        words=words,
        said=said,
    )


def spoken(path: Sequence[str]) -> str:
    """A path as people write it: `create_engine().execute`."""
    return ".".join(path).replace(f".{CALLED}", CALLED)


def _hinted(finding: Finding, names: Sequence[str]) -> Finding:
    """Where the name may have gone: the same last word elsewhere, or one much like it in the same place."""
    if not finding.words.endswith("gone") or CALLED in finding.use.path:
        return finding
    path = finding.use.path
    last, above = f".{path[-1]}", ".".join(path[:-1])
    moved = sorted((name for name in names if name.endswith(last)), key=lambda name: (len(name), name))
    beside = [name for name in names if name.rpartition(".")[0] == above][:_MOST_NAMES]
    alike = moved[:1] or difflib.get_close_matches(".".join(path), beside, n=1, cutoff=0.85)
    return replace(finding, hint=f"{code(alike[0])} is there" if alike else "")


def ageing(looked: Looks, uses: Sequence[Use]) -> list[Finding]:
    """The uses of what newly bears a `deprecated` decorator; its import counts only where nothing else does."""
    called = {(use.file, use.path) for use in uses if use.call is not None}
    found = []
    for use in uses:
        if use.guard is not Guard.PLAIN or (use.call is None and (use.file, use.path) in called):
            continue
        old, new = looked[use.path]
        if new.status is Status.PRESENT and new.old and not old.old:
            name = code(spoken(use.path))
            one = Finding(use=use, certainty=Certainty.OLD, name=name, words="is newly deprecated", said=new.old)
            found.append(one)
    return found
