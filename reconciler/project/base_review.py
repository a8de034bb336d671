"""The rules of reviews and the signers as a base revision has them: a pull request can change both in its own tree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reconciler.core.errors import InvalidInput, Place, Problem, ProjectError
from reconciler.core.ports import SourceFailure
from reconciler.core.reviews.rules import REVIEWS, ReviewRules
from reconciler.core.specs.document import Document
from reconciler.core.specs.settings import MAX_ASSETS
from reconciler.core.text import printable
from reconciler.core.value import replace
from reconciler.project.reviews import Reviews
from reconciler.store.documents.project import PROJECT_FILE
from reconciler.store.documents.review_rules import review_rules
from reconciler.store.documents.reviews import REVIEW_BYTES, SUFFIX, ReviewFiles, parse_reviews
from reconciler.store.documents.signatures import MAX_SIGNERS, AllowedSigners
from reconciler.store.schemas.validate import schema_problems
from reconciler.store.worktree.git import GitRepository
from reconciler.store.worktree.git_revision import GitRevision, find_revision
from reconciler.store.yaml import loader as yaml
from reconciler.store.yaml.source import MAX_BYTES


def reviews_against(root: Path, name: str, here: Reviews | None) -> Reviews:
    """The verdicts of the working tree and of the revision, under the rules and the signers of the revision.

    A rejection counts although the working tree has deleted it. ProjectError if the revision has no project file.
    """
    revision = find_revision(GitRepository(root), name)
    if isinstance(revision, SourceFailure):
        raise ProjectError(f"--against: {revision.fact}", hint=revision.hint)
    rules = _rules(revision)
    signers = AllowedSigners(_required(revision, rules.signed, most=MAX_SIGNERS)) if rules.signed else None
    base = _verdicts(revision)
    known = here.verdicts if here is not None else ()
    cautions = here.cautions if here is not None else ()
    verdicts = dict.fromkeys((*known, *base.verdicts))
    return Reviews(rules, verdicts, signers=signers, cautions=cautions)


def _rules(revision: GitRevision) -> ReviewRules:
    data = _required(revision, PROJECT_FILE, most=MAX_BYTES)
    file = f"{revision.name}:{PROJECT_FILE}"
    document = yaml.parse(data, file=file)
    body = document.value if isinstance(document.value, Mapping) else {}
    only = Document(file, {key: given for key, given in body.items() if key == "review"}, document.marks)
    problems = schema_problems("project", only)
    if problems:
        raise InvalidInput(problems)
    rules, wrong = review_rules(only)
    if wrong:
        raise InvalidInput(wrong)
    return rules


def _verdicts(revision: GitRevision) -> ReviewFiles:
    blobs = revision.files(REVIEWS)
    files = {path: blob for path, blob in blobs.items() if path.endswith(SUFFIX)}
    found = revision.contents(files, most=REVIEW_BYTES * MAX_ASSETS)
    if isinstance(found, SourceFailure):
        raise ProjectError(f"--against: {found.fact}", hint=found.hint)
    try:
        return parse_reviews(sorted(found.items()))
    except InvalidInput as error:
        raise InvalidInput(tuple(_named(each, revision.name) for each in error.problems)) from error


def _named(problem: Problem, revision: str) -> Problem:
    return replace(problem, place=Place(f"{revision}:{problem.place.file}", problem.place.line))


def _required(revision: GitRevision, path: str, *, most: int) -> bytes:
    found = revision.small_file(path, most=most)
    if isinstance(found, SourceFailure):
        raise ProjectError(f"--against: {found.fact}", hint=found.hint)
    if found is None:
        fact = f"--against: {printable(revision.name)} has no {path} here"
        raise ProjectError(fact, hint="for the pull request that adds it, leave --against out")
    return found
