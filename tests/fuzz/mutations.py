"""Change an input: words of the formats, hidden characters, odd numbers, odd paths, copies and cuts."""

from __future__ import annotations

from random import Random

_WORDS: tuple[bytes, ...] = tuple(
    text.encode()
    for text in (
        "prompt:", "matrix:", "include:", "exclude:", "references:", "turns:", "parts:", "style:", "vars:", "params:",
        "defaults:", "assets:", "output:", "size:", "limits:", "models:", "providers:", "base_url:", "budget:", "tags:",
        "- ", ": ", "{", "}", "[", "]", ",", '"', "'", "|\n ", "&a ", "*a", "<<: ", "!!str ", "# ", "---\n", "...\n",
        "${", "}", "$${", "${a}", "null", "true", "~", ".nan", ".inf", "-.inf", "0x10", "007", "1e3", "1e999", "-0",
        "9" * 40, "1" * 4_400, "../x.png", "/etc/passwd", ".git/config.png", ".GIT/x.png", "GIT~1/x.png", "a\\b.png",
        "con.png", "sha256:" + "0" * 64, "r1:" + "0" * 64, "::error::x", "\n::error::x", "##[error]x", "\x1b[2J",
        "\x9b2J", "\u202e", "\u2066", "\u200b", "\ufeff", "\u2028", "\x85", "\x7f", "\U000e0041", "\ud7ff", "\x00",
        "\\u0000", "\\ud800", "\\udc00", "\r", "\t", " " * 64, "é", "日本", "é" * 200, "x" * 5_000, "?" * 40,
    )
)  # fmt: skip
_BYTES = (b"\xff", b"\xfe\xff", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\x00" * 8)
MAX_SIZE = 64 << 10


def mutated(data: bytes, random: Random) -> bytes:
    """The input with one to six changes; at most `MAX_SIZE` bytes."""
    for _ in range(random.choice((1, 1, 2, 3, 6))):
        data = _changed(data, random)
    return data[:MAX_SIZE]


def _changed(data: bytes, random: Random) -> bytes:
    at, end = sorted((random.randrange(len(data) + 1), random.randrange(len(data) + 1)))
    lines = data.split(b"\n")
    line = random.randrange(len(lines))
    match random.randrange(10):
        case 0 | 1:
            return data[:at] + random.choice(_WORDS) + data[at:]
        case 2:
            return data[:at] + random.choice(_WORDS) + data[min(end, at + 20) :]
        case 3:
            return data[:at] + random.choice(_BYTES) + data[at:]
        case 4:
            return data[:at] + data[end:]
        case 5:
            return data[:at] + data[at:end] * random.choice((2, 3, 40)) + data[end:]
        case 6:
            return b"\n".join((*lines[:line], *lines[line + 1 :]))
        case 7:
            return b"\n".join((*lines[: line + 1], *lines[line:]))
        case 8:
            other = random.randrange(len(lines))
            lines[line], lines[other] = lines[other], lines[line]
            return b"\n".join(lines)
        case _:
            return data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]
