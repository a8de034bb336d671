"""The least that copying files to and from a bucket takes: obstore alone, and our own durable writes alone.

`python -m benchmarks.buckets put|put-anew|get URL FOLDER` and `python -m benchmarks.buckets keep FOLDER TARGET`.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import obstore
from obstore.store import S3Store

from reconciler.store.documents.project import read_lock
from reconciler.store.objects.content_store import ContentStore
from reconciler.store.worktree.publish import publish

AT_ONCE = 16


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _opened(url: str) -> S3Store:
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    config = {"endpoint": os.environ["AWS_ENDPOINT_URL"]}
    return S3Store(bucket, prefix=prefix, config=config, client_options={"allow_http": True})  # type: ignore[arg-type]  # names of settings


def _put(url: str, folder: Path) -> None:
    store = _opened(url)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(lambda path: obstore.put(store, path.name, path.read_bytes(), mode="create"), _files(folder)))


def _get(url: str, folder: Path) -> None:
    store = _opened(url)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(lambda path: len(obstore.get(store, path.name).bytes()), _files(folder)))


def _keep(project: Path, target: Path) -> None:
    """Each locked image of a project into another store and another tree, durably."""
    store = ContentStore(target)
    source = ContentStore(project)

    def keep(place: tuple[str, str]) -> None:
        output, content = place
        path = source.find(content)  # type: ignore[arg-type]  # a content hash
        assert path is not None
        kept = store.find(store.put_file(path))
        assert kept is not None
        publish(kept, target / output, content=content, expect=None, root=target)  # type: ignore[arg-type]  # the same

    places = [(entry.output, entry.content) for entry in read_lock(project).entries.values()]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(keep, places))


if __name__ == "__main__":
    what, one, other = sys.argv[1:]
    if what == "keep":
        _keep(Path(one), Path(other))
    elif what == "put-anew":
        _put(f"{one}-{time.time_ns()}", Path(other))
    else:
        {"put": _put, "get": _get}[what](one, Path(other))
