"""A project whose provider is the billing fake, driven through the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.testing.gateway import Gateway
from tests.cli.conftest import Said, Scratch

FLASH = "gemini-2.5-flash-image"


class PaidProject(Scratch):
    """`paid` is a Gravitex provider at the fake. Specs are one-line prompts by id."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str], fake: Gateway) -> None:
        super().__init__(root, capsys)
        self.fake = fake

    def set_up(self, *, model: str = FLASH, project: Mapping[str, Any] | None = None, **prompts: Any) -> None:
        """Specs by id: a prompt, or a mapping of fields."""
        provider = {"type": "gravitex", "base_url": self.fake.url(), "api_key_env": "SHOP_KEY", "concurrency": 1}
        whole = {"provider": "shop", "providers": {"shop": provider}, "defaults": {"model": model, "size": "1:1"}}
        self.write("reconciler.yaml", json.dumps(whole | dict(project or {})))
        for name, fields in prompts.items():
            spec = {"prompt": fields} if isinstance(fields, str) else fields
            self.write(f"specs/{name}.yaml", json.dumps(spec))

    def apply(self, *arguments: str) -> Said:
        return self.run("apply", "--yes", *arguments)

    @property
    def asked(self) -> int:
        """The paid requests that the fake has received."""
        return len(self.fake.ledger.requests)


def opened(paid: PaidProject, monkeypatch: pytest.MonkeyPatch) -> PaidProject:
    """An empty project with a paid provider in the working directory, and the key to the fake in the environment."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("SHOP_KEY", paid.fake.key)
    monkeypatch.chdir(paid.root)
    return paid
