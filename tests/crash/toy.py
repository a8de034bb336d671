"""A small apply for the tests of the tools: the protocol of the real one over sockets, threads and files, with bugs.

    python -I -S toy.py ROOT PORT ASSETS THREADS [BUG]

It imports little, since it is started thousands of times.
"""

import fcntl
import os
import socket
import sys
import threading
import zlib
from hashlib import sha256

ROOT, PORT, ASSETS, THREADS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
BUG = (sys.argv[5:] or [""])[0]
LOCK = threading.Lock()
JOURNAL = f"{ROOT}/journal"


def sync_folder(path: str) -> None:
    if BUG == "no folder fsync":
        return
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def write(path: str, data: bytes) -> None:
    """Whole or not at all, unless there is a bug."""
    temporary = path if BUG == "write in place" else f"{path}.tmp"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    half = len(data) // 2
    os.write(fd, data[:half])
    os.write(fd, data[half:])
    if BUG not in ("no fsync", "rename before fsync"):
        os.fsync(fd)
    if temporary != path:
        os.rename(temporary, path)
    if BUG == "rename before fsync":
        os.fsync(fd)
    os.close(fd)
    sync_folder(os.path.dirname(path))


def journal(*words: str) -> None:
    line = " ".join(words).encode()
    line = (b"-" if BUG == "no checksum" else b"%08x" % zlib.crc32(line)) + b" " + line
    with LOCK:
        fd = os.open(JOURNAL, os.O_WRONLY | os.O_APPEND)
        os.write(fd, line + b"\n")
        os.fsync(fd)
        os.close(fd)


def read_journal() -> tuple[set[str], dict[str, str]]:
    """Open requests and stored contents; a torn tail is cut off."""
    opened: set[str] = set()
    stored: dict[str, str] = {}
    good = 0
    if not os.path.exists(JOURNAL):
        write(JOURNAL, b"")
    with open(JOURNAL, "rb") as file:
        data = file.read()
    for line in data.splitlines(keepends=True):
        head, _, body = line.rstrip(b"\n").partition(b" ")
        if BUG != "no checksum" and (not line.endswith(b"\n") or head != b"%08x" % zlib.crc32(body)):
            break
        good += len(line)
        kind, asset, *content = body.decode().split(" ")
        if kind == "requested":
            opened.add(asset)
        else:
            opened.discard(asset)
            stored[asset] = content[0]
    if good < len(data):
        os.truncate(JOURNAL, good)
    return opened, stored


def ask(asset: str) -> bytes:
    with socket.create_connection(("127.0.0.1", PORT)) as connection:
        connection.sendall(asset.encode() + b"\n")
        data = b""
        while chunk := connection.recv(65536):
            data += chunk
    return data


def buy(asset: str) -> str:
    if BUG == "intent after send":
        data = ask(asset)
        journal("requested", asset)
    else:
        journal("requested", asset)
        data = ask(asset)
    content = sha256(data).hexdigest()
    if BUG == "record before store":
        journal("stored", asset, content)
    write(f"{ROOT}/store/{content}", data)
    if BUG != "record before store":
        journal("stored", asset, content)
    return content


def publish(asset: str, content: str, entries: dict[str, str]) -> None:
    with open(f"{ROOT}/store/{content}", "rb") as file:
        data = file.read()
    if sha256(data).hexdigest() != content:
        raise SystemExit(f"{asset}: the store is damaged")
    write(f"{ROOT}/out/{asset}", data)
    with LOCK:
        entries[asset] = content
        text = "".join(f"{asset} {content}\n" for asset, content in sorted(entries.items()))
        write(f"{ROOT}/assets.lock", f"{text}end\n".encode())


def settled(asset: str, content: str | None) -> bool:
    try:
        with open(f"{ROOT}/out/{asset}", "rb") as file:
            return sha256(file.read()).hexdigest() == content
    except OSError:
        return False


def read_lock() -> dict[str, str]:
    try:
        with open(f"{ROOT}/assets.lock") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return {}
    if not lines or lines.pop() != "end":
        raise SystemExit("the lockfile is damaged")
    words = [line.split(" ") for line in lines]
    return {word[0]: word[1] for word in words}


def apply() -> set[str]:
    opened, stored = read_journal()
    entries = read_lock()
    todo = [asset for asset in (f"a{n}" for n in range(ASSETS)) if not settled(asset, entries.get(asset))]
    for asset in [asset for asset in todo if asset in stored]:
        publish(asset, stored[asset], entries)
    todo = [asset for asset in todo if asset not in stored and asset not in opened][::-1]

    def work() -> None:
        while todo:
            asset = todo.pop()
            publish(asset, buy(asset), entries)

    if THREADS == 1:
        work()
    else:
        threads = [threading.Thread(target=work) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return opened


with open(f"{ROOT}/.lock", "a") as held:
    fcntl.flock(held, fcntl.LOCK_EX)
    doubted = apply()
if doubted:
    print("in doubt:", *doubted, file=sys.stderr)
    raise SystemExit(3)
