"""Who may read: pages tell of private repositories, so they answer this machine alone, or who knows the token."""

from __future__ import annotations

import hmac
from ipaddress import ip_address

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.tools.secrets import Secret

OPEN = frozenset({"/github", "/healthz"})
HINTS = "/hints/"  # its door knows whom to believe


def guard(token: Secret | None) -> Middleware:
    """A middleware. token: what `Authorization: Bearer` must carry; None lets only this machine read."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        is_open = request.path in OPEN or request.path.startswith(HINTS)
        if not is_open and not _may_read(request, token):
            raise web.HTTPForbidden(
                text="Pages answer this machine alone. Set SUREFOOT_READ_TOKEN and send it as a bearer token."
            )
        response = await handler(request)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'")
        return response

    return check


def _may_read(request: web.Request, token: Secret | None) -> bool:
    if token is not None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(errors="surrogateescape"), token.reveal().encode())
    # A proxy in front makes every caller look like this machine.
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        return ip_address(request.remote or "").is_loopback
    except ValueError:
        return False
