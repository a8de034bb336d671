"""Decide which IP addresses an image may be downloaded from: public ones only, whatever host name was given."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(text: str) -> bool:
    """Whether an IP address is on the public internet. So must be every IPv4 address that an IPv6 address embeds."""
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
    """The first address; "" if there is none, or if any of them is not public."""
    found = list(addresses)
    return found[0] if found and all(map(is_public, found)) else ""
