"""Land the results of one batch: the end of each request, and the images that belong to none."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from reconciler.core.batches.jobs import NotAnswered
from reconciler.core.batches.recipes import BatchedRecipe
from reconciler.core.events import OpenBatch, Requested
from reconciler.core.lock.entry import VIA_BATCH
from reconciler.core.money.cost import parse_cost
from reconciler.core.outcome import BadOutput, Done, InDoubt, Mismatched, Outcome, Refused
from reconciler.core.ports import ImageRequest
from reconciler.engine.lane.ends import Ends
from reconciler.project.workspace import Workspace
from reconciler.providers.batches.provider import BatchProvider
from reconciler.providers.batches.results import ResultLine
from reconciler.store.state.batch_files import BatchFiles

_AT_ONCE = 4
"""Lines that are decoded or stored at a time."""
_NAMES: Mapping[type[Outcome], str] = {
    Done: "images",
    Mismatched: "mismatched",
    Refused: "refused",
    BadOutput: "bad output",
}


class Landing:
    """`left` are the attempts without an end, `broken` says whether a line was cut off. `downloads` admits those who
    download."""

    def __init__(
        self,
        workspace: Workspace,
        provider: BatchProvider,
        batch: OpenBatch,
        requests: Mapping[str, Requested],
        recipes: Mapping[str, BatchedRecipe],
        *,
        downloads: asyncio.Semaphore,
    ) -> None:
        self._workspace = workspace
        self._provider = provider
        self._batch = batch
        self._requests = requests
        self._recipes = recipes
        self._ends = Ends(
            provider=batch.prepared.provider,
            store=workspace.store,
            journal=workspace.journal,
            utc=workspace.utc,
            via=VIA_BATCH,
        )
        self._downloads = downloads
        self._counts: Counter[str] = Counter()
        self._seen: set[str] = set()
        self.left = dict.fromkeys(requests)
        self.notes: list[str] = []
        self.broken = False

    @property
    def counts(self) -> dict[str, int]:
        """How many requests ended in each way."""
        return {name: count for name, count in self._counts.items() if count}

    def note(self, text: str) -> None:
        """Say something about the batch, once."""
        if text not in self.notes:
            self.notes.append(text)

    def count(self, name: str, number: int = 1) -> None:
        """Count ends of requests."""
        self._counts[name] += number

    async def land(self, file: str, files: BatchFiles) -> str:
        """Download a file of results, and land each of its lines. The reason that it cannot be downloaded now, or "".

        A file with a line that is cut off is downloaded once more: a power cut may have damaged what had come.
        """
        for last in (False, True):
            async with self._downloads:
                got = await self._provider.jobs.download(file, lambda: files.results(self._batch.prepared.batch, file))
            if isinstance(got, NotAnswered):
                return got.message
            if await self._land_lines(got, last=last):
                return ""
            files.drop_results(self._batch.prepared.batch, file)
        return ""

    async def _land_lines(self, path: Path, *, last: bool) -> bool:
        """Whether every line is whole. Otherwise, unless it is the last try, no note is made of the file."""
        self._seen, cut = set(), []
        running: set[asyncio.Task[None]] = set()
        lines = self._provider.lines(path)
        try:
            while (line := await asyncio.to_thread(next, lines, None)) is not None:
                if line.cut:
                    cut.append(line)
                    continue
                running.add(asyncio.create_task(self._landed(line)))
                if len(running) >= _AT_ONCE:
                    done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        task.result()
        finally:
            ended = await asyncio.gather(*running, return_exceptions=True)
        for error in ended:
            if isinstance(error, BaseException):
                raise error
        if cut and last:
            self.broken = True
            for line in cut:
                await asyncio.to_thread(self._kept_line, line)
        return not cut

    async def _landed(self, line: ResultLine) -> None:
        answer = line.answer
        attempt = answer.attempt if answer is not None else ""
        if answer is None or attempt not in self._batch.prepared.attempts:
            await asyncio.to_thread(self._kept, line, "a line of its results belongs to no request of it")
            return
        if attempt in self._seen:
            await asyncio.to_thread(self._kept, line, "one request has two results; the first one counts")
            return
        self._seen.add(attempt)
        if attempt not in self.left:  # it has ended before, or the user has dropped it
            if attempt not in self._requests:
                await asyncio.to_thread(self._kept_if_new, line)
            return
        asked, wanted = self._requests[attempt], self._recipes.get(attempt)
        if wanted is None:
            self.note("the recipe of a request is gone from .reconciler/batches: its image is in the store only")
            await asyncio.to_thread(self._kept, line, "")
            return
        outcome = await self._provider.outcome(line, wanted)
        request = ImageRequest(asked.asset, wanted.recipe, asked.key, asked.retry_of, attempt=attempt)
        await asyncio.to_thread(self._ends.record, request, outcome, parse_cost(asked.cost))
        if isinstance(outcome, InDoubt):
            self.note(outcome.message)
            return
        del self.left[attempt]
        self.count(_NAMES.get(type(outcome), "not sent"))

    def _kept(self, line: ResultLine, why: str) -> None:
        """Keep the image of a line that ends no request: in the store, under no recipe."""
        image = self._provider.image(line)
        where = f", its image is {self._workspace.store.put(image)}" if image is not None else ""
        if why or where:
            self.note(f"{why or 'an image'}{where}")

    def _kept_if_new(self, line: ResultLine) -> None:
        """Keep the image of a request that was dropped; that of one that has ended is in the store already."""
        image = self._provider.image(line)
        if image is None:
            return
        known = self._workspace.store.find(image.content) is not None
        path = self._workspace.store.put(image)
        if not known:
            self.note(f"a request that was dropped has a result, its image is {path}")

    def _kept_line(self, line: ResultLine) -> None:
        """Keep the bytes of a line that is cut off."""
        kept = self._provider.whole_line(line)
        if kept is not None:
            self.note(f"a line of its results is cut off; its bytes are in {self._workspace.store.put(kept)}")
