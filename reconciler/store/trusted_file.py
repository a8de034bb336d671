"""The user's own list of trusted stores: `~/.config/reconciler/trusted`, one address a line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reconciler.core.errors import DiskError, ProjectError
from reconciler.store import disk

_MOST = 64 << 10


def trusted_path(environ: Mapping[str, str]) -> Path | None:
    """Where the list is; None without a home directory."""
    config = environ.get("XDG_CONFIG_HOME", "")
    home = environ.get("HOME", "")
    if config.startswith("/"):
        return Path(config) / "reconciler" / "trusted"
    return Path(home) / ".config" / "reconciler" / "trusted" if home.startswith("/") else None


def read_trusted(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The addresses of the list; none without a list. DiskError if it cannot be read."""
    path = trusted_path(environ)
    if path is None:
        return ()
    try:
        with disk.open_for_reading(path) as stream:  # a home directory may be full of links, and they are the user's
            data = stream.read(_MOST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise DiskError(f"cannot read {disk.display_path(path)}: {(error.strerror or str(error)).lower()}") from error
    if len(data) > _MOST:
        raise DiskError(f"{disk.display_path(path)} is larger than {_MOST >> 10} KiB", hint="take lines out")
    lines = (line.strip() for line in data.decode("utf-8", "replace").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def add_trusted(environ: Mapping[str, str], url: str) -> Path:
    """Add an address to the list, and return the path of the list. ProjectError without a home directory."""
    path = trusted_path(environ)
    if path is None:
        raise ProjectError("there is no home directory for a list of trusted stores", hint="set HOME")
    known = read_trusted(environ)
    if url not in known:
        disk.make_dirs(path.parent)
        disk.write_atomic(path, "".join(f"{each}\n" for each in (*known, url)).encode())
    return path
