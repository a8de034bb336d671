"""The files of the package that a page is made of."""

from __future__ import annotations

from pathlib import Path

from reconciler.report.gallery.facts import PageParts

_FOLDER = Path(__file__).parents[2] / "report" / "gallery"


def page_parts() -> PageParts:
    """The template, the style and the script of every page."""
    template, style, script = ((_FOLDER / f"page.{suffix}").read_text("utf-8") for suffix in ("html", "css", "js"))
    return PageParts(template, style, script)
