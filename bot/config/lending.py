"""Secrets that an operator lends: to which repositories and for which hosts. What the file does not say is not lent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from bot.core.errors import ConfigProblem
from bot.tools.places import Node, load_list, text, texts
from bot.tools.secrets import Lent, Secret

WHERE = "SUREFOOT_SECRETS"
# The bot's own: whoever could name one of these as a token would hold the bot.
OWN = frozenset(
    {
        "PRIVATE_KEY",
        "WEBHOOK_SECRET",
        "SUREFOOT_READ_TOKEN",
        "SUREFOOT_WRITE_TOKEN",
        "SUREFOOT_HINTS_SECRET",
        "SUREFOOT_RUNNER_TOKEN",
        "DATABASE_URL",
    }
)
MOST_BYTES = 64 * 1024  # of the list, and of one secret
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_GLOB = re.compile(r"[^/\s]+/[^/\s]+")
T = TypeVar("T")


def read(env: Mapping[str, str]) -> tuple[Lent, ...]:
    """The secrets of the file that SUREFOOT_SECRETS names; none where it is unset.

    ConfigProblem with file and line for what cannot be meant or is not there; its words never hold a secret.
    """
    if not (name := env.get(WHERE)):
        return ()
    path = Path(name)
    found = [_lent(node, env, path.parent) for node in load_list(_text(path, WHERE), name)]
    names = [one.name for one in found]
    if twice := {one for one in names if names.count(one) > 1}:
        raise ConfigProblem(f"two secrets bear the name {min(twice)!r}", where=name)
    return tuple(found)


def lookup(lent: Sequence[Lent], repo: str) -> Callable[[str], Lent | None]:
    """What an adapter that works for this repository may ask: a secret by its name, if it is lent to it."""
    return {one.name: one for one in lent if one.is_for(repo)}.get


def _lent(node: Node, env: Mapping[str, str], folder: Path) -> Lent:
    made = Lent(
        name=_named(node, "name", _name),
        value=_value(node, env, folder),
        repositories=_named(node, "repositories", _globs),
        hosts=frozenset(_named(node, "hosts", _hosts)),
    )
    node.done()
    return made


def _named(node: Node, key: str, read: Callable[[object], T]) -> T:
    """A key that must be there: whoever is left out gets nothing, and nothing is lent to everybody by mistake."""
    if not (found := node.take(key, read, None)):
        raise ConfigProblem(f"needs {key}", where=node.where(), mend="Write name, env or file, repositories and hosts")
    return found


def _value(node: Node, env: Mapping[str, str], folder: Path) -> Secret:
    variable, file = node.take("env", text, ""), node.take("file", text, "")
    if bool(variable) == bool(file):
        raise ConfigProblem("needs either env or file", where=node.where(), mend="Name where the secret itself is")
    if variable in OWN:
        raise ConfigProblem(f"{variable} is the bot's own and is never lent", where=node.where("env"))
    where = node.where("file" if file else "env")
    value = (_text(folder / file, where) if file else env.get(variable, "")).strip()
    if not value:
        raise ConfigProblem(f"there is nothing in {file or variable}", where=where, mend="Set it where the bot runs")
    if not (value.isascii() and value.isprintable()):
        raise ConfigProblem(f"what is in {file or variable} has signs that no header can carry", where=where)
    return Secret(value)


def _text(path: Path, where: str) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(MOST_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigProblem(f"{path} cannot be read: {why}", where=where) from None


def _name(value: object) -> str:
    return _like(_NAME, text(value), "a name of letters, digits, dots, dashes and underscores")


def _globs(value: object) -> tuple[str, ...]:
    return tuple(_like(_GLOB, one, 'a glob with an owner, as "acme/*"') for one in texts(value))


def _hosts(value: object) -> tuple[str, ...]:
    words = "the name of a host, as metrics.example.com or metrics.example.com:9090"
    return tuple(_like(_HOST, one.lower(), words) for one in texts(value))


def _like(form: re.Pattern[str], given: str, words: str) -> str:
    if not form.fullmatch(given):
        raise ValueError(f"{given!r} is not {words}")
    return given
