"""Decide which network addresses a picture may be fetched from: public ones only, whatever name leads there."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(text: str) -> bool:
    """Whether an IP address is one of the open internet; what carries another address inside counts as that one."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(inner.is_global and not inner.is_multicast for inner in (address, *_inside(address)))


def _inside(address: Address) -> Iterable[Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [found for found in inner if found is not None]


def public_address(addresses: Iterable[str]) -> str:
    """The address to connect to; "" if any of them is not public, since a name may not mix the two."""
    found = list(addresses)
    return found[0] if found and all(map(is_public, found)) else ""
