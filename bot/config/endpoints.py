"""Endpoints that a repository's file describes: what publishes a component, and what tells which version runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.core import ecosystems, versions
from bot.core.ecosystems import ECOSYSTEMS
from bot.core.errors import ConfigProblem
from bot.core.model import Component
from bot.core.repo_config import Adapted, Registered, RepoConfig
from bot.tools.places import Node, load, text

KIND = "http"
MOST = 100
READERS = ("json", "regex", "selector", "header")
MORE = ("attribute", "match")


def endpoints(node: Node) -> dict[str, Adapted]:
    """Name -> endpoint. ConfigProblem with the line; expressions are judged by the adapter that uses them."""
    if len(node.names()) > MOST:
        raise ConfigProblem(f"describes more than {MOST} endpoints", where=node.where())
    return {name: _endpoint(node.node(name), node.where(name)) for name in node.names()}


def components(node: Node, key: str) -> tuple[Registered, ...]:
    """The list of components that no file pins. ConfigProblem with the line."""
    below = node.nodes(key)
    if len(below) > MOST:
        raise ConfigProblem(f"describes more than {MOST} components", where=node.where(key))
    return tuple(_registered(one) for one in below)


def _endpoint(node: Node, where: str) -> Adapted:
    found = {key: node.take(key, text, "") for key in ("url", *READERS, *MORE)}
    node.done()
    if not found["url"]:
        raise ConfigProblem("needs a url", where=where, mend="Write url: https://host/path")
    if sum(bool(found[reader]) for reader in READERS) != 1:
        raise ConfigProblem("needs exactly one reader", where=where, mend=f"Write one of {', '.join(READERS)}")
    return Adapted(kind=KIND, options={key: value for key, value in found.items() if value}, where=where)


def registration(document: str) -> Registered:
    """What the API is given of one component, as JSON: as in the file, or with the `version` that runs now instead."""
    node = load(document, "the request")
    if node.has("version") == node.has("current"):
        mend = "Write the version that runs now, or under current the endpoint that tells it"
        raise ConfigProblem("needs either version or current", where="the request", mend=mend)
    version = node.take("version", text, "")
    found = _registered(node, version)
    if version and not versions.is_valid(ecosystems.scheme_of(found.component), version):
        raise ConfigProblem(f"{version!r} is no version of {found.component.ecosystem}", where="the request: version")
    return found


def with_registered(config: RepoConfig, documents: Iterable[str]) -> RepoConfig:
    """The configuration with what was registered by the API; of one component the API's word is the newer.

    ConfigProblem for a document that was taken once and cannot be read any more.
    """
    found = {one.component: one for one in config.updates.components}
    found |= {one.component: one for one in map(registration, documents)}
    return replace(config, updates=replace(config.updates, components=tuple(found.values())))


def _registered(node: Node, version: str = "") -> Registered:
    component = Component(
        name=node.take("name", text, ""),
        ecosystem=node.take("ecosystem", _ecosystem, ""),
        registry=node.take("registry", text, ""),
        scheme=node.take("scheme", _scheme, ""),
    )
    if not (component.name and component.ecosystem and (version or node.has("current"))):
        mend = "Write name, ecosystem, and under current the endpoint that tells what runs"
        raise ConfigProblem("needs name, ecosystem and current", where=node.where(), mend=mend)
    current = None if version else _endpoint(node.node("current"), node.where("current"))
    made = Registered(component=component, current=current, line=node.line(), version=version)
    node.done()
    return made


def _ecosystem(value: object) -> str:
    if (name := text(value)) not in ECOSYSTEMS:
        raise ValueError(f"there is no ecosystem {name!r}; there are {', '.join(ECOSYSTEMS)}")
    return name


def _scheme(value: object) -> str:
    if (name := text(value)) not in versions.kinds():
        raise ValueError(f"there is no scheme {name!r}; there are {', '.join(versions.kinds())}")
    return name
