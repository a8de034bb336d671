"""What every Store and Spool does: inherit, and give `store` as a fixture."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO, Protocol
from zlib import crc32

from reconciler.core.digest import ContentHash, content_hash, recipe_key
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.lock.lockfile import Made
from reconciler.core.outcome import Spooled
from reconciler.core.ports import Store, StoredImage

KEY = recipe_key({"prompt": "a sword"})
OTHER_KEY = recipe_key({"prompt": "a shield"})


class StoreAndSpool(Store, Protocol):
    def open(self) -> tuple[Path, IO[bytes]]: ...


def spooled(store: StoreAndSpool, data: bytes) -> Spooled:
    path, out = store.open()
    with out:
        out.write(data)
    return Spooled(path, content_hash(data), len(data))


def an_image(
    data: bytes = b"sword", *, at: str = "2026-11-22T16:00:00Z", message: str = "m", attempt: str = ""
) -> StoredImage:
    made = Made(
        "gravitex", at, model=message, request="r-1", cost="0.134 USD", usage={"total_tokens": 1300, "x": [1, None]}
    )
    return StoredImage(content_hash(data), ImageFacts("png", 1344, 768, len(data)), made, attempt)


def drawing(message: bytes) -> bytes:
    """A PNG file as far as its container says, of the size that `an_image` has."""
    chunks = (b"IHDR", struct.pack(">IIBBBBB", 1344, 768, 8, 2, 0, 0, 0)), (b"IDAT", message), (b"IEND", b"")
    framed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


class StoreContract:
    def test_what_was_put_is_found_with_its_bytes(self, store: StoreAndSpool) -> None:
        path = store.put(spooled(store, b"sword"))

        assert path.read_bytes() == b"sword"
        assert store.find(content_hash(b"sword")) == path

    def test_what_was_never_put_is_not_found(self, store: StoreAndSpool) -> None:
        store.put(spooled(store, b"sword"))
        spooled(store, b"shield")

        assert store.find(content_hash(b"shield")) is None
        assert store.find(ContentHash("sha256:../../../../etc/passwd")) is None

    def test_the_same_bytes_can_be_put_again(self, store: StoreAndSpool) -> None:
        assert store.put(spooled(store, b"sword")) == store.put(spooled(store, b"sword"))
        found = store.find(content_hash(b"sword"))
        assert found is not None and found.read_bytes() == b"sword"

    def test_two_spool_files_do_not_meet(self, store: StoreAndSpool) -> None:
        (one, first), (two, second) = store.open(), store.open()
        with first, second:
            first.write(b"one")
            second.write(b"two")
        assert (one.read_bytes(), two.read_bytes()) == (b"one", b"two")

    def test_recall_gives_every_fact_back_oldest_first(self, store: StoreAndSpool) -> None:
        one, two = drawing(b"one"), drawing(b"two")
        images = an_image(one, attempt="a1"), an_image(two, message="line\nbreak \ud800 \x00 é")
        for data, image in zip((one, two), images, strict=True):
            store.put(spooled(store, data))
            store.remember(KEY, image)

        assert store.recall(KEY) == images
        assert store.recall(OTHER_KEY) == ()

    def test_recall_leaves_out_what_is_not_stored(self, store: StoreAndSpool) -> None:
        store.remember(KEY, an_image(b"lost"))
        assert store.recall(KEY) == ()

    def test_content_that_is_remembered_twice_keeps_its_first_facts(self, store: StoreAndSpool) -> None:
        sword = drawing(b"sword")
        store.put(spooled(store, sword))
        store.remember(KEY, an_image(sword, at="2026-01-01T00:00:00Z"))
        store.remember(KEY, an_image(sword, at="2027-01-01T00:00:00Z"))

        assert [image.made.at for image in store.recall(KEY)] == ["2026-01-01T00:00:00Z"]
