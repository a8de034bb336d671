"""Read the manifests of bananarama and hokusai as rows of specs. What has no counterpart is named, never guessed."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler.core.errors import InvalidInput, Place, Problem, ProjectError
from reconciler.core.specs.document import Document
from reconciler.core.specs.document import Path as NodePath
from reconciler.core.specs.paths import BadPath, project_path
from reconciler.core.value import value
from reconciler.store import disk
from reconciler.store.yaml.loader import parse
from reconciler.store.yaml.source import MAX_BYTES

MAX_PROMPT_BYTES = 64 << 10
MAX_ROWS = 10_000
MAX_VARIANTS = 100
MAX_PICTURES = 64
MAX_LOOP_VALUE = 200
MAX_TEXT = 16 << 20
"""The characters of all prompts together: a default or a loop repeats a prompt many times."""

_PLACEHOLDER = re.compile(r"\[([^\]]+)\]")
_VARIABLE = re.compile(r"\\?\[([A-Za-z_][A-Za-z0-9_-]*)\]")
_BESIDE = (".png", ".jpg", ".jpeg", ".webp", ".gif")
_TEXTS = (".txt", ".md")
"""The files that hold prompts. No other one is read: a manifest of a stranger could name `.env`."""
_DRAWN = (".png", ".jpg", ".jpeg", ".webp")

_BANANARAMA = {"style", "description", "aspect-ratio", "resolution", "n", "model", "seed"}
_HOKUSAI = {"prompt", "model", "width", "height", "reference_images"}

_Row = tuple[Place, Mapping[str, Any] | Problem]


@value
class Manifest:
    """The rows with their places, or the problem in place of one, and the things that are not imported, as lines."""

    rows: tuple[_Row, ...]
    left_out: tuple[str, ...]


@value
class _Source:
    """A parsed manifest, and its folder below the project."""

    root: Path
    folder: str
    document: Document

    def beside(self, name: str) -> str | None:
        """The path below the project of a file beside the manifest; None for one outside."""
        path = project_path(os.path.normpath(f"{self.folder}/{name}" if self.folder else name))
        return None if isinstance(path, BadPath) else path

    def plain(self, path: str | None) -> bool:
        """Whether there is a plain file, on a way without links: they could lead out of the project."""
        if path is None or not (self.root / path).is_file():
            return False
        return (self.root / path).resolve() == self.root.resolve() / path


def read_manifest(root: Path, kind: str, path: Path) -> Manifest:
    """The rows of a manifest. ProjectError for a file that is none, or that lies outside of the project."""
    try:
        data = disk.plain_bytes(path, most=MAX_BYTES)
    except FileNotFoundError as error:
        raise ProjectError(f"there is no file {path}") from error
    document = parse(data, file=str(path))
    folder = os.path.relpath(path.resolve().parent, root.resolve()).replace(os.sep, "/")
    if folder == ".." or folder.startswith("../"):
        raise ProjectError(f"{path} lies outside of the project", hint="move it, and its images, below the project")
    if not isinstance(document.value, dict):
        raise InvalidInput([document.problem((), "a manifest is a mapping")])
    source = _Source(root, "" if folder == "." else folder, document)
    return _bananarama(source, document.value, path.stem) if kind == "bananarama" else _hokusai(source, document.value)


def _bananarama(source: _Source, top: dict[str, Any], stem: str) -> Manifest:
    """`images:` is a list; `defaults:` are those of each field. Images lie in a folder named like the manifest."""
    images, defaults = top.get("images"), top.get("defaults") or {}
    if not isinstance(images, list) or not isinstance(defaults, dict):
        raise InvalidInput([source.document.problem((), "images is no list, or defaults is no mapping")])
    folder = source.beside(str(top.get("output-dir", defaults.get("output-dir", stem))))
    left = [f"{name}" for name in top if name not in ("images", "defaults", "output-dir")]
    left += [f"defaults.{name}" for name in defaults if name not in _BANANARAMA | {"output-dir"}]
    for image in (one for one in images if isinstance(one, dict)):
        left += [f"{image.get('name')}: {name}" for name in image if name not in _BANANARAMA | {"name"}]

    def rows() -> Iterator[_Row]:
        for number, image in enumerate(images[:MAX_ROWS]):
            at: NodePath = ("images", number)
            yield source.document.place(at), _of_banana(source, at, image, defaults, folder)

    return Manifest(_bounded(source, rows(), len(images)), tuple(left))


def _of_banana(
    source: _Source, at: NodePath, image: object, defaults: dict[str, Any], folder: str | None
) -> Mapping[str, Any] | Problem:
    if not isinstance(image, dict) or not isinstance(image.get("name"), str):
        return source.document.problem(at, "an image has no name")
    base = {"aspect-ratio": "16:9", "resolution": "1K", "model": "gemini-3.1-flash-image-preview", "n": 1}
    given = {**base, **defaults, **{name: each for name, each in image.items() if each is not None}}
    name, variants = image["name"], given["n"]
    if not isinstance(variants, int) or not 1 <= variants <= MAX_VARIANTS:
        return source.document.problem((*at, "n"), f"n is no number from 1 to {MAX_VARIANTS}")
    if folder is None:
        return source.document.problem(at, "output-dir lies outside of the project")
    pictures: list[str] = []
    texts: dict[str, str] = {}
    for field in ("description", "style"):
        if (text := given.get(field)) is None:
            continue
        shown = _shown(source, (*at, field), text, pictures)
        if isinstance(shown, Problem):
            return shown
        texts[field] = shown
    if "description" not in texts:
        return source.document.problem(at, "an image has no description")
    row = {
        "id": name,
        "prompt": texts["description"],
        "prompt_suffix": texts.get("style"),
        "model": given["model"],
        "size": given["aspect-ratio"],
        "image_size": given["resolution"],
        "references": pictures or None,
        "params": {"seed": given["seed"]} if "seed" in given else None,
        "output": f"{folder}/{_literal(name)}.png",
    }
    if variants > 1:
        row |= {"take": "${variant}", "output": f"{folder}/{_literal(name)}-${{variant}}.png"}
        row["matrix"] = {"variant": list(range(1, variants + 1))}
    return row


def _shown(source: _Source, at: NodePath, text: object, pictures: list[str]) -> str | Problem:
    """The text with `[name]` in words, as bananarama sends it; adds the image of each name to `pictures`."""
    made = str(text).strip()
    for name in _PLACEHOLDER.findall(made):
        if len(pictures) == MAX_PICTURES:
            return source.document.problem(at, f"more than {MAX_PICTURES} images are named")
        paths = [path for suffix in _BESIDE if source.plain(path := source.beside(name + suffix))]
        if not paths or paths[0] is None:
            return source.document.problem(
                at, f"there is no image {name}.png for [{name}]", "put it beside the manifest"
            )
        pictures.append(paths[0])
        made = made.replace(f"[{name}]", f"{name} (shown in image {len(pictures)})", 1)
    return _literal(made)


def _hokusai(source: _Source, top: dict[str, Any]) -> Manifest:
    """`targets:` maps files to their fields. A target of an image becomes a spec; its file lies beside the manifest."""
    targets, defaults, loops = top.get("targets"), top.get("defaults") or {}, top.get("loops") or {}
    if not (isinstance(targets, dict) and isinstance(defaults, dict) and isinstance(loops, dict)):
        raise InvalidInput([source.document.problem((), "targets, defaults or loops is no mapping")])
    left = [name for name in top if name not in ("targets", "defaults", "loops")]
    if any(len(str(each)) > MAX_LOOP_VALUE for values in loops.values() if isinstance(values, list) for each in values):
        raise InvalidInput([source.document.problem(("loops",), f"a value of more than {MAX_LOOP_VALUE} characters")])
    made = list(itertools.islice(_looped(targets, loops), MAX_ROWS + 1))
    expanded = {name: (key, chosen) for name, key, chosen in made if not chosen or name not in targets}
    drawn = {
        name: key
        for name, (key, _) in expanded.items()
        if name.lower().endswith(_DRAWN) and isinstance(targets[key], dict) and "prompt" in targets[key]
    }
    left += [f"{name}: not an image with a prompt" for name in expanded if name not in drawn]
    for name, key in drawn.items():
        left += [f"{name}: {field}" for field in targets[key] if field not in _HOKUSAI]
        sides = [one for one in ("width", "height") if one in targets[key]]
        left += [f"{name}: {one} alone" for one in sides if len(sides) == 1]

    def rows() -> Iterator[_Row]:
        for name, key in drawn.items():
            at: NodePath = ("targets", key)
            target = {"model": defaults.get("image_model"), **_filled_in(targets[key], expanded[name][1])}
            yield source.document.place(at), _of_target(source, at, name, target, drawn)

    return Manifest(_bounded(source, rows(), len(made)), tuple(left))


def _of_target(
    source: _Source, at: NodePath, name: str, target: dict[str, Any], drawn: Collection[str]
) -> Mapping[str, Any] | Problem:
    prompt, wanted = _prompt(source, at, target["prompt"]), target.get("reference_images") or []
    if isinstance(prompt, Problem):
        return prompt
    output = source.beside(name)
    references: list[object] = []
    for one in wanted if isinstance(wanted, list) else [wanted]:
        path = source.beside(str(one))
        if path is None or output is None:
            return source.document.problem((*at, "reference_images"), f'"{one}" lies outside of the project')
        references.append({"asset": _stem(str(one))} if str(one) in drawn else path)
    size = f"{target['width']}x{target['height']}" if {"width", "height"} <= target.keys() else None
    return {
        "id": _stem(name),
        "prompt": prompt,
        "model": target["model"],
        "size": size,
        "references": references or None,
        "output": _literal(output or name),
    }


def _prompt(source: _Source, at: NodePath, text: object) -> str | Problem:
    """The prompt, or the text of the file that it names."""
    given = str(text).strip()
    path = source.beside(given) if given.endswith(_TEXTS) and "\n" not in given and len(given) < 256 else None
    if path is not None and source.plain(path):
        try:
            return _literal(disk.plain_bytes(source.root / path, most=MAX_PROMPT_BYTES).decode("utf-8-sig").strip())
        except UnicodeDecodeError:
            return source.document.problem((*at, "prompt"), f"{path} is not UTF-8 text")
    if given.endswith(_TEXTS) and not re.search(r"\s", given):
        return source.document.problem((*at, "prompt"), f"there is no file {given} beside the manifest")
    return _literal(given)


def _looped(targets: dict[str, Any], loops: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """The name of each target, its key, and the values of its variables: every combination of them."""
    for name in targets:
        used = [one for one in dict.fromkeys(_variables(name)) if isinstance(loops.get(one), list)]
        for values in itertools.product(*(loops[one] for one in used)):
            chosen = dict(zip(used, map(str, values), strict=True))
            yield _filled(name, chosen), name, chosen


def _variables(name: str) -> Sequence[str]:
    return [found[1] for found in _VARIABLE.finditer(name) if not found[0].startswith("\\")]


def _filled(text: str, chosen: Mapping[str, str]) -> str:
    """The text with its variables replaced; `\\[name]` is `[name]`."""
    return _VARIABLE.sub(lambda one: one[0][1:] if one[0][0] == "\\" else chosen.get(one[1], one[0]), text)


def _filled_in(node: Any, chosen: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _filled_in(below, chosen) for key, below in node.items()}
    if isinstance(node, list):
        return [_filled_in(below, chosen) for below in node]
    return _filled(node, chosen) if isinstance(node, str) else node


def _bounded(source: _Source, rows: Iterator[_Row], found: int) -> tuple[_Row, ...]:
    """The rows, with a problem if there are too many of them, or too many characters in them."""
    made: list[_Row] = []
    room = MAX_TEXT
    for row in rows:
        room -= _length(row[1])
        if room < 0:
            return (*made, (row[0], source.document.problem((), f"more than {MAX_TEXT >> 20} MiB of prompts")))
        made.append(row)
    if found > MAX_ROWS:
        made.append((source.document.place(), source.document.problem((), f"more than {MAX_ROWS:,} images")))
    return tuple(made)


def _length(row: Mapping[str, Any] | Problem) -> int:
    return 0 if isinstance(row, Problem) else len(str(row["prompt"])) + len(str(row.get("prompt_suffix", "")))


def _stem(name: str) -> str:
    return name.rpartition(".")[0]


def _literal(text: str) -> str:
    """Text in which a dollar is one: `${x}` is no variable of ours there."""
    return text.replace("$", "$$")
