"""A login goes to the host that it is for and to no other, and over no wire that everybody can read.

Option `logins` of several kinds: for each host (with its port, where it is not the usual one) the name of a secret
that holds the password or token, the user's name where the host asks for one, and, for image registries whose tokens
come from a host of another domain, that host as `token-host`.

    logins: {registry.example: {username: robot, secret: REGISTRY_PASSWORD}}
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec

from bot.adapters import Tools, secret_of
from bot.core.errors import Refused
from bot.tools.secrets import Secret

ANYBODY = "x-access-token"  # where the token alone tells who asks any name does, and GitHub wants this one
PORTS = {"http": 80, "https": 443}


class Login(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One login as an option gives it. secret: the name of the secret, never the secret itself."""

    secret: str
    username: str = ANYBODY
    token_host: str = msgspec.field(name="token-host", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    username: str
    secret: Secret
    token_host: str


class Logins:
    """Who we are, host by host."""

    def __init__(self, known: Mapping[str, _Known]) -> None:
        self._known = known

    def header(self, host: str, url: str) -> dict[str, str]:
        """The Authorization header for the login of `host`, to be sent to `url`; empty where there is none.

        Refused when the URL is not the host's own, or would carry the login readable through a network.
        """
        login = self._known.get(host)
        if login is None:
            return {}
        asked = host_of(url)
        if not _belongs(asked, host, login.token_host):
            raise Refused(
                f"{host} sends us to {asked} with its login, which is not of its domain. If that is right, write "
                f"token-host: {asked} beside the login"
            )
        if not is_private_way(url):
            raise Refused(f"the login for {host} is not sent over plain http; write https")
        pair = f"{login.username}:{login.secret.reveal()}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    def __contains__(self, host: object) -> bool:
        return host in self._known


def logins_of(options: Mapping[str, Login], tools: Tools, kind: str) -> Logins:
    """The logins of an adapter's options. ConfigProblem when one names a secret that nobody set."""
    known = {}
    for host, login in options.items():
        places = [f"https://{one}" for one in (host, login.token_host) if one]
        secret = secret_of(tools, login.secret, kind, *places)
        if secret is not None:
            name = login.username or ANYBODY
            known[host.lower()] = _Known(username=name, secret=secret, token_host=login.token_host.lower())
    return Logins(known)


def host_of(url: str) -> str:
    """Host and port of a URL, the port left out where it is the usual one. "" when it is no URL."""
    try:
        split = urlsplit(url)
        host, port = (split.hostname or "").lower(), split.port
    except ValueError:
        return ""
    host = f"[{host}]" if ":" in host else host
    return host if port in (None, PORTS.get(split.scheme)) else f"{host}:{port}"


def origin_of(url: str) -> str:
    """Scheme and host of a URL: who is spoken to."""
    return f"{urlsplit(url).scheme}://{host_of(url)}"


def is_private_way(url: str) -> bool:
    """Whether nobody on the way can read what is sent: https, or a server on this very machine."""
    split = urlsplit(url)
    return split.scheme == "https" or is_this_machine(split.hostname or "")


def is_this_machine(host: str) -> bool:
    """Whether a host name without port is this machine's own."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _belongs(asked: str, host: str, token_host: str) -> bool:
    """Whether a login of `host` may go to `asked`: the same, one of its domain or beside it, or one named by name.

    Where tokens come from: auth.docker.io for docker.io, gitlab.example for registry.gitlab.example.
    """
    there, mine = _bare(asked), _bare(host)
    if asked == token_host or there == mine:
        return True
    domain = mine.partition(".")[2]
    # Addresses have no domain, and one label is a whole registry of names: nobody there is related to anybody else.
    related = [name for name in (mine, domain) if "." in name and not _is_address(mine)]
    return any(there == name or there.endswith("." + name) for name in related)


def _bare(host: str) -> str:
    return urlsplit(f"//{host}").hostname or ""


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
