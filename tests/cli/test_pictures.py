"""Pictures on a terminal: each protocol carries the pixels of the candidate, and no other stream gets any."""

from __future__ import annotations

import base64
import io
import os
import re
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from reconciler.cli.pictures import PictureProtocol, picture_protocol, picture_text
from reconciler.testing.gateway import Gateway
from tests.cli.paid_project import PaidProject, opened

TRUE = {"COLORTERM": "truecolor"}


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Teal above orange."""
    made = Image.new("RGB", (640, 320), (0, 128, 128))
    made.paste((255, 140, 0), (0, 160, 640, 320))
    path = tmp_path / "picture.png"
    made.save(path)
    return path


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, "KITTY"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "KITTY"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "ITERM"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "ITERM"),
        ({"TERM": "xterm-256color"}, "BLOCKS"),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1"}, "BLOCKS"),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux-0/default,1,0"}, "BLOCKS"),
        ({"TERM": "dumb"}, "NONE"),
        ({"TERM": "xterm-kitty", "NO_COLOR": "1"}, "NONE"),
        ({"TERM": "xterm-kitty", "CLICOLOR": "0"}, "NONE"),
        ({"TERM": "xterm-kitty", "COLUMNS": "20"}, "NONE"),
    ],
)
def test_what_terminals_say_of_themselves(environ: dict[str, str], protocol: str) -> None:
    wide = {"COLUMNS": "80"} | environ
    assert picture_protocol(Terminal(), wide) is PictureProtocol[protocol]
    assert picture_protocol(io.StringIO(), wide | {"FORCE_COLOR": "1"}) is PictureProtocol.NONE, "a pipe"


def is_the_picture(image: Image.Image) -> None:
    above: Any = image.getpixel((image.width // 2, image.height // 4))
    below: Any = image.getpixel((image.width // 2, image.height * 3 // 4))
    assert (above[1], below[0]) == (128, 255)


def test_kitty(picture: Path) -> None:
    text = picture_text(picture, PictureProtocol.KITTY, {})
    chunks = re.findall(r"\x1b_G([^;]*);([A-Za-z0-9+/=]*)\x1b\\", text)
    assert "".join(f"\x1b_G{head};{data}\x1b\\" for head, data in chunks) == text
    fields = dict(field.split("=") for field in chunks[0][0].split(","))
    assert (fields["a"], fields["f"], fields["o"], fields["r"]) == ("T", "24", "z", "8")
    assert [head[-3:] for head, _ in chunks] == [*["m=1"] * (len(chunks) - 1), "m=0"]
    assert all(len(data) <= 4096 for _, data in chunks)
    rgb = zlib.decompress(base64.b64decode("".join(data for _, data in chunks)))
    is_the_picture(Image.frombytes("RGB", (int(fields["s"]), int(fields["v"])), rgb))


def test_iterm(picture: Path) -> None:
    text = picture_text(picture, PictureProtocol.ITERM, {})
    found = re.fullmatch(r"\x1b\]1337;File=inline=1;size=(\d+);height=8;preserveAspectRatio=1:([\w+/=]+)\x07", text)
    assert found is not None
    data = base64.b64decode(found[2])
    assert len(data) == int(found[1])
    is_the_picture(Image.open(io.BytesIO(data)))


def test_half_blocks(picture: Path) -> None:
    text = picture_text(picture, PictureProtocol.BLOCKS, TRUE)
    rows = text.split("\n")
    assert len(rows) == 8
    assert rows[0].count("▀") == 32
    assert "38;2;0;128;128" in rows[0]
    assert "48;2;255;140;0" in rows[-1]
    few = picture_text(picture, PictureProtocol.BLOCKS, {})
    assert "38;2;" not in few
    assert "38;5;" in few


def test_what_cannot_be_decoded_is_not_shown(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n" + os.urandom(64))
    for protocol in PictureProtocol:
        assert picture_text(broken, protocol, TRUE) == ""
        assert picture_text(tmp_path / "missing.png", protocol, TRUE) == ""


def test_choose_shows_the_candidates_on_a_terminal(
    gateway: Gateway, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop").mkdir()
    paid = opened(PaidProject(tmp_path / "shop", capsys, gateway), monkeypatch)
    paid.set_up(hero="a lighthouse")
    paid.apply("--candidates", "2")
    plain = paid.done("choose", "hero").out
    assert "▀" not in plain
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    shown = paid.done("choose", "hero").out
    assert shown.count("\n1:\n") == shown.count("\n2:\n") == 1
    assert shown.count("▀") >= 2 * 8 * 8
    assert "▀" not in paid.done("choose", "hero", "--format", "json").out
