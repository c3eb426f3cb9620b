"""What an ecosystem is: who lists its versions and how they compare; one line each, and everything else asks here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.core.errors import ConfigProblem
from bot.core.model import Component


@dataclass(frozen=True, slots=True, kw_only=True)
class Ecosystem:
    """source: the kind of adapter that lists releases; scheme: the file of `core.versions` that orders them."""

    source: str
    scheme: str


# Named as package URLs name their types (purl), where there is one.
ECOSYSTEMS: Mapping[str, Ecosystem] = {
    "pypi": Ecosystem(source="pypi", scheme="pypi"),
    "npm": Ecosystem(source="npm", scheme="npm"),
    "cargo": Ecosystem(source="crates", scheme="cargo"),
    "golang": Ecosystem(source="go", scheme="golang"),
    "gem": Ecosystem(source="rubygems", scheme="gem"),
    "nuget": Ecosystem(source="nuget", scheme="nuget"),
    "composer": Ecosystem(source="packagist", scheme="composer"),
    "hex": Ecosystem(source="hex", scheme="semver"),
    "maven": Ecosystem(source="maven", scheme="maven"),
    "docker": Ecosystem(source="oci", scheme="docker"),
    "helm": Ecosystem(source="helm", scheme="semver"),
    "terraform": Ecosystem(source="terraform", scheme="terraform"),
    # A tag of an action or a hook has a shape as an image's has: v4 is followed by v5, v4.1.2 by v4.2.0.
    "githubactions": Ecosystem(source="git", scheme="docker"),
    "git": Ecosystem(source="git", scheme="docker"),
    "github": Ecosystem(source="github", scheme="loose"),
    "gitlab": Ecosystem(source="gitlab", scheme="loose"),
    "files": Ecosystem(source="files", scheme="loose"),
    "http": Ecosystem(source="http", scheme="loose"),
}


def of(component: Component) -> Ecosystem:
    """The ecosystem of a component. ConfigProblem for one that nobody here knows."""
    found = ECOSYSTEMS.get(component.ecosystem)
    if found is None:
        raise ConfigProblem(
            f"no ecosystem {component.ecosystem!r} for {component.name}", mend=f"There are {', '.join(ECOSYSTEMS)}"
        )
    return found


def scheme_of(component: Component) -> str:
    """The scheme by which its versions compare: its own, else its ecosystem's. ConfigProblem as `of`."""
    return component.scheme or of(component).scheme
