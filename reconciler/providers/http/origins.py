"""Read the address of a server strictly: a `base_url` comes from a file that a pull request can change."""

from __future__ import annotations

import ipaddress
import re

from reconciler.core.value import value

# Strict on purpose: everything else is refused, so no other URL parser can find another host in it.
_BASE_URL = re.compile(r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(/[A-Za-z0-9._~/-]*)?")
_PORTS = {"http": 80, "https": 443}


@value
class WebOrigin:
    """Scheme, host in lower case (IPv6 without brackets), port."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")

    @property
    def loopback(self) -> bool:
        """Whether it is certainly this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def unencrypted(self) -> bool:
        """Whether others in the network can read what is sent to it."""
        return self.scheme == "http" and not self.loopback


_INTERNAL_NAMES = (".internal", ".local", ".lan", ".home.arpa")


def is_internal(host: str) -> bool:
    """Whether a host is certainly not public: a private address, the name of a service, or a name of a local network.
    Link-local addresses are left out: those of clouds give secrets away."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_INTERNAL_NAMES)
    return any(address in network for network in _PRIVATE if network.version == address.version)


_PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))


def is_local(host: str) -> bool:
    """Whether a request to this host belongs to no proxy: loopback in any spelling, and names below `.localhost`.

    More than `WebOrigin.loopback`: a resolver may send such a name elsewhere, and a key needs certainty.
    """
    host = host.lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and (address.is_loopback or address.is_unspecified)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address that the resolver of the system reads in a host, `127.1` and `0x7f000001` included."""
    parts = host.split(".")
    try:
        if not all(re.fullmatch(r"0x[0-9a-f]{0,8}|[0-9]{1,11}", part) for part in parts) or len(parts) > 4:
            address = ipaddress.ip_address(host)
            return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address
        *high, last = (int(part, 16 if "x" in part else 8 if part.startswith("0") else 10) for part in parts)
        number = last + sum(value << 24 - 8 * place for place, value in enumerate(high))
        return ipaddress.IPv4Address(number)
    except ValueError:
        return None


@value
class Base:
    """A server and the path below which its API lies (no slash at the end)."""

    origin: WebOrigin
    path: str = ""

    def url(self, path: str) -> str:
        """The URL of `/v1/…`; the version is not repeated for a base that ends in `/v1`."""
        version = "/" + path.split("/", 2)[1]
        return f"{self.origin}{self.path.removesuffix(version)}{path}"


@value
class BadBase:
    """The reason that a base_url cannot be used."""

    why: str


def parse_base(url: str) -> Base | BadBase:
    """Parse a base_url strictly: no user, query or fragment; https, or http to this machine or in a private network."""
    match = _BASE_URL.fullmatch(url)
    if match is None:
        return BadBase("base_url must read https://host, https://host:port or with a plain path after it")
    scheme, host, port, path = match.groups()
    number = int(port) if port else _PORTS[scheme]
    if not 0 < number < 65536:
        return BadBase(f"base_url has no port {port}")
    origin = WebOrigin(scheme, host.strip("[]").lower(), number)
    if origin.unencrypted and not is_internal(origin.host):
        fact = "only a server on this machine or in a private network may be used without https"
        return BadBase(f"{origin} is not encrypted: {fact}")
    return Base(origin, (path or "").rstrip("/"))
