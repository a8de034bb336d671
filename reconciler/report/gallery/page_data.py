"""The data of a page of images, as JSON for its script. Short names, and nothing that is empty: a page holds thousands.

Every string that comes from outside is on one line, with hidden characters escaped. Where that changes an id, the page
has both forms: one to show, one for commands.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.core.candidates import Candidate
from reconciler.core.digest import ContentHash, Json
from reconciler.core.plan.actions import Keep, Orphaned
from reconciler.core.plan.plan import AssetStep, Step
from reconciler.core.recipe import Change, changes
from reconciler.core.reviews.verdict import Verdict
from reconciler.core.reviews.verdicts import Standing
from reconciler.core.text import one_line, printable
from reconciler.report.gallery.facts import GalleryFacts, PageAsset, PageImage
from reconciler.report.plan_text import describe

PAGE_VERSION = 1
_LONGEST = 20_000
"""The most characters of one prompt or value."""
_DIFF_WORDS = 2_000
"""The most words of two prompts that are compared word by word."""
_ALL_DIFF_WORDS = 200_000
"""The most words of all prompts of a page that are compared: further pairs are shown side by side."""


def page_json(facts: GalleryFacts) -> dict[str, Any]:
    """The whole data of a page. Images are in one list, and named elsewhere by their place in it."""
    writer = _Writer(facts)
    assets = [writer.asset(asset) for asset in facts.assets]
    return {
        "page": PAGE_VERSION,
        "mode": facts.mode.value,
        "title": printable(facts.title),
        "made": f"{facts.now:%Y-%m-%dT%H:%M:%SZ}",
        **_given({
            "against": printable(facts.against),
            "reviewer": printable(facts.reviewer),
            "version": facts.version,
            "removed": [printable(asset) for asset in facts.removed],
            "cautions": [printable(caution) for caution in facts.cautions],
        }),
        "images": [writer.image(image) for image in facts.images.values()],
        "assets": assets,
    }  # fmt: skip


def review_json(standing: Standing) -> dict[str, Any]:
    """The reviews of one image."""
    return {
        "state": standing.state.value,
        "verdicts": [_verdict(verdict) for verdict in standing.verdicts],
        "notes": [_verdict(verdict) for verdict in standing.notes],
        "uncounted": [[*_verdict(verdict), printable(why)] for verdict, why in standing.uncounted],
    }


class _Writer:
    """One page while it is written."""

    def __init__(self, facts: GalleryFacts) -> None:
        self._facts = facts
        self._place = {content: place for place, content in enumerate(facts.images)}
        self._words_left = _ALL_DIFF_WORDS

    def image(self, image: PageImage) -> dict[str, Any]:
        standing = self._facts.standings.get(image.content)
        return _given({
            "content": image.content,
            "width": image.width,
            "height": image.height,
            "format": image.format,
            "bytes": image.size,
            "preview": image.preview,
            "whole": image.whole,
            "review": review_json(standing) if standing is not None else None,
        })  # fmt: skip

    def asset(self, asset: PageAsset) -> dict[str, Any]:
        step, entry = asset.step, asset.entry
        name = printable(step.asset)
        text = describe(step, self._facts.now)
        return {
            "id": step.asset,
            "state": _state(step),
            "words": one_line(text.reason, 300),
            "output": printable(step.output),
            **_given({
                "name": name if name != step.asset else "",
                "hint": one_line(text.hint, 600),
                "details": [one_line(each, 600) for each in text.details] if not _has_diff(asset) else [],
                "now": self._at(asset.now),
                "before": self._before(asset),
                "obstacle": printable(asset.obstacle),
                "optional": not asset.required,
                "added": asset.added,
                "references": [self._reference(each.name, each.content, each.asset) for each in asset.references],
                "candidates": [self._candidate(each) for each in asset.candidates],
                "takes": [[self._at(each.content), each.made.at, each.made.cost] for each in asset.takes],
                "derived": [[printable(each.path), printable(each.rule), self._at(each.content)]
                            for each in asset.derived],
                "next": self._next(asset),
            }),
            **_spec_facts(step),
            **(_entry_facts(asset) if entry is not None else {}),
        }  # fmt: skip

    def _at(self, content: ContentHash | None) -> int | None:
        return None if content is None else self._place.get(content)

    def _before(self, asset: PageAsset) -> dict[str, Any] | None:
        before = asset.before
        if before is None:
            return None
        manifest = asset.entry.recipe if asset.entry is not None else {}
        differ = changes(before.recipe, manifest) if before.recipe and manifest else ()
        return {"name": printable(before.name), **_given({"image": self._at(before.content), **self._diff(differ)})}

    def _next(self, asset: PageAsset) -> dict[str, Any]:
        """The difference between the locked recipe and the wanted one."""
        if asset.entry is None or asset.wanted is None:
            return {}
        return _given(self._diff(changes(asset.entry.recipe, asset.wanted)))

    def _diff(self, differ: Sequence[Change]) -> dict[str, Any]:
        prompt = next((each for each in differ if each.field == "prompt"), None)
        return {
            "changes": [[printable(each.field), _value(each.before), _value(each.after)]
                        for each in differ if each.field != "prompt"],
            "prompt": self._prompt(str(prompt.before or ""), str(prompt.after or "")) if prompt is not None else None,
        }  # fmt: skip

    def _prompt(self, before: str, after: str) -> list[list[str]]:
        """Pieces `[kind, words]`: `=` in both, `-` before, `+` after."""
        old, new = before.split(), after.split()
        words = len(old) + len(new)
        if words > min(_DIFF_WORDS, self._words_left):
            return [["-", _cut(before)], ["+", _cut(after)]]
        self._words_left -= words
        return [[kind, printable(" ".join(found))] for kind, found in _pieces(old, new)]

    def _reference(self, name: str, content: ContentHash | None, asset: str | None) -> list[Any]:
        return [printable(name), self._at(content), *((asset,) if asset is not None else ())]

    def _candidate(self, one: Candidate) -> dict[str, Any]:
        made = one.image.made
        return {
            "number": one.number,
            "image": self._at(one.image.content),
            "at": printable(made.at),
            **_given({
                "cost": printable(made.cost),
                "model": printable(made.model),
                "locked": one.locked,
                "rejected": one.rejected is not None,
                "wrong": printable(one.image.misfit.message) if one.image.misfit is not None else "",
            }),
        }  # fmt: skip


def _spec_facts(step: Step) -> dict[str, Any]:
    if not isinstance(step, AssetStep):
        return {}
    spec = step.spec
    return _given({
        "spec": str(spec.place("")),
        "about": _cut(spec.description),
        "tags": [printable(tag) for tag in spec.tags],
        "provider": printable(spec.provider),
        "wants": _cut(spec.base_recipe.prompt) if step.entry is None else "",
    })  # fmt: skip


def _entry_facts(asset: PageAsset) -> dict[str, Any]:
    entry = asset.entry
    assert entry is not None  # asked before
    made = entry.made
    fields = {name: value for name, value in entry.recipe.items() if name not in ("prompt", "references", "mask")}
    return _given({
        "prompt": _cut(str(entry.recipe.get("prompt", ""))),
        "recipe": [[printable(name), _value(value)] for name, value in sorted(fields.items())],
        "model": printable(made.model),
        "by": printable(made.provider),
        "at": printable(made.at),
        "cost": printable(made.cost),
        "draft": made.placeholder,
        "edited": made.edited is not None,
    })  # fmt: skip


def _state(step: Step) -> str:
    """One word for the state of an asset."""
    if isinstance(step.action.reason, Orphaned):
        return "orphan"
    return "current" if isinstance(step.action, Keep) else type(step.action).__name__.lower()


def _has_diff(asset: PageAsset) -> bool:
    """Whether the page shows the changed fields of the step by itself."""
    return asset.entry is not None and asset.wanted is not None


def _verdict(verdict: Verdict) -> list[str]:
    return [printable(verdict.by), verdict.judgement.value, verdict.at, printable(verdict.note)]


def _pieces(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    import difflib  # noqa: PLC0415 - where a prompt has changed

    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            yield "=", old[a:b]
            continue
        if b > a:
            yield "-", old[a:b]
        if d > c:
            yield "+", new[c:d]


def _value(value: Json) -> str:
    if value is None:
        return ""
    return _cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True))


def _cut(text: str) -> str:
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
    return printable(shown)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are there: no empty text or list, no None, no False. A place in a list may be 0."""
    return {name: value for name, value in values.items() if value or (value == 0 and value is not False)}


def named_images(assets: Iterable[PageAsset]) -> Iterator[ContentHash]:
    """Every image that the page shows, in the order in which it shows them; with repeats."""
    for asset in assets:
        yield from (content for content in (asset.now, asset.before.content if asset.before else None) if content)
        yield from (one.image.content for one in asset.candidates)
        yield from (one.content for one in asset.takes)
        yield from (one.content for one in asset.references if one.content is not None)
        yield from (one.content for one in asset.derived)
