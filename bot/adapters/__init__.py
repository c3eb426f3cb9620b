"""A family is a folder, a kind is a file in it; an unknown kind is refused by name, never guessed."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import msgspec

from bot.core.errors import ConfigProblem
from bot.core.model import RepoName
from bot.tools.http import Http
from bot.tools.pip import IndexSettings, index_of_pip
from bot.tools.secrets import Lent, Secret, hosts_of

if TYPE_CHECKING:
    from gidgethub.abc import GitHubAPI

Options: TypeAlias = Mapping[str, object]
S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")
_LEND = "Whoever operates the bot names its repositories and hosts in the file of SUREFOOT_SECRETS"


def _no_secret(name: str) -> Lent | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What an adapter may use, lent by whoever opens it.

    github and repo: a client that speaks for an installation, and the repository meant; None where there is none.
    secrets: what is lent under the name that a config file gives it, to be asked through `secret_of` alone.
    index: where packages come from (blocking).
    """

    http: Http
    github: GitHubAPI | None = None
    repo: RepoName | None = None
    secrets: Callable[[str], Lent | None] = field(default=_no_secret)
    index: Callable[[], IndexSettings] = field(default=index_of_pip)


def kinds(family: ModuleType) -> list[str]:
    """The kinds of a family, by the files in its folder; a name with a leading underscore is none."""
    return list(_kinds(tuple(family.__path__)))


@cache
def _kinds(folders: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(one.name for one in pkgutil.iter_modules(folders) if not one.name.startswith("_")))


class Opened(Mapping[str, T]):
    """Adapters by their kind, each opened when it is first asked for: most of a family is never needed.

    opener: of one kind; what it raises is raised by whoever asks.
    """

    def __init__(self, kinds: Iterable[str], opener: Callable[[str], T]) -> None:
        self._kinds, self._opener, self._open = tuple(kinds), opener, dict[str, T]()

    def __getitem__(self, kind: str) -> T:
        if kind not in self._open:
            if kind not in self._kinds:
                raise KeyError(kind)
            self._open[kind] = self._opener(kind)
        return self._open[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)


def open_all(
    family: ModuleType,
    tools: Tools,
    options: Mapping[str, Options] | None = None,
    *,
    where: str | Mapping[str, str] = "",
) -> dict[str, Any]:
    """Every kind of a family, by name. options: by kind, for those that are given some.

    where: whence these come, for all of them or for each. ConfigProblem for options of a kind that there is not, too.
    """
    return dict(open_when_asked(family, tools, options, where=where))


def open_when_asked(
    family: ModuleType,
    tools: Tools,
    options: Mapping[str, Options] | None = None,
    *,
    where: str | Mapping[str, str] = "",
) -> Opened[Any]:
    """The same, but only those that are given options now, so that what is wrong with them is said at once."""
    given = options or {}

    def opener(kind: str) -> Any:
        try:
            return open_one(family, kind, given.get(kind, {}), tools)
        except ConfigProblem as error:
            place = where if isinstance(where, str) else where.get(kind, "")
            raise ConfigProblem(str(error), where=place) from None

    opened = Opened(kinds(family), opener)
    for kind in given:
        _ = opened[kind] if kind in opened else opener(kind)
    return opened


def open_one(family: ModuleType, kind: str, options: Options, tools: Tools) -> Any:
    """The adapter of this kind, made by its module's `open`. ConfigProblem for an unknown kind or a wrong option."""
    known = kinds(family)
    if kind not in known:
        name = family.__name__.rpartition(".")[2]
        raise ConfigProblem(f"no {name} adapter {kind!r}", mend=f"There are: {', '.join(known) or 'none'}")
    return import_module(f"{family.__name__}.{kind}").open(options, tools)


def decode(options: Options, shape: type[S], kind: str) -> S:
    """Options as the struct that the adapter declares. ConfigProblem names a wrong, missing or unknown one."""
    try:
        return msgspec.convert(options, shape, strict=True)
    except msgspec.ValidationError as error:
        known = ", ".join(one.encode_name for one in msgspec.structs.fields(shape))
        raise ConfigProblem(f"{kind}: {error}", mend=f"Its options: {known or 'none'}") from None


class _Nothing(msgspec.Struct, forbid_unknown_fields=True):
    pass


def no_options(options: Options, kind: str) -> None:
    """ConfigProblem for any option of an adapter that takes none."""
    decode(options, _Nothing, kind)


def secret_of(tools: Tools, name: str | None, kind: str, *urls: str) -> Secret | None:
    """The secret that an option names, to be sent to these URLs' hosts; None where no name is given.

    ConfigProblem when none of that name is lent here, or it is not lent for one of the hosts: who writes a repository's
    file must not be able to send an operator's secret to a place of their own.
    """
    if not name:
        return None
    lent = tools.secrets(name)
    if lent is None:
        raise ConfigProblem(f"{kind}: there is no secret {name!r} for this repository", mend=_LEND)
    for url in urls or ("",):
        if not lent.may_go_to(url):
            place = max(hosts_of(url), key=len, default="").removesuffix(":443").removesuffix(":80")
            said = f"{kind}: the secret {name!r} is not to be sent to {place or 'what is no URL'}"
            raise ConfigProblem(said, mend=_LEND)
    return lent.value
