"""The ID arguments of commands, their completion in a shell, and the question before several assets change."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from reconciler.core.errors import ConsentNeeded, ReconcilerError
from reconciler.core.text import printable
from reconciler.store.documents.project import find_root, lock_bytes

F = TypeVar("F", bound=Callable[..., Any])

_ID_LINE = re.compile(r'^    ("(?:[^"\\]|\\.)*"): \{', re.MULTILINE)


def confirm(count: int, question: str, *, yes: bool) -> None:
    """Ask for confirmation if more than one asset would be changed. Without a terminal, `yes` is required."""
    if yes or count < 2:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        fact = f"{count} assets would be changed without confirmation"
        raise ConsentNeeded(fact, hint="pass --yes to run non-interactively")
    if not click.confirm(question, err=True):
        raise ConsentNeeded("nothing was changed")


class AssetIds(click.ParamType[str]):
    """An id or a glob over ids; a shell completes it from assets.lock."""

    name = "ID"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The ids of the lockfile, even of one with conflict markers; none without a lockfile."""
        directory = ctx.find_root().params.get("directory")
        return [CompletionItem(name) for name in _locked_ids(directory) if name.startswith(incomplete)]


def _locked_ids(directory: str | None) -> list[str]:
    try:
        text = (lock_bytes(find_root(Path(directory or "."))) or b"").decode("utf-8", "replace")
        names = {json.loads(match[1]) for match in _ID_LINE.finditer(text)}
        return sorted(name for name in names if printable(name) == name)  # a shell shows them as they are
    except (OSError, ValueError, ReconcilerError):
        return []


def id_arguments(*, required: bool) -> Callable[[F], F]:
    """The ID arguments of a command."""
    return click.argument("ids", type=AssetIds(), nargs=-1, required=required, metavar="ID...")
