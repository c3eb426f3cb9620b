"""Who moved which branch from where to where: GitHub keeps that beside git, where no force undoes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.demo.box.rows import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One line of a repository's activity. kind: push, force_push, branch_creation, branch_deletion or pr_merge."""

    id: int
    ref: str
    before: str
    after: str
    kind: str
    actor: Account
    at: datetime
