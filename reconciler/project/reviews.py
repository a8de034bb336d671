"""The verdicts of a project under its rules, with their signatures verified where the rules want that."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from reconciler.core.cautions import Caution
from reconciler.core.digest import ContentHash
from reconciler.core.plan.observed import Approval, Rejections
from reconciler.core.plan.plan import AssetStep, Plan
from reconciler.core.reviews.rules import ReviewRules
from reconciler.core.reviews.verdict import Judgement, Verdict
from reconciler.core.reviews.verdicts import ReviewState, Standing, rejections, standing
from reconciler.core.specs.settings import MAX_ASSETS
from reconciler.core.value import replace
from reconciler.store.documents.reviews import REVIEW_BYTES, read_reviews
from reconciler.store.documents.signatures import AllowedSigners, read_signers
from reconciler.store.index.index import Index, stat_of

_OPEN = Standing()


class Reviews:
    """Verdicts, and what they come to under these rules. A signature is verified when its verdict matters."""

    def __init__(
        self,
        rules: ReviewRules,
        verdicts: Iterable[Verdict] = (),
        *,
        signers: AllowedSigners | None = None,
        cautions: tuple[Caution, ...] = (),
    ) -> None:
        self.rules = rules
        self.verdicts = tuple(verdicts)
        self.cautions = cautions
        self._signers = signers
        self._by_content: dict[ContentHash, list[Verdict]] = {}
        for verdict in self.verdicts:
            self._by_content.setdefault(verdict.content, []).append(verdict)

    def standings(self, contents: Iterable[ContentHash]) -> dict[ContentHash, Standing]:
        """The result of the reviews of each of these images; OPEN for one without a verdict."""
        wanted = dict.fromkeys(contents)
        self._verify(each for content in wanted for each in self._by_content.get(content, ()))
        found = {content: self._by_content.get(content) for content in wanted}
        return {content: self._standing(given) if given else _OPEN for content, given in found.items()}

    def standing(self, content: ContentHash) -> Standing:
        """The result of the reviews of one image."""
        return self.standings((content,))[content]

    def rejections(self) -> Rejections:
        """The rejected images."""
        suspects = {each.content for each in self.verdicts if each.judgement is Judgement.REJECT}
        if not suspects:
            return Rejections()
        self._verify(each for content in suspects for each in self._by_content[content])
        return rejections(self.verdicts, self.rules, uncounted=self.problem)

    def approved(self, whole: Plan) -> Plan:
        """The plan with the approvals of locked images that are not kept as they are."""
        left = {step.asset for step in whole.drift}
        entries = {step.asset: step.entry for step in whole.asset_steps if step.asset in left}
        contents = {asset: entry.content for asset, entry in entries.items() if entry is not None}
        found = self.standings(contents.values())
        approvals = {asset: _approval(found[content]) for asset, content in contents.items()}
        if not any(approvals.values()):
            return whole
        return Plan(
            tuple(
                replace(step, approved=approvals.get(step.asset)) if isinstance(step, AssetStep) else step
                for step in whole.steps
            )
        )

    def of(self, content: ContentHash) -> tuple[Verdict, ...]:
        """Every verdict on an image, those that do not count, too."""
        return tuple(self._by_content.get(content, ()))

    def _standing(self, verdicts: Iterable[Verdict]) -> Standing:
        return standing(verdicts, self.rules, uncounted=self.problem)

    def _verify(self, verdicts: Iterable[Verdict]) -> None:
        if self._signers is not None:
            reviewers = self.rules.reviewers
            self._signers.verify(each for each in verdicts if not reviewers or each.by in reviewers)

    def problem(self, verdict: Verdict) -> str:
        """Why a verdict does not count, besides its reviewer; "" if it does."""
        return self._signers.problem(verdict) if self._signers is not None else ""


def _approval(standing: Standing) -> Approval | None:
    latest = standing.latest
    if standing.state is not ReviewState.APPROVED or latest is None:
        return None
    return Approval(tuple(each.by for each in standing.verdicts), latest.at)


def read_project_reviews(root: Path, index: Index, rules: ReviewRules, *, most_assets: int = MAX_ASSETS) -> Reviews:
    """The verdicts of the working tree. InvalidInput for a line that is none; ProjectError without the signers."""
    files = read_reviews(root, index, most=REVIEW_BYTES * max(most_assets, MAX_ASSETS))
    signers = None
    if rules.signed:
        index.note_stat(rules.signed, stat_of(root / rules.signed))
        signers = read_signers(root, rules.signed)
    return Reviews(rules, files.verdicts, signers=signers, cautions=files.cautions)
