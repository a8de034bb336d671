"""Each dialect from spec to locked file, through the command line: what was billed, locked, shown and kept secret."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import run
from reconciler.testing.gateway import Gateway
from tests.providers.builders import a_picture


@dataclass(frozen=True, slots=True)
class Way:
    """One dialect: how the provider is set up, the fake's listener, and where its requests must arrive."""

    name: str
    kind: str
    listener: str
    model: str
    path: str
    reference: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    cost: str = ""
    """What the lock says one image cost: the list price, or by the tokens that the answer counts; "" is unknown."""

    @property
    def limit(self) -> tuple[str, str]:
        """A limit in money holds what has no price beforehand; there the number of images is the limit."""
        return ("--max-cost", "5") if self.model == FLASH else ("--max-images", "9")


GENERATIONS, EDITS = "/v1/images/generations", "/v1/images/edits"
FLASH = "gemini-2.5-flash-image"
NATIVE = f"/v1beta/models/{FLASH}:generateContent"
WAYS = (
    Way("gravitex images", "gravitex", "gravitex", FLASH, GENERATIONS, reference=True, cost="0.039 USD"),
    Way("gravitex edits", "gravitex", "gravitex", "gpt-image-2", EDITS, reference=True, cost="0.03876 USD"),
    Way("gravitex native", "gravitex", "gravitex", FLASH, NATIVE, settings={"endpoint": "native"}, cost="0.039 USD"),
    Way("gemini", "gemini", "gemini", FLASH, NATIVE, reference=True, cost="0.039 USD"),
    Way("openai", "openai", "openai", "gpt-image-2", GENERATIONS, cost="0.03876 USD"),
    Way("local", "openai", "local", "toy", GENERATIONS),
)
every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)


class PaidProject:
    """A project of two assets whose provider is the fake, seen from outside."""

    def __init__(self, root: Path, way: Way, fake: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.way, self.fake, self._capsys = root, way, fake, capsys
        self.said = ""
        key = "" if way.listener == "local" else "SHOP_KEY"
        provider = {"type": way.kind, "base_url": fake.url(way.listener), "api_key_env": key, **way.settings}
        project = {"provider": "shop", "providers": {"shop": provider}, "defaults": {"model": way.model}}
        (root / "reconciler.yaml").write_text(json.dumps(project))
        (root / "specs").mkdir()
        spec: dict[str, Any] = {"prompt": "a hero", "size": "1:1"}
        if way.reference:
            a_picture(root / "coast.png", size=32)
            spec["references"] = ["coast.png"]
        (root / "specs/hero.yaml").write_text(json.dumps(spec))
        (root / "specs/icon.yaml").write_text(json.dumps({**spec, "prompt": "an icon", "size": "3:2"}))

    def run(self, *arguments: str) -> int:
        self._capsys.readouterr()
        code = run(["-C", str(self.root), *arguments])
        told = self._capsys.readouterr()
        self.said += told.out + told.err
        return code

    def apply(self, *arguments: str) -> int:
        return self.run("apply", "--yes", *self.way.limit, *arguments)

    @property
    def lock(self) -> dict[str, Any]:
        assets: dict[str, Any] = json.loads((self.root / "assets.lock").read_text())["assets"]
        return assets

    def asked(self, prompt: str = "a hero") -> int:
        """How often an image was asked for in these words."""
        return sum(entry.prompt == prompt for entry in self.fake.ledger.requests)

    def everything(self) -> bytes:
        """All that is in any file of the project, in their names, and in all that was printed."""
        files = [path for path in self.root.rglob("*") if path.is_file()]
        return b"".join(str(path).encode() + path.read_bytes() for path in files) + self.said.encode()


@pytest.fixture
def paid(
    way: Way,
    gateway: Gateway,  # the fixture that is imported above
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> PaidProject:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("SHOP_KEY", gateway.key)
    return PaidProject(tmp_path, way, gateway, capsys)


@every_way
def test_from_spec_to_locked_file(way: Way, paid: PaidProject) -> None:
    assert paid.apply() == 0, paid.said
    ledger = paid.fake.ledger
    assert ledger.billed_by_prompt() == {"a hero": 1, "an icon": 1}
    assert [entry.path for entry in ledger.requests] == [way.path] * 2
    assert all(len(entry.references) == way.reference for entry in ledger.requests)
    for entry in ledger.requests:
        locked = paid.lock["hero" if entry.prompt == "a hero" else "icon"]
        assert locked["content"] == f"sha256:{entry.images[-1]}"
        assert hashlib.sha256((paid.root / locked["output"]).read_bytes()).hexdigest() == entry.images[-1]
        made = locked["made"]
        assert (made["provider"], made["model"], made.get("cost", "")) == ("shop", way.model, way.cost)
        assert bool(made.get("request")) == (way.listener != "local")  # servers of one's own name no requests
        assert 1290 in made["usage"].values()
    assert paid.run("check") == 0
    assert paid.apply() == 0
    assert len(ledger.entries) == 2


@every_way
def test_the_key_goes_to_its_header_and_nowhere_else(way: Way, paid: PaidProject) -> None:
    paid.fake.script("ok", "400")
    paid.apply()
    for command in ("plan", "check", "providers"):
        paid.run(command)
    expected = None if way.listener == "local" else True
    assert [entry.key_ok for entry in paid.fake.ledger.entries] == [expected] * 2
    assert not any(entry.key_elsewhere for entry in paid.fake.ledger.entries)
    assert paid.fake.ledger.misdirected == ()
    key, everything = paid.fake.key.encode(), paid.everything()
    assert len(everything) > 10_000
    for shape in (key, base64.b64encode(key)[:-4], b"Bearer", base64.b64encode(b"\x89PNG\r\n\x1a\n")[:-2]):
        assert shape not in everything


@every_way
def test_a_refusal_is_recorded_and_not_bought_again(way: Way, paid: PaidProject) -> None:
    paid.fake.when("a hero", "moderation_blocked", "ok")
    assert paid.apply() == 1
    assert (paid.asked(), set(paid.lock)) == (1, {"icon"})
    assert paid.apply() == 3
    assert paid.run("check") == 2
    assert paid.asked() == 1
    assert paid.apply("--retry-refused") == 0, paid.said
    assert paid.asked() == 2
    assert paid.run("check") == 0


@every_way
def test_in_doubt_is_held_until_a_person_consents(way: Way, paid: PaidProject) -> None:
    paid.fake.when("a hero", "reset_after_request", "ok")
    assert paid.apply() == 3
    assert (paid.asked(), set(paid.lock)) == (1, {"icon"})
    for _ in range(2):
        assert paid.apply() == 3
        assert paid.run("check") == 2
    assert len(paid.fake.ledger.requests) == 2
    assert paid.apply("--retry-in-doubt") == 0, paid.said
    assert (paid.asked(), paid.asked("an icon")) == (2, 1)
    assert paid.run("check") == 0
    assert paid.apply("--retry-in-doubt") == 0
    assert len(paid.fake.ledger.requests) == 3


@pytest.mark.parametrize("way", WAYS[:-1], ids=lambda way: way.name)
def test_no_key_is_one_line_and_no_request(way: Way, paid: PaidProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_KEY")
    assert paid.apply() == 1
    assert "SHOP_KEY is not set" in paid.said
    assert "Traceback" not in paid.said
    assert paid.fake.ledger.entries == ()
