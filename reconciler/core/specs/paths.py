"""Which paths a spec may name: below the project, portable, and never two spellings of one file."""

from __future__ import annotations

import re
import unicodedata

from reconciler.core.images.sniff import SUFFIXES
from reconciler.core.value import value

_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
_PLAIN = re.compile(
    r"(?:(?!(?i:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:[./]|\Z))[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*(?:/(?!\Z)|\Z))+"
)
"""What nearly every path looks like; nothing is wrong with such a one."""
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')
_SURROGATE = re.compile("[\ud800-\udfff]")
_OURS = (".git", ".reconciler")


@value
class BadPath:
    """Why a path cannot be used."""

    fact: str
    hint: str = ""


def project_path(text: str) -> str | BadPath:
    """A path below the project root in normal form (`./a//b` is `a/b`), or what is wrong with it."""
    if len(text) <= 200 and _PLAIN.fullmatch(text):
        return text
    if not text.isascii() and not is_unicode(text):
        return BadPath(f'"{text}" is not valid Unicode', "rename it in UTF-8")
    if "\\" in text:
        return BadPath(f'"{text}" has a backslash', "write / between folders")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        return BadPath(f'"{text}" is a URL', "download it and name the file")
    if text.startswith("/") or re.match(r"(\./*)*~|[A-Za-z]:", text):
        return BadPath(f'"{text}" is not below the project root', "write a path relative to reconciler.yaml")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if not parts:
        return BadPath("names no file")
    if len("/".join(parts).encode("utf-8", "replace")) > 1000:
        return BadPath(f"the path is over 1,000 bytes long: {text[:40]}…")
    if ".." in parts:
        return BadPath(f'"{text}" may leave the project', "write it without .., below the folder of reconciler.yaml")
    if parts[0].casefold() in _OURS:
        return BadPath(f'"{text}" lies in {parts[0]}/, which belongs to a tool')
    for part in parts:
        if _FORBIDDEN.search(part) or part.endswith((".", " ")) or part.startswith(" "):
            return BadPath(f'"{text}" has a name that some file systems cannot hold')
        if _RESERVED.fullmatch(part):
            return BadPath(f'"{text}" has a name that Windows reserves ({part})', "choose another name")
        if len(part.encode("utf-8", "replace")) > 200:
            return BadPath(f"a name in the path is over 200 bytes long: {part[:40]}…")
    return "/".join(parts)


def is_unicode(text: str) -> bool:
    """Whether a name can be written in UTF-8: one that the disk has in other bytes comes with half surrogates."""
    return not _SURROGATE.search(text)


def bad_suffix(path: str) -> BadPath | None:
    """What is wrong with the suffix of a picture's path."""
    if image_format(path) is not None:
        return None
    stem, dot, suffix = path.rpartition("/")[2].rpartition(".")
    named = f'"{path}": .{suffix} is not a supported image suffix'
    fact = named if dot and stem and suffix else f'"{path}" has no image suffix'
    return BadPath(fact, "end it in .png, .jpg, .webp or .avif")


def image_format(path: str) -> str | None:
    """The format that a path's suffix says, or None."""
    name = path.rpartition("/")[2]
    stem, dot, suffix = name.rpartition(".")
    return SUFFIXES.get("." + suffix.lower()) if dot and stem else None


def in_folder(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies below it, on any file system."""
    return f"{same_file_key(path)}/".startswith(f"{same_file_key(folder)}/")


def same_file_key(path: str) -> str:
    """Equal for two paths that a case-insensitive or normalising file system takes for one."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
