"""Store the responses that a killed run had received and not stored, so that their requests are not in doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

from reconciler.core.digest import RecipeKey
from reconciler.core.events import Requested
from reconciler.core.fit import Misfit
from reconciler.core.lock.lockfile import Made
from reconciler.core.outcome import Done
from reconciler.core.ports import StoredImage
from reconciler.core.recipe import Recipe
from reconciler.core.unrecorded import end_of
from reconciler.engine.clock import stamp
from reconciler.project.edits import locked_contents, locked_recipe
from reconciler.project.planning import PlannedProject
from reconciler.project.workspace import Workspace
from reconciler.store import disk


def store_left_behind(
    workspace: Workspace, planned: PlannedProject, *, environ: Mapping[str, str], utc: Callable[[], datetime]
) -> bool:
    """Store every whole image that lies in the spool for a request in doubt, and record the end of the request. Call it
    under the lock of the project. True if there was one: then plan again.

    A response whose recipe no spec has any more cannot be compared with it, and stays where it is.
    """
    files = _files(workspace, planned)
    if not files:
        return False
    recipes = dict(_recipes(planned))
    settings = planned.loaded.project.settings.providers
    stored = False
    for request in planned.in_doubt:
        if request.attempt not in files or request.key not in recipes:
            continue
        read = partial(
            outcome_reader(),
            spool=workspace.store,
            recipe=recipes[request.key],
            settings=settings.get(request.provider),
            environ=environ,
        )
        stored = _stored(workspace, request, files[request.attempt], read, stamp(utc())) or stored
    return stored


def outcome_reader() -> Callable[..., tuple[Done, Misfit | None] | None]:
    """Loads the decoders of responses: few commands come after a kill."""
    from reconciler.providers.left_behind import outcome_left_behind  # noqa: PLC0415 - only after a kill

    return outcome_left_behind


def _files(workspace: Workspace, planned: PlannedProject) -> Mapping[str, list[Path]]:
    """The files in the spool for each attempt in doubt."""
    files: dict[str, list[Path]] = {one.attempt: [] for one in planned.in_doubt}
    for path in workspace.store.leftovers() if files else ():
        attempt, hyphen, _ = path.name.partition("-")
        if hyphen and attempt in files:
            files[attempt].append(path)
    return {attempt: paths for attempt, paths in files.items() if paths}


def _recipes(planned: PlannedProject) -> Iterator[tuple[RecipeKey, Recipe]]:
    contents = locked_contents(planned)
    for spec in planned.loaded.specs.values():
        recipe = locked_recipe(spec, files=planned.seen.files, contents=contents)
        if recipe is not None:
            yield recipe.key(), recipe


def _stored(
    workspace: Workspace,
    request: Requested,
    files: list[Path],
    read: Callable[[Path], tuple[Done, Misfit | None] | None],
    at: str,
) -> bool:
    """The image goes to the store, then its record, then the end of the request, as in a run; then the files go."""
    for path in files:
        found = read(path)
        if found is None:
            continue
        done, misfit = found
        made = Made(request.provider, at, done.model, done.request, request.cost, done.usage)
        image = StoredImage(done.spooled.content, done.image, made, request.attempt, misfit)
        workspace.store.put(done.spooled)
        workspace.store.remember(request.key, image)
        workspace.journal.record(end_of(request.attempt, request.asset, request.key, image))
        for left in files:
            disk.remove(left)
        return True
    return False
