"""Record the verdicts of a command, and print them: `approve` and `reject` share this."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from reconciler.cli.asset_ids import confirm
from reconciler.core.errors import Exit
from reconciler.core.reviews.verdict import Judgement, Verdict
from reconciler.core.text import one_line, printable
from reconciler.project.judge import Opinion, Reviewer, WantedJudgement, judge, judgeable
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import plan_project
from reconciler.project.workspace import open_workspace
from reconciler.report.candidates import short_hash

F = TypeVar("F", bound=Callable[..., Any])
DONE = {
    Judgement.APPROVE: "approved",
    Judgement.REJECT: "rejected",
    Judgement.WITHDRAW: "withdrew the verdict on",
    Judgement.NOTE: "noted on",
}
_QUESTIONS = {
    Judgement.APPROVE: "Approve these {} images?",
    Judgement.REJECT: "Reject these {} images?",
    Judgement.WITHDRAW: "Withdraw the verdicts on these {} images?",
}


def judging_options(function: F) -> F:
    """`--content`, `--by`, `--withdraw` and `--yes`."""
    decorators = (
        click.option("--content", default="", metavar="HASH", help="Judge this image only, if it is still the one."),
        click.option("--by", default="", metavar="NAME", help="The reviewer. Default: git's user.email."),
        click.option("--withdraw", is_flag=True, help="Take your earlier verdict back."),
        click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation."),
    )
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


def record_verdicts(directory: str | None, wanted: WantedJudgement, *, by: str, yes: bool) -> Exit:
    """Record one kind of verdict for the selected assets. 1 if an asset that was named by its id cannot be judged."""
    workspace = open_workspace(directory, os.environ)
    planned = plan_project(workspace, load_specs(workspace), Selection())
    opinions, left = judgeable(workspace, planned, wanted)
    for one in left:
        kind = "not applicable" if one.passed_over else "skipped"
        click.echo(f"{kind}: {printable(one.asset)}: {printable(one.why)}", err=True)
        if one.hint and not one.passed_over:
            click.echo(f"  hint: {one.hint}", err=True)
    if opinions:
        reviewer = Reviewer(workspace, planned.loaded.project.settings.review, by=by)
        done, already = judge(reviewer, planned.reviews, opinions, consent=_consent(opinions, yes=yes))
        for opinion in already:
            click.echo(f"{printable(opinion.subject.asset)}: {_standing(opinion, reviewer)}")
        for verdict in done:
            click.echo(_line(verdict))
    return Exit.ERROR if any(not one.passed_over for one in left) else Exit.DONE


def _consent(opinions: tuple[Opinion, ...], *, yes: bool) -> Callable[[int], bool]:
    def consent(count: int) -> bool:
        for opinion in opinions if count > 1 and not yes else ():
            click.echo(f"  {printable(opinion.subject.asset)}  {short_hash(opinion.subject.content)}", err=True)
        question = _QUESTIONS[opinions[0].judgement]
        confirm(count, question.format(count), yes=yes)
        return True

    return consent


def _standing(opinion: Opinion, reviewer: Reviewer) -> str:
    if opinion.judgement is Judgement.WITHDRAW:
        return f"{printable(reviewer.by)} has no verdict to withdraw"
    return f"{DONE[opinion.judgement]} by {printable(reviewer.by)} already"


def _line(verdict: Verdict) -> str:
    note = f": {one_line(verdict.note)}" if verdict.note else ""
    asset, content, by = printable(verdict.asset), short_hash(verdict.content), printable(verdict.by)
    return f"{DONE[verdict.judgement]} {asset} ({content}) as {by}{note}"
