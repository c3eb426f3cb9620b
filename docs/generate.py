"""Writes docs/detection.md out of the adapters' own docstrings, so that the page cannot say what the code does not do.

Run it by `make docs`; a test compares the page with what this would write.
"""

# ruff: noqa: E501 - a table's row is one line, however long
from __future__ import annotations

import inspect
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import msgspec

from bot.adapters import advisories, kinds, manifests, sources
from bot.core import versions
from bot.core.ecosystems import ECOSYSTEMS

PAGE = Path(__file__).parent / "detection.md"
HEAD = """\
# Detection

What Surefoot looks for, where it asks, how it orders what it hears, and why it proposes what it proposes. This page is
written out of the code's own words by `make docs`.

## How a look goes

1. The default branch's tree is read. Every manifest in it gives **pins**: a component, and the version that is pinned.
2. Pins of one component move together; where versions have a shape (`3.12-slim`, `3.12-alpine`), those of one shape.
3. Each component's **source** lists its releases. A list is asked for once for all repositories, and kept fresh for most
   of the time between two looks. What a list leaves out (a digest, a time) is asked for of the few releases on which
   the answer hangs.
4. The **scheme** of the ecosystem orders the releases. The newest one that nothing speaks against is proposed, within
   the major version and beyond it.
5. **Advisories** are asked about the pinned version and the chosen one. They make a fix urgent, and stop what is
   malicious.
6. Limits and the schedule say whose turn it is.

Every component gets an answer, also when nothing is proposed: on the dashboard issue, and in `surefoot check --json`.

## What speaks against a release

In this order, and the first one counts: it was yanked; it is known to be malicious; it is not finished; it was tried
before and turned back, rejected or closed; the configuration ignores it or does not allow it; a Python in use cannot
install it; a range beside the pin does not take it, and is not to be widened or cannot be; it lost its provenance and
was published by a stranger or runs a new script at installation; it is too young. Where only a range is written, what it
takes needs no edit; with `ranges: widen` it is edited for a newer release against which none of this speaks.

A release is too young until `minimum_age` after its registry published it. Where a registry names no time, the time
counts from when Surefoot first saw that very version and digest. Dates that a publisher can set (an image's `created`,
a commit's date) never count.

## What a person has to look at

These do not stop a release; they take the automatic merge away, and an approval gives it back: it has no provenance
any more, or another repository's; it was published by somebody who published none before; it runs a script at
installation and none did before; a maintainer is new; its maker deprecated it; a tag of code points elsewhere than it
did; the numbering itself changed.

## Priority

| priority | when | what follows |
|---|---|---|
| critical | the pinned version has a flaw of CVSS 9 or more, or is malicious, and the target mends it | limits and schedule do not hold it; it ripens a day, or not at all where an advisory names it as the fix |
| high | CVSS 7 to 8.9, or a flaw without a score, or the pinned version was yanked | the same |
| medium | CVSS 4 to 6.9, or a minor step | in its turn |
| low | the rest | in its turn |

A target that leaves the flaw in is not called a fix, and gets no priority by it. An advisory that was withdrawn says
nothing any more.

## Lock files

A manifest that a lock file binds is never moved alone. Locks of uv and npm are made anew by these tools, in the jail, so
that only what must move moves; what moved along is named in the pull request. Whoever needs another tool is held, and
the answer names the lock file. [simulation.md](simulation.md) says how the tools are kept in.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD, *_ecosystems(), *_schemes()]
    parts += _family(sources, "Sources", "Who lists releases.")
    parts += _family(manifests, "Manifests", "Which files pin what. A rewrite changes one pin and no other byte.")
    parts += _family(advisories, "Advisories", "What is known to be bad.")
    return "\n".join(parts)


def _ecosystems() -> list[str]:
    rows = [f"| {name} | {one.source} | {one.scheme} |" for name, one in ECOSYSTEMS.items()]
    return ["## Ecosystems\n", "| ecosystem | source | scheme |", "|---|---|---|", *rows, ""]


def _schemes() -> list[str]:
    lines = ["## Version schemes\n", "To add one: a file of its name in `bot/core/versions/`.\n"]
    for name in versions.kinds():
        lines += _said(name, import_module(f"bot.core.versions.{name}"))
    return lines


def _family(family: ModuleType, title: str, what: str) -> list[str]:
    folder = family.__name__.replace(".", "/")
    lines = [f"## {title}\n", f"{what} To add one: a file of its name in `{folder}/`, and its test.\n"]
    for kind in kinds(family):
        module = import_module(f"{family.__name__}.{kind}")
        lines += [*_said(kind, module), *_options(module)]
    return lines


def _said(name: str, module: ModuleType) -> list[str]:
    return [f"### {name}\n", inspect.cleandoc(module.__doc__ or "").strip() + "\n"]


def _options(module: ModuleType) -> list[str]:
    shape = getattr(module, "_Options", None)
    fields = msgspec.structs.fields(shape) if shape is not None else ()
    return [f"Options: {', '.join(f'`{field.encode_name}`' for field in fields)}.\n"] if fields else []


if __name__ == "__main__":
    sys.stdout.write("docs/detection.md is written\n")
    PAGE.write_text(page())
