"""Who may read: pages tell of private repositories, so they answer this machine alone, or who knows the token."""

from __future__ import annotations

import hmac
from ipaddress import ip_address

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.tools.secrets import Secret

OPEN = frozenset({"/github", "/healthz"})
READING = frozenset({"GET", "HEAD", "OPTIONS"})
HINTS = "/hints/"  # its door knows whom to believe


def guard(token: Secret | None, write: Secret | None = None) -> Middleware:
    """A middleware. token: what `Authorization: Bearer` must carry; None lets only this machine read.

    write: what it must carry to change something; None lets nobody.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        is_open = request.path in OPEN or request.path.startswith(HINTS)
        if not is_open and request.method not in READING:
            if write is None:
                raise web.HTTPForbidden(text="SUREFOOT_WRITE_TOKEN is not set, so nothing can be changed here.")
            if not _carries(request, write):
                raise web.HTTPForbidden(text="The token is not the one of SUREFOOT_WRITE_TOKEN.")
        elif not is_open and not _may_read(request, token):
            raise web.HTTPForbidden(
                text="Pages answer this machine alone. Set SUREFOOT_READ_TOKEN and send it as a bearer token."
            )
        response = await handler(request)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'")
        return response

    return check


def _carries(request: web.Request, token: Secret) -> bool:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return hmac.compare_digest(given.encode(errors="surrogateescape"), token.reveal().encode())


def _may_read(request: web.Request, token: Secret | None) -> bool:
    if token is not None:
        return _carries(request, token)
    # A proxy in front makes every caller look like this machine.
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        return ip_address(request.remote or "").is_loopback
    except ValueError:
        return False
