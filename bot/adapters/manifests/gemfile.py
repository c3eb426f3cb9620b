"""Ruby's `Gemfile`, `gems.rb`, `*.gemfile` and `*.gemspec`: the gems that a project or a gem needs.

Read are `gem "name", "1.2.3"` with any number of requirements and options, also in blocks (`group`, `source`, `if`),
and `add_dependency` with its like in a gemspec. No Ruby is run: plain text counts, also as what is taken where a
variable of the environment is not set (`ENV["X"] || "1.2.3"`), and a constant or variable that the file sets once to a
plain text, where it is set. A gem comes from the `source` of its block or option, else from the one at the top.

`1.2.3` and `= 1.2.3` are exact; `~> 1.2` is a range: answered, and edited only where ranges are widened. Several
requirements, or none, are answered and never edited. So is a variable that several gems share, for what one has
published another may not have.

Left alone: gems with `path`, `git`, `github` and the like, also by a block; names and versions that only Ruby knows
(`"#{…}"`, `ENV[…]`, conditions); a source that the file does not name in plain text; `ruby`; templates (`<% %>`).
`Gemfile.lock` is made anew by Bundler after a change.

A rewrite changes the characters of one version or range.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial

from bot.adapters import Options, Tools, no_options
from bot.adapters.manifests import _exact, _folders, _gems, _ruby
from bot.adapters.manifests._exact import pinned
from bot.adapters.manifests._file import File, reading, templated
from bot.adapters.manifests._gems import Gem
from bot.adapters.manifests._reader import Reader
from bot.adapters.manifests._spots import Found, Spot
from bot.adapters.manifests._variables import settled
from bot.core.model import Component

KIND = "gemfile"

_FILE = re.compile(r"(?:Gemfile|gems\.rb|[^/]+\.gemfile|[^/]*\.gemspec)")
_TEMPLATE = re.compile(r"^[ \t]*<%", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
_EXACT = re.compile(r"\s*=?\s*(?P<version>\d+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z.-]+)?)\s*", re.ASCII)


def open(options: Options, tools: Tools) -> Reader[Spot]:
    """No options, and it needs nothing of what is lent."""
    no_options(options, KIND)
    return Reader(owns=partial(_folders.named, names=_FILE), find=_found, write=_exact.rewrite)


def _found(path: str, text: str) -> list[Found]:
    file = reading(path, text, KIND)
    # A template of Ruby is Ruby only once it is filled in.
    listed = () if _TEMPLATE.search(text) else _gems.gems(_ruby.tokens(file))
    return settled(_pins(file, listed), lambda component: component.name, "= {}")


def _pins(file: File, listed: Iterable[Gem]) -> Iterator[Found]:
    for gem in listed:
        if not _NAME.fullmatch(gem.name.value) or any(templated(one.value) for one in gem.wanted):
            continue
        component = Component(name=gem.name.value, ecosystem="gem", registry=gem.registry)
        if len(gem.wanted) == 1:
            yield pinned(file, component, gem.at, gem.wanted[0], _EXACT)
        else:
            requirement = ", ".join(one.value.strip() for one in gem.wanted)
            yield file.pin(component, gem.at, requirement=requirement, version=None), Spot(version=None)
