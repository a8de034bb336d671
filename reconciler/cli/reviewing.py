"""Serve the page of a review, and open it in a browser."""

from __future__ import annotations

import os
import sys
import webbrowser

from reconciler.cli.streams import echo
from reconciler.core.errors import Exit
from reconciler.core.text import printable
from reconciler.project.serve.start import start_review
from reconciler.project.workspace import open_workspace
from reconciler.report.formats import counted


def serve_review(directory: str | None, ids: tuple[str, ...], *, port: int, browser: bool) -> int:
    """Serve until the page says that it is done, or for 30 minutes after its last request."""
    started = start_review(lambda: open_workspace(directory, os.environ), ids, port=port)
    at = started.server.at
    echo(at.address)
    sys.stdout.flush()
    echo(f"reviewing {counted(started.assets, 'asset')} as {printable(started.by)}; Ctrl-C ends the review", err=True)
    if browser and not _opened(at.launch_address):
        echo("  hint: no browser was found here; open the address above", err=True)
    reason = started.server.run()
    echo(f"the review has ended: {reason}", err=True)
    return Exit.DONE


def _opened(address: str) -> bool:
    """Open the address in a graphical browser; a browser in this terminal would take the terminal over."""
    if sys.platform not in ("darwin", "win32", "cygwin") and not _has_screen():
        return False
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False


def _has_screen() -> bool:
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
