"""`reconciler providers`: list the providers, their keys, models and prices."""

from __future__ import annotations

import os

import click

from reconciler.cli import options
from reconciler.core.errors import Exit, ProjectError
from reconciler.core.specs.settings import Settings
from reconciler.core.suggest import did_you_mean
from reconciler.core.text import printable
from reconciler.project.providers import list_providers, settings_of, try_provider
from reconciler.providers.models.table import model_table
from reconciler.report.providers import ProviderFacts, provider_json


@click.command(epilog="Example:  reconciler providers --test gravitex")
@options.format_option("providers")
@click.option("--models", is_flag=True, help="List the known models and their prices.")
@click.option("--test", metavar="NAME", help="Request a provider's list of models (free). Exit 1 on failure.")
@click.pass_obj
def command(directory: str | None, /, format_: str, models: bool, test: str | None) -> int:
    """List the providers, their origins, and whether their keys are set. Never shows a key."""
    settings = settings_of(directory)
    if test is not None:
        return _tested(settings, test, format_)
    table = model_table(settings.models)
    if table.problems:
        first, *others = map(str, table.problems)
        raise ProjectError(first, lines=others, hint="see models: in reconciler.yaml")
    if models:
        options.print_report("models", format_, table)
        return Exit.DONE
    listed = list_providers(settings)
    for fact in listed.unusable:
        click.echo(f"warning: {printable(fact)}", err=True)
    shown = tuple(provider_json(one, os.environ, chosen=settings.provider) for one in listed.providers)
    options.print_report("providers", format_, ProviderFacts(shown, table))
    return Exit.DONE


def _tested(settings: Settings, name: str, format_: str) -> int:
    provider = settings.provider_settings(name)
    if provider is None:
        raise ProjectError(f'no provider is called "{name}"', hint=did_you_mean(name, settings.providers))
    test = try_provider(provider, os.environ)
    if format_ == "json":
        options.print_json(
            {"provider": name, "works": test.works, "line": test.line, "hint": test.hint, "models": list(test.models)}
        )
    else:
        click.echo(f"{name}: {test.line}")
        if test.hint:
            click.echo(f"  hint: {test.hint}", err=True)
    return Exit.DONE if test.works else Exit.ERROR
