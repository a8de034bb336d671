"""The files of batches: durable requests, recipes that nobody can swap, results that continue, and what is deleted."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from reconciler.core.batches.recipes import BatchedRecipe, decode_recipes, encode_recipes
from reconciler.core.digest import RecipeKey
from reconciler.core.errors import DiskError
from reconciler.core.recipe import Recipe
from reconciler.store.state.batch_files import BatchFiles

BATCH, OTHER = "0" * 32, "f" * 32


@pytest.fixture
def files(tmp_path: Path) -> BatchFiles:
    return BatchFiles(tmp_path / "batches")


def test_requests_and_recipes_are_kept(files: BatchFiles) -> None:
    path, digest = files.write(BATCH, iter([b"one\n", b"two\n"]), b"{}")
    assert path.read_bytes() == b"one\ntwo\n"
    assert digest == hashlib.sha256(b"one\ntwo\n").hexdigest()
    assert files.recipes(BATCH) == b"{}"
    assert files.recipes(OTHER) == b""


def test_results_continue_at_their_end(files: BatchFiles) -> None:
    for text in (b"abc", b"def"):
        path, stream = files.results(BATCH, "file/../1")
        stream.write(text)
        stream.close()
    assert path.read_bytes() == b"abcdef"
    other, stream = files.results(BATCH, "file/../2")
    stream.close()
    assert other != path
    files.drop_results(BATCH, "file/../1")
    assert not path.exists()


def test_results_are_not_written_through_a_link(files: BatchFiles, tmp_path: Path) -> None:
    path, stream = files.results(BATCH, "x")
    stream.close()
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DiskError):
        files.results(BATCH, "x")
    assert not (tmp_path / "elsewhere").exists()


def test_only_files_of_closed_batches_are_deleted(files: BatchFiles, tmp_path: Path) -> None:
    files.write(BATCH, [b"1"], b"{}")
    files.write(OTHER, [b"2"], b"{}")
    files.results(OTHER, "x")[1].close()
    foreign = tmp_path / "batches/notes.txt"
    foreign.write_text("mine")
    files.keep_only({BATCH})
    left = {path.name for path in (tmp_path / "batches").iterdir()}
    assert left == {f"{BATCH}.jsonl", f"{BATCH}.recipes", "notes.txt"}
    BatchFiles(tmp_path / "nowhere").keep_only(set())


@pytest.mark.parametrize("name", ["", "../x", "a" * 31, "A" * 32, "a" * 32 + "/"])
def test_only_ids_of_batches_name_files(files: BatchFiles, name: str) -> None:
    with pytest.raises(ValueError, match="not a batch"):
        files.recipes(name)


def test_recipes_are_those_that_were_requested() -> None:
    fox, owl = Recipe("a fox", params={"seed": 1}), Recipe("an owl")
    text = encode_recipes({"a": BatchedRecipe(fox, (64, 48)), "b": BatchedRecipe(owl)})
    found = decode_recipes(text, {"a": fox.key(), "b": owl.key()})
    assert found["a"].asked == (64, 48)
    assert found["b"].asked is None
    assert found["a"].recipe.key() == fox.key()
    assert decode_recipes(text, {"a": owl.key(), "c": fox.key()}) == {}, "of another recipe, or not there"


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b'{"batch": 2, "requests": {}}', b'{"batch": 1}', b'{"batch": 1, "requests": []}',
     b'{"batch": 1, "requests": {"a": 3}}', b'{"batch": 1, "requests": {"a": {"recipe": "x"}}}', b"[" * 100_000],
)  # fmt: skip
def test_any_other_text_has_no_recipes(text: bytes) -> None:
    assert decode_recipes(text, {"a": RecipeKey("r1:" + "0" * 64)}) == {}
