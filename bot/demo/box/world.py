"""One world: who exists, what they own, which secrets open what, and what time it is. Routes act; it remembers."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import string
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt

from bot.demo.box.deliveries import Deliveries
from bot.demo.box.errors import not_found
from bot.demo.box.faults import Faults
from bot.demo.box.git import Git
from bot.demo.box.limits import Limits
from bot.demo.box.moves import Move
from bot.demo.box.rows import Account, App, Installation, Repo, Token

ACTIONS_APP_ID = 15368  # GitHub Actions' own App, on github.com too
log = logging.getLogger(__name__)
LOG_MOST = 5000  # exchanges that are remembered; an answer has some 10 kB
LETTERS = string.ascii_letters + string.digits


def utc_now() -> datetime:
    """Now, to the second: GitHub's timestamps have no fraction."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """``2026-01-31T12:00:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def maybe_stamp(moment: datetime | None) -> str | None:
    """A stamp, or null for what has not happened."""
    return stamp(moment) if moment else None


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request and its answer, for whoever validates them. ``path`` has no /api/v3 and no query."""

    method: str
    path: str
    template: str
    query: dict[str, str]
    body: Any
    status: int = 0
    response: Any = None
    actor: str = ""


class World:
    """All state of one box."""

    def __init__(self, data_dir: Path, *, now: Callable[[], datetime] = utc_now) -> None:
        self.data_dir = data_dir
        self.now = now
        self.url = ""
        self._ids = itertools.count(1001)
        self.signing_key = secrets.token_bytes(32)  # of download addresses and long tokens
        self.accounts: dict[str, Account] = {}
        self.repos: dict[str, Repo] = {}
        self.renamed: dict[str, Repo] = {}  # what a repository was called before, while nothing else has the name
        self.moves: dict[int, list[Move]] = {}  # by repository: who moved its branches, oldest first
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}
        self.tokens: dict[str, Token] = {}
        self.faults = Faults(now)
        self.limits = Limits(now)
        self.deliveries = Deliveries(now, self.faults, self.next_id)
        self.log: deque[Exchange] = deque(maxlen=LOG_MOST)
        self.job_env: dict[str, str] = {}  # what every workflow job finds in its environment, beside GitHub's own
        self.secrets: dict[str, str] = {}  # ${{ secrets.NAME }} in workflows
        self.job_slots = asyncio.Semaphore(2)
        self._tasks: set[asyncio.Task[Any]] = set()
        self.when_changed: Callable[[Repo], Awaitable[None]] | None = None  # told of a repo whose checks may be green
        self.actions = self._actions_app()

    def next_id(self) -> int:
        """A number that no other thing of this world has."""
        return next(self._ids)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run in the background until it ends or the box stops."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("something in the background of the box broke", exc_info=error)

    async def settle(self) -> None:
        """Wait until no workflow runs and every webhook has left. A run at a gate runs until the gate is answered."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.deliveries.settle()

    async def stop(self) -> None:
        """Cancel what runs and close the line of the webhooks."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.deliveries.stop()

    def add_account(self, login: str, kind: str) -> Account:
        """Make an account, or find the one of that name."""
        found = self.accounts.get(login.lower())
        if found is None:
            found = Account(id=self.next_id(), login=login, kind=kind, created_at=self.now())
            self.accounts[login.lower()] = found
        return found

    def account(self, login: str) -> Account:
        """An account by its login; 404 where there is none."""
        found = self.accounts.get(login.lower())
        if found is None:
            raise not_found()
        return found

    def by_email(self, email: str) -> Account | None:
        """The account to which a commit's address belongs."""
        login = email.partition("+")[2].removesuffix("@users.noreply.github.com")
        return self.accounts.get(login.lower()) if login else None

    def repo_of(self, owner: str, name: str) -> Repo | None:
        """A repository by its two names, case ignored."""
        return self.repos.get(f"{owner}/{name}".lower())

    def led_on(self, path: str) -> str | None:
        """Where a path leads that begins with a repository's name of before; None for every other path."""
        _, top, owner, name, *rest = (*path.split("/"), "", "", "")
        found = self.renamed.get(f"{owner}/{name}".lower())
        if top != "repos" or found is None or self.repo_of(owner, name):
            return None
        return "/".join(["/repos", found.full_name, *rest]).rstrip("/")

    async def add_repo(self, owner: Account, name: str, *, private: bool = False) -> Repo:
        """An empty repository, with its bare git on disk."""
        number, now = self.next_id(), self.now()
        # The folder of the name belongs to whoever had the name before.
        folder = f"{name}-{number}" if f"{owner.login}/{name}".lower() in self.renamed else name
        git = Git(self.data_dir / owner.login / f"{folder}.git")
        await git.create("main")
        repo = Repo(id=number, owner=owner, name=name, private=private, git=git, created_at=now, pushed_at=now)
        self.repos[repo.full_name.lower()] = repo
        return repo

    def user_token(self, account: Account) -> str:
        """A personal access token for a user."""
        text = "ghp_" + "".join(secrets.choice(LETTERS) for _ in range(36))
        self.tokens[text] = Token(account=account)
        return text

    def installation_token(self, token: Token) -> str:
        """File an installation token and return its text, in the form that its App is switched to."""
        assert token.installation is not None and token.expires_at is not None
        app = token.installation.app
        text = "ghs_" + "".join(secrets.choice(LETTERS) for _ in range(36))
        if app.long_tokens:
            claims = {
                "sub": str(token.installation.id),
                "jti": secrets.token_hex(64),
                "exp": int(token.expires_at.timestamp()),
            }
            text = f"ghs_{app.id}_{jwt.encode(claims, self.signing_key, algorithm='HS256')}"
        self.tokens[text] = token
        return text

    def installations_on(self, repo: Repo) -> list[Installation]:
        """The installations that have this repository."""
        return [
            one for one in self.installations.values() if one.suspended_at is None and repo.id in self.repos_of(one)
        ]

    def repos_of(self, installation: Installation) -> dict[int, Repo]:
        """The repositories of an installation, by id."""
        mine = [repo for repo in self.repos.values() if repo.owner is installation.account]
        return {repo.id: repo for repo in mine if installation.selection == "all" or repo.id in installation.repo_ids}

    def _actions_app(self) -> App:
        """GitHub Actions: the App behind the check runs of workflows."""
        owner = self.add_account("github", "Organization")
        bot = self.add_account("github-actions[bot]", "Bot")
        app = App(
            id=ACTIONS_APP_ID,
            slug="github-actions",
            name="GitHub Actions",
            owner=owner,
            bot=bot,
            permissions={"actions": "write", "checks": "write", "contents": "write", "metadata": "read"},
            events=[],
            public_key=None,
            webhook_url="",
            webhook_secret="",
            hook_id=0,
            created_at=self.now(),
        )
        self.apps[app.id] = app
        return app
