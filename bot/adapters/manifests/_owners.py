"""Every path belongs to one kind at the most, so that no pin is read twice; one line a kind, by the names in use.

Folders of code that others wrote (`node_modules`, `vendor`) and of tools (`.git`, `.terraform`) belong to nobody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.adapters.manifests._folders import foreign

# What a file is that only speaks of such files: dockerfile.py, dockerfile.md.
_CODE = r"(?:md|rst|txt|ya?ml|json|toml|py|js|mjs|ts|tsx|go|rb|rs|java|kt|cs|php|sh|html?)"

# The first that matches owns the path; `kubernetes` takes the YAML files that no other kind knows by name.
_OWNERS: Mapping[str, re.Pattern[str]] = {
    kind: re.compile(pattern)
    for kind, pattern in {
        "dockerfile": r"(?:.*/)?(?:[^/]+\.)?(?:[Dd]ocker|[Cc]ontainer)file"
        rf"(?:[.-](?![^/]*(?:dockerignore|\.{_CODE})$)(?!{_CODE}$)[^/]*)?",
        "compose": r"(?:.*/)?(?:docker-)?compose(?!r)[^/]*\.ya?ml",
        "github_actions": r"(?:.*/)?\.github/workflows/[^/]+\.ya?ml|(?:.*/)?workflow-templates/[^/]+\.ya?ml"
        r"|(?:.*/)?action\.ya?ml",
        "pre_commit": r"(?:.*/)?\.pre-commit-config\.ya?ml",
        "helm_chart": r"(?:.*/)?(?:Chart|requirements)\.yaml",
        "helm_values": r"(?:.*/)?(?:[^/]+[._-])?values[^/]*\.ya?ml",
        "terraform": r"(?:.*/)?[^/]+\.tf",
        # What else stands in .github is for GitHub itself, and a lock file is large and no one's to edit.
        "kubernetes": r"(?!(?:.*/)?\.github/|(?:.*/)?pnpm-lock\.yaml$)(?:.*/)?(?:[^/]+\.ya?ml|Kustomization)",
    }.items()
}


def owned(kind: str, path: str) -> bool:
    """Whether this kind reads this repository path."""
    return owner(path) == kind


def owner(path: str) -> str | None:
    """The kind that reads this repository path (with forward slashes), None when none of them does."""
    if foreign(path):
        return None
    return next((kind for kind, pattern in _OWNERS.items() if pattern.fullmatch(path)), None)
