"""Open the team's store: its bucket, and the keys of its receipts. Nothing is connected to before the first use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from reconciler.core.errors import BucketError, DiskError, InvalidInput, ProjectError
from reconciler.core.team.bucket import Bucket, BucketCleaner
from reconciler.core.team.keys_file import MAX_KEYS_FILE, TeamKeys, read_keys
from reconciler.core.team.layout import FORMAT_BYTES, FORMAT_NAME, is_format
from reconciler.core.team.settings import KEYS_FILE, SIGNING_KEY_OF_RECEIPTS, TeamSettings
from reconciler.core.team.store_url import StoreUrl, parse_store_url
from reconciler.project.team_trust import require_endpoint, require_trust
from reconciler.store import disk
from reconciler.store.documents.signatures import agent_keys
from reconciler.store.worktree.git import GitRepository
from reconciler.store.worktree.git_settings import user_email
from reconciler.team.directory_bucket import DirectoryBucket
from reconciler.team.probe import prove_conditions
from reconciler.team.receipt_keys import (
    ReceiptReader,
    ReceiptSigner,
    agent_key_line,
    agent_signer,
    require_cryptography,
    signer_of_key,
    unsigned_receipts,
)

if TYPE_CHECKING:
    from reconciler.project.workspace import Workspace

_MOST_KEY = 64 << 10
_MOST_FORMAT = 1 << 10
_NOT_SHOWN = "its value is not shown, since it may be a secret"
_WHO = "`git config user.email you@example.com`, or list your key in reconciler.keys"


class WholeBucket(Bucket, BucketCleaner, Protocol):
    """A bucket, and the changes that a push and a collection of garbage make."""


class Team:
    """The team's store as this checkout sees it: used by the user's own keys and under the user's own name."""

    def __init__(self, root: Path, settings: TeamSettings, bucket: WholeBucket, environ: Mapping[str, str]) -> None:
        self.settings = settings
        self.bucket: Bucket = bucket
        self.cleaner: BucketCleaner = bucket
        self._root = root
        self._environ = environ

    @property
    def url(self) -> StoreUrl:
        """The address of the store, which has been checked."""
        url = parse_store_url(self.settings.url)
        assert isinstance(url, StoreUrl)
        return url

    @property
    def lists(self) -> bool:
        """Whether the store lists names: without, only what a lockfile names is found."""
        return not self.url.is_web

    @cached_property
    def keys(self) -> TeamKeys:
        """The keys in `reconciler.keys`; InvalidInput with every line that is wrong."""
        return read_team_keys(self._root)

    @cached_property
    def reader(self) -> ReceiptReader:
        """Reads receipts: those of listed keys, or any if the project says so."""
        if not self.settings.receipts:
            return ReceiptReader(None)
        require_cryptography()
        return ReceiptReader(self.keys)

    @cached_property
    def signer(self) -> ReceiptSigner:
        """Signs receipts with the user's key. ProjectError if there is none that is listed."""
        found = self._signer()
        if isinstance(found, ReceiptSigner):
            return found
        if self.settings.receipts:
            raise found
        return unsigned_receipts(self.me)

    @cached_property
    def me(self) -> str:
        """Who this is: the name of the user's key in `reconciler.keys`, else git's user.email."""
        found = self._signer()
        by = found.by if isinstance(found, ReceiptSigner) else user_email(GitRepository(self._root))
        if not by:
            raise ProjectError("the team needs a name for you: git has no user.email", hint=_WHO)
        return by

    def require_format(self) -> bool:
        """BucketError if a newer version of reconciler has laid the store out, or if there is no store at a web server,
        which nobody can make there; False if nobody has laid it out yet."""
        sink = BytesIO()
        there = self.bucket.get(FORMAT_NAME, sink, most=_MOST_FORMAT)
        if there and not is_format(sink.getvalue()):
            fact = f"{self.settings.url} has a layout that this version cannot read"
            raise BucketError(fact, hint="upgrade reconciler, or name another path in team.url")
        if not there and not self.lists:
            from reconciler.team.web_bucket import web_hint  # noqa: PLC0415 - it loads the network

            raise BucketError(f"there is no team's store at {self.settings.url}", hint=web_hint(self.settings.url))
        return there

    def prove_claims(self) -> None:
        """BucketError if the server cannot keep claims. Ask once in a run, before the first claim."""
        there = self.require_format()
        prove_conditions(self.bucket, place=self.settings.url, nonce=os.urandom(16).hex())
        if not there:
            self.bucket.put_new(FORMAT_NAME, FORMAT_BYTES)

    def _signer(self) -> ReceiptSigner | ProjectError:
        """The signer with the user's key, or why there is none."""
        try:
            return own_signer(self.keys, self._environ)
        except ProjectError as error:
            return error


def open_team(workspace: Workspace, settings: TeamSettings | None, environ: Mapping[str, str]) -> Team:
    """The team's store of a project. ProjectError if there is none, or if the user has not trusted it."""
    if settings is None:
        hint = "write team: {url: s3://bucket/path} into reconciler.yaml"
        raise ProjectError("this project has no team's store", hint=hint)
    url = parse_store_url(settings.url)
    assert isinstance(url, StoreUrl)  # the settings were checked
    require_trust(url, workspace.root, environ)
    return Team(workspace.root, settings, _bucket(url, environ), environ)


def _bucket(url: StoreUrl, environ: Mapping[str, str]) -> WholeBucket:
    if url.is_file:
        return DirectoryBucket(Path("/", url.path))
    if url.is_web:
        from reconciler.team.web_bucket import WebBucket  # noqa: PLC0415 - it loads the network

        return WebBucket(url)
    from reconciler.team.object_bucket import open_object_bucket  # noqa: PLC0415 - it loads an extra

    return open_object_bucket(url, environ, allow_http=require_endpoint(url, environ))


def read_team_keys(root: Path) -> TeamKeys:
    """The keys of `reconciler.keys`, none without the file. InvalidInput with every line that is wrong."""
    if not Path(os.path.realpath(root / KEYS_FILE)).is_relative_to(os.path.realpath(root)):
        raise ProjectError(f"{KEYS_FILE} is a link that leaves the project", hint="copy the file")
    try:
        keys, problems = read_keys(disk.plain_bytes(root / KEYS_FILE, most=MAX_KEYS_FILE))
    except FileNotFoundError:
        return TeamKeys({})
    if problems:
        raise InvalidInput(problems)
    return keys


def own_signer(keys: TeamKeys, environ: Mapping[str, str]) -> ReceiptSigner:
    """The signer with the user's key: RECONCILER_SIGNING_KEY, else ~/.ssh/id_ed25519, else a listed key of ssh-agent.
    ProjectError if there is none, or if it is not listed."""
    given = environ.get(SIGNING_KEY_OF_RECEIPTS, "").strip()
    if given:
        text = given if given.startswith("-----BEGIN") else _key_text(_key_path(given), SIGNING_KEY_OF_RECEIPTS)
        return signer_of_key(text, keys, called=SIGNING_KEY_OF_RECEIPTS)
    refused: ProjectError | None = None
    default = Path(environ.get("HOME") or "/") / ".ssh" / "id_ed25519"
    if default.is_file():
        try:
            return signer_of_key(_key_text(default, "~/.ssh/id_ed25519"), keys, called="~/.ssh/id_ed25519")
        except ProjectError as error:
            refused = error
    if keys.names and environ.get("SSH_AUTH_SOCK"):
        for line in agent_keys():
            public = agent_key_line(line)
            if public is not None and keys.signer(public):
                return agent_signer(keys.signer(public), public)
    hint = (
        f"make one by `ssh-keygen -t ed25519`, and list it in {KEYS_FILE}; {SIGNING_KEY_OF_RECEIPTS} names another file"
    )
    raise refused or ProjectError("there is no key to sign receipts with", hint=hint)


def _key_path(given: str) -> Path:
    """The file that a variable names. ProjectError for any other text: it may be a key that was damaged on its way."""
    try:
        path = Path(given).expanduser()
        if os.path.lexists(path):
            return path
    except (RuntimeError, ValueError):  # no such home directory; a null byte
        pass
    hint = f"the text of a key begins with -----BEGIN, and keeps its line breaks; {_NOT_SHOWN}"
    fact = f"{SIGNING_KEY_OF_RECEIPTS} is neither the text of a key nor the path of a file that is there"
    raise ProjectError(fact, hint=hint)


def _key_text(path: Path, called: str) -> str:
    try:
        with disk.open_for_reading(path) as stream:  # the user's own file, which may be a link
            return stream.read(_MOST_KEY).decode("ascii", "replace")
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ProjectError(f"{called}: {disk.display_path(path)} cannot be read: {why}") from error
    except DiskError as error:
        raise ProjectError(f"{called}: {error.fact}", hint=error.hint) from error
