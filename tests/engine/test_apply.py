"""The run of an apply: what each step leaves in the tree, the lockfile and the provider's ledger, and its result."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

from reconciler.engine.report import Line, Report, Result
from tests.builders import a_lock, a_spec, an_asset, an_entry, bytes_of
from tests.engine.apply_world import Project

MASCOT = a_spec("mascot", prompt="a fox")
HERO = a_spec("hero", references=(an_asset("mascot"),))


def test_ctrl_c_finishes_the_request_in_flight_and_starts_nothing_that_waits_for_it() -> None:
    project = Project([MASCOT, HERO])
    lines = project.apply(stop_at=0.5)
    assert (lines["mascot"].result, project.inner.assets) == (Result.MADE, ["mascot"])
    assert lines["hero"] == Line(HERO.id, Result.NOT_STARTED, message="interrupted")
    assert project.saved.lock.entries.keys() == {"mascot"}


def test_ctrl_c_while_files_are_restored_leaves_the_queued_ones() -> None:
    specs = [a_spec(f"icon{number}", prompt=f"icon {number}") for number in range(20)]
    lock = a_lock({spec.id: an_entry(spec, got=spec.id) for spec in specs})
    project = Project(specs, lock, kept=[spec.id for spec in specs])
    stopped = threading.Event()

    def ctrl_c() -> None:
        project.run.stop()
        stopped.set()

    async def interrupted(story: Coroutine[Any, Any, Report]) -> Report:
        loop = asyncio.get_running_loop()

        def placing(_: str) -> None:
            loop.call_soon_threadsafe(ctrl_c)
            stopped.wait()

        project.files.placing = placing
        return await story

    lines = project.apply(play=lambda story: asyncio.run(interrupted(story)))
    restored = {asset for asset, line in lines.items() if line.result is Result.RESTORED}
    assert 0 < len(restored) < 20
    assert project.files.files == {f"assets/{asset}.png": bytes_of(asset) for asset in restored}
    rest = {Line(spec.id, Result.NOT_STARTED, message="interrupted") for spec in specs} - set(lines.values())
    assert {line.asset for line in rest} == restored
