"""Reads Python text as hostile and says what it would do when it is imported; runs nothing of it. Pure.

A static reader cannot see what a program puts together at run time. It finds what is written openly, or hidden in the
few ways that attacks on registries had in common, and it is honest code that it must leave alone.
"""

from __future__ import annotations

import ast
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

MOST_PARSED = 4 << 20  # bytes; what is longer is no program that anybody wrote
_LONG_LINE = 20_000  # characters
_DENSE = 1_000  # characters of a literal without a blank
_RANDOM = {"base64": 4.5, "hex": 3.6}  # bits a character from which it is no text: random bytes have 6 and 4
_MOST_MARKS = 200  # of one file
_SIZES = ("long", "dense", "pushed")  # kinds of which one tells as much as many


class Mark(NamedTuple):
    """One thing that a text does. kind: a word of `core.artifacts`; what: the name it calls, or a size."""

    kind: str
    what: str
    line: int


# By what a dotted name begins with. Only what runs at import counts for these.
_AT_IMPORT: Mapping[str, tuple[str, ...]] = {
    "process": (
        "subprocess.run", "subprocess.Popen", "subprocess.call", "subprocess.check_call", "subprocess.check_output",
        "subprocess.getoutput", "subprocess.getstatusoutput", "os.system", "os.popen", "os.exec", "os.spawn",
        "os.posix_spawn", "os.fork", "os.startfile", "pty.spawn", "multiprocessing.Process",
        "asyncio.create_subprocess",
    ),
    "network": (
        "socket.socket", "socket.create_connection", "socket.getaddrinfo", "socket.gethostby", "urllib.request.urlopen",
        "urllib.request.urlretrieve", "urllib.request.Request", "http.client.HTTP", "ftplib.FTP", "smtplib.SMTP",
        "requests.get", "requests.post", "requests.put", "requests.request", "requests.Session", "httpx.get",
        "httpx.post", "httpx.Client", "urllib3.PoolManager", "urllib3.request",
    ),
    "native": ("ctypes.CDLL", "ctypes.PyDLL", "ctypes.WinDLL", "ctypes.OleDLL", "ctypes.cdll", "ctypes.windll"),
}  # fmt: skip
_RUNS_CODE = ("exec", "eval", "compile", "marshal.loads", "builtins.exec", "builtins.eval", "builtins.compile")
_UNPACKS = (
    "base64.", "binascii.unhexlify", "binascii.a2b", "codecs.decode", "zlib.decompress", "lzma.decompress",
    "bz2.decompress", "gzip.decompress", "bytes.fromhex", "bytearray.fromhex", "marshal.loads",
)  # fmt: skip
_FETCHES = ("urllib.request.urlopen", "requests.get", "requests.post", "httpx.get", "urllib3.request")

# Whatever holds none of these words is not parsed: nine files of ten.
_WORDS = re.compile(
    rb"(?<![\w.])(?:exec|eval|compile\s*\()|marshal|subprocess|\bsystem\s*\(|popen|\bfork|spawn|startfile|\bos\.exec"
    rb"|\bpty\b|\bsocket\b|urlopen|urlretrieve|\brequests\b|\bhttpx\b|\burllib3\b|http\.client|ftplib|smtplib|ctypes"
    rb"|multiprocessing|create_subprocess|__import__|import_module|builtins"
)
_DENSE_TEXT = re.compile(rf"[A-Za-z0-9+/=_-]{{{_DENSE},}}")
_ESCAPES = re.compile(r"(?:\\x[0-9a-fA-F]{2}){300}")
_PUSHED = re.compile(r"[^\s#][ \t]{150,}[^\s#\\]")  # behind so many blanks nobody sees it
# Signs without a shape, so many in a row that they can only hold something: of zero width, variations, tags.
_INVISIBLE = re.compile("[\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\U000e0000-\U000e01ef]{16,}")
_SECRETS = re.compile(
    r"\.aws/credentials|\.ssh/id_[a-z0-9]+|\.git-credentials|\.kube/config|\.docker/config\.json|/etc/shadow"
    r"|169\.254\.169\.254|\.config/gcloud|\.config/gh/hosts|Login Data|\.bash_history|wallet\.dat|/proc/1/environ"
)
_PIPED = re.compile(
    r"\b(?:curl|wget)\b[^\n|;]{1,200}\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b|\bpowershell\b[^\n]{0,80}\s-e(?:nc|ncodedcommand)?\b"
    r"|\bInvoke-Expression\b|\bIEX\s?\(|\bcertutil\b[^\n]{0,80}-decode|/dev/tcp/"
)
# One of these stands in whatever the patterns find; to look for them first is ten times as fast.
_SIGNS = {
    _SECRETS: (
        ".aws/", ".ssh/id_", ".git-cred", ".kube/", ".docker/", "/etc/shadow", "169.254.", ".config/g", "Login Data",
        ".bash_history", "wallet.dat", "/proc/1/",
    ),
    _PIPED: ("curl", "wget", "powershell", "Invoke-Expression", "IEX", "certutil", "/dev/tcp/"),
}  # fmt: skip
_MANGLED = re.compile(r"\b_0x[0-9a-f]{4,8}\b")


def marks(data: bytes) -> list[Mark]:
    """What this Python file does, each thing once; the same text gives the same marks."""
    text = data.decode("utf-8", "replace")
    found = [*_of_shape(text), *_of_words(text)]
    if len(data) > MOST_PARSED:
        found.append(Mark("unread", f"more than {MOST_PARSED >> 20} MiB", 1))
    elif _WORDS.search(data):
        found += _of_program(data)
    return kept(found)


def of_script(data: bytes) -> list[Mark]:
    """The same of a text in any other language, by its shape alone."""
    text = data.decode("utf-8", "replace")
    return kept([*_of_shape(text), *_of_words(text)])


def kept(found: Iterable[Mark]) -> list[Mark]:
    """Each thing once, where it is first done, in the order of the lines. What is crowded out of it is said."""
    first: dict[tuple[str, str], Mark] = {}
    for mark in sorted(found, key=lambda mark: (mark.line, mark)):
        first.setdefault((mark.kind, "" if mark.kind in _SIZES else mark.what), mark)
    marks = list(first.values())
    if len(marks) > _MOST_MARKS:
        return [*marks[:_MOST_MARKS], Mark("unread", "more than can be told", marks[_MOST_MARKS].line)]
    return marks


def of_pth(data: bytes) -> list[Mark]:
    """As `site` reads a .pth file: a line that begins with import runs at every start, any other is a folder."""
    found = []
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if line.startswith(("import ", "import\t")):
            found.append(Mark("start", line[:200], number))
        elif line.strip() and not line.startswith("#"):
            found.append(Mark("path", line.strip()[:200], number))
    return kept(found)


def _of_program(data: bytes) -> Iterator[Mark]:
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError):
        yield Mark("unparsed", "is no Python of this version", 1)  # test data, templates, and newer syntax
        return
    except (RecursionError, MemoryError):
        yield Mark("unread", "is nested too deep", 1)
        return
    program = Program(tree)
    for call, name in program.at_import():
        for kind, names in _AT_IMPORT.items():
            if name.startswith(names):
                yield Mark(kind, name, call.lineno)
    yield from _together(program)
    for call, name in program.everywhere():
        if name in _RUNS_CODE:
            yield Mark("code", name, call.lineno)
            if what := program.hidden(call):
                yield Mark("hidden", f"{name} of {what}", call.lineno)


def _together(program: Program) -> Iterator[Mark]:
    """What is no news alone and is in one file: all variables of the environment or a fetched program, and the net."""
    calls = list(program.everywhere())
    reaches = next((call for call, name in calls if name.startswith(_AT_IMPORT["network"])), None)
    if reaches is None:
        return
    yield from (Mark("gathers", "os.environ, one by one", line) for line in program.loops_over("os.environ"))
    for call, name in calls:
        given = {program.name(one) for one in call.args}
        if name.startswith("os.environ.") and name.endswith((".items", ".values")):
            yield Mark("gathers", name, call.lineno)
        elif "os.environ" in given and name in ("dict", "str", "repr", "json.dumps", "pprint.pformat"):
            yield Mark("gathers", f"{name} of os.environ", call.lineno)
    names = {name for _, name in calls}
    if "os.chmod" in names and any(name.startswith(_AT_IMPORT["process"]) for name in names):
        yield Mark("drops", "os.chmod", reaches.lineno)


class Program:
    """One parsed module, with the names that its imports bind."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._nodes = list(ast.walk(tree))  # iterative, so that depth does not matter
        self._bound = dict(self._imports())
        self._made = dict(self._assigned())
        self._unpacks: dict[int, str] = {}  # by node: what many calls name is looked through once

    def _imports(self) -> Iterator[tuple[str, str]]:
        for node in self._nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield (alias.asname, alias.name) if alias.asname else (alias.name.partition(".")[0],) * 2
            elif isinstance(node, ast.ImportFrom) and not node.level:
                for alias in node.names:
                    yield alias.asname or alias.name, f"{node.module}.{alias.name}"

    def _assigned(self) -> Iterator[tuple[str, ast.expr]]:
        """What a plain name was last given."""
        for node in self._nodes:
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                yield node.targets[0].id, node.value

    def name(self, node: ast.expr) -> str:
        """The dotted name of what is called, "" where it has none: `o.system` is os.system after `import os as o`."""
        parts: list[str] = []
        while True:
            if isinstance(node, ast.Attribute):
                parts.append(node.attr)
                node = node.value
            elif isinstance(node, ast.Call) and (text := _named_by_text(node, self._bound)):
                parts.append(text[1])
                if text[0] is None:
                    break
                node = text[0]
            else:
                break
        if isinstance(node, ast.Name):
            parts.append(self._bound.get(node.id, node.id))
        elif not isinstance(node, ast.Call):
            return ""
        return ".".join(reversed(parts)).removeprefix("__builtins__.")

    def everywhere(self) -> Iterator[tuple[ast.Call, str]]:
        """All calls with their names."""
        return ((node, self.name(node.func)) for node in self._nodes if isinstance(node, ast.Call))

    def loops_over(self, name: str) -> Iterator[int]:
        """The lines of loops and comprehensions over just this."""
        for node in self._nodes:
            if isinstance(node, ast.For | ast.comprehension) and self.name(node.iter) == name:
                yield node.iter.lineno

    def at_import(self) -> Iterator[tuple[ast.expr, str]]:
        """What is called when the module is imported, and by the functions of its own that it then calls."""
        own = {node.name: node for node in self._tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        stack: list[ast.AST] = list(self._tree.body)
        while stack:
            node = stack.pop()
            for func in _called(node):
                yield func, self.name(func)
                if isinstance(func, ast.Name) and (called := own.pop(func.id, None)):
                    stack += _body_when_called(called)
            stack += _run_at_once(node)

    def hidden(self, call: ast.Call) -> str:
        """The unpacking or fetching that stands in what this call runs, directly or by one name; "" for none."""
        if not call.args:
            return ""
        argument = call.args[0]
        given = self._made.get(argument.id, argument) if isinstance(argument, ast.Name) else argument
        if id(given) not in self._unpacks:
            names = (self.name(node.func) for node in ast.walk(given) if isinstance(node, ast.Call))
            self._unpacks[id(given)] = next((name for name in names if name.startswith(_UNPACKS + _FETCHES)), "")
        return self._unpacks[id(given)]


def _named_by_text(node: ast.Call, bound: Mapping[str, str]) -> tuple[ast.expr | None, str] | None:
    """__import__("os") is os, import_module("os") as well, and getattr(x, "y") is x.y."""
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    if not texts:
        return None
    if bound.get(called, called).rpartition(".")[2] in ("__import__", "import_module"):
        return None, texts[0]
    return (node.args[0], texts[0]) if called == "getattr" and len(node.args) > 1 else None


def _called(node: ast.AST) -> list[ast.expr]:
    """What this node calls itself: a decorator is called with what it decorates."""
    if isinstance(node, ast.Call):
        return [node.func]
    return node.decorator_list if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else []


def _body_when_called(node: ast.FunctionDef | ast.ClassDef) -> list[ast.stmt]:
    if isinstance(node, ast.FunctionDef):
        return node.body
    first = [part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"]
    return first[0].body if first else []


def _run_at_once(node: ast.AST) -> list[ast.AST]:
    """The parts of a node that run when it is reached: of a function only its decorators and defaults."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return [*node.decorator_list, *node.args.defaults, *(one for one in node.args.kw_defaults if one)]
    if isinstance(node, ast.Lambda):
        return []
    if isinstance(node, ast.If) and _is_not_import(node.test):
        return [*node.orelse]
    return list(ast.iter_child_nodes(node))


def _is_not_import(test: ast.expr) -> bool:
    """`if __name__ == "__main__"` and `if TYPE_CHECKING`, alone or with more that must hold."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(_is_not_import(one) for one in test.values)
    if isinstance(test, ast.Compare) and isinstance(test.left, ast.Name):
        return test.left.id == "__name__"
    return getattr(test, "id", getattr(test, "attr", "")) == "TYPE_CHECKING"


def _of_shape(text: str) -> Iterator[Mark]:
    """What is seen without understanding it; for scripts of every language."""
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > _LONG_LINE:
            yield Mark("long", f"{len(line)} characters", number)
        if len(line) > 150 and _PUSHED.search(line):
            yield Mark("pushed", "text far to the right", number)
        if len(line) >= _DENSE:
            yield from _packed(line, number)
    if not text.isascii() and (found := _INVISIBLE.search(text)):
        yield Mark("invisible", f"{len(found[0])} signs", text.count("\n", 0, found.start()) + 1)
    if text.count("_0x") >= 20 and len(_MANGLED.findall(text)) >= 20:
        yield Mark("mangled", "names such as _0x1a2b", 1)


def _of_words(text: str) -> Iterator[Mark]:
    for kind, pattern in (("secrets", _SECRETS), ("piped", _PIPED)):
        for match in islice(pattern.finditer(text), 50) if any(sign in text for sign in _SIGNS[pattern]) else ():
            yield Mark(kind, match[0][:100], text.count("\n", 0, match.start()) + 1)


def _packed(line: str, number: int) -> Iterator[Mark]:
    if _ESCAPES.search(line):
        yield Mark("dense", "hundreds of escaped bytes", number)
    for match in _DENSE_TEXT.finditer(line):
        if _looks_random(match[0]):
            yield Mark("dense", f"{len(match[0])} characters", number)
            return


def _looks_random(text: str) -> bool:
    part = text[:100_000]
    alphabet = "hex" if re.fullmatch(r"[0-9a-fA-F]+", part) else "base64"
    total = len(part)
    bits = -sum(count / total * math.log2(count / total) for count in Counter(part).values())
    return bits >= _RANDOM[alphabet]
