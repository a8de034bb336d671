"""The Deriver makes all files of a unit in its folder, or says why not; a picture of a stranger costs one unit."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from PIL import Image

from reconciler.core.derived.atlas_data import layout_file
from reconciler.core.derived.icon_sets import icon_outputs
from reconciler.core.derived.operations import ColourKey, Encoding, Operation, Resize, Slice, Trim
from reconciler.core.derived.work import (
    ATLAS_DATA,
    ICON_SETS,
    AtlasWork,
    DerivedResult,
    DeriveFailure,
    FilesWork,
    IconsWork,
    MadeFile,
    MadeFiles,
    ManifestEntry,
    ManifestSource,
    ManifestWork,
    Master,
    SpriteWork,
    WantedFile,
    Work,
)
from reconciler.core.digest import AssetId, ContentHash, content_hash
from reconciler.core.images.sniff import FORMATS
from reconciler.core.ports import Deriver
from reconciler.core.value import replace
from reconciler.derive import processes
from reconciler.derive.deriver import PillowDeriver
from tests.derive.pictures import a_master, on_green, scene, sprite

MISBEHAVING = """
import os, signal, sys, time
sys.path += sys.argv[2:]
from reconciler.derive import worker
from reconciler.derive.wire import OK, PART
def bad(request):
    {code}
    yield b""
worker.answers = bad
worker.serve(int(sys.argv[1]))
"""


@pytest.fixture
def deriver() -> Iterator[Deriver]:
    made = PillowDeriver(2)
    yield made
    made.close()


class Folders:
    """New empty folders."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._numbers = count()

    def __call__(self) -> Path:
        path = self._root / f"unit-{next(self._numbers)}"
        path.mkdir()
        return path


@pytest.fixture
def folder(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def wanted(output: str, *operations: Operation, quality: int = 70) -> WantedFile:
    form = output.rpartition(".")[2]
    return WantedFile(output, operations, Encoding(form, 0 if form == "png" else quality))


def complete(result: DerivedResult) -> dict[str, MadeFile]:
    """The files of a unit that was made: each is as the result says."""
    assert isinstance(result, MadeFiles), result
    for file in result.files:
        data = file.path.read_bytes()
        assert (file.content, file.size) == (content_hash(data), len(data))
        if file.width:
            with Image.open(io.BytesIO(data)) as image:
                assert image.size == (file.width, file.height)
    return {file.output: file for file in result.files}


def failure(result: DerivedResult) -> str:
    assert isinstance(result, DeriveFailure), result
    return result.fact


def a_unit(tmp_path: Path, folder: Path, image: Image.Image | None = None) -> FilesWork:
    return FilesWork(a_master(tmp_path, image or scene()), (wanted("a.png", Resize(32)),), folder)


def test_a_ladder_in_every_format(deriver: Deriver, tmp_path: Path, folder: Folders) -> None:
    files = tuple(wanted(f"img/hero-{width}.{form}", Resize(width)) for width in (16, 48, 200) for form in FORMATS)
    unit = folder()
    made = complete(deriver.derive(FilesWork(a_master(tmp_path, scene()), files, unit)))
    assert list(made) == [file.output for file in files], "in the order of the work"
    assert {(name, file.width, file.height) for name, file in made.items() if name.endswith("avif")} == {
        ("img/hero-16.avif", 16, 11),
        ("img/hero-48.avif", 48, 32),
        ("img/hero-200.avif", 96, 64),
    }
    assert {file.made for file in made.values()} == {deriver.encoder("avif")}
    assert {file.path.parent for file in made.values()} == {unit}


def test_the_same_work_gives_the_same_bytes(deriver: Deriver, tmp_path: Path, folder: Folders) -> None:
    files = tuple(wanted(f"a.{form}", ColourKey(), Trim(), Resize(30)) for form in FORMATS)
    master = a_master(tmp_path, on_green())
    first, second = (complete(deriver.derive(FilesWork(master, files, folder()))) for _ in range(2))
    assert [file.content for file in first.values()] == [file.content for file in second.values()]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_of_a_master(deriver: Deriver, tmp_path: Path, folder: Folders, form: str) -> None:
    master = a_master(tmp_path, scene(), form=form)
    complete(deriver.derive(FilesWork(master, (wanted("a.png", Resize(32)),), folder())))


def test_a_file_has_no_metadata_and_a_jpeg_its_background(deriver: Deriver, tmp_path: Path, folder: Folders) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a secret"
    master = a_master(tmp_path, sprite(), exif=exif, icc_profile=b"no profile")
    files = tuple(wanted(f"a.{form}") for form in FORMATS)
    green = replace(files[1], output="b.jpeg", encoding=Encoding("jpeg", 90, background="#00ff00"))
    made = complete(deriver.derive(FilesWork(master, (*files, green), folder())))
    for file in made.values():
        data = file.path.read_bytes()
        assert b"a secret" not in data and b"no profile" not in data
    with Image.open(made["b.jpeg"].path) as image:
        red, high, blue = image.getpixel((0, 0))  # type: ignore[misc]  # three bands
    assert (red < 16, high > 240, blue < 16) == (True, True, True)


def test_quality_and_lossless(deriver: Deriver, tmp_path: Path, folder: Folders) -> None:
    master = a_master(tmp_path, scene())
    files = [wanted(f"{quality}.{form}", quality=quality) for form in FORMATS[1:] for quality in (20, 90)]
    lossless = WantedFile("l.webp", (), Encoding("webp", 80, lossless=True))
    made = complete(deriver.derive(FilesWork(master, (*files, lossless), folder())))
    for form in FORMATS[1:]:
        assert made[f"20.{form}"].size < made[f"90.{form}"].size
    with Image.open(made["l.webp"].path) as image:
        assert image.convert("RGB").tobytes() == scene().tobytes()


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        (b"", "the picture cannot be read: empty"),
        (b"<html>", "the picture cannot be read: not a PNG, JPEG, WebP or AVIF file"),
    ],
)
def test_a_master_that_is_no_picture(deriver: Deriver, tmp_path: Path, folder: Folders, data: bytes, fact: str) -> None:
    unit = a_unit(tmp_path, folder())
    unit.master.path.write_bytes(data)
    assert failure(deriver.derive(unit)) == fact
    assert list(unit.folder.iterdir()) == []


def test_a_master_with_broken_pixels(deriver: Deriver, tmp_path: Path, folder: Folders) -> None:
    unit = a_unit(tmp_path, folder())
    a_master(tmp_path, scene(), form="jpeg")
    data = bytearray((tmp_path / "master.jpeg").read_bytes())
    data[data.index(b"\xff\xc4") + 4] = 0xFF  # a table of codes that no decoder accepts
    unit.master.path.write_bytes(data)
    assert failure(deriver.derive(unit)).startswith("the picture cannot be decoded: ")
    assert complete(deriver.derive(a_unit(tmp_path, folder())))


def test_a_master_with_too_many_pixels(deriver: Deriver, tmp_path: Path, folder: Folders) -> None:
    unit = a_unit(tmp_path, folder(), Image.new("1", (10_000, 5_001)))
    assert failure(deriver.derive(unit)) == "10000x5001 pixels are too many to decode"


def test_a_master_that_is_gone_is_an_error_of_the_disk(deriver: Deriver, tmp_path: Path, folder: Folders) -> None:
    unit = a_unit(tmp_path, folder())
    unit.master.path.unlink()
    with pytest.raises(FileNotFoundError):
        deriver.derive(unit)


def test_a_disk_that_refuses_is_an_error_of_the_disk(deriver: Deriver, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        deriver.derive(a_unit(tmp_path, tmp_path / "no folder"))
    assert complete(deriver.derive(a_unit(tmp_path, Folders(tmp_path)())))


def test_what_an_operation_refuses_has_a_hint(deriver: Deriver, tmp_path: Path, folder: Folders) -> None:
    keyed = replace(a_unit(tmp_path, folder()), files=(wanted("a.png", ColourKey()),))
    found = deriver.derive(keyed)
    assert isinstance(found, DeriveFailure)
    assert found.fact.startswith("no flat background: ") and found.hint
    grey = Master(AssetId("grey"), ContentHash("x"), tmp_path / "grey.png")
    Image.new("RGB", (32, 32), "white").save(grey.path)
    assert failure(deriver.derive(replace(keyed, master=grey))).startswith("the key colour is grey")
    nothing = a_unit(tmp_path, folder(), Image.new("RGBA", (8, 8)))
    trimmed = replace(nothing, files=(wanted("a.png", Trim()),))
    assert failure(deriver.derive(trimmed)) == "nothing is left of the picture: every pixel is transparent"
    large = replace(nothing, files=(wanted("a.png", Resize(9_000, 9_000, "fill", enlarge=True)),))
    assert failure(deriver.derive(large)) == "9000x9000 pixels are too many"


@pytest.mark.usefixtures("ending_processes")
@pytest.mark.parametrize(
    ("code", "fact"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "the decoder crashed (SIGSEGV)"),
        ("os._exit(3)", "the decoder crashed (exit code 3)"),
        ("yield PART.pack(OK, 7, 1, 1, 0, 0, 0, 0, 1, b'') + b'x'", "the decoder gave no valid answer"),
        ("yield PART.pack(OK, 0, 1, 1, 0, 0, 0, 0, 2**32 - 1, b'')", "the decoder gave no valid answer"),
        ("yield PART.pack(OK, 0, 1, 1, 0, 0, 0, 0, 6, b'') + b'<html>'", "the encoder did not return png"),
        ("yield PART.pack(1, 0, 0, 0, 0, 0, 0, 0, 0, b'\\x1b[2J::error')", "the picture cannot be decoded: Error"),
        ("raise MemoryError", "it takes more than 2048 MiB of memory"),
    ],
)
def test_a_process_that_misbehaves_costs_one_unit(
    tmp_path: Path, folder: Folders, monkeypatch: pytest.MonkeyPatch, code: str, fact: str
) -> None:
    deriver = PillowDeriver(1)
    with monkeypatch.context() as patch:
        patch.setattr(processes, "_PROGRAM", MISBEHAVING.format(code=code))
        unit = a_unit(tmp_path, folder())
        assert failure(deriver.derive(unit)) == fact
        assert list(unit.folder.iterdir()) == []
        deriver.close()
    fresh = PillowDeriver(1)
    assert complete(fresh.derive(a_unit(tmp_path, folder())))
    fresh.close()


@pytest.mark.usefixtures("ending_processes")
def test_the_time_of_the_processor_is_limited(tmp_path: Path, folder: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_PROGRAM", MISBEHAVING.format(code="sum(iter(int, 1))"))
    monkeypatch.setattr("reconciler.derive.deriver.cpu_seconds", lambda _, files: 0)
    deriver = PillowDeriver(1)
    assert failure(deriver.derive(a_unit(tmp_path, folder()))) == "it takes too much CPU time"
    deriver.close()


@pytest.mark.usefixtures("ending_processes")
@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not enforce RLIMIT_AS")
def test_memory_is_limited(tmp_path: Path, folder: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "WORKER_MEMORY", 8 << 20)
    deriver = PillowDeriver(1)
    big = a_unit(tmp_path, folder(), Image.new("RGB", (3000, 3000), "red"))
    assert failure(deriver.derive(big)) == "it takes more than 8 MiB of memory"
    deriver.close()


@pytest.mark.usefixtures("ending_processes")
def test_a_very_large_master_that_fails_has_a_way_out(
    tmp_path: Path, folder: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_PROGRAM", MISBEHAVING.format(code="raise RuntimeError"))
    deriver = PillowDeriver(1)
    large = deriver.derive(a_unit(tmp_path, folder(), Image.new("1", (5000, 4001))))
    assert isinstance(large, DeriveFailure)
    assert large.hint == "5000x4001 pixels may take more than 2048 MiB: make the image smaller"
    usual = deriver.derive(a_unit(tmp_path, folder()))
    assert isinstance(usual, DeriveFailure) and not usual.hint
    deriver.close()


@pytest.mark.usefixtures("ending_processes")
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux shows the environment of a process")
def test_a_process_has_no_key_in_its_environment(
    tmp_path: Path, folder: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAVITEX_API_KEY", "sk-secret")
    deriver = PillowDeriver(1)
    deriver.derive(a_unit(tmp_path, folder()))
    (process,) = deriver._processes._idle._idle
    assert b"sk-secret" not in Path(f"/proc/{process._pid}/environ").read_bytes()
    deriver.close()


@pytest.mark.usefixtures("ending_processes")
def test_no_more_processes_than_jobs_and_all_end(tmp_path: Path, folder: Folders) -> None:
    deriver = PillowDeriver(2)
    units = [a_unit(tmp_path, folder()) for _ in range(6)]
    threads = [threading.Thread(target=deriver.derive, args=(unit,)) for unit in units]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pids = [process._pid for process in deriver._processes._idle._idle]
    assert 1 <= len(pids) <= 2
    deriver.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.usefixtures("ending_processes")
def test_closing_ends_what_is_at_work(tmp_path: Path, folder: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    started = tmp_path / "started"
    code = f"open({str(started)!r}, 'w').close(); time.sleep(60)"
    monkeypatch.setattr(processes, "_PROGRAM", MISBEHAVING.format(code=code))
    deriver = PillowDeriver(1)
    unit = a_unit(tmp_path, folder())
    found: list[DerivedResult] = []
    thread = threading.Thread(target=lambda: found.append(deriver.derive(unit)))
    thread.start()
    while not started.exists():
        time.sleep(0.01)
    deriver.close()
    thread.join(20)
    assert failure(found[0]) == "the work was cancelled"
    assert failure(deriver.derive(unit)) == "the work was cancelled", "a closed one starts nothing"


def test_the_caller_loads_no_decoder() -> None:
    code = (
        "import sys\nfrom reconciler.derive.deriver import PillowDeriver\n"
        "made = PillowDeriver().encoder('avif')\nassert made.startswith('1 pillow 1'), made\n"
        "sys.exit('PIL' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_text_has_no_encoder(deriver: Deriver) -> None:
    assert deriver.encoder("json") == "1"


# --- Bundles ----------------------------------------------------------------------------------------------------------


def an_atlas(tmp_path: Path, folder: Path, *names: str, **changes: object) -> AtlasWork:
    sprites = tuple(
        SpriteWork(name, a_master(tmp_path, sprite(40 + ord(name[0]) % 8), name.replace("/", "-")), (Resize(24, 24),))
        for name in names
    )
    work = AtlasWork(sprites, "assets/atlas/items", Encoding("png"), ("texturepacker",), folder, extrude=1)
    return replace(work, **changes)


def test_an_atlas_with_every_data_file(deriver: Deriver, tmp_path: Path, folder: Folders) -> None:
    made = complete(deriver.derive(an_atlas(tmp_path, folder(), "a", "b/c", "d", data=ATLAS_DATA)))
    assert set(made) == {
        f"assets/atlas/items{suffix}"
        for suffix in (".png", ".json", ".array.json", ".phaser.json", ".tres", ".css", ".plist", ".tpsheet")
    }
    document = json.loads(made["assets/atlas/items.json"].path.read_text("utf-8"))
    assert set(document["frames"]) == {"a", "b/c", "d"}
    page = Image.open(made["assets/atlas/items.png"].path)
    assert document["meta"]["size"] == {"w": page.width, "h": page.height}
    for frame in document["frames"].values():
        place, source = frame["frame"], frame["spriteSourceSize"]
        box = (place["x"], place["y"], place["x"] + place["w"], place["y"] + place["h"])
        assert page.crop(box).getchannel("A").getbbox() == (0, 0, place["w"], place["h"]), "no transparent border"
        assert source["x"] > 0 and frame["trimmed"]


def test_one_more_sprite_moves_none(deriver: Deriver, tmp_path: Path, folder: Folders) -> None:
    first = complete(deriver.derive(an_atlas(tmp_path, folder(), "b", "c", "d")))
    text = first[layout_file("assets/atlas/items", ("texturepacker",))].path.read_text("utf-8")
    second = complete(deriver.derive(an_atlas(tmp_path, folder(), "a", "b", "c", "d", earlier=text)))
    before, after = (
        json.loads(made["assets/atlas/items.json"].path.read_text("utf-8"))["frames"] for made in (first, second)
    )
    assert set(after) == {"a", "b", "c", "d"}
    assert {name: after[name] for name in before} == before


def test_the_order_of_the_sprites_does_not_matter(deriver: Deriver, tmp_path: Path, folder: Folders) -> None:
    work = an_atlas(tmp_path, folder(), "a", "b", "c", data=ATLAS_DATA)
    first = complete(deriver.derive(work))
    turned = replace(work, sprites=tuple(reversed(work.sprites)), folder=folder())
    second = complete(deriver.derive(turned))
    assert {file.content for file in first.values()} == {file.content for file in second.values()}


def test_a_nine_slice_sprite_keeps_its_border(deriver: Deriver, tmp_path: Path, folder: Folders) -> None:
    work = an_atlas(tmp_path, folder(), "panel")
    work = replace(work, sprites=(replace(work.sprites[0], borders=Slice(2, 3, 4, 5)),))
    made = complete(deriver.derive(work))
    frame = json.loads(made["assets/atlas/items.json"].path.read_text("utf-8"))["frames"]["panel"]
    assert (frame["trimmed"], frame["borders"]) == (False, {"left": 2, "top": 3, "right": 4, "bottom": 5})
    wide = replace(work, sprites=(replace(work.sprites[0], borders=Slice(21, 3, 4, 5)),), folder=folder())
    assert failure(deriver.derive(wide)) == "panel: its slice is larger than its 24x24 pixels"


def test_pages_overflow(deriver: Deriver, tmp_path: Path, folder: Folders) -> None:
    made = complete(deriver.derive(an_atlas(tmp_path, folder(), "a", "b", "c", max_width=30, max_height=30)))
    assert set(made) == {f"assets/atlas/items{page}.{end}" for page in ("", "-1", "-2") for end in ("png", "json")}


def test_what_cannot_be_an_atlas_names_the_sprite(deriver: Deriver, tmp_path: Path, folder: Folders) -> None:
    work = an_atlas(tmp_path, folder(), "a", "b", max_width=12)
    assert re.fullmatch(r"a: [0-9]+x[0-9]+ pixels do not fit on a page of 12x2048", failure(deriver.derive(work)))
    keyed = an_atlas(tmp_path, folder(), "a")
    keyed = replace(keyed, sprites=(replace(keyed.sprites[0], operations=(ColourKey(),)),))
    assert failure(deriver.derive(keyed)).startswith("a: ")
    broken = an_atlas(tmp_path, folder(), "a", "b")
    broken.sprites[1].master.path.write_bytes(b"<html>")
    assert failure(deriver.derive(broken)) == "b: the picture cannot be read: not a PNG, JPEG, WebP or AVIF file"
    assert list(broken.folder.iterdir()) == []
    assert failure(deriver.derive(replace(broken, sprites=()))) == "the atlas has no sprites"


def test_icon_sets(deriver: Deriver, tmp_path: Path, folder: Folders) -> None:
    master = a_master(tmp_path, sprite(200))
    work = IconsWork(master, ICON_SETS, "public/icons", folder(), background="#1b2430", padding=100, name="Tide")
    made = complete(deriver.derive(work))
    assert sorted(made) == [f"public/icons/{path}" for path in icon_outputs(ICON_SETS)]
    assert (made["public/icons/favicon.ico"].width, made["public/icons/icon-512.png"].width) == (48, 512)
    assert made["public/icons/icons.html"].made == "1"


def test_a_web_manifest(deriver: Deriver, tmp_path: Path, folder: Folders) -> None:
    master = a_master(tmp_path, Image.new("RGB", (64, 48), (27, 36, 48)))
    entry = ManifestEntry(
        AssetId("hero"), "A harbour", master.path, (ManifestSource("public/hero.png", "png", 64, 48),)
    )
    work = ManifestWork((entry,), "public/images.json", folder(), "png", html="public/html", url="public/")
    made = complete(deriver.derive(work))
    assert list(made) == ["public/images.json", "public/html/hero.html"]
    image = json.loads(made["public/images.json"].path.read_text("utf-8"))["images"]["hero"]
    assert (image["colour"], image["width"], image["img"]["src"]) == ("#1b2430", 64, "/hero.png")
    assert len(image["thumbhash"]) >= 24
    broken = replace(entry, preview=tmp_path / "broken.png")
    broken.preview.write_bytes(b"x")
    failed: Work = replace(work, entries=(broken,), folder=folder())
    assert failure(deriver.derive(failed)).startswith("the picture cannot be read")
