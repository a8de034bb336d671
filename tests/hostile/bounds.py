"""Inputs of at most a few MiB whose work or memory would grow far beyond them."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.hostile.case import Case
from tests.hostile.world import entry, lock, png, start, write

READ = ("validate", "check", "plan")


def _names(prefix: str, count: int) -> str:
    return "[" + ", ".join(f"{prefix}{number}" for number in range(count)) + "]"


def _spec(text: str, root: Path) -> None:
    start(root, project="provider: draft\n", spec=text)


def _project(text: str, spec: str, root: Path) -> None:
    start(root, project=f"provider: draft\n{text}", spec=spec)


def _excludes() -> str:
    lines = "".join(f"  - {{a: zz{number}}}\n" for number in range(20_000))
    return f"prompt: x ${{a}}\nmatrix:\n  a: {_names('v', 200)}\n  exclude:\n" + lines.replace("  -", "    -")


def _wrong_axes() -> str:
    lines = "".join(f"    - {{zz{number}: 1}}\n" for number in range(20_000))
    return f"prompt: x ${{a}}\nmatrix:\n  a: {_names('v', 200)}\n  exclude:\n{lines}"


def _unknown_references() -> str:
    return "prompt: x\nreferences:\n" + "".join(f"- {{asset: nobody/knows{number}}}\n" for number in range(9_000))


def _many_unknown_references(root: Path) -> None:
    start(root)
    assets = "".join(f"  a{number}: {{references: [{{asset: nobody/n{number}}}]}}\n" for number in range(9_000))
    write(root, "specs/many.yaml", f"defaults: {{prompt: x}}\nassets:\n{assets}")


def _unknown_variables() -> str:
    return (
        "prompt: '"
        + " ".join(f"${{v{number}}}" for number in range(4_500))
        + "'\nvars: {"
        + ", ".join(f"k{n}: 1" for n in range(4_500))
        + "}\n"
    )


def _overrides(wanted: str, count: int, fields: str) -> str:
    lines = "".join(f"- {{for: {wanted}, set: {{{fields}}}}}\n" for _ in range(count))
    return f"prompt: x ${{a}} ${{b}}\nmatrix: {{a: {_names('v', 100)}, b: {_names('u', 100)}}}\noverrides:\n{lines}"


def _unread(root: Path) -> None:
    start(root)
    for number in range(20_000):
        write(root, f"specs/s{number}.YAML", "prompt: x\n")


def _includes() -> str:
    lines = "".join(f"    - {{a: v{number % 70}, w{number}: 1}}\n" for number in range(5_000))
    return f"prompt: x ${{a}} ${{b}}\nmatrix:\n  a: {_names('v', 70)}\n  b: {_names('u', 70)}\n  include:\n{lines}"


def _many_axes() -> str:
    axes = "".join(f"  a{number}: [1]\n" for number in range(5_000))
    return f"prompt: x\nmatrix:\n  z: {_names('v', 100)}\n  y: {_names('u', 100)}\n{axes}id: ${{z}}${{y}}\n"


def _long_variable(field: str) -> str:
    return f"prompt: x\nvars: {{v: {'x' * 99_000}}}\n{field}\n"


def _keyed_text() -> str:
    return _long_variable("params: {" + ", ".join(f"k{n}: 'a${{v}}'" for n in range(15_000)) + "}")


def _empty_variables() -> str:
    """Nothing comes of the text, however often it is filled in."""
    text = "${k}" * 20_000
    return _product(f"vars: {{k: ''}}\nparams: {{k: '{text}'}}\n")


def _styled_text(root: Path) -> None:
    """Styles that each add the same long text to one prompt."""
    _spec(_long_variable(f"style: {_names('s', 15_000)}"), root)
    write(root, "specs/_styles.yaml", "".join(f"s{n}: {{prompt_prefix: 'a${{v}}'}}\n" for n in range(15_000)))


def _empty_defaults(root: Path) -> None:
    """Files of defaults that say nothing, in 450 folders one in another, above 10,000 assets."""
    start(root)
    folder = "specs"
    for _ in range(450):
        folder += "/d"
        write(root, f"{folder}/_defaults.yaml", "{}\n")
    write(root, f"{folder}/x.yaml", _product("id: ${a}${b}\n"))


def _product(more: str) -> str:
    return f"prompt: x ${{a}} ${{b}}\nmatrix: {{a: {_names('v', 100)}, b: {_names('u', 100)}}}\n{more}"


def _style_list(root: Path) -> None:
    _spec(_product(f"style: {_names('s', 90_000)}\n"), root)
    write(root, "specs/_styles.yaml", "s0: {prompt_prefix: y}\n")


def _one_style_often(root: Path) -> None:
    _spec(_product("style: [" + ", ".join(["s"] * 90_000) + "]\n"), root)
    write(root, "specs/_styles.yaml", "s: {prompt_prefix: y}\n")


def _turns() -> str:
    parts = ", ".join(f"{{text: t{number}}}" for number in range(4_096))
    return _product(f"turns: [{{role: user, parts: [{parts}]}}]\n")


def _axis() -> str:
    return f"prompt: x ${{a}}\nmatrix: {{a: {_names('v', 90_000)}}}\n"


def _equal_axis() -> str:
    return "prompt: x ${a}\nmatrix: {a: [" + ", ".join(["v"] * 90_000) + "]}\n"


def _copies(root: Path) -> None:
    start(root, spec=None)
    text = "prompt: |\n" + "  a b c\n" * 120_000
    for number in range(300):
        write(root, f"specs/s{number}.yaml", text)


def _unknown_fields(root: Path) -> None:
    start(root, spec=None)
    text = "prompt: x\n" + "".join(f"f{number}: 1\n" for number in range(40_000))
    for number in range(100):
        write(root, f"specs/s{number}.yaml", text)


def _long_specs(root: Path) -> None:
    start(root, spec=None)
    for number in range(5):
        write(root, f"specs/s{number}.yaml", "prompt: x\nvars:\n" + "".join(f"  k{n}: 1\n" for n in range(80_000)))


def _many_files(root: Path) -> None:
    start(root, spec=None, project="provider: draft\nlimits: {assets: 20000}\n")
    for number in range(20_000):
        write(root, f"specs/s{number}.yaml", "prompt: x\nsizes: 1\n")


def _lockfile(root: Path, size: int = 99_000_000) -> None:
    """So many bytes of entries."""
    start(root)
    one = json.dumps(entry("assets/x0000000.png", png()))
    count = size // (len(one) + 20)
    lines = ",\n".join(f'"a{number:07}": {one.replace("x0000000", f"x{number:07}")}' for number in range(count))
    write(root, "assets.lock", f'{{"lockfile": 1, "assets": {{\n{lines}\n}}}}\n')


def _lock_of_text(root: Path) -> None:
    start(root)
    write(root, "assets.lock", b'{"lockfile": 1, "assets": {"a": "' + b"x" * 99_000_000 + b'"}}\n')


def _lock_nested(root: Path) -> None:
    start(root)
    write(root, "assets.lock", b'{"lockfile": 1, "assets": ' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}")


def _lock_conflicts(root: Path) -> None:
    start(root)
    write(root, "assets.lock", b"<<<<<<< a\n=======\n>>>>>>> b\n" * 30_000)


def _circles(root: Path) -> None:
    """2,000 assets of which each refers to the next twenty."""
    start(root)
    assets = ""
    for number in range(2_000):
        references = ", ".join(f"{{asset: 'many#a{(number + step) % 2_000}'}}" for step in range(1, 15))
        assets += f"  a{number}: {{references: [{references}]}}\n"
    write(root, "specs/many.yaml", f"defaults: {{prompt: x}}\nassets:\n{assets}")


def _deep_folders(root: Path) -> None:
    start(root)
    write(root, "specs/" + "d/" * 400 + "x.yaml", "prompt: x\n")


def _globs(root: Path) -> None:
    start(root)
    write(root, "specs/many.yaml", "prompt: x\nmatrix: {a: " + _names("aaaaaaaaaaaaaaaaaaaa", 2_000) + "}\nid: a${a}\n")


def _collisions(root: Path) -> None:
    start(root)
    assets = "".join(f"  a{number}: {{}}\n" for number in range(9_000))
    write(root, "specs/many.yaml", f"defaults: {{prompt: x, output: assets/x.png}}\nassets:\n{assets}")


def _refusals(root: Path) -> None:
    start(root)
    refused = {
        f"a{n}": {"key": "r1:" + f"{n:064x}", "words": "no " * 100, "at": "2026-11-22T16:00:00Z"} for n in range(20_000)
    }
    lock(root, {}, refused=refused)


def _answers(root: Path) -> None:
    """A lockfile that says of 20,000 recipes that they were answered with another image, beside 9,000 new assets."""
    start(root, project="provider: gravitex\ndefaults: {model: gemini-2.5-flash-image}\n")
    one = {"at": "2026-11-28T00:00:00Z", "outcome": "mismatched", "words": "not 16:9"}
    answers = {f"b{number}": one | {"key": f"r1:{number:064x}"} for number in range(20_000)}
    write(root, "assets.lock", json.dumps({"lockfile": 2, "assets": {}, "answered": answers}))
    write(root, "specs/many.yaml", "assets:\n" + "".join(f"  a{n}: {{prompt: x {n}}}\n" for n in range(9_000)))


def _models(root: Path) -> None:
    rows = "".join(f"  m{number}: {{prices: {{'1K': '0.01 USD'}}}}\n" for number in range(9_000))
    _project(f"models:\n{rows}", "prompt: x\n", root)


def _providers(root: Path) -> None:
    rows = "".join(f"  p{number}: {{type: openai, base_url: 'http://127.0.0.1:1'}}\n" for number in range(9_000))
    _project(f"providers:\n{rows}", "prompt: x\n", root)


def _plan_of(include: list[str], root: Path) -> None:
    """A saved plan with these patterns."""
    _spec(_product("id: ${a}${b}\n"), root)
    write(root, "p.json", json.dumps({"plan": 1, "steps": [], "options": {"include": include}, "lock": ""}))


def _renames(root: Path) -> None:
    """3,000 assets of one recipe, and as many entries without a spec that have it."""
    axis = _names("v", 3_000)
    start(
        root,
        project="provider: draft\nlimits: {assets: 10000}\n",
        spec=f"prompt: An orphan\nmatrix: {{a: {axis}}}\nid: ${{a}}\n",
    )
    lock(root, {f"old{number}": entry(f"assets/{number}.png", png()) for number in range(3_000)})


def _case(name: str, build: Callable[[Path], None], commands: tuple[str, ...] = READ) -> Case:
    return Case(name, build, commands)


CASES = (
    _case("20,000 excludes of no value", partial(_spec, _excludes())),
    _case("20,000 excludes of no axis", partial(_spec, _wrong_axes())),
    _case("9,000 references to unknown ids in one asset", partial(_spec, _unknown_references())),
    _case("9,000 assets that refer to unknown ids", _many_unknown_references),
    _case("4,500 unknown variables among 4,500", partial(_spec, _unknown_variables())),
    _case("4,900 combinations x 5,000 includes", partial(_spec, _includes())),
    _case("10,000 combinations x 40,000 vars", partial(_spec, _product("vars: {" + ", ".join(f"k{n}: 1" for n in range(40_000)) + "}\n"))),
    _case("10,000 combinations x 90,000 tags", partial(_spec, _product(f"tags: {_names('t', 90_000)}\n"))),
    _case("10,000 combinations x a style list of 90,000", _style_list),
    _case("10,000 combinations x one style 90,000 times", _one_style_often),
    _case("10,000 combinations x 4,096 turn parts", partial(_spec, _turns())),
    _case("10,000 combinations x 20,000 params", partial(_spec, _product("params: {" + ", ".join(f"k{n}: 1" for n in range(20_000)) + "}\n"))),
    _case("10,000 combinations x a prompt of 90,000", partial(_spec, _product("description: " + "x" * 90_000 + "\n"))),
    _case("10,000 combinations x 15,000 overrides of each", partial(_spec, _overrides("{a: v1}", 15_000, "take: 2"))),
    _case("15,000 overrides of one combination", partial(_spec, _overrides("v1-u1", 15_000, "take: 2"))),
    _case("9,000 overrides of nothing", partial(_spec, _overrides("v1-u100", 9_000, "take: 2"))),
    _case("10,000 combinations x prompts of {{{{", partial(_spec, _product("prompt_suffix: '" + "{" * 700 + "'\n"))),
    _case("20,000 files that are not read", _unread),
    _case("just below: 10,000 combinations x 180 overrides", partial(_spec, _overrides("{a: v1}", 180, "take: 2"))),
    _case("10,000 combinations of 5,000 axes", partial(_spec, _many_axes())),
    *(
        _case(f"10,000 combinations x a {name} of 99,000", partial(_spec, _product(_long_variable(f"{name}: {text}").partition("\n")[2])))
        for name, text in {
            "quality": "'${a}${v}'", "model": "'${v}'", "id": "'${v}${a}${b}'", "references": "[{asset: '${a}${v}'}]",
        }.items()
    ),
    _case("10,000 combinations x 20,000 empty variables", partial(_spec, _empty_variables())),
    _case("15,000 params x a variable of 99,000", partial(_spec, _keyed_text())),
    _case("15,000 styles x a variable of 99,000", _styled_text),
    _case("10,000 combinations below 450 empty defaults", _empty_defaults),
    _case("110,000 beginnings of a conflict", partial(_spec, "<<<<<<< \n" * 110_000)),
    _case("a tag after a comment of a million tags", partial(_spec, "# " + "!" * 1_000_000 + "\n--- !%ff x\n")),
    *(
        _case(f"a plan file of {name}", partial(_plan_of, include), ("apply --plan p.json --yes",))
        for name, include in {
            "a million brackets": ["[" * 1_000_000],
            "stars": ["*a" * 100_000],
            "3,000 globs": [f"*v*{'?' * (number % 9)}*u{'*' * (number // 9)}" for number in range(3_000)],
            "300,000 ids": ["sword#v0u0"] * 300_000,
        }.items()
    ),
    Case("3,000 renamed assets, all explained", _renames, ("explain sword", "check"), output_limit=64 << 20, cpu=4.0),
    _case("one axis of 90,000", partial(_spec, _axis())),
    _case("one axis of 90,000 equal values", partial(_spec, _equal_axis())),
    _case("limits: 10^12 and an axis of 90,000", partial(_project, "limits: {assets: 1000000000000}\n", _axis())),
    _case("limits: 10^12 and 10^9 combinations", partial(_project, "limits: {assets: 1000000000000}\n",
          f"prompt: x\nmatrix: {{a: {_names('v', 1000)}, b: {_names('u', 1000)}, c: {_names('w', 1000)}}}\n")),
    _case("300 copies of a 1 MiB spec", _copies),
    _case("100 files of 40,000 unknown fields", _unknown_fields),
    _case("a lockfile of 99 MB", _lockfile),
    _case("a lockfile of one string of 99 MB", _lock_of_text),
    _case("a lockfile nested a million deep", _lock_nested),
    _case("a lockfile of 30,000 conflicts", _lock_conflicts),
    _case("2,000 assets in dense circles", _circles),
    _case("a folder 400 deep", _deep_folders),
    _case("9,000 assets with one output", _collisions),
    _case("20,000 refusals", _refusals),
    _case("just below: 10,000 combinations x 190 vars", partial(_spec, _product("vars: {" + ", ".join(f"k{n}: 1" for n in range(190)) + "}\n"))),
    _case("just below: 10,000 combinations x 180 tags", partial(_spec, _product(f"tags: {_names('t', 180)}\n"))),
    _case("just below: 10,000 combinations x 180 turn parts", partial(_spec, _product("turns: [{role: user, parts: [" + ", ".join(f"{{text: t{n}}}" for n in range(60)) + "]}]\n"))),
    _case("just below: a lockfile of 26 MB", partial(_lockfile, size=26_000_000), ("check",)),
    _case("just below: specs of 4 MiB", _long_specs),
    _case("20,000 files", _many_files),
    _case("20,000 answers beside 9,000 new assets", _answers, ("check", "plan")),
    _case("9,000 models", _models),
    _case("9,000 providers", _providers),
    _case("a glob of many stars over 2,000 long ids", _globs, ("plan --include *a*a*a*a*a*a*a*a*a*a*b",)),
)  # fmt: skip
