"""What goes in and out of the store, and how it is spelled on disk. What cannot be read back is never written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

import msgspec
from sqlalchemy import Connection

from bot.core.alerts import Word
from bot.core.events import Mail
from bot.core.model import Entry, InstallationId, RepoName, Update, UpdateId

# Puts the work of a key on the engine's queue in the caller's transaction; the same key and number twice is harmless.
Enqueue: TypeAlias = Callable[[Connection, str, int], None]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook as it came. guid: GitHub's own, the same for every redelivery. body: the bytes that were signed."""

    guid: str
    event: str
    received: datetime
    body: bytes
    installation: InstallationId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoRow:
    """A repository that the App was installed on. Inactive ones stay, for what was said and done there.

    due: when to look again (UTC). seq > done_seq: news came that nobody looked at. notes: JSON, the caller's own.
    number: GitHub's own, None while it is not known. archived: nothing can be changed there until it is taken back.
    """

    name: RepoName
    installation: InstallationId
    active: bool = True
    default_branch: str | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    due: datetime | None = None
    ver: int = 0
    seq: int = 0
    done_seq: int = 0
    tries: int = 0
    number: int | None = None
    archived: bool = False

    @property
    def rests(self) -> bool:
        """Whether nothing may be done there now."""
        return self.archived or not self.active


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRow:
    """An update with its place in the work. mail: what it has not heard yet, in the order it came.

    said: the voice's own memory, from what was said to what it was like. said_ver: the ver said in full.
    """

    update: Update
    ver: int
    seq: int
    done_seq: int
    tries: int
    due: datetime | None
    said: Mapping[str, str]
    said_ver: int
    mail: tuple[Mail, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """All that one save writes, in one transaction. heard: the keys of the mail that was read."""

    update: Update
    entries: tuple[Entry, ...] = ()
    due: datetime | None = None
    heard: tuple[str, ...] = ()
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who may do what must not race, and since when. It ends when the holder gives it back, not by time."""

    name: str
    holder: str
    since: datetime


def key_of(update: UpdateId) -> str:
    """The work key of an update."""
    return f"u:{update}"


def repo_key(name: str) -> str:
    """Repository names differ in more than case: GitHub spells them as their owner likes, and finds them anyway."""
    return name.lower()


def repo_work(name: str) -> str:
    """The work key of a repository."""
    return f"r:{repo_key(name)}"


# msgspec works a type out when it first meets it, and where two threads meet it at once the process ends in a
# segmentation fault (seen in 0.22). So all are worked out here, while there is one thread.
_READERS: Mapping[type[Any], msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind) for kind in (Update, Entry, Mail, Word)
}


def dump(value: Any, kind: type[T]) -> str:
    """As JSON. ValueError when it could not be read back: a number that is not finite, half a character."""
    encoded = msgspec.json.encode(value)
    try:
        _READERS[kind].decode(encoded)
    except msgspec.ValidationError as error:
        raise ValueError(f"this {kind.__name__} could not be read back: {error}") from error
    return encoded.decode()


def parse(text: str, kind: type[T]) -> T:
    """The reverse of `dump`; fields that have come since take their defaults, those that have gone are left out."""
    read: T = _READERS[kind].decode(text)
    return read
