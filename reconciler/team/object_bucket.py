"""An object store as the team's store, by obstore: the only module that imports it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, cast

from reconciler.core.errors import BucketError, BucketUnreachable
from reconciler.core.team.bucket import BucketObject
from reconciler.core.team.layout import is_name
from reconciler.core.team.store_url import StoreUrl
from reconciler.store import disk
from reconciler.team.clouds import CLOUDS, Cloud, cloud_settings
from reconciler.team.listed import MOST_NAMES, too_many
from reconciler.team.refusals import refusal
from reconciler.team.timeouts import BucketTimeouts

NO_OBSTORE = "pip install 'image-reconciler[team]'"
_PART = 1 << 20
_TRIES = 4
_FIRST_PAUSE = 0.2
_LARGEST = 1 << 30


def open_object_bucket(
    url: StoreUrl,
    environ: Mapping[str, str],
    *,
    allow_http: bool = False,
    timeouts: BucketTimeouts = BucketTimeouts(),  # noqa: B008 - a frozen value
    sleep: Callable[[float], None] = time.sleep,
) -> ObjectBucket:
    """The bucket at this address, with the credentials of the environment. It opens no connection yet."""
    cloud = CLOUDS[url.scheme]
    try:
        import obstore  # noqa: PLC0415 - an extra, which only a team with an object store needs
        from obstore import store as stores  # noqa: PLC0415 - the same
    except ImportError:
        raise BucketError(f"{url} needs the package obstore", hint=NO_OBSTORE) from None
    kinds: Mapping[str, Any] = {"s3": stores.S3Store, "gs": stores.GCSStore, "az": stores.AzureStore}
    config: dict[str, Any] = dict(cloud_settings(cloud, environ))
    if url.scheme == "s3":
        config = {"region": "us-east-1", "disable_bulk_delete": True} | config
    client = {
        "allow_http": allow_http,
        "connect_timeout": timedelta(seconds=timeouts.connect),
        "read_timeout": timedelta(seconds=timeouts.idle),
        "timeout": timedelta(seconds=timeouts.total),
    }
    try:
        # no retry inside obstore: after a lost answer it would report our own object as somebody else's
        opened = kinds[url.scheme](
            url.place, prefix=url.path or None, config=config, client_options=client, retry_config={"max_retries": 0}
        )
    except (obstore.exceptions.BaseError, ValueError) as error:
        raise refusal(error, place=str(url), what="be opened", cloud=cloud) from error
    return ObjectBucket(opened, str(url), cloud, sleep)


class ObjectBucket:
    """A Bucket and a BucketCleaner. Used by several threads at a time: obstore's calls release the interpreter's lock.

    What can be asked again without harm is asked a few times. A creation is, too: an object that has our bytes after a
    lost answer is ours.
    """

    def __init__(self, opened: Any, place: str, cloud: Cloud, sleep: Callable[[float], None]) -> None:
        import obstore  # noqa: PLC0415 - an extra, imported where a bucket is opened

        self._api: Any = obstore
        self._opened = opened
        self._place = place
        self._cloud = cloud
        self._sleep = sleep

    def put_new(self, name: str, source: Path | bytes) -> bool:
        """See core.team.bucket.Bucket."""
        _require_name(name)
        data = source if isinstance(source, bytes) else disk.plain_bytes(source, most=_LARGEST)
        lost: BucketUnreachable | None = None
        for pause in self._pauses():
            try:
                created = self._create(name, data)
            except BucketUnreachable as error:
                lost = error
                self._sleep(pause)
                continue
            return created or (lost is not None and self._holds(name, data))
        if lost is not None and self._settled(name) and self._holds(name, data):
            return True
        raise lost or BucketUnreachable(f"cannot write {name} in {self._place}")

    def get(self, name: str, sink: IO[bytes], *, most: int) -> bool:
        """See core.team.bucket.Bucket."""
        _require_name(name)
        try:
            with self._refusals(f"read {name}"):
                found = self._again(f"read {name}", lambda: self._api.get(self._opened, name))
                if (size := int(found.meta["size"])) > most:
                    raise BucketError(f"{name} in {self._place} is larger than {most:,} bytes")
                got = 0
                for part in found.stream(min_chunk_size=_PART):
                    got += len(part)
                    if got > most:
                        raise BucketError(f"{name} in {self._place} is larger than {most:,} bytes")
                    sink.write(part)
        except FileNotFoundError:
            return False
        if got != size:
            raise BucketUnreachable(f"cannot read {name} in {self._place}: the answer was cut off")
        return True

    def names(self, prefix: str) -> list[str]:
        """See core.team.bucket.Bucket."""
        if prefix:
            _require_name(prefix.removesuffix("/"))
        what = f"list {prefix or 'the names'}"
        try:
            with self._refusals(what):
                found = self._again(what, lambda: self._listed(prefix))
        except FileNotFoundError:
            return []
        return sorted(found)

    def stat(self, name: str) -> BucketObject | None:
        """See core.team.bucket.Bucket."""
        _require_name(name)
        try:
            with self._refusals(f"read {name}"):
                found = self._again(f"read {name}", lambda: self._api.head(self._opened, name))
        except FileNotFoundError:
            return None
        return BucketObject(int(found["size"]), found["last_modified"])

    def replace(self, name: str, data: bytes) -> None:
        """See core.team.bucket.BucketCleaner."""
        _require_name(name)
        with self._refusals(f"write {name}"):
            self._again(
                f"write {name}",
                lambda: self._api.put(self._opened, name, data, mode="overwrite", use_multipart=False),
            )

    def delete(self, name: str) -> None:
        """See core.team.bucket.BucketCleaner."""
        _require_name(name)
        try:
            with self._refusals(f"delete {name}"):
                self._again(f"delete {name}", lambda: self._api.delete(self._opened, name))
        except FileNotFoundError:
            return

    def _create(self, name: str, data: bytes) -> bool:
        """One request that creates an object. True is certain; BucketUnreachable: it may have been created."""
        try:
            with self._refusals(f"write {name}"):
                self._api.put(self._opened, name, data, mode="create", use_multipart=False)
        except FileExistsError:
            return False
        return True

    def _settled(self, name: str) -> bool:
        """Whether the object exists, after every answer to its creation got lost."""
        return self.stat(name) is not None

    def _holds(self, name: str, data: bytes) -> bool:
        """Whether an object has exactly these bytes."""
        sink = _Digest()
        try:
            return self.get(name, cast("IO[bytes]", sink), most=len(data)) and sink.same_as(data)
        except BucketUnreachable:
            raise
        except BucketError:  # it is larger
            return False

    def _listed(self, prefix: str) -> list[str]:
        """The names below a prefix that can be ours. The server may be a stranger's."""
        found: list[str] = []
        for page in self._api.list(self._opened, prefix.removesuffix("/") or None, chunk_size=1_000):
            found += [name for each in page if is_name(name := str(each["path"])) and name.startswith(prefix)]
            if len(found) > MOST_NAMES:
                raise too_many(prefix, self._place)
        return found

    def _pauses(self) -> Iterator[float]:
        yield from (_FIRST_PAUSE * 2**attempt for attempt in range(_TRIES))

    def _again(self, what: str, call: Callable[[], Any]) -> Any:
        """A call without harm if it is made twice, a few times while the server does not answer."""
        *pauses, _ = self._pauses()
        for pause in pauses:
            try:
                with self._refusals(what):
                    return call()
            except BucketUnreachable:
                self._sleep(pause)
        return call()

    @contextmanager
    def _refusals(self, what: str) -> Iterator[None]:
        """Turn what obstore raises into a BucketError, FileNotFoundError or FileExistsError."""
        try:
            yield
        except self._api.exceptions.AlreadyExistsError as error:
            raise FileExistsError from error
        except (self._api.exceptions.BaseError, ValueError) as error:
            raise refusal(error, place=self._place, what=what, cloud=self._cloud) from error
        except FileNotFoundError as error:
            found = refusal(error, place=self._place, what=what, cloud=self._cloud)
            if "no bucket" in found.fact:
                raise found from error
            raise


class _Digest:
    """A sink that keeps a hash of what is written, and not the bytes."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def write(self, data: Any) -> int:
        self._digest.update(data)
        return len(data)

    def same_as(self, data: bytes) -> bool:
        return self._digest.digest() == hashlib.sha256(data).digest()


def _require_name(name: str) -> None:
    if not is_name(name):
        raise ValueError(f"not a name of an object: {name!r}")
