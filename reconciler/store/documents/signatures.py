"""Sign lines of verdicts with an SSH key, and verify them, by `ssh-keygen -Y`: offline, with keys that people have.

A program that is missing is an error. No verdict counts because it could not be verified.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from reconciler.core.errors import ProjectError
from reconciler.core.reviews.verdict import Verdict, signed_text
from reconciler.core.text import one_line
from reconciler.store import disk

NAMESPACE = "reconciler-review"
"""Keeps a signature for one purpose from being used for another: those of commits have the namespace `git`."""
MAX_SIGNERS = 1 << 20
"""The most bytes of a file of allowed signers."""
MAX_SIGNATURES = 20_000
"""The most verdicts of one command whose signatures are looked at: each takes 3 ms of CPU time."""
_MAGIC = b"SSHSIG"
UNSIGNED = "it is not signed"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_COLUMNS = 70
_TIMEOUT = 60
_THREADS = 16
_INSTALL = "install OpenSSH 8.2 or later"
_SET_KEY = "`git config user.signingkey ~/.ssh/id_ed25519.pub`, or start ssh-agent with an allowed key"


class AllowedSigners:
    """The bytes of a file of allowed signers (ssh-keygen(1)). Verifies each verdict once."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._known: dict[Verdict, str] = {}
        self._words = frozenset(data.split())

    def problem(self, verdict: Verdict) -> str:
        """Why the signature of a verdict does not count; "" if it does."""
        if verdict not in self._known:
            self.verify((verdict,))
        return self._known[verdict]

    def verify(self, verdicts: Iterable[Verdict]) -> None:
        """Verify many verdicts at once, on all cores."""
        import tempfile  # noqa: PLC0415 - only projects with signatures need it
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - the same

        new = [each for each in dict.fromkeys(verdicts) if each not in self._known]
        self._known.update((each, self._unverifiable(each)) for each in new)
        signed = [each for each in new if not self._known[each]]
        if not signed:
            return
        if len(self._known) > MAX_SIGNATURES:
            fact = f"more than {MAX_SIGNATURES:,} signatures would have to be verified"
            raise ProjectError(fact, hint="`reconciler review --compact` merges old files of verdicts")
        with tempfile.TemporaryDirectory(prefix="reconciler-") as folder, ThreadPoolExecutor(_THREADS) as threads:
            allowed = _written(Path(folder), "allowed_signers", self.data)
            numbered = enumerate(signed)
            found = threads.map(lambda one: _problem(one[1], allowed, Path(folder), number=one[0]), numbered)
            self._known.update(zip(signed, found, strict=True))

    def _unverifiable(self, verdict: Verdict) -> str:
        """Why no program need look at a signature: there is none, or it is of a key that nobody allows."""
        if not verdict.signature:
            return UNSIGNED
        key = _key_in(verdict.signature)
        if key is None:
            return "its signature is damaged"
        allowed = key in self._words or b"cert-authority" in self.data
        return "" if allowed else f"its signature is not valid for {verdict.by}: the key is not allowed"

    def holds(self, key: str) -> bool:
        """Whether a public key (`ssh-ed25519 AAAA…`) is in the file."""
        fields = key.split()
        return len(fields) > 1 and fields[1].encode() in self._words


def _key_in(signature: str) -> bytes | None:
    """The public key inside a signature, in base64; None for other bytes. OpenSSH's PROTOCOL.sshsig: a magic word, a
    version, then the key with its length before it."""
    try:
        blob = base64.b64decode(signature, validate=True)
    except ValueError:
        return None
    start = len(_MAGIC) + 4
    length = int.from_bytes(blob[start : start + 4], "big")
    key = blob[start + 4 : start + 4 + length]
    return base64.b64encode(key) if blob.startswith(_MAGIC) and key and len(key) == length else None


def _problem(verdict: Verdict, allowed: Path, folder: Path, *, number: int) -> str:
    body = verdict.signature
    lines = [body[start : start + _COLUMNS] for start in range(0, len(body), _COLUMNS)]
    signature = _written(folder, f"{number}.sig", "\n".join([_BEGIN, *lines, _END, ""]).encode())
    at = datetime.fromisoformat(verdict.at[:-1]).replace(tzinfo=UTC)
    # a key that has expired since was valid then; ssh-keygen takes the time of the machine's own zone
    when = f"-Overify-time={at.astimezone():%Y%m%d%H%M%S}"
    files = ("-f", str(allowed), "-s", str(signature))
    code, out, err = _run(("-Y", "verify", when, *files, "-I", verdict.by, "-n", NAMESPACE), signed_text(verdict))
    os.unlink(signature)
    return "" if code == 0 else f"its signature is not valid for {verdict.by}: {_reason(err or out)}"


def sign(text: bytes, key: str, *, namespace: str = NAMESPACE, what: str = "the verdict") -> str:
    """The signature over a text: its body in base64. `key` is a path of a key, or a public key that ssh-agent has.
    `what` names the text in an error."""
    import tempfile  # noqa: PLC0415 - only a person who signs needs it

    with tempfile.TemporaryDirectory(prefix="reconciler-") as folder:
        public = key.removeprefix("key::")
        literal = public != key or " " in key
        path = str(_written(Path(folder), "key.pub", f"{public}\n".encode())) if literal else key
        agent = ("-U",) if literal else ()
        code, out, err = _run(("-Y", "sign", *agent, "-f", path, "-n", namespace), text)
    lines = out.decode("ascii", "replace").split()
    if code or not out.startswith(_BEGIN.encode()):
        raise ProjectError(f"{what} cannot be signed: {_reason(err)}", hint=_SET_KEY)
    return "".join(lines[3:-3])  # without the words of the first and the last line


def signer_of(text: bytes, signature: str, allowed: bytes | None, *, namespace: str) -> str:
    """The principal of the allowed signers who has signed a text; "" without a list of them, where the signature is
    valid for the key in it. ProjectError for a signature that is not valid, or of a key that nobody allows."""
    import tempfile  # noqa: PLC0415 - only signed files need it

    lines = [signature[start : start + _COLUMNS] for start in range(0, len(signature), _COLUMNS)]
    with tempfile.TemporaryDirectory(prefix="reconciler-") as folder:
        file = str(_written(Path(folder), "signature", "\n".join([_BEGIN, *lines, _END, ""]).encode()))
        if allowed is None:
            code, _, err = _run(("-Y", "check-novalidate", "-s", file, "-n", namespace), text)
            if code:
                raise ProjectError(f"its signature is not valid: {_reason(err)}")
            return ""
        signers = str(_written(Path(folder), "allowed_signers", allowed))
        code, out, err = _run(("-Y", "find-principals", "-s", file, "-f", signers), b"")
        principals = out.decode("utf-8", "replace").splitlines()
        if code or not principals:
            raise ProjectError(f"its signature is not of an allowed signer: {_reason(err)}")
        code, out, err = _run(("-Y", "verify", "-f", signers, "-s", file, "-I", principals[0], "-n", namespace), text)
        if code:
            raise ProjectError(f"its signature is not valid for {one_line(principals[0])}: {_reason(err)}")
        return principals[0]


def agent_keys() -> tuple[str, ...]:
    """The public keys that ssh-agent has; none without an agent."""
    code, out, _ = _run(("-L",), b"", program="ssh-add")
    return tuple(out.decode("utf-8", "replace").splitlines()) if code == 0 else ()


def chosen_key(configured: str, signers: AllowedSigners) -> str:
    """The key to sign with: the configured one, else the first of ssh-agent that is an allowed signer's."""
    key = configured or next((each for each in agent_keys() if signers.holds(each)), "")
    if not key:
        raise ProjectError("this project wants signed verdicts, and there is no key to sign with", hint=_SET_KEY)
    return key


def read_signers(root: Path, path: str) -> AllowedSigners:
    """The signers of the working tree. ProjectError if the file is missing, or is not inside the project."""
    if not Path(os.path.realpath(root / path)).is_relative_to(os.path.realpath(root)):
        raise ProjectError(f"review.signed: {path} is a link that leaves the project", hint="copy the file")
    try:
        return AllowedSigners(disk.plain_bytes(root / path, most=MAX_SIGNERS))
    except (FileNotFoundError, NotADirectoryError):
        hint = "add a line `ada@example.com ssh-ed25519 AAAA…` for each reviewer"
        raise ProjectError(f"review.signed: there is no file {path}", hint=hint) from None


def _run(arguments: Sequence[str], given: bytes, *, program: str = "ssh-keygen") -> tuple[int, bytes, bytes]:
    import subprocess  # noqa: PLC0415 - only projects with signatures need it

    try:
        done = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            [program, *arguments], input=given, capture_output=True, timeout=_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise ProjectError(f"{program} did not end within {_TIMEOUT} s") from None
    except OSError as error:
        why = (error.strerror or "").lower()
        raise ProjectError(f"this needs signatures, and {program} cannot be run: {why}", hint=_INSTALL) from error
    return done.returncode, done.stdout, done.stderr


def _reason(stderr: bytes) -> str:
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    return one_line(lines[-1] if lines else "it gave no reason", 200)


def _written(folder: Path, name: str, data: bytes) -> Path:
    """A temporary file that ssh-keygen reads."""
    path = folder / name
    with disk.naming_errors("write", path), disk.opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600) as fd:
        disk.write_all(fd, data)
    return path
