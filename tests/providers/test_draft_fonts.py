"""Fonts for drafts: which one of those that fontconfig lists, and what is done where there is none."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import ImageFont

from reconciler.providers.draft.fonts import FontFile, ListedFont, font_for, listed_fonts, load_font, needs_shaping

LISTED = """\
0|200|100|False|True|False|0|Noto Sans|/f/NotoSans-Bold.ttf|20-7e 400-45f
0|80|100|False|True|False|0|Noto Sans|/f/NotoSans-Regular.ttf|20-7e 400-45f
100|80|100|False|True|False|0|Noto Sans|/f/NotoSans-Italic.ttf|20-7e 400-45f
0|80|100|False|True|False|0|Noto Serif|/f/NotoSerif-Regular.ttf|20-7e 400-45f 5d0
0|80|100|False|True|False|0|Noto Sans Mono|/f/NotoSansMono-Regular.ttf|20-7e
0|80|100|True|True|False|0|Noto Color Emoji|/f/NotoColorEmoji.ttf|1f525
0|80|100|False|False|False|0|Terminus|/f/terminus.pcf|20-7e
0|[0 210]|100|False|True|True|0|Cantarell|/f/Cantarell-VF.otf|20-7e
0|80|100|False|True|True|65536|Cantarell|/f/Cantarell-VF.otf|20-7e
0|80|100|False|True|False|2|Noto Sans CJK KR|/f/NotoSansCJK.ttc|4e00-9fff ac00-d7a3
0|80|100|False|True|False|0|Noto Sans CJK JP|/f/NotoSansCJK.ttc|3041-3096 4e00-9fff
a line|of another|program
"""


def test_regular_sans_serifs_come_first_and_one_of_each_family() -> None:
    fonts = [(Path(font.path).name, font.index) for font in listed_fonts(LISTED)]
    assert fonts == [
        ("NotoSans-Regular.ttf", 0),
        ("NotoSansCJK.ttc", 0),
        ("NotoSansCJK.ttc", 2),
        ("NotoSansMono-Regular.ttf", 0),
        ("Cantarell-VF.otf", 0),
        ("NotoSerif-Regular.ttf", 0),
    ]


def test_the_order_of_the_list_does_not_matter() -> None:
    reversed_list = "\n".join(reversed(LISTED.splitlines()))
    assert [font.path for font in listed_fonts(LISTED)] == [font.path for font in listed_fonts(reversed_list)]


@pytest.fixture
def font_file(tmp_path: Path) -> str:
    """Pillow's built-in font as a file."""
    path = tmp_path / "font.ttf"
    built_in = ImageFont.load_default(20)
    assert isinstance(built_in, ImageFont.FreeTypeFont)
    source = built_in.path
    assert isinstance(source, io.BytesIO)
    path.write_bytes(source.getvalue())
    return str(path)


def test_a_listed_font_has_the_characters_of_its_ranges(font_file: str, tmp_path: Path) -> None:
    font = ListedFont(font_file, 0, "20-7e 3a9 400-45f")
    assert font.covers("abc Ωя")
    assert not font.covers("abcא")
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    assert not ListedFont(str(tmp_path / "broken.ttf"), 0, "20-7e").covers("a")
    assert not ListedFont(str(tmp_path / "gone.ttf"), 0, "20-7e").covers("a")


def test_a_font_file_has_the_characters_that_it_draws(font_file: str) -> None:
    font = FontFile(font_file)
    assert font.covers("abc")
    assert not font.covers("abc灯")
    assert load_font(font_file, 0, 20).getlength("abc") > 0


def test_no_font_has_a_character_that_is_not_assigned() -> None:
    assert font_for("\U000e0fff") is None
    assert font_for("a\U000e0fff") is None


def test_scripts_that_need_shaping() -> None:
    assert [needs_shaping(text) for text in ("abc", "灯台", "привет", "סיף", "سيف", "तलवार")] == [
        *[False] * 3,
        *[True] * 3,
    ]
