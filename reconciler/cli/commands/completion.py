"""`reconciler completion`: print the completion script of a shell."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

from reconciler.cli.main import cli
from reconciler.core.errors import Exit, ProjectError


@click.command(epilog='Example:  eval "$(reconciler completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> int:
    """Print the script that completes commands, options and ids in a shell.

    For bash and zsh, put the line of the example into ~/.bashrc or ~/.zshrc. For fish, save the script as
    ~/.config/fish/completions/reconciler.fish.
    """
    found = get_completion_class(shell)
    if found is None:
        raise ProjectError(f"this version of click has no completion for {shell}")
    script = found(cli, {}, "reconciler", "_RECONCILER_COMPLETE")
    click.echo(ShellComplete.source(script))  # bash's own would start a bash to ask for its version
    return Exit.DONE
