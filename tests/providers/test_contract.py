"""Each provider of the package, and each way in which one speaks to its server, under the contract of providers."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.core.specs.settings import ProviderSettings
from reconciler.core.value import replace
from reconciler.providers.command.declaration import TRUSTED_COMMANDS
from reconciler.providers.connect import connect
from reconciler.providers.models.table import model_table
from reconciler.testing.contract import ProviderContract, RemoteProviderContract
from tests.workers import stripes_command


class TestDraft(ProviderContract):
    provider_type = "draft"
    sizes = ("1:1", "16:9", "64x48")
    formats = ("png", "jpeg", "webp", "avif")


class TestGravitexImages(RemoteProviderContract):
    provider_type = dialect = "gravitex"
    model = "gemini-2.5-flash-image"


class TestGravitexNative(RemoteProviderContract):
    provider_type = dialect = "gravitex"
    route = "native"
    model = "gemini-2.5-flash-image"
    settings = {"endpoint": "native"}  # noqa: RUF012  never changed


class TestGemini(RemoteProviderContract):
    provider_type = dialect = "gemini"
    model = "gemini-2.5-flash-image"


class TestOpenAI(RemoteProviderContract):
    provider_type = dialect = "openai"
    model = "gpt-image-2"
    formats = ("png", "jpeg", "webp")


class TestLocalServer(RemoteProviderContract):
    """A server of one's own that speaks OpenAI's images API."""

    provider_type = "openai"
    dialect = "local"
    model = "toy"


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
