"""State where the files of a release come from, and verify such a statement. Neither needs a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reconciler.core.digest import ContentHash
from reconciler.core.errors import ProjectError
from reconciler.core.plan.observed import Found
from reconciler.core.provenance.record import FileOrigin, FileState, OriginSources, file_origins
from reconciler.core.provenance.statement import (
    MOST_STATEMENT,
    RELEASE_NAMESPACE,
    Statement,
    pre_authentication,
    read_statement,
    signed_text_of,
    statement_text,
)
from reconciler.core.text import printable
from reconciler.project.provenance import project_origins
from reconciler.project.workspace import Workspace
from reconciler.report.release import ReleaseFacts
from reconciler.store import disk
from reconciler.store.documents.signatures import MAX_SIGNERS, sign, signer_of
from reconciler.store.worktree.git import GitRepository
from reconciler.store.worktree.git_settings import signing_key

_SHOWN = 5


def release_manifest(workspace: Workspace, *, prompts: bool, key: str | None) -> str:
    """The statement of all shipped files, signed with a key: a path, or "" for the one that git is configured to use.
    ProjectError if a file is not as locked."""
    origins, others = _stated(project_origins(workspace))
    contents = {one.path: one.content for one in origins} | others
    if not contents:
        raise ProjectError("nothing is locked yet: there is nothing to state", hint="run `reconciler apply`")
    wrong = [path for path, state in _states(workspace, contents).items() if state is not FileState.SAME]
    if wrong:
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        fact = f"{', '.join(map(printable, wrong[:_SHOWN]))}{more}: not as locked"
        raise ProjectError(fact, hint="`reconciler check` says what to do with them")
    text = statement_text(origins, others, prompts=prompts)
    if key is None:
        return text
    chosen = key or signing_key(GitRepository(workspace.root))
    if not chosen:
        raise ProjectError("there is no key to sign with", hint="`git config user.signingkey PATH`, or pass --key")
    signed = sign(pre_authentication(text), chosen, namespace=RELEASE_NAMESPACE, what="the release")
    return signed_text_of(text, signed)


def write_manifest(path: Path, text: str) -> None:
    """Write the statement. An older statement is overwritten; ProjectError for any other file."""
    if path.exists() or path.is_symlink():
        try:
            read_statement(disk.plain_bytes(path, most=MOST_STATEMENT))
        except ProjectError:
            fact = f"{printable(str(path))} exists and is not a statement of a release"
            raise ProjectError(fact, hint="choose another name, or delete it") from None
    disk.write_atomic(path, f"{text}\n".encode("ascii"))


def verify_release(workspace: Workspace, path: Path, signers: Path | None) -> ReleaseFacts:
    """Compare the files with a statement, and its signature with the allowed signers. ProjectError for a statement that
    is refused; the files of one that is not signed are also compared with what the project says of them."""
    statement = read_statement(_bytes(path, MOST_STATEMENT))
    allowed = _bytes(signers, MAX_SIGNERS) if signers is not None else None
    if allowed is not None and not statement.signature:
        raise ProjectError(
            "the statement is refused: it is not signed", hint="leave out --signers to compare hashes alone"
        )
    signer = None
    if statement.signature:
        signer = signer_of(statement.signed_bytes, statement.signature, allowed, namespace=RELEASE_NAMESPACE)
    contents = {name: ContentHash(f"sha256:{digest}") for name, digest in statement.subjects.items()}
    said = None if statement.signature else _says_the_same(workspace, statement)
    return ReleaseFacts(_states(workspace, contents), signer, said, trusted=allowed is not None)


def _bytes(path: Path, most: int) -> bytes:
    try:
        return disk.plain_bytes(path, most=most)
    except FileNotFoundError:
        raise ProjectError(f"there is no file {printable(str(path))}") from None


def _stated(sources: OriginSources) -> tuple[list[FileOrigin], dict[str, ContentHash]]:
    """The records of the files that specs ask for, and the other derived files with their contents."""
    origins = [one for one in file_origins(sources) if one.has_spec]
    known = {one.path for one in origins}
    wanted = {each.name for each in sources.derivation.sets}
    others = {
        path: line.content
        for name, block in sources.derived.sets.items()
        if name in wanted
        for path, line in block.items()
        if path not in known
    }
    return origins, others


def _says_the_same(workspace: Workspace, statement: Statement) -> bool:
    origins, others = _stated(project_origins(workspace))
    return statement_text(origins, others, prompts=statement.has_prompts) == statement.text


def _states(workspace: Workspace, contents: Mapping[str, ContentHash]) -> dict[str, FileState]:
    found = workspace.tree.outputs(contents)
    return {path: _state(found.get(path), content) for path, content in contents.items()}


def _state(found: Found, content: ContentHash) -> FileState:
    if found is None:
        return FileState.MISSING
    return FileState.SAME if found == content else FileState.CHANGED
