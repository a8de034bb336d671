"""`reconciler providers`: the providers, their keys, models and prices."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import IO, Any

import click

from reconciler.cli import options
from reconciler.core.errors import Exit, ProjectError
from reconciler.core.provider_types import UnusableType
from reconciler.core.specs.settings import ProviderSettings, Settings
from reconciler.core.suggest import did_you_mean
from reconciler.core.text import printable
from reconciler.providers.keys import key_for
from reconciler.providers.models.table import model_table
from reconciler.providers.registry import REGISTRY
from reconciler.providers.secret import NoKey
from reconciler.report.providers import model_lines, models_json, provider_json, provider_lines
from reconciler.store.documents.project import configured, default_providers, find_root, read_project
from reconciler.store.index.index import index_without_memory


@click.command(epilog="Example:  reconciler providers --test gravitex")
@options.reading_options
@click.option("--models", is_flag=True, help="List the known models and what an image costs.")
@click.option("--test", metavar="NAME", help="Ask a provider for its models, which is free. Exit 1 if it fails.")
@click.pass_obj
def command(directory: str | None, /, format_: str, models: bool, test: str | None) -> int:
    """List the providers, where their requests go, and whether their keys are set. No key is ever shown."""
    settings = _settings(directory)
    if test is not None:
        return _tested(settings, test, format_)
    table = model_table(settings.models)
    if table.problems:
        raise ProjectError("\n".join(table.problems), hint="see models: in reconciler.yaml")
    if models:
        if format_ == "json":
            options.print_json(models_json(table))
        else:
            click.echo("\n".join(model_lines(table)))
        return Exit.DONE
    listed = dict(settings.providers)
    for name, plugin in REGISTRY.installed():
        if isinstance(plugin, UnusableType):
            click.echo(f"warning: {printable(plugin.fact)}", err=True)
        elif all(one.type != name for one in listed.values()):
            listed[name] = configured(name, plugin)
    told = [provider_json(one, os.environ, chosen=settings.provider) for one in listed.values()]
    if format_ == "json":
        options.print_json({"providers": told, **models_json(table)})
    else:
        click.echo("\n".join(provider_lines(told)))
    return Exit.DONE


def _settings(directory: str | None) -> Settings:
    """The project's, or what is built in where there is no project."""
    try:
        root = find_root(Path(directory or "."))
    except ProjectError:
        return Settings(providers=default_providers(REGISTRY))
    return read_project(root, index_without_memory(root), REGISTRY).settings


def _tested(settings: Settings, name: str, format_: str) -> int:
    provider = settings.provider_settings(name)
    if provider is None:
        raise ProjectError(f'no provider is called "{name}"', hint=did_you_mean(name, settings.providers))
    works, line, hint, names = _verdict(provider)
    if format_ == "json":
        options.print_json({"provider": name, "works": works, "line": line, "hint": hint, "models": names})
    else:
        click.echo(f"{name}: {line}")
        if hint:
            click.echo(f"  hint: {hint}", err=True)
    return Exit.DONE if works else Exit.ERROR


def _verdict(provider: ProviderSettings) -> tuple[bool, str, str, list[str]]:
    """Whether it works, one line, a hint, and the models that it names."""
    if provider.traits.local:
        price = " and for nothing" if provider.traits.free else ""
        return True, f"works, on this machine{price}", "", []
    key = key_for(provider, os.environ)
    if isinstance(key, NoKey):
        return False, key.reason, key.hint, []
    from reconciler.providers.connect import list_models  # noqa: PLC0415 - a network client is for --test only

    with tempfile.TemporaryDirectory(prefix="reconciler-") as folder:
        listing = asyncio.run(list_models(provider, key, spool=_Throwaway(Path(folder))))
    return listing.works, listing.line, "", list(listing.models)


class _Throwaway:
    """A core.ports.Spool outside the project, which is not written to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> tuple[Path, IO[Any]]:
        handle, name = tempfile.mkstemp(dir=self._folder)
        os.close(handle)
        return Path(name), Path(name).open("wb")

    def open_paid(self) -> tuple[Path, IO[Any]]:
        return self.open()
