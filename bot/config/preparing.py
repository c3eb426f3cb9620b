"""What `simulate.prepare` says, and which places the operator opens for it; every error names its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import urlsplit

from bot.core.errors import ConfigProblem
from bot.core.preparing import Prepare
from bot.tools.places import Node, text, texts

_FOLDER = re.compile(r"[A-Za-z0-9_.@+-]{1,100}(/[A-Za-z0-9_.@+-]{1,100}){0,10}")
_PATTERN = re.compile(r"[A-Za-z0-9_.@+*?-]{1,100}(/[A-Za-z0-9_.@+*?-]{1,100}){0,20}")
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*(:[0-9]{1,5})?")
_REPOSITORY = re.compile(r"[a-z0-9_-]{1,100}(/[a-z0-9_.-]{1,100})?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,100}")
# Where the lab's own words stand; a report must not be led elsewhere.
_OURS = frozenset({"HOME", "PATH", "TMPDIR"})
_MOST, _MOST_VALUE = 100, 4096
_MEND = "Write run: with the command, files: with what it reads, and keep: with the folders that it makes"


def prepare(node: Node) -> Prepare | None:
    """The section; None where it is absent. ConfigProblem for what is missing, or leads out of the tree."""
    if not node.names():
        return None
    made = Prepare(
        run=node.take("run", text, "").strip(),
        files=node.take("files", patterns, ()),
        keep=node.take("keep", _folders, ()),
        writable=node.take("writable", _folders, ()),
        hosts=node.take("hosts", _hosts, ()),
        env=node.take("env", _variables, {}),
    )
    for key, there in (("run", made.run), ("files", made.files), ("keep", made.keep or made.writable)):
        if not there:
            raise ConfigProblem(f"needs {key}", where=node.where(), mend=_MEND)
    folders = sorted((*made.keep, *made.writable))
    for one, other in pairwise(folders):
        if f"{other}/".startswith(f"{one}/"):
            raise ConfigProblem(f"{other} lies in {one}", where=node.where("keep"), mend=f"Name {one} alone")
    node.done()
    return made


def patterns(value: object) -> tuple[str, ...]:
    """Paths of a tree, with stars where there may be anything; ValueError for what leads out of it."""
    return _each(value, _PATTERN, "a path in the repository, as Gemfile, lib/*.gemspec or **/pom.xml")


def _folders(value: object) -> tuple[str, ...]:
    return _each(value, _FOLDER, "a folder in the repository, as vendor/bundle")


def _each(value: object, form: re.Pattern[str], words: str) -> tuple[str, ...]:
    found = tuple(one.rstrip("/") for one in texts(value))
    for one in found:
        if not form.fullmatch(one) or {".", "..", ".git"} & set(one.split("/")):
            raise ValueError(f"{one[:200]!r} is not {words}")
    return _few(found)


def _few(found: tuple[str, ...]) -> tuple[str, ...]:
    if len(found) > _MOST:
        raise ValueError(f"names more than {_MOST}")
    return tuple(dict.fromkeys(found))


def _hosts(value: object) -> tuple[str, ...]:
    found = tuple(one.lower() for one in texts(value))
    for one in found:
        if not _HOST.fullmatch(one):
            raise ValueError(f"{one[:200]!r} is not the name of a host, as rubygems.example or rubygems.example:8443")
    return _few(found)


def _variables(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError("must be a mapping of names to texts")
    found = {text(name): text(one) for name, one in value.items()}
    for name, one in found.items():
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"{name[:200]!r} is not the name of a variable")
        if name in _OURS or name.startswith("SUREFOOT_"):
            raise ValueError(f"{name} is set by the lab itself")
        if len(one) > _MOST_VALUE or "\0" in one:
            raise ValueError(f"{name} is longer than {_MOST_VALUE} signs, or holds what no variable can")
    _few(tuple(found))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A place that the operator opens. url: where it is; stands_for: as tools spell it, where that is another one.

    token, or username and secret: the login; token and secret are names of variables. repositories: to whose commands;
    none: to those of all.
    """

    url: str
    stands_for: str
    username: str = ""
    secret: str = ""
    token: str = ""
    repositories: tuple[str, ...] = ()


def opened(node: Node) -> Opened:
    """One place that commands of repositories may fetch from while they prepare.

    ConfigProblem for what is no URL of a place, or half a login.
    """
    url = node.take("url", _url, "")
    if not url:
        raise ConfigProblem("needs a url", where=node.where(), mend="Write url: https://registry.example/path")
    made = Opened(
        url=url,
        stands_for=node.take("stands_for", _url, url),
        username=node.take("username", text, ""),
        secret=node.take("secret", text, ""),
        token=node.take("token", text, ""),
        repositories=node.take("repositories", _repositories, ()),
    )
    if bool(made.username) != bool(made.secret) or (made.token and made.secret):
        mend = "Write token, or username and secret; token and secret are names of variables"
        raise ConfigProblem("has half a login, or two", where=node.where(), mend=mend)
    node.done()
    return made


def _repositories(value: object) -> tuple[str, ...]:
    """In small letters, as GitHub compares them. A list of nobody is refused, as it would else be open to all."""
    found = tuple(one.lower() for one in texts(value))
    if not found:
        raise ValueError("names nobody: name owners or repositories, or leave it out to open the place to all")
    for one in found:
        if not _REPOSITORY.fullmatch(one):
            raise ValueError(f"{one[:200]!r} is not the name of an owner or a repository, as acme or acme/shop")
    return _few(found)


def _url(value: object) -> str:
    found = text(value).rstrip("/")
    split = urlsplit(found)
    plain = found.isascii() and found.isprintable() and not re.search(r"[\\\s@?#]|/\.{1,2}(/|$)", found)
    if split.scheme not in ("http", "https") or not split.hostname or not plain:
        # What stands in it may be a login by mistake, and must not be shown.
        raise ValueError("must be the URL of a place, as https://registry.example/path, without a login or a query")
    return found
