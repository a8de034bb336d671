"""Batch jobs over real sockets: upload, creation, listing, results in pieces, and the outcome of each line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.batches.jobs import BatchJob, JobState, NotAnswered, NotListed, RequestFile
from reconciler.core.digest import content_hash
from reconciler.core.outcome import BadOutput, InDoubt, NotSent, Outcome, Refused, Rejected, Throttled
from reconciler.core.recipe import Recipe
from reconciler.core.specs.settings import ProviderSettings
from reconciler.providers.batches.client import RemoteBatches
from reconciler.providers.batches.gemini_batches import GEMINI_BATCHES
from reconciler.providers.batches.openai_batches import OPENAI_BATCHES
from reconciler.providers.batches.results import image_of, line_outcome, result_lines
from reconciler.providers.declaration import batch_price_of
from reconciler.providers.http.origins import Base
from reconciler.providers.http.request import WireRequest
from reconciler.providers.http.spool_file import stream
from reconciler.providers.keys import base_of
from reconciler.providers.models.table import model_table
from reconciler.providers.remote import secret_header
from reconciler.providers.requests.build import build_wire_request
from reconciler.providers.requests.prepared import PreparedRequest, attachment_of, prepare
from reconciler.providers.responses.receive import Checked, Elsewhere, Expected
from reconciler.providers.secret import Key
from reconciler.testing.gateway import Gateway
from reconciler.testing.memory_ports import MemorySpool
from tests.providers.builders import MODELS, SHARED, a_dialect, a_picture, a_recipe, a_request, settings_for

T = TypeVar("T")
KINDS = ("gemini", "openai")


class Desk:
    """A provider with batches at the gateway."""

    def __init__(self, gateway: Gateway, kind: str, folder: Path) -> None:
        self.kind = kind
        self.settings: ProviderSettings = settings_for(kind, gateway.url(kind), reference_encoding="image")
        self.dialect = a_dialect(self.settings)
        assert self.dialect.batches is not None
        self.api = self.dialect.batches()
        base = base_of(self.settings)
        assert isinstance(base, Base)
        self.base, self.key, self.folder, self.spool = base, Key(gateway.key), folder, MemorySpool(folder / "spool")
        header = secret_header(self.dialect, self.key)
        self.batches = RemoteBatches(self.api, self.settings, base=base, key=self.key, header=header, spool=self.spool)
        self.before = 0

    def recipe(self, prompt: str, **fields: Any) -> Recipe:
        return a_recipe(prompt, model=MODELS[self.kind], size="1:1", **fields)

    def wire(self, recipe: Recipe, files: Sequence[Path] = ()) -> WireRequest:
        ready = prepare(a_request(recipe, files), SHARED)
        assert isinstance(ready, PreparedRequest)
        wire = build_wire_request(self.dialect, ready, self.settings, self.base, model_table())
        assert isinstance(wire, WireRequest)
        return wire

    def file(self, *recipes: Recipe, batch: str = "b1", files: Sequence[Path] = ()) -> RequestFile:
        wires = [self.wire(recipe, files) for recipe in recipes]
        path = self.folder / f"{batch}.jsonl"
        lines = [self.api.line(self.base, f"a{at}", wire) for at, wire in enumerate(wires)]
        path.write_bytes(b"".join(asyncio.run(_bytes(pieces)) for pieces in lines))
        endpoint = self.api.endpoint(self.base, wires[0])
        assert isinstance(endpoint, str)
        return RequestFile(batch, path, endpoint, recipes[0].model)

    def create(self, *prompts: str, batch: str = "b1") -> Any:
        async def before() -> None:
            self.before += 1

        file = self.file(*map(self.recipe, prompts), batch=batch)
        return asyncio.run(self.batches.create(file, before=before))

    def created(self, *prompts: str, batch: str = "b1") -> BatchJob:
        job = self.create(*prompts, batch=batch)
        assert isinstance(job, BatchJob)
        return job

    def look(self, job: str) -> BatchJob:
        found = asyncio.run(self.batches.look(job))
        assert isinstance(found, BatchJob)
        return found

    def download(self, file: str) -> Path | NotAnswered:
        return asyncio.run(self.batches.download(file, lambda: _at_end(self.folder / "results")))

    def results(self, *prompts: str) -> list[tuple[str, Checked | Elsewhere | Outcome]]:
        """The key and the outcome of each line of all files, in order."""
        found: list[tuple[str, Checked | Elsewhere | Outcome]] = []
        job = self.look(self.created(*prompts).job)
        for name in job.files:
            (self.folder / "results").unlink(missing_ok=True)
            path = self.download(name)
            assert isinstance(path, Path)
            for line in result_lines(path, self.api.answer):
                if line.answer is None:
                    found.append(("", NotSent("no key") if not line.cut else NotSent("cut")))
                    continue
                wanted = Expected(self.recipe("x"), None, self.settings.body_limit, self.key)
                found.append((line.answer.attempt, line_outcome(line, self.spool, wanted)))
        return found


async def _bytes(pieces: Any) -> bytes:
    return b"".join([piece async for piece in stream(pieces)])


def _at_end(path: Path) -> tuple[Path, IO[bytes]]:
    file = path.open("r+b" if path.exists() else "w+b")
    file.seek(0, 2)
    return path, file


@pytest.fixture(params=KINDS)
def desk(request: pytest.FixtureRequest, gateway: Gateway, tmp_path: Path) -> Desk:
    return Desk(gateway, request.param, tmp_path)


def test_a_batch_is_created_found_and_collected(desk: Desk, gateway: Gateway) -> None:
    results = desk.results("a fox", "an owl")
    assert [key for key, _ in results] == ["a0", "a1"]
    assert all(isinstance(found, Checked) for _, found in results)
    assert desk.before == 1
    found = asyncio.run(desk.batches.find("b1"))
    assert isinstance(found, BatchJob)
    assert (found.name, found.state, found.total) == ("b1", JobState.SUCCEEDED, 2)
    assert gateway.ledger.billed_by_prompt() == {"a fox": 1, "an owl": 1}
    assert not [entry for entry in gateway.ledger.entries if entry.key_elsewhere]
    assert gateway.ledger.misdirected == ()


def test_a_batch_costs_half(desk: Desk, gateway: Gateway) -> None:
    desk.created("a fox")
    (line,) = gateway.ledger.billed
    cost = batch_price_of(desk.dialect, desk.recipe("a fox", quality="medium"), model_table())
    if desk.kind == "gemini":
        assert str(cost) == f"{line.amount} USD" == "0.0195 USD"
    else:
        assert cost is None  # the table has no price of one image of this model


def test_only_a_provider_with_batches_has_their_price() -> None:
    gravitex = a_dialect(settings_for("gravitex"))
    assert gravitex.batches is None
    assert batch_price_of(gravitex, a_recipe(), model_table()) is None
    own = model_table({"gemini-2.5-flash-image": {"batch": "0.1"}})
    gemini = a_dialect(settings_for("gemini"))
    assert str(batch_price_of(gemini, a_recipe(), own)) == "0.0195 USD", "a pull request makes no batch cheaper"


def test_references_are_sent_in_a_batch(desk: Desk, gateway: Gateway, tmp_path: Path) -> None:
    red = a_picture(tmp_path / "red.png")
    recipe = desk.recipe("a fox", references=(content_hash(red.read_bytes()),))

    async def before() -> None:
        return

    file = desk.file(recipe, files=[red])
    assert isinstance(asyncio.run(desk.batches.create(file, before=before)), BatchJob)
    (sent,) = file.path.read_text().splitlines()
    told = json.loads(sent)
    if desk.kind == "openai":
        assert (told["custom_id"], told["url"]) == ("a0", "/v1/images/edits")
        assert told["body"]["images"][0]["image_url"].startswith("data:image/png;base64,")
    else:
        assert told["request"]["contents"][0]["parts"][1]["inlineData"]["mimeType"] == "image/png"
    assert len(gateway.ledger.billed) == 1


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [("reply_lost", InDoubt), ("never_created", InDoubt), ("create_400", Rejected), ("create_503", Throttled)],
)
def test_a_creation_that_fails(desk: Desk, gateway: Gateway, fault: str, outcome: type[Outcome]) -> None:
    assert isinstance(desk.create(f"a fox batch:{fault}"), outcome)
    listed = asyncio.run(desk.batches.find("b1"))
    assert isinstance(listed, BatchJob if fault == "reply_lost" else NotListed)
    assert len(gateway.ledger.billed) == (1 if fault == "reply_lost" else 0)


def test_an_upload_that_fails_creates_nothing(desk: Desk, gateway: Gateway) -> None:
    with gateway.refusing():
        assert isinstance(desk.create("a fox"), NotSent)
    assert desk.before == 0


def test_a_listing_is_read_to_its_end_or_proves_nothing(desk: Desk, gateway: Gateway) -> None:
    gateway._server.batches[desk.kind].page = 2
    for number in range(5):
        desk.created("a fox", batch=f"n{number}")
    assert isinstance(asyncio.run(desk.batches.find("n0")), BatchJob)
    assert isinstance(asyncio.run(desk.batches.find("other")), NotListed)
    desk.created("a fox batch:list_503", batch="n9")
    assert isinstance(asyncio.run(desk.batches.find("other")), NotAnswered)


def test_a_job_listed_late_is_not_there_at_first(desk: Desk) -> None:
    desk.create("a fox batch:listed_late")
    found = [asyncio.run(desk.batches.find("b1")) for _ in range(3)]
    assert [type(one) for one in found] == [NotListed, NotListed, BatchJob]


def test_a_download_goes_on_where_it_stopped(desk: Desk) -> None:
    job = desk.look(desk.created("a fox batch:cut_download").job)
    assert isinstance(desk.download(job.files[0]), NotAnswered)
    had = (desk.folder / "results").stat().st_size
    assert had > 0
    path = desk.download(job.files[0])
    assert isinstance(path, Path)
    (line,) = result_lines(path, desk.api.answer)
    assert line.answer is not None
    assert path.stat().st_size > had
    size = path.stat().st_size
    assert desk.download(job.files[0]) == path, "nothing is left to download"
    assert path.stat().st_size == size


def test_a_server_without_ranges_begins_again(desk: Desk) -> None:
    job = desk.look(desk.created("a fox batch:cut_download,no_ranges").job)
    assert isinstance(desk.download(job.files[0]), NotAnswered)
    path = desk.download(job.files[0])
    assert isinstance(path, Path)
    (line,) = result_lines(path, desk.api.answer)
    assert not line.cut


def test_an_error_does_not_touch_what_has_come(desk: Desk) -> None:
    (desk.folder / "results").write_bytes(b"abc")
    gone = desk.download("999-output")
    assert isinstance(gone, NotAnswered)
    assert gone.gone
    assert (desk.folder / "results").read_bytes() == b"abc"


def test_lines_tell_what_became_of_each_request(desk: Desk) -> None:
    results = dict(
        desk.results("a fox", "an owl fault:moderation_blocked", "a cat fault:429_none", "a cow fault:cut_image")
    )
    kinds = {key: type(found) for key, found in results.items()}
    assert kinds == {"a0": Checked, "a1": Refused, "a2": NotSent, "a3": BadOutput}
    bad = results["a3"]
    assert isinstance(bad, BadOutput)
    assert bad.kept is not None


@pytest.mark.parametrize(
    ("fault", "keys"),
    [
        ("out_of_order", ["a1", "a0"]),
        ("missing", ["a1"]),
        ("duplicate", ["a0", "a1", "a0"]),
        ("foreign_key", ["a0", "a1", "of-somebody-else"]),
        ("half_line", ["a0", ""]),
    ],
)
def test_results_that_are_not_as_they_should_be(desk: Desk, fault: str, keys: list[str]) -> None:
    assert [key for key, _ in desk.results(f"a fox batch:{fault}", "an owl")] == keys


def test_expired_lines_were_not_sent(gateway: Gateway, tmp_path: Path) -> None:
    desk = Desk(gateway, "openai", tmp_path)
    results = dict(desk.results("a fox batch:expired_half", "an owl"))
    assert isinstance(results["a0"], Checked)
    expired = results["a1"]
    assert isinstance(expired, NotSent)
    assert "expired" in expired.message


def test_a_file_of_errors_alone(gateway: Gateway, tmp_path: Path) -> None:
    desk = Desk(gateway, "openai", tmp_path)
    assert {type(found) for _, found in desk.results("a fox batch:errors_only", "an owl")} == {Rejected}


def test_a_failed_job_says_why(desk: Desk) -> None:
    job = desk.look(desk.created("a fox batch:failed").job)
    assert (job.state, job.files, job.message) == (JobState.FAILED, (), "the job failed")


def test_a_job_that_nobody_knows_is_gone(desk: Desk) -> None:
    job = desk.created("a fox batch:vanished")
    found = asyncio.run(desk.batches.look(job.job))
    assert isinstance(found, NotAnswered)
    assert found.gone


def test_a_job_is_cancelled(desk: Desk) -> None:
    job = desk.created("a fox batch:working", "an owl")
    assert desk.look(job.job).state is JobState.WORKING
    cancelled = asyncio.run(desk.batches.cancel(job.job))
    assert isinstance(cancelled, BatchJob)
    assert desk.look(job.job).state is JobState.CANCELLED


def test_the_image_of_a_line_that_nobody_waits_for_is_kept(desk: Desk, gateway: Gateway) -> None:
    job = desk.look(desk.created("a fox batch:foreign_key").job)
    path = desk.download(job.files[0])
    assert isinstance(path, Path)
    *_, foreign = result_lines(path, desk.api.answer)
    kept = image_of(foreign, desk.spool)
    assert kept is not None
    assert kept.path.read_bytes()[:4] == b"\x89PNG"


def test_the_key_in_a_message_is_hidden(desk: Desk) -> None:
    missing = asyncio.run(desk.batches.look(f"batches/{desk.key.reveal()}"))
    assert isinstance(missing, NotAnswered)
    assert desk.key.reveal() not in missing.message


def test_an_upload_goes_to_no_other_server(gateway: Gateway, tmp_path: Path) -> None:
    desk = Desk(gateway, "gemini", tmp_path)
    (tmp_path / "x").write_bytes(b"{}")
    file = attachment_of(tmp_path / "x")
    for where in ("https://evil.example/upload", "", f"{gateway.url('gemini')}.evil.example/u", "/upload"):
        assert isinstance(desk.api.upload_rest(desk.base, {"x-goog-upload-url": where}, file), Rejected)


@given(
    st.lists(
        st.binary(max_size=40) | st.sampled_from([b"{}", b'{"key":"a","response":{}}', b'{"custom_id":"a"}', b"[]"])
    )
)
def test_any_bytes_are_lines_or_nothing(pieces: list[bytes]) -> None:
    """Every line that is not blank is found, where it is; what is no JSON is cut off."""
    data = b"\n".join(pieces)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "results"
        path.write_bytes(data)
        for api in (OPENAI_BATCHES, GEMINI_BATCHES):
            found = list(result_lines(path, api.answer))
            assert [data[line.start : line.end] for line in found] == [one for one in data.split(b"\n") if one.strip()]
            for line in found:
                assert not line.cut or line.answer is None


def test_a_line_across_many_chunks_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "results"
    text = json.dumps({"key": "a", "response": {"x": "y" * (3 << 20)}})
    path.write_text(f"{text}\n\n  \n{text}")
    first, second = result_lines(path, GEMINI_BATCHES.answer)
    assert (first.start, first.end, second.start) == (0, len(text), len(text) + 5)
    assert first.answer is not None
    assert first.answer.attempt == "a"
    assert second.end == path.stat().st_size


@pytest.mark.parametrize("value", [None, [], "x", {"key": 3}, {"custom_id": ["a"]}, {"key": "", "custom_id": ""}])
def test_a_line_without_a_key_belongs_to_nobody(value: Any) -> None:
    assert OPENAI_BATCHES.answer(value) is None
    assert GEMINI_BATCHES.answer(value) is None


@pytest.mark.parametrize("value", [None, [], {}, {"id": 3}, {"name": "x"}, {"object": "list", "id": "a"}])
def test_what_is_no_job_is_none(value: Any) -> None:
    assert OPENAI_BATCHES.job(value) is None
    assert GEMINI_BATCHES.job(value) is None
