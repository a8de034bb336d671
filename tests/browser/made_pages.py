"""Pages of many made-up assets, without a project: for size, speed and hostile text."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from PIL import Image

from reconciler.core.digest import AssetId, content_hash
from reconciler.core.lock.lockfile import LockEntry
from reconciler.core.plan.actions import Keep
from reconciler.core.plan.plan import AssetStep
from reconciler.core.reviews.verdict import Judgement, Verdict
from reconciler.core.reviews.verdicts import ReviewState, Standing
from reconciler.core.value import replace
from reconciler.project.gallery.page_parts import page_parts
from reconciler.report.gallery.facts import Earlier, GalleryFacts, PageAsset, PageImage, PageMode, PageReference
from reconciler.report.gallery.page import gallery_page
from tests.builders import a_spec, an_entry

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def preview(most: int = 2_200) -> str:
    """The address of the largest WebP of so many bytes."""
    kept = b""
    for side in range(8, 256, 4):
        out = BytesIO()
        Image.effect_noise((side, side), 90).convert("RGB").save(out, "webp", quality=40)
        if out.tell() > most:
            break
        kept = out.getvalue()
    return f"data:image/webp;base64,{base64.b64encode(kept).decode()}"


def made_page(file: Path, assets: Iterable[tuple[PageAsset, PageImage]], **changes: object) -> Path:
    """The page of these assets and their images."""
    pairs = list(assets)
    images = {image.content: image for _, image in pairs}
    facts = GalleryFacts("made up", PageMode.STATIC, NOW, tuple(asset for asset, _ in pairs), images)
    file.write_text(gallery_page(replace(facts, **changes), page_parts()))
    return file


def an_entry_of(name: str, prompt: str, *, output: str = "") -> tuple[AssetStep, LockEntry]:
    spec = a_spec(name, prompt=prompt, tags=(f"t{len(name) % 7}",))
    spec = replace(spec, output=output or spec.output)
    entry = replace(an_entry(a_spec("any", prompt=prompt), got=ascii(name)), output=spec.output)
    return AssetStep(AssetId(name), Keep(), spec, entry), entry


def many(count: int) -> Iterable[tuple[PageAsset, PageImage]]:
    """Assets with prompts of fifty words and previews of the usual size, each of which has its own."""
    shown = preview()
    for number in range(count):
        step, entry = an_entry_of(
            f"group{number // 100}/asset{number:04}", f"{number} " + "a lighthouse on a cliff " * 10
        )
        image = PageImage(entry.content, 1024, 1024, "png", 1_000_000, f"{shown}#{number}", f"assets/{number}.png")
        yield PageAsset(step, entry, entry.content), image


def with_text(texts: Iterable[str]) -> tuple[list[tuple[PageAsset, PageImage]], dict[object, Standing]]:
    """An asset for each text, which is its id, prompt, description, tag, model, output, reference and note."""
    found: list[tuple[PageAsset, PageImage]] = []
    standings: dict[object, Standing] = {}
    shown = preview(200)
    for number, text in enumerate(texts):
        step, entry = an_entry_of(f"{number}{text}", text, output=f"assets/{text}.png")
        spec = replace(step.spec, description=text, tags=(text,), provider=text)
        made = replace(entry.made, model=text, provider=text, cost=text)
        entry = replace(entry, content=content_hash(f"{number}".encode()), made=made)
        step = replace(step, spec=spec, entry=entry)
        verdict = Verdict(step.asset, entry.content, entry.key, text, text, Judgement.NOTE, text)
        standings[entry.content] = Standing(ReviewState.OPEN, (), (verdict,), ((verdict, text),))
        before = Earlier(text, entry.content, {"prompt": f"not {text}", "size": text})
        asset = PageAsset(
            step,
            entry,
            entry.content,
            before,
            references=(PageReference(text, None),),
            obstacle=text if number % 2 else "",
        )
        found.append((asset, PageImage(entry.content, 16, 16, "png", 10, shown)))
    return found, standings
