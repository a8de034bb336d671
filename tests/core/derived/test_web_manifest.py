"""A page gets what it needs of every picture, and no text of an author is markup."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.derived.web_manifest import Preview, manifest_text, snippet, snippet_path
from reconciler.core.derived.web_text import css_name, markup, url_path
from reconciler.core.derived.work import ManifestEntry, ManifestSource, ManifestWork
from reconciler.core.digest import AssetId
from reconciler.core.value import replace

PREVIEW = Preview(b"\x01\x02\x03", "#1b2430")
SOURCES = tuple(
    ManifestSource(f"public/img/hero-{width}.{suffix}", format_, width, width * 9 // 16)
    for format_, suffix in (("avif", "avif"), ("webp", "webp"), ("jpeg", "jpg"))
    for width in (1280, 640)
)
HERO = ManifestEntry(AssetId("hero"), "A harbour", Path("x"), SOURCES, "trainedAlgorithmicMedia")
WORK = ManifestWork(
    (HERO,), "public/images.json", Path("folder"), "jpeg", "(max-width: 60rem) 100vw, 60rem", "public/html", "public/"
)


class Elements(HTMLParser):
    """The elements of a snippet with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def elements(entry: ManifestEntry, work: ManifestWork = WORK) -> list[tuple[str, dict[str, str | None]]]:
    return Elements(snippet(work, entry, PREVIEW)).found


def test_the_manifest_says_everything_of_a_picture() -> None:
    document = json.loads(manifest_text(WORK, (PREVIEW,)))
    assert document == {
        "manifest": 1,
        "images": {
            "hero": {
                "alt": "A harbour",
                "width": 1280,
                "height": 720,
                "thumbhash": "AQID",
                "colour": "#1b2430",
                "ai": "trainedAlgorithmicMedia",
                "sources": [
                    {
                        "type": f"image/{format_}",
                        "srcset": f"/img/hero-640.{suffix} 640w, /img/hero-1280.{suffix} 1280w",
                        "sizes": "(max-width: 60rem) 100vw, 60rem",
                    }
                    for format_, suffix in (("avif", "avif"), ("webp", "webp"), ("jpeg", "jpg"))
                ],
                "img": {"src": "/img/hero-1280.jpg", "sizes": "(max-width: 60rem) 100vw, 60rem"},
            }
        },
    }


def test_the_pictures_are_sorted_whatever_order_they_come_in() -> None:
    other = replace(HERO, asset=AssetId("about"))
    work = replace(WORK, entries=(HERO, other))
    turned = replace(WORK, entries=(other, HERO))
    assert manifest_text(work, (PREVIEW, PREVIEW)) == manifest_text(turned, (PREVIEW, PREVIEW))
    assert list(json.loads(manifest_text(work, (PREVIEW, PREVIEW)))["images"]) == ["about", "hero"]


def test_the_snippet_is_a_picture_with_its_size_and_text() -> None:
    found = elements(HERO)
    assert [tag for tag, _ in found] == ["picture", "source", "source", "img"]
    assert [attributes.get("type") for _, attributes in found[1:3]] == ["image/avif", "image/webp"]
    (_, img) = found[-1]
    assert (img["width"], img["height"], img["alt"], img["src"]) == ("1280", "720", "A harbour", "/img/hero-1280.jpg")
    assert img["srcset"] == "/img/hero-640.jpg 640w, /img/hero-1280.jpg 1280w"
    assert all("sizes" in attributes for _, attributes in found[1:])


def test_an_empty_alt_is_a_statement_and_none_is_left_out() -> None:
    assert elements(replace(HERO, alt=""))[-1][1]["alt"] == ""
    assert "alt" not in elements(replace(HERO, alt=None))[-1][1]
    assert json.loads(manifest_text(replace(WORK, entries=(replace(HERO, alt=""),)), (PREVIEW,)))["images"]["hero"][
        "alt"
    ] == ""  # fmt: skip
    assert "alt" not in manifest_text(replace(WORK, entries=(replace(HERO, alt=None),)), (PREVIEW,))


def test_a_picture_that_is_seen_through_has_no_colour_behind_it() -> None:
    assert 'style="background-color: #1b2430"' in snippet(WORK, HERO, PREVIEW)
    assert "style" not in snippet(WORK, HERO, Preview(b"\x01\x02\x83", "#1b2430"))


def test_one_format_is_an_img_alone() -> None:
    found = elements(replace(HERO, sources=SOURCES[4:]))
    assert [tag for tag, _ in found] == ["img"]
    assert found[0][1]["sizes"] == "(max-width: 60rem) 100vw, 60rem"


def test_a_srcset_without_sizes_of_the_author_has_the_whole_width() -> None:
    assert elements(HERO, replace(WORK, sizes=""))[-1][1]["sizes"] == "100vw"


def test_of_two_files_that_a_small_master_made_alike_one_is_listed() -> None:
    small = tuple(replace(source, width=600, height=338) for source in SOURCES)
    img = elements(replace(HERO, sources=small))[-1][1]
    assert img["srcset"] == "/img/hero-1280.jpg 600w"


def test_a_url_outside_the_site_stays_relative() -> None:
    for url in ("", "pub", "static"):
        assert elements(HERO, replace(WORK, url=url))[-1][1]["src"] == "public/img/hero-1280.jpg"
    assert elements(HERO, replace(WORK, url="public"))[-1][1]["src"] == "/img/hero-1280.jpg"


def test_a_snippet_lies_where_the_id_says() -> None:
    assert snippet_path(WORK, replace(HERO, asset=AssetId("pages/a#b"))) == "public/html/pages/a-b.html"


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_text_of_an_author_is_markup(alt: str, name: str) -> None:
    sources = tuple(replace(source, output=f"public/{name}{source.output}") for source in SOURCES)
    entry = replace(HERO, alt=alt, sources=sources)
    found = elements(entry, replace(WORK, sizes=alt))
    assert [tag for tag, _ in found] == ["picture", "source", "source", "img"]
    assert set(found[-1][1]) == {
        "src", "srcset", "sizes", "width", "height", "alt", "loading", "decoding", "style", "data-thumbhash",
    }  # fmt: skip
    srcset = found[1][1]["srcset"]
    assert srcset is not None and srcset.count(",") == 1
    document = json.loads(manifest_text(replace(WORK, entries=(entry,)), (PREVIEW,)))
    assert document["images"]["hero"]["alt"] == alt.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def test_escapes() -> None:
    assert markup('<a href="x">\x1b\u202e&') == "&lt;a href=&quot;x&quot;&gt;\ufffd&#8238;&amp;"
    assert url_path('a b/c"d(e),f%ü') == "a%20b/c%22d%28e%29%2Cf%25%C3%BC"
    assert (css_name("1a"), css_name("-"), css_name("-1"), css_name("a b")) == ("\\31 a", "\\-", "-\\31 ", "a\\ b")
