"""What the verification of a statement of a release came to, as text and as JSON. Pure: values in, lines out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.core.provenance.record import FileState
from reconciler.core.text import printable
from reconciler.core.value import value
from reconciler.report.formats import Printed, counted, document

_SHOWN = 20


@value
class ReleaseFacts:
    """The state of each stated file. `signer` is None for a statement without a signature, and "" for one whose signer
    nobody vouches for. `said`: whether the project says the same as an unsigned statement; None if it was not asked.
    `trusted`: there was a list of allowed signers."""

    files: Mapping[str, FileState]
    signer: str | None = None
    said: bool | None = None
    trusted: bool = False

    @property
    def wrong(self) -> tuple[str, ...]:
        """The files that are not as stated."""
        return tuple(path for path, state in self.files.items() if state is not FileState.SAME)

    @property
    def holds(self) -> bool:
        """Whether the statement is true of these files, as far as that can be told."""
        return not self.wrong and self.said is not False


def release_text(facts: ReleaseFacts) -> Printed:
    """The files that are not as stated, then what the statement is worth."""
    return Printed(tuple(_lines(facts)), hint=_hint(facts))


def release_json(facts: ReleaseFacts) -> Printed:
    """The same for programs."""
    return document(
        {
            "release": 1,
            "holds": facts.holds,
            "files": len(facts.files),
            "wrong": {path: _words(facts.files[path]) for path in facts.wrong},
            "signed": facts.signer is not None,
            "signer": facts.signer or None,
            "says_the_same_as_the_project": facts.said,
        }
    )


def _lines(facts: ReleaseFacts) -> Iterator[str]:
    for path in facts.wrong[:_SHOWN]:
        yield f"! {printable(path)}  {_words(facts.files[path])}"
    left = len(facts.wrong) - _SHOWN
    if left > 0:
        yield f"  and {counted(left, 'more file')}"
    total = counted(len(facts.files), "file")
    yield f"{len(facts.wrong):,} of {total} not as stated" if facts.wrong else f"{total}: as stated"
    if facts.signer:
        yield f"signed by {printable(facts.signer)}"
    elif facts.signer is not None:
        yield "signed by a key that is not known here"
    elif facts.said is False:
        yield "not signed, and the lockfiles and specs of this project say something else"
    else:
        yield "not signed; the lockfiles and specs of this project say the same"


def _hint(facts: ReleaseFacts) -> str:
    if facts.signer == "":
        return "`--signers FILE` names the people whose keys you trust"
    return ""


def _words(state: FileState) -> str:
    return "missing" if state is FileState.MISSING else "not as stated"
