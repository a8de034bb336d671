"""A project whose images a ComfyUI server draws: specs with workflows, an apply that costs nothing, one that died."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from reconciler.cli import entry_point as start
from reconciler.testing.comfyui import FILL, FakeComfy, a_workflow, running_comfyui
from tests.cli.conftest import Scratch, picture
from tests.core.test_workflows import renumbered, retitled, with_preview

WORKFLOW = "workflows/icon.json"


@pytest.fixture
def comfy() -> Iterator[FakeComfy]:
    with running_comfyui() as server:
        yield server


def studio(project: Scratch, comfy: FakeComfy, *, spec: dict[str, Any] | None = None, **settings: Any) -> None:
    given = {"type": "comfyui", "base_url": comfy.origin, **settings}
    project.write("reconciler.yaml", yaml.safe_dump({"provider": "comfy", "providers": {"comfy": given}}))
    project.write(WORKFLOW, json.dumps(a_workflow()))
    fields = {"prompt": "A sword", "size": "64x48", "workflow": WORKFLOW, "fill": FILL}
    project.write("specs/sword.yaml", yaml.safe_dump({**fields, **(spec or {})}))


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def export(project: Scratch, nodes: dict[str, Any]) -> None:
    project.write(WORKFLOW, json.dumps(nodes, indent=2))


def test_apply_draws_for_nothing_and_records_what_has_drawn(scratch: Scratch, comfy: FakeComfy) -> None:
    studio(scratch, comfy, spec={"references": ["refs/a.png"], "fill": {**FILL, "Load Checkpoint.x": "reference 1"}})
    nodes = a_workflow()
    nodes["4"]["inputs"]["x"] = ""
    export(scratch, nodes)
    scratch.write("refs/a.png", picture())
    scratch.done("apply", "--yes")
    entry = scratch.lock["sword"]
    assert entry["recipe"]["workflow"].startswith("w1:")
    assert entry["made"]["cost"] == "0 USD"
    assert entry["made"]["usage"] == {"comfyui": "0.3.76", "pytorch": "2.9.1"}
    (job,) = comfy.jobs
    drawn = {node["class_type"]: node["inputs"] for node in job.workflow.values()}
    assert drawn["EmptyLatentImage"] | {"width": 64, "height": 48} == drawn["EmptyLatentImage"]
    assert 0 <= drawn["KSampler"]["seed"] < 2**63
    digest = entry["recipe"]["references"][0].partition(":")[2]
    assert [name for name, _ in comfy.uploads] == [f"{digest}.png"] == [drawn["CheckpointLoaderSimple"]["x"]]
    assert scratch.run("check", "--strict").code == 0


def test_a_misspelt_field_to_fill_in_is_told_the_fields(scratch: Scratch, comfy: FakeComfy) -> None:
    studio(scratch, comfy, spec={"fill": {**FILL, "Size.width": "widht"}})
    said = scratch.run("plan")
    assert said.code == 1
    assert '"widht" is no field of a recipe' in said.err
    assert "write prompt, model, seed, width, height, reference 1, mask or params.NAME" in said.err


def test_only_what_leads_to_the_image_makes_it_stale(scratch: Scratch, comfy: FakeComfy) -> None:
    studio(scratch, comfy)
    scratch.done("apply", "--yes")
    assert scratch.run("check").code == 0
    chance = random.Random(4)
    export(scratch, renumbered(with_preview(retitled(a_workflow()), chance), chance))
    assert scratch.run("check").code == 0
    nodes = a_workflow()
    nodes["3"]["inputs"]["steps"] = 21
    export(scratch, nodes)
    said = scratch.run("check")
    assert said.code == 2, "the quick check knows the file"
    assert scratch.plan() == {"sword": ("generate", "RecipeChanged")}
    export(scratch, a_workflow())
    assert scratch.run("check").code == 0
    assert len(comfy.jobs) == 1


def test_the_quick_check_knows_the_workflow(
    scratch: Scratch, comfy: FakeComfy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr("reconciler.store.index.index.TICK_NS", 0)
    studio(scratch, comfy)
    scratch.done("apply", "--yes")
    scratch.done("check")
    assert start._answered(["check"]) == 0, "no spec is read"
    nodes = a_workflow()
    nodes["3"]["inputs"]["steps"] = 21
    export(scratch, nodes)
    assert start._answered(["check"]) != 0
    assert scratch.run("check").code == 2


def test_explain_names_the_nodes_by_their_titles(scratch: Scratch, comfy: FakeComfy) -> None:
    studio(scratch, comfy)
    said = scratch.done("explain", "sword").out
    assert f"workflow: {WORKFLOW}" in said
    assert '"Positive.text": "prompt"' in said
    scratch.done("apply", "--yes")
    scratch.git("init", "-q")
    scratch.git("add", "-A")
    scratch.git("commit", "-qm", "one")
    nodes = renumbered(a_workflow(), random.Random(3))
    (sampler,) = [node for node in nodes.values() if node["class_type"] == "KSampler"]
    sampler["inputs"]["steps"] = 21
    nodes["20"] = {
        "class_type": "FaceDetailer",
        "inputs": {"image": next([name, 0] for name, node in nodes.items() if node["class_type"] == "VAEDecode")},
        "_meta": {"title": "Face"},
    }
    next(node for node in nodes.values() if node["class_type"] == "SaveImage")["inputs"]["images"] = ["20", 0]
    export(scratch, nodes)
    said = scratch.done("explain", "sword").out
    for line in ("Sampler.steps: 20 → 21", "Face: nothing → FaceDetailer", "Save.images: node VAE Decode → node Face"):
        assert line in said
    assert "Positive.text:" not in said.partition("prompt: A sword")[0]
    found = scratch.done("explain", "sword", "--format", "json").json["assets"][0]["nodes"]
    assert {"node": "Sampler", "input": "steps", "before": 20, "after": 21} in found


def test_styles_defaults_and_a_matrix_fill_a_workflow(scratch: Scratch, comfy: FakeComfy) -> None:
    studio(scratch, comfy)
    scratch.write(
        "specs/_defaults.yaml", yaml.safe_dump({"workflow": "workflows/${kind}.json", "vars": {"kind": "icon"}})
    )
    scratch.write("specs/_styles.yaml", yaml.safe_dump({"drawn": {"fill": FILL, "take_from": "Save"}}))
    spec = {"style": "drawn", "size": "32x32", "prompt": "A ${rarity} axe", "matrix": {"rarity": ["common", "rare"]}}
    scratch.write("specs/sword.yaml", yaml.safe_dump(spec))
    scratch.done("apply", "--yes")
    prompts = {node["inputs"].get("text") for job in comfy.jobs for node in job.workflow.values()}
    assert prompts >= {"A common axe", "A rare axe"}
    assert len({entry["recipe"]["workflow"] for entry in scratch.lock.values()}) == 1


def test_an_apply_that_is_killed_is_finished_by_the_next_with_one_job(scratch: Scratch, comfy: FakeComfy) -> None:
    studio(scratch, comfy)
    comfy.hold()
    with scratch.start("apply", "--yes") as dying:
        comfy.wait_for_job()
        dying.send_signal(signal.SIGKILL)
    assert not (scratch.root / "assets").exists()
    comfy.release()
    scratch.done("apply", "--yes")
    assert [job.state for job in comfy.jobs] == ["success"]
    assert scratch.run("check", "--strict").code == 0
    scratch.done("apply", "--replace", "sword", "--yes")
    assert len(comfy.jobs) == 2, "another image is another job"


def test_a_second_interrupt_cancels_the_job(scratch: Scratch, comfy: FakeComfy) -> None:
    studio(scratch, comfy)
    comfy.hold()
    with scratch.start("apply", "--yes") as stopping:
        comfy.wait_for_job()
        stopping.send_signal(signal.SIGINT)
        assert stopping.stderr is not None
        while "stopping" not in stopping.stderr.readline():
            pass
        stopping.send_signal(signal.SIGINT)
        assert stopping.wait() == 130
    assert [job.state for job in comfy.jobs] == ["interrupted"]
    comfy.release()
    scratch.done("apply", "--yes")
    assert [job.state for job in comfy.jobs] == ["interrupted", "success"]


def test_a_node_that_costs_money_is_not_queued_unless_the_provider_charges(scratch: Scratch, comfy: FakeComfy) -> None:
    studio(scratch, comfy)
    nodes = a_workflow()
    nodes["4"]["class_type"], nodes["4"]["_meta"] = "FluxProUltraImageNode", {"title": "Flux"}
    export(scratch, nodes)
    assert "+ sword  new  [free]" in scratch.done("plan").out, "no more can be charged: apply asks the server first"
    assert comfy.requests == [], "a plan opens no connection"
    said = scratch.run("apply", "--yes")
    assert (said.code, 'the node "Flux" calls a service that costs money' in said.out + said.err) == (1, True)
    assert comfy.jobs == []
    studio(scratch, comfy, charges=True)
    export(scratch, nodes)
    (step,) = scratch.done("plan", "--format", "json").json["steps"]
    assert step["cost"] is None, "unknown, and never free"
    assert scratch.run("apply", "--yes", "--max-cost", "1").code == 3
    scratch.done("apply", "--yes", "--max-images", "1")
    (job,) = comfy.jobs
    assert "cost" not in scratch.lock["sword"]["made"]
    assert scratch.lock["sword"]["made"]["request"] == job.name


def test_a_job_that_charges_is_collected_after_a_death_and_never_in_doubt(scratch: Scratch, comfy: FakeComfy) -> None:
    studio(scratch, comfy, charges=True)
    comfy.hold()
    with scratch.start("apply", "--yes", "--max-images", "1") as dying:
        comfy.wait_for_job()
        wait_until(lambda: '"accepted"' in (scratch.root / ".reconciler/journal").read_text("utf-8", "replace"))
        dying.send_signal(signal.SIGKILL)
    comfy.release()
    scratch.done("apply", "--yes", "--max-images", "1")
    assert [job.state for job in comfy.jobs] == ["success"]
    assert scratch.lock["sword"]["made"]["request"] == comfy.jobs[0].name
    assert scratch.run("check").code == 0


def test_another_server_that_does_not_know_a_job_gives_up_no_image(scratch: Scratch, comfy: FakeComfy) -> None:
    studio(scratch, comfy, charges=True, timeouts={"total": 1})
    comfy.hold()
    assert scratch.run("apply", "--yes", "--max-images", "1").code == 3
    with running_comfyui() as other:
        studio(scratch, other, charges=True, timeouts={"total": 1})
        said = scratch.run("apply", "--yes", "--max-images", "1")
        assert (said.code, "accepted by another server" in said.err) == (3, True), said
        assert not other.jobs
    studio(scratch, comfy, charges=True)
    comfy.release()
    scratch.done("apply", "--yes", "--max-images", "1")
    assert scratch.lock["sword"]["made"]["request"] == comfy.jobs[0].name


@pytest.mark.parametrize(
    ("spec", "provider", "told"),
    [
        (
            {"workflow": "workflows/none.json"},
            "comfy",
            "workflow: workflows/none.json is not there",
        ),
        ({"workflow": "../x.json"}, "comfy", "may leave the project"),
        ({"workflow": "workflows/icon.yaml"}, "comfy", "is no .json file"),
        ({"fill": {"Positive.text": "prompt"}}, "comfy", '"Sampler.seed" is not filled'),
        ({"fill": {**FILL, "Positve.text": "prompt"}}, "comfy", 'fill.Positve.text: no node has the title "Positve"'),
        ({"fill": {**FILL, "Positve.text": "prompt"}}, "comfy", 'did you mean "Positive"?'),
        ({"fill": {**FILL, "Negative.text": "reference 1"}}, "comfy", "there is no reference 1: the spec has 0"),
        ({"fill": {**FILL, "Negative.text": "params.no"}}, "comfy", "there is no params.no"),
        ({"fill": {**FILL, "Negative.text": "mask"}}, "comfy", "there is no mask"),
        ({"fill": {**FILL, "Negative.text": "model"}}, "comfy", "there is no model"),
        ({"fill": {**FILL, "Negative.text": "promt"}}, "comfy", "fill"),
        ({"references": ["refs/a.png"]}, "comfy", "reference 1 is filled into no input of the workflow"),
        ({"take_from": "Sav"}, "comfy", 'did you mean "Save"?'),
        ({"turns": [{"role": "user", "parts": [{"text": "x"}]}]}, "comfy", "a workflow takes no turns"),
        ({"model": "gpt-image-1"}, "openai", "the provider openai takes none"),
        ({"workflow": None}, "comfy", "has no workflow, and the provider comfy needs one"),
        ({"workflow": None, "fill": FILL}, "comfy", "there is no workflow to fill"),
    ],
    ids=str,
)
def test_a_mistake_is_told_with_its_place_and_without_a_server(
    scratch: Scratch, comfy: FakeComfy, spec: dict[str, Any], provider: str, told: str
) -> None:
    studio(scratch, comfy, spec={"provider": provider, **spec})
    if "workflow" in spec and spec["workflow"] is None:
        fields = {"prompt": "A sword", **{name: value for name, value in spec.items() if value is not None}}
        scratch.write("specs/sword.yaml", yaml.safe_dump(fields))
    scratch.write("refs/a.png", picture())
    said = scratch.run("validate")
    assert said.code == 1
    assert told in said.err
    assert "specs/sword.yaml:" in said.err
    assert comfy.requests == []


def test_the_editors_own_format_is_told_apart(scratch: Scratch, comfy: FakeComfy) -> None:
    studio(scratch, comfy)
    scratch.write(WORKFLOW, json.dumps({"last_node_id": 9, "nodes": [{"id": 3}], "links": [], "version": 0.4}))
    said = scratch.run("plan")
    assert said.code == 1
    assert "File > Export (API)" in said.err


def test_drafts_stand_in_for_a_workflow(scratch: Scratch, comfy: FakeComfy) -> None:
    studio(scratch, comfy)
    scratch.done("apply", "--draft", "--yes")
    assert comfy.requests == []
    assert scratch.plan()["sword"][0] == "generate"


def test_fmt_and_against_know_workflows(scratch: Scratch, comfy: FakeComfy) -> None:
    studio(scratch, comfy)
    scratch.git("init", "-q", "-b", "main")
    scratch.done("apply", "--yes")
    scratch.git("add", "-A")
    scratch.git("commit", "-qm", "one")
    scratch.git("switch", "-qc", "branch")
    chance = random.Random(1)
    export(scratch, renumbered(a_workflow(), chance))
    scratch.git("commit", "-qam", "rearranged")
    assert "sword" not in scratch.done("plan", "--against", "main", "--format", "json").out
    nodes = a_workflow()
    nodes["3"]["inputs"]["steps"] = 30
    export(scratch, nodes)
    assert "sword" in scratch.done("plan", "--against", "main", "--format", "json").out
    assert scratch.run("fmt").code == 0
    assert yaml.safe_load(scratch.read("specs/sword.yaml"))["fill"] == FILL


def test_a_test_names_the_version_and_the_devices(scratch: Scratch, comfy: FakeComfy) -> None:
    studio(scratch, comfy)
    said = scratch.done("providers", "--test", "comfy")
    assert said.out == f"comfy: {comfy.origin}: works, ComfyUI 0.3.76, PyTorch 2.9.1; cpu (31.3 GiB, 20.0 GiB free)\n"
    assert comfy.requests == ["GET /system_stats"]
    assert not (scratch.root / ".reconciler").exists()


def test_a_test_of_what_is_no_comfyui_server_fails(scratch: Scratch, comfy: FakeComfy) -> None:
    studio(scratch, comfy, base_url=f"{comfy.origin}/elsewhere")
    said = scratch.run("providers", "--test", "comfy")
    assert (said.code, said.out) == (1, f"comfy: {comfy.origin}: 404, which is not the answer of a ComfyUI server\n")
    studio(scratch, comfy, base_url="http://127.0.0.1:9")
    said = scratch.run("providers", "--test", "comfy")
    assert (said.code, "comfy: http://127.0.0.1:9: " in said.out) == (1, True)
