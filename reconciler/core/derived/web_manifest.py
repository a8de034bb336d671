"""The web manifest: `images.json` for programs, and an HTML snippet for each picture.

A picture always has its width, height and alt text; `alt: ""` says that it is decoration, and without any the
attribute is left out, so that checkers of a page find it.
"""

from __future__ import annotations

import base64

from reconciler.core.derived.web_text import markup, url_path
from reconciler.core.derived.work import ManifestEntry, ManifestSource, ManifestWork
from reconciler.core.json_text import json_text
from reconciler.core.value import value

MEDIA_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp", "avif": "image/avif"}


@value
class Preview:
    """What a page can show until a picture has loaded: its ThumbHash, and its mean colour as `#rrggbb`."""

    thumbhash: bytes
    colour: str

    @property
    def transparent(self) -> bool:
        """Whether any pixel is: the last bit of the first three bytes."""
        return self.thumbhash[2] >= 0x80


def manifest_text(work: ManifestWork, previews: tuple[Preview, ...]) -> str:
    """`images.json`: the pictures by id, sorted. `previews` are in the order of the work's entries."""
    pictures = {
        str(entry.asset): _picture(work, entry, preview)
        for entry, preview in sorted(zip(work.entries, previews, strict=True), key=lambda pair: pair[0].asset)
    }
    return json_text({"manifest": 1, "images": pictures}, indent=1) + "\n"


def snippet(work: ManifestWork, entry: ManifestEntry, preview: Preview) -> str:
    """The `<picture>` of one entry, or the `<img>` alone where there is one format."""
    largest = _largest(work, entry)
    others = [
        f'  <source type="{MEDIA_TYPES[format_]}" srcset="{markup(_srcset(work, sources))}"{_sizes(work)}>'
        for format_, sources in _by_format(entry).items()
        if format_ != work.fallback
    ]
    fallback = _by_format(entry).get(work.fallback, ())
    srcset = f' srcset="{markup(_srcset(work, fallback))}"{_sizes(work)}' if len(fallback) > 1 else ""
    alt = "" if entry.alt is None else f' alt="{markup(entry.alt)}"'
    hint = base64.b64encode(preview.thumbhash).decode("ascii")
    url = markup(_url(work, largest.output))
    img = (
        f'<img src="{url}"{srcset} width="{largest.width}" height="{largest.height}"{alt}'
        f' loading="lazy" decoding="async"{_ground(preview)} data-thumbhash="{hint}">'
    )
    if not others:
        return img + "\n"
    return "\n".join(["<picture>", *others, f"  {img}", "</picture>", ""])


def _ground(preview: Preview) -> str:
    """The colour until a picture has loaded; none behind one that is seen through afterwards."""
    return "" if preview.transparent else f' style="background-color: {markup(preview.colour)}"'


def snippet_path(work: ManifestWork, entry: ManifestEntry) -> str:
    """Where the snippet of an entry lies: the id below the folder, a `#` in it as a dash."""
    return f"{work.html}/{str(entry.asset).replace('#', '-')}.html"


def _picture(work: ManifestWork, entry: ManifestEntry, preview: Preview) -> dict[str, object]:
    largest = _largest(work, entry)
    sizes = {"sizes": _widths_shown(work)}
    alt = {} if entry.alt is None else {"alt": entry.alt}
    return {
        **alt,
        "width": largest.width,
        "height": largest.height,
        "thumbhash": base64.b64encode(preview.thumbhash).decode("ascii"),
        "colour": preview.colour,
        **({"ai": entry.ai} if entry.ai else {}),
        "sources": [
            {"type": MEDIA_TYPES[format_], "srcset": _srcset(work, sources), **sizes}
            for format_, sources in _by_format(entry).items()
        ],
        "img": {"src": _url(work, largest.output), **sizes},
    }


def _by_format(entry: ManifestEntry) -> dict[str, tuple[ManifestSource, ...]]:
    """The sources of each format, the narrowest first."""
    formats = dict.fromkeys(source.format for source in entry.sources)
    ordered = sorted(entry.sources, key=lambda source: (source.width, source.output))
    return {format_: tuple(one for one in ordered if one.format == format_) for format_ in formats}


def _largest(work: ManifestWork, entry: ManifestEntry) -> ManifestSource:
    """The largest file of the fallback's format; of the last format if there is none."""
    formats = _by_format(entry)
    sources = formats.get(work.fallback) or [*formats.values()][-1]
    return sources[-1]


def _srcset(work: ManifestWork, sources: tuple[ManifestSource, ...]) -> str:
    """The candidates by width. Of two that are as wide, which a master that is too small makes, the first."""
    widths: dict[int, str] = {}
    for source in sources:
        widths.setdefault(source.width, _url(work, source.output))
    return ", ".join(f"{url} {width}w" for width, url in widths.items())


def _sizes(work: ManifestWork) -> str:
    return f' sizes="{markup(_widths_shown(work))}"'


def _widths_shown(work: ManifestWork) -> str:
    """The `sizes` of a srcset, without which it is invalid."""
    return work.sizes or "100vw"


def _url(work: ManifestWork, output: str) -> str:
    """The URL of a path: from the root of the site if the prefix is cut off, else relative to the project."""
    root = work.url.rstrip("/") + "/"
    if work.url and output.startswith(root):
        return "/" + url_path(output[len(root) :])
    return url_path(output)
