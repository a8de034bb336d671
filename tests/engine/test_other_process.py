"""A request is a plain value: a provider in another process answers it, and the caller's callback stays here."""

from __future__ import annotations

import asyncio
import io
import pickle
import subprocess
import sys
from pathlib import Path

from PIL import Image

from reconciler.core.digest import AssetId, content_hash
from reconciler.core.events import Requested, Stored
from reconciler.core.outcome import Done, Outcome
from reconciler.core.ports import ImageRequest, OnResponse, References, Spool, ignore_response
from reconciler.core.recipe import Recipe
from reconciler.core.specs.settings import Budget, ProviderSettings
from reconciler.core.value import replace
from reconciler.engine.lane.budget import Spending, Unpriced
from reconciler.engine.lane.build import PaidRun, open_lane, paid
from reconciler.engine.references import LocalReferences
from reconciler.testing.memory_ports import MemoryStore
from tests.engine.paid import Written


class Elsewhere:
    """The stand-in of a provider in another process: it sends the request and the bytes that it refers to, makes the
    call to the listener here, and puts the bytes of the answer into the spool here."""

    def __init__(self, spool: Spool, references: References) -> None:
        self._spool = spool
        self._references = references

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        return await asyncio.get_running_loop().run_in_executor(
            None, self._asked, request, asyncio.get_running_loop(), on_response
        )

    def _asked(self, request: ImageRequest, loop: asyncio.AbstractEventLoop, on_response: OnResponse) -> Outcome:
        files = {content: self._references.fetch(content) for content in request.recipe.images()}
        pictures = {content: file.read_bytes() for content, file in files.items() if file is not None}
        command = [sys.executable, "-m", "tests.engine.worker"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
            assert worker.stdin is not None
            assert worker.stdout is not None
            pickle.dump((request, pictures), worker.stdin)
            worker.stdin.flush()
            assert pickle.load(worker.stdout) == ("response",)
            loop.call_soon_threadsafe(on_response)
            worker.stdin.write(b"!")
            worker.stdin.close()
            what, outcome, data = pickle.load(worker.stdout)
        assert what == "outcome"
        if not isinstance(outcome, Done):
            return outcome  # type: ignore[no-any-return]  # it was pickled
        path, file = self._spool.open()
        with file:
            file.write(data)
        return replace(outcome, spooled=replace(outcome.spooled, path=path))


def a_picture(path: Path, colour: str) -> Path:
    Image.new("RGB", (64, 64), colour).save(path)
    return path


def test_a_request_survives_pickling() -> None:
    recipe = Recipe("a cat", model="m", size="1:1", references=(content_hash(b"one"), content_hash(b"two")))
    request = ImageRequest(AssetId("hero"), recipe, recipe.key(), retry_of=("a1",))
    again = pickle.loads(pickle.dumps(request))
    assert again == request
    assert again.recipe.key() == request.key


def test_a_provider_in_another_process_answers_through_the_lane(tmp_path: Path) -> None:
    """Its references go there by content, the listener here is called, and the store here has the bytes."""
    store, journal, references = MemoryStore(tmp_path / "store"), Written(), LocalReferences()
    red, blue = (a_picture(tmp_path / f"{colour}.png", colour) for colour in ("red", "blue"))
    contents = tuple(content_hash(file.read_bytes()) for file in (red, blue))
    for content, file in zip(contents, (red, blue), strict=True):
        references.share(content, file)
    recipe = Recipe("a cat", model="m", size="512x512", references=contents)
    request = ImageRequest(AssetId("hero"), recipe, recipe.key())
    heard: list[str] = []

    async def story() -> Outcome:
        run = PaidRun(
            store=store, journal=journal, progress=Written(), spending=Spending(Budget(), unpriced=Unpriced.COUNT)
        )
        lane = open_lane(ProviderSettings("far", "openai"), run=run)
        provider = paid(Elsewhere(store, references), lane=lane, run=run, estimate=lambda wanted: None)
        return await provider.generate(request, on_response=lambda: heard.append("response"))

    outcome = asyncio.run(story())
    assert isinstance(outcome, Done), outcome
    assert heard == ["response"]
    assert [type(event) for event in journal.events] == [Requested, Stored]
    (stored,) = store.recall(request.key)
    found = store.find(stored.content)
    assert found is not None
    with Image.open(io.BytesIO(found.read_bytes())) as drawn:
        colours = {colour for _, colour in drawn.convert("RGB").getcolors(1 << 20) or []}
    assert {(255, 0, 0), (0, 0, 255)} <= colours, "the card shows both references"
