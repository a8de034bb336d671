"""How an answer goes onto the wire, byte by byte where a fault says so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from reconciler.testing.gateway import pictures
from reconciler.testing.gateway.wire import Answer, Pipe, head

CHUNK = 1 << 16
Send = Callable[[Pipe, Answer, float], Awaitable[None]]
"""(pipe, answer, pace): pace is the seconds between two bytes of a slow answer."""


async def whole(pipe: Pipe, answer: Answer, pace: float) -> None:
    await pipe.send(head(answer), *answer.chunks)


async def _reset_after_request(pipe: Pipe, answer: Answer, pace: float) -> None:
    pipe.reset()


async def _reset_after_headers(pipe: Pipe, answer: Answer, pace: float) -> None:
    await pipe.send(head(answer))
    pipe.reset()


async def _reset_mid_body(pipe: Pipe, answer: Answer, pace: float) -> None:
    await pipe.send(head(answer), answer.body[: answer.size // 2])
    pipe.reset()


async def _close_before_answer(pipe: Pipe, answer: Answer, pace: float) -> None:
    pipe.close()


async def _stall(pipe: Pipe, answer: Answer, pace: float) -> None:
    await pipe.departure()
    pipe.close()


async def _stall_mid_body(pipe: Pipe, answer: Answer, pace: float) -> None:
    await pipe.send(head(answer), answer.body[: answer.size // 2])
    await pipe.departure()
    pipe.close()


async def _slow(pipe: Pipe, answer: Answer, pace: float) -> None:
    await pipe.send(head(answer))
    for byte in memoryview(answer.body):
        await pipe.send(bytes((byte,)))
        if pipe.left:
            return
        await asyncio.sleep(pace)


async def _truncated(pipe: Pipe, answer: Answer, pace: float) -> None:
    await pipe.send(head(answer), answer.body[: answer.size * 2 // 3])
    pipe.close()


def _chunked_head(answer: Answer) -> bytes:
    return head(answer, length=-1, extra=(("Transfer-Encoding", "chunked"),))


async def _chunks(pipe: Pipe, body: bytes) -> None:
    for at in range(0, len(body), CHUNK):
        piece = body[at : at + CHUNK]
        await pipe.send(b"%x\r\n" % len(piece), piece, b"\r\n")


async def _chunked(pipe: Pipe, answer: Answer, pace: float) -> None:
    await pipe.send(_chunked_head(answer))
    await _chunks(pipe, answer.body)
    await pipe.send(b"0\r\n\r\n")


async def _chunked_cut(pipe: Pipe, answer: Answer, pace: float) -> None:
    await pipe.send(_chunked_head(answer))
    await _chunks(pipe, answer.body)  # every byte of the JSON, but not the end of the body
    pipe.close()


async def _endless(pipe: Pipe, answer: Answer, pace: float) -> None:
    await pipe.send(_chunked_head(answer))
    await _chunks(pipe, answer.body[: answer.size // 2])
    filler = b"%x\r\n" % CHUNK + b"A" * CHUNK + b"\r\n"
    while not pipe.left:
        await pipe.send(filler)
        await asyncio.sleep(0)


async def _no_length(pipe: Pipe, answer: Answer, pace: float) -> None:
    await pipe.send(head(answer, length=-1, extra=(("Connection", "close"),)), *answer.chunks)
    pipe.close()


async def _bad_status_line(pipe: Pipe, answer: Answer, pace: float) -> None:
    await pipe.send(b"\x15\x03\x01\x00\x02\x02\x16 not http at all\r\n\r\n")
    pipe.close()


async def _two_lengths(pipe: Pipe, answer: Answer, pace: float) -> None:
    await pipe.send(head(answer, extra=(("Content-Length", str(answer.size // 2)),)), *answer.chunks)
    pipe.close()


async def _continue_first(pipe: Pipe, answer: Answer, pace: float) -> None:
    await pipe.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", head(answer), *answer.chunks)


async def _duplicate_headers(pipe: Pipe, answer: Answer, pace: float) -> None:
    await pipe.send(head(answer, extra=(*answer.headers, ("X-Request-Id", "a"), ("X-Request-Id", "b"))), *answer.chunks)


async def _gzip_bomb(pipe: Pipe, answer: Answer, pace: float) -> None:
    bomb = pictures.gzip_bomb(b'{"created": 1, "data": [{"b64_json": "', b'"}]}')
    await whole(pipe, replace(answer, headers=(*answer.headers, ("Content-Encoding", "gzip")), chunks=(bomb,)), pace)


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
