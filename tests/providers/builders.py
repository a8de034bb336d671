"""Requests and settings with defaults, so that a test states only what matters."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from reconciler.core.digest import AssetId, content_hash
from reconciler.core.ports import ImageRequest
from reconciler.core.recipe import ImagePart, Recipe, TextPart, Turn
from reconciler.core.specs.settings import ProviderSettings, Timeouts
from reconciler.engine.references import LocalReferences
from reconciler.providers.declaration import Dialect
from reconciler.providers.http.client import Http
from reconciler.providers.models.table import model_table
from reconciler.providers.registry import REGISTRY
from reconciler.providers.remote import Remote
from reconciler.providers.secret import Key
from reconciler.testing.memory_ports import MemorySpool

MODELS = {
    "gravitex": "gemini-2.5-flash-image",
    "gemini": "gemini-2.5-flash-image",
    "openai": "gpt-image-2",
    "local": "toy",
}
QUICK = Timeouts(connect=0.4, write=5, first_byte=0.4, idle=0.4, total=1.5)
"""For faults that end in a timeout."""
SHARED = LocalReferences()
"""The reference pictures of all requests that are built here."""
FAST = Timeouts(connect=5, write=20, first_byte=20, idle=20, total=40)


def a_recipe(prompt: str = "a cat", **fields: Any) -> Recipe:
    return Recipe(prompt, **{"model": MODELS["gravitex"], "size": "1:1", **fields})


def a_request(recipe: Recipe, files: Sequence[Path] = ()) -> ImageRequest:
    for path in files:
        SHARED.share(content_hash(path.read_bytes()), path)
    return ImageRequest(AssetId("asset"), recipe, recipe.key())


def a_picture(path: Path, *, form: str = "png", colour: str = "red", size: int = 8) -> Path:
    Image.new("RGB", (size, size), colour).save(path, form)
    return path


def png_bytes(width: int = 8, height: int = 8) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height)).save(out, "png")
    return out.getvalue()


def settings_for(kind: str, url: str = "", **fields: Any) -> ProviderSettings:
    defaults: dict[str, Any] = {"timeouts": FAST, "body_limit": 16 << 20, "api_key_env": "TEST_KEY"}
    kind = "openai" if kind == "local" else kind
    return ProviderSettings(name=kind, type=kind, **{"base_url": url, **defaults, **fields})


def a_provider(settings: ProviderSettings, spool: MemorySpool, *, key: str, http: Http | None = None) -> Remote:
    return Remote(
        a_dialect(settings),
        settings,
        key=Key(key),
        spool=spool,
        references=SHARED,
        http=http or Http(settings),
        models=model_table(),
    )


def a_dialect(settings: ProviderSettings) -> Dialect:
    declared = REGISTRY.declared(settings)
    assert isinstance(declared, Dialect)
    return declared


def turns(*said: tuple[str, str | Path]) -> tuple[Turn, ...]:
    """Turns of one part each: words, or a picture in a file."""
    return tuple(
        Turn(role, (TextPart(part) if isinstance(part, str) else ImagePart(content_hash(part.read_bytes())),))
        for role, part in said
    )
