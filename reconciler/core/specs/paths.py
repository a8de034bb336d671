"""Check the paths in specs, the lockfile and the journal: below the project, portable, visible, and in no folder of a
tool. One rule for all of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from reconciler.core.images.sniff import SUFFIXES
from reconciler.core.text import is_hidden
from reconciler.core.value import value

_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
_PLAIN = re.compile(
    r"(?:(?!(?i:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:[./]|\Z))[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*(?:/(?!\Z)|\Z))+"
)
"""The common form of a path, which is always valid."""
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')
_SURROGATE = re.compile("[\ud800-\udfff]")
_CLOSED = frozenset({".git", ".reconciler", ".github"})
"""Folders, at any depth, whose files configure other programs: no image may be there."""
_SHORT_NAME = re.compile(r".*~[0-9]+(\.[^.]{0,3})?", re.DOTALL)
"""The 8.3 form of a folder on Windows: `GIT~1` is `.git`."""


@value
class BadPath:
    """Why a path cannot be used."""

    fact: str
    hint: str = ""


def project_path(text: str) -> str | BadPath:
    """A path below the project root in normal form (`./a//b` is `a/b`), or the reason why it is invalid."""
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
    if not text.isascii() and (hidden := next((char for char in text if is_hidden(char)), "")):
        return BadPath(f'"{text}" has an invisible character (U+{ord(hidden):04X})', "rename it without")
    closed = closed_folder(parts)
    if closed:
        return BadPath(f'"{text}" lies in {closed}/, which belongs to a tool')
    for part in parts[:-1]:
        if _SHORT_NAME.fullmatch(part):
            return BadPath(f'"{text}" has a folder that Windows may take for another ({part})', "rename it without ~")
    for part in parts:
        if _FORBIDDEN.search(part) or part.endswith((".", " ")) or part.startswith(" "):
            return BadPath(f'"{text}" has a name that some file systems cannot hold')
        if _RESERVED.fullmatch(part):
            return BadPath(f'"{text}" has a name that Windows reserves ({part})', "choose another name")
        if len(part.encode("utf-8", "replace")) > 200:
            return BadPath(f"a name in the path is over 200 bytes long: {part[:40]}…")
    return "/".join(parts)


def closed_folder(parts: Iterable[str]) -> str:
    """The first of these names that belongs to a tool, in any spelling of its letters; "" if there is none."""
    return next((part for part in parts if part.casefold() in _CLOSED), "")


def picture_path(text: str) -> str | BadPath:
    """The path of an image that may be read, written, moved and removed; or the reason why it is invalid."""
    path = project_path(text)
    if isinstance(path, BadPath):
        return path
    if path != text:
        return BadPath(f'"{text}" is not in normal form', f'write "{path}"')
    return bad_suffix(path) or path


def is_unicode(text: str) -> bool:
    """Whether a name can be written in UTF-8: a name of other bytes on the disk has lone surrogates."""
    return not _SURROGATE.search(text)


def bad_suffix(path: str) -> BadPath | None:
    """Why the suffix of an image path is invalid."""
    if suffix_format(path) is not None:
        return None
    stem, dot, suffix = path.rpartition("/")[2].rpartition(".")
    named = f'"{path}": .{suffix} is not a supported image suffix'
    fact = named if dot and stem and suffix else f'"{path}" has no image suffix'
    return BadPath(fact, "end it in .png, .jpg, .webp or .avif")


def suffix_format(path: str) -> str | None:
    """The format by the suffix of a path, or None."""
    name = path.rpartition("/")[2]
    stem, dot, suffix = name.rpartition(".")
    return SUFFIXES.get("." + suffix.lower()) if dot and stem else None


def in_folder(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies below it, on any file system."""
    return f"{same_file_key(path)}/".startswith(f"{same_file_key(folder)}/")


def same_file_key(path: str) -> str:
    """Equal for two paths that are one on a case-insensitive or normalising file system."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
