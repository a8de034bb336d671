"""What was paid for is used, or held: nothing that was answered is bought twice without consent."""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from reconciler.core.digest import AssetId, RecipeKey, content_hash
from reconciler.core.events import Requested
from reconciler.core.value import replace
from reconciler.store.objects.content_store import ContentStore
from reconciler.testing.gateway import Gateway, faults
from tests.cli.day import PRO, Row, bill
from tests.cli.paid_project import FLASH, PaidProject, opened

TWELVE: dict[str, Any] = {f"i{number:02}": {"prompt": f"icon {number}", "size": "16:9"} for number in range(12)}
WIDE: dict[str, Any] = {"prompt": "a banner", "size": "16:9"}


@pytest.fixture(name="paid")
def a_shop(
    gateway: Gateway,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> PaidProject:
    return opened(PaidProject(tmp_path / "shop", capsys, gateway), monkeypatch)


@pytest.fixture(autouse=True)
def the_folder(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()


def answered(paid: PaidProject) -> dict[str, dict[str, Any]]:
    """The block `answered` of the lockfile."""
    block: dict[str, dict[str, Any]] = json.loads(paid.read("assets.lock")).get("answered", {})
    return block


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_day_with_a_moody_model() -> None:
    """It answers JPEG, ignores the ratio twice and fails once, and apply runs four times: five requests, five bills.
    `python -m tests.cli.day` runs it twenty times."""
    lines: list[str] = []
    rows = bill(lines.append, loops=4)
    assert [(row.requests, row.charged) for row in rows[:4]] == [(5, "0.670 USD")] * 4
    assert [row.code for row in rows[:4]] == [1, 3, 3, 3]
    jpeg, fits, chosen, again, check = rows[4:]
    assert all((row.requests, row.charged) == (5, "0.670 USD") for row in (jpeg, fits, chosen))
    assert again == Row(again.what, 0, 6, "0.804 USD")
    assert check == Row("check", 0, 6, "0.804 USD")
    assert len(lines) == len(rows) + 1 + 6


@pytest.mark.parametrize("model", [PRO, "gemini-3.1-flash-image-preview"])
def test_a_jpeg_for_a_png_costs_one_call_and_its_bytes_stay(paid: PaidProject, model: str) -> None:
    paid.set_up(model=model, hero=WIDE)
    assert paid.apply().code == 0
    assert paid.run("check", "--strict").code == 0
    assert (paid.apply().code, paid.asked) == (0, 1)
    entry, (request,) = paid.lock["hero"], paid.fake.ledger.requests
    assert entry["original"] == f"sha256:{request.images[0]}"
    assert json.loads(paid.read("assets.lock"))["lockfile"] == 2
    output = paid.read("assets/hero.png")
    assert (entry["content"], entry["image"]["format"]) == (content_hash(output), "png")
    sent = (paid.root / ".reconciler/store/objects" / request.images[0][:2] / request.images[0]).read_bytes()
    with Image.open(io.BytesIO(sent)) as came, Image.open(io.BytesIO(output)) as shown:
        assert (came.format, shown.format) == ("JPEG", "PNG")
        assert came.convert("RGB").tobytes() == shown.convert("RGB").tobytes(), "free of loss"
    costs = paid.done("costs", "--format", "json").json
    assert (costs["locked"]["images"], costs["ever"]["images"]) == (1, 1), "the image and its conversion are one"

    paid.write("specs/hero.yaml", json.dumps(WIDE | {"output": "assets/hero.jpg"}))
    assert paid.plan() == {"hero": ("restore", "RecipeChanged")}
    assert (paid.apply().code, paid.asked) == (0, 1)
    assert paid.read("assets/hero.jpg") == sent, "as it came"
    assert not (paid.root / "assets/hero.png").exists()
    assert "original" not in paid.lock["hero"]
    assert json.loads(paid.read("assets.lock"))["lockfile"] == 1

    paid.write("specs/hero.yaml", json.dumps(WIDE | {"output": "assets/hero.png"}))
    assert (paid.apply().code, paid.asked) == (0, 1)
    assert paid.read("assets/hero.png") == output, "the same bytes as before"


def test_a_conversion_that_a_crash_left_behind_is_used(paid: PaidProject) -> None:
    """The output is in place, and the lockfile and the journal know nothing of it."""
    paid.set_up(model=PRO, hero=WIDE)
    paid.apply()
    (paid.root / "assets.lock").unlink()
    assert paid.plan() == {"hero": ("adopt", "AlreadyThere")}
    assert (paid.apply().code, paid.asked) == (0, 1)
    assert paid.lock["hero"]["original"]
    assert paid.run("check").code == 0


def test_the_original_under_the_name_of_the_output_is_converted(paid: PaidProject) -> None:
    paid.set_up(model=PRO, hero=WIDE)
    paid.apply()
    output, original = paid.read("assets/hero.png"), paid.lock["hero"]["original"].removeprefix("sha256:")
    store = paid.root / ".reconciler/store/objects"
    (paid.root / "assets.lock").unlink()
    paid.write("assets/hero.png", (store / original[:2] / original).read_bytes())
    assert (paid.apply().code, paid.asked) == (0, 1)
    assert paid.read("assets/hero.png") == output


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_another_format_of_a_locked_image_is_made_without_a_store(paid: PaidProject, suffix: str) -> None:
    """As on the machine of a colleague, who has the file and not the response."""
    other = {"png": "jpg", "jpg": "png"}[suffix]
    paid.set_up(model=FLASH, hero={"prompt": "a hero", "output": f"assets/hero.{suffix}"})
    paid.apply()
    shutil.rmtree(paid.root / ".reconciler")
    paid.write("specs/hero.yaml", json.dumps({"prompt": "a hero", "output": f"assets/hero.{other}"}))
    said = paid.apply()
    assert (said.code, paid.asked) == (0, 1), said
    assert paid.run("check", "--strict").code == 0


def test_a_model_that_ignores_the_ratio_is_stopped_after_three(paid: PaidProject) -> None:
    paid.set_up(**TWELVE)
    paid.fake.when("icon", "wrong_ratio")
    said = paid.apply()
    assert paid.asked == 3
    assert said.code == 1
    assert said.err.count("stopped for gemini-2.5-flash-image") == 1, said.err
    assert sorted(answered(paid)) == ["i00", "i01", "i02"]
    assert [path.name for path in (paid.root / "assets").glob("*")] == []


def test_other_faults_and_other_models_are_not_stopped(paid: PaidProject) -> None:
    two: dict[str, Any] = {
        f"x{number}": {"prompt": f"icon x {number}", "size": "16:9", "model": PRO} for number in range(2)
    }
    paid.set_up(**dict(list(TWELVE.items())[:2]), **two, y={"prompt": "icon y", "size": "3:4"})
    paid.fake.when("icon", "wrong_ratio")
    assert (paid.apply().code, paid.asked) == (3, 5)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("wrong_ratio", "WasMismatched"),
        ("tiny_image", "WasMismatched"),
        ("empty_data", "WasFailed"),
        ("502_empty_response", "WasFailed"),
        ("html_in_base64", "WasFailed"),
        ("damaged", "WasFailed"),
        ("two_frames", "WasFailed"),
        ("stop_with_text", "WasRefused"),
    ],
)
def test_what_was_answered_is_held_in_every_later_run(paid: PaidProject, fault: str, reason: str) -> None:
    paid.set_up(hero=WIDE)
    paid.fake.script(fault)
    consent = f"--retry-{reason.removeprefix('Was').lower()}"
    assert paid.apply().code == (3 if reason == "WasMismatched" else 1)
    before = paid.read("assets.lock")
    for command in (("apply", "--yes"), ("apply", "--yes", *({*CONSENTS} - {consent}))):
        assert (paid.run(*command).code, paid.asked) == (3, 1)
    assert paid.plan() == {"hero": ("hold", reason)}
    assert consent in paid.done("plan").out
    assert paid.run("check").code == 2
    told = paid.done("show", "hero", "--format", "json").json["assets"][0]["answered"]
    assert (told["cost"], told["outcome"]) == ("0.039 USD", reason.removeprefix("Was").lower())
    assert told["words"][:40] in paid.done("show", "hero").out
    assert paid.read("assets.lock") == before, "a held asset changes nothing"
    assert (paid.apply(consent).code, paid.asked) == (0, 2)
    assert answered(paid) == {}
    assert (paid.apply().code, paid.asked) == (0, 2)


CONSENTS = frozenset({"--retry-mismatched", "--retry-failed", "--retry-refused"})


@pytest.mark.parametrize("fault", ["wrong_ratio", "empty_data", "stop_with_text"])
def test_it_is_held_on_every_machine_and_under_every_name(paid: PaidProject, fault: str) -> None:
    paid.set_up(hero=WIDE)
    paid.fake.script(fault)
    paid.apply()
    shutil.rmtree(paid.root / ".reconciler")  # a colleague has the specs and the lockfile
    assert (paid.apply().code, paid.asked) == (3, 1)
    (paid.root / "specs/hero.yaml").rename(paid.root / "specs/banner.yaml")
    paid.write("specs/twin.yaml", json.dumps(WIDE))
    assert (paid.apply().code, paid.asked) == (3, 1), "the recipe was answered, whoever asks"
    costs = paid.done("costs", "--format", "json").json["answered"]
    assert costs["may_have_cost"]["amounts"] == ["0.039 USD"], "on that machine, too"


def test_a_lockfile_that_was_taken_back_does_not_buy_a_mismatch_again(paid: PaidProject) -> None:
    paid.set_up(hero=WIDE, sword="a sword")
    paid.apply("--include", "sword")
    before = paid.read("assets.lock")
    paid.fake.script("wrong_ratio")
    paid.apply()
    paid.write("assets.lock", before)  # git checkout assets.lock
    assert paid.plan() == {"hero": ("hold", "WasMismatched")}
    assert (paid.apply().code, paid.asked) == (3, 2)


def test_a_spec_that_it_fits_takes_it_without_a_call(paid: PaidProject) -> None:
    paid.set_up(hero=WIDE)
    paid.fake.script("wrong_ratio")
    paid.apply()
    for size in ("4:3", "1:1"):
        paid.write("specs/hero.yaml", json.dumps(WIDE | {"size": size}))
        assert paid.plan() == {"hero": ("generate", "NeverGenerated")}, "it is not what this spec says"
    paid.write("specs/hero.yaml", json.dumps(WIDE | {"size": "9:16", "prompt": "another banner"}))
    assert paid.plan() == {"hero": ("generate", "NeverGenerated")}, "it shows something else"
    paid.write("specs/hero.yaml", json.dumps(WIDE | {"size": "9:16"}))
    assert paid.plan() == {"hero": ("restore", "NeverGenerated")}
    assert (paid.apply().code, paid.asked) == (0, 1)
    assert (paid.lock["hero"]["image"]["width"], paid.lock["hero"]["image"]["height"]) == (768, 1344)
    assert paid.run("check", "--strict").code == 0
    costs = paid.done("costs", "--format", "json").json
    assert (costs["locked"]["images"], costs["ever"]["images"], costs["answered"]["requests"]) == (1, 1, [])
    paid.write("specs/hero.yaml", json.dumps(WIDE))
    assert paid.plan() == {"hero": ("hold", "WasMismatched")}, "back again: the first words are answered already"


def test_a_mismatch_is_taken_as_it_is_also_in_another_format(paid: PaidProject) -> None:
    paid.set_up(model=PRO, hero=WIDE)
    paid.fake.script("wrong_ratio")
    paid.apply()
    listed = paid.done("choose", "hero").out
    assert "which is not 16:9" in listed
    assert "chose hero: candidate 1 -> assets/hero.png" in paid.done("choose", "hero", "1").out
    assert (paid.lock["hero"]["image"]["format"], answered(paid)) == ("png", {})
    assert paid.run("check", "--strict").code == 0
    assert (paid.apply().code, paid.asked) == (0, 1)


def test_a_stale_image_stays_until_the_mismatch_is_chosen(paid: PaidProject) -> None:
    paid.set_up(hero={"prompt": "a banner", "size": "1:1"})
    paid.apply()
    old = paid.read("assets/hero.png")
    paid.write("specs/hero.yaml", json.dumps(WIDE | {"output": "web/hero.png"}))
    paid.fake.script("wrong_ratio")
    assert (paid.apply().code, paid.asked) == (3, 2)
    assert paid.read("assets/hero.png") == old
    paid.done("choose", "hero", "1")
    assert not (paid.root / "assets/hero.png").exists()
    assert paid.run("check", "--strict").code == 0


def test_an_opaque_image_for_a_transparent_one_is_held_and_fits_a_spec_without(paid: PaidProject) -> None:
    clear: dict[str, Any] = {"prompt": "a banner", "size": "1024x1024", "background": "transparent"}
    provider = {"type": "openai", "base_url": paid.fake.url("openai"), "api_key_env": "SHOP_KEY", "concurrency": 1}
    paid.set_up(model="gpt-image-1", project={"providers": {"shop": provider}}, hero=clear)
    paid.fake.script("opaque_alpha")
    assert paid.apply().code == 3
    assert "not transparent" in paid.done("plan").out
    paid.write("specs/hero.yaml", json.dumps({name: clear[name] for name in ("prompt", "size")}))
    assert (paid.apply().code, paid.asked) == (0, 1)


@pytest.mark.parametrize(
    "fault",
    ["trailing_junk", "broken_lines", "url_alphabet", "event_stream", "data_url", "turned", "json_junk", "lying_mime"],
)
def test_readers_are_as_tolerant_as_browsers(paid: PaidProject, fault: str) -> None:
    paid.set_up(hero=WIDE)
    paid.fake.script(fault)
    assert paid.apply().code == 0
    assert paid.run("check", "--strict").code == 0
    assert paid.lock["hero"]["content"] == f"sha256:{paid.fake.ledger.requests[0].images[0]}"


def test_words_in_the_place_of_an_image_are_told(paid: PaidProject) -> None:
    paid.set_up(hero=WIDE)
    paid.fake.script("error_in_entry")
    assert paid.apply().code == 1
    assert "safety system" in paid.done("plan").out
    assert paid.plan() == {"hero": ("hold", "WasRefused")}


@pytest.mark.parametrize("fault", ["429_limit_0", "429_per_day"])
def test_a_limit_that_no_wait_ends_is_not_retried(paid: PaidProject, fault: str) -> None:
    paid.set_up(hero=WIDE, sword="a sword")
    paid.fake.when("a", fault)
    said = paid.apply()
    assert (said.code, paid.asked) == (1, 1)
    assert "retrying" not in said.err
    assert paid.plan() == {"hero": ("generate", "NeverGenerated"), "sword": ("generate", "NeverGenerated")}
    assert paid.fake.ledger.amount == 0


def test_the_limit_of_an_asset_counts_what_gave_no_image(paid: PaidProject) -> None:
    paid.set_up(project={"budget": {"per_asset": 0.1}}, hero=WIDE)
    for fault in ("empty_data", "empty_data"):
        paid.fake.script(fault)
        paid.apply("--retry-failed")
    assert paid.asked == 2
    assert "over budget" in paid.run("plan", "--retry-failed").out
    assert (paid.apply("--retry-failed").code, paid.asked) == (3, 2)


def test_several_candidates_one_of_which_does_not_fit(paid: PaidProject) -> None:
    paid.set_up(hero=WIDE)
    paid.fake.script("wrong_ratio", "ok", "empty_data")
    assert paid.apply("--candidates", "3").code == 0
    assert answered(paid) == {}
    assert paid.run("check").code == 0
    assert len(paid.done("choose", "hero", "--format", "json").json["candidates"]) == 2
    assert paid.done("costs", "--format", "json").json["ever"]["images"] == 2


def left_behind(paid: PaidProject, spec: dict[str, Any], body: Callable[[bytes], bytes], *, fault: str = "ok") -> str:
    """A project whose only request a kill interrupted: its response, or what `body` makes of its image, is in the
    spool. The path of that file."""
    paid.set_up(hero=spec)
    paid.fake.script(fault)
    paid.apply()
    image = paid.fake.ledger.requests[0].images[0]
    data = paid.read(f".reconciler/store/objects/{image[:2]}/{image}")
    for folder in (".reconciler", "assets"):
        shutil.rmtree(paid.root / folder, ignore_errors=True)
    (paid.root / "assets.lock").unlink()
    (step,) = paid.done("plan", "--format", "json").json["steps"]
    path = ".reconciler/store/spool/0a1b2c-0123.part"
    paid.write(path, body(data))
    key = RecipeKey(step["recipe"])
    paid.journal(Requested("0a1b2c", AssetId("hero"), key, "shop", "0.039 USD", "2026-11-27T00:00:00Z"))
    assert paid.plan() == {"hero": ("hold", "Doubtful")}
    return path


def in_json(data: bytes) -> bytes:
    return json.dumps({"data": [{"b64_json": base64.b64encode(data).decode()}], "usage": {"total_tokens": 7}}).encode()


@pytest.mark.parametrize("body", [in_json, bytes, lambda data: b"data: " + in_json(data) + b"\n\n"])
@pytest.mark.parametrize("model", [FLASH, PRO])
def test_a_whole_answer_that_a_kill_left_in_the_spool_is_used(
    paid: PaidProject, body: Callable[[bytes], bytes], model: str
) -> None:
    path = left_behind(paid, WIDE | {"model": model}, body)
    assert (paid.apply().code, paid.asked) == (0, 1)
    assert paid.run("check", "--strict").code == 0
    assert paid.lock["hero"]["made"]["cost"] == "0.039 USD"
    assert not (paid.root / path).exists()
    assert paid.done("recover").out == "no request is in doubt\n"


@pytest.mark.parametrize("cut", [1, 100, 5000])
@pytest.mark.parametrize("body", [in_json, bytes])
def test_a_part_of_an_answer_stays_in_doubt(paid: PaidProject, body: Callable[[bytes], bytes], cut: int) -> None:
    path = left_behind(paid, WIDE, lambda data: body(data)[:-cut])
    before = paid.read(path)
    assert (paid.apply().code, paid.asked) == (3, 1)
    assert paid.read(path) == before
    assert paid.plan() == {"hero": ("hold", "Doubtful")}


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b'{"error": {"message": "no"}}', b'{"data": []}', b"<html>", b'{"data": [{"url": "http://x/y"}]}'],
)
def test_an_answer_without_an_image_stays_in_doubt(paid: PaidProject, data: bytes) -> None:
    path = left_behind(paid, WIDE, lambda _: data)
    assert (paid.apply().code, paid.asked) == (3, 1)
    assert paid.read(path) == data


def test_an_image_in_the_spool_that_does_not_fit_is_held(paid: PaidProject) -> None:
    left_behind(paid, WIDE, in_json, fault="wrong_ratio")
    assert (paid.apply().code, paid.asked) == (3, 1)
    assert paid.plan() == {"hero": ("hold", "WasMismatched")}
    assert answered(paid)["hero"]["cost"] == "0.039 USD"
    paid.done("choose", "hero", "1")
    assert paid.run("check", "--strict").code == 0


def test_the_second_of_two_attempts_that_got_the_same_bytes_ends_too(paid: PaidProject) -> None:
    """A kill came between its record in the store and its end in the journal."""
    left_behind(paid, WIDE, in_json)
    paid.apply()
    entry = paid.lock["hero"]
    key = RecipeKey(entry["recipe"]["key"])
    request = Requested("second", AssetId("hero"), key, "shop", "0.039 USD", "2026-11-27T00:01:00Z")
    paid.journal(request)
    assert paid.plan() == {"hero": ("hold", "Doubtful")}
    store = ContentStore(paid.root)
    (image,) = store.recall(key)
    store.remember(key, replace(image, attempt="second"))
    assert paid.plan() == {}
    assert (paid.apply().code, paid.asked) == (0, 1)
    assert paid.done("costs", "--format", "json").json["ever"]["images"] == 1


NUMBERS = itertools.count()
QUICK = sorted(
    fault
    for fault, outcome in faults.EXPECTED.items()
    if outcome not in ("NotSent", "Throttled")
    and not re.search("stall|slow|endless|bomb|401|402|quota|pre_consume|deep_json|bad_status|two_lengths", fault)
)
"""Faults that neither take long nor stop the lane."""


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(QUICK), st.sampled_from(["ok", *QUICK])), min_size=1, max_size=3))
def test_whatever_the_answers_no_recipe_is_bought_twice_and_nothing_that_came_is_lost(
    paid: PaidProject, answers: list[tuple[str, str]]
) -> None:
    """Four applies without consent: real sockets, and the ledger of the gateway."""
    mark = f"thing {next(NUMBERS)}"
    for folder in (".reconciler", "specs", "assets"):
        shutil.rmtree(paid.root / folder, ignore_errors=True)
    (paid.root / "assets.lock").unlink(missing_ok=True)
    specs: dict[str, Any] = {f"a{n}": {"prompt": f"{mark} {n}.", "size": "16:9"} for n in range(len(answers))}
    paid.set_up(**specs)
    for number, faults_in_turn in enumerate(answers):
        paid.fake.when(f"{mark} {number}.", *faults_in_turn)
    for _ in range(4):
        paid.apply()
    entries = [entry for entry in paid.fake.ledger.billed if entry.prompt.startswith(mark)]
    bills = Counter(entry.prompt for entry in entries)
    assert max(bills.values(), default=0) <= 1, bills
    stored = {path.name for path in (paid.root / ".reconciler/store/objects").glob("*/*")}
    for entry in entries:
        if faults.expected(entry.fault, "gravitex") in ("Done", "Mismatched"):
            assert entry.images[-1] in stored, entry.fault


CROP = {"ratio": "crop", "tolerance": 0.7}


def test_an_image_of_another_ratio_is_kept_where_the_spec_says_so(paid: PaidProject) -> None:
    paid.set_up(hero=WIDE | {"on_mismatch": {"ratio": "keep"}})
    paid.fake.script("wrong_ratio")
    assert (paid.apply().code, paid.asked) == (0, 1)
    assert (paid.lock["hero"]["image"]["width"], paid.lock["hero"]["image"]["height"]) == (768, 1344)
    assert (answered(paid), paid.run("check", "--strict").code) == ({}, 0)
    assert (paid.apply().code, paid.asked) == (0, 1)


@pytest.mark.parametrize("model", [FLASH, PRO])
def test_an_image_of_another_ratio_is_cropped_for_nothing_and_its_bytes_stay(paid: PaidProject, model: str) -> None:
    """PRO answers in JPEG: the crop is converted, too."""
    paid.set_up(model=model, hero=WIDE | {"on_mismatch": CROP, "focus": [0.5, 0]})
    paid.fake.script("wrong_ratio")
    assert (paid.apply().code, paid.asked) == (0, 1)
    entry = paid.lock["hero"]
    assert (entry["image"]["width"], entry["image"]["height"], entry["image"]["format"]) == (768, 432, "png")
    with Image.open(paid.root / "assets/hero.png") as image:
        assert image.size == (768, 432)
        top = image.convert("RGB").tobytes()
    original = ContentStore(paid.root).find(entry["original"])
    assert original is not None, "the bytes that were paid for"
    with Image.open(original) as image:
        assert image.width == 768 < image.height
        assert image.convert("RGB").crop((0, 0, 768, 432)).tobytes() == top, "about the focus"
    assert (answered(paid), paid.run("check", "--strict").code) == ({}, 0)
    assert (paid.apply().code, paid.asked) == (0, 1)


def test_a_crop_that_would_lose_too_much_is_held_and_a_later_tolerance_takes_it(paid: PaidProject) -> None:
    paid.set_up(hero=WIDE | {"on_mismatch": {"ratio": "crop"}})
    paid.fake.script("wrong_ratio")
    assert (paid.apply().code, paid.asked) == (3, 1)
    assert paid.plan() == {"hero": ("hold", "WasMismatched")}
    paid.write("specs/hero.yaml", json.dumps(WIDE | {"on_mismatch": CROP}))
    assert paid.plan() == {"hero": ("restore", "NeverGenerated")}
    assert (paid.apply().code, paid.asked) == (0, 1)
    assert paid.lock["hero"]["image"]["height"] == 432
    assert (answered(paid), paid.run("check", "--strict").code) == ({}, 0)
    paid.write("specs/hero.yaml", json.dumps(WIDE))
    assert paid.run("check", "--strict").code == 0, "what is locked stays"


def test_only_the_ratio_is_forgiven(paid: PaidProject) -> None:
    paid.set_up(hero=WIDE | {"on_mismatch": {"ratio": "keep"}})
    paid.fake.script("tiny_image")
    assert (paid.apply().code, paid.asked) == (3, 1)


def test_a_model_whose_ratio_is_taken_is_not_stopped(paid: PaidProject) -> None:
    paid.set_up(**{name: fields | {"on_mismatch": {"ratio": "keep"}} for name, fields in [*TWELVE.items()][:5]})
    paid.fake.when("icon", "wrong_ratio")
    assert (paid.apply().code, paid.asked) == (0, 5)
