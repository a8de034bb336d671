"""Decide where a provider's requests go, and whether its key may be sent there.

A `base_url` and the name of a variable come from a file that a pull request can change; the content of the variable is
the user's. So a key is sent only to the home origin of its type, to loopback, or to an origin that the user has listed
in the environment; and it is read only from a variable that its type declares, or that the user has listed there.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.trust import listed_words
from reconciler.providers.declaration import Declaration, ProviderFactory
from reconciler.providers.http.origins import BadBase, Base, WebOrigin, parse_base
from reconciler.providers.registry import REGISTRY
from reconciler.providers.secret import NO_KEY_SENT, Key, NoKey

TRUSTED_ORIGINS = "RECONCILER_TRUSTED_ORIGINS"
"""Environment variable: origins that a key may be sent to, separated by commas or spaces."""

TRUSTED_KEYS = "RECONCILER_TRUSTED_KEYS"
"""Environment variable: names of variables that may be read and sent as keys, separated by commas or spaces."""


def base_of(settings: ProviderSettings) -> Base | BadBase:
    """The server of this provider: `base_url`, or the home of its type."""
    return parse_base(settings.base_url or REGISTRY.declared(settings).home)


def key_variable(settings: ProviderSettings) -> str:
    """The name of the variable that holds the key; "" if none is sent."""
    declared = REGISTRY.declared(settings)
    if settings.api_key_env or (settings.base_url and not _is_home(declared, settings.base_url)):
        return settings.api_key_env
    return next(iter(declared.key_variables), "")


def _is_home(declared: Declaration, url: str) -> bool:
    """Whether an address is the provider's own one, written out."""
    base = parse_base(url)
    return isinstance(base, Base) and str(base.origin) == declared.home


def key_for(settings: ProviderSettings, environ: Mapping[str, str]) -> Key | NoKey:
    """The key to send with this provider's requests, or the reason that none may be sent."""
    declared, base = REGISTRY.declared(settings), base_of(settings)
    refused = refusal_of(settings, environ)
    if refused is not None:
        return refused
    if isinstance(base, Base) and base.origin.unencrypted and base.origin not in trusted_origins(environ):
        return NoKey(
            f"{base.origin} is not encrypted: prompts, images and a key could be read and changed on their way",
            f"if you trust that network, put {base.origin} into the environment variable {TRUSTED_ORIGINS}",
        )
    if not settings.traits.needs_key:
        return NO_KEY_SENT
    if isinstance(base, BadBase):
        hint = "correct base_url in reconciler.yaml: https://…, or http:// and a server on this machine"
        return NoKey(f"providers.{settings.name}: {base.why}", hint)
    name = key_variable(settings)
    if not name:
        return NO_KEY_SENT
    if not (_at_home(declared, name, base.origin) or base.origin in trusted_origins(environ)):
        return NoKey(
            f"{name} is not sent to {base.origin}, which is not an origin that it belongs to",
            f"if you trust that server, put {base.origin} into the environment variable {TRUSTED_ORIGINS}",
        )
    if name not in declared.key_variables and name not in listed_words(environ.get(TRUSTED_KEYS, "")):
        return NoKey(
            f"{name} is not sent: reconciler.yaml may name any variable, and that one may be no key to {base.origin}",
            f"if it is, put {name} into the environment variable {TRUSTED_KEYS}",
        )
    value = environ.get(name, "").strip()
    if not value:
        return NoKey(f"{name} is not set", f"export {name}=… with a key for {base.origin}")
    if not (value.isascii() and value.isprintable() and " " not in value):
        return NoKey(f"{name} contains characters that no key may have", "set it again, without quotes or line breaks")
    return Key(value)


def refusal_of(settings: ProviderSettings, environ: Mapping[str, str]) -> NoKey | None:
    """Why a provider, or the one that draws in its pool, is not used in this environment; None if it is."""
    declared = REGISTRY.declared(settings)
    refused = declared.untrusted(settings, environ) if isinstance(declared, ProviderFactory) else None
    if refused is None and settings.inner is not None:
        return refusal_of(settings.inner, environ)
    return refused


def _at_home(declared: Declaration, name: str, origin: WebOrigin) -> bool:
    """Whether the origin is loopback, or the home of this type; a variable of another type belongs to that one."""
    if origin.loopback:
        return True
    owners = (each for each in REGISTRY.built_in.values() if name in each.key_variables)
    return next(owners, declared) is declared and str(origin) == declared.home


def trusted_origins(environ: Mapping[str, str]) -> frozenset[WebOrigin]:
    """The origins that the user trusts with keys. Words that are not origins are ignored."""
    bases = (parse_base(word) for word in listed_words(environ.get(TRUSTED_ORIGINS, "")))
    return frozenset(base.origin for base in bases if isinstance(base, Base))
