"""Find out who reads a report: the repository around the project, and the pull request that a CI job is about."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.core.errors import DiskError, ProjectError
from reconciler.report.findings.listed import PictureLinks, Surroundings
from reconciler.store import disk
from reconciler.store.documents.project import find_root

COMMENT_ROOM = 60_000
"""Characters of a text in Markdown: a comment on GitHub has at most 65,536."""
SUMMARY_ROOM = 900_000
"""The same for the summary of a job, which has at most 1 MiB for each step."""
_EVENT_BYTES = 8 << 20
_ATTRIBUTES_BYTES = 1 << 20
_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_SERVER = re.compile(r"https://[\w.:-]+")


def surroundings(directory: str | None, environ: Mapping[str, str], *, room: int = COMMENT_ROOM) -> Surroundings:
    """The surroundings of the project at or above a directory. `environ` is that of a CI job, or of anybody."""
    try:
        root = find_root(Path(directory or "."))
    except ProjectError:
        return Surroundings(room=room)
    above = next((folder for folder in (root, *root.parents) if os.path.lexists(folder / ".git")), root)
    prefix = "" if above == root else f"{root.relative_to(above).as_posix()}/"
    return Surroundings(prefix, _links(environ, above), room)


def _links(environ: Mapping[str, str], repository: Path) -> PictureLinks:
    """The addresses of a pull request on GitHub, if the event of this job is about one."""
    event = _event(environ.get("GITHUB_EVENT_PATH", ""))
    name, server = environ.get("GITHUB_REPOSITORY", ""), environ.get("GITHUB_SERVER_URL", "https://github.com")
    pull = event.get("pull_request")
    if not isinstance(pull, dict) or _NAME.fullmatch(name) is None or _SERVER.fullmatch(server) is None:
        return PictureLinks()
    number = pull.get("number")
    diff = f"{server}/{name}/pull/{number}/files" if type(number) is int else ""
    head = pull.get("head")
    source = head.get("repo") if isinstance(head, dict) else None
    commit = str(head.get("sha", "")) if isinstance(head, dict) else ""
    if not isinstance(source, dict) or source.get("private") is not False or server != "https://github.com":
        return PictureLinks(diff=diff)
    of = str(source.get("full_name", ""))
    if _NAME.fullmatch(of) is None or _COMMIT.fullmatch(commit) is None:
        return PictureLinks(diff=diff)
    host = "media.githubusercontent.com/media" if _uses_lfs(repository) else "raw.githubusercontent.com"
    return PictureLinks(f"https://{host}/{of}/{commit}/", diff)


def _event(path: str) -> dict[str, Any]:
    """The event of a job of GitHub Actions; empty if there is none that can be read."""
    if not path:
        return {}
    try:
        found = json.loads(disk.plain_bytes(Path(path), most=_EVENT_BYTES))
    except (DiskError, OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _uses_lfs(repository: Path) -> bool:
    try:
        return b"filter=lfs" in disk.plain_bytes(repository / ".gitattributes", most=_ATTRIBUTES_BYTES)
    except (DiskError, OSError):
        return False
