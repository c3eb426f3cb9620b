"""A repository's file becomes RepoConfig; every error names its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot.config.preparing import prepare
from bot.config.suites import suite
from bot.config.updates import updates, yes_or_no
from bot.core.errors import ConfigProblem
from bot.core.model import Kind
from bot.core.policy import DEFAULT_RULES, Policy, Rule
from bot.core.repo_config import Adapted, Environment, RepoConfig, Simulate
from bot.core.suites import Asked
from bot.tools.places import Node, load, plain, span, text, whole


def parse(source: str, where: str, *, kinds: Mapping[str, Sequence[str]] | None = None) -> RepoConfig:
    """Read a repository's file. kinds: family -> known adapter kinds, to name a wrong one with its line."""
    top = load(source, where)
    version = top.value("version")
    if version != 1:
        raise ConfigProblem(f"version must be 1, not {version!r}", where=top.where("version"), mend="Write version: 1")
    config = RepoConfig(
        updates=updates(top.node("updates")),
        simulate=_simulate(top.node("simulate")),
        policy=_policy(top.node("policy")),
        environments=tuple(_environment(node, kinds or {}) for node in top.nodes("environments")),
    )
    top.done()
    names = [environment.name for environment in config.environments]
    if len(set(names)) != len(names):
        raise ConfigProblem("two environments bear the same name", where=top.where("environments"))
    return config


def _simulate(node: Node) -> Simulate:
    usual = Simulate()
    suites_node = node.node("suites")
    suites: dict[str, Asked] = {}
    left_out: dict[str, str] = {}
    for kind in suites_node.names():
        below = suites_node.node(kind)
        suites[kind] = suite(below, kind)
        left_out.update(below.take("left_out", _reasons, left_out))
        below.done()
    seconds = node.take("timeout", span, timedelta(seconds=usual.seconds)).total_seconds()
    memory = node.take("memory_mib", whole(64, 65_536), usual.memory_mib)
    workflow = node.take("workflow", text, "")
    bisect = node.take("bisect", yes_or_no, usual.bisect)
    prepared = prepare(node.node("prepare"))
    suites_node.done()
    node.done()
    return Simulate(
        suites=suites, left_out=left_out, seconds=seconds, memory_mib=memory, workflow=workflow, prepare=prepared,
        bisect=bisect,
    )  # fmt: skip


def _reasons(value: object) -> dict[str, str]:
    """What is left out, each with its reason."""
    if isinstance(value, Mapping):
        return {text(what): text(why) for what, why in value.items()}
    raise ValueError("must be a mapping of what is left out to why")


def _policy(node: Node) -> Policy:
    rules = dict(DEFAULT_RULES)
    for kind in Kind:
        rules[kind] = node.take(kind.value, _rule, rules[kind])
    made = Policy(rules=rules, approvals=node.take("approvals", whole(1, 10), 1))
    node.done()
    return made


def _rule(value: object) -> Rule:
    try:
        return Rule(text(value))
    except ValueError:
        raise ValueError(f"must be one of {', '.join(Rule)}, not {value!r}") from None


def _environment(node: Node, kinds: Mapping[str, Sequence[str]]) -> Environment:
    name = node.take("name", text, "")
    if not name:
        raise ConfigProblem("needs a name", where=node.where(), mend="Write name: production")
    made = Environment(
        name=name,
        provider=_adapted(node, "provider", kinds, default="github_actions"),
        strategy=_adapted(node, "strategy", kinds, default="canary"),
        health=_adapted(node, "health", kinds, default="") if node.has("health") else None,
    )
    node.done()
    return made


def _adapted(node: Node, key: str, kinds: Mapping[str, Sequence[str]], *, default: str) -> Adapted:
    value = node.value(key)
    if isinstance(value, str):
        return _known(Adapted(kind=value, where=node.where(key)), key, kinds)
    below = node.node(key)
    options = {name: below.take(name, plain, None) for name in below.names() if name != "kind"}
    kind = below.take("kind", text, default)
    return _known(Adapted(kind=kind, options=options, where=node.where(key)), key, kinds)


def _known(adapted: Adapted, key: str, kinds: Mapping[str, Sequence[str]]) -> Adapted:
    known = kinds.get(key)
    if not adapted.kind or (known is not None and adapted.kind not in known):
        raise ConfigProblem(
            f"no {key} of kind {adapted.kind!r}", where=adapted.where, mend=f"There are: {', '.join(known or ())}"
        )
    return adapted
