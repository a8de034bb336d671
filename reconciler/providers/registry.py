"""The explicit table of providers over the network, and the two things that are made from it.

It stands apart from the package's own module so that a run on drafts imports no network client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from reconciler.core.ports import References, Spool
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.value import value
from reconciler.providers.gemini import Gemini
from reconciler.providers.gravitex import Gravitex
from reconciler.providers.http.client import Http, HttpAnswer
from reconciler.providers.http.origins import BadBase, Key, NoKey, base_of, key_for
from reconciler.providers.http.request import WireRequest
from reconciler.providers.models.table import ModelTable
from reconciler.providers.openai import OpenAI
from reconciler.providers.remote import Remote
from reconciler.providers.responses.api_error import api_error_of
from reconciler.providers.responses.body import open_answer
from reconciler.providers.responses.redact import redact
from reconciler.providers.responses.reply import JsonReply

BY_TYPE: Mapping[str, type[Remote]] = {"gravitex": Gravitex, "gemini": Gemini, "openai": OpenAI}


def connect(
    settings: ProviderSettings,
    *,
    environ: Mapping[str, str],
    spool: Spool,
    references: References,
    models: ModelTable,
    http: Http | None = None,
) -> Remote:
    """The provider that these settings describe. Without a key it rejects every request, before sending it."""
    key = key_for(settings, environ)
    return BY_TYPE[settings.type](
        settings, key=key, spool=spool, references=references, http=http or Http(settings), models=models
    )


@value
class Listing:
    """What a free look at a provider gave: whether it works, one line about it, and the models it names."""

    works: bool
    line: str
    models: tuple[str, ...] = ()


async def list_models(
    settings: ProviderSettings, key: Key | NoKey, *, spool: Spool, http: Http | None = None
) -> Listing:
    """Ask for the list of models: a call that costs nothing and needs the same key and network as a paid one."""
    base = base_of(settings)
    if isinstance(key, NoKey):
        return Listing(False, key.reason)
    if isinstance(base, BadBase):
        return Listing(False, base.why)
    provider = BY_TYPE[settings.type]
    url = base.url("/v1beta/models" if settings.type == "gemini" else "/v1/models")
    answered = await (http or Http(settings)).send(WireRequest("GET", url), secret=provider.secret(key), spool=spool)
    if not isinstance(answered, HttpAnswer):
        return Listing(False, redact(f"{base.origin}: {answered.message}", key=key))
    paths = {answered.path}
    try:
        opened = await asyncio.to_thread(open_answer, answered, spool, limit=settings.body_limit)
        paths.add(opened.path)
    finally:
        for path in paths:
            path.unlink(missing_ok=True)
    reply = opened.reply
    names = _names(reply.body.value) if reply.status == 200 and isinstance(reply.body, JsonReply) else None
    if names is None:
        return Listing(False, redact(f"{base.origin}: {reply.status} {api_error_of(reply)}", key=key))
    shown = tuple(redact(name, key=key) for name in names)
    return Listing(True, f"{base.origin}: works, {len(shown)} models", shown)


def _names(value: object) -> tuple[str, ...] | None:
    """The models in either shape of a list; None if it is no list of models."""
    if not isinstance(value, Mapping):
        return None
    entries = value.get("data", value.get("models"))
    if not isinstance(entries, list):
        return None
    names = (entry.get("id") or entry.get("name") for entry in entries if isinstance(entry, Mapping))
    return tuple(sorted(name.removeprefix("models/") for name in names if isinstance(name, str)))
