"""The files of each icon set: names, sizes, and what a system does with the picture. Sizes are pixels of a side.

Sources of the tables: the favicon guidelines of Google Search (multiples of 48), the Web App Manifest (192 and 512;
a maskable icon is cut anywhere outside a circle of 40 % of the width), Apple's asset catalogs, Android's adaptive
icons (108 dp, of which a circle of 66 dp is safe).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from reconciler.core.derived.web_text import markup
from reconciler.core.json_text import json_text
from reconciler.core.value import value

ICONS_REVISION = 1
"""Raised with every change of the tables or texts: information, never drift."""
SAFE_MASKABLE = 400
"""The radius of the circle that no mask cuts, in thousandths of the side."""
SAFE_ADAPTIVE = 305
"""The same for the foreground of an adaptive icon of Android: 33 of 108 dp."""


@value
class IconFile:
    """One picture of a set. `path` is below the bundle's folder.

    `sizes` has more than one side for an ICO file alone. An `opaque` icon stands on the background. Nothing that is not
    the background lies outside a circle of `safe` thousandths of the side around the middle; 0: everywhere.
    """

    path: str
    sizes: tuple[int, ...]
    opaque: bool = False
    safe: int = 0


def _android(name: str, dp: int, safe: int = 0) -> tuple[IconFile, ...]:
    scales = {"mdpi": 4, "hdpi": 6, "xhdpi": 8, "xxhdpi": 12, "xxxhdpi": 16}  # quarters of a pixel in a dp
    return tuple(
        IconFile(f"android/mipmap-{density}/{name}.png", (dp * quarters // 4,), opaque=not safe, safe=safe)
        for density, quarters in scales.items()
    )


_IOS = (
    ("iphone", "20", (2, 3)), ("iphone", "29", (2, 3)), ("iphone", "40", (2, 3)), ("iphone", "60", (2, 3)),
    ("ipad", "20", (1, 2)), ("ipad", "29", (1, 2)), ("ipad", "40", (1, 2)), ("ipad", "76", (1, 2)),
    ("ipad", "83.5", (2,)), ("ios-marketing", "1024", (1,)),
)  # fmt: skip
"""Idiom, points of a side, and scales."""
_IOS_FOLDER = "ios/AppIcon.appiconset/"


def _ios_name(points: str, scale: int) -> str:
    return f"AppIcon-{points}@{scale}x.png"


def _ios_files() -> tuple[IconFile, ...]:
    sides = {_ios_name(points, scale): round(float(points) * scale) for _, points, scales in _IOS for scale in scales}
    return tuple(IconFile(_IOS_FOLDER + name, (side,), opaque=True) for name, side in sides.items())


_SETS: dict[str, tuple[IconFile, ...]] = {
    "favicon": (IconFile("favicon.ico", (16, 32, 48)), IconFile("favicon-96.png", (96,))),
    "apple-touch": (IconFile("apple-touch-icon.png", (180,), opaque=True),),
    "pwa": (IconFile("icon-192.png", (192,)), IconFile("icon-512.png", (512,))),
    "maskable": (
        IconFile("maskable-192.png", (192,), opaque=True, safe=SAFE_MASKABLE),
        IconFile("maskable-512.png", (512,), opaque=True, safe=SAFE_MASKABLE),
    ),
    "ios": _ios_files(),
    "android": (
        *_android("ic_launcher", 48),
        *_android("ic_launcher_foreground", 108, SAFE_ADAPTIVE),
        IconFile("android/play-store-512.png", (512,), opaque=True),
    ),
}
_TEXTS = {
    "favicon": ("icons.html",),
    "apple-touch": ("icons.html",),
    "pwa": ("icons.html", "icons.webmanifest"),
    "maskable": ("icons.html", "icons.webmanifest"),
    "ios": (f"{_IOS_FOLDER}Contents.json",),
    "android": (
        "android/mipmap-anydpi-v26/ic_launcher.xml",
        "android/values/ic_launcher_background.xml",
    ),
}


def icon_files(sets: Iterable[str]) -> tuple[IconFile, ...]:
    """The pictures of these sets, in order, each once."""
    return tuple(dict.fromkeys(file for name in sets for file in _SETS[name]))


def icon_outputs(sets: Iterable[str]) -> tuple[str, ...]:
    """The paths of all files of these sets below the bundle's folder, sorted: pictures and texts."""
    chosen = tuple(sets)
    texts = {path for name in chosen for path in _TEXTS[name]}
    return tuple(sorted({file.path for file in icon_files(chosen)} | texts))


def icon_texts(sets: Iterable[str], *, background: str, base: str, name: str = "") -> tuple[tuple[str, str], ...]:
    """The texts of these sets: path and text of each. `base` is the URL of the bundle's folder, with a `/` at its end;
    `background` is `#rrggbb`, `name` that of the app."""
    chosen = tuple(sets)
    texts: dict[str, Callable[[], str]] = {
        "icons.html": lambda: _links(chosen, base, background),
        "icons.webmanifest": lambda: _web_app(chosen, background, name),
        f"{_IOS_FOLDER}Contents.json": _asset_catalog,
        "android/mipmap-anydpi-v26/ic_launcher.xml": lambda: _ADAPTIVE,
        "android/values/ic_launcher_background.xml": lambda: _COLOUR.format(background),
    }
    return tuple((path, write()) for path, write in texts.items() if path in icon_outputs(chosen))


def _links(sets: tuple[str, ...], base: str, background: str) -> str:
    """The elements for the head of a page."""
    url = markup(base)
    lines = []
    if "favicon" in sets:
        lines.append(f'<link rel="icon" href="{url}favicon.ico" sizes="16x16 32x32 48x48">')
        lines.append(f'<link rel="icon" type="image/png" href="{url}favicon-96.png" sizes="96x96">')
    if "apple-touch" in sets:
        lines.append(f'<link rel="apple-touch-icon" href="{url}apple-touch-icon.png">')
    if "pwa" in sets or "maskable" in sets:
        lines.append(f'<link rel="manifest" href="{url}icons.webmanifest">')
        lines.append(f'<meta name="theme-color" content="{markup(background)}">')
    return "\n".join(lines) + "\n"


def _web_app(sets: tuple[str, ...], background: str, name: str) -> str:
    """A Web App Manifest: its URLs are relative to it."""
    icons = [
        {"src": file.path, "sizes": f"{file.sizes[0]}x{file.sizes[0]}", "type": "image/png", "purpose": purpose}
        for set_, purpose in (("pwa", "any"), ("maskable", "maskable"))
        if set_ in sets
        for file in _SETS[set_]
    ]
    named = {"name": name} if name else {}
    document = {**named, "icons": icons, "background_color": background, "theme_color": background}
    return json_text(document, indent=2) + "\n"


def _asset_catalog() -> str:
    images = [
        {
            "filename": _ios_name(points, scale),
            "idiom": idiom,
            "scale": f"{scale}x",
            "size": f"{points}x{points}",
        }
        for idiom, points, scales in _IOS
        for scale in scales
    ]
    return json_text({"images": images, "info": {"author": "xcode", "version": 1}}, indent=2) + "\n"


_ADAPTIVE = """\
<?xml version="1.0" encoding="utf-8"?>
<adaptive-icon xmlns:android="http://schemas.android.com/apk/res/android">
    <background android:drawable="@color/ic_launcher_background"/>
    <foreground android:drawable="@mipmap/ic_launcher_foreground"/>
</adaptive-icon>
"""
_COLOUR = """\
<?xml version="1.0" encoding="utf-8"?>
<resources>
    <color name="ic_launcher_background">{}</color>
</resources>
"""
