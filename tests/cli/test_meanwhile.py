"""A person works on while an apply waits for an answer: on the image, the spec, the lockfile. Over real sockets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from reconciler.core.digest import content_hash
from tests.cli.conftest import Scratch, picture
from tests.cli.shop import Shop
from tests.gateway.fixture import running
from tests.gateway.ledger import Entry, Ledger


class Busy(Ledger):
    """A ledger at which somebody does something as soon as a paid request has arrived, before it is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] = lambda: None

    def receive(self, entry: Entry) -> None:
        super().receive(entry)
        self.meanwhile()


class BusyShop(Shop):
    busy: Busy


@pytest.fixture
def shop(scratch: Scratch, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[BusyShop]:
    """`hero` and `crow` are made and committed."""
    busy = Busy()
    with running(ledger=busy) as fake:
        monkeypatch.setenv("SHOP_KEY", fake.key)
        made = BusyShop(scratch.root, capsys, fake)
        made.busy = busy
        made.set_up(hero="A lighthouse at dusk", crow="A crow")
        assert made.apply().code == 0
        made.git("init", "-q", ".")
        made.git("add", ".")
        made.git("commit", "-qm", "two")
        yield made


def test_an_image_that_was_painted_over_is_left_alone_and_the_paid_one_is_kept(shop: BusyShop) -> None:
    before = shop.lock["hero"]
    shop.edit("specs/hero.yaml", "dusk", "dawn")
    shop.busy.meanwhile = lambda: shop.write("assets/hero.png", picture("navy"))
    said = shop.apply()
    assert (said.code, shop.read("assets/hero.png")) == (3, picture("navy"))
    assert "in conflict: hero: assets/hero.png was changed meanwhile and was left alone; the image is in" in said.err
    assert shop.lock["hero"] == before
    assert shop.plan()["hero"] == ("conflict", "OutputModified")
    (shop.root / "assets/hero.png").unlink()
    assert shop.apply().out == "restored 1\n"
    assert shop.lock["hero"]["recipe"]["prompt"].endswith("dawn")
    assert shop.asked == 3


def test_a_file_that_appeared_is_left_alone(shop: BusyShop) -> None:
    shop.write("specs/new.yaml", '{"prompt": "A new thing"}')
    shop.busy.meanwhile = lambda: shop.write("assets/new.png", picture("navy"))
    assert shop.apply().code == 3
    assert shop.read("assets/new.png") == picture("navy")
    assert "new" not in shop.lock
    (shop.root / "assets/new.png").unlink()
    assert shop.apply().out == "restored 1\n"
    assert shop.asked == 3


def test_what_was_asked_for_is_locked_whatever_the_spec_says_by_then(shop: BusyShop) -> None:
    shop.edit("specs/hero.yaml", "dusk", "dawn")
    shop.busy.meanwhile = lambda: shop.write("specs/hero.yaml", '{"prompt": "A lighthouse at noon"}')
    assert shop.apply().code == 0
    assert shop.lock["hero"]["recipe"]["prompt"] == "A lighthouse at dawn"
    assert shop.lock["hero"]["content"] == content_hash(shop.read("assets/hero.png"))
    assert shop.plan() == {"hero": ("generate", "RecipeChanged")}


@pytest.mark.parametrize("theirs", ["another branch", "none"])
def test_a_lockfile_that_was_checked_out_meanwhile_is_built_upon(shop: BusyShop, theirs: str) -> None:
    """Two images are made; the lockfile has the first when it changes under the second."""
    mine = shop.lock
    shop.write("specs/one.yaml", '{"prompt": "one"}')
    shop.write("specs/two.yaml", '{"prompt": "two", "references": [{"asset": "one"}]}')
    other = {**mine["hero"], "output": "assets/elsewhere.png"}
    lock = {"lockfile": 1, "assets": {"crow": mine["crow"], "elsewhere": other}}

    def checkout() -> None:
        if "one" not in shop.lock:
            return
        (shop.root / "assets.lock").unlink()
        if theirs == "another branch":
            shop.write("assets.lock", json.dumps(lock))

    shop.busy.meanwhile = checkout
    assert shop.apply().code == 0
    made = {name: entry["content"] for name, entry in shop.lock.items() if name in ("one", "two")}
    assert set(made) == {"one", "two"}
    assert {name: entry for name, entry in shop.lock.items() if name not in made} == (
        lock["assets"] if theirs == "another branch" else {}
    )
    assert shop.read(".reconciler/journal") == b""
    assert shop.asked == 4


def test_a_lockfile_that_is_being_merged_by_hand_is_left_to_the_person(shop: BusyShop) -> None:
    shop.write("specs/one.yaml", '{"prompt": "one"}')
    whole = shop.read("assets.lock")
    torn = whole.replace(b'"recipe"', b"<<<<<<< mine\n", 1)
    shop.busy.meanwhile = lambda: shop.write("assets.lock", torn)
    said = shop.apply()
    assert (said.code, shop.read("assets.lock")) == (1, torn)
    assert "assets.lock" in said.err and "Traceback" not in said.err
    shop.write("assets.lock", whole)
    assert shop.run("check").code == 2
    shop.done("apply", "--yes")
    assert shop.lock["one"]["content"] == content_hash(shop.read("assets/one.png"))
    assert shop.asked == 3


def test_what_is_in_doubt_is_asked_again_once_and_only_with_consent(shop: BusyShop) -> None:
    shop.write("specs/new.yaml", '{"prompt": "A new thing"}')
    shop.fake.script("500", "ok")
    assert shop.apply().code == 3
    assert (shop.apply().code, shop.asked) == (3, 3)
    assert "shop was asked" in shop.run("check").out
    assert (shop.apply("--retry-in-doubt", "--max-cost", "0.05").code, shop.asked) == (3, 3)  # what may be spent counts
    assert "new" in shop.done("recover").out
    assert (shop.apply("--retry-in-doubt").code, shop.asked) == (0, 4)
    assert shop.done("recover").out == "nothing is in doubt\n"
    assert shop.run("check").code == 0


def test_an_answer_that_fails_to_come_twice_leaves_both_requests_in_doubt(shop: BusyShop) -> None:
    shop.write("specs/new.yaml", '{"prompt": "A new thing"}')
    shop.fake.script("500", "502_html", "ok")
    assert [shop.apply().code, shop.apply("--retry-in-doubt").code] == [3, 3]
    assert shop.done("recover").out.splitlines()[-1] == "2 in doubt, which may have cost 0.078 USD"
    assert (shop.apply("--retry-in-doubt").code, shop.asked) == (0, 5)
    assert shop.done("recover").out == "nothing is in doubt\n"


def test_a_refused_recipe_is_locked_as_such_with_what_the_model_said(shop: BusyShop) -> None:
    shop.write("specs/new.yaml", '{"prompt": "A new thing"}')
    shop.fake.script("prompt_blocked")
    assert shop.apply().code == 1
    assert set(json.loads(shop.read("assets.lock"))["refused"]) == {"new"}
    assert (shop.apply().code, shop.asked) == (3, 3)
