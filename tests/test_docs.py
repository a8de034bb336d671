"""README.md and the pages of docs/ are true: blocks are run, examples are read, tables and links are complete."""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from collections import Counter
from decimal import Decimal
from pathlib import Path

import click
import pytest
import yaml

from reconciler.cli.main import COMMANDS, cli, run
from reconciler.core.errors import Exit
from reconciler.core.lock.lockfile import dumps, loads, verify_recipe_keys
from reconciler.project.init_files import GIT_ATTRIBUTES
from reconciler.providers.models.table import model_table
from reconciler.store.schemas.files import schema_text
from tests import graph_picture, pages, plan_picture
from tests.pages import PAGES, ROOT, Block

README = (ROOT / "README.md").read_text()


def name(file: Path) -> str:
    return os.fspath(file.relative_to(ROOT))


def page(file: str) -> str:
    return (ROOT / "docs" / file).read_text()


def blocks(*kinds: str) -> list[tuple[str, Block]]:
    """The blocks of some kinds on all pages, each with its page."""
    return [(name(file), block) for file in PAGES for block in pages.parts(file.read_text()) if block.kind in kinds]


def checkable(kinds: tuple[str, ...]) -> pytest.MarkDecorator:
    found = blocks(*kinds)
    return pytest.mark.parametrize(
        ("file", "block"), found, ids=[f"{file}:{number}" for number, (file, _) in enumerate(found)]
    )


def is_followed(file: Path) -> bool:
    """Whether a page has anything to run or to write here."""
    if file == pages.PROVIDER_PAGE:
        return False
    return any(block.kind in ("console", "sh") or block.path for block in pages.parts(file.read_text()))


@pytest.mark.parametrize("file", [*filter(is_followed, PAGES)], ids=name)
def test_every_block_does_what_the_page_shows(file: Path, tmp_path: Path) -> None:
    with pages.Reader(tmp_path, ninja=shutil.which("ninja") is not None) as reader:
        wrong = [one for one in reader.follow(pages.parts(file.read_text())) if not one.right]
        folder = reader.folder
    assert [(one.command, one.printed) for one in wrong] == [(one.command, one.shown) for one in wrong], (
        f"if the new output is right, run: python -m tests.pages {name(file)}"
    )
    if (folder / "reconciler.yaml").exists():
        assert run(["-C", str(folder), "validate"]) == 0


FENCE = "```"
FALSE = {
    "another output": "console\n$ echo one\ntwo\n",
    "too little output": "console\n$ printf 'one\\ntwo\\n'\none\n",
    "a command that fails": "sh\nfalse\ntrue\n",
    "a build that fails": "json package.json\n" + '{"scripts": {"build": "reconciler check"}}\n',
    "a workflow that fails": "yaml\n# .github/workflows/a.yaml\njobs: {a: {steps: [{run: reconciler check}]}}\n",
}


@pytest.mark.parametrize("block", FALSE.values(), ids=FALSE.keys())
def test_a_false_page_is_found(block: str, tmp_path: Path) -> None:
    with pages.Reader(tmp_path, ninja=False) as reader:
        assert [one.right for one in reader.follow(pages.parts(f"{FENCE}{block}{FENCE}\n"))] == [False]


def test_output_may_leave_out_what_differs_from_run_to_run() -> None:
    assert pages.matches("at … o'clock\n", "at 12 o'clock\n")
    assert not pages.matches("at …\n", "at 12\no'clock\n")
    assert pages.matches("[1/2] made a\n[2/2] made b\n", "[1/2] made b\n[2/2] made a\n")
    assert not pages.matches("[1/2] made a\n[2/2] made b\n", "[1/2] made b\n[2/2] made b\n")


def test_a_transcript_is_rewritten_where_it_is_wrong(tmp_path: Path) -> None:
    console = f"{FENCE}console\n$ echo one\n…\n$ echo two; echo 12:34\n…:…\n3\n{FENCE}\n\n"
    text = f"{console}{FENCE}sh\necho four\n{FENCE}\n{FENCE}text\n5\n{FENCE}\n"
    (tmp_path / "page.md").write_text(text)
    printed = pages.transcript(tmp_path / "page.md", tmp_path, ninja=False)
    assert pages.rewritten(text, printed) == text.replace("…:…\n3\n", "two\n…:…\n").replace("5\n", "four\n")


@pytest.mark.parametrize("file", PAGES, ids=name)
def test_every_block_is_of_a_kind_that_a_test_holds(file: Path) -> None:
    text = file.read_text()
    directives = ("gateway", "picture", "comfyui", "jobs")
    found = [block for block in pages.parts(text) if block.kind not in directives]
    assert len(re.findall(r"^\s*(?:```|~~~)", text, re.MULTILINE)) == 2 * len(found), (
        "a fence is not at the left margin"
    )
    assert {block.kind for block in found} <= set(pages.KINDS)
    for block in found:
        if block.kind in ("make", "ninja"):
            assert block.path, f"the first line names the file:\n{block.text}"
        if block.kind in ("python", "toml"):
            assert file == pages.PROVIDER_PAGE, f"nothing runs this:\n{block.text}"


@checkable(("text",))
def test_a_diagram_is_no_transcript(file: str, block: Block) -> None:
    if not block.below_shell:
        assert not re.search(r"^(\$ |reconciler |git )", block.text, re.MULTILINE), f"{file}: nothing runs this"


def problems_of_command(text: str) -> list[str]:
    """What is wrong with `reconciler apply --draft …` as words in a page: commands and options that do not exist."""
    words = re.split(r"\s+", re.sub(r"['\"].*?['\"]|-C \w+", "", text.partition("#")[0]))
    command: click.Command = cli
    title = ""
    wrong: list[str] = []
    context = click.Context(cli)
    for word in words[1:]:
        if isinstance(command, click.Group) and re.fullmatch(r"[a-z]+", word):
            found = command.get_command(context, word)
            if found is None:
                return [f"no command {word}"]
            command, title = found, word
        elif word in ("|", "||", "&&", ">", ";"):
            break
        elif word.startswith("-"):
            known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
            wrong += [] if word.partition("=")[0] in known | {"-h", "--help"} else [f"{title}: no {word}"]
    return wrong


@pytest.mark.parametrize("file", PAGES, ids=name)
def test_every_command_and_option_in_the_prose_exists(file: Path) -> None:
    text = file.read_text()
    fenced = [block.text for block in pages.parts(text) if block.kind in ("sh network", "yaml")]
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]
    spans += [line.strip().removeprefix("- run: ") for block in fenced for line in block.splitlines()]
    ours = COMMANDS.keys() - {"git"}  # `git fetch --unshallow` is a command of git
    said = [f"reconciler {span}" if span.split()[0] in ours and "--" in span else span for span in spans if span]
    wrong = {span: problems_of_command(span) for span in said if span.startswith("reconciler ")}
    assert not {span: problem for span, problem in wrong.items() if problem}


def test_a_broken_command_is_found() -> None:
    assert problems_of_command("reconciler plan --include 'a --b' --exit-code") == []
    assert problems_of_command("reconciler store gc --forget-paid && echo --x") == []
    assert problems_of_command("reconciler plan --yes") == ["plan: no --yes"]
    assert problems_of_command("reconciler make") == ["no command make"]


def test_few_blocks_need_a_network() -> None:
    assert len(blocks("sh network")) <= 4


def test_the_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for file, block in blocks("sh checkout"):
        named = [re.match(r"make ([a-z-]+)", line) for line in block.text.splitlines()]
        assert all(named), f"{file}: {block.text}"
        assert {match[1] for match in named if match} <= targets


@checkable(("yaml",))
def test_every_yaml_block_is_valid(file: str, block: Block, tmp_path: Path) -> None:
    assert yaml.safe_load(block.text), file
    if not block.path:
        (tmp_path / "reconciler.yaml").write_text(block.text)
        assert run(["-C", str(tmp_path), "validate"]) == 0, block.text


@checkable(("json assets.lock",))
def test_a_lockfile_shown_is_one(file: str, block: Block) -> None:
    lock = loads(block.text, file=file, content_of=lambda _: None)
    verify_recipe_keys(lock)
    assert dumps(lock) == block.text


@checkable(("gitattributes",))
def test_the_git_lines_shown_are_those_of_init(file: str, block: Block) -> None:
    assert block.text == "".join(f"{line}\n" for line in GIT_ATTRIBUTES), file


@checkable(("python", "toml"))
def test_code_compiles(file: str, block: Block) -> None:
    if block.kind == "toml":
        assert tomllib.loads(block.text)
    else:
        assert compile(block.text, file, "exec")


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("file", PAGES, ids=name)
def test_links_lead_somewhere(file: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", file.read_text()):
        if target.startswith("https://"):
            continue
        found = file.parent / target if target else file
        assert found.exists(), target
        assert not anchor or anchor in anchors(found.read_text()), f"{target}#{anchor}"


@pytest.mark.parametrize("file", PAGES, ids=name)
def test_every_source_file_that_is_named_exists(file: Path) -> None:
    for path in re.findall(r"`((?:[\w-]+/)+[\w-]+\.py)`", file.read_text()):
        assert any((folder / path).exists() for folder in (ROOT, ROOT / "reconciler")), path


def test_the_index_has_every_page() -> None:
    linked = {os.path.normpath(target) for target in re.findall(r"\]\(([^)#]+)\)", page("index.md"))}
    there = {os.fspath(file.relative_to(ROOT / "docs")) for file in PAGES[1:]} - {"index.md"}
    assert there <= linked


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 200


def test_the_picture_of_a_plan_is_what_plan_prints() -> None:
    made = plan_picture.svg(plan_picture.planned())
    assert plan_picture.PICTURE.read_text() == made, "run: make pictures"


def test_the_picture_of_the_graph_is_that_of_the_examples() -> None:
    """The source is exact. The picture has the same nodes and edges; its layout depends on the version of Graphviz."""
    made = graph_picture.graph_source()
    assert graph_picture.SOURCE.read_text() == made, "run: make pictures"
    assert graph_picture.drawn_names(graph_picture.DRAWN.read_text()) == graph_picture.source_names(made)


def test_every_command_and_exit_code_is_in_its_table() -> None:
    text = page("commands.md")
    assert Counter(re.findall(r"^\| `([a-z]+)", text, re.MULTILINE)) == Counter(list(COMMANDS))
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)} == set(Exit)


def test_the_page_on_specs_has_every_field() -> None:
    schema = json.loads(schema_text("spec"))["$defs"]
    told = re.findall(r"^\| (`[^|]+) \|", page("specs.md"), re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(told))) == sorted(schema["asset"]["properties"])


def test_the_prices_of_the_page_are_those_of_the_table() -> None:
    rows = re.findall(r"^\| (g\S+) \| (0\.[^|]*) \| (\S*) *\|$", page("providers.md"), re.MULTILINE)
    table = model_table()
    assert len(rows) == 5
    for model, prices, retires in rows:
        row = table.models[model]
        assert {Decimal(price) for price in re.findall(r"0\.\d+", prices)} == set(row.prices.values())
        assert retires == row.retires
    assert table.date in page("providers.md")


def test_each_promise_of_security_names_a_test_that_is_there() -> None:
    rows = [line for line in page("security.md").splitlines() if line.startswith("| ") and "`tests/" in line]
    assert len(rows) > 15
    for row in rows:
        for file, _, test in (found.partition("::") for found in re.findall(r"`(tests/[^`]+)`", row)):
            text = (ROOT / file).read_text()
            assert f"def {test}(" in text if test else "CASES" in text, f"{file}::{test}"
