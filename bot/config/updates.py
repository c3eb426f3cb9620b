"""The part of a repository's file that says which updates are wanted, and when."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bot.config.endpoints import components, endpoints
from bot.core.ecosystems import ECOSYSTEMS
from bot.core.errors import ConfigProblem
from bot.core.model import Kind
from bot.core.repo_config import Ignore, Limits, UpdateRule, Updates
from bot.core.schedules import Schedule
from bot.core.schedules import read as read_schedule
from bot.tools.places import Node, plain, span, text, texts, whole

# It becomes part of a branch, a title and a table.
_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/-]{0,59}")


def updates(node: Node) -> Updates:
    """The mapping under `updates`. ConfigProblem with the line for what cannot be meant."""
    usual = Updates()
    made = Updates(
        match=node.take("match", texts, usual.match),
        ignore=node.take("ignore", _ignores, usual.ignore),
        minimum_age=node.take("minimum_age", span, usual.minimum_age),
        widen=node.take("ranges", _widen, usual.widen),
        rules=tuple(_rule(below) for below in node.nodes("rules")),
        limits=_limits(node.node("limits")),
        schedule=node.take("schedule", _schedule, usual.schedule),
        dashboard=node.take("dashboard", yes_or_no, usual.dashboard),
        files=node.take("files", _files, usual.files),
        endpoints=endpoints(node.node("endpoints")),
        components=components(node, "components"),
    )
    node.done()
    return made


def _rule(node: Node) -> UpdateRule:
    usual = UpdateRule()
    made = UpdateRule(
        match=node.take("match", texts, usual.match),
        ecosystems=node.take("ecosystem", _ecosystems, usual.ecosystems),
        minimum_age=node.take("minimum_age", span, usual.minimum_age),
        allowed=node.take("allowed", text, usual.allowed),
        prereleases=node.take("prereleases", yes_or_no, usual.prereleases),
        widen=node.take("ranges", _widen, usual.widen),
        respect_latest=node.take("respect_latest", yes_or_no, usual.respect_latest),
        group=node.take("group", _group, usual.group),
        kinds=node.take("kinds", _kinds, usual.kinds),
    )
    if made.kinds and made.group is None:
        raise ConfigProblem(
            "only says which steps are grouped", where=node.where("kinds"), mend="Write group: and a name beside it"
        )
    node.done()
    return made


def _group(value: object) -> str:
    if value is False:
        return ""
    if isinstance(value, str) and _GROUP.fullmatch(value):
        return value
    raise ValueError("must be a name of letters, digits, blanks and ._/- (60 at most), or false for none")


def _kinds(value: object) -> tuple[Kind, ...]:
    try:
        return tuple(Kind(one) for one in texts(value))
    except ValueError:
        raise ValueError(f"must be some of {', '.join(Kind)}, not {value!r}") from None


def _ecosystems(value: object) -> tuple[str, ...]:
    named = texts(value)
    for name in named:
        if name not in ECOSYSTEMS:
            raise ValueError(f"there is no ecosystem {name!r}; there are {', '.join(ECOSYSTEMS)}")
    return named


def yes_or_no(value: object) -> bool:
    """As `Node.take` asks for it."""
    if isinstance(value, bool):
        return value
    raise ValueError("must be true or false")


def _widen(value: object) -> bool:
    if value in ("keep", "widen"):
        return value == "widen"
    raise ValueError("must be keep or widen")


def _limits(node: Node) -> Limits:
    usual = Limits()
    made = Limits(
        open=node.take("open", whole(0, 1000), usual.open), hourly=node.take("hourly", whole(0, 1000), usual.hourly)
    )
    node.done()
    return made


def _files(value: object) -> tuple[Mapping[str, object], ...]:
    copied = plain(value)
    if isinstance(copied, list) and all(isinstance(one, Mapping) for one in copied):
        return tuple(copied)
    raise ValueError("must be a list of mappings with paths, pattern, ecosystem and name")


def _schedule(value: object) -> Schedule:
    return read_schedule(texts(value))


def _ignores(value: object) -> tuple[Ignore, ...]:
    if isinstance(value, str):
        return (Ignore(name=value),)
    if not isinstance(value, Sequence):
        raise ValueError("must be a list of names, or of mappings with name, versions and why")
    return tuple(_ignore(item) for item in value)


def _ignore(item: object) -> Ignore:
    if isinstance(item, str):
        return Ignore(name=item)
    if isinstance(item, Mapping) and "name" in item and set(item) <= {"name", "versions", "why"}:
        return Ignore(**{key: text(value) for key, value in item.items()})
    raise ValueError("each entry is a name, or a mapping of name, versions and why")
