"""A journal that deaths left open although all is done: the next apply closes it, but for what is in doubt."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.core.digest import AssetId, hex_of
from reconciler.core.events import Durable, Published, Requested
from reconciler.core.lock.entry import read_entry
from reconciler.core.lock.lockfile import LockEntry
from reconciler.core.value import replace
from reconciler.store.objects.content_store import ContentStore
from reconciler.store.state.journal import Journal
from reconciler.testing.gateway import Gateway
from tests.cli.paid_project import PaidProject, opened
from tests.store.tracing import tracing

AT = "2026-11-22T15:59:00Z"
HERO = AssetId("hero")


@pytest.fixture
def paid(
    gateway: Gateway,  # the fixture that is imported above
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> PaidProject:
    """`hero` was made, paid for and locked; nobody watches the journal any more."""
    made = opened(PaidProject(tmp_path, capsys, gateway), monkeypatch)
    made.set_up(hero="A lighthouse at dusk")
    made.done("apply", "--yes")
    return made


def entry(paid: PaidProject) -> LockEntry:
    return read_entry(paid.lock["hero"])


def answered(paid: PaidProject) -> Requested:
    """The request for the hero, of which the journal lacks the end."""
    key = entry(paid).key
    (image,) = ContentStore(paid.root).recall(key)
    assert image.attempt
    return Requested(image.attempt, HERO, key, "shop", "0.039 USD", AT)


def in_doubt(paid: PaidProject) -> Requested:
    return replace(answered(paid), attempt="b1", asset=AssetId("ghost"))


def journal(paid: PaidProject) -> tuple[Durable, ...]:
    return Journal(paid.root / ".reconciler/journal").read()


def test_an_apply_with_nothing_to_do_ends_the_request_that_the_store_answers(paid: PaidProject) -> None:
    """The first death came between the recipe memory and `Stored`, the second between the lockfile and the journal."""
    paid.journal(answered(paid), Published(HERO, entry(paid), "restored"))
    before = {name: data for name, data in paid.snapshot().items() if not name.endswith("/journal")}
    for command in (("plan", "--exit-code"), ("check",)):
        assert "nothing to do: 1 asset up to date" in paid.done(*command).out
    assert paid.done("recover").out == "no request is in doubt\n"
    assert paid.journal() != ()
    assert paid.done("apply", "--yes").out == "nothing to do: 1 asset up to date\n"
    assert paid.read(".reconciler/journal") == b""
    assert {name: data for name, data in paid.snapshot().items() if not name.endswith("/journal")} == before
    assert paid.asked == 1


@pytest.mark.parametrize(("arguments", "code"), [((), 3), (("--include", "hero"), 0)], ids=["held", "not looked at"])
def test_what_is_in_doubt_stays_so_beside_it(paid: PaidProject, arguments: tuple[str, ...], code: int) -> None:
    paid.journal(in_doubt(paid), answered(paid), Published(HERO, entry(paid), "restored"))
    assert paid.apply(*arguments).code == code
    assert journal(paid) == (in_doubt(paid),)
    assert paid.asked == 1


def test_what_was_published_and_locked_does_not_come_back_over_an_older_lockfile(paid: PaidProject) -> None:
    """The death came between the lockfile and the journal, and a later checkout is a person's word."""
    paid.journal(Published(HERO, entry(paid), "made"))
    paid.done("apply", "--yes")
    paid.edit("assets.lock", entry(paid).made.at, AT)
    paid.done("apply", "--yes")
    assert entry(paid).made.at == AT


def test_an_answer_that_only_the_store_knows_ends_what_it_was_asked_again_for(paid: PaidProject) -> None:
    again = replace(answered(paid), retry_of=("b1",))
    paid.journal(in_doubt(paid), again, Published(HERO, entry(paid), "restored"))
    assert paid.done("recover").out == "no request is in doubt\n"
    assert paid.apply().code == 0
    assert journal(paid) == ()


def test_the_journal_forgets_the_request_after_the_disk_has_the_answer(paid: PaidProject) -> None:
    """A killed run may have got as far as the rename: a power cut would take it back, and the request with it."""
    paid.journal(answered(paid), Published(HERO, entry(paid), "restored"))
    with tracing("fsync", "replace") as calls:
        assert paid.apply().code == 0
    assert calls.count(("replace", ".tmp")) == 1  # the journal's, since nothing else changes
    assert calls.index(("fsync", hex_of(entry(paid).key)[:2])) < calls.index(("replace", ".tmp"))


def test_nobody_gives_up_an_answer_that_waits_to_be_published(paid: PaidProject) -> None:
    """Dropped, it would be in doubt again, and its bytes paid for in vain."""
    content, request = entry(paid).content, answered(paid)
    for name in ("assets.lock", "assets/hero.png"):
        (paid.root / name).unlink()
    paid.journal(request)
    paid.done("store", "gc", "--forget-paid", "--yes")
    assert paid.done("recover").out == "no request is in doubt\n"
    assert paid.apply().code == 0
    assert (entry(paid).content, journal(paid), paid.asked) == (content, (), 1)
