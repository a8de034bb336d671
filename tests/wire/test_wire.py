"""What the real providers of ours send over a socket, field by field against what the official SDKs sent."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.digest import ContentHash, content_hash
from reconciler.core.outcome import Throttled
from reconciler.core.recipe import ImagePart, Recipe, TextPart, Turn
from reconciler.testing.gateway import Gateway, running
from reconciler.testing.memory_ports import MemorySpool
from tests.providers.builders import a_provider, a_recipe, a_request, settings_for
from tests.wire.cases import CASES, Case
from tests.wire.differences import DIFFERENCES, RENAMED, Compared, compare
from tests.wire.record import PICTURES, RECORDINGS
from tests.wire.seen import flat, seen


@cache
def recording(sdk: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((RECORDINGS / f"{sdk}.json").read_text(encoding="utf-8"))
    return loaded


def content(name: str) -> ContentHash:
    return content_hash((PICTURES / name).read_bytes())


def recipe_of(case: Case) -> tuple[Recipe, list[Path]]:
    turns = tuple(
        Turn(role, tuple(ImagePart(content(part)) if "." in part else TextPart(part) for part in parts))
        for role, parts in case.turns
    )
    in_turns = [part for _, parts in case.turns for part in parts if "." in part]
    fields = {"turns": turns, "references": tuple(map(content, case.references)), **case.recipe}
    recipe = a_recipe(**fields, mask=content(case.mask) if case.mask else None)
    paths = {content(name): PICTURES / name for name in (*case.references, case.mask, *in_turns) if name}
    return recipe, [paths[wanted] for wanted in recipe.images()]


def ours(case: Case, gateway: Gateway, folder: Path) -> dict[str, Any]:
    """The one request that our provider sends, understood by the far side."""
    kind = "openai" if case.dialect == "local" else case.dialect
    settings = settings_for(kind, gateway.url(case.dialect), **case.settings)
    recipe, files = recipe_of(case)
    before = len(gateway.ledger.requests)
    outcome = asyncio.run(a_provider(settings, MemorySpool(folder), key=gateway.key).generate(a_request(recipe, files)))
    assert isinstance(outcome, Throttled), outcome
    (entry,) = gateway.ledger.requests[before:]
    assert (entry.status, entry.key_ok, entry.key_elsewhere) == (503, True, False)
    return seen(entry)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Compared]:
    """Each case, at a fake that understands every request and draws nothing."""
    with running() as gateway:
        gateway.rules.chance("503_json", 1.0)
        spool = tmp_path_factory.mktemp("wire") / "spool"
        return {case.name: against_recording(case, flat(ours(case, gateway, spool))) for case in CASES}


def against_recording(case: Case, sent: dict[str, Any]) -> Compared:
    return compare(sent, flat(recording(case.sdk)["requests"][case.name]), sdk=case.sdk, case=case.name)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_we_differ_from_the_sdk_only_where_the_table_says_why(case: Case, compared: dict[str, Compared]) -> None:
    assert compared[case.name].unexplained == ()


def test_every_row_of_the_table_is_needed(compared: dict[str, Compared]) -> None:
    """A difference that is gone leaves the table."""
    needed = frozenset[object]().union(*(each.needed for each in compared.values()))
    assert [row for row in (*DIFFERENCES, *RENAMED) if row not in needed] == []


def test_the_recordings_are_of_these_cases() -> None:
    for sdk in ("openai", "google-genai"):
        assert list(recording(sdk)["requests"]) == [case.name for case in CASES if case.sdk == sdk]
        assert recording(sdk)["version"]
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("name", ["native picture", "mask", "gateway, gemini"])
def test_a_field_more_less_or_changed_is_found(name: str, tmp_path: Path) -> None:
    (case,) = (case for case in CASES if case.name == name)
    with running() as gateway:
        gateway.script("503_json")
        sent = flat(ours(case, gateway, tmp_path / "spool"))
    for path in sent:
        missing = {name: value for name, value in sent.items() if name != path}
        for made in ({**sent, path: "otherwise"}, {**sent, f"{path}.more": 1}):
            assert against_recording(case, made).unexplained, path
        assert against_recording(case, missing).unexplained or path in WE_ALONE, path


WE_ALONE = {"json.n", "part.n", "part.n.type", "part.output_format", "part.output_format.type"}
"""What only we say: to leave it out is no difference from the SDK."""
