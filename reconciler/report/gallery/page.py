"""A page of images as one HTML file: no other file, no network, no script but its own."""

from __future__ import annotations

import base64
import hashlib
import re
from html import escape

from reconciler.core.json_text import json_text
from reconciler.core.text import printable
from reconciler.report.gallery.facts import GalleryFacts, PageMode, PageParts
from reconciler.report.gallery.page_data import page_json

PAGE_MARK = "<!doctype html>\n<!-- reconciler gallery 1 -->\n"
"""How every page begins."""
_SLOT = re.compile(r"@@([A-Z]+)@@")
_IN_SCRIPT = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_UNSAFE = re.compile("[<>&\u2028\u2029]")


def gallery_page(facts: GalleryFacts, parts: PageParts) -> str:
    """The whole page. Text from outside is in the data alone, which the script shows as text."""
    slots = {
        "POLICY": escape(page_policy(facts.mode, parts)),
        "TITLE": escape(printable(facts.title)),
        "STYLE": parts.style,
        "SCRIPT": parts.script,
        "DATA": script_json(page_json(facts)),
    }
    return PAGE_MARK + _SLOT.sub(lambda slot: slots[slot[1]], parts.template)


def page_policy(mode: PageMode, parts: PageParts) -> str:
    """The content security policy: the page's own script and style by their hashes, and images. A page that is served
    may send requests to its own server, a file to none."""
    connect = "'self'" if mode is PageMode.REVIEW else "'none'"
    images = "'self' data:" if mode is PageMode.REVIEW else "'self' file: data:"
    return "; ".join((
        "default-src 'none'",
        f"script-src {_source(parts.script)}",
        f"style-src {_source(parts.style)}",
        f"img-src {images}",
        f"connect-src {connect}",
        "base-uri 'none'",
        "form-action 'none'",
    ))  # fmt: skip


def script_json(value: object) -> str:
    """JSON that can stand between the tags of a script: no character of it can end the element or begin another."""
    return _UNSAFE.sub(lambda found: _IN_SCRIPT[found[0]], json_text(value))


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
