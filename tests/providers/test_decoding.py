"""Images of strangers are decoded in a process that may crash, run for ever or take all memory, at its own cost."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from reconciler.core.images.sniff import FORMATS, ImageFacts, NotAnImage, sniff
from reconciler.core.outcome import BadOutput, Done
from reconciler.imaging.child_process import DecoderError
from reconciler.providers.decoding import children, decode
from reconciler.providers.decoding.children import Child, Children
from reconciler.providers.decoding.protocol import OK, REQUEST, VERIFY
from reconciler.testing.gateway import Gateway
from reconciler.testing.memory_ports import MemorySpool
from tests.hostile.pictures import big_webp, scans
from tests.providers.builders import a_provider, a_recipe, a_request, settings_for

pytestmark = pytest.mark.usefixtures("ending_processes")
PREFIX = """
import os, signal, sys, time
sys.path += sys.argv[2:]
from reconciler.providers.decoding import child
from reconciler.providers.decoding.protocol import ANSWER, OK
"""


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Children]:
    """In place of the one of the process."""
    fresh = Children()
    monkeypatch.setattr(decode, "CHILDREN", fresh)
    yield fresh
    fresh.end()


def a_file(tmp_path: Path, form: str = "jpeg", size: tuple[int, int] = (160, 160)) -> tuple[Path, ImageFacts]:
    path = tmp_path / f"picture.{form}"
    Image.radial_gradient("L").resize(size).convert("RGB").save(path, form)
    return path, facts_of(path)


def facts_of(path: Path) -> ImageFacts:
    facts = sniff(path.read_bytes())
    assert isinstance(facts, ImageFacts), facts
    return facts


def a_pid(pool: Children) -> int:
    """The process of the only idle decoder."""
    (child,) = pool._processes._idle
    return child._pid


def misbehaving(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Decoders that are started now do this in place of decoding."""
    body = f"{PREFIX}\ndef bad(*_, **__):\n    {code}\nchild._answer = bad\nchild.serve(int(sys.argv[1]))\n"
    monkeypatch.setattr(children, "_PROGRAM", body)


def test_one_process_decodes_all_formats_one_after_the_other(tmp_path: Path, pool: Children) -> None:
    pids = set()
    for form in FORMATS:
        assert decode.decode(*a_file(tmp_path, form)) == decode.Decoded("")
        pids.add(a_pid(pool))
    assert len(pids) == 1


def test_it_ends_when_it_is_not_needed_any_more(tmp_path: Path, pool: Children) -> None:
    decode.decode(*a_file(tmp_path))
    pid = a_pid(pool)
    pool.end()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert decode.decode(*a_file(tmp_path)).wrong == ""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux shows the environment of a process")
def test_it_has_no_key_in_its_environment(tmp_path: Path, pool: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAVITEX_API_KEY", "sk-secret")
    decode.decode(*a_file(tmp_path))
    assert b"sk-secret" not in Path(f"/proc/{a_pid(pool)}/environ").read_bytes()


def test_ctrl_c_is_left_to_the_command(tmp_path: Path, pool: Children) -> None:
    decode.decode(*a_file(tmp_path))
    pid = a_pid(pool)
    os.kill(pid, signal.SIGINT)
    assert decode.decode(*a_file(tmp_path)).wrong == ""
    assert a_pid(pool) == pid


def test_one_that_died_while_it_was_idle_is_replaced(tmp_path: Path, pool: Children) -> None:
    decode.decode(*a_file(tmp_path))
    pid = a_pid(pool)
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert decode.decode(*a_file(tmp_path)).wrong == ""
    assert a_pid(pool) != pid


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "the decoder crashed (SIGSEGV)"),
        ("os._exit(3)", "the decoder crashed (exit code 3)"),
        ("return b'short'; os._exit(0)", "it takes more than 1 s"),
        ("time.sleep(60)", "it takes more than 1 s"),
        ("os.closerange(0, 99); time.sleep(60)", "the decoder crashed (SIGKILL)"),
    ],
)
def test_a_decoder_that_misbehaves_costs_one_image(
    tmp_path: Path, pool: Children, monkeypatch: pytest.MonkeyPatch, code: str, why: str
) -> None:
    with monkeypatch.context() as patch:
        misbehaving(patch, code)
        patch.setattr(children, "WALL_SECONDS", 1 if why.endswith(" s") else 60)
        assert decode.decode(*a_file(tmp_path)) == decode.Decoded(f"the picture cannot be decoded: {why}")
    assert decode.decode(*a_file(tmp_path)) == decode.Decoded("")


def test_the_time_of_the_processor_is_limited(tmp_path: Path, pool: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    misbehaving(monkeypatch, "sum(iter(int, 1))")
    monkeypatch.setattr(decode, "VERIFY_SECONDS", 0)
    found = decode.decode(*a_file(tmp_path))
    assert found.wrong == "the picture cannot be decoded: it takes more than 0 s of CPU time"


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not enforce RLIMIT_AS")
def test_memory_is_limited(tmp_path: Path, pool: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "big.webp"
    path.write_bytes(big_webp())
    assert "it takes more than 352 MiB of memory" in decode.decode(path, facts_of(path)).wrong
    assert pool._processes._idle == [], "the header says so"
    monkeypatch.setattr(decode, "_PIXEL_BYTES", {})
    assert "cannot be decoded" in decode.decode(path, facts_of(path)).wrong
    assert decode.decode(*a_file(tmp_path)).wrong == ""


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not enforce RLIMIT_AS")
def test_the_want_of_memory_is_said(tmp_path: Path, pool: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "MEMORY_BYTES", 8 << 20)
    found = decode.decode(*a_file(tmp_path, size=(4000, 4000)))
    assert found.wrong == "the picture cannot be decoded: it takes more than 352 MiB of memory"
    assert pool._processes._idle == []


@pytest.mark.parametrize("size", ["(999, 40)", "(81, 40)", "(2**31, 2**31)"])
def test_pixels_that_nobody_asked_for_are_not_read(
    tmp_path: Path, pool: Children, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    misbehaving(monkeypatch, f"return ANSWER.pack(OK, 0, *{size}, b'')")
    assert decode.Thumbnails().make(*a_file(tmp_path), 40) is None


def test_a_name_of_an_error_is_a_name(tmp_path: Path, pool: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    misbehaving(monkeypatch, "return ANSWER.pack(3, 0, 0, 0, b'\\x1b[2J::error::')")
    assert decode.decode(*a_file(tmp_path)).wrong == "the picture cannot be decoded: Error"


def test_thumbnails_that_cost_decoders_are_soon_tried_no_more(
    tmp_path: Path, pool: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    thumbnails = decode.Thumbnails()
    path, facts = a_file(tmp_path)
    size, pixels = thumbnails.make(path, facts, 40) or ((0, 0), b"")
    assert (size, len(pixels)) == ((40, 40), 40 * 40 * 3)
    pool.end()
    misbehaving(monkeypatch, f"open({str(tmp_path / 'tried')!r}, 'a').write('x'); os._exit(1)")
    assert [thumbnails.make(path, facts, 40) for _ in range(9)] == [None] * 9
    assert (tmp_path / "tried").read_text() == "xxx"


def test_a_decoder_that_cannot_be_started_is_no_fault_of_the_image(
    tmp_path: Path, pool: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "_PROGRAM", "raise SystemExit(1)")
    with pytest.raises(OSError, match="the image decoder cannot be started"):
        decode.decode(*a_file(tmp_path))
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(OSError, match="the image decoder cannot be started"):
        decode.decode(*a_file(tmp_path))


def test_a_file_that_is_gone_is_an_error_of_the_disk(tmp_path: Path, pool: Children) -> None:
    path, facts = a_file(tmp_path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        decode.decode(path, facts)


def test_a_request_that_nobody_reads(tmp_path: Path) -> None:
    path, _ = a_file(tmp_path)
    child = Child()
    name = os.fsencode(path)
    request = REQUEST.pack(VERIFY, FORMATS.index("jpeg"), 160, 160, 0, 1, 0, 0, 0, 0, len(name)) + name
    assert child.ask(request, thumbnail=0).result == OK
    os.kill(child._pid, signal.SIGKILL)
    os.waitid(os.P_PID, child._pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(DecoderError, match="SIGKILL"):
        child.ask(request, thumbnail=0)


def test_an_answer_whose_decoder_crashes_is_kept(
    gateway: Gateway, tmp_path: Path, pool: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = MemorySpool(tmp_path / "spool")
    provider = a_provider(settings_for("gravitex", gateway.url()), spool, key=gateway.key)
    request = a_request(a_recipe(model="gemini-3-pro-image-preview", format="jpeg"))
    with monkeypatch.context() as patch:
        misbehaving(patch, "os.kill(os.getpid(), signal.SIGSEGV)")
        outcome = asyncio.run(provider.generate(request))
    assert isinstance(outcome, BadOutput) and outcome.kept is not None
    assert outcome.message == "the picture cannot be decoded: the decoder crashed (SIGSEGV)"
    assert spool.left() == {outcome.kept.path}
    assert isinstance(asyncio.run(provider.generate(request)), Done)


def test_a_jpeg_of_very_many_scans_is_none() -> None:
    before = time.process_time()
    assert sniff(scans(91)) != sniff(scans(101))
    assert sniff(scans(5_000)) == NotAnImage("jpeg: more than 100 scans")
    assert time.process_time() - before < 1


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff" + b"\xff" * (8 << 20),
        b"\xff\xd8" + b"\xff\xe0\0\2" * (2 << 20),
        b"RIFF" + (8 * (1 << 20) + 4).to_bytes(4, "little") + b"WEBP" + b"ANMF\0\0\0\0" * (1 << 20),
        b"\0\0\0\x0cftypavif" + b"\0\0\0\x08free" * (1 << 20),
    ],
    ids=["fill bytes", "segments", "chunks", "boxes"],
)
def test_a_file_of_very_many_parts_is_walked_no_further(data: bytes) -> None:
    before = time.process_time()
    assert isinstance(sniff(data), NotAnImage)
    assert time.process_time() - before < 0.5


def test_verifying_loads_no_decoder_into_the_command() -> None:
    code = "import sys, reconciler.providers.responses.verify_image; sys.exit('PIL' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_preview_is_small_and_keeps_what_is_transparent(tmp_path: Path, pool: Children) -> None:
    path = tmp_path / "noise.png"
    noise = Image.effect_noise((600, 300), 120).convert("RGBA")
    noise.putalpha(Image.new("L", noise.size, 0))
    noise.save(path)
    made = decode.Thumbnails().preview(path, facts_of(path), 256)
    assert made is not None and len(made) <= 256 * 256 // 30
    with Image.open(BytesIO(made)) as image:
        assert image.format == "WEBP" and image.has_transparency_data
        assert max(image.size) <= 256 and abs(image.width / image.height - 2) < 0.1


def test_what_a_decoder_calls_a_preview_is_looked_at(
    tmp_path: Path, pool: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = "return ANSWER.pack(OK, 0, 9, 9, b'') + __import__('struct').pack('!I', 9) + b'<svg/>   '"
    misbehaving(monkeypatch, answer)
    assert decode.Thumbnails().preview(*a_file(tmp_path), 256) is None
    misbehaving(monkeypatch, "return ANSWER.pack(OK, 0, 9, 9, b'') + __import__('struct').pack('!I', 1 << 20)")
    pool.end()
    assert decode.Thumbnails().preview(*a_file(tmp_path), 256) is None
