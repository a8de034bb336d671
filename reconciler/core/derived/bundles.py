"""Read the bundles of `specs/_bundles.yaml`: few files made of many pictures, all of them or none.

The document has passed its JSON Schema. Which assets a bundle has is decided in `wanted.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from reconciler.core.errors import Place, Problem
from reconciler.core.specs.document import Document, Path
from reconciler.core.specs.paths import BadPath, in_folder, project_path
from reconciler.core.value import field, value


@value
class AtlasBundle:
    """Pages of sprites and their data files. `stem` is the path of the first page without its suffix. `use` is the rule
    of the sprites, "" for pictures as they are."""

    patterns: tuple[str, ...]
    stem: str
    use: str = ""
    max_width: int = 2048
    max_height: int = 2048
    padding: int = 2
    extrude: int = 0
    stable: bool = True
    data: tuple[str, ...] = ("texturepacker",)


@value
class IconsBundle:
    """The icons of an app or a site, in a folder. `padding` is thousandths of the side."""

    patterns: tuple[str, ...]
    folder: str
    sets: tuple[str, ...] = ("favicon", "apple-touch", "pwa")
    background: str = "#ffffff"
    padding: int = 0
    name: str = ""


@value
class ManifestBundle:
    """A JSON file about pictures, and HTML snippets in the folder `html` ("" for none). `url` is the root of URLs."""

    patterns: tuple[str, ...]
    use: str
    output: str
    sizes: str = ""
    require_alt: bool = False
    html: str = ""
    url: str = ""


@value
class Bundle:
    """A bundle by its name."""

    name: str
    what: AtlasBundle | IconsBundle | ManifestBundle
    commit: bool = True
    place: Place | None = field(default=None, compare=False, repr=False)

    @property
    def kind(self) -> str:
        """The key under which it is written."""
        match self.what:
            case AtlasBundle():
                return "atlas"
            case IconsBundle():
                return "icons"
            case _:
                return "manifest"

    def path(self, *fields: str | int) -> Path:
        """The way to one of its fields in the document."""
        return (self.name, self.kind, *fields)


def read_bundles(document: Document, *, specs: str) -> tuple[dict[str, Bundle], tuple[Problem, ...]]:
    """All bundles by name, and all problems in them. `specs` is the folder of the specs, where no file may be made."""
    bundles: dict[str, Bundle] = {}
    problems: list[Problem] = []
    for name, given in cast(Mapping[str, Mapping[str, Any]], document.value).items():
        ((kind, fields),) = given.items()
        paths = {}
        for name_of_path in ("output", "html", "url"):
            if name_of_path in fields:
                path = project_path(fields[name_of_path])
                if isinstance(path, BadPath):
                    problems.append(document.problem((name, kind, name_of_path), path.fact, path.hint))
                elif in_folder(path, specs) and name_of_path != "url":
                    fact = f'"{path}" lies in the folder of the specs'
                    problems.append(document.problem((name, kind, name_of_path), fact, "choose another folder"))
                else:
                    paths[name_of_path] = path
        problems += _wrong(document, (name, kind), fields)
        if "output" in paths:
            bundles[name] = Bundle(
                name, _what(kind, fields, paths), bool(fields.get("commit", True)), document.place((name,))
            )
    return ({}, tuple(problems)) if problems else (bundles, ())


def _wrong(document: Document, path: Path, fields: Mapping[str, Any]) -> list[Problem]:
    output = fields["output"]
    if path[1] == "manifest" and not output.endswith(".json"):
        return [document.problem((*path, "output"), f'"{output}" is not a JSON file', "end it in .json")]
    if path[1] == "atlas" and "." in output.rpartition("/")[2]:
        hint = "leave the suffix out: .png, .json and others are added"
        return [document.problem((*path, "output"), f'"{output}" has a suffix', hint)]
    return []


def _what(kind: str, fields: Mapping[str, Any], paths: Mapping[str, str]) -> AtlasBundle | IconsBundle | ManifestBundle:
    patterns = (fields["from"],) if isinstance(fields["from"], str) else tuple(fields["from"])
    match kind:
        case "atlas":
            width, _, height = fields.get("max", "2048x2048").partition("x")
            return AtlasBundle(
                patterns,
                paths["output"],
                fields.get("use", ""),
                int(width),
                int(height),
                fields.get("padding", 2),
                fields.get("extrude", 0),
                stable=fields.get("layout", "stable") == "stable",
                data=tuple(dict.fromkeys(fields.get("data", ("texturepacker",)))),
            )
        case "icons":
            return IconsBundle(
                patterns,
                paths["output"],
                tuple(dict.fromkeys(fields.get("sets", ("favicon", "apple-touch", "pwa")))),
                str(fields.get("background", "#ffffff")).lower(),
                round(float(fields.get("padding", "0%").removesuffix("%")) * 10),
                str(fields.get("name", "")),
            )
        case _:
            return ManifestBundle(
                patterns,
                fields["use"],
                paths["output"],
                str(fields.get("sizes", "")),
                require_alt=bool(fields.get("require_alt", False)),
                html=paths.get("html", ""),
                url=paths.get("url", ""),
            )
