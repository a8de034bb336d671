"""`reviews/*.jsonl` on the disk: every line is a verdict or named, and a committed file is never changed."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.errors import DiskError, InvalidInput, ProjectError
from reconciler.core.reviews.verdict import Judgement, Verdict, signed_text, verdict_line
from reconciler.core.value import replace
from reconciler.store.append import append_lines
from reconciler.store.documents import reviews as documents
from reconciler.store.documents.reviews import ReviewFiles, ReviewSession, parse_reviews, read_reviews
from reconciler.store.documents.signatures import UNSIGNED, AllowedSigners, chosen_key, read_signers, sign
from reconciler.store.index.index import index_without_memory
from tests.builders import a_recipe, bytes_of
from tests.needs import needs_ssh_keygen

TODAY = date(2026, 11, 27)


def said(by: str = "ada@x.org", judgement: Judgement = Judgement.APPROVE, note: str = "") -> Verdict:
    key = a_recipe().key()
    return Verdict("hero", bytes_of("made"), key, by, "2026-11-27T12:00:00Z", judgement, note)  # type: ignore[arg-type]  # an id is a string


def session(
    root: Path, by: str = "ada@x.org", *, tracked: Callable[[], frozenset[str] | None] = frozenset, day: date = TODAY
) -> ReviewSession:
    return ReviewSession(root, by, today=day, tracked=tracked)


def read(root: Path) -> ReviewFiles:
    return read_reviews(root, index_without_memory(root))


def test_a_project_without_reviews_has_no_verdicts(tmp_path: Path) -> None:
    assert read(tmp_path) == ReviewFiles()
    (tmp_path / "reviews").mkdir()
    (tmp_path / "reviews/README.md").write_text("who reviews what")
    assert read(tmp_path) == ReviewFiles()


def test_a_session_has_a_file_of_its_own_and_adds_to_it(tmp_path: Path) -> None:
    first = session(tmp_path).append([said(note="well\nmade")])
    assert session(tmp_path).append([said(), said("bob@x.org")]) == first
    assert first.startswith("reviews/2026-11-27-ada-")
    found = read(tmp_path)
    assert found.verdicts == (said(note="well\nmade"), said(), said("bob@x.org"))
    assert [(each.place.file, each.place.line) for each in found.verdicts] == [(first, 1), (first, 2), (first, 3)]
    assert session(tmp_path, "Böse Eve+x@x.org").append([said()]).startswith("reviews/2026-11-27-b-se-eve-x-")
    assert session(tmp_path, "@").append([said()]).startswith("reviews/2026-11-27-reviewer-")


@pytest.mark.parametrize("tracked", ["all", "unknown"])
def test_a_file_that_git_tracks_or_may_track_is_not_changed(tmp_path: Path, tracked: str) -> None:
    first = session(tmp_path).append([said()])
    before = (tmp_path / first).read_bytes()
    second = session(tmp_path, tracked=lambda: frozenset((first,)) if tracked == "all" else None).append([said()])
    assert second != first
    assert (tmp_path / first).read_bytes() == before
    assert session(tmp_path, day=date(2026, 11, 28)).append([said()]).startswith("reviews/2026-11-28")


def test_a_line_that_a_crash_cut_off_is_no_verdict_and_goes_when_the_session_goes_on(tmp_path: Path) -> None:
    path = tmp_path / session(tmp_path).append([said()])
    whole = path.read_bytes()
    for cut in (1, len(whole) // 2, len(whole) - 2):
        path.write_bytes(whole + whole[:cut])
        found = read(tmp_path)
        assert found.verdicts == (said(),)
        assert [str(caution.place) for caution in found.cautions] == [f"reviews/{path.name}:2"]
    session(tmp_path).append([said("bob@x.org")])
    assert read(tmp_path) == ReviewFiles((said(), said("bob@x.org")), (f"reviews/{path.name}",))
    path.write_bytes(whole.removesuffix(b"\n"))
    assert read(tmp_path).verdicts == (said(),), "an editor took the last line break away"


def test_a_checkout_with_other_line_ends(tmp_path: Path) -> None:
    line = verdict_line(said()).encode()
    assert parse_reviews([("reviews/a.jsonl", line + b"\r\n" + line + b"\r\n")]).verdicts == (said(), said())


def test_a_line_that_is_none_is_named_and_hides_no_other(tmp_path: Path) -> None:
    good = verdict_line(said()).encode()
    rows = [good, b"<<<<<<< HEAD", good, b"\xff\xfe", b"", b"x" * 20_000, b'{"v": 9}']
    with pytest.raises(InvalidInput) as caught:
        parse_reviews([("reviews/a.jsonl", b"".join(row + b"\n" for row in rows))])
    assert [problem.place.line for problem in caught.value.problems] == [2, 4, 5, 6, 7]
    assert all(problem.hint for problem in caught.value.problems)


@settings(max_examples=60)
@given(st.binary(max_size=60), st.integers(0, 400), st.integers(0, 400))
def test_no_change_of_a_line_makes_an_approval_of_another_image(junk: bytes, start: int, end: int) -> None:
    line = verdict_line(said(judgement=Judgement.REJECT)).encode()
    changed = line[:start] + junk + line[max(start, end) :]
    try:
        found = parse_reviews([("reviews/a.jsonl", changed + b"\n")]).verdicts
    except InvalidInput:
        found = ()
    assert all(each.judgement is Judgement.REJECT for each in found)


def test_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session(tmp_path).append([said()])
    monkeypatch.setattr(documents, "MAX_REVIEW_FILES", 0)
    with pytest.raises(DiskError, match="more than 0 files"):
        read(tmp_path)
    monkeypatch.setattr(documents, "MAX_REVIEW_FILES", 9)
    session(tmp_path, "bob@x.org").append([said()])
    index = index_without_memory(tmp_path)
    with pytest.raises(DiskError, match="MiB of verdicts"):
        read_reviews(tmp_path, index, most=400)
    with pytest.raises(DiskError, match="is larger than"):
        read_reviews(tmp_path, index, most=100)


@pytest.mark.parametrize("what", ["folder", "file", "dangling", "plain", "fifo"])
def test_no_link_is_followed(tmp_path: Path, what: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = elsewhere / "a.jsonl"
    path.write_text(verdict_line(said()) + "\n")
    root = tmp_path / "project"
    (root / "reviews").mkdir(parents=True)
    match what:
        case "folder":
            (root / "reviews").rmdir()
            (root / "reviews").symlink_to(elsewhere)
        case "plain":
            (root / "reviews").rmdir()
            (root / "reviews").write_text("")
        case "fifo":
            subprocess.run(["mkfifo", root / "reviews/a.jsonl"], check=True)
        case _:
            (root / "reviews/a.jsonl").symlink_to(path if what == "file" else tmp_path / "nothing")
    with pytest.raises(DiskError):
        read(root)
    if what in ("folder", "plain"):
        with pytest.raises(DiskError):
            session(root).append([said()])
    assert path.read_text() == verdict_line(said()) + "\n"


def test_a_session_does_not_write_through_a_link(tmp_path: Path) -> None:
    first = session(tmp_path).append([said()])
    target = tmp_path / "target"
    target.write_text("mine\n")
    (tmp_path / first).unlink()
    (tmp_path / first).symlink_to(target)
    with pytest.raises(DiskError):
        session(tmp_path).append([said()])
    assert target.read_text() == "mine\n"


def test_several_processes_add_to_one_file_line_by_line(tmp_path: Path) -> None:
    """The lock is on the open file, so threads stand for processes."""
    path = tmp_path / "a.jsonl"
    lines = [verdict_line(said(f"r{number}@x.org")) for number in range(40)]
    threads = [threading.Thread(target=append_lines, args=(path, f"{line}\n".encode()), name=line) for line in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.read_text().splitlines()) == sorted(lines)


def test_merging_branches_never_conflicts(tmp_path: Path) -> None:
    """Real git, by which two branches are merged that have reviewed the same image, once and again."""

    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@x.org", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout

    def tracked() -> frozenset[str]:
        return frozenset(git("ls-files", "reviews").splitlines())

    def reviewed(by: str, *notes: str) -> None:
        for note in notes:
            session(tmp_path, by, tracked=tracked).append([said(by, note=note)])
            if note.endswith("!"):
                git("add", "-A")
                git("commit", "-qm", note)

    git("init", "-qb", "main")
    reviewed("ada@x.org", "a", "b!")
    for number, (one, other) in enumerate([("ada@x.org", "bob@x.org"), ("ada@x.org", "ada@y.org")]):
        for branch, by in (("left", one), ("right", other)):
            git("checkout", "-qb", f"{branch}{number}", "main")
            reviewed(by, f"{branch}1", f"{branch}2!", f"{branch}3!")
        git("checkout", "-q", "main")
        git("merge", "-q", "--no-edit", f"left{number}")
        git("merge", "-q", "--no-edit", f"right{number}")
        notes = {each.note for each in read(tmp_path).verdicts}
        assert {f"{side}{step}" for side in ("left", "right") for step in ("1", "2!", "3!")} <= notes


# Signatures


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "ada"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


def public(key: Path) -> str:
    return key.with_suffix(".pub").read_text().strip()


@needs_ssh_keygen
def test_a_signature_is_valid_for_its_text_its_person_and_its_purpose(key: Path, tmp_path: Path) -> None:
    signers = AllowedSigners(f"ada@x.org {public(key)}\n".encode())
    verdict = said(note="né\n")
    signed = replace(verdict, signature=sign(signed_text(verdict), str(key)))
    assert len(signed.signature) < 400
    assert signers.problem(signed) == ""
    for other in (
        replace(signed, judgement=Judgement.REJECT),
        replace(signed, note="ne\n"),
        replace(signed, content=bytes_of("x")),
        replace(signed, by="bob@x.org"),
        replace(signed, signature=signed.signature[:-8] + "AAAAAAA="),
        replace(signed, signature="AAAA"),
    ):
        assert signers.problem(other).startswith("its signature is ")
    assert signers.problem(verdict) == UNSIGNED
    assert AllowedSigners(b"").problem(signed)
    only_git = AllowedSigners(f'ada@x.org namespaces="git" {public(key)}\n'.encode())
    assert only_git.problem(signed)
    expired = f'ada@x.org valid-before="20261127" {public(key)}\n'
    assert AllowedSigners(expired.encode()).problem(signed)
    assert AllowedSigners(expired.replace("20261127", "20261129").encode()).problem(signed) == ""


@needs_ssh_keygen
def test_the_signature_of_the_fixture_of_version_1_is_valid() -> None:
    formats = Path(__file__).parents[1] / "formats"
    signers = AllowedSigners((formats / "reviews-v1.allowed_signers").read_bytes())
    *_, signed, _ = parse_reviews([("a", (formats / "reviews-v1.jsonl").read_bytes())]).verdicts
    assert signers.problem(signed) == ""


@needs_ssh_keygen
def test_many_are_verified_at_once(key: Path) -> None:
    signers = AllowedSigners(f"*@x.org {public(key)}\n".encode())
    verdicts = [said(note=str(number)) for number in range(6)]
    signed = [replace(each, signature=sign(signed_text(each), str(key))) for each in verdicts[:5]]
    signers.verify([*signed, verdicts[5]])
    assert [signers.problem(each) for each in (*signed, verdicts[5])] == [*[""] * 5, UNSIGNED]


@needs_ssh_keygen
def test_without_ssh_keygen_nothing_passes(key: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    verdict = said()
    signed = replace(verdict, signature=sign(signed_text(verdict), str(key)))
    monkeypatch.setenv("PATH", str(tmp_path))
    signers = AllowedSigners(f"ada@x.org {public(key)}\n".encode())
    with pytest.raises(ProjectError, match="ssh-keygen cannot be run"):
        signers.problem(signed)
    with pytest.raises(ProjectError, match="ssh-add cannot be run"):
        chosen_key("", signers)
    with pytest.raises(ProjectError, match="ssh-keygen cannot be run"):
        sign(b"", str(key))


@needs_ssh_keygen
def test_the_key_is_the_configured_one_or_an_allowed_one_of_the_agent(
    key: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    signers = AllowedSigners(f"ada@x.org {public(key)}\n".encode())
    assert chosen_key("~/.ssh/id", signers) == "~/.ssh/id"
    agent = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
    settings_ = dict(part.split("=", 1) for part in agent.replace("\n", "").split(";") if "=" in part)
    monkeypatch.setenv("SSH_AUTH_SOCK", settings_["SSH_AUTH_SOCK"])
    try:
        with pytest.raises(ProjectError, match="no key to sign with"):
            chosen_key("", signers)
        subprocess.run(["ssh-add", "-q", str(key)], check=True)
        found = chosen_key("", signers)
        assert found.split()[1] == public(key).split()[1]
        verdict = said()
        signed = replace(verdict, signature=sign(signed_text(verdict), f"key::{found}"))
        assert signers.problem(signed) == ""
    finally:
        subprocess.run(["kill", settings_["SSH_AGENT_PID"]], check=True)


@needs_ssh_keygen
def test_a_key_that_cannot_sign(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="cannot be signed") as caught:
        sign(b"x", str(tmp_path / "nothing"))
    assert "user.signingkey" in caught.value.hint


def test_the_file_of_signers(tmp_path: Path) -> None:
    (tmp_path / "project/.github").mkdir(parents=True)
    root = tmp_path / "project"
    with pytest.raises(ProjectError, match="there is no file"):
        read_signers(root, ".github/allowed_signers")
    (tmp_path / "outside").write_text("*@x.org ssh-ed25519 AAAA")
    (root / "away").symlink_to(tmp_path)
    with pytest.raises(ProjectError, match="leaves the project"):
        read_signers(root, "away/outside")
    (root / ".github/allowed_signers").write_text("ada@x.org ssh-ed25519 AAAA\n")
    assert read_signers(root, ".github/allowed_signers").holds("ssh-ed25519 AAAA ada")
