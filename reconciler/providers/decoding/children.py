"""The decoders that verify and convert answers: confined processes, each asked one thing at a time."""

from __future__ import annotations

import time

from reconciler.core.value import value
from reconciler.imaging.child_process import ConfinedProcess, DecoderError, IdleProcesses, program
from reconciler.providers.decoding.protocol import ANSWER, LENGTH, MEMORY, OK, most_bytes

MEMORY_BYTES = 352 << 20
"""Bytes that a decoder may take beside its libraries. An image of 17 megapixels, the most that models make, takes
304 MiB as WebP, 160 as JPEG, 154 as AVIF."""
WALL_SECONDS = 60
"""Seconds until an answer, on a busy machine too. The limit of CPU time ends a decoder long before."""
_PROGRAM = program("reconciler.providers.decoding.child")


@value
class DecoderAnswer:
    """A message of a decoder, in bounds but not to be trusted. `data` is a thumbnail, `width * height * 3` bytes of
    RGB, or an encoded image."""

    result: int
    transparent: bool
    width: int
    height: int
    name: str
    data: bytes = b""


class Child(ConfinedProcess):
    """One decoder. Used by one thread at a time. After a DecoderError it is gone."""

    def __init__(self) -> None:
        """OSError if it cannot be started."""
        super().__init__(_PROGRAM, MEMORY_BYTES)

    def ask(self, request: bytes, *, thumbnail: int, encoded: int = 0) -> DecoderAnswer:
        """The answer to a request. `thumbnail` is the height of the one that it asks for, or 0; `encoded` the most
        bytes of an encoded image, or 0."""
        end = time.monotonic() + WALL_SECONDS
        self.write(request)
        result, transparent, width, height, name = ANSWER.unpack(self.read(ANSWER.size, end, most=WALL_SECONDS))
        length = width * height * 3 if thumbnail and result == OK else 0
        if encoded and result == OK:
            (length,) = LENGTH.unpack(self.read(LENGTH.size, end, most=WALL_SECONDS))
        if length > max(most_bytes(thumbnail), encoded):
            self.end()
            raise DecoderError("the decoder gave no valid answer")
        shown = name.rstrip(b"\0").decode("ascii", "replace")
        data = self.read(length, end, most=WALL_SECONDS)
        return DecoderAnswer(result, bool(transparent), width, height, shown if shown.isidentifier() else "", data)


class Children:
    """Decoders that wait for work. There are never more of them than threads that asked at once."""

    def __init__(self) -> None:
        self._processes = IdleProcesses(Child)

    def ask(self, request: bytes, *, thumbnail: int = 0, encoded: int = 0) -> DecoderAnswer:
        """The answer of a decoder. DecoderError if it died of the request, OSError if none can be started."""
        child = self._processes.take()
        answer = child.ask(request, thumbnail=thumbnail, encoded=encoded)
        if answer.result == MEMORY:  # its memory is in pieces
            child.end()
        else:
            self._processes.give(child)
        return answer

    def end(self) -> None:
        """End those that are idle. Others are started when they are needed again."""
        self._processes.end()


CHILDREN = Children()
"""Those of this process."""
