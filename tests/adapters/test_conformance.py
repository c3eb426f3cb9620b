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
from bot.core.ports import Advisories, HealthSource, Lab, Manifest, Provider, Source
from bot.tools.http import Http
from bot.tools.pip import IndexSettings
from bot.tools.secrets import Secret
from tests.builders import lent

FAMILIES: list[ModuleType] = [
    import_module(f"bot.adapters.{found.name}") for found in pkgutil.iter_modules(bot.adapters.__path__) if found.ispkg
]
ALL = [(family, kind) for family in FAMILIES for kind in kinds(family)]
SOCKETS: dict[str, type] = {
    "advisories": Advisories,
    "health": HealthSource,
    "manifests": Manifest,
    "providers": Provider,
    "runners": Lab,
    "sources": Source,
}
# Options without which an adapter cannot know where to go.
NEEDED: dict[tuple[str, str], dict[str, object]] = {
    ("advisories", "endoflife"): {"place": "https://lists.example/ends.json"},
    ("advisories", "kev"): {"place": "https://lists.example/exploited.json"},
    ("advisories", "osv_dump"): {"path": "."},
    ("health", "http"): {"url": "https://health.example/"},
    ("runners", "actions"): {"workflow": "surefoot-simulate.yml"},
    ("runners", "host"): {"url": "https://runner.example/"},
    ("health", "prometheus"): {"url": "https://prometheus.example/"},
}


def name_of(family: ModuleType) -> str:
    return family.__name__.rpartition(".")[2]


def opened(family: ModuleType, kind: str, **more: object) -> Any:
    tools = Tools(
        http=Http(),
        github=object(),  # type: ignore[arg-type]  # never spoken to
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
    tools, url = Tools(http=Http(), secrets=lent(A="x")), "http://127.0.0.1:9/health"
    assert secret_of(tools, "", "kind", url) is None
    assert secret_of(tools, "A", "kind", url) == Secret("x")
    with pytest.raises(ConfigProblem, match="no secret 'B'"):
        secret_of(tools, "B", "kind", url)
    with pytest.raises(ConfigProblem):
        secret_of(Tools(http=Http()), "A", "kind", url)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://evil.example/health", "evil.example"),
        ("https://good.example.evil.example/", "good.example.evil.example"),
        ("https://good.example@evil.example/", "evil.example"),
        ("https://evil.example/https://good.example/", "evil.example"),
        ("https://evil.example#@good.example/", "evil.example"),
        ("https://sub.good.example/", "sub.good.example"),
        ("https://good.example./", "good.example."),
        ("https://narrow.example/", "narrow.example"),
        ("https://narrow.example:8443/", "narrow.example:8443"),
        ("http://[::2]:9/", "[::2]:9"),
        ("ftp://good.example/", "what is no URL"),
        ("//good.example/", "what is no URL"),
        ("https://[good.example/", "what is no URL"),
        ("", "what is no URL"),
    ],
)
def test_a_secret_is_not_sent_to_where_it_is_not_lent(url: str, place: str) -> None:
    """Whoever writes the file of a repository cannot have an operator's secret sent to a place of their own."""
    tools = Tools(http=Http(), secrets=lent("good.example", "narrow.example:9443", "[::1]", A="hunter22"))

    with pytest.raises(ConfigProblem) as caught:
        secret_of(tools, "A", "kind", "https://good.example/", url)
    assert f"kind: the secret 'A' is not to be sent to {place}." in str(caught.value)
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://GOOD.example:8443/x", "http://good.example", "https://narrow.example:9443/", "http://[::1]:9/"]
)
def test_a_secret_is_sent_to_where_it_is_lent(url: str) -> None:
    """A host stands for all its ports, a host with a port for that one."""
    tools = Tools(http=Http(), secrets=lent("good.example", "narrow.example:9443", "[::1]", A="hunter22"))

    assert secret_of(tools, "A", "kind", url) == Secret("hunter22")
    with pytest.raises(ConfigProblem, match="what is no URL"):
        secret_of(tools, "A", "kind")
