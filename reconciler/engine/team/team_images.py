"""Read what a team's store has for a recipe: claims, receipts, and images, which are verified. Blocking."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from io import BytesIO

from reconciler.core.digest import ContentHash, RecipeKey
from reconciler.core.errors import BucketError
from reconciler.core.ports import Objects, ProjectStore, StoredImage
from reconciler.core.team.bucket import Bucket
from reconciler.core.team.claim import (
    CLAIM_BYTES,
    MOST_CLAIMS,
    Claim,
    ClaimEnd,
    KeyClaims,
    decode_claim,
    decode_claim_end,
    settle_claims,
)
from reconciler.core.team.layout import (
    claim_end_name,
    claim_name,
    claim_of,
    claims_of,
    object_name,
    receipt_name,
    receipt_of,
    receipts_of,
)
from reconciler.core.team.receipts import Disbelieved, Receipts

RECEIPT_BYTES = 1 << 20
"""The most bytes of a receipt that are read."""
IMAGE_BYTES = 1 << 30
"""The most bytes of an image that are fetched."""


class OtherBytes(BucketError):
    """An object does not have the bytes that its name says. They are never placed."""


class ClaimReader:
    """The claims of recipes. What was read once is not read again: no claim ever changes."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._claims: dict[tuple[RecipeKey, int], Claim] = {}
        self._ends: dict[tuple[RecipeKey, int], ClaimEnd | None] = {}

    def read(self, key: RecipeKey) -> KeyClaims:
        """The claims of a recipe, settled. Raises BucketError."""
        found = [name for text in self._bucket.names(claims_of(key)) if (name := claim_of(text)) and name.key == key]
        if len(found) > 2 * MOST_CLAIMS:
            raise BucketError(f"the team's store has {len(found):,} claims and ends for one recipe")
        claims = [self._claim(key, name.number) for name in found if not name.ended]
        ends = {name.number: self._end(key, name.number) for name in found if name.ended}
        return settle_claims(claims, {number: end for number, end in ends.items() if end is not None})

    def _claim(self, key: RecipeKey, number: int) -> Claim:
        known = self._claims.get((key, number))
        if known is None:
            data = small_object(self._bucket, claim_name(key, number), most=CLAIM_BYTES)
            known = decode_claim(key, number, data or b"")
            self._claims[key, number] = known
        return known

    def _end(self, key: RecipeKey, number: int) -> ClaimEnd | None:
        if (key, number) not in self._ends:
            data = small_object(self._bucket, claim_end_name(key, number), most=CLAIM_BYTES)
            self._ends[key, number] = decode_claim_end(data or b"")
        return self._ends[key, number]


def small_object(bucket: Bucket, name: str, *, most: int) -> bytes | None:
    """The bytes of an object, None if there is none. Raises BucketError."""
    sink = BytesIO()
    return sink.getvalue() if bucket.get(name, sink, most=most) else None


def read_receipt(
    bucket: Bucket, receipts: Receipts, key: RecipeKey, content: ContentHash
) -> StoredImage | Disbelieved | None:
    """The receipt of one image for a recipe; None if there is none. Raises BucketError."""
    data = small_object(bucket, receipt_name(key, content), most=RECEIPT_BYTES)
    if data is None:
        return None
    found = receipts.read(key, content, data)
    if isinstance(found, StoredImage) and found.content != content:
        return Disbelieved("", "it is a receipt for another image")
    return found


def receipted(bucket: Bucket, key: RecipeKey, *, most: int = MOST_CLAIMS) -> tuple[ContentHash, ...]:
    """The images that have a receipt for a recipe, whoever has written it. Raises BucketError."""
    names = [name for text in bucket.names(receipts_of(key)) if (name := receipt_of(text)) and name.key == key]
    if len(names) > most:
        raise BucketError(f"the team's store has {len(names):,} receipts for one recipe")
    return tuple(name.content for name in names)


def read_receipts(
    bucket: Bucket, receipts: Receipts, key: RecipeKey, contents: Iterable[ContentHash]
) -> Iterator[StoredImage | Disbelieved]:
    """The receipts of these images for a recipe, in the order of their times. Raises BucketError."""
    found = [each for content in contents if (each := read_receipt(bucket, receipts, key, content)) is not None]
    yield from (each for each in found if isinstance(each, Disbelieved))
    yield from sorted((each for each in found if isinstance(each, StoredImage)), key=lambda each: each.made.at)


def received_image(
    bucket: Bucket, receipts: Receipts, key: RecipeKey, *, unusable: Collection[ContentHash]
) -> StoredImage | None:
    """The newest image with a believed receipt that fits a recipe; None if there is none. Raises BucketError."""
    contents = [content for content in receipted(bucket, key) if content not in unusable]
    for image in [*read_receipts(bucket, receipts, key, contents)][::-1]:
        if isinstance(image, StoredImage) and image.misfit is None:
            return image
    return None


def fetch_object(bucket: Bucket, store: Objects, content: ContentHash) -> bool:
    """Copy an object into the local store; False if the team's store does not have it. Durable once this returns.

    Raises BucketError, also for other bytes than its name says: they are never placed. Raises DiskError.
    """
    got = store.put_copy(content, lambda sink: bucket.get(object_name(content), sink, most=IMAGE_BYTES))
    if got is not None and got != content:
        raise OtherBytes(
            f"the team's store has other bytes for {content}: their hash is {got}",
            hint="they were not used; `reconciler store verify --remote` lists damaged objects",
        )
    return got is not None


def take_image(bucket: Bucket, store: ProjectStore, key: RecipeKey, image: StoredImage) -> StoredImage | None:
    """Copy an image that a believed receipt vouches for into the local store, with its record. The record as it is
    here; None if the team's store lacks the image, or if it is not as the receipt says. Raises BucketError, DiskError.

    The record is not durable: the receipt stays in the team's store, and the next pull records the image again.
    """
    if store.sound(image.content) is None and not fetch_object(bucket, store, image.content):
        return None
    store.remember(key, image, durable=False)
    return next(iter(store.recall(key, only=image.content)), None)
