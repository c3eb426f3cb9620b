"""Who we are to GitHub: the App's key is read once, installation tokens are kept, and neither is ever printed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import jwt
from cachetools import TLRUCache
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bot.core.errors import ConfigProblem
from bot.core.model import InstallationId, RepoName

EARLY = 300.0  # seconds before its end in which a token is renewed
LEAST = 60.0  # seconds a fresh token is used even if our clock says that it is over
MOST_KEPT = 4_096
BACKDATED = 60  # seconds; GitHub refuses a JWT from its future, and clocks differ
JWT_LIFE = 9 * 60  # seconds; GitHub takes at most ten minutes
JWT_USE = 7 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A secret and its end, in seconds since 1970. Its length and its form are GitHub's business."""

    value: str = field(repr=False)
    expires: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a token is for. repo: only to read the contents of this one; None: all that the installation grants."""

    installation: InstallationId
    repo: RepoName | None = None


def _key(pem: str) -> RSAPrivateKey:
    mend = "Give the whole PEM file that GitHub let you download, in PRIVATE_KEY or by PRIVATE_KEY_PATH"
    try:
        # Many hosts only take one line for a variable, so people write the line ends as \n.
        key = load_pem_private_key(pem.replace("\\n", "\n").encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # No "from": the parser's words may quote the key.
        raise ConfigProblem("this is no private key in PEM form", where="PRIVATE_KEY", mend=mend) from None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigProblem("this is a private key, but not an RSA one", where="PRIVATE_KEY", mend=mend)
    return key


class AppKey:
    """The App's own identity. Parsing the key costs 150 times what signing with it does, so it happens here, once."""

    def __init__(self, app_id: int | str, pem: str, *, clock: Callable[[], float] = time.time) -> None:
        """ConfigProblem when the key cannot be used; its text never holds a part of the key."""
        self.app_id = str(app_id)
        self._key = _key(pem)
        self._clock = clock
        self._made = Token(value="", expires=0.0)

    async def credential(self, stale: str | None = None) -> str:
        """A JWT to speak as the App; a new one when the last is old or is the one that was refused."""
        now = self._clock()
        if now >= self._made.expires or stale == self._made.value:
            self._made = Token(value=self._sign(int(now)), expires=now + JWT_USE)
        return self._made.value

    def _sign(self, now: int) -> str:
        issued = now - BACKDATED
        claims = {"iat": issued, "exp": issued + JWT_LIFE, "iss": self.app_id}
        return jwt.encode(claims, self._key, algorithm="RS256")


class Tokens:
    """Installation tokens: one request for any number who wait, renewed early, forgotten when refused."""

    def __init__(self, mint: Callable[[Scope], Awaitable[Token]], *, clock: Callable[[], float] = time.time) -> None:
        self._mint = mint
        self._clock = clock
        self._under_way: dict[Scope, asyncio.Task[Token]] = {}
        self._kept: TLRUCache[Scope, Token] = TLRUCache(maxsize=MOST_KEPT, ttu=_useful_until, timer=clock)

    async def get(self, scope: Scope, *, stale: str | None = None) -> str:
        """The token of this scope. stale: one that GitHub has just refused, so that it is not given again."""
        kept = self._kept.get(scope)
        if kept is not None and kept.value != stale:
            return kept.value
        self._kept.pop(scope, None)
        if scope not in self._under_way:
            task = asyncio.create_task(self._renew(scope))
            self._under_way[scope] = task
            task.add_done_callback(lambda done: self._landed(scope, done))
        # Shielded: one who stops waiting must not take the token away from the others.
        return (await asyncio.shield(self._under_way[scope])).value

    def forget(self, installation: InstallationId) -> None:
        """Drop its tokens, which GitHub takes no longer."""
        for scope in [scope for scope in self._kept if scope.installation == installation]:
            self._kept.pop(scope, None)

    async def _renew(self, scope: Scope) -> Token:
        token = await self._mint(scope)
        self._kept[scope] = token
        return token

    def _landed(self, scope: Scope, task: asyncio.Task[Token]) -> None:
        del self._under_way[scope]
        if not task.cancelled():
            task.exception()  # seen, even if everybody who waited has gone


def _useful_until(_scope: Scope, token: Token, now: float) -> float:
    return max(token.expires - EARLY, now + LEAST)
