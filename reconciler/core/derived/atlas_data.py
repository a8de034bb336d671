"""The texts that tell an engine where each sprite of an atlas lies, and an earlier text read back.

All coordinates are pixels of the page, from its top left corner. A frame is a sprite without its transparent border:
`offset` is where it lies in its source, so that an engine draws it as if nothing had been cut off.

A text of a kind that is no JSON has the whole layout in a comment, from which a later run reads it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from reconciler.core.derived.atlas_packing import MOST_SPRITES, Placement, Sprite
from reconciler.core.derived.operations import Slice
from reconciler.core.derived.web_text import css_name, markup, url_path
from reconciler.core.json_text import json_text
from reconciler.core.value import value

SUFFIXES_OF_DATA = {
    "texturepacker": ".json",
    "texturepacker-array": ".array.json",
    "phaser3": ".phaser.json",
    "godot": ".tres",
    "css": ".css",
    "plist": ".plist",
    "unity": ".tpsheet",
}
"""The kinds of data files, and what follows the stem of each. An earlier layout is read from the first that was made:
see `layout_file`."""
MOST_DATA = 16 << 20
"""The most characters of an earlier data file that are read."""
_LARGEST = 1 << 16
"""No coordinate of a page is larger."""
_MARK = "reconciler-layout: "
_GENERATOR = "reconciler"


@value
class AtlasFrame:
    """One sprite: its place on a page, and the place of the frame in its source. `borders` are those of a nine-slice
    picture, in pixels of the frame."""

    name: str
    page: int
    x: int
    y: int
    width: int
    height: int
    source_width: int
    source_height: int
    offset_x: int = 0
    offset_y: int = 0
    borders: Slice | None = None

    @property
    def trimmed(self) -> bool:
        return (self.width, self.height) != (self.source_width, self.source_height)


@value
class Atlas:
    """`stem` is the name of the first page without its suffix, without a folder. `pages` are their (width, height)."""

    stem: str
    frames: tuple[AtlasFrame, ...]
    pages: tuple[tuple[int, int], ...]
    scale: int = 1
    format: str = "png"

    def image(self, page: int) -> str:
        """The name of a page's file."""
        return f"{page_name(self.stem, page)}.{self.format}"


def page_name(stem: str, page: int) -> str:
    """`items`, `items-1`, …: the name of a page, without its suffix."""
    return f"{stem}-{page}" if page else stem


def layout_file(stem: str, kinds: Iterable[str]) -> str:
    """The data file from which the layout is read again; "" without data files."""
    given = set(kinds)
    return next((stem + suffix for kind, suffix in SUFFIXES_OF_DATA.items() if kind in given), "")


def data_texts(atlas: Atlas, kind: str) -> tuple[tuple[str, str], ...]:
    """The data files of a kind: name and text of each. Most kinds have one for each page."""
    suffix = SUFFIXES_OF_DATA[kind]
    if kind in _WHOLE:
        return ((atlas.stem + suffix, _WHOLE[kind](atlas)),)
    write = _BY_PAGE[kind]
    return tuple((page_name(atlas.stem, page) + suffix, write(atlas, page)) for page in range(len(atlas.pages)))


# --- JSON -------------------------------------------------------------------------------------------------------------


def _hash(atlas: Atlas, page: int) -> str:
    frames = {frame.name: _json_frame(frame) for frame in _on(atlas, page)}
    return _json({"frames": frames, "meta": _meta(atlas, page)})


def _array(atlas: Atlas, page: int) -> str:
    frames = [{"filename": frame.name, **_json_frame(frame)} for frame in _on(atlas, page)]
    return _json({"frames": frames, "meta": _meta(atlas, page, ".array.json")})


def _phaser(atlas: Atlas) -> str:
    textures = [
        {
            **_texture(atlas, page),
            "frames": [{"filename": frame.name, **_json_frame(frame)} for frame in _on(atlas, page)],
        }
        for page in range(len(atlas.pages))
    ]
    return _json({"textures": textures, "meta": {"app": _GENERATOR, "version": "3.0"}})


def _json_frame(frame: AtlasFrame) -> dict[str, Any]:
    found: dict[str, Any] = {
        "frame": {"x": frame.x, "y": frame.y, "w": frame.width, "h": frame.height},
        "rotated": False,
        "trimmed": frame.trimmed,
        "spriteSourceSize": {"x": frame.offset_x, "y": frame.offset_y, "w": frame.width, "h": frame.height},
        "sourceSize": {"w": frame.source_width, "h": frame.source_height},
    }
    if (cut := frame.borders) is not None:
        across, down = frame.width - cut.left - cut.right, frame.height - cut.top - cut.bottom
        found["borders"] = {"left": cut.left, "top": cut.top, "right": cut.right, "bottom": cut.bottom}  # pixi.js
        found["scale9Borders"] = {"x": cut.left, "y": cut.top, "w": across, "h": down}  # Phaser
    return found


def _texture(atlas: Atlas, page: int) -> dict[str, Any]:
    width, height = atlas.pages[page]
    return {
        "image": atlas.image(page),
        "format": "RGBA8888",
        "size": {"w": width, "h": height},
        "scale": str(atlas.scale),
    }


def _meta(atlas: Atlas, page: int, suffix: str = ".json") -> dict[str, Any]:
    found = {"app": _GENERATOR, "version": "1.0", **_texture(atlas, page)}
    if not page and len(atlas.pages) > 1:
        found["related_multi_packs"] = [page_name(atlas.stem, other) + suffix for other in range(1, len(atlas.pages))]
        found["layout"] = [_row(frame) for frame in atlas.frames if frame.page]
    return found


def _json(document: Any) -> str:
    return json_text(document, indent=1) + "\n"


# --- Texts ------------------------------------------------------------------------------------------------------------


def _godot(atlas: Atlas) -> str:
    """A SpriteFrames resource of Godot 4: an animation of one frame for each sprite. Paths are relative to it."""
    lines = [f'[gd_resource type="SpriteFrames" load_steps={len(atlas.pages) + len(atlas.frames) + 1} format=3]']
    lines += ["", f"; {_layout_comment(atlas.frames)}", ""]
    for page in range(len(atlas.pages)):
        path = json_text(atlas.image(page))
        lines.append(f'[ext_resource type="Texture2D" path={path} id="{page + 1}"]')
    for number, frame in enumerate(atlas.frames, 1):
        lines += ["", f'[sub_resource type="AtlasTexture" id="sprite_{number}"]']
        lines.append(f'atlas = ExtResource("{frame.page + 1}")')
        lines.append(f"region = Rect2({frame.x}, {frame.y}, {frame.width}, {frame.height})")
        if frame.trimmed:
            right, below = frame.source_width - frame.width, frame.source_height - frame.height
            lines.append(f"margin = Rect2({frame.offset_x}, {frame.offset_y}, {right}, {below})")
    animations = [
        f'{{\n"frames": [{{\n"duration": 1.0,\n"texture": SubResource("sprite_{number}")\n}}],\n"loop": false,\n'
        f'"name": &{json_text(frame.name)},\n"speed": 5.0\n}}'
        for number, frame in enumerate(atlas.frames, 1)
    ]
    return "\n".join([*lines, "", "[resource]", f"animations = [{', '.join(animations)}]", ""])


def _css(atlas: Atlas) -> str:
    """A class for each sprite, named as the sprite is. Sizes are CSS pixels: those of the page through the density."""
    rules = [f"/* {_layout_comment(atlas.frames)} */"]
    for frame in atlas.frames:
        url = url_path(atlas.image(frame.page))
        width, height = atlas.pages[frame.page]
        at = f"{_px(-frame.x, atlas)} {_px(-frame.y, atlas)} / {_px(width, atlas)} {_px(height, atlas)}"
        size = f"width: {_px(frame.width, atlas)}; height: {_px(frame.height, atlas)}"
        rules.append(f'.{css_name(frame.name)} {{ background: url("{url}") {at} no-repeat; {size} }}')
    return "\n".join(rules) + "\n"


def _px(length: int, atlas: Atlas) -> str:
    return f"{length / atlas.scale:g}px" if length else "0"


def _unity(atlas: Atlas, page: int) -> str:
    """The format of TexturePacker's importer for Unity. Y points up; the pivot is the middle of the source."""
    width, height = atlas.pages[page]
    frames = _on(atlas, page)
    borders = "enabled" if any(frame.borders for frame in frames) else "disabled"
    lines = ["#", "# Sprite sheet data for Unity.", f"# {_layout_comment(atlas.frames)}", "#", ":format=40300"]
    lines += [f":texture={atlas.image(page)}", f":size={width}x{height}", ":pivotpoints=enabled"]
    lines += [f":borders={borders}", ":alphahandling=ClearTransparentPixels", ""]
    for frame in frames:
        across = (frame.source_width / 2 - frame.offset_x) / frame.width
        up = 1 - (frame.source_height / 2 - frame.offset_y) / frame.height
        place = f"{frame.x};{height - frame.y - frame.height};{frame.width};{frame.height}"
        cut = frame.borders or Slice(0, 0, 0, 0)
        kept = f"{cut.left};{cut.right};{cut.top};{cut.bottom}"
        lines.append(f"{_unity_name(frame.name)};{place}; {across:g};{up:g}; {kept}")
    return "\n".join(lines) + "\n"


def _unity_name(name: str) -> str:
    return re.sub(r"[%#:;\x00-\x1f\x7f]", lambda found: f"%{ord(found[0]):02X}", name)


def _plist(atlas: Atlas, page: int) -> str:
    """The property list of cocos2d, format 3. The offset is from the middle of the source, y up."""
    width, height = atlas.pages[page]
    name = markup(atlas.image(page))
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<!-- {_layout_comment(atlas.frames)} -->"]
    lines += ['<plist version="1.0">', "<dict>", "<key>frames</key>", "<dict>"]
    for frame in _on(atlas, page):
        right = frame.offset_x + frame.width / 2 - frame.source_width / 2
        up = frame.source_height / 2 - frame.offset_y - frame.height / 2
        lines += [f"<key>{markup(frame.name)}</key>", "<dict>", "<key>aliases</key>", "<array/>"]
        lines += _strings("spriteOffset", f"{{{right:g},{up:g}}}")
        lines += _strings("spriteSize", f"{{{frame.width},{frame.height}}}")
        lines += _strings("spriteSourceSize", f"{{{frame.source_width},{frame.source_height}}}")
        lines += _strings("textureRect", f"{{{{{frame.x},{frame.y}}},{{{frame.width},{frame.height}}}}}")
        lines += ["<key>textureRotated</key>", "<false/>", "</dict>"]
    lines += ["</dict>", "<key>metadata</key>", "<dict>", "<key>format</key>", "<integer>3</integer>"]
    lines += _strings("pixelFormat", "RGBA8888") + _strings("realTextureFileName", name)
    lines += _strings("size", f"{{{width},{height}}}") + _strings("textureFileName", name)
    return "\n".join([*lines, "</dict>", "</dict>", "</plist>", ""])


def _strings(key: str, text: str) -> list[str]:
    return [f"<key>{key}</key>", f"<string>{text}</string>"]


_WHOLE: dict[str, Callable[[Atlas], str]] = {"phaser3": _phaser, "godot": _godot, "css": _css}
_BY_PAGE: dict[str, Callable[[Atlas, int], str]] = {
    "texturepacker": _hash,
    "texturepacker-array": _array,
    "unity": _unity,
    "plist": _plist,
}


def _on(atlas: Atlas, page: int) -> list[AtlasFrame]:
    return [frame for frame in atlas.frames if frame.page == page]


# --- Reading an earlier layout ----------------------------------------------------------------------------------------


def _row(frame: AtlasFrame) -> list[Any]:
    return [frame.name, frame.page, frame.x, frame.y, frame.width, frame.height]


def _layout_comment(frames: Sequence[AtlasFrame]) -> str:
    """One line of ASCII that ends no comment of CSS or XML."""
    text = json.dumps([_row(frame) for frame in frames], separators=(",", ":"))
    return _MARK + re.sub(r"[-*<>&;/]", lambda found: f"\\u{ord(found[0]):04x}", text)


def earlier_layout(text: str) -> tuple[Placement, ...]:
    """The places of sprites in a data file of any kind; none if it cannot be read. It may say anything."""
    if not text or len(text) > MOST_DATA:
        return ()
    try:
        rows = _json_rows(text) if text.lstrip()[:1] == "{" else _comment_rows(text)
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):  # not as we write it
        return ()
    return _placements(rows)


def _comment_rows(text: str) -> list[Any]:
    _, _, rest = text.partition(_MARK)
    rows = json.JSONDecoder().raw_decode(rest)[0] if rest else []
    return rows if isinstance(rows, list) else []


def _json_rows(text: str) -> list[Any]:
    document = json.loads(text)
    if "textures" in document:
        pages = [texture["frames"] for texture in document["textures"]]
        return [row for page, frames in enumerate(pages) for row in _frame_rows(frames, page)]
    return [*_frame_rows(document["frames"], 0), *document["meta"].get("layout", [])]


def _frame_rows(frames: Any, page: int) -> list[Any]:
    named = frames.items() if isinstance(frames, dict) else [(frame["filename"], frame) for frame in frames]
    places = [(name, frame["frame"]) for name, frame in named]
    return [[name, page, place["x"], place["y"], place["w"], place["h"]] for name, place in places]


def _placements(rows: list[Any]) -> tuple[Placement, ...]:
    if len(rows) > MOST_SPRITES:
        return ()
    found: dict[str, Placement] = {}
    for row in rows:
        match row:
            case [str(name), *numbers] if len(numbers) == 5 and all(type(each) is int for each in numbers):
                page, x, y, width, height = numbers
                if name in found or min(numbers) < 0 or max(numbers) > _LARGEST or not (width and height):
                    return ()
                found[name] = Placement(Sprite(name, width, height), page, x, y)
            case _:
                return ()
    return tuple(found.values())
