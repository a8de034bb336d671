"""The sizes that a spec may request, in their normal form."""

from __future__ import annotations

import re
from functools import lru_cache

from reconciler.core.value import value

SIZE_RANGE = 'a ratio is 20:1 at most ("16:9"), pixels are 32 to 16384 a side (1536x864)'
_SIZE = re.compile(r"([0-9]{1,5})(:|x)([0-9]{1,5})")
_IMAGE_SIZE = re.compile(r"512|[1-4]K")


@value
class BadSize:
    """Why a text is not a size."""

    fact: str
    hint: str


@lru_cache(maxsize=128)  # a project has few sizes, and many assets of each
def wanted_size(text: str) -> str | BadSize:
    """A ratio or pixels without leading zeros: `016:9` is `16:9`."""
    match = _SIZE.fullmatch(text)
    if match is None:
        return BadSize(f'"{text}" is neither a ratio nor pixels', 'write "16:9" or 1536x864')
    width, height = int(match[1]), int(match[3])
    fits = (1 if match[2] == ":" else 32) <= min(width, height) and max(width, height) <= 16384
    if fits and max(width, height) <= 20 * min(width, height):
        return f"{width}{match[2]}{height}"
    return BadSize(f'"{text}" is out of range', SIZE_RANGE)


@lru_cache(maxsize=128)
def named_size(text: str) -> str | BadSize:
    """A size by its name in the APIs: `1k` is `1K`."""
    text = text.upper()
    if _IMAGE_SIZE.fullmatch(text):
        return text
    return BadSize(f'"{text}" is not a size that an API names', "write 512, 1K, 2K, 3K or 4K")
