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
from tests.cli.shop import Shop, opened
from tests.gateway.fixture import Gateway, gateway  # noqa: F401  # a fixture of pytest, found by its name
from tests.store.tracing import tracing

AT = "2026-11-22T15:59:00Z"
HERO = AssetId("hero")


@pytest.fixture
def shop(
    gateway: Gateway,  # noqa: F811  # the fixture that is imported above
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Shop:
    """`hero` was made, paid for and locked; nobody watches the journal any more."""
    made = opened(Shop(tmp_path, capsys, gateway), monkeypatch)
    made.set_up(hero="A lighthouse at dusk")
    made.done("apply", "--yes")
    return made


def entry(shop: Shop) -> LockEntry:
    return read_entry(shop.lock["hero"])


def answered(shop: Shop) -> Requested:
    """The request for the hero, of which the journal lacks the end."""
    key = entry(shop).key
    (image,) = ContentStore(shop.root).recall(key)
    assert image.attempt
    return Requested(image.attempt, HERO, key, "shop", "0.039 USD", AT)


def in_doubt(shop: Shop) -> Requested:
    return replace(answered(shop), attempt="b1", asset=AssetId("ghost"))


def journal(shop: Shop) -> tuple[Durable, ...]:
    return Journal(shop.root / ".reconciler/journal").read()


def test_an_apply_with_nothing_to_do_ends_the_request_that_the_store_answers(shop: Shop) -> None:
    """The first death came between the recipe memory and `Stored`, the second between the lockfile and the journal."""
    shop.journal(answered(shop), Published(HERO, entry(shop), "restored"))
    before = {name: data for name, data in shop.snapshot().items() if not name.endswith("/journal")}
    for command in (("plan", "--exit-code"), ("check",)):
        assert "nothing to do: 1 asset up to date" in shop.done(*command).out
    assert shop.done("recover").out == "nothing is in doubt\n"
    assert shop.journal() != ()
    assert shop.done("apply", "--yes").out == "nothing to do: 1 asset up to date\n"
    assert shop.read(".reconciler/journal") == b""
    assert {name: data for name, data in shop.snapshot().items() if not name.endswith("/journal")} == before
    assert shop.asked == 1


@pytest.mark.parametrize(("arguments", "code"), [((), 3), (("--include", "hero"), 0)], ids=["held", "not looked at"])
def test_what_is_in_doubt_stays_so_beside_it(shop: Shop, arguments: tuple[str, ...], code: int) -> None:
    shop.journal(in_doubt(shop), answered(shop), Published(HERO, entry(shop), "restored"))
    assert shop.apply(*arguments).code == code
    assert journal(shop) == (in_doubt(shop),)
    assert shop.asked == 1


def test_what_was_published_and_locked_does_not_come_back_over_an_older_lockfile(shop: Shop) -> None:
    """The death came between the lockfile and the journal, and a later checkout is a person's word."""
    shop.journal(Published(HERO, entry(shop), "made"))
    shop.done("apply", "--yes")
    shop.edit("assets.lock", entry(shop).made.at, AT)
    shop.done("apply", "--yes")
    assert entry(shop).made.at == AT


def test_an_answer_that_only_the_store_knows_ends_what_it_was_asked_again_for(shop: Shop) -> None:
    again = replace(answered(shop), retry_of=("b1",))
    shop.journal(in_doubt(shop), again, Published(HERO, entry(shop), "restored"))
    assert shop.done("recover").out == "nothing is in doubt\n"
    assert shop.apply().code == 0
    assert journal(shop) == ()


def test_the_journal_forgets_the_request_after_the_disk_has_the_answer(shop: Shop) -> None:
    """A killed run may have got as far as the rename: a power cut would take it back, and the request with it."""
    shop.journal(answered(shop), Published(HERO, entry(shop), "restored"))
    with tracing("fsync", "replace") as calls:
        assert shop.apply().code == 0
    assert calls.count(("replace", ".tmp")) == 1  # the journal's, since nothing else changes
    assert calls.index(("fsync", hex_of(entry(shop).key)[:2])) < calls.index(("replace", ".tmp"))


def test_nobody_gives_up_an_answer_that_waits_to_be_published(shop: Shop) -> None:
    """Dropped, it would be in doubt again, and its bytes paid for in vain."""
    content, request = entry(shop).content, answered(shop)
    for name in ("assets.lock", "assets/hero.png"):
        (shop.root / name).unlink()
    shop.journal(request)
    shop.done("store", "gc", "--forget-paid", "--yes")
    assert shop.done("recover").out == "nothing is in doubt\n"
    assert shop.apply().code == 0
    assert (entry(shop).content, journal(shop), shop.asked) == (content, (), 1)
