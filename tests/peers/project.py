"""A project whose provider is a peer, and the real command line on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

COMMAND = str(Path(sys.executable).with_name("reconciler"))
KEY = "sk-peer-0123456789"


class Project:
    """Specs are added by id; what `apply` did is seen in the lock and the files."""

    def __init__(self, root: Path, url: str, *, model: str, settings: Mapping[str, Any] | None = None) -> None:
        self.root = root
        self.said = ""
        provider = {"type": "openai", "base_url": url, "api_key_env": "", **(settings or {})}
        project = {"provider": "peer", "providers": {"peer": provider}, "defaults": {"model": model}}
        root.mkdir(exist_ok=True)
        (root / "reconciler.yaml").write_text(json.dumps(project))
        (root / "specs").mkdir(exist_ok=True)

    def want(self, identity: str, prompt: str, **fields: Any) -> None:
        (self.root / f"specs/{identity}.yaml").write_text(json.dumps({"prompt": prompt, **fields}))

    def command(self, *arguments: str) -> list[str]:
        return [COMMAND, "-C", str(self.root), *arguments]

    @property
    def environment(self) -> dict[str, str]:
        return {**{name: value for name, value in os.environ.items() if name != "CI"}, "PEER_KEY": KEY}

    def run(self, *arguments: str) -> int:
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=60, check=False, env=self.environment
        )
        self.said = done.stdout + done.stderr
        assert "Traceback" not in self.said
        return done.returncode

    def apply(self, *arguments: str) -> int:
        return self.run("apply", "--yes", "--max-images", "20", *arguments)

    @property
    def lock(self) -> dict[str, Any]:
        path = self.root / "assets.lock"
        assets: dict[str, Any] = json.loads(path.read_text())["assets"] if path.exists() else {}
        return assets

    def actions(self) -> dict[str, tuple[str, str]]:
        """What the plan would do to what is not clean, and why."""
        self.run("plan", "--format", "json")
        steps = json.loads(self.said)["steps"]
        return {step["asset"]: (step["action"], step["reason"]) for step in steps}
