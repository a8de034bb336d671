"""Merge the texts of three lockfiles, entry by entry: only those that both sides changed are parsed.

Each text must be in the form of `dumps`; one in any other form is parsed as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from reconciler.core.digest import AssetId, Json
from reconciler.core.errors import LockfileError
from reconciler.core.lock.entry import Lock, read_answer, read_entry, read_refusal
from reconciler.core.lock.json_shape import compact_json
from reconciler.core.lock.lockfile import LOCKFILE_VERSION, dump_answer, dump_entry, dumps, join, loads
from reconciler.core.lock.merge import merge, three_way
from reconciler.core.value import value

_END = "\n    }"
_TAIL = "  }\n}\n"


@value
class LockText:
    """A lockfile as the texts of its entries and answers, by asset."""

    version: int
    entries: Mapping[AssetId, str]
    answers: Mapping[AssetId, str]


def split_lock(text: str) -> LockText | None:
    """The texts in a lockfile; None if it is not, byte for byte, in the form of `dumps`."""
    for version in (1, 2, LOCKFILE_VERSION):
        head = f'{{\n  "lockfile": {version},\n  "assets": {{'
        if text.startswith(head):
            found = _split(text[len(head) :], version)
            if found is not None and join(found.entries.values(), found.answers.values(), version=version) == text:
                return found
    return None


def merge_texts(base: str, ours: str, theirs: str, *, file: str = "assets.lock") -> str:
    """The text of the merged lockfile. An empty base is that of a file that both sides added.

    LockfileError where both sides changed one asset in different ways, and for a text that is no lockfile.
    """
    split = [split_lock(text) if text else LockText(1, {}, {}) for text in (base, ours, theirs)]
    if any(each is None for each in split):
        whole = [loads(text, file=file) if text else Lock() for text in (base, ours, theirs)]
        return dumps(merge(whole[1], whole[2], base=whole[0], file=file))
    was, mine, other = (each for each in split if each is not None)
    texts = three_way(mine.entries, other.entries, base=was.entries, choose=lambda *_: None)
    parsed = {*texts.undecided, *mine.answers, *other.answers}
    merged = merge(_part(mine, parsed), _part(other, parsed), base=_part(was, parsed), file=file)
    entries = {asset: text for asset, text in texts.values.items() if asset not in parsed}
    entries |= {asset: dump_entry(asset, entry) for asset, entry in merged.entries.items()}
    version = max(_version_of(entries), Lock(answers=merged.answers).version)
    answers = (dump_answer(asset, merged.answers[asset], version=version) for asset in sorted(merged.answers))
    return join((entries[asset] for asset in sorted(entries)), answers, version=version)


def _split(text: str, version: int) -> LockText | None:
    """The rest of a lockfile after its head."""
    block, _, rest = text.partition(f"\n{_TAIL[:3]}") if not text.startswith("}") else ("", "", text[1:])
    entries: dict[AssetId, str] = {}
    for piece in block.removeprefix("\n").split(f"{_END},\n") if block else ():
        entries[_name(piece)] = piece if piece.endswith(_END) else f"{piece}{_END}"
    head = f',\n  "{"refused" if version == 1 else "answered"}": {{\n'
    answers: dict[AssetId, str] = {}
    if rest.startswith(head):
        lines = rest[len(head) :].removesuffix(f"\n{_TAIL}").split(",\n    ")
        for number, line in enumerate(lines):
            whole = line if number == 0 else f"    {line}"
            answers[_name(whole)] = whole
    return LockText(version, entries, answers)


def _name(text: str) -> AssetId:
    """The asset of an entry or an answer: the JSON string that its text begins with."""
    try:
        found, _ = json.JSONDecoder().raw_decode(text.lstrip())
    except ValueError:
        return AssetId("")
    return AssetId(found) if isinstance(found, str) else AssetId("")


def _part(text: LockText, assets: set[AssetId]) -> Lock:
    """The lock of some assets."""
    read = read_refusal if text.version == 1 else read_answer
    return Lock(
        {asset: read_entry(_value(text.entries[asset])) for asset in sorted(assets & text.entries.keys())},
        {asset: read(_value(text.answers[asset])) for asset in sorted(assets & text.answers.keys())},
    )


def _value(text: str) -> Json:
    """The JSON of an entry or an answer."""
    try:
        found: dict[str, Json] = json.loads(f"{{{text}}}")
    except ValueError as error:
        raise LockfileError(f"not JSON: {error}") from error
    (only,) = found.values()
    return only


def _version_of(entries: Mapping[AssetId, str]) -> int:
    """The oldest version that can hold these entries: only 2 has `original` and `edited`, and only 4 has `via`."""
    for text in entries.values():
        if '"via": "' in text and read_entry(_value(text)).made.via:
            return LOCKFILE_VERSION
    return 2 if any('\n      "original": ' in text or '"edited": ' in text for text in entries.values()) else 1


def readable_lock(text: str) -> str:
    """A lockfile for a diff: a paragraph for each asset, a field on each line, a long prompt in several lines."""
    lock = loads(text)
    paragraphs: list[str] = []
    for asset, entry in sorted(lock.entries.items(), key=lambda item: item[0]):
        made = entry.made
        lines = [asset, f"  output: {entry.output}", f"  content: {entry.content}"]
        lines.append(f"  image: {entry.image.format} {entry.image.width}x{entry.image.height}")
        for name, each in entry.recipe.items():
            shown = each if isinstance(each, str) else compact_json(each)
            lines += _wrapped(f"  {name}: {shown}")
        lines.append(f"  made: {made.at} by {made.provider}{f', {made.cost}' if made.cost else ''}")
        paragraphs.append("\n".join(lines))
    paragraphs += [
        f"{asset}\n  {answer.kind.value}: {answer.message}\n  recipe: {answer.key}"
        for asset, answer in sorted(lock.answers.items(), key=lambda item: item[0])
    ]
    return "\n\n".join(paragraphs) + "\n" if paragraphs else ""


def _wrapped(line: str, width: int = 80) -> list[str]:
    """A line broken at spaces, its continuation indented."""
    lines = [""]
    for word in line.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] or len(lines) == 1 else word
        if len(joined) > width and lines[-1].strip():
            lines.append(f"    {word}")
        else:
            lines[-1] = joined
    return [lines[0].removeprefix(" "), *lines[1:]]
