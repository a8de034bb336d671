"""The command line: a group that loads the module of a command when it is called, and the exit code of a run."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click
from click.shell_completion import CompletionItem

from reconciler import __version__
from reconciler.cli.streams import LAST_LINES, echo, echo_interrupted, open_streams
from reconciler.core.errors import DiskError, Exit, ReconcilerError
from reconciler.core.text import printable

COMMANDS = {
    "init": "Set up a project: reconciler.yaml, an example spec, the lines for git.",
    "validate": "Report every problem in every spec.",
    "plan": "Show which images would be generated, why, and at what price.",
    "apply": "Generate the images that are missing or changed, and no others.",
    "submit": "Submit images as batches, at half the price.",
    "collect": "Fetch the images of batches, and put them in place.",
    "batches": "List the open batches, or cancel one.",
    "derive": "Make the sizes, formats, atlases and icons that are derived from images.",
    "check": "Exit 0 if everything is up to date, 2 if not.",
    "ls": "List assets with their outputs and states.",
    "show": "Show the state of an asset, its image and the origin of the image.",
    "explain": "Show the origin of each field of an asset, and why it is stale or up to date.",
    "adopt": "Lock the file that is at the output of an asset.",
    "restore": "Restore the locked image of an asset.",
    "choose": "List the candidates of an asset, or lock another one of them.",
    "gallery": "Write a page with all images, to look at and compare them.",
    "review": "Look at images in a browser, and approve or reject them.",
    "approve": "Approve the locked images of assets.",
    "reject": "Reject the locked images of assets, or candidates.",
    "release": "State where the files of a release come from, and verify such a statement.",
    "provenance": "Show where each image comes from, and read the marks in files.",
    "fetch": "Ask the team's store which missing images it has.",
    "pull": "Copy images from the team's store, and restore missing files.",
    "recover": "List paid requests without a response, or remove some from the list.",
    "prune": "Remove the images of assets that have no spec any more.",
    "graph": "Print which images refer to which.",
    "watch": "After each change show the plan, draw drafts and derive files.",
    "import": "Write specs for the rows of a table.",
    "fmt": "Put the fields of specs in order.",
    "migrate": "Name the successors of retired models in the specs.",
    "costs": "Sum the costs of images by model, tag, month and provider.",
    "store": "List and verify the images in .reconciler/store, and delete unused ones.",
    "push": "Copy images to the team's store.",
    "team": "Show the team's store, trust it, and delete its garbage.",
    "git": "Merge and show assets.lock asset by asset in git.",
    "lock": "Merge the lockfiles of shards into one.",
    "schema": "Print a JSON Schema, for editors.",
    "providers": "List the providers, their keys, models and prices.",
    "completion": "Print the completion script of a shell.",
}
"""Every command and its line in the help. The help therefore loads no module of a command."""


class LazyGroup(click.Group):
    """Loads a command's module (`reconciler.cli.commands.<name>`, its `command`) when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = "import_" if cmd_name == "import" else cmd_name  # a word of Python
        module = importlib.import_module(f"reconciler.cli.commands.{name}")
        command: click.Command = module.command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Commands from the table, as in the help; options as in click."""
        commands = [CompletionItem(name, help=line) for name, line in COMMANDS.items() if name.startswith(incomplete)]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. The end of one that fails is JSON where its output is."""
        try:
            return super().invoke(ctx)
        except ReconcilerError as error:
            from reconciler.cli.options import print_error_for_programs  # noqa: PLC0415 - a command has loaded it

            print_error_for_programs(ctx, error)
            raise

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from reconciler.core.suggest import did_you_mean  # noqa: PLC0415 - only a mistake needs difflib

            hint = did_you_mean(args[0], COMMANDS)
            raise click.UsageError(f'no command is called "{args[0]}"' + (f"; {hint}" if hint else ""), ctx)
        return super().resolve_command(ctx, args)


_EPILOG = """\
\b
Environment:
  GRAVITEX_API_KEY, GEMINI_API_KEY, OPENAI_API_KEY   the keys of providers
  RECONCILER_TRUSTED_ORIGINS   other servers that may get a key
  RECONCILER_TRUSTED_KEYS      other variables that hold a key
  RECONCILER_TRUSTED_COMMANDS  commands of providers that may be run
  RECONCILER_TRUSTED_STORES    stores of teams that may be used
  RECONCILER_SIGNING_KEY       the SSH key that signs receipts for a team
  RECONCILER_MAX_ASSETS        more assets than 20,000
  RECONCILER_C2PA_KEY          the file of the key that signs derived files
  RECONCILER_FORMAT            the format of check, plan and validate
  CI=true                      hash every file; spend nothing without a limit
  NO_COLOR=1                   no colour

\b
`reconciler COMMAND --help` has the options of a command and an example.
`reconciler schema spec --doc` lists the fields of a spec. The documentation
is in docs/ of the source, from docs/index.md on.
"""


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EPILOG)
@click.version_option(__version__, "-V", "--version", message="reconciler %(version)s")
@click.option("-C", "--directory", metavar="DIR", help="Work as if started in DIR. plan, check and apply take several.")
@click.pass_context
def cli(ctx: click.Context, directory: str | None) -> None:
    """Generate the images that YAML specs describe, and only those that are missing or changed.

    \b
    Daily use:   reconciler plan      show which images would be generated, why, at what price
                 reconciler apply     generate them
                 reconciler check     in CI: fail if anything is left to do
    """
    if ctx.obj is not None:
        ctx.meta[LAST_LINES] = ctx.obj
    ctx.obj = directory


def run_program(arguments: list[str]) -> int:
    """Run a command on the streams of the process; its exit code. Never prints a traceback."""
    open_streams()
    code = run(arguments)
    try:
        if sys.stdout is not None:  # closed by the parent process
            sys.stdout.flush()
    except DiskError as error:
        print_message(str(error))
        code = error.exit_code
    return code


def run(arguments: list[str], last_lines: list[str] | None = None) -> int:
    """Run a command; its exit code. The last line of its report is added to `last_lines`."""
    try:
        if arguments.count("-C") + sum(word.startswith("--directory") for word in arguments) > 1:
            from reconciler.cli.projects import run_projects, split_directories  # noqa: PLC0415 - rarely needed

            directories, rest = split_directories(arguments)
            if len(directories) > 1:
                return run_projects(directories, rest, run)
        returned = cli.main(
            arguments, prog_name="reconciler", standalone_mode=False, terminal_width=_width(), obj=last_lines
        )
        return int(returned) if isinstance(returned, int) else Exit.DONE
    except click.exceptions.Exit as error:
        return error.exit_code
    except SystemExit as error:  # the end of a completion
        return error.code if isinstance(error.code, int) else Exit.ERROR
    except (click.exceptions.Abort, KeyboardInterrupt):
        echo_interrupted()
        return Exit.INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return Exit.DONE
    except click.ClickException as error:
        print_message(f"reconciler: {_as_our_message(error.format_message())}")
        context = getattr(error, "ctx", None)
        if context is not None:
            print_message(f"  hint: `{context.command_path} --help`")
        return Exit.ERROR
    except ReconcilerError as error:
        print_message(str(error))
        return error.exit_code
    except OSError as error:  # an environment error outside the adapters, not a bug
        print_message(printable(f"cannot use {error.filename or 'a file'}: {error.strerror or error}"))
        return Exit.ERROR
    except Exception as error:  # noqa: BLE001 - the top: an internal error becomes a report
        from reconciler.cli.crash_report import crash_report  # noqa: PLC0415 - only a bug needs it

        print_message(crash_report(error, arguments))
        return Exit.BUG


def _width() -> int:
    """The width of the help, by the rule of click, which would import `shutil` with all compression modules."""
    try:
        columns = int(os.environ.get("COLUMNS", "0")) or os.get_terminal_size(1).columns or 80
    except (ValueError, OSError):
        columns = 80
    return max(min(columns, 100) - 2, 50)


def _as_our_message(text: str) -> str:
    """One line that begins in lower case and has no full stop, like our own messages."""
    message = printable(" ".join(text.split())).removesuffix(".")
    return message[:1].lower() + message[1:]


def print_message(text: str) -> None:
    """A message for people, on stderr."""
    echo(text, err=True, prose=True)
