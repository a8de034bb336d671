"""Drafts have exactly the size and format asked for, the same bytes each time, and say what they stand for."""

from __future__ import annotations

import asyncio
import io
import tempfile
import unicodedata
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from reconciler.core.digest import AssetId, ContentHash, content_hash
from reconciler.core.images.sniff import ImageFacts
from reconciler.core.money.cost import FREE
from reconciler.core.outcome import Done, Outcome, Rejected
from reconciler.core.ports import ImageRequest
from reconciler.core.recipe import ImagePart, Recipe, TextPart, Turn
from reconciler.engine.references import LocalReferences
from reconciler.providers.draft import provider
from reconciler.providers.draft.colours import ACCENTS, CARD, INK, Colour, Scheme, level, palette, scheme
from reconciler.providers.draft.fonts import can_shape, font_for
from reconciler.providers.draft.provider import Draft
from reconciler.providers.draft.romanise import romanised
from reconciler.providers.draft.silhouette import shape_for
from reconciler.providers.draft.text import ELLIPSIS, MAX_READ, Face, _shaped_pieces, face, readable, visual, wrap
from reconciler.providers.draft.words import SWATCHES, Swatch, colours
from reconciler.testing.memory_ports import MemorySpool
from tests import draft_sheet
from tests.core.test_sniff import IEND, IHDR, chunk, png

WORDS = "A lighthouse at dusk on a basalt cliff, calm sea."
FOREIGN = (
    "x" * 100_000,
    "\x00\x1b[31m\u202eRTL שלום עולם مرحبا بالعالم\r\n\t",
    "夕暮れの玄武岩の崖に立つ灯台、穏やかな海。" * 50,
    "🔥" * 300 + " \ud800 lone " + "e" + "\u0301" * 5_000,
    "",
)
COLOUR_OF_A_REFERENCE = (250, 20, 40)
SHARED = LocalReferences()


def draw(request: ImageRequest, size: tuple[int, int]) -> bytes:
    return provider.draw(request, size, SHARED)


def a_request(
    prompt: str = WORDS, *, asset: str = "icons/sword", files: tuple[Path, ...] = (), **fields: object
) -> ImageRequest:
    contents = tuple(content_hash(str(file).encode()) for file in files)  # a draft shows bytes without hashing them
    for content, path in zip(contents, files, strict=True):
        SHARED.share(content, path)
    numbers = tuple(ContentHash(f"sha256:{number:064x}") for number, _ in enumerate(files))
    recipe, numbered = (
        Recipe(prompt=prompt, **{"references": each, **fields})  # type: ignore[arg-type]  # a builder
        for each in (contents, numbers)
    )
    return ImageRequest(AssetId(asset), recipe, numbered.key())  # the key, and so the pattern, not by the files' names


def generate(request: ImageRequest) -> tuple[Outcome, bytes]:
    with tempfile.TemporaryDirectory() as directory:
        outcome = asyncio.run(Draft(MemorySpool(Path(directory)), SHARED).generate(request))
        return outcome, outcome.spooled.path.read_bytes() if isinstance(outcome, Done) else b""


def pixels(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as picture:
        return picture.convert("RGBA")


def shades(data: bytes) -> set[tuple[int, ...]]:
    return {colour for _, colour in pixels(data).getcolors(1 << 24) or []}  # type: ignore[misc]  # RGBA: tuples


recipes = st.fixed_dictionaries(
    {
        "prompt": st.one_of(st.text(max_size=300), st.sampled_from(FOREIGN)),
        "asset": st.text(min_size=1, max_size=60),
        "format": st.sampled_from(["png", "jpeg", "webp", "avif"]),
        "background": st.sampled_from(["", "opaque", "transparent"]),
        "take": st.integers(1, 1000),
        "turns": st.lists(
            st.builds(Turn, st.just("user"), st.tuples(st.builds(TextPart, st.text(max_size=40)))), max_size=3
        ).map(tuple),
    }
)
sides = st.one_of(st.integers(16, 90), st.integers(91, 700))


@settings(max_examples=60)
@given(fields=recipes, width=sides, height=sides)
def test_any_recipe_gives_what_it_asks_for_and_the_same_bytes_again(
    fields: dict[str, object], width: int, height: int
) -> None:
    request = a_request(size=f"{width}x{height}", **fields)  # type: ignore[arg-type]  # a builder
    outcome, data = generate(request)
    assert isinstance(outcome, Done)
    assert outcome.image == ImageFacts(str(fields["format"]), width, height, len(data))
    assert (outcome.spooled.content, outcome.spooled.size) == (content_hash(data), len(data))
    assert (outcome.model, outcome.cost) == ("draft", FREE)
    assert pixels(data).size == (width, height)
    assert generate(request)[1] == data


@pytest.mark.parametrize("size", ["16:9", "1:1", "21:9", "1:8", "8:1", "16x3000", "3000x16", "64x64", "16x16"])
@pytest.mark.parametrize("prompt", FOREIGN)
def test_no_words_break_a_card_of_any_shape(size: str, prompt: str) -> None:
    outcome, _ = generate(a_request(prompt, asset=prompt or "a", size=size, image_size="512"))
    assert isinstance(outcome, Done)


def test_a_ratio_is_drawn_at_its_image_size() -> None:
    outcome, data = generate(a_request(size="16:9", image_size="1K"))
    assert isinstance(outcome, Done) and (outcome.image.width, outcome.image.height) == (1360, 768)
    assert len(data) < 20_000  # drafts are committed


@pytest.mark.parametrize("kind", ["png", "webp", "avif"])
@pytest.mark.parametrize("size", [(200, 120), (512, 512), (120, 300), (24, 24)])
@pytest.mark.parametrize("prompt", ["a potion", "the hero", "a coin", "a tree", "nothing that is known"])
def test_a_transparent_background_gives_a_silhouette(kind: str, size: tuple[int, int], prompt: str) -> None:
    alpha = pixels(draw(a_request(prompt, asset="thing", format=kind, background="transparent"), size)).getchannel("A")
    width, height = size
    for corner in ((0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)):
        assert alpha.getpixel(corner) in range(9)  # AVIF is lossy in its alpha too
    assert alpha.getpixel((width // 2, height // 2)) == 255
    clear = alpha.histogram()[0] / (width * height)
    assert 0.05 < clear < 0.75


def test_the_id_suggests_the_shape_before_the_prompt_does() -> None:
    def outline(asset: str, prompt: str) -> bytes:
        return (
            pixels(draw(a_request(prompt, asset=asset, background="transparent"), (128, 128))).getchannel("A").tobytes()
        )

    assert outline("icons/heart", "a star") == outline("x/heart", "a heart") != outline("x/thing", "a star")


def test_a_wide_silhouette_is_a_box() -> None:
    assert shape_for("heart", b"a", (300, 100)) == "box" != shape_for("heart", b"a", (120, 100)) == "heart"


@pytest.mark.parametrize(
    ("kind", "background"), [("jpeg", "transparent"), ("png", ""), ("webp", "opaque"), ("avif", "")]
)
def test_other_backgrounds_are_opaque(kind: str, background: str) -> None:
    alpha = pixels(draw(a_request(format=kind, background=background), (200, 120))).getchannel("A")
    assert alpha.getextrema() == (255, 255)


def test_takes_are_told_apart_by_their_number() -> None:
    key = a_request().key  # the same, so that only what is written differs
    takes = (a_request(take=take) for take in (1, 2, 3))
    assert len({draw(ImageRequest(take.asset, take.recipe, key), (256, 256)) for take in takes}) == 3


@given(width=st.integers(16, 300), height=st.integers(16, 300))
@settings(max_examples=40)
def test_the_id_is_told_on_every_size(width: int, height: int) -> None:
    assert draw(a_request(asset="items/axe"), (width, height)) != draw(a_request(asset="items/bow"), (width, height))


def with_turn(*words: str) -> ImageRequest:
    """The key is that of the first, so that only what is written differs."""
    turns = tuple(Turn("user", (TextPart(word), ImagePart(ContentHash("sha256:0")))) for word in words)
    request = a_request(turns=turns)
    return ImageRequest(request.asset, request.recipe, a_request().key)


def test_turns_are_written_down() -> None:
    drawn = [draw(with_turn(*words), (512, 512)) for words in ((), ("darker",), ("lighter",), ("darker", "bluer"))]
    assert len(set(drawn)) == 4


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pictures in one colour, and files that are none."""
    folder = tmp_path_factory.mktemp("references")
    plain = Image.new("RGB", (300, 200), COLOUR_OF_A_REFERENCE)
    for suffix in ("png", "jpg", "webp", "gif"):
        plain.save(folder / f"plain.{suffix}")
    Image.new("RGBA", (50, 400), (*COLOUR_OF_A_REFERENCE, 255)).save(folder / "tall.png")
    whole = (folder / "plain.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    Image.new("1", (9_000, 9_000), 1).save(folder / "bomb.png")
    (folder / "spoilt.png").write_bytes(a_png())
    (folder / "words.png").write_bytes(a_png(chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(2_000_000)))))
    (folder / "folder").mkdir()
    return {path.name: path for path in folder.iterdir()}


def a_png(*chunks: bytes) -> bytes:
    """A whole container around pixels that no decoder can read."""
    return png(IHDR, *chunks, chunk(b"IDAT", b"x"), IEND)


def shows_the_reference(data: bytes) -> bool:
    return any(
        sum(abs(a - b) for a, b in zip(shade, COLOUR_OF_A_REFERENCE, strict=False)) < 40 for shade in shades(data)
    )


@pytest.mark.parametrize("name", ["plain.png", "plain.jpg", "plain.webp", "tall.png"])
def test_a_reference_is_seen_on_the_card(references: dict[str, Path], name: str) -> None:
    assert shows_the_reference(draw(a_request(files=(references[name],)), (512, 512)))


UNREADABLE = ("cut.jpg", "bomb.png", "spoilt.png", "words.png", "folder", "plain.gif")


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_reference_that_cannot_be_read_is_shown_as_one_that_is_gone(
    references: dict[str, Path], tmp_path: Path, name: str
) -> None:
    gone = draw(a_request(files=(tmp_path / "gone.png",)), (512, 512))
    assert draw(a_request(files=(references[name],)), (512, 512)) == gone


def test_a_reference_that_is_gone_is_a_crossed_box(tmp_path: Path) -> None:
    crossed = pixels(draw(a_request(files=(tmp_path / "gone.png",)), (512, 512)))
    box = crossed.crop((42, 410, 102, 470))  # inside it, below all words
    assert len(box.getcolors() or []) > 2
    assert box.getpixel((30, 30)) != box.getpixel((30, 5))


def test_a_crowd_of_references_still_fits(references: dict[str, Path]) -> None:
    files = (references["plain.png"], references["cut.jpg"]) * 20
    for size in ((1024, 1024), (368, 2944), (2944, 368), (96, 96)):
        assert draw(a_request(files=files), size)


@pytest.mark.parametrize(
    "fields", [{"size": "16x9"}, {"image_size": "9K"}, {"size": "20000x20000"}, {"size": "64x99999"}, {"format": "gif"}]
)
def test_what_cannot_be_drawn_is_rejected(fields: dict[str, Any]) -> None:
    outcome, _ = generate(a_request(**fields))
    assert isinstance(outcome, Rejected) and outcome.message


def test_the_contact_sheet_of_the_documentation_has_every_draft() -> None:
    """Only its size is compared: its glyphs depend on the fonts of the machine."""
    with Image.open(draft_sheet.PICTURE) as shown:
        assert draft_sheet.sheet().size == shown.size


class FullDisk(io.BytesIO):
    def write(self, data: object) -> int:
        raise OSError(28, "No space left on device")


class SpoolOnAFullDisk(MemorySpool):
    def open(self) -> tuple[Path, IO[bytes]]:
        path, file = super().open()
        file.close()
        return path, FullDisk()


def test_a_full_disk_leaves_no_file_behind(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space"):
        asyncio.run(Draft(SpoolOnAFullDisk(tmp_path), SHARED).generate(a_request()))
    assert list(tmp_path.iterdir()) == []


def test_drawing_side_by_side_gives_the_same_bytes() -> None:
    requests = [a_request(f"{WORDS} {number}", asset=f"a/{number}") for number in range(12)]
    alone = [draw(request, (300, 200)) for request in requests]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda request: draw(request, (300, 200)), requests)) == alone


def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio of WCAG 2: 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Colour) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (c / 255 for c in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


SEEDS = st.binary(min_size=3, max_size=3)
WORDS_FOR_COLOURS = st.lists(st.sampled_from(sorted(SWATCHES)), max_size=2).map(
    lambda words: colours(" and ".join(words))
)


@given(WORDS_FOR_COLOURS, SEEDS, SEEDS)
def test_the_colours_of_any_prompt_can_be_read(swatches: tuple[Swatch, ...], family: bytes, own: bytes) -> None:
    made = palette(scheme(swatches, family=family, own=own))
    assert len(made) == INK + 1
    assert contrast(made[CARD], made[INK]) > 7
    assert contrast(made[CARD], made[level(0.83)]) > 4.5
    assert min(contrast(made[accent], made[INK]) for accent in ACCENTS) > 4.5


@pytest.mark.parametrize(
    ("prompt", "card", "accent"),
    [
        ("Red lava", "red", "lava"),
        ("lava, then water", "lava", "water"),
        ("Blue water", "blue", "water"),
        ("A village at Night, warm.", "night", "night"),
        ("a key on a white background, golden", "gold", "gold"),
        ("a robot on plain white, red", "red", "red"),
        ("no grass, not blue: snow", "snow", "snow"),
        ("a black outline around a green leaf", "green", "leaf"),
    ],
)
def test_the_first_colour_words_give_the_colours(prompt: str, card: str, accent: str) -> None:
    found = colours(prompt)
    assert (found[0], found[-1]) == (SWATCHES[card], SWATCHES[accent])


def test_dark_and_light_colours_are_darker_and_lighter() -> None:
    (dark,), (plain,), (light,) = colours("dark blue"), colours("blue"), colours("light blue")
    assert dark.lightness < plain.lightness < light.lightness
    assert colours("a lighthouse") == colours("") == ()


@given(SEEDS, SEEDS, SEEDS)
def test_drafts_of_one_family_look_alike(family: bytes, own: bytes, other: bytes) -> None:
    def card(seed: bytes) -> Swatch:
        found: Scheme = scheme((), family=family, own=seed)
        return found.card

    one, two = card(own), card(other)
    assert (one.lightness, one.chroma) == (two.lightness, two.chroma)
    assert abs(one.hue - two.hue) <= 40


def test_a_family_is_no_part_of_the_key_but_of_the_picture() -> None:
    request = a_request("a table")
    drawn = [
        draw(ImageRequest(request.asset, request.recipe, request.key, family=family), (64, 64))
        for family in ("", "flat", "pixel", "flat")
    ]
    assert drawn[1] == drawn[3]
    assert len(set(drawn)) == 3


@given(st.text(max_size=400), st.integers(8, 40), st.integers(20, 600), st.integers(0, 6), st.sampled_from([" ", ""]))
@example("x" * 300, 20, 100, 2, " ")
@example("one two three", 20, 200, 0, " ")
def test_wrapped_words_stay_inside(text: str, size: int, width: int, lines: int, joint: str) -> None:
    words, letters = readable(text), face(size)
    wrapped = wrap(words, letters, width=max(width, 2 * size), lines=lines, joint=joint)
    assert len(wrapped.lines) <= lines
    assert all(letters.line_width(line, joint) <= max(width, 2 * size) for line in wrapped.lines)
    shown = "".join(word for line in wrapped.lines for word in line)
    assert (shown == "".join(words)) if wrapped.whole else not lines or shown.endswith(ELLIPSIS)


def test_a_space_takes_room_too() -> None:
    letters = face(20)
    width = int(letters.width("aaaabbbb")) + 1
    assert wrap(("aaaa", "bbbb"), letters, width=width, lines=2).lines == (("aaaa",), ("bbbb",))
    assert wrap(("aaaa", "bbbb"), letters, width=width, lines=2, joint="").lines == (("aaaa", "bbbb"),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A calm\n sea", ("A", "calm", "sea")),
        ("größer – naïve Łódź ½", ("grosser", "-", "naive", "Lodz", "1⁄2")),
        ("\x00\x1b[1m\u202e\ud800", ("[1m",)),
        ("x" * 100_000, ("x" * MAX_READ, ELLIPSIS)),
    ],
)
def test_words_in_the_built_in_font(text: str, words: tuple[str, ...]) -> None:
    assert readable(text) == words


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("灯台", ("U+706F", "U+53F0")),
        ("привет", ("privet",)),
        ("Шар-2", ("Shar-2",)),
        ("しろ", ("siro",)),
        ("חרב", ("chrb",)),
        ("سيف", ("syf",)),
        ("한글", ("hangeul",)),
        ("hot🔥", ("hot🔥",) if font_for("🔥") else ("hotfire",)),
    ],
)
def test_a_word_is_shown_in_its_script_or_can_be_read_in_another(text: str, written: tuple[str, ...]) -> None:
    """Which of the two depends on the fonts of the machine; it is never a bar."""
    assert readable(text) in ((text,), written)
    assert (readable(text) == (text,)) == (font_for(text) is not None)


@given(st.text(alphabet=st.characters(), max_size=30))
def test_every_word_that_is_shown_has_a_font_for_each_character(text: str) -> None:
    for word in readable(text):
        for char in word:
            assert word.isascii() or font_for(word) or readable(char) or not char.isprintable()


@given(st.characters())
def test_any_character_can_be_romanised(char: str) -> None:
    written = romanised(char)
    assert written.isascii()
    assert written or unicodedata.category(char)[0] in "CM" or char == "ـ"


@pytest.mark.parametrize(
    ("words", "order", "leftwards"),
    [
        ("a b c", "a b c", False),
        ("אב גד", "גד אב", True),
        ("fire אב גד sword", "fire גד אב sword", False),
        ("אב 2026 גד", "גד 2026 אב", True),
        ("אב fire sword 3 גד", "גד 3 fire sword אב", True),
        ("a אב - גד", "a גד - אב", False),
        ("12 %", "12 %", False),
    ],
)
def test_words_stand_in_the_order_of_their_script(words: str, order: str, leftwards: bool) -> None:
    assert visual(tuple(words.split())) == (tuple(order.split()), leftwards)


@pytest.mark.skipif(not (can_shape() and font_for("سيف")), reason="needs a font for Arabic, and fribidi")
def test_arabic_letters_are_joined() -> None:
    letters = face(40)
    assert letters.width("سيف") < sum(map(letters.width, "سيف"))


@pytest.mark.parametrize("asset", ["灯台/夕暮れ", "أيقونات/سيف", "סמלים/חרב", "значки/меч", "한글#검"])
@pytest.mark.parametrize("background", ["", "transparent"])
def test_ids_of_any_script_are_told_apart(asset: str, background: str) -> None:
    one, other = (a_request(asset=each, background=background) for each in (asset, asset[:-1]))
    assert draw(one, (256, 256)) != draw(other, (256, 256)) == draw(other, (256, 256))


class _Ruler:
    """A face that measures ten pixels for each letter, and notes how much it was asked to measure at once."""

    def __init__(self) -> None:
        self.longest = 0

    def width(self, word: str) -> float:
        self.longest = max(self.longest, len(word))
        return 10 * len(word)


def test_a_long_word_is_measured_in_pieces() -> None:
    """To shape all that is left of it, for every line, took more than a second of CPU time for each draft."""
    ruler = _Ruler()
    word = "a\u05d0" * 800
    pieces = list(_shaped_pieces(word, cast(Face, ruler), 200))
    assert "".join(pieces) == word
    assert {len(piece) for piece in pieces} == {20}
    assert ruler.longest <= 102
