"""Who may read: pages tell of private repositories, so they answer this machine alone, or who knows the token."""

from __future__ import annotations

import hmac
from ipaddress import ip_address

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from yarl import URL

from bot.tools.secrets import Secret

OPEN = frozenset({"/github", "/healthz"})
READING = frozenset({"GET", "HEAD", "OPTIONS"})
HINTS = "/hints/"  # its door knows whom to believe
# What proxies add to say for whom they ask, in small letters; all that begins with `x-forwarded` does too.
PROXIES = frozenset({"forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"})
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


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
        try:
            response = await handler(request)
        except web.HTTPException as said:
            _careful(said)
            raise
        _careful(response)
        return response

    return check


def _careful(response: web.StreamResponse) -> None:
    """What a browser must know: nothing foreign runs in a page or frames it, and nobody keeps what it showed."""
    for name, value in HEADERS.items():
        if not response.prepared:
            response.headers.setdefault(name, value)


def _carries(request: web.Request, token: Secret) -> bool:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return hmac.compare_digest(given.encode(errors="surrogateescape"), token.reveal().encode())


def _may_read(request: web.Request, token: Secret | None) -> bool:
    if token is not None:
        return _carries(request, token)
    # A proxy in front makes every caller look like this machine.
    if any(name.lower() in PROXIES or name.lower().startswith("x-forwarded") for name in request.headers):
        return False
    # A foreign page in a browser of this machine may call it by a name of its own, which it made lead here.
    return _is_here(request.remote or "") and _is_here(_host(request))


def _host(request: web.Request) -> str:
    """What the caller thinks that this machine is called, without the port."""
    try:
        return URL(f"http://{request.host}").host or ""
    except ValueError:
        return ""


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
