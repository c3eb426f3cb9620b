"""Reads Go text as hostile: what runs before `main`, and what is not Go at all. Pure; nothing of it is run.

By words, not by a parser: comments and texts are taken out, and of what is left the parts that run at the start are
looked through, with the functions of the same file that they call. What another file of the package does is not seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice

from bot.lab.inside import surefoot_watch_source as source
from bot.lab.inside.surefoot_watch_source import Mark

_MOST_CALLED = 50
_APART = re.compile(
    r"//[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z)|`[^`]*(?:`|\Z)|\"(?:\\.|[^\"\\\n])*\"?|'(?:\\.|[^'\\\n])*'?"
)
_IMPORT = re.compile(
    r'^[ \t]*(?:import[ \t]+)?(?:([\w.]+)[ \t]+)?"(os/exec|net/http|net|os|syscall|crypto/tls|plugin)"', re.M
)
_WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "process": {
        "os/exec": ("Command", "CommandContext"), "os": ("StartProcess",),
        "syscall": ("Exec", "ForkExec", "StartProcess"),
    },
    "network": {
        "net/http": ("Get", "Post", "PostForm", "Head", "NewRequest", "NewRequestWithContext"),
        "net": ("Dial", "DialTimeout", "DialTCP", "DialUDP", "LookupHost", "LookupIP", "LookupTXT", "LookupAddr"),
        "crypto/tls": ("Dial",),
    },
    "native": {"plugin": ("Open",)},
}  # fmt: skip
_STARTS = re.compile(r"\bfunc[ \t]+init[ \t]*\([ \t]*\)[ \t]*$")
_FUNCTION = re.compile(r"\bfunc[ \t]+(\w+)[ \t]*(?:\[[^\]\n]{0,200}\])?\([^{}]{0,2000}$")
_CALLED = re.compile(r"\b(\w+)\(")
_AT_TOP = re.compile(r"\bfunc[ \t]*\([^{}]{0,300}$")
_CGO = re.compile(rb'^[ \t]*(?:import[ \t]+)?"C"', re.M)
_LEFT_OUT = re.compile(rb"^//(?:go:build[ \t]+ignore|[ \t]*\+build[ \t]+ignore)[ \t]*$", re.M)
_GENERATE = re.compile(r"^//go:generate[ \t]+(\S.{0,150})", re.M)
_ASIDE = ("_test.go",)


def marks(name: str, data: bytes) -> list[Mark]:
    """What one file of a module does, each thing once."""
    found = source.of_script(data)
    if name.endswith(".go") and not name.endswith(_ASIDE):
        text = data.decode("utf-8", "replace")
        told = islice(_GENERATE.finditer(text), 20)
        found += [Mark("generates", one[1].strip()[:100], _line(text, one.start())) for one in told]
        found += _at_start(text)
    return source.kept(found)


def native(name: str, data: bytes) -> Iterator[str]:
    """The groups of what is not Go: C, assembly, machine code that the linker takes without being told."""
    if "testdata/" in name or name.endswith(_ASIDE):
        return
    if name.endswith(".go") and _CGO.search(data) and not _LEFT_OUT.search(data[:4096]):
        yield "cgo"
    if name.endswith(".s"):
        yield "assembly"
    if name.endswith(".syso"):
        yield "objects"


def _at_start(text: str) -> Iterator[Mark]:
    known = {one[1] or one[2].rpartition("/")[2]: one[2] for one in _IMPORT.finditer(text)}
    kinds = {
        f"{one}.{word}": kind
        for kind, packages in _WORDS.items()
        for one, package in known.items()
        for word in packages.get(package, ())
    }
    if not kinds:
        return
    words = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, kinds))})(?=[ \t]*\()")
    for part, at in _running(_APART.sub(_blank, text)):
        for found in words.finditer(part):
            if kind := kinds.pop(found[0], ""):  # each once, where it is first met
                yield Mark(kind, found[0], _line(text, at + found.start()))


def _blank(one: re.Match[str]) -> str:
    """As long as it was, with its ends of lines, so that places stay where they are."""
    return "\n".join(" " * len(line) for line in one[0].split("\n"))


def _running(text: str) -> Iterator[tuple[str, int]]:
    """(part, where it begins) of all that runs before `main`."""
    bodies: dict[str, tuple[str, int]] = {}
    stack: list[tuple[str, int]] = []
    for part, at, head, end in _blocks(text):
        if _STARTS.search(head):
            stack.append((part, at))
        elif named := _FUNCTION.search(head):
            bodies.setdefault(named[1], (part, at))
        elif not head or (_AT_TOP.search(head) and text[end : end + 1] == "("):
            stack.append((part, at))
    while stack:
        part, at = stack.pop()
        if part.strip():
            yield part, at
        called = [name for name in dict.fromkeys(_CALLED.findall(part)) if name in bodies]
        stack += [bodies.pop(name) for name in called[:_MOST_CALLED]]


def _blocks(text: str) -> Iterator[tuple[str, int, str, int]]:
    """(text, where it begins, the head before it, where it ends) of each outermost block, and with an empty head of
    what lies outside of any.
    """
    depth, begins, outside = 0, 0, 0
    for brace in re.finditer(r"[{}]", text):
        if brace[0] == "{":
            if depth == 0:
                between = text[outside : brace.start()]
                # The name of a function is no call of it.
                yield between[: _head(between)], outside, "", brace.start()
                begins = brace.end()
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                head = text[max(outside, begins - 2500) : begins - 1].rstrip(" \t")
                yield text[begins : brace.start()], begins, head, brace.end()
                outside = brace.end()
    yield text[outside:], outside, "", len(text)


def _head(between: str) -> int:
    """Where the head of the function begins of which the body follows, else the end of what lies between two bodies.

    A head may go on in the next line within brackets alone; without a line of its own it is that of a closure.
    """
    at = max(between.rfind("\nfunc "), 0 if between.startswith("func ") else -1)
    at = at if at >= 0 else between.rfind("func")
    depth = 0
    for sign in re.finditer(r"[()\n]", between[at + 1 :].rstrip()):
        depth += {"(": 1, ")": -1}.get(sign[0], 0)
        if sign[0] == "\n" and depth <= 0:
            return len(between)
    return at if at >= 0 else len(between)


def wishes(text: str) -> tuple[list[str], list[str]]:
    """What a go.mod asks for itself, and the Go that it needs."""
    lines = [line.partition("//") for line in text.splitlines()[:5000]]
    words = [(line[0].removeprefix("require").split(), "indirect" in line[2]) for line in lines]
    needs = [f"{one[0]} {one[1]}"[:300] for one, aside in words if len(one) == 2 and one[1][:1] == "v" and not aside]
    version = [line[0].split()[1] for line in lines if line[0].split()[:1] == ["go"] and len(line[0].split()) == 2]
    return needs, version[:1]


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
