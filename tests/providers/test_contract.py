"""Each provider of the package, and each way in which one speaks to its server, under the contract of providers."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from reconciler.core.outcome import Outcome
from reconciler.core.ports import ImageRequest, OnResponse, Provider, ignore_response
from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.value import replace
from reconciler.core.workflows.graph import read_graph
from reconciler.core.workflows.template import WorkflowTemplate, template_of
from reconciler.providers.command.declaration import TRUSTED_COMMANDS
from reconciler.providers.connect import connect
from reconciler.providers.declaration import Resources
from reconciler.providers.draft.declaration import DRAFT
from reconciler.providers.models.table import model_table
from reconciler.providers.ray_pool.pool import RayPool
from reconciler.providers.secret import NO_KEY_SENT
from reconciler.testing.comfyui import FILL, a_workflow, running_comfyui
from reconciler.testing.contract import ProviderContract, RemoteProviderContract
from reconciler.testing.job_contract import JOB_FAULTS, JobProviderContract
from tests.gateway.fault_routes import faults_on
from tests.providers.pool_cluster import HERE
from tests.workers import stripes_command

_MADE = template_of(read_graph(json.dumps(a_workflow()).encode()), FILL)
assert isinstance(_MADE, WorkflowTemplate)
TEMPLATE = _MADE.text


class TestDraft(ProviderContract):
    provider_type = "draft"
    sizes = ("1:1", "16:9", "64x48")
    formats = ("png", "jpeg", "webp", "avif")


class TestGravitexImages(RemoteProviderContract):
    provider_type = dialect = "gravitex"
    model = "gemini-2.5-flash-image"
    fault_names = faults_on("gravitex", "images")


class TestGravitexNative(RemoteProviderContract):
    provider_type = dialect = "gravitex"
    route = "native"
    model = "gemini-2.5-flash-image"
    settings = {"endpoint": "native"}  # noqa: RUF012  never changed
    fault_names = faults_on("gravitex", "native")


class TestGemini(RemoteProviderContract):
    provider_type = dialect = "gemini"
    model = "gemini-2.5-flash-image"
    fault_names = faults_on("gemini", "native")


class TestOpenAI(RemoteProviderContract):
    provider_type = dialect = "openai"
    model = "gpt-image-2"
    formats = ("png", "jpeg", "webp")
    fault_names = faults_on("openai", "images")


class TestFal(JobProviderContract):
    provider_type = api = "fal"
    model = "fal-ai/flux/dev"


class TestReplicate(JobProviderContract):
    provider_type = api = "replicate"
    model = "black-forest-labs/flux-dev"
    placed = {"input_images": "references"}  # noqa: RUF012  never changed
    expected = {**JOB_FAULTS, "reply_lost": "Done", "elsewhere": "Done"}  # noqa: RUF012  never changed


class TestBlackForestLabs(JobProviderContract):
    provider_type = api = "bfl"
    model = "flux-2-pro"
    expected = {**JOB_FAULTS, "free": "Refused"}  # noqa: RUF012  never changed


class TestLocalServer(RemoteProviderContract):
    """A server of one's own that speaks OpenAI's images API."""

    provider_type = "openai"
    dialect = "local"
    model = "toy"
    fault_names = faults_on("local", "images")


class TestCommand(ProviderContract):
    provider_type = "command"
    sizes = ("1:1", "16:9", "64x48")

    def connect(self, spool: Any, settings: ProviderSettings, environ: Mapping[str, str]) -> Any:
        environ = {TRUSTED_COMMANDS: shlex.join(stripes_command())}
        return connect(
            replace(settings, command=stripes_command()), environ=environ, spool=spool, references=self.shared,
            models=model_table(), at_end=self.ends.append,
        )  # fmt: skip

    def setup_method(self) -> None:
        self.ends: list[Callable[[], None]] = []

    def teardown_method(self) -> None:
        for end in self.ends:
            end()


class TestRay(ProviderContract):
    """Without Ray: `make test-ray` draws with real actors."""

    provider_type = "ray"
    sizes = ("1:1", "64x48")

    def connect(self, spool: Any, settings: ProviderSettings, environ: Mapping[str, str]) -> Any:
        inner = ProviderSettings("local", "draft", traits=DRAFT.traits)
        given = replace(settings, worker="local", inner=inner, address="/nowhere")
        return RayPool(given, Resources(spool, self.shared, NO_KEY_SENT, self.ends.append), HERE)

    def setup_method(self) -> None:
        self.ends: list[Callable[[], None]] = []

    def teardown_method(self) -> None:
        for end in self.ends:
            end()


class _WithWorkflow:
    """The provider with a workflow in every request, as the engine has it from the spec."""

    def __init__(self, inner: Provider) -> None:
        self._inner = inner

    async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
        return await self._inner.generate(replace(request, workflow=TEMPLATE), on_response=on_response)


class TestComfyUI(ProviderContract):
    provider_type = "comfyui"
    sizes = ("1:1", "16:9", "64x48")

    def connect(self, spool: Any, settings: ProviderSettings, environ: Mapping[str, str]) -> Any:
        settings = replace(settings, base_url=self.comfy.origin)
        return _WithWorkflow(super().connect(spool, settings, environ))

    def setup_method(self) -> None:
        self.open = ExitStack()
        self.comfy = self.open.enter_context(running_comfyui())

    def teardown_method(self) -> None:
        self.open.close()
