"""Decide whether the team's store may be used: it stands in a file that a pull request can change."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from reconciler.core.errors import ProjectError
from reconciler.core.team.settings import TRUSTED_STORES
from reconciler.core.team.store_url import BadStoreUrl, StoreUrl, parse_store_url
from reconciler.core.trust import listed_words
from reconciler.store.trusted_file import add_trusted, read_trusted
from reconciler.team.clouds import CLOUDS, endpoint_of

_SENT = "pictures, prompts and credentials would go there"


def require_trust(url: StoreUrl, root: Path, environ: Mapping[str, str]) -> None:
    """ProjectError unless the user has named this store, or it needs no trust: a public web server, which is read
    without credentials, and a folder inside the project."""
    if url.is_public_web or (url.is_file and _inside(url, root)):
        return
    if not is_trusted(str(url), environ):
        hint = f"if it is your team's: `reconciler team trust {url}`, or put it into {TRUSTED_STORES}"
        raise ProjectError(f"the store {url} is not used before you trust it: {_danger(url)}", hint=hint)


def require_endpoint(url: StoreUrl, environ: Mapping[str, str]) -> bool:
    """Whether requests may go unencrypted. ProjectError for an unencrypted server that is neither this machine nor
    trusted."""
    cloud = CLOUDS.get(url.scheme)
    endpoint = None if cloud is None else endpoint_of(cloud, environ)
    if endpoint is None or endpoint.encrypted:
        return False
    if not endpoint.loopback and not is_trusted(endpoint.url, environ):
        fact = f"{endpoint.variable} names a server that is not encrypted: {_SENT} for others to read"
        hint = f"if you trust that network, put {endpoint.url} into {TRUSTED_STORES}"
        raise ProjectError(fact, hint=hint)
    return True


def is_trusted(address: str, environ: Mapping[str, str]) -> bool:
    """Whether the user has listed this address, or one above it."""
    listed = {each.rstrip("/") for each in (*listed_words(environ.get(TRUSTED_STORES, "")), *read_trusted(environ))}
    return any(address == each or address.startswith(f"{each}/") for each in listed if _names_a_place(each))


def trust_store(text: str, environ: Mapping[str, str]) -> tuple[StoreUrl, Path]:
    """Add a store to the user's list. ProjectError for what is no address of a store."""
    url = parse_store_url(text)
    if isinstance(url, BadStoreUrl):
        raise ProjectError(f"{text} {url.fact}", hint=url.hint)
    return url, add_trusted(environ, str(url))


def _danger(url: StoreUrl) -> str:
    """What could happen if a stranger had named this store."""
    if url.is_file:
        return "it could be any folder of yours"
    return "a server of your own network would be asked" if url.is_web else _SENT


def _names_a_place(listed: str) -> bool:
    """Whether a listed address names a bucket, a host or a folder: `s3:/` alone trusts nothing."""
    scheme, _, rest = listed.partition("://")
    return bool(scheme and rest.strip("/"))


def _inside(url: StoreUrl, root: Path) -> bool:
    return Path(os.path.realpath(f"/{url.path}")).is_relative_to(os.path.realpath(root))
