"""Read the results of a batch line by line. No line is held in memory: its image is copied from file to file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from reconciler.core.batches.jobs import LineAnswer
from reconciler.core.digest import Json
from reconciler.core.outcome import BadOutput, InDoubt, NotSent, Outcome, Spooled, Throttled
from reconciler.core.ports import Spool
from reconciler.core.value import replace, value
from reconciler.providers.http.spool_file import SpoolFile, open_picture
from reconciler.providers.responses.body import OpenedBody, keep_verbatim, save_base64
from reconciler.providers.responses.classify import classify
from reconciler.providers.responses.json_stream import SCAN_CHUNK, Frame, Span, scan
from reconciler.providers.responses.receive import Checked, Elsewhere, Expected, receive_line
from reconciler.providers.responses.reply import ImageReply, JsonReply, Reply

LINE_CHUNK = 1 << 20


@value
class ResultLine:
    """One line of a file of results, from byte `start` to `end`. `answer` is None for a line that names no request;
    `cut`: it is no whole JSON."""

    path: Path
    start: int
    end: int
    answer: LineAnswer | None = None
    frame: Frame | None = None
    cut: bool = False

    @property
    def opened(self) -> OpenedBody:
        """Its response, as if it had come alone."""
        assert self.answer is not None
        headers = {"x-request-id": self.answer.request} if self.answer.request else {}
        return OpenedBody(Reply(self.answer.status, headers, JsonReply(self.answer.body)), self.path, self.frame)


class _Window:
    """The bytes of one line."""

    def __init__(self, stream: IO[bytes], start: int, end: int) -> None:
        stream.seek(start)
        self._stream = stream
        self._left = end - start

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most to the end of the line."""
        data = self._stream.read(min(size, self._left))
        self._left -= len(data)
        return data


def result_lines(path: Path, answer: Callable[[Json], LineAnswer | None]) -> Iterator[ResultLine]:
    """Every line that is not blank. `answer` reads the JSON of one."""
    for start, end in _bounds(path):
        with open_picture(path) as stream:
            frame = scan(_Window(stream, start, end))
        if not isinstance(frame, Frame):
            yield ResultLine(path, start, end, cut=True)
            continue
        spans = tuple(Span(start + span.start, start + span.end, span.escaped) for span in frame.spans)
        yield ResultLine(path, start, end, answer(frame.value), replace(frame, spans=spans))


def _bounds(path: Path) -> Iterator[tuple[int, int]]:
    """Where each line begins and ends, without those of white space."""
    with open_picture(path) as stream:
        start = at = 0
        blank = True
        while chunk := stream.read(LINE_CHUNK):
            position = 0
            while (end := chunk.find(b"\n", position)) >= 0:
                if not blank or chunk[position:end].strip():
                    yield start, at + end
                position = end + 1
                start, blank = at + position, True
            blank = blank and not chunk[position:].strip()
            at += len(chunk)
        if not blank:
            yield start, at


def line_outcome(line: ResultLine, spool: Spool, wanted: Expected) -> Checked | Elsewhere | Outcome:
    """The outcome of a request by its line. A line without an image is a definite answer: nothing was charged for a
    request that failed."""
    if line.end - line.start > 2 * wanted.limit:
        return BadOutput(f"a line of {line.end - line.start} bytes, more than twice the limit of a response")
    found = receive_line(line.opened, spool, wanted, lambda: _copied(line, spool))
    if isinstance(found, InDoubt | Throttled):
        return NotSent(f"failed in the batch: {found.message.removeprefix('0 ')}", final=True)
    return found


def image_of(line: ResultLine, spool: Spool) -> Spooled | None:
    """The bytes of the image in a line that belongs to no open request; None if it holds none."""
    if line.answer is None:
        return None
    found = classify(line.opened.reply)
    if not isinstance(found, ImageReply) or not found.base64:
        return None
    saved = save_base64(line.opened, found.base64, spool)
    return saved if isinstance(saved, Spooled) else None


def bytes_of_line(line: ResultLine, spool: Spool) -> Spooled | None:
    """The bytes of a line as they are; None if it is empty."""
    return keep_verbatim(_copied(line, spool))


def _copied(line: ResultLine, spool: Spool) -> Path:
    """A file with this line alone."""
    with open_picture(line.path) as stream, SpoolFile(spool.open_paid) as out:
        window = _Window(stream, line.start, line.end)
        while data := window.read(SCAN_CHUNK):
            out.write(data)
    return out.path
