"""One derived file: its state, what it is made from, and how. Pure: values in, lines out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.core.derived.decide_files import AwaitSource, FileConflict, KeepFile, MakeFile, RemoveFile
from reconciler.core.derived.derived_plan import FileStep, SetStep
from reconciler.core.derived.operations import form
from reconciler.core.derived.wanted import AssetSet
from reconciler.core.digest import ContentHash
from reconciler.core.text import printable
from reconciler.report.derived_text import derived_conflict_hint, derived_conflict_text
from reconciler.report.formats import Printed, document, separated

_MEMBERS = 20


def derived_file_json(
    step: SetStep, file: FileStep, *, source: ContentHash | None, elsewhere: tuple[str, ...]
) -> dict[str, Any]:
    """One derived file for programs. `source` is the content of its image, `elsewhere` the places that also have the
    recorded bytes."""
    result: dict[str, Any] = {"path": file.path, "state": _state(file), "set": step.name, "key": file.key}
    if isinstance(file.action, FileConflict):
        result["hint"] = derived_conflict_hint(file)
    if isinstance(step.wanted, AssetSet):
        rule = step.wanted.rule
        result |= {"asset": step.wanted.asset, "rule": rule.name, "written": str(rule.place) if rule.place else None}
        result["committed"] = rule.commit
    elif step.bundle is not None:
        bundle = step.bundle.bundle
        result |= {"bundle": bundle.name, "kind": bundle.kind, "written": str(bundle.place) if bundle.place else None}
        result |= {"assets": [member.asset for member in step.bundle.members], "committed": bundle.commit}
    if file.keys is not None:
        recipe = file.keys.recipe
        result["from"] = source
        result["operations"] = [form(each) for each in recipe.operations]
        result["encoding"] = form(recipe.encoding)
    if file.line is not None:
        line = file.line
        result["recorded"] = {
            "content": line.content,
            "key": line.key,
            "bytes": line.size,
            "made": line.made,
            **({"width": line.width, "height": line.height} if line.width else {}),
            "elsewhere": list(elsewhere),
        }
    return result


def _state(file: FileStep) -> str:
    match file.action:
        case KeepFile():
            return "up to date"
        case AwaitSource(after=after):
            return f"made after the image of {', '.join(after)}"
        case MakeFile(changed=True):
            return "to make anew: its image or its rule has changed"
        case MakeFile():
            return "to make"
        case FileConflict():
            return derived_conflict_text(file)
        case RemoveFile():
            return "to remove: nothing derives it any more"
        case _:
            return "to restore: the file is missing"


def derived_file_text(facts: Sequence[Mapping[str, Any]]) -> Printed:
    """The files for people. `facts` are values of `derived_file_json`."""
    return separated(map(_lines, facts))


def derived_file_document(facts: Sequence[Mapping[str, Any]]) -> Printed:
    """The files for programs."""
    return document({"derived": 1, "files": facts})


def _lines(file: Mapping[str, Any]) -> Iterator[str]:
    yield printable(file["path"])
    for name, text in _rows(file):
        yield f"  {name:<10}  {printable(text)}"
    if "hint" in file:
        yield f"  hint: {file['hint']}"


def _rows(file: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "state", file["state"]
    written = f" ({file['written']})" if file.get("written") else ""
    if "asset" in file:
        yield "made of", f"{file['asset']} by the rule {file['rule']}{written}"
    if "bundle" in file:
        assets = file["assets"]
        more = f" and {len(assets) - _MEMBERS} more" if len(assets) > _MEMBERS else ""
        yield "bundle", f"{file['bundle']}, {file['kind']}{written}"
        yield "made of", ", ".join(assets[:_MEMBERS]) + more
    for each in file.get("operations", ()):
        yield "operation", _form_text(each)
    if "encoding" in file:
        yield "encoding", _form_text(file["encoding"]).partition(" ")[2]
    recorded = file.get("recorded")
    if recorded is not None:
        size = f", {recorded['width']}x{recorded['height']}" if "width" in recorded else ""
        yield "recorded", f"{recorded['content']}, {recorded['bytes']:,} bytes{size}"
        yield "made by", _made_text(recorded["made"])
        if recorded["elsewhere"]:
            yield "also in", ", ".join(recorded["elsewhere"])
    if file["key"]:
        yield "key", file["key"]


def _made_text(made: str) -> str:
    """`Pillow 13.0.0 with avif 1.4.2, by revision 1 of the operations`, of `1 pillow 13.0.0 avif 1.4.2`; any text that
    has another form as it is."""
    revision, *words = made.split()
    if not revision.isdecimal() or len(words) % 2:
        return made
    named = [f"{name} {version}" for name, version in zip(words[::2], words[1::2], strict=True)]
    if not named:
        return f"revision {revision} of the operations"
    encoder = named[0].replace("pillow ", "Pillow ", 1)
    codecs = f" with {' and '.join(named[1:])}" if named[1:] else ""
    return f"{encoder}{codecs}, by revision {revision} of the operations"


def _form_text(each: Mapping[str, Any]) -> str:
    fields = (f"{name}={value}" for name, value in each.items() if name != "op")
    return " ".join((each["op"], *fields))
