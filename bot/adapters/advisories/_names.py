"""How OSV's databases call what we know: ecosystems, packages and versions; what has no name there is not asked for.

Source: the OSV schema, "Defined ecosystems". Images, charts, Terraform's providers and plain repositories have none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.core import versions
from bot.core.ecosystems import ECOSYSTEMS
from bot.core.model import Component
from bot.core.versions import Key

OSV_NAMES: Mapping[str, str] = {
    "pypi": "PyPI",
    "npm": "npm",
    "cargo": "crates.io",
    "golang": "Go",
    "gem": "RubyGems",
    "nuget": "NuGet",
    "composer": "Packagist",
    "hex": "Hex",
    "maven": "Maven",
    "githubactions": "GitHub Actions",
}
ACTIONS = OSV_NAMES["githubactions"]
_OURS = {theirs: ours for ours, theirs in OSV_NAMES.items()}
_SHORT = re.compile(r"v?\d+(?:\.\d+)?", re.ASCII)
_SEMANTIC = frozenset({"npm", "cargo", "semver", "golang", "docker", "nuget"})


def ecosystem_of(component: Component) -> str:
    """What OSV calls the component's ecosystem; "" where it has no word for it."""
    return OSV_NAMES.get(component.ecosystem, "")


def name_of(component: Component) -> str:
    """What OSV calls the component: a Maven package is `group:artifact`, an action the repository that it lies in."""
    match component.ecosystem:
        case "maven":
            return component.name if ":" in component.name else component.name.replace("/", ":", 1)
        case "githubactions":
            return "/".join(component.name.split("/")[:2])
        case _:
            return component.name


def folded(ecosystem: str, name: str) -> str:
    """A name in the one spelling by which its registry tells packages apart, to be compared with others of its kind.

    npm and RubyGems keep capital and small letters apart (`JSONStream` is not `jsonstream`), and so do paths of Go.
    """
    match ecosystem:
        case "PyPI":
            return re.sub(r"[-_.]+", "-", name).lower()
        case "crates.io":
            return name.replace("_", "-").lower()
        case "NuGet" | "Packagist" | "GitHub Actions":
            return name.lower()
        case _:
            return name


def plain(ecosystem: str) -> str:
    """An ecosystem without what OSV writes behind a colon: the repository that a package is from."""
    return ecosystem.partition(":")[0]


def version_of(ecosystem: str, version: str) -> str:
    """One of our versions as OSV writes it: Go's lose their `v`, all others stay as they are."""
    return version.removeprefix("v") if ecosystem == "Go" else version


def spellings(ecosystem: str, version: str) -> tuple[str, ...]:
    """One of OSV's versions in the ways in which our files may write it: an action's tag has a `v` or has none."""
    bare = version.removeprefix("v")
    match ecosystem:
        case "Go":
            return (f"v{bare}",)
        case "GitHub Actions":
            return bare, f"v{bare}"
        case _:
            return (version,)


def version_key(ecosystem: str, version: str) -> Key:
    """By what one of our versions is compared, as its ecosystem orders them. InvalidVersion for what is none."""
    scheme = _scheme(ecosystem)
    if scheme == "cargo":
        # SemVer says that builds have no order; the order of Cargo's own goes on into them.
        version = version.partition("+")[0]
    elif scheme == "golang" and not version.startswith("v"):
        version = f"v{version}"
    return versions.key(scheme, version)


def event_key(ecosystem: str, version: str) -> Key:
    """The same for a version out of an advisory, where 4 is short for 4.0.0 and not the newest 4, as a tag would be."""
    if _scheme(ecosystem) in _SEMANTIC and _SHORT.fullmatch(version):
        version += ".0" * (2 - version.count("."))
    return version_key(ecosystem, version)


def _scheme(ecosystem: str) -> str:
    return ECOSYSTEMS[_OURS[ecosystem]].scheme
