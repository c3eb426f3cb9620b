"""Which uses of a Node package an update breaks: what both versions gave when they were really loaded, use by use.

A package may be an ES module or a CommonJS one, and a file may be loaded as the one or become the other when it is
compiled (nodejs.org, "Modules: Packages" and "Interoperability with CommonJS"). Only what the old version gave the very
way that it is used, and the new one does not, is broken for certain.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from bot.core.compatibility import Certainty, Finding, Guard, Use
from bot.core.quoting import code

MADE = "new"  # a step of a path: an object of the class before it
_NEAR = 0.8
_BUNDLED = "a program that puts files together may load it in another way"
# Node gained require() of ES modules in these, of which the first counts for all that come after the last.
_REQUIRING = ((22, 12), (20, 19))


class Form(StrEnum):
    """How a file comes by a package, as it is written. RESOLVE: it asks where it lies, and does not load it."""

    REQUIRE = "require"
    IMPORT = "import"
    DYNAMIC = "dynamic"
    RESOLVE = "resolve"


class How(StrEnum):
    """How it is loaded in truth. INTEROP: an `import` that a compiler made a require() of."""

    REQUIRE = "require"
    IMPORT = "import"
    INTEROP = "interop"
    RESOLVE = "resolve"

    @property
    def load(self) -> str:
        """What the running Node is to be asked for."""
        return "require" if self is How.INTEROP else self.value


class Compiled(StrEnum):
    """What a compiler makes of the `import` of a file that Node itself would not take for an ES module."""

    REQUIRE = "require"
    IMPORT = "import"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One use of a package's name. use: its path is the specifier, and the way from there; hows: all that may be true.

    given: arguments of a call, None where it is none or a spread makes them unknown. called, makes: by () or by `new`.
    callback: the last argument is a function. loads: here the package is come by.
    """

    use: Use
    hows: tuple[How, ...]
    called: bool = False
    makes: bool = False
    given: int | None = None
    callback: bool = False
    loads: bool = False

    @property
    def specifier(self) -> str:
        """Of what is loaded."""
        return self.use.path[0]

    @property
    def members(self) -> tuple[str, ...]:
        """The way from there."""
        return self.use.path[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A value of the running package. kind: as `typeof` has it, "class" for what only `new` may call.

    length: parameters before the first with a default. eager: an async function. makes: `new` may call it.
    opaque: it may have more members than were seen. objects: what objects of it have; vague: they may have more.
    """

    kind: str = "undefined"
    length: int = 0
    eager: bool = False
    makes: bool = False
    opaque: bool = False
    members: Mapping[str, Thing] = field(default_factory=dict)
    objects: tuple[str, ...] = ()
    vague: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What came of loading one specifier in one way. problem: the error's code or name, "" where it was loaded.

    esm: it is an ES module. transpiled: it says that it was one before it was compiled. warned: deprecations.
    """

    problem: str = ""
    said: str = ""
    esm: bool = False
    transpiled: bool = False
    thing: Thing = Thing()
    warned: tuple[str, ...] = ()


UNANSWERED = Loaded(problem="unanswered")
Answers = Mapping[tuple[str, str], Loaded]  # (how it is loaded, specifier) ->

_ASSETS = frozenset({
    "css", "scss", "sass", "less", "styl", "svg", "png", "jpg", "jpeg", "gif", "webp", "avif", "ico", "woff", "woff2",
    "ttf", "otf", "eot", "mp3", "mp4", "wasm", "html", "vue", "svelte",
})  # fmt: skip
# Node's own codes for what a file cannot have any more, whatever it does.
_LOST = {
    "MODULE_NOT_FOUND": "cannot be found any more",
    "ERR_MODULE_NOT_FOUND": "cannot be found any more",
    "ERR_UNSUPPORTED_DIR_IMPORT": "cannot be found any more",
    "ERR_PACKAGE_PATH_NOT_EXPORTED": "is not exported any more",
    "ERR_REQUIRE_ESM": "is an ES module now, and require() does not take it",
    "ERR_REQUIRE_ASYNC_MODULE": "is an ES module now, and require() does not take it",
    "ERR_REQUIRE_CYCLE_MODULE": "is an ES module now, and require() does not take it",
}


def is_asset(specifier: str) -> bool:
    """A style, picture or font, which a program that puts files together takes, and Node does not load."""
    return specifier.rpartition(".")[2].lower() in _ASSETS and "/" in specifier


def is_lost(problem: str) -> bool:
    """Does Node itself say that there is no such module for who asks in this way?"""
    return problem in _LOST


def hows(form: Form, file: str, *, module: bool, compiled: Compiled) -> tuple[How, ...]:
    """How what is written in a file is carried out. module: the nearest package.json says `"type": "module"`."""
    if form in (Form.REQUIRE, Form.RESOLVE):
        return (How(form.value),)
    end = file.rpartition(".")[2]
    if end in ("mjs", "mts") or (module and end not in ("cjs", "cts")):
        return (How.IMPORT,)
    typed = end in ("ts", "tsx", "cts")
    if form is Form.DYNAMIC:
        # Plain Node takes it in every file, and most compilers leave it alone.
        return (How.INTEROP, How.IMPORT) if typed and compiled is not Compiled.IMPORT else (How.IMPORT,)
    if end == "cts":
        return (How.INTEROP,)
    return {
        Compiled.REQUIRE: (How.INTEROP,),
        Compiled.IMPORT: (How.IMPORT,),
        Compiled.UNKNOWN: (How.INTEROP, How.IMPORT),
    }[compiled]


def requires_modules(node: str) -> bool:
    """Does this version of Node take an ES module by require()? Node 20.19, 22.12, and all from 23 on."""
    major, minor = (int(part) for part in (*node.split("."), "0")[:2])
    return major > max(_REQUIRING)[0] or any(major == one and minor >= least for one, least in _REQUIRING)


def findings(taken: Iterable[Taken], before: Answers, after: Answers, *, oldest: str = "") -> list[Finding]:
    """What both versions gave, use by use, in their order; one finding for a path in a line.

    oldest: the oldest Node that the repository promises to run on, "" where it promises none.
    """
    found: dict[tuple[str, int, tuple[str, ...]], Finding] = {}
    for one in taken:
        finding = _judged(one, before, after, oldest)
        place = (one.use.file, one.use.line, one.use.path)
        if finding is not None and (place not in found or _WEIGHT[finding.certainty] > _WEIGHT[found[place].certainty]):
            found[place] = finding
    return list(found.values())


_WEIGHT = {Certainty.BROKEN: 3, Certainty.UNSURE: 2, Certainty.CUSHIONED: 1, Certainty.OLD: 0}


def _judged(taken: Taken, before: Answers, after: Answers, oldest: str) -> Finding | None:
    """Of several ways that may be the true one, all must break for it to be certain."""
    pairs = [
        (how, before.get((how.load, taken.specifier), UNANSWERED), after.get((how.load, taken.specifier), UNANSWERED))
        for how in taken.hows
    ]
    sound = [(how, old, new) for how, old, new in pairs if not old.problem]
    told = [_by_one(taken, how, old, new) for how, old, new in sound]
    broken = [one for one in told if one is not None]
    if not broken:
        return _beside(taken, sound, oldest)
    if len(broken) == len(told):
        return min(broken, key=lambda one: one.certainty is Certainty.BROKEN)
    return replace(broken[0], certainty=Certainty.UNSURE, doubt=f"Not for certain: {_BUNDLED}.")


def _by_one(taken: Taken, how: How, old: Loaded, new: Loaded) -> Finding | None:
    if new.problem:
        return _unloaded(taken, new) if taken.loads else None
    if how is How.RESOLVE:
        return None
    was = _reached(old, how, taken.members)
    now = _reached(new, how, taken.members)
    if was is None or was.kind == "undefined":
        return None
    if now is None:
        sure = Certainty.UNSURE if _is_vague(new, how, taken.members) else Certainty.BROKEN
        return _finding(taken, sure, "is gone", hint=_gone_to(taken, how, old, new), doubt=_MADE_UP)
    return _called(taken, was, now, old, new)


_MADE_UP = "Not for certain: objects of this class may get it while they are made."
_ASYNC = "Not for certain: it takes no callback by what can be seen of it; a promise is what it gives."


def _called(taken: Taken, was: Thing, now: Thing, old: Loaded, new: Loaded) -> Finding | None:
    if was.opaque or now.opaque or not (taken.called or taken.makes):
        return None
    if taken.makes:
        return _finding(taken, Certainty.BROKEN, "is no class any more") if was.makes and not now.makes else None
    if was.kind != "function":
        return None
    if now.kind == "class":
        return _finding(taken, Certainty.BROKEN, "is a class now, which only `new` may call")
    if now.kind != "function":
        return _finding(taken, Certainty.BROKEN, "is no function any more", hint=_flipped(taken, old, new))
    given = taken.given or 0
    deaf = (now.eager and not was.eager) or (now.length < given <= was.length)
    if taken.callback and deaf:
        return _finding(taken, Certainty.UNSURE, "seems to take no callback any more", doubt=_ASYNC)
    return None


def _reached(loaded: Loaded, how: How, members: Sequence[str]) -> Thing | None:
    """None where it is not there; an opaque thing where that cannot be known."""
    thing, steps = loaded.thing, list(members)
    if how is How.INTEROP and steps[:1] == ["default"] and not loaded.transpiled:
        del steps[0]  # a compiler puts the whole of a plain module there
    while steps:
        step = steps.pop(0)
        if step == MADE and thing.makes and steps:
            name = steps.pop(0)
            if name not in thing.objects:
                return None
            return Thing(kind="object", opaque=True)
        if thing.opaque and step not in thing.members:
            return Thing(kind="object", opaque=True)
        if step == MADE:
            return Thing(kind="object", opaque=True)
        if step not in thing.members:
            return None
        thing = thing.members[step]
    return thing


def _is_vague(loaded: Loaded, how: How, members: Sequence[str]) -> bool:
    """An object's own names, where the class may give it more than it shows."""
    if MADE not in members:
        return False
    holder = _reached(loaded, how, members[: members.index(MADE)])
    return holder is None or holder.vague


def _unloaded(taken: Taken, new: Loaded) -> Finding | None:
    if new.problem in _LOST:
        return _finding(taken, Certainty.BROKEN, _LOST[new.problem], said=new.said)
    doubt = "Not for certain: it was loaded alone, in the Node that is here."
    return _finding(taken, Certainty.UNSURE, "cannot be loaded any more", said=new.said or new.problem, doubt=doubt)


def _finding(
    taken: Taken, certainty: Certainty, words: str, *, said: str = "", hint: str = "", doubt: str = ""
) -> Finding:
    cushioned = certainty is Certainty.BROKEN and taken.use.guard is not Guard.PLAIN
    return Finding(
        use=taken.use,
        certainty=Certainty.CUSHIONED if cushioned else certainty,
        name=spoken(taken.use.path),
        words=words,
        said=said,
        hint=hint,
        doubt=doubt if certainty is Certainty.UNSURE else "",
    )


def spoken(path: Sequence[str]) -> str:
    """A path as people write it, quoted: `glob.sync`, the default export of `uuid`."""
    specifier, *members = path
    if members == ["default"]:
        return f"the default export of {code(specifier)}"
    shown = members[1:] if members[:1] == ["default"] else members
    return code(".".join((specifier, *shown)).replace(f".{MADE}", "()"))


def _gone_to(taken: Taken, how: How, old: Loaded, new: Loaded) -> str:
    if flipped := _flipped(taken, old, new):
        return flipped
    members = taken.members
    above = _reached(new, how, members[:-1])
    names = above.members if above is not None and not above.opaque else {}
    alike = difflib.get_close_matches(members[-1], [*names][:500], n=1, cutoff=_NEAR) if members else []
    if alike:
        return f"{spoken((taken.specifier, *members[:-1], alike[0]))} is there"
    return _listed(new) if members[:1] == ("default",) else ""


def _listed(new: Loaded) -> str:
    named = [name for name in new.thing.members if name != "default"][:5]
    return f"it has {', '.join(map(code, named))}" if named else ""


def _flipped(taken: Taken, old: Loaded, new: Loaded) -> str:
    """What became an ES module gives its names, and no longer one thing."""
    if not new.esm or old.esm:
        return ""
    there = f"what it was is its {code('default')}" if "default" in new.thing.members else _listed(new)
    return ", and ".join(part for part in (f"{code(taken.specifier)} is an ES module now", there) if part)


def _beside(taken: Taken, sound: Sequence[tuple[How, Loaded, Loaded]], oldest: str) -> Finding | None:
    """What still works here: it may not on an older Node, and it may be about to go."""
    if not taken.loads or taken.use.guard is not Guard.PLAIN:
        return None
    for how, old, new in sound:
        if how.load == "require" and new.esm and not old.esm and not new.problem:
            return _newly_esm(taken, oldest)
        fresh = [one for one in new.warned if one not in old.warned]
        if fresh:
            return _finding(taken, Certainty.OLD, "newly warns that it is going away", said=fresh[0])
    return None


def _newly_esm(taken: Taken, oldest: str) -> Finding:
    if oldest and not requires_modules(oldest):
        words = (
            f"is an ES module now, which Node {oldest.replace('.9999', '.x', 1).replace('.9999', '')} cannot require"
        )
        doubt = "This project says that it runs there; Node 20.19 and 22.12 were the first that could."
        return _finding(taken, Certainty.UNSURE, words, doubt=doubt)
    return _finding(taken, Certainty.OLD, "is an ES module now; require() of it works from Node 20.19 and 22.12 on")
