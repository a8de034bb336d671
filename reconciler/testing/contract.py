"""The contract suite of providers: subclass one of two classes in a test module, and pytest collects its tests.

A provider that draws on this machine::

    class TestMine(ProviderContract):
        provider_type = "mine"     # as in `type:` of reconciler.yaml: built in, or the name of an entry point

A provider over the network. The suite starts a billing gateway and connects the provider to it::

    class TestMine(RemoteProviderContract):
        provider_type = "mine"
        dialect = "openai"         # the API of the gateway that it is connected to
        model = "gpt-image-2"

The traits of the declaration choose what is held: a `deterministic` provider repeats its bytes, a `free` one charges
nothing, a `local` one opens no connection. Every attribute and every method without `test_` may be overridden. Nothing
here imports pytest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from reconciler.core.errors import DiskError, Unsent
from reconciler.core.events import Ended, Event, Requested, Stored
from reconciler.core.money.cost import FREE
from reconciler.core.outcome import Done, NotSent, Outcome, Rejected, Stop, Throttled
from reconciler.core.ports import ImageRequest, Log, OnResponse, Provider, Spool, ignore_response
from reconciler.core.provider_types import UnusableType
from reconciler.core.recipe import Recipe
from reconciler.core.specs.settings import ProviderSettings, Timeouts
from reconciler.engine.lane.recorded import Recorded
from reconciler.engine.references import LocalReferences
from reconciler.providers.connect import connect
from reconciler.providers.declaration import Declaration
from reconciler.providers.http.origins import Base, parse_base
from reconciler.providers.keys import TRUSTED_KEYS
from reconciler.providers.models.table import model_table
from reconciler.providers.registry import REGISTRY
from reconciler.testing.connections import connections
from reconciler.testing.gateway import CustomApi, Gateway, faults, running
from reconciler.testing.memory_ports import FullSpool, FunctionLog, MemorySpool, MemoryStore
from reconciler.testing.outcomes import check_outcome, files_of
from reconciler.testing.requests import a_request, some_references

HOSTILE_PROMPTS = (
    "",
    "\x00\x1b[31m\u202eשלום مرحبا\r\n\t",
    "a lone \ud800 surrogate, e" + "\u0301" * 2_000,
    "x" * 100_000,
)
"""Prompts that a spec can hold: control and right-to-left characters, what UTF-8 cannot encode, a very long one."""
KEY_VARIABLE = "CONTRACT_KEY"
PATIENT = Timeouts(connect=5, write=20, first_byte=20, idle=20, total=40)
IMPATIENT = Timeouts(connect=0.4, write=5, first_byte=0.4, idle=0.4, total=1.5)
SLOW_FAULTS = frozenset({"stall", "stall_mid_body", "slow", "tls_garbage"})
"""Faults that end with a timeout of the client."""


class ProviderContract:
    """The contract of every provider, and all of it for one that draws on this machine."""

    provider_type: ClassVar[str]
    """The provider's type, as in reconciler.yaml."""
    model: ClassVar[str] = ""
    sizes: ClassVar[tuple[str, ...]] = ("1:1", "16:9")
    """Sizes that the provider makes. The last one is asked for with each fault: the ratio of it should not be 1."""
    formats: ClassVar[tuple[str, ...]] = ("png",)
    """Formats that it makes with this model."""
    shared: ClassVar[LocalReferences] = LocalReferences()
    """The reference images that the suite has shared: for a provider that takes some."""

    @property
    def declaration(self) -> Declaration:
        """The declaration of the type: built in, or the one that an entry point gives."""
        found = REGISTRY.find(self.provider_type)
        assert not isinstance(found, UnusableType), found.fact
        return found

    def provider(self, spool: Spool) -> Provider:
        """A new provider that writes images into this spool."""
        settings = ProviderSettings(self.provider_type, self.provider_type, traits=self.declaration.traits)
        return self.connect(spool, settings, {})

    def connect(self, spool: Spool, settings: ProviderSettings, environ: Mapping[str, str]) -> Provider:
        """The provider with these settings, whose key is in this environment."""
        return connect(settings, environ=environ, spool=spool, references=self.shared, models=model_table())

    def recipe(self, prompt: str = "a cat", **fields: Any) -> Recipe:
        """A recipe that the provider can make."""
        common = {"model": self.model, "size": self.sizes[0], "format": self.formats[0]}
        return Recipe(prompt, **{**common, **fields})

    def generate(
        self, spool: MemorySpool, request: ImageRequest, *, on_response: OnResponse = ignore_response
    ) -> Outcome:
        """The outcome of one call, checked for all that holds of any outcome."""
        outcome = asyncio.run(self.provider(spool).generate(request, on_response=on_response))
        check_outcome(outcome, spool)
        return outcome

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Called by pytest for each test: a test with one of these arguments runs once for each of its values."""
        values = {"size": self.sizes, "form": self.formats, "prompt": HOSTILE_PROMPTS}
        for name in values.keys() & set(metafunc.fixturenames):
            metafunc.parametrize(name, values[name], ids=None if name != "prompt" else range(len(HOSTILE_PROMPTS)))

    def test_an_image_has_the_size_that_was_asked_for(self, tmp_path: Path, size: str) -> None:
        outcome = self.generate(MemorySpool(tmp_path), a_request(self.recipe(size=size)))
        assert isinstance(outcome, Done), outcome
        across, down = (int(side) for side in size.replace("x", ":").split(":"))
        assert abs(outcome.image.width / outcome.image.height * down / across - 1) < 0.05, outcome.image

    def test_an_image_has_the_format_that_was_asked_for(self, tmp_path: Path, form: str) -> None:
        outcome = self.generate(MemorySpool(tmp_path), a_request(self.recipe(format=form)))
        assert isinstance(outcome, Done), outcome
        assert outcome.image.format == form

    def test_no_prompt_makes_it_raise(self, tmp_path: Path, prompt: str) -> None:
        self.generate(MemorySpool(tmp_path), a_request(self.recipe(prompt)))

    def test_the_declaration_does_not_contradict_itself(self) -> None:
        declared = self.declaration
        traits = declared.traits
        assert declared.type == self.provider_type
        assert bool(declared.key_variables) == traits.needs_key, "a key is read from a variable"
        assert not declared.home or isinstance(parse_base(declared.home), Base)
        assert traits.free or not (traits.local or traits.placeholder)

    def test_an_image_is_free_if_the_declaration_says_so_and_only_then(self, tmp_path: Path) -> None:
        outcome = self.generate(MemorySpool(tmp_path), a_request(self.recipe()))
        assert isinstance(outcome, Done), outcome
        assert (outcome.cost == FREE) == self.declaration.traits.free, outcome.cost

    def test_a_local_provider_opens_no_connection(self, tmp_path: Path) -> None:
        with connections() as opened:
            outcome = self.generate(MemorySpool(tmp_path), a_request(self.recipe()))
        assert isinstance(outcome, Done), outcome
        if self.declaration.traits.local:
            assert opened == []

    def test_the_same_request_gives_the_same_bytes_if_the_provider_is_deterministic(self, tmp_path: Path) -> None:
        spool = MemorySpool(tmp_path)
        first, second = (asyncio.run(self.provider(spool).generate(a_request(self.recipe()))) for _ in range(2))
        assert isinstance(first, Done), first
        assert isinstance(second, Done), second
        assert first.spooled.path != second.spooled.path
        if self.declaration.traits.deterministic:
            assert first.spooled.content == second.spooled.content

    def test_it_tells_at_most_once_that_a_response_is_complete(self, tmp_path: Path) -> None:
        calls: list[None] = []
        self.generate(MemorySpool(tmp_path), a_request(self.recipe()), on_response=lambda: calls.append(None))
        assert len(calls) <= 1

    def test_a_cancelled_call_leaves_no_file(self, tmp_path: Path) -> None:
        spool = MemorySpool(tmp_path)

        async def cancel(turns: int) -> Outcome | None:
            call = asyncio.create_task(self.provider(spool).generate(a_request(self.recipe())))
            for _ in range(turns):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait({call})
            return None if call.cancelled() else call.result()

        for turns in (0, 1, 2, 8):
            before = spool.left()
            outcome = asyncio.run(cancel(turns))
            assert spool.left() - before == files_of(outcome)

    def test_a_disk_that_refuses_is_a_disk_error(self, tmp_path: Path) -> None:
        try:
            outcome = asyncio.run(self.provider(FullSpool()).generate(a_request(self.recipe())))
        except DiskError as error:
            assert "no space" in str(error)  # noqa: PT017  this module does not import pytest
        else:
            raise AssertionError(f"{outcome}, though no file could be opened")


class RemoteProviderContract(ProviderContract):
    """The contract of a provider over the network: each fault of the gateway ends in the outcome of its class."""

    dialect: ClassVar[str]
    """The API of the gateway: gravitex, gemini, openai, or local (OpenAI's images API without a key)."""
    apis: ClassVar[Mapping[str, CustomApi]] = {}
    """Further APIs of the gateway by name; `dialect` may be one of them."""
    route: ClassVar[str] = ""
    """images or native, where the gateway has both for the dialect."""
    settings: ClassVar[Mapping[str, Any]] = {}
    """Further settings of the provider (`ProviderSettings`)."""
    references: ClassVar[int] = 2
    """Reference images that a request may have; 0: they are rejected before anything is sent."""
    fault_names: ClassVar[tuple[str, ...]] = tuple(faults.EXPECTED)
    """The faults to try, of `reconciler.testing.gateway.faults`."""

    gateway: ClassVar[Gateway]
    """The running gateway; each test starts with an empty ledger."""
    _open: ClassVar[ExitStack]

    @classmethod
    def setup_class(cls) -> None:
        """Called by pytest before the first test of a subclass."""
        cls._open = ExitStack()
        cls.gateway = cls._open.enter_context(running(apis=cls.apis))

    @classmethod
    def teardown_class(cls) -> None:
        """Called by pytest after the last test of a subclass."""
        cls._open.close()

    def setup_method(self) -> None:
        """Called by pytest before each test."""
        self.gateway.settle()
        self.gateway.ledger.clear()
        self.gateway.rules.clear()

    def pytest_generate_tests(self, metafunc: Any) -> None:
        super().pytest_generate_tests(metafunc)
        if "fault" in metafunc.fixturenames:
            metafunc.parametrize("fault", self.fault_names)

    def expected(self, fault: str) -> str:
        """The class of the outcome of a fault."""
        return faults.expected(fault, self.dialect, self.route)

    @property
    def keyless(self) -> bool:
        """Whether the server wants no key."""
        return self.dialect == "local" or not self.declaration.traits.needs_key

    def provider(self, spool: Spool, *, fault: str = "ok", key: str | None = None) -> Provider:
        settings = ProviderSettings(
            name=self.provider_type,
            type=self.provider_type,
            base_url=self.gateway.origin_for(fault, self.dialect),
            api_key_env="" if self.keyless else KEY_VARIABLE,
            traits=self.declaration.traits,
            timeouts=IMPATIENT if fault in SLOW_FAULTS else PATIENT,
            body_limit=16 << 20,
            **self.settings,
        )
        environ = {KEY_VARIABLE: self.gateway.key if key is None else key, TRUSTED_KEYS: KEY_VARIABLE}
        return self.connect(spool, settings, environ)

    def check_ledger(self) -> None:
        """No request went elsewhere, and the key is in its header and in no other place."""
        assert self.gateway.ledger.misdirected == ()
        assert not any(entry.key_elsewhere for entry in self.gateway.ledger.entries)
        assert not any(entry.key_ok for entry in self.gateway.ledger.fetches), "an image's URL needs no key"
        if not self.keyless:
            assert all(entry.key_ok for entry in self.gateway.ledger.requests if entry.complete)

    def test_each_fault_ends_in_its_outcome(self, tmp_path: Path, fault: str) -> None:
        spool = MemorySpool(tmp_path)
        unsent = fault in faults.CONNECTION
        recipe = self.recipe("a cat" if unsent else f"a cat fault:{fault}", size=self.sizes[-1])
        outcome = asyncio.run(self.provider(spool, fault=fault).generate(a_request(recipe)))
        check_outcome(outcome, spool)
        assert type(outcome).__name__ == self.expected(fault), outcome
        assert self.gateway.key not in repr(outcome)
        requests = self.gateway.ledger.requests
        assert len(requests) == (0 if unsent else 1), "one call is one attempt: retries are the engine's"
        self.check_ledger()
        match outcome:
            case Done():
                assert outcome.spooled.content.partition(":")[2] in requests[0].images
            case Rejected():
                assert (outcome.stop.name if outcome.stop else None) == faults.STOPS.get(fault)
            case Throttled():
                wanted = faults.requested_delay(fault)
                assert (outcome.retry_after is None) == (wanted is None), outcome
                assert abs((outcome.retry_after or 0) - (wanted or 0)) < 1e-6
            case NotSent():
                assert outcome.final == (fault == "bad_certificate")

    def test_a_request_holds_the_prompt_the_model_and_the_references_in_order(self, tmp_path: Path) -> None:
        spool = MemorySpool(tmp_path / "spool")
        contents = some_references(tmp_path, max(1, self.references), self.shared)
        outcome = self.generate(spool, a_request(self.recipe(references=contents)))
        if not self.references:
            assert isinstance(outcome, Rejected), outcome
            assert self.gateway.ledger.requests == ()
            return
        assert isinstance(outcome, Done), outcome
        (entry,) = self.gateway.ledger.requests
        assert entry.billed
        assert (entry.prompt, entry.model) == ("a cat", self.model)
        assert entry.references == tuple(content.partition(":")[2] for content in contents)
        self.check_ledger()

    def test_the_request_is_recorded_before_its_first_byte(self, tmp_path: Path) -> None:
        seen: list[tuple[type[Event], int]] = []
        log = FunctionLog(lambda event: seen.append((type(event), len(self.gateway.ledger.entries))))
        outcome = asyncio.run(self._recorded(tmp_path, log).generate(a_request(self.recipe())))
        assert isinstance(outcome, Done), outcome
        assert seen[0] == (Requested, 0)
        assert seen[-1][0] is Stored

    def test_nothing_is_sent_where_the_request_cannot_be_recorded(self, tmp_path: Path) -> None:
        def refuse(event: Event) -> None:
            raise DiskError("no space left")

        try:
            asyncio.run(self._recorded(tmp_path, FunctionLog(refuse)).generate(a_request(self.recipe())))
        except DiskError:
            assert self.gateway.ledger.entries == ()
        else:
            raise AssertionError("the error of the journal was lost")

    def test_nothing_is_sent_where_no_file_can_be_opened(self, tmp_path: Path) -> None:
        events: list[Event] = []
        recorded = self._recorded(tmp_path, FunctionLog(events.append), spool=FullSpool())
        try:
            asyncio.run(recorded.generate(a_request(self.recipe())))
        except Unsent:
            assert self.gateway.ledger.requests == ()
        else:
            raise AssertionError("the error of the spool was lost")
        assert [type(event) for event in events] == [Requested, Ended]

    def _recorded(self, folder: Path, log: Log, *, spool: Spool | None = None) -> Provider:
        """The provider as the engine calls it."""
        store = MemoryStore(folder / "store")
        return Recorded(
            self.provider(spool or store),
            provider=self.provider_type,
            store=store,
            journal=log,
            estimate=lambda request: None,
            new_attempt=lambda: "attempt",
            utc=lambda: datetime.now(UTC),
        )

    def test_it_tells_once_that_a_response_is_complete(self, tmp_path: Path) -> None:
        """And not for a response that the engine must see before it may send another request."""
        calls: list[str] = []
        for fault in ("ok", "empty_data", "429_seconds", "503_json", "reset_mid_body"):
            request = a_request(self.recipe(f"a cat fault:{fault}"))
            self.generate(MemorySpool(tmp_path / fault), request, on_response=partial(calls.append, fault))
        assert calls == ["ok", "empty_data"]

    def test_without_a_key_nothing_is_sent(self, tmp_path: Path) -> None:
        outcome = asyncio.run(self.provider(MemorySpool(tmp_path), key="").generate(a_request(self.recipe())))
        if self.keyless:
            assert isinstance(outcome, Done), outcome
            assert [entry.key_ok for entry in self.gateway.ledger.requests] == [None]
            return
        assert isinstance(outcome, Rejected), outcome
        assert outcome.stop is Stop.BAD_KEY
        assert self.gateway.ledger.entries == ()

    def test_a_call_that_is_cancelled_while_it_waits_is_cancelled(self, tmp_path: Path) -> None:
        spool = MemorySpool(tmp_path)

        async def cancel() -> None:
            call = asyncio.create_task(self.provider(spool).generate(a_request(self.recipe("a cat fault:stall"))))
            while not self.gateway.ledger.requests:  # noqa: ASYNC110  the gateway runs in another thread
                await asyncio.sleep(0.005)
            call.cancel()
            await asyncio.wait({call})
            assert call.cancelled(), "it may have been charged: no outcome can be made up"

        asyncio.run(cancel())
        assert spool.left() == set()
        assert len(self.gateway.ledger.requests) == 1

    def test_calls_at_once_do_not_mix(self, tmp_path: Path) -> None:
        spool, prompts = MemorySpool(tmp_path), [f"cat {number}" for number in range(4)]

        async def together() -> list[Outcome]:
            provider = self.provider(spool)
            return await asyncio.gather(*(provider.generate(a_request(self.recipe(prompt))) for prompt in prompts))

        outcomes = asyncio.run(together())
        made = {entry.prompt: entry.images for entry in self.gateway.ledger.requests}
        assert sorted(made) == prompts
        for prompt, outcome in zip(prompts, outcomes, strict=True):
            assert isinstance(outcome, Done), outcome
            assert outcome.spooled.content.partition(":")[2] in made[prompt]
