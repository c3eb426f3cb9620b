"""Every adapter that there is, and every one that is added: found by its file, opened alike, refused by name."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

import bot.adapters
from bot.adapters import Tools, kinds, open_one, secret_of
from bot.core.errors import ConfigProblem
from bot.core.model import RepoName
from bot.core.ports import HealthSource, Manifest, Provider, Source
from bot.tools.http import Http
from bot.tools.pip import IndexSettings
from bot.tools.secrets import Secret

FAMILIES: list[ModuleType] = [
    import_module(f"bot.adapters.{found.name}") for found in pkgutil.iter_modules(bot.adapters.__path__) if found.ispkg
]
ALL = [(family, kind) for family in FAMILIES for kind in kinds(family)]
SOCKETS: dict[str, type] = {"sources": Source, "manifests": Manifest, "providers": Provider, "health": HealthSource}
# Options without which an adapter cannot know where to go.
NEEDED: dict[tuple[str, str], dict[str, object]] = {
    ("health", "http"): {"url": "https://health.example/"},
    ("health", "prometheus"): {"url": "https://prometheus.example/"},
}


def name_of(family: ModuleType) -> str:
    return family.__name__.rpartition(".")[2]


def opened(family: ModuleType, kind: str, **more: object) -> Any:
    tools = Tools(
        http=Http(),
        github=object(),  # type: ignore[arg-type]
        repo=RepoName("acme/shop"),
        index=IndexSettings,
    )
    return open_one(family, kind, {**NEEDED.get((name_of(family), kind), {}), **more}, tools)


@pytest.mark.parametrize(("family", "kind"), ALL, ids=lambda one: one if isinstance(one, str) else name_of(one))
def test_an_adapter_fits_its_socket(family: ModuleType, kind: str) -> None:
    """It has every method of its family's protocol, with the same parameters and as awaitable as promised."""
    made = opened(family, kind)
    socket = SOCKETS.get(name_of(family))
    if socket is None:
        pytest.skip(f"{name_of(family)} has no protocol yet")
    for name, wanted in inspect.getmembers(socket, inspect.isfunction):
        if name.startswith("_"):
            continue
        there = getattr(type(made), name)
        assert inspect.iscoroutinefunction(there) == inspect.iscoroutinefunction(wanted), name
        assert set(inspect.signature(wanted).parameters) <= set(inspect.signature(there).parameters), name


@pytest.mark.parametrize(("family", "kind"), ALL, ids=lambda one: one if isinstance(one, str) else name_of(one))
def test_an_adapter_says_what_it_takes(family: ModuleType, kind: str) -> None:
    """Its module tells a user in words how to use it, and an unknown option is refused with the known ones."""
    module = import_module(f"{family.__name__}.{kind}")
    assert len((module.__doc__ or "").splitlines()[0]) > 20
    assert list(inspect.signature(module.open).parameters) == ["options", "tools"]
    with pytest.raises(ConfigProblem, match=kind):
        opened(family, kind, no_such_option=1)


@pytest.mark.parametrize("family", FAMILIES, ids=name_of)
def test_an_unknown_kind_is_refused_by_name(family: ModuleType) -> None:
    """A typing error is answered with what there is, and private files are no kinds."""
    assert not [kind for kind in kinds(family) if kind.startswith("_")]
    for wrong in ("nothing", "_simple", "__init__", "../tools/http"):
        with pytest.raises(ConfigProblem, match="There are:") as caught:
            opened(family, wrong)
        assert all(kind in str(caught.value) for kind in kinds(family))


def test_the_families_of_the_path_are_there() -> None:
    """Each family that the path needs has at least one kind."""
    assert {name_of(family) for family, _ in ALL} >= set(SOCKETS)


def test_a_secret_is_asked_for_by_name() -> None:
    """No name, no secret; a name that nobody set is said."""
    tools = Tools(http=Http(), secrets={"A": Secret("x")}.get)
    assert secret_of(tools, "", "kind") is None
    assert secret_of(tools, "A", "kind") == Secret("x")
    with pytest.raises(ConfigProblem, match="no secret 'B'"):
        secret_of(tools, "B", "kind")
    with pytest.raises(ConfigProblem):
        secret_of(Tools(http=Http()), "A", "kind")
