"""Which assets a command is about: ids and globs in, ids out; their completion; the question before many."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from reconciler.core.digest import AssetId
from reconciler.core.errors import ConsentNeeded, ProjectError, ReconcilerError
from reconciler.core.suggest import did_you_mean
from reconciler.core.text import printable
from reconciler.core.value import value
from reconciler.store.documents.project import LOCK_FILE, find_root

F = TypeVar("F", bound=Callable[..., Any])

_ID_LINE = re.compile(r'^    ("(?:[^"\\]|\\.)*"): \{', re.MULTILINE)
_GLOB = re.compile(r"[*?\[]")


@value
class SelectedAssets:
    """The assets that were named, in the order of ids; `exactly` are those that no glob stands for."""

    assets: tuple[AssetId, ...]
    exactly: frozenset[AssetId]


def select_assets(patterns: Sequence[str], known: Iterable[AssetId]) -> SelectedAssets:
    """The known assets that ids and globs name. ProjectError for one that names nothing."""
    names = sorted(set(known))
    found: set[AssetId] = set()
    exactly: set[AssetId] = set()
    for pattern in patterns:
        glob = _GLOB.search(pattern) is not None
        matches = [name for name in names if (fnmatchcase(name, pattern) if glob else name == pattern)]
        if not matches:
            raise _unknown(pattern, names, glob=glob)
        found.update(matches)
        if not glob:
            exactly.update(matches)
    return SelectedAssets(tuple(sorted(found)), frozenset(exactly))


def _unknown(pattern: str, names: Sequence[AssetId], *, glob: bool) -> ProjectError:
    shown = printable(pattern)
    if glob:
        return ProjectError(f'no asset matches "{shown}"', hint="`reconciler plan` and assets.lock list the ids")
    if any(name.startswith(f"{pattern}#") for name in names):
        return ProjectError(f'"{shown}" is a file of several assets', hint=f"'{shown}#*' names all of them")
    hint = did_you_mean(pattern, names) or "the id is the path below the specs, without the suffix"
    return ProjectError(f'no asset is called "{shown}"', hint=hint)


def confirm(count: int, question: str, *, yes: bool) -> None:
    """Ask a person before more than one asset is touched; where nobody can be asked, only --yes goes on."""
    if yes or count < 2:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConsentNeeded(f"{count} assets would be touched, and nobody can be asked", hint="say --yes")
    if not click.confirm(question, err=True):
        raise ConsentNeeded("nothing was changed")


class AssetIds(click.ParamType[str]):
    """An id or a glob over ids; a shell completes it from assets.lock."""

    name = "ID"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Ids as the lockfile has them, even one with conflict markers; nothing where there is none."""
        directory = ctx.find_root().params.get("directory")
        return [CompletionItem(name) for name in _locked_ids(directory) if name.startswith(incomplete)]


def _locked_ids(directory: str | None) -> list[str]:
    try:
        text = (find_root(Path(directory or ".")) / LOCK_FILE).read_text("utf-8", "replace")
        return sorted({json.loads(match[1]) for match in _ID_LINE.finditer(text)})
    except (OSError, ValueError, ReconcilerError):
        return []


def id_arguments(*, required: bool) -> Callable[[F], F]:
    """The ID arguments of a command."""
    return click.argument("ids", type=AssetIds(), nargs=-1, required=required, metavar="ID...")
