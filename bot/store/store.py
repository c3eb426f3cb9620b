"""The store's face: each call is one transaction, answered when it is on disk; one contract for both databases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from bot.core import files
from bot.core.alerts import Heard
from bot.core.events import Concern
from bot.core.model import Component, Entry, InstallationId, Release, RepoName, State, Update, UpdateId
from bot.store import inbox, registered, repos, shelf, updates, words, work
from bot.store.database import Database
from bot.store.rows import Change, Delivery, Enqueue, Lease, RepoRow, UpdateRow
from bot.tools.sightings import key_of, listing_of, unpack


class Store:
    """url: sqlite:///file or postgresql://…; enqueue: puts a work key on the engine's queue in the same transaction.

    Work keys are "u:<update id>" and "r:<owner/name in lower case>". Every call may raise Transient when the database
    is away. All times are aware, and UTC when they come back.
    """

    def __init__(self, url: str, *, enqueue: Enqueue) -> None:
        self._db = Database(url)
        self._enqueue = enqueue
        self._gathering = inbox.Gathering(lambda batch: self._db.write(inbox.keep_all, batch))

    async def migrate(self) -> None:
        """Bring the tables up to date. ConfigProblem when a newer version made them."""
        await self._db.migrate()

    def close(self) -> None:
        """Wait for what runs and let go."""
        self._db.close()

    # The inbox

    async def keep(self, delivery: Delivery) -> bool:
        """Put a delivery on disk; False when this GUID was there. Calls that come together share one commit."""
        return await self._gathering.keep(delivery)

    async def has(self, guid: str) -> bool:
        """Whether a delivery is on disk, drained or not."""
        return await self._db.read(inbox.has, guid)

    async def undrained(self, limit: int = 100) -> list[Delivery]:
        """Deliveries that nobody has followed up yet, the oldest first."""
        return await self._db.read(inbox.undrained, limit)

    async def drain(self, guid: str, concern: Concern | None, *, now: datetime) -> bool:
        """All that follows from a delivery, once: repositories, mail, news for the rows concerned, their work enqueued.

        concern None: it could not be understood and is put away. False when it was drained before.
        """
        return await self._db.write(inbox.drain, guid, concern, now=now, enqueue=self._enqueue)

    # Repositories

    async def repo(self, name: str) -> RepoRow | None:
        """By name in any case, active or not."""
        return await self._db.read(repos.one, name)

    async def repos(self) -> tuple[RepoRow, ...]:
        """All that the App was ever installed on, by name."""
        return await self._db.read(repos.every)

    async def save_repo(self, row: RepoRow, *, due: datetime | None, tries: int = 0) -> RepoRow:
        """Write notes and default branch and settle its news; Stale when it changed since it was read."""
        return await self._db.write(repos.save, row, due=due, tries=tries)

    async def install(
        self,
        names: Sequence[RepoName],
        installation: InstallationId,
        *,
        numbers: Mapping[RepoName, int] | None = None,
        now: datetime,
    ) -> None:
        """As the installation event does, for who learns of it by asking. numbers: GitHub's own, by which a repository
        that has another name now stays the same row.
        """
        told = numbers or {}
        await self._db.write(repos.install, names, installation, numbers=told, now=now, enqueue=self._enqueue)

    # Updates

    async def load(self, uid: UpdateId) -> UpdateRow | None:
        """The row with the mail that it has not heard."""
        return await self._db.read(updates.load, uid)

    async def add(self, update: Update, entry: Entry, *, due: datetime | None = None, enqueue: bool = True) -> bool:
        """A new row with its first line of audit; False, and nothing changed, when this update was known."""
        return await self._db.write(updates.add, update, entry, due=due, enqueue=self._enqueue if enqueue else None)

    async def save(
        self,
        row: UpdateRow,
        update: Update,
        *,
        entries: Sequence[Entry] = (),
        due: datetime | None = None,
        heard: Collection[str] = (),
        tries: int = 0,
    ) -> UpdateRow:
        """The update, its audit and what it heard, in one transaction; the row as it is then, news and mail included.

        Stale when it changed since it was read. The news that `row` knew of are settled. due is taken only when no
        others came meanwhile: their run is on its way and will say when the next is due.
        """
        change = Change(update=update, entries=tuple(entries), due=due, heard=tuple(heard), tries=tries)
        return await self._db.write(updates.save, row, change)

    async def say(self, uid: UpdateId, said: Mapping[str, str], *, ver: int | None = None) -> None:
        """Remember what was said; no row gets stale by it. ver: the row's version, once it was said in full."""
        await self._db.write(updates.say, uid, said, ver=ver)

    async def unsaid(self, limit: int = 100) -> tuple[UpdateId, ...]:
        """Updates saved since they were last said in full."""
        return await self._db.read(updates.unsaid, limit)

    async def of_repo(self, repo: str, *, open_only: bool = False) -> tuple[Update, ...]:
        """Updates of a repository, the one that changed last at the end. open_only: those that have not ended."""
        return await self._db.read(updates.of_repo, repo, open_only=open_only)

    async def of_component(self, repo: str, component: Component) -> tuple[Update, ...]:
        """Updates of one component in a repository, ended ones too."""
        return await self._db.read(updates.of_component, repo, component)

    async def siblings(self, update: Update) -> tuple[Update, ...]:
        """All updates in its repository of what this one moves, alone or in a group, and those of the same group."""
        return await self._db.read(updates.siblings, update)

    async def recent(self, limit: int = 50) -> tuple[Update, ...]:
        """What changed last, over all repositories, the latest first."""
        return await self._db.read(updates.recent, limit)

    async def standing(self) -> Mapping[State, int]:
        """How many updates that have not ended are in each state; a state without any is left out."""
        return await self._db.read(updates.standing)

    async def audit(self, uid: UpdateId) -> tuple[Entry, ...]:
        """What happened to an update, in order."""
        return await self._db.read(updates.entries, uid)

    # Time

    async def due(self, now: datetime, limit: int = 100) -> list[str]:
        """Work keys whose time has come, the longest waiting first; nothing is changed."""
        return await self._db.read(work.due, now, limit)

    async def wake(self, keys: Collection[str], *, now: datetime) -> list[str]:
        """Enqueue these as if there were news, and clear the due times that have passed. Returns those that exist."""
        return await self._db.write(work.wake, keys, now=now, enqueue=self._enqueue)

    async def wake_due(self, now: datetime, limit: int = 100) -> list[str]:
        """`due` and `wake` in one transaction."""
        return await self._db.write(work.wake_due, now=now, limit=limit, enqueue=self._enqueue)

    async def behind(self, older_than: datetime, limit: int = 100) -> list[str]:
        """Work keys with news from before `older_than` that nobody looked at; to be healed with `wake`."""
        return await self._db.read(work.behind, older_than, limit)

    # Small things

    async def lease(self, name: str, holder: str, *, now: datetime) -> str:
        """Take it if it is free; returns who holds it now."""
        return await self._db.write(shelf.lease, name, holder, now=now)

    async def release(self, name: str, holder: str) -> None:
        """Give it back; what another holds is left alone."""
        await self._db.write(shelf.release, name, holder)

    async def leases(self) -> tuple[Lease, ...]:
        """All that are held."""
        return await self._db.read(shelf.held)

    async def get(self, key: str) -> str | None:
        """A named value; None when there is none."""
        return await self._db.read(shelf.get, key)

    async def put(self, key: str, value: str) -> None:
        """Set a named value."""
        await self._db.write(shelf.put, key, value)

    async def first(self, component: Component, release: Release, now: datetime) -> datetime:
        """When this version, with this digest, was first seen by any process (`core.ports.Sightings`)."""
        return await self._db.write(shelf.first_seen, key_of(component, release), now=now)

    async def altered(self, component: Component, releases: Sequence[Release], now: datetime) -> Mapping[str, str]:
        """What was swapped of their files since any process first listed them (`core.ports.Sightings`)."""
        keyed = {listing_of(component, one.version): one for one in releases if files.digests(one)}
        if not keyed:
            return {}
        kept = await self._db.read(shelf.listings_of, list(keyed))
        news = {key: one for key, one in keyed.items() if not shelf.is_kept(kept.get(key), one, now)}
        if news:  # most looks find nothing new, and write nothing
            kept = {**kept, **await self._db.write(shelf.keep_listings, news, now=now)}
        told = {one.version: unpack(kept[key][0]).altered for key, one in keyed.items()}
        return {version: why for version, why in told.items() if why}

    async def words(self) -> tuple[Heard, ...]:
        """What GitHub said of packages that are in use here, the latest first."""
        return await self._db.read(words.every)

    async def asides(self, repo: str) -> frozenset[str]:
        """The advisories that somebody set aside in this repository."""
        return await self._db.read(words.asides_of, repo)

    async def registered(self, repo: RepoName) -> tuple[str, ...]:
        """What was registered for a repository by the API, as it was given."""
        return await self._db.read(registered.every, repo)

    async def register(self, repo: RepoName, component: Component, document: str) -> None:
        """In the place of what was said of this component before. `registered.TooMany`."""
        await self._db.write(registered.keep, repo, component, document)

    async def unregister(self, repo: RepoName, component: Component) -> bool:
        """Whether it was there."""
        return await self._db.write(registered.forget, repo, component)

    async def prune(self, before: datetime) -> int:
        """Delete drained deliveries and mail older than this; returns how many."""
        return await self._db.write(shelf.prune, before)
