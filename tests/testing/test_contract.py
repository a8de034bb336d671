"""The contract suite finds each of these faulty providers, by the test that is named beside it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.digest import ContentHash, recipe_key
from reconciler.core.money.cost import Cost
from reconciler.core.outcome import Done, InDoubt, Outcome, Throttled
from reconciler.core.ports import ImageRequest, OnResponse, Provider, Spool, ignore_response
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.value import replace
from reconciler.testing.contract import ProviderContract, RemoteProviderContract

NUMBERS = count()


class Faulty:
    """A provider around a sound one."""

    def __init__(self, inner: Provider, spool: Spool) -> None:
        self.inner, self.spool = inner, spool

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        return await self.inner.generate(request, on_response=on_response)


class WrongHash(Faulty):
    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        outcome = await self.inner.generate(request, on_response=on_response)
        assert isinstance(outcome, Done)
        return replace(outcome, spooled=replace(outcome.spooled, content=ContentHash("sha256:0")))


class WrongFacts(Faulty):
    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        outcome = await self.inner.generate(request, on_response=on_response)
        assert isinstance(outcome, Done)
        return replace(outcome, image=replace(outcome.image, width=1))


class LeavesFiles(Faulty):
    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        self.spool.open()[1].close()
        return await self.inner.generate(request, on_response=on_response)


class LosesCancelledFiles(Faulty):
    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        path, file = self.spool.open()
        file.close()
        await asyncio.sleep(0)
        path.unlink()
        return await self.inner.generate(request, on_response=on_response)


class RaisesForOddPrompts(Faulty):
    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        request.recipe.prompt.encode()
        return await self.inner.generate(request, on_response=on_response)


class IgnoresTheFormat(Faulty):
    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        return await self.inner.generate(
            replace(request, recipe=replace(request.recipe, format="png")), on_response=on_response
        )


class IgnoresTheSize(Faulty):
    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        return await self.inner.generate(
            replace(request, recipe=replace(request.recipe, size="1:1")), on_response=on_response
        )


class Charges(Faulty):
    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        outcome = await self.inner.generate(request, on_response=on_response)
        assert isinstance(outcome, Done)
        return replace(outcome, cost=Cost(Decimal(0)))


class NeverDrawsTheSameTwice(Faulty):
    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        key = recipe_key({"prompt": str(next(NUMBERS))})
        return await self.inner.generate(
            replace(request, recipe=replace(request.recipe, prompt=key), key=key), on_response=on_response
        )


class OpensAConnection(Faulty):
    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
            opened.connect(("127.0.0.1", 9))
        return await self.inner.generate(request, on_response=on_response)


class TellsTwice(Faulty):
    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        outcome = await self.inner.generate(request, on_response=on_response)
        for _ in range(2):
            on_response()
        return outcome


class Retries(Faulty):
    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        outcome = await self.inner.generate(request, on_response=on_response)
        return (
            await self.inner.generate(request, on_response=on_response) if isinstance(outcome, Throttled) else outcome
        )


class CallsItThrottled(Faulty):
    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        outcome = await self.inner.generate(request, on_response=on_response)
        return Throttled(outcome.message) if isinstance(outcome, InDoubt) else outcome


class SwallowsCancellation(Faulty):
    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        try:
            return await self.inner.generate(request, on_response=on_response)
        except asyncio.CancelledError:
            return InDoubt("cancelled")


class HidesDiskErrors(Faulty):
    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        try:
            return await self.inner.generate(request, on_response=on_response)
        except Exception as error:
            return InDoubt(str(error))


class DropsReferences(Faulty):
    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        return await self.inner.generate(
            replace(request, recipe=replace(request.recipe, references=())), on_response=on_response
        )


class Drafts(ProviderContract):
    provider_type = "draft"
    sizes = ("1:1", "16:9")
    formats = ("png", "jpeg")
    faulty: type[Faulty] = Faulty

    def provider(self, spool: Spool) -> Provider:
        return self.faulty(super().provider(spool), spool)


class OverTheNetwork(RemoteProviderContract):
    provider_type = dialect = "openai"
    model = "gpt-image-2"
    faulty: type[Faulty] = Faulty

    def connect(self, spool: Spool, settings: ProviderSettings, environ: Mapping[str, str]) -> Provider:
        return self.faulty(super().connect(spool, settings, environ), spool)


IN_DRAWING: list[tuple[type[Faulty], str, dict[str, Any]]] = [
    (WrongHash, "test_an_image_has_the_size_that_was_asked_for", {"size": "1:1"}),
    (WrongFacts, "test_an_image_has_the_size_that_was_asked_for", {"size": "1:1"}),
    (LeavesFiles, "test_an_image_has_the_size_that_was_asked_for", {"size": "1:1"}),
    (IgnoresTheSize, "test_an_image_has_the_size_that_was_asked_for", {"size": "16:9"}),
    (IgnoresTheFormat, "test_an_image_has_the_format_that_was_asked_for", {"form": "jpeg"}),
    (RaisesForOddPrompts, "test_no_prompt_makes_it_raise", {"prompt": "a lone \ud800 surrogate"}),
    (Charges, "test_an_image_is_free_if_the_declaration_says_so_and_only_then", {}),
    (NeverDrawsTheSameTwice, "test_the_same_request_gives_the_same_bytes_if_the_provider_is_deterministic", {}),
    (OpensAConnection, "test_a_local_provider_opens_no_connection", {}),
    (TellsTwice, "test_it_tells_at_most_once_that_a_response_is_complete", {}),
    (LosesCancelledFiles, "test_a_cancelled_call_leaves_no_file", {}),
    (HidesDiskErrors, "test_a_disk_that_refuses_is_a_disk_error", {}),
]
OVER_THE_NETWORK: list[tuple[type[Faulty], str, dict[str, Any]]] = [
    (Retries, "test_each_fault_ends_in_its_outcome", {"fault": "503_json"}),
    (CallsItThrottled, "test_each_fault_ends_in_its_outcome", {"fault": "500"}),
    (SwallowsCancellation, "test_a_call_that_is_cancelled_while_it_waits_is_cancelled", {}),
    (HidesDiskErrors, "test_nothing_is_sent_where_no_file_can_be_opened", {}),
    (DropsReferences, "test_a_request_holds_the_prompt_the_model_and_the_references_in_order", {}),
    (TellsTwice, "test_it_tells_once_that_a_response_is_complete", {}),
]


@pytest.mark.parametrize(("faulty", "name", "arguments"), IN_DRAWING)
def test_a_faulty_provider_that_draws_is_found(
    tmp_path: Path, faulty: type[Faulty], name: str, arguments: Mapping[str, Any]
) -> None:
    suite = Drafts()
    getattr(suite, name)(tmp_path / "sound", **arguments)
    suite.faulty = faulty
    with pytest.raises((AssertionError, UnicodeEncodeError)):
        getattr(suite, name)(tmp_path / "faulty", **arguments)


@pytest.fixture(scope="module")
def network() -> Any:
    OverTheNetwork.setup_class()
    yield OverTheNetwork
    OverTheNetwork.teardown_class()


@pytest.mark.parametrize(("faulty", "name", "arguments"), OVER_THE_NETWORK)
def test_a_faulty_provider_over_the_network_is_found(
    tmp_path: Path, network: type[OverTheNetwork], faulty: type[Faulty], name: str, arguments: Mapping[str, Any]
) -> None:
    for folder, chosen in (("sound", Faulty), ("faulty", faulty)):
        (tmp_path / folder).mkdir()
        suite = network()
        suite.faulty = chosen
        suite.setup_method()
        if chosen is Faulty:
            getattr(suite, name)(tmp_path / folder, **arguments)
            continue
        with pytest.raises(AssertionError):
            getattr(suite, name)(tmp_path / folder, **arguments)
