"""The process that runs Ray for one run, on its standard streams.

It is a process of its own, since Ray ends a program whose node dies, changes its signal handlers and keeps its threads.
It is started in an empty directory, which Ray puts on the path of modules of its workers.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from reconciler.providers.keys import TRUSTED_KEYS
from reconciler.providers.ray_pool.serve import PoolServer
from reconciler.providers.ray_pool.wire import PoolReply, PoolStart, read_message, send_reply
from reconciler.providers.registry import REGISTRY

_EVERY = 0.5
"""Seconds between two looks at the node."""
_LAST = 10.0
"""Seconds for Ray to end by itself, once the run is gone. Without its node it may wait."""
_NO_STATISTICS = {
    "RAY_task_events_report_interval_ms": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_event_stats": "0",
}
"""Nobody reads those of a cluster that ends with the run, and they cost time in every call."""
_SUBREAPER = "RAY_kill_child_processes_on_worker_exit_with_raylet_subreaper"


def run_ray() -> None:
    """Serve one run until it is gone, and leave no process."""
    stream, out = os.fdopen(0, "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    begin = read_message(stream)
    if not isinstance(begin, PoolStart):
        return
    _set_environment(started_here=not begin.pool.address)
    from reconciler.providers.ray_pool import ray_cluster  # noqa: PLC0415 - Ray reads the environment when it is loaded

    try:
        cluster = ray_cluster.RayCluster(begin.pool)
    except Exception as error:  # noqa: BLE001 - Ray raises many kinds, and the run needs a line of text
        why = f"Ray cannot be started: {ray_cluster.first_line(error)}"
        send_reply(out, PoolReply(0, "not_sent", why, final=True))
        return
    send_reply(out, PoolReply(0, "ready"))
    server = PoolServer(cluster, out, charges=begin.pool.charges, most=begin.pool.concurrency)
    over = threading.Event()
    threading.Thread(target=_watch, args=(cluster.is_gone, over), daemon=True, name="watch").start()
    asyncio.run(server.serve(stream))
    over.set()
    late = threading.Timer(_LAST, _end_all)
    late.daemon = True
    late.start()
    cluster.shut_down()
    _end_all()  # Ray leaves processes for a minute if its node has died


def _watch(is_gone: Callable[[], bool], over: threading.Event) -> None:
    """End once the node has died: calls wait for it, also those that block the event loop. In a thread of its own."""
    while not over.wait(_EVERY):
        if is_gone():
            _end_all()


def _end_all() -> None:
    """End this process and all that it has started, by force: the run, which would do it, may have died, too."""
    if os.getpgrp() == os.getpid():  # else it was not started by a run
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _set_environment(*, started_here: bool) -> None:
    """Let no key of a provider reach Ray, and send no reports of usage. A cluster that is started here is for this
    process alone, and ends whatever its workers have started."""
    keys = {name for declared in REGISTRY.built_in.values() for name in declared.key_variables}
    for name in keys.union(os.environ.get(TRUSTED_KEYS, "").replace(",", " ").split()):
        os.environ.pop(name, None)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_DISABLE_IMPORT_WARNING"] = "1"
    if started_here:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
        os.environ[_SUBREAPER] = "true"
        os.environ |= _NO_STATISTICS
        os.environ["TMPDIR"] = str(Path.cwd())
        os.environ.pop("RAY_ADDRESS", None)


if __name__ == "__main__":
    run_ray()
