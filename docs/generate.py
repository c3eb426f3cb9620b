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
2. Each project has its own answer for a component: a project is the folder of a manifest, or all that one lock file
   binds, and a range in it holds the pins beside it and no others. Where versions have a shape (`3.12-slim`,
   `3.12-alpine`), each shape has an answer, and so has each version that one project pins. All that go to the same
   version come in one pull request, over all projects; and what is grouped comes together (see configuration.md).
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

In this order, and the first one counts: it was yanked; it is known to be malicious; a file of it was swapped; it is not
finished; it was tried before and turned back, rejected or closed; the configuration ignores it or does not allow it; a
Python or a Node in use cannot run it; it lies above what its registry calls the latest; a range beside the pin does not
take it, and is not to be widened or cannot be; it lost its provenance and was published by a stranger or runs a new
script at installation; it is too young. Where only a range is written, what it takes needs no edit; with `ranges: widen`
it is edited for a newer release against which none of this speaks.

**A swapped file.** What was listed for a version when it was first looked at is remembered: the digest of each file. The
same name with other bytes stops that version for good, also when the old bytes come back, and the answer names both
digests. A file that comes later, such as a wheel for one more platform, is no swap. A tag that points at another digest
is an update of its own kind.

**Python and Node.** Python is the lower bound of `requires-python` in the nearest `pyproject.toml` that names one, in the
folder of the manifest or above it: projects of one repository that run on other Pythons get answers of their own. Node
is the lower bound of `engines.node` in its `package.json`, and what `.nvmrc`, `.node-version` and `volta.node` name; all of them
must do. Where only a major version is named, any release of it will do.

**Above `latest`.** npm's registries name the version that everybody is to get. A finished version above it is not
proposed, unless the repository runs one that is above it already, or sets `respect_latest: false` in a rule.

A release is too young until `minimum_age` after its registry published it. Where a registry names no time, the time
counts from when Surefoot first saw that very version and digest. Dates that a publisher can set (an image's `created`,
a commit's date) never count.

## What a person has to look at

These do not stop a release; they take the automatic merge away, and an approval gives it back: it has no provenance
any more, or another repository's; it was published by somebody who published none before; it runs a script at
installation and none did before; a maintainer is new; its maker deprecated it; a tag of code points elsewhere than it
did; it brings compiled files (wheels for some platforms; in npm, a package for some systems alone) and none before it
did; nobody could be asked what is known against it; the numbering itself changed.

How often that happens without anything being wrong: compiled files were new in none of 16,580 releases of 807 npm
packages, and in 3 of 2,151 releases of 78 Python packages, each for a good reason (November 2026).

## While a pull request is open

Each look asks about what is open once more, out of the same lists. What comes to light reaches the pull request: a new
sign of those above is a gate, and an approval from before it does not answer it; a release that was yanked, taken back,
swapped or reported as malicious is rejected, with the reason, whoever approved it, and tried anew when that turns out
wrong. Title, priority and text follow what is known. What is merged and not everywhere yet is turned back when its
release is reported as malicious, and for no other of these reasons: there the judge decides.

GitHub tells by itself of an alert in a repository, and of every advisory. Whoever uses the package looks at once, what
was remembered of it is forgotten, and GitHub's word counts until the databases say the same: a new flaw with its
severity, and a withdrawal, which takes the urgency away. While a database is away, GitHub's word is enough to propose a
fix, and a person has to agree. An alert that somebody dismissed as inaccurate, not used or tolerable counts for nothing
in its repository; one that was dismissed because a fix was begun, or for lack of time, counts as before.

## Priority

| priority | when | what follows |
|---|---|---|
| critical | the pinned version has a flaw of CVSS 9 or more or one that is used in attacks, or is malicious, and the target mends it | limits and schedule do not hold it; it ripens a day, or not at all where an advisory names it as the fix |
| high | CVSS 7 to 8.9, or a flaw without a score, or the pinned version was yanked or gets no more fixes and the target does | the same |
| medium | CVSS 4 to 6.9, or a minor step | in its turn |
| low | the rest | in its turn |

A target that leaves the flaw in is not called a fix, and gets no priority by it. An advisory that was withdrawn says
nothing any more.

## Lock files

A manifest that a lock file binds is never moved alone. Locks of uv, Poetry, PDM, Pipenv, npm, pnpm, Yarn, Bun, cargo, Go,
Bundler and Composer are made anew by these tools, in the jail, so that only what must move moves; what moved along is
named in the pull request. Whoever needs another tool, or one that this machine has not, is held from the start: the
answer names the lock file, and what to install. [simulation.md](simulation.md) says how the tools are kept in.
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
