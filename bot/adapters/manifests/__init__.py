"""What pins what, one file per kind; a path tells which kinds cannot own it, so that these need not be loaded."""

from __future__ import annotations

from collections.abc import Mapping

# Of each kind some words of which one stands in every path that it owns, in lower case; none of them holds an i where
# the kind knows no case, since Python takes a foreign letter for one. A kind that is not named here is always asked: a
# line saves time, and its lack costs nothing else.
_SIGNS: Mapping[str, tuple[str, ...]] = {
    "cargo": ("cargo.toml",),
    "compose": ("compose",),
    "composer_json": ("composer.json",),
    "dockerfile": ("dockerfile", "containerfile"),
    "dotnet": ("bproj", "sproj", ".prop", ".target", ".conf", "dotnet-tool"),
    "gemfile": ("gem",),
    "github_actions": (".yml", ".yaml"),
    "go_mod": ("go.mod",),
    "helm_chart": (".yaml",),
    "helm_values": ("values",),
    "kubernetes": (".yml", ".yaml", "kustomization"),
    "package_json": ("package.json",),
    "pipfile": ("pipfile",),
    "poetry": ("pyproject.toml",),
    "pom": ("pom.xml", "extensions.xml"),
    "pre_commit": ("pre-commit-config",),
    "pyproject": ("pyproject.toml",),
    "regex": (),  # it owns what its options say
    "requirements": ("requirements",),
    "setup_cfg": ("setup.cfg",),
    "terraform": (".tf",),
}


def may_own(kind: str, path: str) -> bool:
    """False only where `matches` of this kind, opened without options, says no to the repository path."""
    signs = _SIGNS.get(kind)
    return signs is None or any(sign in path.casefold() for sign in signs)
