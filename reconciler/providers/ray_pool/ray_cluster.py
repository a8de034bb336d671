"""Actors of Ray with a provider inside. The only module that imports Ray; `process.py` loads it.

A call is made at most once: an actor is started again after a death, and its calls are not repeated.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError

from reconciler.core.digest import ContentHash
from reconciler.core.specs.settings import ProviderSettings
from reconciler.providers.http.spool_file import open_picture
from reconciler.providers.ray_pool.dispatcher import WorkerLostError
from reconciler.providers.ray_pool.wire import PoolReply
from reconciler.providers.ray_pool.worker import PoolWorker

_OBJECTS = 256 << 20
"""Bytes of shared memory for images under way, in a cluster that is started here. More goes to files."""
_MOST_PICTURES = 64
"""Reference images that are kept ready for workers."""
_PAUSE = 0.5
_GRACE = 5.0
_NEEDED = ("raylet", "gcs_server")
_NAMED = ("num_cpus", "num_gpus", "memory")


class RayWorker:
    """A dispatcher.PooledWorker: one actor."""

    def __init__(self, cluster: RayCluster) -> None:
        self._cluster = cluster
        self._actor = cluster.actor_class.remote(cluster.inner)

    async def ready(self) -> None:
        """See PooledWorker. An actor that is being started again refuses calls for a while."""
        end = asyncio.get_running_loop().time() + self._cluster.start_seconds
        while True:
            left = end - asyncio.get_running_loop().time()
            try:
                await asyncio.wait_for(_result(self._actor.ready.remote()), max(left, _PAUSE))
            except TimeoutError:
                raise WorkerLostError(
                    "no worker became ready: does the cluster have the resources?", sent=False
                ) from None
            except RayError as error:
                if left <= 0 or _has_failed(error):
                    raise WorkerLostError(f"a worker cannot be started: {error}", sent=False) from error
                await asyncio.sleep(_PAUSE)
            else:
                return

    async def draw(self, request: bytes, pictures: Mapping[ContentHash, str]) -> PoolReply:
        """See PooledWorker."""
        held = {content: self._cluster.picture(content, path) for content, path in pictures.items()}
        try:
            reply = await _result(self._actor.draw.remote(request, held))
        except RayError as error:
            what = "died" if isinstance(error, RayActorError) else "failed"
            raise WorkerLostError(f"the worker {what}: {first_line(error)}", sent=True) from error
        return PoolReply(0, *reply)

    async def end(self, *, busy: bool) -> None:
        """See PooledWorker."""
        with suppress(RayError, TimeoutError):
            await asyncio.wait_for(_result(self._actor.end.remote()), _GRACE)
        with suppress(RayError):
            ray.kill(self._actor)


class RayCluster:
    """A dispatcher.Cluster: a cluster that is started here, or the one at the address of the settings."""

    def __init__(self, pool: ProviderSettings) -> None:
        assert pool.inner is not None  # a pool without a worker is an error of reconciler.yaml
        self.inner = pool.inner
        self.start_seconds = pool.timeouts.total
        self._pictures: OrderedDict[ContentHash, Any] = OrderedDict()
        if pool.address:
            ray.init(address=pool.address, log_to_driver=False, configure_logging=False)
        else:
            ray.init(
                address="local",
                include_dashboard=False,
                log_to_driver=False,
                configure_logging=False,
                object_store_memory=_OBJECTS,
                _temp_dir=str(Path.cwd() / "ray"),
            )
        options: dict[str, Any] = {name: pool.resources[name] for name in _NAMED if name in pool.resources}
        others = {name: amount for name, amount in pool.resources.items() if name not in _NAMED}
        options = {"num_cpus": 0, **options, **({"resources": others} if others else {})}
        self.actor_class: Any = ray.remote(max_restarts=-1, max_task_retries=0, **options)(PoolWorker)

    def new_worker(self) -> RayWorker:
        """See Cluster."""
        return RayWorker(self)

    def is_gone(self) -> bool:
        """Whether the node of a cluster that was started here has died."""
        node = ray._private.worker._global_node  # no public function tells it
        return node is not None and any(kind in _NEEDED for kind, _ in node.dead_processes())

    def shut_down(self) -> None:
        """Leave the cluster; one that was started here ends."""
        ray.shutdown()

    def picture(self, content: ContentHash, path: str) -> Any:
        """A reference image in the store of the cluster: it goes to each node once."""
        if content not in self._pictures:
            with open_picture(Path(path)) as file:
                self._pictures[content] = ray.put(file.read())
            while len(self._pictures) > _MOST_PICTURES:
                self._pictures.popitem(last=False)
        self._pictures.move_to_end(content)
        return self._pictures[content]


async def _result(reference: Any) -> Any:
    return await reference


def _has_failed(error: RayError) -> bool:
    """Whether an actor will never be there: its constructor raised."""
    return isinstance(error, RayActorError) and "__init__" in str(error)


def first_line(error: BaseException) -> str:
    """The first line of an error of Ray, which may have hundreds."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
