"""Which addresses a request may reach: no manifest and no redirect leads into the operator's own network."""

from __future__ import annotations

import socket
from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.core.errors import Refused

Network: TypeAlias = IPv4Network | IPv6Network
Address: TypeAlias = IPv4Address | IPv6Address

NAT64 = ip_network("64:ff9b::/96")


def inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one carries (mapped, 6to4, Teredo, NAT64), since that is where the packets end."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


def is_public(address: Address) -> bool:
    """Whether it is an ordinary address of the Internet: not private, loopback, link-local, metadata or multicast."""
    real = inner(address)
    if isinstance(real, IPv6Address) and real.is_site_local:
        return False  # given up since 2004, and still what virtual machines call their host by
    return real.is_global and not real.is_multicast and not real.is_reserved


def may_reach(text: str, allow: Sequence[Network] = ()) -> bool:
    """Whether a numeric address may be connected to. allow: networks that the operator opened by name."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return is_public(address) or any(
        real in network for real in {address, inner(address)} for network in allow if real.version == network.version
    )


class CarefulResolver(AbstractResolver):
    """Resolves names, and refuses a name as a whole when any of its addresses may not be reached.

    aiohttp connects to exactly what this returns, so a name cannot change its meaning between the look and the act.
    trusted: host names that the operator configured himself, whose addresses are not questioned.
    """

    def __init__(self, *, allow: Sequence[Network] = (), trusted: Collection[str] = ()) -> None:
        self._allow = tuple(allow)
        self._trusted = frozenset(name.lower() for name in trusted)
        self._below = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a name. Refused when one of them is none of the Internet's."""
        found = await self._below.resolve(host, port, family)
        if host.lower().rstrip(".") not in self._trusted:
            for one in found:
                if not may_reach(one["host"].partition("%")[0], self._allow):
                    raise Refused(f"{host} leads to {one['host']}, which is not a public address")
        return found

    async def close(self) -> None:
        """Nothing is held open."""
        await self._below.close()
