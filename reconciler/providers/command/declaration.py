"""The declaration of `command`: a program of the user draws the images, and is kept for the whole run.

The command comes from a file that a pull request can change. So it is run only where the user has listed it, word for
word, in the environment.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from reconciler.core.ports import Provider
from reconciler.core.provider_types import SettingProblem
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.traits import Traits
from reconciler.providers.declaration import ProviderFactory, Resources, problems_of_others
from reconciler.providers.secret import NoKey

TRUSTED_COMMANDS = "RECONCILER_TRUSTED_COMMANDS"
"""Environment variable: commands that may be run, as in a shell, one a line or separated by semicolons."""


def _create(settings: ProviderSettings, resources: Resources) -> Provider:
    """Starts no process: the first image does."""
    from reconciler.providers.command.provider import CommandProvider  # noqa: PLC0415 - for images only

    return CommandProvider(settings, resources)


def _problems(settings: ProviderSettings) -> tuple[SettingProblem, ...]:
    """A command is needed, and its program is found in one way, wherever reconciler is called."""
    if not settings.command:
        return (SettingProblem("command", "is missing", "write command: [PROGRAM, ARGUMENT, …]"),)
    program = settings.command[0]
    if "/" in program and not program.startswith("/"):
        hint = "write an absolute path, or the name of a program on the PATH"
        return (SettingProblem("command", f'"{program}" is a path below a folder that can be any', hint),)
    return problems_of_others(settings, "ray")


def untrusted(settings: ProviderSettings, environ: Mapping[str, str]) -> NoKey | None:
    """Why the command is not run; None if the user has listed it."""
    if list(settings.command) in _commands(environ.get(TRUSTED_COMMANDS, "")):
        return None
    return NoKey(
        f"the command of providers.{settings.name} is not run: reconciler.yaml may name any program",
        f"if you trust it, set {TRUSTED_COMMANDS}={shlex.quote(shlex.join(settings.command))}",
    )


def _commands(text: str) -> list[list[str]]:
    """The commands in the variable; one with an open quote is left out."""
    found = []
    for line in text.replace("\n", ";").split(";"):
        try:
            found.append(shlex.split(line))
        except ValueError:
            continue
    return found


COMMAND_WORKER = ProviderFactory(
    type="command",
    traits=Traits(free=True, local=True, needs_key=False, needs_model=False),
    create=_create,
    problems=_problems,
    untrusted=untrusted,
    concurrency=1,
)
