"""What a command writes to its streams."""

from __future__ import annotations

import io
import sys

import click
import pytest

from reconciler.cli.options import print_report
from reconciler.providers.models.table import model_table


class Flushed(io.StringIO):
    """Counts how often it is flushed."""

    flushes = 0

    def flush(self) -> None:
        self.flushes += 1


def test_a_report_of_many_lines_is_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Flushed()
    monkeypatch.setattr(sys, "stdout", out)
    with click.Context(click.Command("providers")):
        print_report("models", "text", model_table())
    assert out.getvalue().count("\n") > 10
    assert out.flushes == 1
