"""Write a response to the connection, with the faults of the transport."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from reconciler.testing.gateway import pictures
from reconciler.testing.gateway.wire import Pipe, Response, head

CHUNK = 1 << 16
_LAG = 0.005
"""Seconds that a line may be ahead of its rate: shorter sleeps would cost more than they last."""
Send = Callable[[Pipe, Response, float], Awaitable[None]]
"""(pipe, response, pace); pace: the seconds between two bytes of a slow response."""


async def whole(pipe: Pipe, response: Response, pace: float) -> None:
    await pipe.send(head(response), *response.chunks)


class PacedLine:
    """A line of the network: what is sent over it at once shares `rate` bytes a second; 0 is no limit."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._free_at = 0.0

    async def send(self, pipe: Pipe, response: Response, pace: float) -> None:
        if not self._rate:
            await whole(pipe, response, pace)
            return
        await pipe.send(head(response))
        for chunk in response.chunks:
            for at in range(0, len(chunk), 4 * CHUNK):
                piece = memoryview(chunk)[at : at + 4 * CHUNK]
                now = time.monotonic()
                self._free_at = max(self._free_at, now) + len(piece) / self._rate
                if self._free_at - now > _LAG:
                    await asyncio.sleep(self._free_at - now)
                await pipe.send(piece)


async def _reset_after_request(pipe: Pipe, response: Response, pace: float) -> None:
    pipe.reset()


async def _reset_after_headers(pipe: Pipe, response: Response, pace: float) -> None:
    await pipe.send(head(response))
    pipe.reset()


async def _reset_mid_body(pipe: Pipe, response: Response, pace: float) -> None:
    await pipe.send(head(response), response.body[: response.size // 2])
    pipe.reset()


async def _close_before_answer(pipe: Pipe, response: Response, pace: float) -> None:
    pipe.close()


async def _stall(pipe: Pipe, response: Response, pace: float) -> None:
    await pipe.wait_for_disconnect()
    pipe.close()


async def _stall_mid_body(pipe: Pipe, response: Response, pace: float) -> None:
    await pipe.send(head(response), response.body[: response.size // 2])
    await pipe.wait_for_disconnect()
    pipe.close()


async def _slow(pipe: Pipe, response: Response, pace: float) -> None:
    await pipe.send(head(response))
    for byte in memoryview(response.body):
        await pipe.send(bytes((byte,)))
        if pipe.client_left:
            return
        await asyncio.sleep(pace)


async def _truncated(pipe: Pipe, response: Response, pace: float) -> None:
    await pipe.send(head(response), response.body[: response.size * 2 // 3])
    pipe.close()


def _chunked_head(response: Response) -> bytes:
    return head(response, length=-1, extra=(("Transfer-Encoding", "chunked"),))


async def _chunks(pipe: Pipe, body: bytes) -> None:
    for at in range(0, len(body), CHUNK):
        piece = body[at : at + CHUNK]
        await pipe.send(b"%x\r\n" % len(piece), piece, b"\r\n")


async def _chunked(pipe: Pipe, response: Response, pace: float) -> None:
    await pipe.send(_chunked_head(response))
    await _chunks(pipe, response.body)
    await pipe.send(b"0\r\n\r\n")


async def _chunked_cut(pipe: Pipe, response: Response, pace: float) -> None:
    await pipe.send(_chunked_head(response))
    await _chunks(pipe, response.body)  # every byte of the JSON, but not the end of the body
    pipe.close()


async def _endless(pipe: Pipe, response: Response, pace: float) -> None:
    await pipe.send(_chunked_head(response))
    await _chunks(pipe, response.body[: response.size // 2])
    filler = b"%x\r\n" % CHUNK + b"A" * CHUNK + b"\r\n"
    while not pipe.client_left:
        await pipe.send(filler)
        await asyncio.sleep(0)


async def _no_length(pipe: Pipe, response: Response, pace: float) -> None:
    await pipe.send(head(response, length=-1, extra=(("Connection", "close"),)), *response.chunks)
    pipe.close()


async def _bad_status_line(pipe: Pipe, response: Response, pace: float) -> None:
    await pipe.send(b"\x15\x03\x01\x00\x02\x02\x16 not http at all\r\n\r\n")
    pipe.close()


async def _two_lengths(pipe: Pipe, response: Response, pace: float) -> None:
    await pipe.send(head(response, extra=(("Content-Length", str(response.size // 2)),)), *response.chunks)
    pipe.close()


async def _continue_first(pipe: Pipe, response: Response, pace: float) -> None:
    await pipe.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", head(response), *response.chunks)


async def _duplicate_headers(pipe: Pipe, response: Response, pace: float) -> None:
    await pipe.send(
        head(response, extra=(*response.headers, ("X-Request-Id", "a"), ("X-Request-Id", "b"))), *response.chunks
    )


async def _gzip_bomb(pipe: Pipe, response: Response, pace: float) -> None:
    bomb = pictures.gzip_bomb(b'{"created": 1, "data": [{"b64_json": "', b'"}]}')
    await whole(
        pipe, replace(response, headers=(*response.headers, ("Content-Encoding", "gzip")), chunks=(bomb,)), pace
    )


SENDERS: dict[str, Send] = {
    "reset_before": _reset_after_request,  # chosen by its prompt it had to be read; it is not billed
    "reset_after_request": _reset_after_request,
    "reset_after_headers": _reset_after_headers,
    "reset_mid_body": _reset_mid_body,
    "close_before_answer": _close_before_answer,
    "stall": _stall,
    "stall_mid_body": _stall_mid_body,
    "slow": _slow,
    "truncated": _truncated,
    "chunked": _chunked,
    "chunked_cut": _chunked_cut,
    "endless": _endless,
    "no_length": _no_length,
    "bad_status_line": _bad_status_line,
    "two_lengths": _two_lengths,
    "continue_first": _continue_first,
    "duplicate_headers": _duplicate_headers,
    "gzip_bomb": _gzip_bomb,
}
