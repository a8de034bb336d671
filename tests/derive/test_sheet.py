"""An atlas draws every sprite as its source is, pixel for pixel."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reconciler.core.derived.atlas_packing import AtlasSettings, Layout, Sprite, pack_atlas
from reconciler.core.derived.operations import Encoding
from reconciler.derive.sheet import drawn, visible_part
from reconciler.derive.wire import PageRequest, PlacedPixels

SOURCES = st.lists(
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.binary(min_size=4 * 81, max_size=4 * 81)), min_size=1, max_size=8
)


def source(width: int, height: int, data: bytes) -> Image.Image:
    """Pixels of which about half are fully transparent."""
    image = Image.frombytes("RGBA", (width, height), data[: 4 * width * height])
    alpha = image.getchannel("A").point([0 if value < 128 else value for value in range(256)])
    image.putalpha(alpha)
    return image


def visible(image: Image.Image) -> bytes:
    """The pixels, those that are fully transparent without a colour."""
    cleared = Image.new("RGBA", image.size)
    cleared.paste(image, mask=image.getchannel("A").point([0] + [255] * 255))
    return cleared.tobytes()


@given(SOURCES, st.integers(0, 3), st.integers(0, 2))
def test_frames_are_their_sources_and_rims_repeat_their_edge(
    sizes: list[tuple[int, int, bytes]], padding: int, extrude: int
) -> None:
    sources = {f"s{number}": source(*one) for number, one in enumerate(sizes)}
    cuts = {name: visible_part(image, whole=False) for name, image in sources.items()}
    settings = AtlasSettings(64, 64, padding, extrude)
    layout = pack_atlas([Sprite(name, *cut.image.size) for name, cut in cuts.items()], settings)
    assert isinstance(layout, Layout)
    for number, (width, height) in enumerate(layout.pages):
        placed = [one for one in layout.placements if one.page == number]
        pieces = tuple(
            PlacedPixels(one.x, one.y, *cuts[one.sprite.id].image.size, cuts[one.sprite.id].image.tobytes())
            for one in placed
        )
        page = drawn(PageRequest(width, height, extrude, pieces, Encoding("png")))
        assert page.size == (width, height)
        for one in placed:
            cut = cuts[one.sprite.id]
            frame = page.crop((one.x, one.y, one.x + one.sprite.width, one.y + one.sprite.height))
            whole = Image.new("RGBA", cut.source)
            whole.paste(frame, (cut.left, cut.top))
            assert visible(whole) == visible(sources[one.sprite.id])
            for x in range(-extrude, one.sprite.width + extrude):
                for y in range(-extrude, one.sprite.height + extrude):
                    inside = min(max(x, 0), one.sprite.width - 1), min(max(y, 0), one.sprite.height - 1)
                    assert page.getpixel((one.x + x, one.y + y)) == frame.getpixel(inside)


def test_a_frame_has_no_transparent_border_and_knows_its_source() -> None:
    image = Image.new("RGBA", (20, 10))
    image.paste((1, 2, 3, 1), (4, 3, 9, 8))
    cut = visible_part(image, whole=False)
    assert (cut.image.size, cut.source, cut.left, cut.top) == ((5, 5), (20, 10), 4, 3)
    assert visible_part(image, whole=True).image.size == (20, 10)


def test_a_sprite_of_nothing_is_one_transparent_pixel() -> None:
    cut = visible_part(Image.new("RGBA", (20, 10)), whole=False)
    assert (cut.image.size, cut.image.getpixel((0, 0)), cut.source) == ((1, 1), (0, 0, 0, 0), (20, 10))
