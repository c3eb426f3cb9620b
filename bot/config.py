"""What people set: the environment becomes Settings, a repository's file becomes RepoConfig; errors name their line."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

from bot.core.durations import duration
from bot.core.errors import ConfigProblem
from bot.core.model import Kind
from bot.core.policy import DEFAULT_RULES, Policy, Rule
from bot.core.repo_config import Adapted, Environment, Ignore, RepoConfig, Simulate, Updates
from bot.tools.places import Node, load, plain, span, text, texts, whole
from bot.tools.secrets import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator set. Unset credentials are None: the bot starts all the same and says what is missing."""

    app_id: int | None
    private_key: Secret | None
    webhook_secret: Secret | None
    host: str
    port: int
    api_url: str
    database_url: str
    data_dir: Path
    log: str
    poll: timedelta
    sweep: timedelta
    allow: tuple[str, ...] = ()  # networks that users' URLs may name although they are private
    unjailed: bool = False
    read_token: Secret | None = None  # who knows it may read the pages from elsewhere
    tick: timedelta = timedelta(seconds=1)
    missing: tuple[str, ...] = field(default=())


def settings(env: Mapping[str, str]) -> Settings:
    """Read the operator's environment; what is unset is in `missing`. ConfigProblem for what cannot be meant."""
    data_dir = Path(env.get("SUREFOOT_DATA_DIR") or Path.cwd() / ".surefoot").absolute()
    key, app_id, secret = _private_key(env), env.get("APP_ID"), env.get("WEBHOOK_SECRET")
    missing = (
        *(() if app_id else ("APP_ID: the number on the App's settings page, under About",)),
        *(() if key else ("PRIVATE_KEY or PRIVATE_KEY_PATH: make one on the App's settings page, under Private keys",)),
        *(() if secret else ("WEBHOOK_SECRET: the text that you typed into the App's Webhook secret field",)),
    )
    return Settings(
        app_id=_number(env, "APP_ID") if app_id else None,
        private_key=Secret(key) if key else None,
        webhook_secret=Secret(secret) if secret else None,
        host=env.get("HOST") or "127.0.0.1",
        port=_number(env, "PORT", 8080),
        api_url=(env.get("GITHUB_API_URL") or "https://api.github.com").rstrip("/"),
        database_url=env.get("DATABASE_URL") or f"sqlite:///{data_dir / 'surefoot.sqlite'}",
        data_dir=data_dir,
        log=env.get("SUREFOOT_LOG") or "info",
        poll=_span(env, "SUREFOOT_POLL", "30m"),
        sweep=_span(env, "SUREFOOT_SWEEP", "5m"),
        allow=_networks(env.get("SUREFOOT_ALLOW_NETWORKS", "")),
        read_token=Secret(token) if (token := env.get("SUREFOOT_READ_TOKEN")) else None,
        unjailed=env.get("SUREFOOT_DEMO_UNJAILED") == "1",
        missing=missing,
    )


def _private_key(env: Mapping[str, str]) -> str | None:
    if text := env.get("PRIVATE_KEY"):
        # Hosters' forms often turn the line ends of a PEM into the two characters \n.
        return text.replace("\\n", "\n")
    if path := env.get("PRIVATE_KEY_PATH"):
        try:
            return Path(path).read_text()
        except OSError as error:
            mend = "Name the .pem file that GitHub gave you"
            raise ConfigProblem(f"cannot be read: {error.strerror}", where="PRIVATE_KEY_PATH", mend=mend) from None
    return None


def _number(env: Mapping[str, str], name: str, default: int | None = None) -> int:
    text = env.get(name) or ("" if default is None else str(default))
    try:
        return int(text)
    except ValueError:
        raise ConfigProblem(f"{text!r} is no number", where=name) from None


def _span(env: Mapping[str, str], name: str, default: str) -> timedelta:
    try:
        return duration(env.get(name) or default)
    except ValueError as error:
        raise ConfigProblem(str(error), where=name) from None


def _networks(text: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    for part in parts:
        try:
            ip_network(part)
        except ValueError as error:
            mend = "Write 10.0.0.0/8,127.0.0.0/8"
            raise ConfigProblem(str(error), where="SUREFOOT_ALLOW_NETWORKS", mend=mend) from None
    return parts


def parse(source: str, where: str, *, kinds: Mapping[str, Sequence[str]] | None = None) -> RepoConfig:
    """Read a repository's file. kinds: family -> known adapter kinds, to name a wrong one with its line."""
    top = load(source, where)
    version = top.value("version")
    if version != 1:
        raise ConfigProblem(f"version must be 1, not {version!r}", where=top.where("version"), mend="Write version: 1")
    config = RepoConfig(
        updates=_updates(top.node("updates")),
        simulate=_simulate(top.node("simulate")),
        policy=_policy(top.node("policy")),
        environments=tuple(_environment(node, kinds or {}) for node in top.nodes("environments")),
    )
    top.done()
    names = [environment.name for environment in config.environments]
    if len(set(names)) != len(names):
        raise ConfigProblem("two environments bear the same name", where=top.where("environments"))
    return config


def _updates(node: Node) -> Updates:
    usual = Updates()
    made = Updates(
        match=node.take("match", texts, usual.match),
        ignore=node.take("ignore", _ignores, usual.ignore),
        minimum_age=node.take("minimum_age", span, usual.minimum_age),
    )
    node.done()
    return made


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


def _simulate(node: Node) -> Simulate:
    usual = Simulate()
    suites_node = node.node("suites")
    suites: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for kind in suites_node.names():
        below = suites_node.node(kind)
        suites[kind] = _suite(below)
        left_out.update(below.take("left_out", _reasons, left_out))
        below.done()
    seconds = node.take("timeout", span, timedelta(seconds=usual.seconds)).total_seconds()
    memory = node.take("memory_mib", whole(64, 65_536), usual.memory_mib)
    suites_node.done()
    node.done()
    return Simulate(suites=suites, left_out=left_out, seconds=seconds, memory_mib=memory)


def _suite(node: Node) -> str:
    run = node.take("run", text, "")
    if not run.strip():
        raise ConfigProblem("needs a command", where=node.where(), mend="Write run: python -m pytest")
    return run


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


def from_environment() -> Settings:
    """Settings of this process."""
    return settings(os.environ)
