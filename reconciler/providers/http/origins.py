"""Decide where a provider's requests go, and whether its key may go there.

A base_url and the name of a variable come from a file that a pull request can change; what the variable holds is the
user's. So a key goes only to the origin that its provider is known for, to loopback, or to an origin that the user
trusts by name; and it is read only from a variable that its type is known for, or that the user trusts by name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.value import value

TRUSTED_ORIGINS = "RECONCILER_TRUSTED_ORIGINS"
"""Environment variable: origins that may have a key, between commas or spaces."""

TRUSTED_KEYS = "RECONCILER_TRUSTED_KEYS"
"""Environment variable: names of variables that may be read and sent as keys, between commas or spaces."""

HOME = {
    "gravitex": "https://api.gravitex.ai",
    "gemini": "https://generativelanguage.googleapis.com",
    "openai": "https://api.openai.com",
}
"""The origin that each type is known for."""

KEY_VARIABLES = {"gravitex": "GRAVITEX_API_KEY", "gemini": "GEMINI_API_KEY", "openai": "OPENAI_API_KEY"}
"""The variable that is read where `api_key_env` is not set and the server is the provider's own."""

KNOWN_VARIABLES = {kind: frozenset({name}) for kind, name in KEY_VARIABLES.items()}
KNOWN_VARIABLES["gemini"] |= {"GOOGLE_API_KEY"}
"""The variables that hold nothing but a key to that type: any other may be some other secret of the user's."""

# Strict on purpose: what this does not match is refused, so no second parser can read another host out of it.
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
        """Whether it can only be this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


@value
class Base:
    """A server and the path below which its API lies (no slash at the end)."""

    origin: WebOrigin
    path: str = ""

    def url(self, path: str) -> str:
        """The address of `/v1/…`; a base that already ends in `/v1` is not given another."""
        version = "/" + path.split("/", 2)[1]
        return f"{self.origin}{self.path.removesuffix(version)}{path}"


@value
class BadBase:
    """Why an address cannot be used."""

    why: str


def parse_base(url: str) -> Base | BadBase:
    """A base_url, read strictly: no user, query or fragment; https unless it is this machine."""
    match = _BASE_URL.fullmatch(url)
    if match is None:
        return BadBase("base_url must read https://host, https://host:port or with a plain path after it")
    scheme, host, port, path = match.groups()
    number = int(port) if port else _PORTS[scheme]
    if not 0 < number < 65536:
        return BadBase(f"base_url has no port {port}")
    origin = WebOrigin(scheme, host.strip("[]").lower(), number)
    if scheme == "http" and not origin.loopback:
        return BadBase(f"{origin} is not encrypted: only a server on this machine may be spoken to by http")
    return Base(origin, (path or "").rstrip("/"))


def base_of(settings: ProviderSettings) -> Base | BadBase:
    """Where this provider's requests go."""
    return parse_base(settings.base_url or HOME.get(settings.type, ""))


@value
class Key:
    """A secret. It shows itself only to `reveal()`."""

    _value: str

    def reveal(self) -> str:
        """The key itself, for the header of a request and for nothing else."""
        return self._value

    def __repr__(self) -> str:
        return "Key(…)"


NO_KEY_SENT = Key("")
"""For servers that want none."""


@value
class NoKey:
    """Why there is no key to send, and what would help."""

    reason: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.reason}\n  hint: {self.hint}" if self.hint else self.reason


def key_variable(settings: ProviderSettings) -> str:
    """The name of the variable that holds the key; "" if none is sent."""
    if settings.api_key_env or settings.base_url:
        return settings.api_key_env
    return KEY_VARIABLES.get(settings.type, "")


def key_for(settings: ProviderSettings, environ: Mapping[str, str]) -> Key | NoKey:
    """The key to send, if there is one and it may go where this provider's requests go."""
    base = base_of(settings)
    if isinstance(base, BadBase):
        hint = "correct base_url in reconciler.yaml: https://…, or http:// and a server on this machine"
        return NoKey(f"providers.{settings.name}: {base.why}", hint)
    name = key_variable(settings)
    if not name:
        return NO_KEY_SENT
    if not (_at_home(settings.type, name, base.origin) or base.origin in trusted_origins(environ)):
        return NoKey(
            f"{name} is not sent to {base.origin}, which is not an origin that it belongs to",
            f"if you trust that server, put {base.origin} into the environment variable {TRUSTED_ORIGINS}",
        )
    if name not in KNOWN_VARIABLES.get(settings.type, ()) and name not in _words(environ.get(TRUSTED_KEYS, "")):
        return NoKey(
            f"{name} is not sent: reconciler.yaml may name any variable, and that one may be no key to {base.origin}",
            f"if it is, put {name} into the environment variable {TRUSTED_KEYS}",
        )
    value = environ.get(name, "").strip()
    if not value:
        return NoKey(f"{name} is not set", f"export {name}=… with a key for {base.origin}")
    if not (value.isascii() and value.isprintable() and " " not in value):
        return NoKey(f"{name} holds characters that no key has", "set it again, without quotes or line breaks")
    return Key(value)


def _at_home(kind: str, name: str, origin: WebOrigin) -> bool:
    """Whether the origin is loopback or the one this provider, and this variable, are known for."""
    if origin.loopback:
        return True
    owner = next((owner for owner, variables in KNOWN_VARIABLES.items() if name in variables), kind)
    return owner == kind and str(origin) == HOME.get(kind)


def trusted_origins(environ: Mapping[str, str]) -> frozenset[WebOrigin]:
    """The origins that the user trusts with keys; what cannot be read is ignored."""
    bases = (parse_base(word) for word in _words(environ.get(TRUSTED_ORIGINS, "")))
    return frozenset(base.origin for base in bases if isinstance(base, Base))


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()
