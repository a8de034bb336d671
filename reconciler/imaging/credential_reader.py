"""Verify C2PA manifests in a confined process. c2pa-python is an extra: without it, their presence alone is known."""

from __future__ import annotations

import importlib.util
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reconciler.core.provenance.credentials import INVALID, NO_VERIFIER, TRUSTED, UNVERIFIED, VALID, CredentialReport
from reconciler.imaging.child_process import ConfinedProcess, DecoderError, program
from reconciler.imaging.credential_wire import CREDENTIAL_LENGTH, MIME_TYPES, MOST_ANSWER, MOST_CODES, MOST_TEXT

_MEMORY = 1 << 30
CREDENTIAL_PROGRAM = program("reconciler.imaging.credential_worker")
_SECONDS = 20
"""Of CPU time for a file, and three times as long by the clock."""


def has_verifier() -> bool:
    """Whether c2pa-python is installed."""
    return importlib.util.find_spec("c2pa") is not None


class CredentialReader:
    """Verifies one file after another. `anchors` are certificates of authorities in PEM, "" for none."""

    def __init__(
        self, anchors: str = "", *, code: str = CREDENTIAL_PROGRAM, installed: Callable[[], bool] = has_verifier
    ) -> None:
        self._anchors = anchors
        self._code = code
        self._installed = installed
        self._process: ConfinedProcess | None = None

    def report(self, path: Path, format_: str) -> CredentialReport:
        """What the manifest in a file comes to."""
        if not self._installed():
            return CredentialReport(UNVERIFIED, problems=(NO_VERIFIER,))
        try:
            return _report(self._asked(path, format_))
        except (DecoderError, OSError, ValueError, TypeError) as error:
            self.close()
            fact = str(error) if isinstance(error, DecoderError | OSError) else "the verifier gave no valid answer"
            return CredentialReport(UNVERIFIED, problems=(fact,))

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.end()

    def _asked(self, path: Path, format_: str) -> Any:
        process = self._process = self._process or ConfinedProcess(self._code, _MEMORY)
        request = {"path": os.path.abspath(path), "type": MIME_TYPES[format_], "anchors": self._anchors}
        data = json.dumps({**request, "action": "verify", "seconds": _SECONDS}).encode()
        most = 3 * _SECONDS
        end = time.monotonic() + most
        process.write(CREDENTIAL_LENGTH.pack(len(data)) + data)
        (length,) = CREDENTIAL_LENGTH.unpack(process.read(CREDENTIAL_LENGTH.size, end, most=most))
        if length > MOST_ANSWER:
            raise ValueError(length)
        return json.loads(process.read(length, end, most=most))


def _report(answer: Any) -> CredentialReport:
    """A process that reads the file of a stranger may be taken over by it: nothing of its answer is trusted."""
    if not isinstance(answer, dict) or not isinstance(answer.get("problems"), list):
        raise TypeError
    state = answer.get("state")
    problems = tuple(str(each)[:MOST_TEXT] for each in answer["problems"][:MOST_CODES])
    known = state if state in (TRUSTED, VALID, INVALID) else UNVERIFIED
    return CredentialReport(known, str(answer.get("issuer", ""))[:MOST_TEXT], problems)
