"""The providers of a project, and a free test of one of them."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from reconciler.core.errors import ProjectError
from reconciler.core.ports import Spool
from reconciler.core.provider_types import UnusableType
from reconciler.core.specs.settings import ProviderSettings, Settings
from reconciler.core.text import printable
from reconciler.core.value import value
from reconciler.providers.keys import key_for
from reconciler.providers.registry import REGISTRY
from reconciler.providers.secret import NoKey
from reconciler.store.documents.project import configured, default_providers, find_root, read_project
from reconciler.store.index.index import index_without_memory


@value
class ProviderTest:
    """Whether a provider works, on one line, and the models that it lists."""

    works: bool
    line: str
    hint: str = ""
    models: tuple[str, ...] = ()


def settings_of(directory: str | None) -> Settings:
    """The settings of the project at or above a directory; the built-in ones where there is none."""
    try:
        root = find_root(Path(directory or "."))
    except ProjectError:
        return Settings(providers=default_providers(REGISTRY))
    return read_project(root, index_without_memory(root), REGISTRY).settings


@value
class ListedProviders:
    """The providers of the settings, and installed ones that the settings do not name. `unusable` has a message for
    each installed one that cannot be used."""

    providers: tuple[ProviderSettings, ...]
    unusable: tuple[str, ...]


def list_providers(settings: Settings) -> ListedProviders:
    """Every provider that a project could name, each type at least once."""
    listed = dict(settings.providers)
    unusable = []
    for name, plugin in REGISTRY.installed():
        if isinstance(plugin, UnusableType):
            unusable.append(plugin.fact)
        elif all(one.type != name for one in listed.values()):
            listed[name] = configured(name, plugin)
    return ListedProviders(tuple(listed.values()), tuple(unusable))


def try_provider(provider: ProviderSettings, environ: Mapping[str, str]) -> ProviderTest:
    """Request a provider's list of models, which is free. A program is looked for, and not started."""
    key = key_for(provider, environ)
    if isinstance(key, NoKey):
        return ProviderTest(works=False, line=key.reason, hint=key.hint)
    if provider.command and shutil.which(provider.command[0], path=environ.get("PATH")) is None:
        fact = f"the program {printable(provider.command[0])} is not found"
        return ProviderTest(works=False, line=fact, hint="install it, or write its absolute path")
    if provider.traits.local:
        price = " and costs nothing" if provider.traits.free else ""
        return ProviderTest(works=True, line=f"works on this machine{price}")
    from reconciler.providers.connect import list_models  # noqa: PLC0415 - a network client is for --test only

    with tempfile.TemporaryDirectory(prefix="reconciler-") as folder:
        listing = asyncio.run(list_models(provider, key, spool=_TemporarySpool(Path(folder))))
    return ProviderTest(listing.works, listing.line, models=tuple(listing.models))


class _TemporarySpool:
    """A core.ports.Spool outside the project."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> tuple[Path, IO[Any]]:
        handle, name = tempfile.mkstemp(dir=self._folder)
        os.close(handle)
        return Path(name), Path(name).open("wb")

    def open_paid(self) -> tuple[Path, IO[Any]]:
        return self.open()

    def for_attempt(self, attempt: str) -> Spool:
        return self
