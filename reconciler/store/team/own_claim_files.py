"""`.reconciler/team/claims/`: a file for each claim of this checkout that has no end in the team's store yet."""

from __future__ import annotations

import re
from pathlib import Path

from reconciler.core.errors import LockfileError
from reconciler.core.team.own_claims import OwnClaim, decode_own_claim, encode_own_claim
from reconciler.store import disk
from reconciler.store.team.team_folder import make_team_folder, team_folder

_NAME = re.compile(r"([0-9a-f]{32})\.json")
_MOST = 256 * 1024


class OwnClaimFiles:
    """An OwnClaimLog of the project at `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = team_folder(root) / "claims"

    def write(self, own: OwnClaim) -> None:
        """See OwnClaimLog."""
        disk.refuse_link(self._folder)
        make_team_folder(self._root, "claims")
        path, data = self._path(own.claim.attempt), encode_own_claim(own)
        if own.end is None and not own.claim.in_batch:
            disk.write_cache(path, data)  # after a power cut the journal names the attempt, and the store its claim
        else:
            disk.write_atomic(path, data)

    def drop(self, attempt: str) -> None:
        """See OwnClaimLog. After a crash the file may be there again; its end is then written again, which is none."""
        disk.remove(self._path(attempt))

    def read(self) -> tuple[OwnClaim, ...]:
        """See OwnClaimLog. LockfileError for a file that nobody of ours wrote."""
        disk.refuse_link(self._folder)
        try:
            names = sorted(path.name for path in self._folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return ()
        paths = [self._folder / name for name in names if _NAME.fullmatch(name)]
        return tuple(sorted((_read(path) for path in paths), key=lambda own: (own.claim.key, own.claim.number)))

    def _path(self, attempt: str) -> Path:
        if not _NAME.fullmatch(f"{attempt}.json"):
            raise ValueError(f"not an attempt: {attempt!r}")
        return self._folder / f"{attempt}.json"


def _read(path: Path) -> OwnClaim:
    with disk.naming_errors("read", path):
        data = disk.plain_bytes(path, most=_MOST)
    try:
        return decode_own_claim(data)
    except LockfileError as error:
        hint = error.hint or "it says which request may have been paid for: keep a copy, and move it away"
        raise LockfileError(f"{disk.display_path(path)}: {error.fact}", hint=hint) from error
