"""What registries and Alertmanager send, read to names: which version it was, and whether it is good, is never read.

The payloads are those of the CNCF distribution, Docker Hub, Harbor, Quay, Nexus and Artifactory, of Alertmanager's
webhook, and a form of our own for whoever can run curl. The host that a registry gives for itself is not read either:
it is often not the one that its users write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from bot.core.errors import Permanent
from bot.core.events import Alerted, Event, Hinted, Ignored
from bot.core.hints import bounded
from bot.core.model import RepoName

PREFIX = "hint."  # of the name under which such a delivery lies in the inbox
LABELS = ("surefoot_repository", "repository")  # of an alert; the first one that is there counts
MOST_FOLDERS = 12  # of a path in Artifactory

# What changes a list. That something was pulled or scanned does not, and happens all the time.
_MOVES = frozenset({"push", "delete"})
_LISTED = ("manifest", "index")  # in the media types of what has a tag; an image's many layers come as events, too
_HARBOR = frozenset(
    {
        "PUSH_ARTIFACT",
        "DELETE_ARTIFACT",
        "UPLOAD_CHART",
        "DELETE_CHART",
        "harbor.artifact.pushed",
        "harbor.artifact.deleted",
    }
)
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}")


class _Target(msgspec.Struct, frozen=True):
    """mediaType is not told of what was deleted."""

    repository: str = ""
    media: str = msgspec.field(name="mediaType", default=_LISTED[0])


class _Notification(msgspec.Struct, frozen=True):
    action: str = "delete"  # the documented example of a deletion has none
    target: _Target = _Target()


class _Distribution(msgspec.Struct, frozen=True):
    events: list[_Notification]


class _HubRepository(msgspec.Struct, frozen=True):
    repo_name: str


class _Hub(msgspec.Struct, frozen=True):
    repository: _HubRepository


class _HarborRepository(msgspec.Struct, frozen=True):
    repo_full_name: str = ""


class _HarborData(msgspec.Struct, frozen=True):
    repository: _HarborRepository = _HarborRepository()


class _Harbor(msgspec.Struct, frozen=True):
    """event_data in Harbor's own format, data in its CloudEvents."""

    type: str
    event_data: _HarborData = _HarborData()
    data: _HarborData = _HarborData()


class _Quay(msgspec.Struct, frozen=True):
    repository: str


class _Stored(msgspec.Struct, frozen=True):
    name: str
    group: str | None = None


class _Nexus(msgspec.Struct, frozen=True):
    component: _Stored | None = None
    asset: _Stored | None = None


class _Artifact(msgspec.Struct, frozen=True):
    path: str = ""
    image_name: str = ""


class _Artifactory(msgspec.Struct, frozen=True):
    data: _Artifact


class _Generic(msgspec.Struct, frozen=True):
    names: list[str]


class _Alert(msgspec.Struct, frozen=True):
    status: str = "firing"
    labels: dict[str, str] = {}


class _Alerts(msgspec.Struct, frozen=True):
    alerts: list[_Alert]


def _image(name: str) -> Iterator[str]:
    """Docker Hub's own images are written without the `library` that they lie in."""
    yield name
    if name.startswith("library/"):
        yield name.removeprefix("library/")


def _distribution(told: _Distribution) -> Iterator[str]:
    for event in told.events:
        if event.action in _MOVES and any(part in event.target.media for part in _LISTED):
            yield from _image(event.target.repository)


def _hub(told: _Hub) -> Iterator[str]:
    return _image(told.repository.repo_name)


def _harbor(told: _Harbor) -> Iterator[str]:
    if told.type in _HARBOR:
        yield told.event_data.repository.repo_full_name or told.data.repository.repo_full_name


def _quay(told: _Quay) -> Iterator[str]:
    yield told.repository


def _nexus(told: _Nexus) -> Iterator[str]:
    """A group is Maven's, or npm's scope, or a vendor of Composer; each writes it its own way."""
    stored = told.component or told.asset
    if stored is None:
        return
    if stored.group:
        yield from (f"{stored.group}:{stored.name}", f"{stored.group}/{stored.name}", f"@{stored.group}/{stored.name}")
    else:
        yield from _image(stored.name)


def _artifactory(told: _Artifactory) -> Iterator[str]:
    """Of what is no image only the path is told: a package bears the name of one of the folders that its file is in."""
    if told.data.image_name:
        yield from _image(told.data.image_name)
        return
    folders = told.data.path.split("/")[:-1][:MOST_FOLDERS]
    for end in range(1, len(folders) + 1):
        yield "/".join(folders[:end])
        if end > 1:
            yield f"{'.'.join(folders[: end - 1])}:{folders[end - 1]}"  # org/acme/lib/1.2/lib-1.2.jar


def _generic(told: _Generic) -> Iterator[str]:
    yield from told.names


# Made before there are threads: two that work a type out at once end the process (msgspec 0.22).
_READERS: Mapping[str, tuple[msgspec.json.Decoder[Any], Callable[[Any], Iterator[str]]]] = {
    "artifactory": (msgspec.json.Decoder(_Artifactory), _artifactory),
    "distribution": (msgspec.json.Decoder(_Distribution), _distribution),
    "dockerhub": (msgspec.json.Decoder(_Hub), _hub),
    "generic": (msgspec.json.Decoder(_Generic), _generic),
    "harbor": (msgspec.json.Decoder(_Harbor), _harbor),
    "nexus": (msgspec.json.Decoder(_Nexus), _nexus),
    "quay": (msgspec.json.Decoder(_Quay), _quay),
}
_ALERTS = msgspec.json.Decoder(_Alerts)
ALERTMANAGER = "alertmanager"
KINDS = frozenset({*_READERS, ALERTMANAGER})


def is_hint(event: str) -> bool:
    """Whether a delivery of this name came in by the door for hints."""
    return event.removeprefix(PREFIX) in KINDS and event.startswith(PREFIX)


def parse(event: str, body: bytes) -> Event:
    """What a hint names; Ignored, saying why, where that is nothing. Permanent for a body of another form.

    event: as `is_hint` knows it.
    """
    kind = event.removeprefix(PREFIX)
    try:
        if kind == ALERTMANAGER:
            return _alerted(_ALERTS.decode(body))
        decoder, reader = _READERS[kind]
        names = bounded(reader(decoder.decode(body)))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Permanent(f"this is no notification as {kind} sends it: {error}") from error
    return Hinted(names=names) if names else Ignored(name=f"{event}: it names nothing that was published or deleted")


def _alerted(told: _Alerts) -> Event:
    """What is over is no reason to look. A repository is looked at once, however many alerts name it."""
    firing = [alert.labels for alert in told.alerts if alert.status == "firing"]
    named = (next((labels[one] for one in LABELS if one in labels), "") for labels in firing)
    repos = tuple(RepoName(name) for name in bounded(name for name in named if _REPOSITORY.fullmatch(name)))
    if repos:
        return Alerted(repos=repos)
    return Ignored(name=f"hint.alertmanager: no firing alert has a label {' or '.join(LABELS)} that is owner/name")
