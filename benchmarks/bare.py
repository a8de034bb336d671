"""A bare httpx loop: the same requests as an apply, the bodies read and dropped.

`python -m benchmarks.bare URL KEY REQUESTS IN_FLIGHT`. One client that keeps its connections, no file, no hash, no
decoding: the least that Python needs.
"""

from __future__ import annotations

import asyncio
import sys

import httpx

from benchmarks.projects import prompt


async def _one(client: httpx.AsyncClient, places: asyncio.Semaphore, number: int) -> None:
    body = {
        "model": "gemini-2.5-flash-image",
        "prompt": prompt(number),
        "size": "16:9",
        "quality": "high",
        "n": 1,
        "response_format": "b64_json",
    }
    async with places, client.stream("POST", "/v1/images/generations", json=body) as answer:
        answer.raise_for_status()
        async for _ in answer.aiter_raw():
            pass


async def _all(url: str, key: str, *, count: int, in_flight: int) -> None:
    places = asyncio.Semaphore(in_flight)
    limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
    headers = {"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"}
    async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=120, trust_env=False) as client:
        await asyncio.gather(*(_one(client, places, number) for number in range(count)))


if __name__ == "__main__":
    asyncio.run(_all(sys.argv[1], sys.argv[2], count=int(sys.argv[3]), in_flight=int(sys.argv[4])))
