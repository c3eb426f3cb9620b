"""The names that stay: branch, label, check runs, marks; other programs and people rely on them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.core.model import Component, Member, Update, target_digest

LABEL = "surefoot"
SIMULATION = "surefoot / simulation"
POLICY = "surefoot / policy"
ROLLOUT = "surefoot / rollout"
ONBOARD_BRANCH = "surefoot/onboard"
LONGEST = 240  # signs of a title; GitHub takes 256
NAMED = 4  # of the components of a group, in a title and the like
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
    title = f"Update {_of(update, [_step(part) for part in update.parts])}"
    if update.fixes:
        more = f" and {len(update.fixes) - 1} more" if len(update.fixes) > 1 else ""
        title += f" (security, {update.priority.name.lower()}: {update.fixes[0]}{more})"
    return title if len(title) <= LONGEST else f"{title[: LONGEST - 1]}…"


def brought(update: Update) -> str:
    """What it brings, in a few words: `greeter 1.2.4`, and of a group its name first."""
    return _of(update, [f"{part.component.name} {part.target}" for part in update.parts])


def left_behind(update: Update) -> str:
    """What was there before, in the same words: `greeter 1.2.3`."""
    return _of(update, [f"{part.component.name} {part.current}" for part in update.parts])


def _of(update: Update, parts: Sequence[str]) -> str:
    more = f" and {len(parts) - NAMED} more" if len(parts) > NAMED else ""
    head = f"{update.component.name}: " if update.members else ""
    return head + ", ".join(parts[:NAMED]) + more


def _step(part: Member) -> str:
    digest = _short(part.digest)
    name, target = part.component.name, _tame(part.target)
    to = f" {target} to {digest}" if digest else f" from {part.current} to {target}"
    return name + to


def _tame(version: str) -> str:
    # A registry's word in a commit's title, where machines look for `[skip ci]` and `fixes #1`.
    return re.sub(r"[^\w.+~!:/-]+", "-", version)


def mark_of(update: Update) -> str:
    """The line in our sticky comment by which it is found again."""
    return f"<!-- surefoot:{update.id} -->"


def trailer_of(update: Update) -> str:
    """The last line of our commits by which they are known as ours."""
    return f"Surefoot-Update: {update.id}"


def _target(update: Update) -> str:
    parts = [update.target, _digest(update), f"again-{update.again}" if update.again else ""]
    return "-".join(part for part in parts if part)


def _digest(update: Update) -> str:
    """The first twelve characters of what the target points at, where that alone is new."""
    return _short(target_digest(update.kind, update.release))


def _short(digest: str) -> str:
    return digest.rpartition(":")[2][:12]


def _plain(text: str) -> str:
    # git refuses "..", a trailing ".lock" or ".", and several signs; a version may hold "!" and "+".
    plain = re.sub(r"[^A-Za-z0-9._+-]", "-", text)
    plain = re.sub(r"\.\.+", ".", plain).strip(".-") or "x"
    return plain[:-5] + "-lock" if plain.endswith(".lock") else plain
