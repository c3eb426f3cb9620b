"""Reads one strange document with one expression, in a process of its own, and imports nothing of us.

A JMESPath or a CSS selector over a document that somebody else writes can need any amount of time and memory (measured:
three sibling combinators over 5,000 anchors, or 800,000 nested elements, keep a selector busy for minutes). So whoever
starts this is safe: the kernel ends it. Arguments: the reader (`json` or `selector`), the expression, an attribute, the
document's file, and seconds of CPU. It prints a JSON text, or a complaint and ends with 1.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Any

import msgspec

MEMORY = 1 << 30

# A version such as 1.10 that somebody wrote as a number must not become 1.1.
_ANY = msgspec.json.Decoder(float_hook=str)


def found(reader: str, expression: str, attribute: str, body: bytes) -> Any:
    """What the expression finds in the document. ValueError, in words, when it cannot be read so."""
    return _by_path(body, expression) if reader == "json" else _by_selector(body, expression, attribute)


def _by_path(body: bytes, expression: str) -> Any:
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        document = _ANY.decode(body)
        return jmespath.search(expression, document)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from None
    except (JMESPathError, TypeError, ArithmeticError) as error:
        raise ValueError(f"the expression does not fit it: {str(error).splitlines()[0]}") from None


def _by_selector(body: bytes, expression: str, attribute: str) -> list[str]:
    from selectolax.lexbor import LexborHTMLParser

    nodes = LexborHTMLParser(body).css(expression)
    if attribute:
        return [said for node in nodes if (said := node.attributes.get(attribute)) is not None]
    return [node.text(strip=True, separator=" ") for node in nodes]


def main(words: list[str]) -> int:
    """The program: 0 with what was found on standard output, 1 with a complaint there."""
    reader, expression, attribute, path, seconds = words
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        said = msgspec.json.encode(found(reader, expression, attribute, Path(path).read_bytes()))
    except (ValueError, msgspec.MsgspecError) as error:
        print(error)
        return 1
    sys.stdout.buffer.write(said)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
