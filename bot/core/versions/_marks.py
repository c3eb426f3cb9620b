"""Words by which a distribution's version says that the work in it is not finished.

Distributions have no grammar for it: the word stands between signs or digits, as in 2.0~rc1, 6.0.b2 or
1.0+git20240101. A snapshot of a repository is a development build, whichever side of a release it sorts on.
"""

from __future__ import annotations

import re

# A letter before or after makes another word of it: ~precise1 is Ubuntu's name, +gitlab a product's.
_WORD = re.compile(
    r"(?<![a-z])(?:(?:alpha|beta|rc|cr|pre|preview|dev|snapshot|nightly)(?![a-z])|(?:git|svn|hg|bzr|cvs)(?![g-z]))"
    r"|~[ab](?=[0-9])",
    re.IGNORECASE,
)
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*")


def unfinished(text: str) -> bool:
    """Whether a word for an alpha, a beta, a candidate, a snapshot or a development build stands in the text."""
    return _WORD.search(text) is not None


def leading_numbers(text: str) -> tuple[int, ...]:
    """The dotted numbers that the text begins with; none when it begins otherwise."""
    found = _NUMBERS.match(text)
    return tuple(map(int, found.group().split("."))) if found else ()
