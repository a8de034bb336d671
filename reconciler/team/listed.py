"""The bound on what a bucket lists: a server of strangers may never end."""

from __future__ import annotations

from reconciler.core.errors import BucketError

MOST_NAMES = 2_000_000
"""The most names below one prefix that are held in memory: 200 MB."""


def too_many(prefix: str, place: str) -> BucketError:
    """The error of a longer listing."""
    return BucketError(f"{place} lists more than {MOST_NAMES:,} names below {prefix or 'its root'}")
