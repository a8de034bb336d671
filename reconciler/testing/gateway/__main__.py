"""Run the gateway as a process: print its base URL, then JSON with all URLs and the key; serve until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import threading
from pathlib import Path

from reconciler.testing.gateway.capabilities import DIALECTS
from reconciler.testing.gateway.ledger import Ledger
from reconciler.testing.gateway.rules import Rules
from reconciler.testing.gateway.server import Server
from reconciler.testing.gateway.service import KEY, Options


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m reconciler.testing.gateway", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="of the main dialect; the others get free ones")
    parser.add_argument(
        "--dialect", choices=DIALECTS, default="gravitex", help="the dialect whose URL is printed first"
    )
    parser.add_argument("--ledger", type=Path, help="append the ledger to this file, the bodies to FILE.bodies")
    parser.add_argument("--lines-only", action="store_true", help="keep no bodies")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        help="503_json,ok: the next requests, one each; stall@0.05: by chance; TEXT=503_json,ok: by the prompt",
    )
    parser.add_argument("--key", default=KEY)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each image")
    parser.add_argument("--bytes", type=int, default=0, help="pad each image to this size")
    parser.add_argument("--pace", type=float, default=1.0, help="seconds between the bytes of a slow response")
    parser.add_argument("--retry-after", type=float, default=7.0, help="seconds in the Retry-After of a 429")
    parser.add_argument("--gateway", choices=("documented", "source"), default="documented")
    parser.add_argument("--rate", type=float, default=0.0, help="bytes a second of all results of batches together")
    parser.add_argument("--batch-fault", action="append", default=[], help="DIALECT=reply_lost,ok: the next batches")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with the parent process")
    return parser.parse_args()


def _add(rules: Rules, fault: str) -> None:
    prompt_part, by_prompt, names = fault.rpartition("=")
    name, by_chance, probability = fault.partition("@")
    if by_prompt:
        rules.when(prompt_part, *names.split(","))
    elif by_chance:
        rules.chance(name, float(probability))
    else:
        rules.script(*fault.split(","))


async def _serve(arguments: argparse.Namespace) -> None:
    options = Options(
        key=arguments.key,
        seed=arguments.seed,
        delay=arguments.delay,
        size=arguments.bytes,
        pace=arguments.pace,
        retry_after=arguments.retry_after,
        gateway=arguments.gateway,
        rate=arguments.rate,
    )
    server = Server(options, Ledger(arguments.ledger, keep="lines" if arguments.lines_only else "bodies"))
    for fault in arguments.fault:
        _add(server.rules, fault)
    for fault in arguments.batch_fault:
        dialect, _, names = fault.partition("=")
        server.batches[dialect].scripted.extend(names.split(","))
    await server.start(port=arguments.port, main=arguments.dialect)
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    if arguments.until_stdin_closes:

        def watch() -> None:
            sys.stdin.read()
            loop.call_soon_threadsafe(done.set)

        threading.Thread(target=watch, daemon=True).start()
    sys.stdout.write(f"{server.urls[arguments.dialect]}\n{json.dumps({'urls': server.urls, 'key': options.key})}\n")
    sys.stdout.flush()
    await done.wait()
    await server.stop()


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))
