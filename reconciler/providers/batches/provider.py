"""The batches of one provider: build the lines of requests, and read the outcome of each line of results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from reconciler.aio import run_to_completion
from reconciler.core.batches.recipes import BatchedRecipe
from reconciler.core.batches.split import BatchRequest, expected_bytes
from reconciler.core.digest import Json
from reconciler.core.money.cost import Cost
from reconciler.core.outcome import Outcome, Rejected, Spooled
from reconciler.core.ports import ImageRequest, References, Spool
from reconciler.core.recipe import Recipe
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.value import replace
from reconciler.providers.batches.api import BatchApi
from reconciler.providers.batches.client import RemoteBatches
from reconciler.providers.batches.results import ResultLine, bytes_of_line, image_of, line_outcome, result_lines
from reconciler.providers.declaration import Dialect, batch_price_of
from reconciler.providers.http.client import Http
from reconciler.providers.http.image_download import download_image
from reconciler.providers.http.origins import Base
from reconciler.providers.http.request import WireRequest
from reconciler.providers.http.spool_file import bytes_of
from reconciler.providers.models.sizes import given_pixels
from reconciler.providers.models.table import ModelTable, cost_of_usage
from reconciler.providers.remote import DECODERS, fit_outcome, outcome_of, secret_header
from reconciler.providers.requests.build import build_wire_request
from reconciler.providers.requests.prepared import prepare
from reconciler.providers.responses.receive import Checked, Elsewhere, Expected, receive_fetched
from reconciler.providers.responses.usage import plain_usage
from reconciler.providers.secret import Key


class BatchProvider:
    """The batches of a provider. `jobs` creates, finds and cancels jobs, and downloads results."""

    def __init__(
        self,
        dialect: Dialect,
        settings: ProviderSettings,
        *,
        api: BatchApi,
        base: Base,
        key: Key,
        spool: Spool,
        models: ModelTable,
        http: Http,
    ) -> None:
        self.settings = replace(settings, reference_encoding="image")  # a batch takes no forms
        self.most_line_bytes = api.most_bytes
        header = secret_header(dialect, key)
        self.jobs = RemoteBatches(api, self.settings, base=base, key=key, header=header, spool=spool)
        self._dialect = dialect
        self._api = api
        self._base = base
        self._key = key
        self._spool = spool
        self._models = models
        self._http = http

    def build(self, request: ImageRequest, references: References) -> BatchRequest[WireRequest] | Rejected:
        """The request of an image, with its sizes. Blocking: reads its pictures."""
        ready = prepare(request, references)
        if isinstance(ready, Rejected):
            return ready
        wire = build_wire_request(self._dialect, ready, self.settings, self._base, self._models)
        if isinstance(wire, Rejected):
            return wire
        endpoint = self._api.endpoint(self._base, wire)
        if isinstance(endpoint, Rejected):
            return endpoint
        recipe = request.recipe
        try:
            width, height = given_pixels(recipe, self._models.find(recipe.model))
        except ValueError as error:
            return Rejected(str(error))
        pieces = self._api.line(self._base, "0" * 32, wire)
        sent = sum(len(piece) if isinstance(piece, bytes) else piece.length for piece in pieces)
        return BatchRequest(wire, recipe, endpoint, sent, expected_bytes(width, height))

    def line(self, wire: WireRequest, attempt: str) -> Iterator[bytes]:
        """The bytes of the line of a request. Raises DiskError for a picture that is not what was hashed."""
        for piece in self._api.line(self._base, attempt, wire):
            yield from bytes_of(piece)

    def lines(self, path: Path) -> Iterator[ResultLine]:
        """Every line of a file of results."""
        return result_lines(path, self._api.answer)

    async def outcome(self, line: ResultLine, wanted: BatchedRecipe) -> Outcome:
        """The outcome of a request by its line, its image verified."""
        assert line.answer is not None
        spool = self._spool.for_attempt(line.answer.attempt)
        expected = Expected(wanted.recipe, wanted.asked, self.settings.body_limit, self._key)
        found = await run_to_completion(DECODERS, line_outcome, line, spool, expected)
        if isinstance(found, Elsewhere):
            got = await download_image(self._http, self._base.url("/v1/"), self._base, found.picture.url, spool)
            found = await run_to_completion(DECODERS, receive_fetched, found, got, expected)
        if not isinstance(found, Checked):
            return fit_outcome(found, self._key)
        usage = plain_usage(found.picture.usage)
        cost = self._cost(wanted.recipe, usage)
        return fit_outcome(outcome_of(found, wanted.recipe, cost=cost, usage=usage), self._key)

    def image(self, line: ResultLine) -> Spooled | None:
        """The bytes of the image in a line that no open request waits for."""
        return image_of(line, self._spool)

    def whole_line(self, line: ResultLine) -> Spooled | None:
        """The bytes of a line that is no whole JSON."""
        return bytes_of_line(line, self._spool)

    def _cost(self, recipe: Recipe, usage: Mapping[str, Json]) -> Cost | None:
        row = self._models.find(recipe.model)
        billed = cost_of_usage(row, usage)
        if billed is not None and row is not None and row.batch is not None:
            return replace(billed, amount=billed.amount * row.batch)
        return batch_price_of(self._dialect, recipe, self._models)
