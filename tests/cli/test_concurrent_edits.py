"""A person works on while an apply waits for an answer: on the image, the spec, the lockfile. Over real sockets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from reconciler.core.digest import content_hash
from reconciler.testing.gateway import running
from reconciler.testing.gateway.ledger import Entry, Ledger
from tests.cli.conftest import Scratch, picture
from tests.cli.paid_project import PaidProject


class Busy(Ledger):
    """A ledger at which somebody does something as soon as a paid request has arrived, before it is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] = lambda: None

    def receive(self, entry: Entry) -> None:
        super().receive(entry)
        self.meanwhile()


class BusyProject(PaidProject):
    busy: Busy


@pytest.fixture
def paid(
    scratch: Scratch, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[BusyProject]:
    """`hero` and `crow` are made and committed."""
    busy = Busy()
    with running(ledger=busy) as fake:
        monkeypatch.setenv("SHOP_KEY", fake.key)
        made = BusyProject(scratch.root, capsys, fake)
        made.busy = busy
        made.set_up(hero="A lighthouse at dusk", crow="A crow")
        assert made.apply().code == 0
        made.git("init", "-q", ".")
        made.git("add", ".")
        made.git("commit", "-qm", "two")
        yield made


def test_an_image_that_was_painted_over_is_left_alone_and_the_paid_one_is_kept(paid: BusyProject) -> None:
    before = paid.lock["hero"]
    paid.edit("specs/hero.yaml", "dusk", "dawn")
    paid.busy.meanwhile = lambda: paid.write("assets/hero.png", picture("navy"))
    said = paid.apply()
    assert (said.code, paid.read("assets/hero.png")) == (3, picture("navy"))
    assert "in conflict: hero: assets/hero.png was changed during the run; it was not written, the image" in said.err
    assert paid.lock["hero"] == before
    assert paid.plan()["hero"] == ("conflict", "OutputModified")
    (paid.root / "assets/hero.png").unlink()
    assert paid.apply().out == "restored 1\n"
    assert paid.lock["hero"]["recipe"]["prompt"].endswith("dawn")
    assert paid.asked == 3


def test_a_file_that_appeared_is_left_alone(paid: BusyProject) -> None:
    paid.write("specs/new.yaml", '{"prompt": "A new thing"}')
    paid.busy.meanwhile = lambda: paid.write("assets/new.png", picture("navy"))
    assert paid.apply().code == 3
    assert paid.read("assets/new.png") == picture("navy")
    assert "new" not in paid.lock
    (paid.root / "assets/new.png").unlink()
    assert paid.apply().out == "restored 1\n"
    assert paid.asked == 3


def test_what_was_asked_for_is_locked_whatever_the_spec_says_by_then(paid: BusyProject) -> None:
    paid.edit("specs/hero.yaml", "dusk", "dawn")
    paid.busy.meanwhile = lambda: paid.write("specs/hero.yaml", '{"prompt": "A lighthouse at noon"}')
    assert paid.apply().code == 0
    assert paid.lock["hero"]["recipe"]["prompt"] == "A lighthouse at dawn"
    assert paid.lock["hero"]["content"] == content_hash(paid.read("assets/hero.png"))
    assert paid.plan() == {"hero": ("generate", "RecipeChanged")}


@pytest.mark.parametrize("theirs", ["another branch", "none"])
def test_a_lockfile_that_was_checked_out_meanwhile_is_built_upon(paid: BusyProject, theirs: str) -> None:
    """Two images are made; the lockfile has the first when it changes under the second."""
    mine = paid.lock
    paid.write("specs/one.yaml", '{"prompt": "one"}')
    paid.write("specs/two.yaml", '{"prompt": "two", "references": [{"asset": "one"}]}')
    other = {**mine["hero"], "output": "assets/elsewhere.png"}
    lock = {"lockfile": 1, "assets": {"crow": mine["crow"], "elsewhere": other}}

    def checkout() -> None:
        if "one" not in paid.lock:
            return
        (paid.root / "assets.lock").unlink()
        if theirs == "another branch":
            paid.write("assets.lock", json.dumps(lock))

    paid.busy.meanwhile = checkout
    assert paid.apply().code == 0
    made = {name: entry["content"] for name, entry in paid.lock.items() if name in ("one", "two")}
    assert set(made) == {"one", "two"}
    assert {name: entry for name, entry in paid.lock.items() if name not in made} == (
        lock["assets"] if theirs == "another branch" else {}
    )
    assert paid.read(".reconciler/journal") == b""
    assert paid.asked == 4


def test_a_lockfile_that_is_being_merged_by_hand_is_left_to_the_person(paid: BusyProject) -> None:
    paid.write("specs/one.yaml", '{"prompt": "one"}')
    whole = paid.read("assets.lock")
    torn = whole.replace(b'"recipe"', b"<<<<<<< mine\n", 1)
    paid.busy.meanwhile = lambda: paid.write("assets.lock", torn)
    said = paid.apply()
    assert (said.code, paid.read("assets.lock")) == (1, torn)
    assert "assets.lock" in said.err and "Traceback" not in said.err
    paid.write("assets.lock", whole)
    assert paid.run("check").code == 2
    paid.done("apply", "--yes")
    assert paid.lock["one"]["content"] == content_hash(paid.read("assets/one.png"))
    assert paid.asked == 3


def test_what_is_in_doubt_is_asked_again_once_and_only_with_consent(paid: BusyProject) -> None:
    paid.write("specs/new.yaml", '{"prompt": "A new thing"}')
    paid.fake.script("500", "ok")
    assert paid.apply().code == 3
    assert (paid.apply().code, paid.asked) == (3, 3)
    assert "requested from shop" in paid.run("check").out
    assert (paid.apply("--retry-in-doubt", "--max-cost", "0.05").code, paid.asked) == (3, 3)  # what may be spent counts
    assert "new" in paid.done("recover").out
    assert (paid.apply("--retry-in-doubt").code, paid.asked) == (0, 4)
    assert paid.done("recover").out == "no request is in doubt\n"
    assert paid.run("check").code == 0


def test_an_answer_that_fails_to_come_twice_leaves_both_requests_in_doubt(paid: BusyProject) -> None:
    paid.write("specs/new.yaml", '{"prompt": "A new thing"}')
    paid.fake.script("500", "502_html", "ok")
    assert [paid.apply().code, paid.apply("--retry-in-doubt").code] == [3, 3]
    assert paid.done("recover").out.splitlines()[-1] == "2 requests in doubt; possible cost: 0.078 USD"
    assert (paid.apply("--retry-in-doubt").code, paid.asked) == (0, 5)
    assert paid.done("recover").out == "no request is in doubt\n"


def test_a_refused_recipe_is_locked_as_such_with_what_the_model_said(paid: BusyProject) -> None:
    paid.write("specs/new.yaml", '{"prompt": "A new thing"}')
    paid.fake.script("prompt_blocked")
    assert paid.apply().code == 1
    assert set(json.loads(paid.read("assets.lock"))["answered"]) == {"new"}
    assert (paid.apply().code, paid.asked) == (3, 3)
