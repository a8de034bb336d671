"""A review in progress: the page of images, and the decisions that it sends. Spends nothing, and generates nothing.

Every decision looks at the project anew, and names the image that the person saw. One that is not there any more is
refused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from reconciler.core.digest import AssetId, ContentHash, content_of_hex, hex_of
from reconciler.core.errors import ReconcilerError
from reconciler.core.images.magic import HEAD, image_format
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.plan.plan import Step, locked_entry
from reconciler.core.reviews.verdict import MAX_NOTE, Judgement
from reconciler.core.text import printable
from reconciler.core.value import value
from reconciler.project.choose import choose
from reconciler.project.edits import EditCallbacks, EditOutcome, Skipped
from reconciler.project.gallery.assets import collector
from reconciler.project.gallery.derived import add_derived
from reconciler.project.gallery.gallery import image_files, known_facts, standings_of, steps_of
from reconciler.project.gallery.image_files import ImageFiles
from reconciler.project.gallery.page_parts import page_parts
from reconciler.project.gallery.previews import LARGE_SIDE, Previews
from reconciler.project.judge import Reviewer, WantedJudgement, judge, judgeable, unjudgeable
from reconciler.project.load import load_specs
from reconciler.project.options import Selection
from reconciler.project.planning import PlannedProject, plan_project
from reconciler.project.reviews import read_project_reviews
from reconciler.project.serve.guards import Denied
from reconciler.project.workspace import Workspace
from reconciler.report.gallery.facts import GalleryFacts, PageImage, PageMode
from reconciler.report.gallery.page import gallery_page, page_policy
from reconciler.report.gallery.page_data import named_images, review_json
from reconciler.store import disk
from reconciler.store.index.index import index_without_memory

MEDIA = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp", "avif": "image/avif"}
_WAIT = 2.0
"""Seconds that a choice waits for a running apply."""
_HEX = 64
_MOST_CHANGES = 10_000


@value
class _Shown:
    """The images of the page as it was last made. Only these are served."""

    contents: frozenset[ContentHash]
    files: ImageFiles
    previews: Previews


class ReviewInProgress:
    """One review. Its methods are called by many threads; one decision is carried out at a time.

    `opened` opens the project anew. `changes` since a version are what other tabs show without a reload.
    """

    def __init__(self, opened: Callable[[], Workspace], ids: tuple[str, ...], reviewer: Reviewer) -> None:
        self._opened = opened
        self._ids = ids
        self._reviewer = reviewer
        self._mutex = threading.Lock()
        self._parts = page_parts()
        self._shown: _Shown | None = None
        self._changes: list[dict[str, Any]] = []

    @property
    def policy(self) -> str:
        """The content security policy of the page."""
        return f"{page_policy(PageMode.REVIEW, self._parts)}; frame-ancestors 'none'"

    def page(self) -> bytes:
        """The page as the project is now. ReconcilerError if it cannot be read."""
        with self._mutex:
            facts = self._facts()
        return gallery_page(facts, self._parts).encode()

    def count(self) -> int:
        """The number of assets. ReconcilerError if the project cannot be read, or the ids select nothing."""
        with self._mutex:
            return len(self._facts().assets)

    def preview(self, digits: str) -> bytes | None:
        """The small WebP of an image of the page."""
        shown, content = self._shown, _content(digits)
        if shown is None or content not in shown.contents:
            return None
        return shown.previews.of(content).webp or None

    def image(self, digits: str) -> tuple[str, Path] | None:
        """The media type and the file of an image of the page."""
        shown, content = self._shown, _content(digits)
        path = shown.files.fetch(content) if shown is not None and content in shown.contents else None
        if path is None:
            return None
        try:
            with disk.open_for_reading(path) as file:
                media = MEDIA.get(image_format(file.read(HEAD)))
        except OSError:
            return None
        return (media, path) if media is not None else None

    def changes(self, since: int) -> dict[str, Any]:
        """The decisions after a version, and the version now."""
        made = self._changes
        return {"version": len(made), "changes": made[max(since, 0) :][:_MOST_CHANGES]}

    def decide(self, what: str, given: Mapping[str, Any]) -> dict[str, Any] | Denied:
        """Carry out `verdict` or `choose`; the changes since the version that the page has."""
        strings = {name: value for name, value in given.items() if isinstance(value, str)}
        since = given.get("since")
        act = {"verdict": self._verdict, "choose": self._choose}.get(what)
        if act is None:
            return Denied(404, "there is nothing here")
        try:
            with self._mutex:
                refused = act(strings, candidate=bool(given.get("candidate")))
        except ReconcilerError as error:
            return Denied(409, printable(error.fact), printable(error.hint))
        return refused or self.changes(since if isinstance(since, int) else 0)

    def _verdict(self, given: Mapping[str, str], *, candidate: bool) -> Denied | None:
        workspace, planned = self._planned()
        step = _step(planned, given.get("asset", ""))
        judgement = _JUDGEMENTS.get(given.get("verdict", ""))
        note = " ".join(given.get("note", "").split())
        if step is None:
            return Denied(409, "this asset is gone", "reload the page")
        if judgement is None or len(note) > MAX_NOTE:
            return Denied(400, "this is no verdict")
        if judgement in _NEED_A_NOTE and not note:
            return Denied(400, "say what is wrong with the image")
        entry, expect = locked_entry(step), given.get("expect", "")
        if not expect or (not candidate and (entry is None or entry.content != expect)):
            return _other_image(step)
        wanted = WantedJudgement((step.asset,), judgement, note, content=expect)
        opinions, left = judgeable(workspace, planned, wanted)
        if left:
            return Denied(409, f"{printable(step.asset)}: {printable(left[0].why)}", printable(left[0].hint))
        if [opinion.subject.asset for opinion in opinions] != [step.asset]:
            return Denied(409, f"{printable(step.asset)} names several assets", "judge it with `reconciler approve`")
        judge(self._reviewer, planned.reviews, opinions, consent=lambda _: True)
        self._changed(workspace, planned, step, ContentHash(expect))
        return None

    def _choose(self, given: Mapping[str, str], *, candidate: bool) -> Denied | None:
        workspace, planned = self._planned()
        step = _step(planned, given.get("asset", ""))
        if step is None:
            return Denied(409, "this asset is gone", "reload the page")
        entry = locked_entry(step)
        if (entry.content if entry is not None else "") != given.get("expect", "") or not candidate:
            return _other_image(step)
        skipped: list[Skipped] = []

        def report(_: AssetId, outcome: EditOutcome) -> None:
            skipped.extend([outcome] if isinstance(outcome, Skipped) else [])

        callbacks = EditCallbacks(lambda steps: [each.asset for each in steps] == [step.asset], report)
        expect = entry.content if entry is not None else None
        choose(workspace, step.asset, str(given.get("candidate", "")), callbacks, wait=_WAIT, expect=expect)
        if skipped:
            return Denied(409, printable(skipped[0].why), printable(skipped[0].hint))
        workspace, planned = self._planned()
        after = _step(planned, step.asset)
        chosen = locked_entry(after) if after is not None else None
        if after is not None and chosen is not None:
            self._changed(workspace, planned, after, chosen.content, now=True)
        return None

    def _changed(
        self, workspace: Workspace, planned: PlannedProject, step: Step, content: ContentHash, *, now: bool = False
    ) -> None:
        """Note a change for every tab."""
        rules = planned.loaded.project.settings.review
        reviews = read_project_reviews(workspace.root, index_without_memory(workspace.root), rules)
        change = {"asset": step.asset, "content": content, "review": review_json(reviews.standing(content))}
        if now:
            found = unjudgeable(step, planned.seen.outputs.get(step.output))
            change |= {"now": content, "obstacle": printable(found.why) if found is not None else ""}
        self._changes = [*self._changes, change]

    def _planned(self) -> tuple[Workspace, PlannedProject]:
        workspace = self._opened()
        return workspace, plan_project(workspace, load_specs(workspace), Selection())

    def _facts(self) -> GalleryFacts:
        workspace, planned = self._planned()
        found = collector(workspace, planned, against=None, candidates=True)
        assets, derived = add_derived(workspace, planned, found.assets(steps_of(planned, self._ids)))
        contents = tuple(dict.fromkeys(named_images(assets)))
        files = image_files(workspace, planned, derived)
        self._shown = _Shown(frozenset(contents), files, Previews(files, workspace.state, side=LARGE_SIDE))
        return GalleryFacts(
            workspace.root.name or str(workspace.root),
            PageMode.REVIEW,
            workspace.utc(),
            assets,
            _images(known_facts(assets, derived), contents),
            standings_of(planned, contents),
            reviewer=self._reviewer.by,
            version=len(self._changes),
        )


_JUDGEMENTS = {judgement.value: judgement for judgement in Judgement}
_NEED_A_NOTE = (Judgement.REJECT, Judgement.NOTE)


def _images(known: Mapping[ContentHash, ImageFacts], contents: tuple[ContentHash, ...]) -> dict[ContentHash, PageImage]:
    """The images with the paths at which this server has them."""
    found: dict[ContentHash, PageImage] = {}
    for content in contents:
        digits, facts = hex_of(content), known.get(content)
        image = PageImage(content, preview=f"preview/{digits}", whole=f"image/{digits}")
        if facts is not None:
            image = PageImage(content, facts.width, facts.height, facts.format, facts.size, image.preview, image.whole)
        found[content] = image
    return found


def _content(digits: str) -> ContentHash:
    return content_of_hex(digits if len(digits) == _HEX else "")


def _step(planned: PlannedProject, asset: str) -> Step | None:
    return next((step for step in planned.plan.steps if step.asset == asset), None)


def _other_image(step: Step) -> Denied:
    return Denied(409, f"{printable(step.asset)} has another image now", "reload the page, and look at it")
