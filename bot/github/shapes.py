"""From GitHub's JSON to our types: only the fields that we use, checked once, and no list that is quietly cut short."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from gidgethub.abc import GitHubAPI
from msgspec import Struct

from bot.core.errors import Refused, Transient
from bot.core.model import Login, RepoName

T = TypeVar("T")
PAGE = 100  # the most that GitHub gives at once
MOST = 3_000  # items of one list; more than that is not looked through


class Actor(Struct, frozen=True):
    """Somebody, as GitHub names them everywhere."""

    login: str
    type: str = "User"


class AppRef(Struct, frozen=True):
    """The App behind a comment or a check run."""

    id: int
    slug: str = ""


def shaped(data: Any, kind: type[T], what: str) -> T:
    """The data as this type. Transient, naming the field, when GitHub's answer has another form than it describes."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise Transient(f"{what}: GitHub's answer has an unexpected form: {error}") from error


def login(actor: Actor | None) -> Login:
    """Whoever deleted their account is shown as ghost, on GitHub too."""
    return Login(actor.login if actor else "ghost")


def is_bot(actor: Actor | None) -> bool:
    """Whether this is no person. An account that is gone cannot speak for a person either."""
    return actor is None or actor.type != "User"


def at(repo: RepoName, *parts: str | int, **query: str | int | None) -> str:
    """The path of something in a repository: every part is quoted whole, a slash in a branch's name too.

    A query value of None is left out.
    """
    path = "/".join(["/repos", quote(repo, safe="/"), *(quote(str(part), safe="") for part in parts)])
    asked = {key: value for key, value in query.items() if value is not None}
    return f"{path}?{urlencode(asked)}" if asked else path


def below(url: str, path: str) -> str:
    """The path of something whose own name may have slashes that count: a ref, or a file."""
    return f"{url}/{quote(path, safe='/')}"


async def item(gh: GitHubAPI, url: str, kind: type[T]) -> T:
    """One thing. Missing when it is not there."""
    return shaped(await gh.getitem(url), kind, f"GET {url}")


async def each(gh: GitHubAPI, url: str, kind: type[T], *, key: str = "") -> AsyncIterator[T]:
    """One thing of a list after the other, page by page. key: where an answer holds them, if it is no bare list."""
    joined = "&" if "?" in url else "?"
    try:
        async for one in gh.getiter(f"{url}{joined}per_page={PAGE}", iterable_key=key or None):
            # gidgethub walks over the names of the fields, or the letters, where no list is.
            if isinstance(one, str):
                raise Transient(f"GET {url}: GitHub's answer has no list {key!r}")
            yield shaped(one, kind, f"GET {url}")
    except TypeError as error:  # from gidgethub, where it is nothing to walk over at all
        raise Transient(f"GET {url}: GitHub's answer has an unexpected form: {error}") from error


async def every(gh: GitHubAPI, url: str, kind: type[T], *, key: str = "", most: int = MOST) -> tuple[T, ...]:
    """All things of a list, over all its pages.

    Refused when there are more than `most`: a part must never pass for the whole.
    """
    found: list[T] = []
    async for one in each(gh, url, kind, key=key):
        found.append(one)
        if len(found) > most:
            raise Refused(f"GET {url}: there are more than {most}, which is more than is looked through")
    return tuple(found)
