"""Real servers of buckets, each started by the test that uses it and ended with it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVERS = ROOT / ".venv-team"
WEED = SERVERS / "bin/weed"
RCLONE = SERVERS / "bin/rclone"
AZURITE = SERVERS / "node_modules/azurite/dist/src/blob/main.js"
WANTED = "RECONCILER_TEAM"
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Public: each azurite has this account."""


def only_when_wanted() -> None:
    """Skip a whole module, and say why, unless the servers are installed and wanted."""
    if os.environ.get(WANTED) != "1":
        reason = (
            f"NOT TESTED, real object stores: `make team` installs SeaweedFS, azurite and rclone, and sets {WANTED}=1"
        )
        pytest.skip(reason, allow_module_level=True)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its port, and the environment in which its store is used. `url` has an empty bucket."""

    port: int
    url: str
    environ: Mapping[str, str]
    pid: int = 0


@contextmanager
def seaweed(folder: Path) -> Iterator[Server]:
    """SeaweedFS with one who may write and one who may only read."""
    folder.mkdir(parents=True, exist_ok=True)
    identities = [
        {"name": name, "credentials": [{"accessKey": name, "secretKey": f"{name}-secret"}], "actions": actions}
        for name, actions in (("writer", ["Admin", "Read", "Write", "List"]), ("reader", ["Read", "List"]))
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    (folder / "data").mkdir(exist_ok=True)
    kinds = ("master", "volume", "filer", "s3")
    ports = dict(zip([*kinds, *(f"{kind}.grpc" for kind in kinds)], free_ports(8), strict=True))
    command = [
        str(WEED), "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder / 'data'}", "-s3",
        f"-s3.config={folder / 's3.json'}", "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
        "-s3.autoCreateBucket=false", "-volume.max=200", "-master.volumeSizeLimitMB=256",
        *(f"-{kind}.port={ports[kind]}" for kind in kinds),
        *(f"-{kind}.port.grpc={ports[f'{kind}.grpc']}" for kind in kinds),
    ]  # fmt: skip
    port = ports["s3"]
    environ = s3_environment(port, "writer")
    with _running(command, port, folder / "log") as process:
        _make_bucket(port, environ)
        yield Server(port, "s3://acme-art/reconciler", environ, process.pid)


def s3_environment(port: int, who: str) -> dict[str, str]:
    """The environment of a user of an S3 server on this machine."""
    return {
        "AWS_ACCESS_KEY_ID": who,
        "AWS_SECRET_ACCESS_KEY": f"{who}-secret",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }


@contextmanager
def seaweed_of_the_page(command: Sequence[str], environ: Mapping[str, str], folder: Path) -> Iterator[Server]:
    """The server that a page tells the reader to start, on ports of its own."""
    kinds = ("master", "volume", "filer", "s3", "admin")
    ports = dict(zip([*kinds, *(f"{kind}.grpc" for kind in kinds)], free_ports(10), strict=True))
    moved = [
        *(f"-{kind}.port={ports[kind]}" for kind in kinds),
        *(f"-{kind}.port.grpc={ports[f'{kind}.grpc']}" for kind in kinds),
        "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
    ]  # fmt: skip
    with _running(
        [str(WEED), *command, *moved], ports["s3"], folder / "log", {**os.environ, **environ}, folder
    ) as process:
        yield Server(ports["s3"], "s3://art/ours", environ, process.pid)


@contextmanager
def azurite(folder: Path) -> Iterator[Server]:
    """Microsoft's emulator of Azure's blobs."""
    folder.mkdir(parents=True, exist_ok=True)
    (port,) = free_ports(1)
    node = shutil.which("node") or "node"
    command = [
        node, str(AZURITE), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder), "--silent",
        "--skipApiVersionCheck", "--disableTelemetry",
    ]  # fmt: skip
    environ = {
        "AZURE_STORAGE_ACCOUNT_NAME": AZURITE_ACCOUNT,
        "AZURE_STORAGE_ACCOUNT_KEY": AZURITE_KEY,
        "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}/{AZURITE_ACCOUNT}",
    }
    with _running(command, port, folder / "log") as process:
        _make_container(port)
        yield Server(port, "az://acme-art/reconciler", environ, process.pid)


@contextmanager
def rclone(folder: Path) -> Iterator[Server]:
    """`rclone serve s3`, which ignores conditions."""
    (folder / "data/acme-art").mkdir(parents=True, exist_ok=True)
    (port,) = free_ports(1)
    command = [
        str(RCLONE), "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", "writer,writer-secret",
        "--config", str(folder / "rclone.conf"), str(folder / "data"),
    ]  # fmt: skip
    with _running(command, port, folder / "log") as process:
        yield Server(port, "s3://acme-art/reconciler", s3_environment(port, "writer"), process.pid)


@contextmanager
def _running(
    command: Sequence[str], port: int, log: Path, environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True, env=environ, cwd=folder) as process,
    ):
        try:
            _await_answer(port, process, log)
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _await_answer(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """A server of others tells nobody that it listens: ask until it answers anything."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    raise AssertionError(f"it does not serve:\n{log.read_text(errors='replace')[-2000:]}")


def _make_bucket(port: int, environ: Mapping[str, str]) -> None:
    """Make the bucket as any client does: a signed PUT of its name."""
    now = datetime.now(UTC)
    day, stamp, empty = f"{now:%Y%m%d}", f"{now:%Y%m%dT%H%M%SZ}", hashlib.sha256(b"").hexdigest()
    headers = {"host": f"127.0.0.1:{port}", "x-amz-content-sha256": empty, "x-amz-date": stamp}
    canonical = "\n".join(
        ["PUT", "/acme-art", "", *(f"{name}:{text}" for name, text in headers.items()), "", ";".join(headers), empty]
    )
    scope = f"{day}/us-east-1/s3/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in (day, "us-east-1", "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}".encode(), "sha256").hex()
    credential = f"Credential={environ['AWS_ACCESS_KEY_ID']}/{scope}"
    authorization = f"AWS4-HMAC-SHA256 {credential},SignedHeaders={';'.join(headers)},Signature={signature}"
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/acme-art", method="PUT", headers={**headers, "authorization": authorization}
    )
    for _ in range(100):  # its parts begin to know each other
        try:
            with urllib.request.urlopen(request, timeout=20):
                return
        except urllib.error.HTTPError as error:
            if error.code == 409:
                return
            if error.code < 500:
                raise
            time.sleep(0.1)
    raise AssertionError("the bucket cannot be made")


def _make_container(port: int) -> None:
    """Make the container by a signed request (Shared Key)."""
    import hmac

    date = format_datetime(datetime.now(UTC), usegmt=True)
    version = "2021-12-02"
    resource = f"/{AZURITE_ACCOUNT}/{AZURITE_ACCOUNT}/acme-art\nrestype:container"
    text = "\n".join(["PUT", *[""] * 11, f"x-ms-date:{date}", f"x-ms-version:{version}", resource])
    signature = base64.b64encode(hmac.digest(base64.b64decode(AZURITE_KEY), text.encode(), "sha256")).decode()
    headers = {
        "x-ms-date": date,
        "x-ms-version": version,
        "authorization": f"SharedKey {AZURITE_ACCOUNT}:{signature}",
        "content-length": "0",
    }
    address = f"http://127.0.0.1:{port}/{AZURITE_ACCOUNT}/acme-art?restype=container"
    with urllib.request.urlopen(urllib.request.Request(address, method="PUT", headers=headers), timeout=20):
        pass


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
