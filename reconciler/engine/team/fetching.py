"""Ask a team's store about recipes and contents, several at a time. Blocking."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Executor

from reconciler.core.digest import ContentHash, RecipeKey
from reconciler.core.events import ATTEMPT_DIGITS
from reconciler.core.lock.lockfile import Answer, AnswerKind
from reconciler.core.outcome import BadOutput, Refused
from reconciler.core.ports import StoredImage
from reconciler.core.team.bucket import Bucket
from reconciler.core.team.catalogue import KnownRecipe
from reconciler.core.team.claim import Answered, KeyClaims
from reconciler.core.team.layout import object_name
from reconciler.core.team.receipts import Disbelieved, Receipts
from reconciler.core.value import field, value
from reconciler.engine.team.team_images import ClaimReader, read_receipts, receipted

_KINDS = {Refused.__name__: AnswerKind.REFUSED, BadOutput.__name__: AnswerKind.FAILED}


@value
class Questions:
    """What to ask: about claims and receipts of recipes, about the receipts alone of others, about contents.

    `receipts` maps to the images of a recipe whose records are known: their receipts are not read.
    """

    recipes: frozenset[RecipeKey] = frozenset()
    receipts: Mapping[RecipeKey, Collection[ContentHash]] = field(default_factory=dict)
    contents: Collection[ContentHash] = ()

    def __bool__(self) -> bool:
        return bool(self.recipes or self.receipts or self.contents)


@value
class FetchedFacts:
    """The answers, and the receipts that are not believed."""

    recipes: dict[RecipeKey, KnownRecipe] = field(default_factory=dict)
    contents: dict[ContentHash, str] = field(default_factory=dict)
    disbelieved: tuple[Disbelieved, ...] = ()


def ask(
    bucket: Bucket, receipts: Receipts, questions: Questions, executor: Executor, *, at: str, own: Collection[str]
) -> FetchedFacts:
    """Ask everything. `at` is the time now; open claims of the attempts `own` are left out: this checkout knows them.

    Raises BucketError.
    """
    reader = ClaimReader(bucket)

    def answer(key: RecipeKey) -> tuple[KeyClaims, tuple[ContentHash, ...], list[StoredImage | Disbelieved]]:
        state = reader.read(key) if key in questions.recipes else KeyClaims()
        known, contents = questions.receipts.get(key, ()), receipted(bucket, key)
        unknown = [content for content in contents if content not in known]
        here = tuple(content for content in contents if content in known)
        return state, here, [*read_receipts(bucket, receipts, key, unknown)]

    keys, contents = sorted({*questions.recipes, *questions.receipts}), sorted(questions.contents)
    there = executor.map(lambda content: bucket.stat(object_name(content)) is not None, contents)
    answers = executor.map(answer, keys)
    found = FetchedFacts(contents={content: at for content, here in zip(contents, there, strict=True) if here})
    disbelieved: list[Disbelieved] = []
    for key, (state, known, images) in zip(keys, answers, strict=True):
        believed = tuple(image for image in images if isinstance(image, StoredImage))
        disbelieved += [image for image in images if isinstance(image, Disbelieved)]
        open_ = tuple(claim for claim in state.open if claim.attempt not in own)
        found.recipes[key] = KnownRecipe(at, believed, open_, next(_answers(state), None))
        # an image comes to the store before its receipt
        found.contents.update(dict.fromkeys((*known, *(image.content for image in believed)), at))
    return FetchedFacts(found.recipes, found.contents, tuple(disbelieved))


def _answers(state: KeyClaims) -> Iterator[Answer]:
    """The latest answer, if it was no image: an image settles older refusals."""
    for answered in state.answered[-1:]:
        if answered.end.outcome in _KINDS:
            yield team_answer(answered)


def team_answer(answered: Answered) -> Answer:
    """The answer that another checkout got, as its own lockfile records it."""
    claim, end = answered.claim, answered.end
    kind = _KINDS.get(end.outcome, AnswerKind.MISMATCHED)
    attempt = claim.attempt[:ATTEMPT_DIGITS]
    return Answer(claim.key, end.message, claim.at, kind, end.content, claim.cost, attempt)
