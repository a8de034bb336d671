"""`reconciler collect`: fetch the images of batches, and put them in place."""

from __future__ import annotations

import os
import time
from contextlib import closing
from datetime import UTC, datetime
from functools import partial

import click

from reconciler.cli import options
from reconciler.cli.progress import open_progress
from reconciler.cli.streams import echo
from reconciler.core.errors import Exit
from reconciler.project.batches.ready import CollectCallbacks, collect, collect_all
from reconciler.project.workspace import open_workspace
from reconciler.report.apply_summary import exit_code, problem_lines, summary_line
from reconciler.report.batches import BatchFacts, batches_exit
from reconciler.report.plan_view import Verbosity


@click.command(epilog="Example:  reconciler collect --wait")
@options.format_option("collect")
@click.option("--wait", "waits", is_flag=True, help="Wait until every batch has ended.")
@click.option(
    "--lock-wait",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Wait this long for a running apply to end.",
)
@click.pass_obj
def command(directory: str | None, /, *, format_: str, waits: bool, lock_wait: float) -> int:
    """Fetch the images of batches that have ended, and put them in place. Costs nothing, and may be repeated.

    Each image is checked as that of a request of its own. The exit code is 2 while a batch is worked on.
    """
    opened = partial(open_workspace, directory, os.environ)
    callbacks = CollectCallbacks(
        progress=lambda total: closing(open_progress("text", total, Verbosity.QUIET)),
        say=lambda text: echo(text, err=True, prose=True),
    )
    if waits:
        done = collect_all(opened, callbacks, lock_wait=lock_wait, environ=os.environ, sleep=time.sleep)
    else:
        done = collect(opened(), callbacks, lock_wait=lock_wait, environ=os.environ)
    published = summary_line(done.report) if done.report is not None else ""
    problems = tuple(problem_lines(done.report)) if done.report is not None else ()
    options.print_report(
        "collect", format_, BatchFacts(done.batches, datetime.now(UTC), published=published, problems=problems)
    )
    worst = exit_code(done.report) if done.report is not None else Exit.DONE
    return batches_exit(done.batches) or worst
