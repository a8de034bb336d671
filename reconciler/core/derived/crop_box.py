"""Where a picture is cropped to a ratio: the largest part of it, as near around the focus as it lies inside."""

from __future__ import annotations

from reconciler.core.derived.operations import Crop


def cropped_size(width: int, height: int, ratio: tuple[int, int]) -> tuple[int, int]:
    """The largest size of this ratio inside another one, in whole pixels."""
    across, down = ratio
    scale = min(width / across, height / down)
    return max(1, min(round(across * scale), width)), max(1, min(round(down * scale), height))


def crop_box(width: int, height: int, crop: Crop) -> tuple[int, int, int, int]:
    """Left, top, right, bottom, in whole pixels."""
    sides = cropped_size(width, height, crop.ratio)
    left, top = (
        min(round(start_of(whole, length, point)), whole - length)
        for whole, length, point in zip((width, height), sides, crop.focus, strict=True)
    )
    return left, top, left + sides[0], top + sides[1]


def start_of(whole: int, length: float, point: int) -> float:
    """Where a part of this length begins, on one axis. `point` is the focus in thousandths."""
    return min(max(point * whole / 1000 - length / 2, 0), whole - length)
