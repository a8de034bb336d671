"""How a project is written never makes an asset stale; what is asked for always does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from reconciler.core.digest import AssetId
from reconciler.core.lock.lockfile import Lock, LockEntry
from reconciler.core.plan.actions import Generate, Keep, Move
from reconciler.core.plan.observed import Observed
from reconciler.core.recipe import Recipe
from reconciler.core.specs.spec import build_recipe
from tests.builders import an_entry, bytes_of, planned, the_action, the_asset
from tests.core.spec_layouts import Fields, Layout, assets, picture_of, rewritten


def meant(fields: Fields) -> Recipe:
    references = (bytes_of("first" if name == "{asset}" else name) for name in fields["references"])
    return Recipe(**{**fields, "references": tuple(references)})


def locked(wanted: list[Fields]) -> tuple[Lock, Observed]:
    """The project as it was made under other names and at other paths."""
    entries: dict[Any, LockEntry] = {}
    for name, fields in zip(("first", "second"), wanted, strict=True):
        entries[f"old/{name}"] = an_entry(meant(fields), got=name, output=f"old/{name}.png")
    outputs = {entry.output: entry.content for entry in entries.values()}
    files = {path: bytes_of(path) for path in ("refs/coast.png", "refs/sea.png")}
    return Lock(entries), Observed(outputs, files)


@settings(max_examples=50)
@given(rewritten())
def test_how_it_is_written_changes_no_key_and_makes_nothing(project: tuple[list[Fields], Layout]) -> None:
    wanted, layout = project
    found = layout.read()
    note(f"{layout.files} {layout.styles} {layout.project}")
    assert not found.problems, "\n".join(map(str, found.problems))
    for name, fields in zip(layout.names, wanted, strict=True):
        recipe = build_recipe(found.specs[AssetId(name)], picture_of)
        assert recipe is not None
        assert recipe.manifest() == meant(fields).manifest()
        assert recipe.key() == meant(fields).key()
    lock, seen = locked(wanted)
    twins = meant(wanted[0]).key() == meant(wanted[1]).key()
    for step in planned(found.specs.values(), lock, seen).steps:
        assert isinstance(step.action, Move) or (twins and not isinstance(step.action, Generate))


@settings(max_examples=25)
@given(rewritten(), assets, st.data())
def test_what_is_asked_for_changes_the_key_and_is_made(
    project: tuple[list[Fields], Layout], other: Fields, data: st.DataObject
) -> None:
    wanted, _ = project
    name = data.draw(st.sampled_from(sorted(other)))
    changed = [{**wanted[0], name: other[name]}, wanted[1]]
    layout = data.draw(st.builds(lambda: Layout(data.draw, changed)))
    found = layout.read()
    assert not found.problems
    first = found.specs[AssetId(layout.names[0])]
    recipe = build_recipe(first, picture_of)
    assert recipe is not None
    assert (recipe.key() == meant(wanted[0]).key()) == (meant(changed[0]).manifest() == meant(wanted[0]).manifest())
    entry = an_entry(meant(wanted[0]), got="first", output=first.output)
    seen = Observed({first.output: entry.content}, {p: bytes_of(p) for p in ("refs/coast.png", "refs/sea.png")})
    action = the_action(planned([first], Lock({first.id: entry}), seen), first.id)
    assert isinstance(action, Keep if recipe.key() == entry.key else Generate)


SAME = "prompt: A lighthouse, at dusk.\nsize: '16:9'\nparams: {seed: 7}\nreferences: [a.png]"


@pytest.mark.parametrize(
    "files",
    [
        SAME.replace(", at", ",\n  at"),
        SAME.replace("prompt: A lighthouse, at dusk.", 'prompt: "A lighthouse, at\\n dusk."'),
        "# yaml-language-server: $schema=x\n---\n" + SAME + "\n...\n",
        SAME.replace("{seed: 7}", "{seed: 7.0}"),
        SAME.replace("'16:9'", "16:9"),
        SAME.replace("a.png", "./a.png"),
        SAME.replace("[a.png]", "&r [a.png]"),
        SAME + "\nturns: []\nformat: png\ntake: 1\nbackground: auto",
        SAME.replace("lighthouse", "${what}") + "\nvars: {what: lighthouse}",
        {
            "_styles.yaml": "s: {prompt_suffix: ', at dusk.', params: {seed: 7}}",
            "deep/er/x.yaml": "prompt: A lighthouse\nstyle: s\nsize: '16:9'\nreferences: [a.png]",
        },
        {
            "_defaults.yaml": "prompt_prefix: A\nsize: '16:9'",
            "x.yaml": "prompt: lighthouse, at dusk.\nparams: {seed: 7}\nreferences: [a.png]",
        },
        {"m.yaml": SAME.replace("dusk", "${time}") + "\nmatrix: {time: [dusk]}\noutput: o/${time}.png"},
    ],
)
def test_a_few_that_people_write(files: Any) -> None:
    keys = {recipe.key() for spec in (the_asset(SAME), the_asset(files)) if (recipe := build_recipe(spec, picture_of))}
    assert len(keys) == 1
