"""`python -m tests.wire.record PYTHON`: let the SDKs of PYTHON send every case to the fake, and keep what came."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from reconciler.testing.gateway import running
from tests.wire.cases import CASES
from tests.wire.seen import seen

HERE = Path(__file__).parent
RECORDINGS = HERE / "recordings"
PICTURES = HERE / "pictures"


def record(python: str) -> None:
    """Write `recordings/<sdk>.json`. Fails where a case was not exactly one request, answered as the case says."""
    with running() as gateway:
        gateway.rules.chance("503_json", 1.0)  # the request is what counts: no picture need be drawn
        given = {
            "urls": {dialect: gateway.url(dialect) for dialect in {case.dialect for case in CASES}},
            "key": gateway.key,
            "pictures": str(PICTURES),
            "cases": [asdict(case) for case in CASES],
        }
        command = [python, str(HERE / "send_with_sdk.py")]
        text = json.dumps(given)
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            raise SystemExit(done.stderr or done.stdout)
        entries = gateway.ledger.entries
    told = [(entry.status, entry.dialect) for entry in entries]
    if told != [(case.status, case.dialect) for case in CASES]:
        raise SystemExit(f"the fake answered otherwise than the cases say: {told}")
    versions = json.loads(done.stdout)
    for sdk, version in versions.items():
        pairs = zip(CASES, entries, strict=True)
        requests = {case.name: seen(entry) for case, entry in pairs if case.sdk == sdk}
        text = json.dumps({"version": version, "requests": requests}, indent=1, ensure_ascii=False)
        (RECORDINGS / f"{sdk}.json").write_text(text + "\n", encoding="utf-8")
        print(f"recorded {len(requests)} requests of {sdk} {version}")


if __name__ == "__main__":
    record(sys.argv[1])
