"""`show` and `explain`: what is told of an asset is what the files say, and nothing is written."""

from __future__ import annotations

from reconciler.core.digest import content_hash, recipe_key
from tests.cli.conftest import Scratch, picture

STYLED = {
    "reconciler.yaml": "provider: draft\ndefaults:\n  image_size: '512'\n  size: '1:1'\n",
    "specs/_styles.yaml": "flat:\n  prompt_suffix: ', flat art'\n  tags: [flat]\n",
    "specs/icons/_defaults.yaml": "size: '3:2'\nprompt_prefix: 'Icon:'\nstyle: flat\n",
    "specs/icons/items.yaml": (
        "matrix: {rarity: [common, rare]}\n"
        "vars: {thing: sword}\n"
        "prompt: A ${rarity} ${thing}\n"
        "description: What heroes carry\n"
        "tags: [game]\n"
        "references: [refs/a.png, {asset: mascot}]\n"
    ),
    "specs/mascot.yaml": "prompt: A robot\n",
}
RARE = "icons/items#rare"


def styled(scratch: Scratch) -> Scratch:
    for name, text in STYLED.items():
        scratch.write(name, text)
    scratch.write("refs/a.png", picture())
    scratch.done("apply", "--yes")
    return scratch


def test_show_tells_the_entry_the_image_and_where_else_its_bytes_are(project: Scratch) -> None:
    project.git("init", "-q", ".")
    project.git("add", "-A")
    project.git("commit", "-qm", "state")
    before = project.snapshot()
    out = project.done("show", "hero").out
    entry = project.lock["hero"]
    for fact in (entry["content"], entry["recipe"]["key"], "A lighthouse at dusk", "by draft", "up to date"):
        assert fact in out
    assert f"{entry['image']['width']}x{entry['image']['height']} pixels" in out
    told = project.done("show", "hero", "--format", "json").json["assets"]
    assert [one["asset"] for one in told] == ["hero"]
    locked = told[0]["locked"]
    assert {name: locked[name] for name in entry if name != "made"} == {
        name: entry[name] for name in entry if name != "made"
    }
    assert {name: locked["made"][name] for name in entry["made"]} == entry["made"]
    assert locked["elsewhere"] == ["the store", "the git history"]
    assert project.snapshot() == before


def test_show_says_what_plan_says(project: Scratch) -> None:
    project.edit("specs/hero.yaml", "dusk", "dawn")
    project.write("assets/mascot.png", picture())
    project.write("specs/new.yaml", "prompt: A tree\ndescription: Shade\ntags: [green, big]\n")
    (project.root / "specs/pair.yaml").unlink()
    told = {one["asset"]: one for one in project.done("show", "*", "--format", "json").json["assets"]}
    reasons = {name: one["state"]["reason"] for name, one in told.items()}
    assert reasons == {"hero": "RecipeChanged", "mascot": "OutputModified", "new": "NeverGenerated", "pair": "Orphaned"}
    assert (told["new"]["locked"], told["new"]["tags"]) == (None, ["green", "big"])
    assert "spec" not in told["pair"]
    out = project.done("show", "new", "mascot").out
    for words in ("nothing yet", "Shade", "green, big", "`reconciler adopt mascot`"):
        assert words in out


def test_show_finds_a_renamed_asset_under_its_old_id(project: Scratch) -> None:
    (project.root / "specs/hero.yaml").rename(project.root / "specs/title.yaml")
    told = project.done("show", "title", "--format", "json").json["assets"][0]
    assert told["locked"]["under"] == "hero"
    out = " ".join(project.done("show", "title").out.split())
    assert "state moved from hero to assets/title.png" in out
    assert "locked at assets/hero.png locked as hero" in out


def test_foreign_words_cannot_command_the_terminal(project: Scratch) -> None:
    project.write("specs/evil.yaml", 'prompt: "a\\x1b[31mb"\ndescription: "c\\x1b]0;d\\x07"\n')
    project.done("apply", "--yes")
    for command in ("show", "explain", "plan"):
        assert "\x1b" not in project.done(command, *(["evil"] if command != "plan" else [])).out


def test_explain_names_the_file_and_line_of_every_field(scratch: Scratch) -> None:
    styled(scratch)
    before = scratch.snapshot()
    told = scratch.done("explain", RARE, "--format", "json").json["assets"][0]
    fields = {one["field"]: one for one in told["fields"]}
    used = {name: [layer["place"] for layer in one["from"] if layer["used"]] for name, one in fields.items()}
    spec = "specs/icons/items.yaml"
    assert used == {
        "prompt": [f"{spec}:3:1"],
        "prompt_prefix": ["specs/icons/_defaults.yaml:2:1"],
        "prompt_suffix": ["specs/_styles.yaml:2:3"],
        "style": ["specs/icons/_defaults.yaml:3:1"],
        "size": ["specs/icons/_defaults.yaml:1:1"],
        "image_size": ["reconciler.yaml:3:3"],
        "vars.thing": [f"{spec}:2:8"],
        "description": [f"{spec}:4:1"],
        "tags": [f"{spec}:5:1", "specs/_styles.yaml:3:3"],
        "references": [f"{spec}:6:1"],
        "matrix": [f"{spec}:1:1"],
        "provider": ["reconciler.yaml:1:1"],
        "output": [],
        "format": [],
    }
    assert fields["prompt"]["value"] == "Icon: A rare sword, flat art"
    assert fields["output"]["value"] == "assets/icons/items/rare.png"
    overridden = [layer for layer in fields["size"]["from"] if not layer["used"]]
    assert [(layer["place"], layer["written"]) for layer in overridden] == [("reconciler.yaml:4:3", "1:1")]
    assert told["references"] == [
        {"name": "refs/a.png", "content": content_hash(picture())},
        {"name": "asset mascot", "content": scratch.lock["mascot"]["content"]},
    ]
    assert told["recipe"] == told["locked"] == scratch.lock[RARE]["recipe"]
    manifest = {name: value for name, value in told["recipe"].items() if name != "key"}
    assert recipe_key(manifest) == told["recipe"]["key"]
    out = scratch.done("explain", RARE).out
    for words in ("up to date", f"{spec}:3:1  the spec", "_styles.yaml:2:3  style flat", "the default", "overridden"):
        assert words in out
    assert scratch.snapshot() == before


def test_explain_says_why_it_is_stale(project: Scratch) -> None:
    project.edit("specs/hero.yaml", "dusk", "dawn")
    out = project.done("explain", "hero").out
    assert out.startswith("hero: prompt changed\n    prompt: A lighthouse at [-dusk-]{+dawn+}\n")
    wanted, locked = (line.partition(": ")[2] for line in out.splitlines()[-2:])
    assert locked == project.lock["hero"]["recipe"]["key"] != wanted
    project.done("apply", "--yes")
    assert project.lock["hero"]["recipe"]["key"] == wanted


def test_explain_speaks_of_what_has_no_picture_no_spec_or_no_file(project: Scratch) -> None:
    project.write("specs/new.yaml", "prompt: A tree\n")
    project.write("specs/child.yaml", "prompt: A leaf\nreferences: [{asset: new}]\n")
    (project.root / "specs/hero.yaml").unlink()
    out = project.done("explain", "child").out
    assert "1. asset new  has no content yet" in out
    assert "recipe wanted: unknown while a reference" in out
    assert "recipe wanted: none: it is in no spec" in project.done("explain", "hero").out


def test_an_unknown_id_is_an_error_with_the_nearest_one(project: Scratch) -> None:
    for command in ("show", "explain"):
        said = project.run(command, "hreo")
        assert (said.code, said.out, 'did you mean "hero"?' in said.err) == (1, "", True)
