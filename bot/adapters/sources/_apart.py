"""What strangers wrote is searched with powerful expressions only in a process that the kernel bounds.

`_apart_main` has the reason and the measurements.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

import jmespath
import msgspec
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions
from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from bot.core.errors import Permanent, Transient
from bot.tools import processes

LONGEST = 1_000  # of an expression
CPU_SECONDS = 5
WALL_SECONDS = 60.0  # for these, on a machine that is busy
MOST_FOUND = 8 << 20
_MAIN = Path(__file__).with_name("_apart_main.py")
_FOUND = msgspec.json.Decoder()


def check_path(expression: str) -> None:
    """ValueError, in words, when this is no JMESPath, or calls a function that there is not."""
    _must_be_short(expression)
    try:
        tree = jmespath.compile(expression).parsed
    except (JMESPathError, RecursionError) as error:
        raise ValueError(str(error).splitlines()[0] or "it is too deep") from None
    for name in _functions(tree):
        if name not in Functions.FUNCTION_TABLE:
            raise ValueError(f"there is no function {name}()")


def check_selector(expression: str) -> None:
    """ValueError, in words, when this is no CSS selector."""
    _must_be_short(expression)
    try:
        LexborHTMLParser("<p>").css(expression)
    except SelectolaxError:
        raise ValueError("it is no CSS selector that can be read") from None


async def found(reader: str, expression: str, attribute: str, body: bytes) -> Any:
    """What the expression finds in a document, as plain JSON values. reader: "json" or "selector".

    ValueError, in words, when the document cannot be read so; Permanent when that takes too much of anything, Transient
    when this machine is too busy for it now.
    """
    with tempfile.NamedTemporaryFile(prefix="surefoot-") as file:
        await asyncio.to_thread(_write, file, body)
        words = (sys.executable, "-I", str(_MAIN), reader, expression, attribute, file.name, str(CPU_SECONDS))
        try:
            process = await processes.start(*words, env={}, umask=0o077)
            said, _ = await processes.communicate(process, WALL_SECONDS, MOST_FOUND)
        except TimeoutError:
            raise Transient("this machine is too busy to read a document") from None
        except OSError as error:
            raise Transient(f"no program can be started here now: {error}") from error
    if process.returncode == 1 and said:
        raise ValueError(said.decode("utf-8", "replace").strip()[:500])
    if process.returncode:
        raise Permanent("to read it takes more time or memory than a document may take; write a simpler expression")
    return _FOUND.decode(said)


def _write(file: Any, body: bytes) -> None:
    file.write(body)
    file.flush()


def _functions(node: Any) -> list[str]:
    """The functions that an expression calls, in a tree of the parser's nodes."""
    own = [str(node["value"])] if node["type"] == "function_expression" else []
    return own + [name for child in node["children"] if isinstance(child, dict) for name in _functions(child)]


def _must_be_short(expression: str) -> None:
    if len(expression) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} characters")
