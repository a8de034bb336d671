"""Make derived files: a core.ports.Deriver on confined processes.

The process that calls imports no decoder. It packs atlases, writes texts, and checks that what a process answers is an
image of the format that was asked for.
"""

from __future__ import annotations

import importlib.util
import os
import re
from mmap import ACCESS_READ, mmap
from pathlib import Path

from reconciler.core.derived.icon_sets import icon_files, icon_texts
from reconciler.core.derived.web_manifest import Preview, manifest_text, snippet, snippet_path
from reconciler.core.derived.work import (
    OPERATIONS_REVISION,
    AtlasWork,
    DerivedResult,
    DeriveFailure,
    FilesWork,
    IconsWork,
    ManifestWork,
    Work,
)
from reconciler.core.images.sniff import FORMATS, ImageFacts, NotAnImage, sniff
from reconciler.derive.atlas import AtlasMaker
from reconciler.derive.processes import WORKER_MEMORY, AnswerPart, DerivingProcesses, NotDerivedError, invalid_answer
from reconciler.derive.unit_folder import UnitFolder
from reconciler.derive.wire import FilesRequest, IconsRequest, Pixels, PreviewRequest
from reconciler.imaging.regular_file import open_regular

MOST_JOBS = 4
MOST_MASTER = 50_000_000
"""The most pixels of a master."""
LARGE_MASTER = 20_000_000
MOST_FILE = 4 * MOST_MASTER
"""The most bytes of a derived file."""
_MOST_PREVIEW = 64
_PREVIEW_SECONDS = 10


class PillowDeriver:
    """A core.ports.Deriver."""

    def __init__(self, jobs: int = 0) -> None:
        """`jobs` processes at most; 0: one for each core, up to four."""
        self._jobs = jobs or min(MOST_JOBS, os.cpu_count() or 1)
        self._processes = DerivingProcesses(self._jobs)
        self._encoder = ""

    def derive(self, work: Work) -> DerivedResult:
        """See core.ports.Deriver."""
        try:
            match work:
                case FilesWork():
                    return self._files(work).all()
                case AtlasWork():
                    maker = AtlasMaker(self._processes, self._jobs, readable_master, self.encoder(work.encoding.format))
                    return maker.made(work)
                case IconsWork():
                    return self._icons(work).all()
                case ManifestWork():
                    return self._manifest(work).all()
        except NotDerivedError as error:
            return DeriveFailure(error.fact, error.hint)

    def encoder(self, format_: str) -> str:
        """See core.ports.Deriver."""
        if format_ not in (*FORMATS, "ico"):
            return str(OPERATIONS_REVISION)
        if not self._encoder:
            self._encoder = f"{OPERATIONS_REVISION} pillow {_pillow_version()}"
        return self._encoder

    def close(self) -> None:
        """See core.ports.Deriver."""
        self._processes.close()

    def _files(self, work: FilesWork) -> UnitFolder:
        master = readable_master(work.master.path)
        folder = UnitFolder(work.folder, [wanted.output for wanted in work.files])
        request = FilesRequest(master, work.files)
        seconds = cpu_seconds(master.facts, files=len(work.files))

        def take(part: AnswerPart) -> None:
            format_ = work.files[part.index].encoding.format
            folder.picture(part.index, part.data, format_, self.encoder(format_))

        try:
            self._processes.ask(request, parts=len(work.files), seconds=seconds, most=_file_bytes, take=take)
        except NotDerivedError as error:
            raise _of_master(master.facts, error) from error
        return folder

    def _icons(self, work: IconsWork) -> UnitFolder:
        master = readable_master(work.master.path)
        icons = icon_files(work.sets)
        base = re.sub(r"^(public|static)(/|$)", "", work.prefix)
        texts = icon_texts(work.sets, background=work.background, base=f"/{base}/" if base else "/", name=work.name)
        paths = [*(file.path for file in icons), *(path for path, _ in texts)]
        folder = UnitFolder(work.folder, [f"{work.prefix}/{path}" for path in paths])
        request = IconsRequest(master, icons, work.background, work.padding, work.mark)
        seconds = cpu_seconds(master.facts, files=len(icons))

        def take(part: AnswerPart) -> None:
            format_ = "ico" if paths[part.index].endswith(".ico") else "png"
            folder.picture(part.index, part.data, format_, self.encoder(format_))

        self._processes.ask(request, parts=len(icons), seconds=seconds, most=_file_bytes, take=take)
        for index, (_, text) in enumerate(texts, len(icons)):
            folder.text(index, text)
        return folder

    def _manifest(self, work: ManifestWork) -> UnitFolder:
        outputs = [work.output, *(snippet_path(work, entry) for entry in work.entries if work.html)]
        folder = UnitFolder(work.folder, outputs)
        previews = tuple(self._preview(entry.preview) for entry in work.entries)
        folder.text(0, manifest_text(work, previews))
        if work.html:
            for index, (entry, preview) in enumerate(zip(work.entries, previews, strict=True), 1):
                folder.text(index, snippet(work, entry, preview))
        return folder

    def _preview(self, path: Path) -> Preview:
        found: list[AnswerPart] = []
        self._processes.ask(
            PreviewRequest(readable_master(path)),
            parts=1,
            seconds=_PREVIEW_SECONDS,
            most=lambda _: _MOST_PREVIEW,
            take=found.append,
        )
        (part,) = found
        if len(part.data) < 8:
            raise invalid_answer()
        return Preview(part.data[3:], "#" + part.data[:3].hex())


def readable_master(path: Path) -> Pixels:
    """A picture whose header can be read, and whose pixels are not too many. Raises NotDerivedError and OSError."""
    with open_regular(path) as file:
        try:
            with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
                facts = sniff(data)
        except ValueError:  # an empty file cannot be mapped
            facts = NotAnImage("empty")
    if isinstance(facts, NotAnImage):
        raise NotDerivedError(f"the picture cannot be read: {facts.why}")
    if facts.width * facts.height > MOST_MASTER:
        raise NotDerivedError(f"{facts.width}x{facts.height} pixels are too many to decode")
    return Pixels(Path(os.path.abspath(path)), facts)


def cpu_seconds(facts: ImageFacts, *, files: int) -> int:
    """The limit of CPU time for a unit: an AVIF of a megapixel takes half a second at most."""
    return 10 + files + int((2 + 2 * files) * facts.width * facts.height / 1_000_000)


def _of_master(facts: ImageFacts, error: NotDerivedError) -> NotDerivedError:
    """The error, with a way out for a very large master: few codecs say that memory is the reason when they fail."""
    if facts.width * facts.height <= LARGE_MASTER or error.hint:
        return error
    hint = f"{facts.width}x{facts.height} pixels may take more than {WORKER_MEMORY >> 20} MiB: make the image smaller"
    return NotDerivedError(error.fact, hint)


def _file_bytes(_: AnswerPart) -> int:
    return MOST_FILE


def _pillow_version() -> str:
    """The version of Pillow, which brings its codecs; read, since importing it takes 20 ms."""
    found = importlib.util.find_spec("PIL")
    if found is None or found.origin is None:
        return "unknown"
    try:
        text = Path(found.origin).with_name("_version.py").read_text("utf-8")
    except OSError:
        return "unknown"
    version = re.search(r'__version__ = "([0-9A-Za-z.+-]{1,40})"', text)
    return version[1] if version else "unknown"
