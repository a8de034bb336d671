"""Ends that a death kept out of the journal."""

from __future__ import annotations

from reconciler.core.digest import AssetId, RecipeKey, content_hash, recipe_key
from reconciler.core.events import Durable, Ended, Published, Requested, Stored, settle
from reconciler.core.fit import Misfit
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.lock.lockfile import AnswerKind, Lock, Made
from reconciler.core.ports import StoredImage
from reconciler.core.unrecorded import unrecorded
from reconciler.core.value import replace
from tests.core.locks import a_entry

HERO = AssetId("hero")
ENTRY = a_entry()
KEY, OTHER = ENTRY.key, recipe_key({"prompt": "another"})
MADE = Made("gravitex", "2026-11-22T16:00:00Z", model="m", cost="0.134 USD")
ANSWER = StoredImage(content_hash(b"an answer"), ImageFacts("png", 1, 1, 9), MADE, "a1")
ASKED = Requested("a1", HERO, KEY, "gravitex", "0.134 USD", "2026-11-22T15:59:00Z")
END = Stored("a1", HERO, KEY, ANSWER.content, MADE)


def ends(*events: Durable, key: RecipeKey = KEY, answers: tuple[StoredImage, ...] = (ANSWER,)) -> list[Stored | Ended]:
    return [end for _, end in unrecorded(events, {key: answers, OTHER: ()}.__getitem__)]


def test_an_open_request_ends_with_what_the_store_has_for_its_attempt() -> None:
    assert ends(ASKED) == [END]
    assert ends(ASKED, Published(HERO, ENTRY, "restored")) == [END]
    assert ends(ASKED, END) == []


def test_what_answered_another_attempt_or_nobodys_ends_nothing() -> None:
    other, nobodys = replace(ANSWER, attempt="a0"), replace(ANSWER, attempt="")
    assert ends(ASKED, answers=(nobodys, other)) == []
    assert ends(replace(ASKED, key=OTHER)) == []
    assert ends(ASKED, answers=(other, ANSWER)) == [END]


def test_the_second_of_two_attempts_that_got_the_same_bytes_ends_too() -> None:
    assert ends(ASKED, answers=(replace(ANSWER, attempt="a0", repeats=("a1",)),)) == [END]


def test_an_image_that_does_not_fit_ends_its_attempt_as_mismatched() -> None:
    misfit = Misfit("not 16:9", "the picture is 1x1, which is not 16:9")
    told = ends(ASKED, answers=(replace(ANSWER, misfit=misfit),))
    assert told == [Ended("a1", HERO, "Mismatched", misfit.message, ANSWER.content)]
    (answer,) = settle(Lock(), (ASKED, *told)).lock.answers.values()
    assert (answer.kind, answer.key, answer.cost) == (AnswerKind.MISMATCHED, KEY, ASKED.cost)


def test_an_answer_to_a_request_that_was_made_again_ends_the_first_one_too() -> None:
    again = (ASKED, replace(ASKED, attempt="a2", retry_of=("a1",)), replace(ASKED, attempt="a3"))
    found = ends(*again, answers=(replace(ANSWER, attempt="a2"),))
    assert [one.attempt for one in settle(Lock(), (*again, *found)).in_doubt] == ["a3"]
