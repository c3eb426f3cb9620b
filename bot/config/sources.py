"""Registries as the operator set them up: options by kind, logins by the names of variables, and who may be asked.

The variables that this file names are for this file alone. What repositories may name is lent by another one, for
named repositories and hosts (`lending`), and neither can reach what the other holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bot.config.lending import OWN
from bot.config.preparing import Opened, opened
from bot.core.ecosystems import ECOSYSTEMS
from bot.core.errors import ConfigProblem
from bot.tools.places import Node, load, plain, texts
from bot.tools.secrets import ANYWHERE, Lent, Secret, hosts_of

WHERE = "SUREFOOT_SOURCES"
MOST_BYTES = 256 * 1024
# What the options of sources call the name of a secret: one, or one for each host.
_NAMED, _NAMED_BY_HOST = frozenset({"token", "secret"}), frozenset({"tokens", "keys"})
_BY_HOST = frozenset({"logins", "tokens", "keys", "plain"})
# What stands in these is looked for in documents, and may look like a URL.
_EXPRESSIONS = frozenset({"json", "regex", "selector", "attribute", "header", "match", "pattern"})
_GLOB = re.compile(r"[a-z0-9*?_][a-z0-9*?_.-]*(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registries:
    """What the operator's file says of sources.

    options: by kind, each adapter's own; places: file and line of each kind, for errors. allow: for an ecosystem, globs
    of the hosts that a file may name. hosts: those that it names itself, which are meant wherever they are.
    secrets: by the name of their variable. prepare: where commands of repositories may fetch from, in the jail.
    """

    options: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    allow: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    hosts: frozenset[str] = frozenset()
    secrets: Mapping[str, Lent] = field(default_factory=dict)
    prepare: tuple[Opened, ...] = ()

    @property
    def lookup(self) -> Callable[[str], Lent | None]:
        """What the sources that the operator set up may ask: a secret by the name that this file gives it."""
        return self.secrets.get


def read(env: Mapping[str, str]) -> Registries:
    """The file that SUREFOOT_SOURCES names; nothing where it is unset.

    ConfigProblem with file and line for what cannot be meant, or a variable that is not set; its words never hold a
    secret. Kinds and their options are judged by who opens them.
    """
    if not (name := env.get(WHERE)):
        return Registries()
    top = load(_text(Path(name)), name)
    allow = _allow(top.node("allow"))
    below = top.nodes("prepare")
    places = tuple(opened(node) for node in below)
    kinds = [kind for kind in top.names() if kind not in ("allow", "prepare")]
    nodes = {kind: top.node(kind) for kind in kinds}
    return Registries(
        options={kind: {key: node.take(key, plain, None) for key in node.names()} for kind, node in nodes.items()},
        places={kind: top.where(kind) for kind in kinds},
        allow=allow,
        hosts=frozenset(host for node in nodes.values() for host in _hosts(node))
        | frozenset(urlsplit(one.url).hostname or "" for one in places),
        secrets={lent.name: lent for node in (*nodes.values(), *below) for lent in _secrets(node, env)},
        prepare=places,
    )


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(MOST_BYTES + 1)  # one more than is read: what is cut off must not go unsaid
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigProblem(f"{path} cannot be read: {why}", where=WHERE) from None


def _allow(node: Node) -> dict[str, tuple[str, ...]]:
    for name in node.names():
        if name not in ECOSYSTEMS:
            mend = f"There are {', '.join(ECOSYSTEMS)}"
            raise ConfigProblem(f"there is no ecosystem {name!r}", where=node.where(name), mend=mend)
    return {name: node.take(name, _globs, ()) for name in node.names()}


def _globs(value: object) -> tuple[str, ...]:
    found = tuple(one.lower() for one in texts(value))
    for one in found:
        if not _GLOB.fullmatch(one):
            raise ValueError(f"{one!r} is not the name of a host, as registry.example or *.example.com:8443")
    return found


def _below(node: Node) -> Iterator[Node]:
    """The mappings right below, but for one of patterns."""
    yield from (node.node(key) for key in node.names() if key != "patterns" and isinstance(node.value(key), Mapping))


def _hosts(node: Node) -> Iterator[str]:
    """The hosts, without their ports, of every URL, and those that a login or plain HTTP is for."""
    for key in node.names():
        value = node.value(key)
        if key in _EXPRESSIONS and not isinstance(value, Mapping):
            continue
        if key in _BY_HOST and isinstance(value, list | Mapping):
            places = [str(name) for name in value]
        else:
            found = texts(value) if isinstance(value, str | list) else ()
            places = [rest for _, mark, rest in (text.partition("://") for text in found) if mark]
        for place in places:
            # Images and crates have schemes of their own (oci://, sparse+https://).
            yield from sorted(hosts_of(f"https://{place}"), key=len)[:1]  # the shorter of its names has no port
    for below in _below(node):
        yield from _hosts(below)


def _secrets(node: Node, env: Mapping[str, str], *, by_host: bool = False) -> Iterator[Lent]:
    for key in node.names():
        value = node.value(key)
        if isinstance(value, str) and value and (by_host or key in _NAMED):
            yield Lent(
                name=value, value=_secret(value, env, node.where(key)), repositories=(), hosts=frozenset({ANYWHERE})
            )
        elif isinstance(value, Mapping):
            yield from _secrets(node.node(key), env, by_host=key in _NAMED_BY_HOST)


def _secret(name: str, env: Mapping[str, str], where: str) -> Secret:
    if name in OWN:
        raise ConfigProblem(f"{name} is the bot's own and is sent to no registry", where=where)
    value = env.get(name, "").strip()
    if not value:
        mend = "Write the name of a variable, never the secret itself, and set it where the bot runs"
        # Whoever wrote the secret itself by mistake must not find it in a log.
        shown = name if re.fullmatch(r"[A-Z][A-Z0-9_]{0,60}", name) else "what is named here"
        raise ConfigProblem(f"{shown} is no variable that is set", where=where, mend=mend)
    if not (value.isascii() and value.isprintable()):
        raise ConfigProblem(f"what is in {name} has signs that no header can carry", where=where)
    return Secret(value)
