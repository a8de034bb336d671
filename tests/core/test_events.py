"""The journal's lines, and what a journal comes to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.digest import AssetId, Json, content_hash, recipe_key
from reconciler.core.errors import LockfileError
from reconciler.core.events import (
    Accepted,
    AnswerRecorded,
    BatchAccepted,
    BatchClosed,
    BatchSending,
    Durable,
    Ended,
    Forgotten,
    JobLost,
    OpenBatch,
    Prepared,
    Published,
    Removed,
    Requested,
    Settled,
    Stored,
    Waiting,
    of_requests,
    settle,
)
from reconciler.core.journal_lines import decode_event, encode_event
from reconciler.core.lock.lockfile import Answer, AnswerKind, Lock, LockEntry, Made, loads
from reconciler.core.value import fields, replace
from tests.core.locks import (
    a_entry,
    a_lock,
    a_refusal,
    answers,
    contents,
    entries,
    few_answers,
    few_entries,
    few_ids,
    few_locks,
    ids,
)

FORMATS = Path(__file__).parents[1] / "formats"
LINES = (FORMATS / "journal-v1.jsonl").read_bytes().splitlines()
NEWER = (FORMATS / "journal-v2.jsonl").read_bytes().splitlines()
HERO, CROW, GHOST, SWORD = (AssetId(name) for name in ("hero", "crow", "ghost", "sword"))
CROW_KEY = recipe_key({"prompt": "a ghost", "model": "gemini-2.5-flash-image"})


def test_version_1_of_every_kind_decodes_for_ever() -> None:
    lock = loads((FORMATS / "lockfile-v1.lock").read_text(encoding="utf-8"))
    hero, sword, refusal = lock.entries[HERO], lock.entries[AssetId("icons#sword")], lock.answers[GHOST]
    newer, skull = loads((FORMATS / "lockfile-v2.lock").read_text(encoding="utf-8")), AssetId("skull")
    cheap = "0.039 USD"
    assert [decode_event(line) for line in LINES] == [
        Requested("a1", HERO, hero.key, "gravitex", "0.134 USD", "2026-11-22T15:59:20Z"),
        Stored("a1", HERO, hero.key, hero.content, hero.made),
        Published(HERO, hero, "made"),
        Requested("a2", GHOST, refusal.key, "gravitex", "", "2026-11-22T16:04:00Z"),
        Ended("a2", GHOST, "Refused", refusal.message),
        AnswerRecorded(GHOST, refusal),
        Requested("a3", CROW, CROW_KEY, "gravitex", cheap, "2026-11-22T16:06:00Z"),
        Ended("a3", CROW, "BadOutput", "wrong ratio", content_hash(b"kept")),
        Published(AssetId("icons#sword"), sword, "moved", SWORD),
        Removed(AssetId("old")),
        Requested("a4", CROW, CROW_KEY, "gravitex", cheap, "2026-11-22T16:07:00Z"),
        Forgotten("a4"),
        Requested("a5", CROW, CROW_KEY, "gravitex", cheap, "2026-11-22T16:08:00Z"),
        Requested("a6", CROW, CROW_KEY, "gravitex", cheap, "2026-11-22T16:09:00Z", ("a5",)),
        AnswerRecorded(skull, newer.answers[skull]),
    ]
    assert [json.loads(encode_event(decode_event(line))) for line in LINES] == [
        {**json.loads(line), "v": 2} for line in LINES
    ]


def test_version_2_of_every_kind_decodes_for_ever() -> None:
    assert [decode_event(line) for line in NEWER[: len(LINES)]] == [decode_event(line) for line in LINES]
    asked = Requested("a7", CROW, CROW_KEY, "fal", "0.039 USD", "2026-11-22T16:10:00Z", by="ci-771 (ana@acme)")
    url = "https://queue.fal.run/fal-ai/flux/requests/764cabcf"
    recipe: dict[str, Json] = {"prompt": "a ghost", "model": "gemini-2.5-flash-image"}
    assert [decode_event(line) for line in NEWER[len(LINES) :]] == [
        asked,
        Accepted("a7", CROW, "764cabcf", url, "2026-11-22T17:10:00Z", recipe),
        Requested("a8", CROW, CROW_KEY, "openai", "0.02 USD", "2026-11-22T16:11:00Z"),
        Prepared("b1", "openai", ("a8",), "9f2c"),
        BatchSending("b1", "2026-11-22T16:12:00Z"),
        BatchSending("b2", "2026-11-22T16:12:00Z", "0123456789abcdef"),
        BatchAccepted("b1", "batch_67", "2026-11-22T16:12:01Z"),
        BatchClosed("b1"),
        JobLost("a7"),
        Accepted("a7", CROW, "764cabcf", at="2026-11-22T16:10:01Z"),
    ]
    assert {type(decode_event(line)) for line in NEWER} == set(get_args(Durable))
    assert [encode_event(decode_event(line)) for line in NEWER] == NEWER


attempts = st.sampled_from(["1", "2", "3"])
batches = st.sampled_from(["b", "c"])
texts = st.text(max_size=6)
outcomes = st.sampled_from(["Refused", "Mismatched", "BadOutput", "Throttled", ""])


def events(
    names: st.SearchStrategy[AssetId], entries: st.SearchStrategy[LockEntry], answers: st.SearchStrategy[Answer]
) -> st.SearchStrategy[Durable]:
    return st.one_of(
        st.builds(
            Requested,
            *(attempts, names, entries.map(lambda entry: entry.key), texts, texts, texts),
            st.lists(attempts, max_size=2).map(tuple),
            by=texts,
        ),
        st.builds(Accepted, attempts, names, texts, texts, texts, st.just({}) | st.just({"prompt": "x"}), texts, texts),
        st.builds(Prepared, batches, texts, st.lists(attempts, max_size=2).map(tuple), texts),
        st.builds(BatchSending, batches, texts),
        st.builds(BatchAccepted, batches, texts, texts),
        st.builds(BatchClosed, batches),
        st.builds(JobLost, attempts),
        st.builds(Ended, attempts, names, outcomes, texts, st.none() | contents),
        entries.flatmap(
            lambda entry: st.builds(Stored, attempts, names, st.just(entry.key), contents, st.just(entry.made))
        ),
        st.builds(Published, names, entries, st.sampled_from(["made", "adopted"]), st.none() | names),
        st.builds(Removed, names),
        st.builds(AnswerRecorded, names, answers),
        st.builds(Forgotten, attempts),
    )


journals = st.lists(events(few_ids, few_entries, few_answers), max_size=8)


@settings(max_examples=60)
@given(events(ids, entries, answers))
def test_what_is_encoded_is_decoded_and_is_one_line(event: Durable) -> None:
    line = encode_event(event)
    assert decode_event(line) == event
    assert b"\n" not in line and b"\r" not in line


def test_what_a_provider_says_never_spoils_a_line() -> None:
    event = Ended("1", HERO, "BadOutput", "two\nlines\u2028and half a pair \ud83d")
    assert decode_event(encode_event(event)) == event
    assert encode_event(event).count(b"\n") == 0


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"", "the journal: not an event"),
        (b"\xff", "the journal: not an event"),
        (b"[" * 200_000, "the journal: not an event"),
        (b"[]", "the journal: not an event"),
        (b'{"kind": "removed", "asset": "a"}', "it has no kind or no version"),
        (b'{"v": true, "kind": "removed", "asset": "a"}', "it has no kind or no version"),
        (b'{"v": 1, "kind": "annealed"}', "unknown event 'annealed' (version 1)\n  hint: it was written by a newer"),
        (
            b'{"v": 3, "kind": "removed", "asset": "a"}',
            "unknown event 'removed' (version 3)\n  hint: it was written by",
        ),
        (b'{"v": 1, "kind": "removed"}', "the journal: removed: asset: missing"),
        (b'{"v": 1, "kind": "removed", "asset": 7}', "the journal: removed: asset: not a string"),
        (b'{"v": 1, "kind": "removed", "asset": "a", "at": ""}', "removed: at: unknown key\n  hint: "),
        (LINES[0].replace(b"r1:6", b"r1:/"), "the journal: requested: key: 'r1:/"),
        (LINES[13].replace(b'["a5"]', b"[5]"), "the journal: requested: again: not a list of strings"),
        (LINES[1].replace(b"sha256:a", b"sha256:/"), "the journal: stored: content: 'sha256:/"),
        (LINES[2].replace(b'"public', b'"../public'), 'the journal: published: output: "../public'),
        (LINES[7].replace(b"sha256:7", b"sha256:/"), "the journal: ended: kept: 'sha256:/"),
    ],
)
def test_any_other_line_is_refused_with_a_hint(line: bytes, says: str) -> None:
    with pytest.raises(LockfileError) as raised:
        decode_event(line)
    assert says in str(raised.value)
    assert raised.value.hint


@given(st.sampled_from(NEWER), st.data())
def test_a_missing_or_mistyped_field_is_refused(line: bytes, data: st.DataObject) -> None:
    fact = json.loads(line)
    optional = {"kept", "origin", "again", "by", "url", "expires", "recipe", "account"}
    if fact["kind"] == "accepted":
        optional.add("at")
    name = data.draw(st.sampled_from(sorted(fact.keys() - optional)))
    for damaged in ({key: value for key, value in fact.items() if key != name}, {**fact, name: [7]}):
        with pytest.raises(LockfileError):
            decode_event(json.dumps(damaged).encode())


def test_an_answer_stays_with_the_asset_that_it_was_recorded_for() -> None:
    answer = AnswerRecorded(AssetId("b"), a_refusal("y", message="no", at="2026"))
    moved = Published(AssetId("a"), a_entry("x"), "made", AssetId("b"))
    in_both_orders: tuple[list[Durable], ...] = ([answer, moved], [moved, answer])
    for journal in in_both_orders:
        once = settle(Lock(), journal)
        assert once.lock.answers == {"b": answer.answer}
        assert settle(once.lock, journal) == once


@settings(max_examples=60)
@given(few_locks, journals)
def test_a_journal_settled_twice_is_settled_once(lock: Lock, journal: list[Durable]) -> None:
    once = settle(lock, journal)
    assert settle(once.lock, journal) == once


@settings(max_examples=60)
@given(few_locks, journals, st.integers(0, 8))
def test_a_journal_may_be_settled_in_two_halves(lock: Lock, journal: list[Durable], cut: int) -> None:
    halfway = settle(lock, journal[:cut])
    assert settle(halfway.lock, [*halfway.unended, *journal[cut:]]) == settle(lock, journal)


@settings(max_examples=60)
@given(few_locks, journals)
def test_events_of_requests_leave_the_same_requests_open(lock: Lock, journal: list[Durable]) -> None:
    assert settle(Lock(), of_requests(journal)).unended == settle(lock, journal).unended


def test_an_entry_that_is_recorded_again_is_in_memory_once() -> None:
    first, again = a_entry("x"), a_entry("x")
    lock = settle(Lock({AssetId("a"): first}), [Published(AssetId("a"), again, "made")]).lock
    assert lock.entries[AssetId("a")] is first


MADE = Made("gravitex", "2026-11-22T16:00:00Z")
ENTRY, OTHER, DRAFTED = a_entry("a sword", made=MADE), a_entry("a shield", made=MADE), a_entry("a sword")
SKULL, DRAFTED_SKULL = a_entry("a skull", made=MADE), a_entry("a skull")
LOCK = Lock({HERO: OTHER, SWORD: ENTRY}, {SWORD: a_refusal(), HERO: a_refusal("a skull")})


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (Published(HERO, ENTRY, "made"), Lock({HERO: ENTRY, SWORD: ENTRY}, LOCK.answers)),
        (Published(HERO, SKULL, "made"), Lock({HERO: SKULL, SWORD: ENTRY}, {SWORD: a_refusal()})),
        (Published(HERO, DRAFTED_SKULL, "made"), Lock({HERO: DRAFTED_SKULL, SWORD: ENTRY}, LOCK.answers)),
        (Published(HERO, ENTRY, "moved", SWORD), Lock({HERO: ENTRY}, LOCK.answers)),
        (Published(HERO, SKULL, "moved", SWORD), Lock({HERO: SKULL}, {SWORD: a_refusal()})),
        (Published(SWORD, OTHER, "moved", SWORD), Lock({HERO: OTHER, SWORD: OTHER}, LOCK.answers)),
        (Published(HERO, DRAFTED, "made"), Lock({HERO: DRAFTED, SWORD: ENTRY}, LOCK.answers)),
        (
            Published(CROW, DRAFTED, "moved", SWORD),
            Lock({HERO: OTHER, CROW: DRAFTED}, LOCK.answers),
        ),
        (Removed(SWORD), Lock({HERO: OTHER}, {HERO: a_refusal("a skull")})),
        (Removed(CROW), LOCK),
        (AnswerRecorded(HERO, a_refusal()), Lock(LOCK.entries, {HERO: a_refusal(), SWORD: a_refusal()})),
        (Stored("1", HERO, ENTRY.key, ENTRY.content, ENTRY.made), LOCK),
    ],
)
def test_what_an_event_does_to_the_lock(event: Durable, expected: Lock) -> None:
    assert settle(LOCK, [event]) == Settled(expected, ())


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        ("Refused", AnswerKind.REFUSED),
        ("Mismatched", AnswerKind.MISMATCHED),
        ("BadOutput", AnswerKind.FAILED),
        ("NotSent", None),
        ("Throttled", None),
        ("Rejected", None),
        ("InDoubt", None),
    ],
)
def test_an_attempt_that_was_answered_is_an_answer_to_what_was_asked(outcome: str, kind: AnswerKind | None) -> None:
    asked = Requested("1", CROW, CROW_KEY, "gravitex", "0.134 USD", "then")
    journal: list[Durable] = [asked, Ended("1", CROW, outcome, "no crows", ENTRY.content)]
    answer = Answer(CROW_KEY, "no crows", "then", kind, ENTRY.content, "0.134 USD", "1") if kind else None
    answers = {CROW: answer} if answer else {}
    assert settle(Lock(), journal) == Settled(Lock({}, answers), ())
    other = settle(Lock(), [*journal, Published(CROW, ENTRY, "made")])
    assert other == Settled(Lock({CROW: ENTRY}, answers), ()), "an image of another recipe ends no answer"
    crow = replace(ENTRY, key=CROW_KEY)
    assert settle(Lock(), [*journal, Published(CROW, crow, "made")]) == Settled(a_lock(crow=crow), ())


def test_the_costs_of_earlier_answers_to_a_recipe_are_kept_once() -> None:
    journal: list[Durable] = []
    for number in range(3):
        attempt = f"{number}fffffffffff"
        cost = f"0.0{number} USD"
        journal += [Requested(attempt, CROW, CROW_KEY, "p", cost, "then"), Ended(attempt, CROW, "BadOutput", "no")]
    once = settle(Lock(), journal).lock
    assert sorted(once.answers[CROW].costs) == ["0.00 USD", "0.01 USD", "0.02 USD"]
    assert settle(once, journal).lock == once
    other = recipe_key({"prompt": "another"})
    changed: list[Durable] = [Requested("x", CROW, other, "p", "1 USD", "then"), Ended("x", CROW, "Refused", "no")]
    assert settle(once, changed).lock.answers[CROW].costs == ("1 USD",)


ASKED = Requested("1", SWORD, ENTRY.key, "gravitex", "0.134 USD", "2026-11-22T15:59:20Z")
AGAIN = replace(ASKED, attempt="2")
RETRIED = replace(ASKED, attempt="2", retry_of=("1",))
ADOPTED = Published(SWORD, ENTRY, "adopted")


@pytest.mark.parametrize(
    ("journal", "in_doubt"),
    [
        ([ASKED], (ASKED,)),
        ([ASKED, AGAIN], (ASKED, AGAIN)),
        ([ASKED, AGAIN, Ended("1", SWORD, "Throttled", "")], (AGAIN,)),
        ([ASKED, Stored("1", SWORD, ENTRY.key, ENTRY.content, ENTRY.made)], ()),
        ([ASKED, Forgotten("1")], ()),
        ([ASKED, Ended("2", SWORD, "Throttled", "")], (ASKED,)),
        ([ASKED, AGAIN, ADOPTED], ()),
        ([ADOPTED, ASKED], (ASKED,)),  # what was adopted before says nothing about a later request
        ([ASKED, Published(SWORD, ENTRY, "made")], (ASKED,)),  # another attempt's picture: this one may have cost, too
        ([ASKED, Published(SWORD, OTHER, "adopted")], (ASKED,)),
        ([ASKED, Published(HERO, ENTRY, "adopted")], (ASKED,)),
        ([ASKED, Removed(SWORD)], (ASKED,)),
        ([ASKED, RETRIED], (ASKED, RETRIED)),
        ([ASKED, RETRIED, Stored("2", SWORD, ENTRY.key, ENTRY.content, ENTRY.made)], ()),
        ([ASKED, RETRIED, Ended("2", SWORD, "BadOutput", "")], ()),
        ([ASKED, RETRIED, Ended("2", SWORD, "NotSent", "")], (ASKED,)),  # nobody was asked, so nobody has answered
        ([ASKED, RETRIED, Forgotten("2")], (ASKED,)),
    ],
)
def test_what_is_in_doubt(journal: list[Durable], in_doubt: tuple[Requested, ...]) -> None:
    assert settle(Lock(), journal).in_doubt == in_doubt


JOB = Accepted("1", SWORD, "job-1", "https://queue.fal.run/job-1")
BATCH = Prepared("b", "openai", ("1", "2"), "9f2c")
IN_BATCH = (BATCH, BatchSending("b", "then"), BatchAccepted("b", "batch_67", "later"))


@pytest.mark.parametrize(
    ("journal", "in_doubt", "waiting"),
    [
        ([ASKED, JOB], (), (Waiting(ASKED, JOB),)),
        ([ASKED, JOB, JOB], (), (Waiting(ASKED, JOB),)),
        ([JOB, ASKED], (ASKED,), ()),  # an acceptance of nothing that was asked
        ([ASKED, AGAIN, JOB], (AGAIN,), (Waiting(ASKED, JOB),)),
        ([ASKED, JOB, Stored("1", SWORD, ENTRY.key, ENTRY.content, ENTRY.made)], (), ()),
        ([ASKED, JOB, Ended("1", SWORD, "Refused", "")], (), ()),
        ([ASKED, JOB, Forgotten("1")], (), ()),
        ([ASKED, JOB, JobLost("1")], (replace(ASKED, lost_job="job-1"),), ()),
        ([ASKED, JOB, JobLost("1"), JOB], (), (Waiting(ASKED, JOB),)),
        ([ASKED, JobLost("1")], (ASKED,), ()),
        ([ASKED, Stored("1", SWORD, ENTRY.key, ENTRY.content, ENTRY.made), JOB], (), ()),
        ([ASKED, JOB, ADOPTED], (), (Waiting(ASKED, JOB),)),  # its image is paid for, and on the way
        ([ASKED, JOB, Published(SWORD, ENTRY, "made")], (), (Waiting(ASKED, JOB),)),
        ([ASKED, JOB, Removed(SWORD)], (), (Waiting(ASKED, JOB),)),
        ([ASKED, JOB, RETRIED, Ended("2", SWORD, "Refused", "")], (), ()),
        (
            [ASKED, AGAIN, BATCH],
            (),
            tuple(Waiting(one, Accepted(one.attempt, SWORD, ""), "b") for one in (ASKED, AGAIN)),
        ),
        (
            [ASKED, AGAIN, *IN_BATCH, Ended("1", SWORD, "NotSent", "")],
            (),
            (Waiting(AGAIN, Accepted("2", SWORD, "batch_67"), "b"),),
        ),
        ([ASKED, AGAIN, *IN_BATCH, Ended("1", SWORD, "NotSent", ""), BatchClosed("b")], (AGAIN,), ()),
    ],
)
def test_what_waits_is_not_in_doubt(
    journal: list[Durable], in_doubt: tuple[Requested, ...], waiting: tuple[Waiting, ...]
) -> None:
    settled = settle(Lock(), journal)
    assert (settled.in_doubt, settled.waiting) == (in_doubt, waiting)
    closed = settle(Lock(), settled.unended)
    assert (closed.in_doubt, closed.waiting) == (in_doubt, waiting), "a closed journal says the same"


def test_a_batch_is_open_until_it_is_closed() -> None:
    _, sending, accepted = IN_BATCH
    assert settle(Lock(), [ASKED, BATCH]).batches == (OpenBatch(BATCH),)
    assert settle(Lock(), [ASKED, *IN_BATCH]).batches == (OpenBatch(BATCH, sending, accepted),)
    assert settle(Lock(), [ASKED, *IN_BATCH]).unended == (ASKED, *IN_BATCH)
    assert settle(Lock(), [sending, accepted]).batches == ()
    assert settle(Lock(), [*IN_BATCH, BatchClosed("b")]).unended == ()


ON_DISK = {"message": "words", "retry_of": "again"}
"""Fields whose name in the journal is older than their name in the code."""


def test_no_field_of_an_event_is_lost() -> None:
    """A new field must reach the format: every one of them stands in the fixture."""
    for line in NEWER:
        event = decode_event(line)
        shown = json.loads(line)
        blank: tuple[object, ...] = (None, (), "", {})
        given = {field.name for field in fields(type(event)) if getattr(event, field.name) not in blank}
        names = ON_DISK | ({"answer": "refusal"} if b'"refusal_recorded"' in line else {})
        assert {name for name, value in shown.items() if value != ""} - {"v", "kind"} == {
            names.get(name, name) for name in given
        }
