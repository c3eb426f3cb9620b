"""The names that stay: branch, label, check runs, marks; other programs and people rely on them."""

from __future__ import annotations

import re

from bot.core.model import Component, Update, target_digest

LABEL = "surefoot"
SIMULATION = "surefoot / simulation"
POLICY = "surefoot / policy"
ROLLOUT = "surefoot / rollout"
ONBOARD_BRANCH = "surefoot/onboard"
# Commits bear a fixed author and the time of what they are about, so that making one twice makes the same commit.
AUTHOR = "surefoot[bot]"
EMAIL = "surefoot[bot]@users.noreply.github.com"


def branch_for(component: Component, target: str) -> str:
    """`surefoot/<component>-<version>` in the characters that git allows in a branch name."""
    return "surefoot/" + _plain(component.name) + "-" + _plain(target)


def branch_of(update: Update) -> str:
    """The branch of an update's pull request."""
    return branch_for(update.component, _target(update))


def revert_branch_of(update: Update) -> str:
    """The branch of the pull request that takes a bad update back."""
    return "surefoot/revert-" + _plain(update.component.name) + "-" + _plain(_target(update))


def title_of(update: Update) -> str:
    """The update in a few words, as it heads the pull request and the commit; a fix says what it mends."""
    digest = _digest(update)
    name, to = update.component.name, f" {update.target} to {digest}" if digest else ""
    title = f"Update {name}{to or f' from {update.current} to {update.target}'}"
    if not update.fixes:
        return title
    more = f" and {len(update.fixes) - 1} more" if len(update.fixes) > 1 else ""
    return f"{title} (security, {update.priority.name.lower()}: {update.fixes[0]}{more})"


def mark_of(update: Update) -> str:
    """The line in our sticky comment by which it is found again."""
    return f"<!-- surefoot:{update.id} -->"


def trailer_of(update: Update) -> str:
    """The last line of our commits by which they are known as ours."""
    return f"Surefoot-Update: {update.id}"


def _target(update: Update) -> str:
    digest = _digest(update)
    return f"{update.target}-{digest}" if digest else update.target


def _digest(update: Update) -> str:
    """The first twelve characters of what the target points at, where that alone is new."""
    return target_digest(update.kind, update.release).rpartition(":")[2][:12]


def _plain(text: str) -> str:
    # git refuses "..", a trailing ".lock" or ".", and several signs; a version may hold "!" and "+".
    plain = re.sub(r"[^A-Za-z0-9._+-]", "-", text)
    plain = re.sub(r"\.\.+", ".", plain).strip(".-") or "x"
    return plain[:-5] + "-lock" if plain.endswith(".lock") else plain
