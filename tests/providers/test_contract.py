"""Each provider of the package, and each way in which one speaks to its server, under the contract of providers."""

from __future__ import annotations

from reconciler.testing.contract import ProviderContract, RemoteProviderContract


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
