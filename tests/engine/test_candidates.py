"""Several calls for one asset: each stands for itself, and one answer stands for all."""

from __future__ import annotations

from decimal import Decimal

import pytest

from reconciler.core.digest import RecipeKey
from reconciler.core.errors import DiskError
from reconciler.core.lock.lockfile import Made
from reconciler.core.money.cost import Cost
from reconciler.core.outcome import BadOutput, Done, InDoubt, NotSent, Outcome, Refused, Rejected, Throttled
from reconciler.core.ports import ImageRequest, OnResponse, StoredImage, ignore_response
from reconciler.core.specs.settings import Budget
from reconciler.engine.lane.candidates import CandidateProvider
from tests.engine.clock import play
from tests.engine.paid import Scripted, World, Written, a_done, a_request

ONE = Cost(Decimal(1))


def nothing(key: RecipeKey) -> tuple[StoredImage, ...]:
    return ()


def asked(*outcomes: Outcome) -> tuple[Outcome, Written]:
    progress = Written()
    several = CandidateProvider(Scripted({"hero": outcomes}), count=len(outcomes), progress=progress, recall=nothing)
    return play(several.generate(a_request())), progress


def test_the_first_picture_stands_for_all_at_the_price_of_all() -> None:
    outcome, progress = asked(Rejected("no"), a_done("a", cost=ONE), a_done("b", cost=ONE), InDoubt("reset"))
    assert isinstance(outcome, Done)
    assert (outcome.spooled, outcome.cost) == (a_done("a").spooled, Cost(Decimal(2)))
    doubt = "candidate 4 of 4: in doubt, it may have been charged: reset"
    assert progress.notes == ["candidate 1 of 4: rejected: no", doubt]


def test_the_first_picture_is_the_one_that_the_store_lists_first() -> None:
    """Calls that end at once are recorded by threads: whoever lists the candidates sees their order."""
    late, early = a_done("late"), a_done("early")
    listed = [StoredImage(done.spooled.content, done.image, Made("p", "")) for done in (a_done("older"), early, late)]
    scripted = Scripted({"hero": (Rejected("no"), late, early)})
    several = CandidateProvider(scripted, count=3, progress=Written(), recall=lambda key: listed)
    outcome = play(several.generate(a_request()))
    assert isinstance(outcome, Done)
    assert outcome.spooled.content == early.spooled.content


@pytest.mark.parametrize("other", [None, Cost(Decimal(1), "EUR")])
def test_a_price_that_cannot_be_added_makes_the_sum_unknown(other: Cost | None) -> None:
    outcome, _ = asked(a_done("a", cost=ONE), a_done("b", cost=other))
    assert isinstance(outcome, Done)
    assert outcome.cost is None


@pytest.mark.parametrize(
    ("outcomes", "stands"),
    [
        ((Rejected("no"), BadOutput("html"), Refused("no"), InDoubt("reset")), InDoubt("reset")),
        ((Throttled("busy"), BadOutput("html"), Refused("no")), Refused("no")),
        ((NotSent("dns"), BadOutput("html")), BadOutput("html")),
        ((Throttled("busy"), Rejected("no")), Throttled("busy")),
    ],
)
def test_without_a_picture_what_bears_on_money_is_told(outcomes: tuple[Outcome, ...], stands: Outcome) -> None:
    assert asked(*outcomes)[0] == stands


def test_each_call_has_its_own_record_and_reservation() -> None:
    world = World(Scripted(), budget=Budget(images=2))
    outcome = play(
        CandidateProvider(world.provider, count=3, progress=world.progress, recall=nothing).generate(a_request())
    )
    assert isinstance(outcome, Done)
    assert len(world.inner.ledger) == 2
    assert world.spending.images == 2
    assert world.progress.notes == ["candidate 3 of 3: not sent: over budget: 2 of 2 images are made"]


def test_a_disk_that_fails_is_heard_once_the_others_have_landed() -> None:
    landed: list[int] = []

    class Failing:
        async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
            landed.append(len(landed))
            if len(landed) == 1:
                raise DiskError("full")
            return a_done()

    with pytest.raises(DiskError, match="full"):
        play(CandidateProvider(Failing(), count=3, progress=Written(), recall=nothing).generate(a_request()))
    assert len(landed) == 3


def test_an_error_that_is_none_of_the_disk_is_raised_as_it_is() -> None:
    class Broken:
        async def generate(self, request: ImageRequest, *, on_response: OnResponse = ignore_response) -> Outcome:
            raise ValueError("a fault of the provider")

    with pytest.raises(ValueError, match="a fault of the provider"):
        play(CandidateProvider(Broken(), count=2, progress=Written(), recall=nothing).generate(a_request()))
