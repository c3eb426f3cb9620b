"""The App at one GitHub: its own voice, one voice for each installation, and tokens for git that can only read."""

from __future__ import annotations

from datetime import datetime

import aiohttp
from gidgethub.abc import GitHubAPI
from msgspec import Struct

from bot.core.model import InstallationId, RepoName
from bot.github import shapes
from bot.github.client import Client, Line, Manners, line
from bot.github.tokens import AppKey, Scope, Token, Tokens
from bot.tools.secrets import Secret

GITHUB = "https://api.github.com"


class _Minted(Struct):
    token: str
    expires_at: datetime


class Forge:
    """Made once; every client it hands out keeps its token fresh by itself and lives as long as the forge."""

    def __init__(
        self,
        app_id: int | str,
        private_key_pem: str,
        *,
        session: aiohttp.ClientSession,
        api_url: str = GITHUB,
        manners: Manners | None = None,
    ) -> None:
        """Touches no network. ConfigProblem when the key cannot be used."""
        self.line: Line = line(session, api_url, manners)
        clock = self.line.manners.clock
        self._app_id = str(app_id)
        self._app = Client(
            self.line, "app", AppKey(app_id, private_key_pem, clock=clock).credential, app_id=self._app_id
        )
        self._tokens = Tokens(self._mint, clock=clock)
        self._clients: dict[InstallationId, Client] = {}

    def app(self) -> GitHubAPI:
        """Speak as the App itself: /app and its hooks, installations and deliveries."""
        return self._app

    async def installation(self, installation: InstallationId) -> GitHubAPI:
        """Speak for one installation. Missing when it is gone, Refused when it is suspended."""
        await self._tokens.get(Scope(installation=installation))
        return self._client(installation)

    async def token(self, installation: InstallationId, repo: RepoName) -> Secret:
        """A token for git that can read the contents of this one repository and nothing else."""
        return Secret(await self._tokens.get(Scope(installation=installation, repo=repo)))

    def forget(self, installation: InstallationId) -> None:
        """Drop what is kept of an installation that is gone: its client and its tokens."""
        self._clients.pop(installation, None)
        self._tokens.forget(installation)

    def git_url(self, repo: RepoName) -> str:
        """Where git finds this repository."""
        return f"{self.line.web_url}/{repo}.git"

    def _client(self, installation: InstallationId) -> Client:
        async def credential(stale: str | None = None) -> str | None:
            return await self._tokens.get(Scope(installation=installation), stale=stale)

        if installation not in self._clients:
            who = f"installation:{installation}"
            self._clients[installation] = Client(self.line, who, credential, app_id=self._app_id)
        return self._clients[installation]

    async def _mint(self, scope: Scope) -> Token:
        data: object = b""  # no body at all: everything that the installation grants
        if scope.repo is not None:
            data = {"repositories": [scope.repo.partition("/")[2]], "permissions": {"contents": "read"}}
        url = f"/app/installations/{scope.installation}/access_tokens"
        minted = shapes.shaped(await self._app.post(url, data=data), _Minted, f"POST {url}")
        return Token(value=minted.token, expires=minted.expires_at.timestamp())
