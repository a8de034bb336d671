"""One derived file for people."""

from __future__ import annotations

import pytest

from reconciler.report.derived_file import derived_file_text


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ("1 pillow 13.0.0", "Pillow 13.0.0, by revision 1 of the operations"),
        ("2 pillow 13.0.0 avif 1.4.2", "Pillow 13.0.0 with avif 1.4.2, by revision 2 of the operations"),
        ("1 other 1 a 2 b 3", "other 1 with a 2 and b 3, by revision 1 of the operations"),
        ("1", "revision 1 of the operations"),
        ("by hand", "by hand"),
        ("1 pillow", "1 pillow"),
    ],
)
def test_the_encoder_is_told_in_words(made: str, words: str) -> None:
    recorded = {"content": "sha256:1", "bytes": 7, "made": made, "elsewhere": []}
    file = {"path": "public/a.png", "state": "up to date", "key": "", "recorded": recorded}
    assert f"  made by     {words}" in derived_file_text([file]).out
