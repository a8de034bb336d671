"""Make the provider that settings describe, and ask a server for its list of models.

Apart from the registry because it imports the network client, which most commands do not need.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from reconciler.core.jobs import Jobs
from reconciler.core.outcome import Outcome, Rejected, Stop
from reconciler.core.ports import ImageRequest, OnResponse, Provider, References, Spool, ignore_response
from reconciler.core.specs.settings import ProviderSettings
from reconciler.providers.declaration import AtEnd, Dialect, ProviderFactory, Resources, ServerTest, never_called
from reconciler.providers.http.client import Http, HttpAnswer
from reconciler.providers.http.origins import BadBase
from reconciler.providers.http.request import WireRequest
from reconciler.providers.keys import base_of, key_for
from reconciler.providers.models.table import ModelTable
from reconciler.providers.registry import REGISTRY
from reconciler.providers.remote import Remote, secret_header
from reconciler.providers.responses.api_error import api_error_of
from reconciler.providers.responses.body import open_answer
from reconciler.providers.responses.redact import redact
from reconciler.providers.responses.reply import JsonReply
from reconciler.providers.secret import NO_KEY_SENT, Key, NoKey

if TYPE_CHECKING:
    from reconciler.providers.batches.provider import BatchProvider


def connect(
    settings: ProviderSettings,
    *,
    environ: Mapping[str, str],
    spool: Spool,
    references: References,
    models: ModelTable,
    http: Http | None = None,
    at_end: AtEnd = never_called,
) -> Provider:
    """The provider that these settings describe. Without its key it rejects every request before sending it.

    `at_end` registers functions to call after the run.
    """
    declared, key = REGISTRY.declared(settings), key_for(settings, environ)
    if isinstance(declared, Dialect):
        return Remote(
            declared,
            settings,
            key=key,
            spool=spool,
            references=references,
            http=http or Http(settings),
            models=models,
        )
    if isinstance(key, NoKey):
        return _WithoutKey(key)
    return declared.create(settings, Resources(spool, references, key, at_end, Http))


def connect_batches(
    settings: ProviderSettings, *, environ: Mapping[str, str], spool: Spool, models: ModelTable
) -> BatchProvider | str:
    """The batches of the provider that these settings describe, or why they cannot be used."""
    from reconciler.providers.batches.provider import BatchProvider  # noqa: PLC0415 - few commands need batches

    declared, key, base = REGISTRY.declared(settings), key_for(settings, environ), base_of(settings)
    if not isinstance(declared, Dialect) or declared.batches is None:
        return f"providers.{settings.name}: {settings.type} has no batches"
    if isinstance(key, NoKey):
        return key.reason
    if isinstance(base, BadBase):
        return f"providers.{settings.name}: {base.why}"
    return BatchProvider(
        declared,
        settings,
        api=declared.batches(),
        base=base,
        key=key,
        spool=spool,
        models=models,
        http=Http(settings),
    )


def connect_jobs(
    settings: ProviderSettings,
    *,
    environ: Mapping[str, str],
    spool: Spool,
    references: References,
    models: ModelTable,
    http: Http | None = None,
) -> Jobs | None:
    """The provider that these settings describe, if it works with jobs."""
    declared = REGISTRY.declared(settings)
    if isinstance(declared, ProviderFactory):
        if declared.paid_jobs is None or not settings.charges or isinstance(key_for(settings, environ), NoKey):
            return None
        return declared.paid_jobs(settings, Resources(spool, references, NO_KEY_SENT, never_called, Http))
    if declared.jobs is None:
        return None
    from reconciler.providers.jobs.remote import RemoteJobs  # noqa: PLC0415 - few providers work with jobs

    return RemoteJobs(
        declared,
        declared.jobs(),
        settings,
        key=key_for(settings, environ),
        spool=spool,
        references=references,
        http=http or Http(settings),
        models=models,
    )


class _WithoutKey:
    """A core.ports.Provider in place of one whose key is missing."""

    def __init__(self, key: NoKey) -> None:
        self._key = key

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        """Always Rejected."""
        return Rejected(str(self._key), Stop.BAD_KEY)


async def list_models(
    settings: ProviderSettings, key: Key | NoKey, *, spool: Spool, http: Http | None = None
) -> ServerTest:
    """Request the list of models: it costs nothing, and needs the same key and network as a paid request. A server of
    another kind is asked as its declaration says."""
    base = base_of(settings)
    if isinstance(key, NoKey):
        return ServerTest(False, key.reason)
    if isinstance(base, BadBase):
        return ServerTest(False, base.why)
    dialect = REGISTRY.declared(settings)
    if isinstance(dialect, ProviderFactory) and dialect.try_server is not None:
        return await dialect.try_server(settings, spool, Http)
    if not isinstance(dialect, Dialect) or not dialect.models_path:
        return ServerTest(False, "cannot be tested: this type of provider has no list of models")
    secret = secret_header(dialect, key)
    url = base.url(dialect.models_path)
    answered = await (http or Http(settings)).send(WireRequest("GET", url), secret=secret, spool=spool)
    if not isinstance(answered, HttpAnswer):
        return ServerTest(False, redact(f"{base.origin}: {answered.message}", key=key))
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
        return ServerTest(False, redact(f"{base.origin}: {reply.status} {api_error_of(reply)}", key=key))
    shown = tuple(redact(name, key=key) for name in names)
    return ServerTest(True, f"{base.origin}: works, {len(shown)} models", shown)


_NAMES = ("id", "name", "model_name", "title")


def _names(value: object) -> tuple[str, ...] | None:
    """The names in OpenAI's or Google's list of models, or in a bare list of them; None if the JSON is neither."""
    entries = value.get("data", value.get("models", value.get("results"))) if isinstance(value, Mapping) else value
    if not isinstance(entries, list):
        return None
    names = (
        next((entry[key] for key in _NAMES if entry.get(key)), "") for entry in entries if isinstance(entry, Mapping)
    )
    return tuple(sorted(name.removeprefix("models/") for name in names if isinstance(name, str)))
