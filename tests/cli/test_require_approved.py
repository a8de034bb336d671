"""`check --require-approved`: the images of a release have been looked at, and CI can prove it."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.entry_point import _answered
from reconciler.testing.gateway import Gateway
from tests.cli.conftest import Said, Scratch, picture
from tests.cli.paid_project import PaidProject, opened
from tests.needs import needs_ssh_keygen

ADA, BOB, EVE = "ada@x.org", "bob@x.org", "eve@x.org"
MAIN = "refs/heads/main"


@pytest.fixture(name="paid")
def a_shop(
    gateway: Gateway, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> PaidProject:
    """Two images, paid for, locked and committed."""
    (tmp_path / "shop").mkdir()
    paid = opened(PaidProject(tmp_path / "shop", capsys, gateway), monkeypatch)
    paid.set_up(hero="a lighthouse", boss={"prompt": "a dragon", "tags": ["ship"]})
    assert paid.apply().code == 0
    return paid


def rules(paid: PaidProject, **review: Any) -> None:
    project = json.loads(paid.read("reconciler.yaml"))
    paid.write("reconciler.yaml", json.dumps(project | {"review": review}))


def check(paid: PaidProject, *arguments: str) -> Said:
    return paid.run("check", "--require-approved", *arguments)


def approve(paid: PaidProject, *arguments: str, by: str = ADA) -> None:
    paid.done("approve", *arguments, "--by", by)


def commit(paid: PaidProject, message: str = "Change") -> None:
    paid.git("add", "-A")
    paid.git("commit", "-qm", message)


def test_every_asset_is_required_unless_the_project_says_otherwise(paid: PaidProject) -> None:
    assert paid.run("check").code == 0
    said = check(paid)
    assert said.code == 2
    assert "! boss  not approved" in said.out
    assert "2 of 2 required images not approved" in said.out
    assert "`reconciler approve ID`" in said.out
    approve(paid, "hero")
    rules(paid, require=["tag:ship"])
    assert "1 of 1 required image not approved" in check(paid).out
    approve(paid, "boss")
    assert check(paid).out.splitlines()[-1] == "the required image is approved"
    rules(paid, require=["tag:no"])
    empty = check(paid)
    assert empty.code == 0
    assert 'warning: reconciler.yaml: review.require: "tag:no" selects no asset' in empty.err
    rules(paid, require=["heroo"])
    wrong = check(paid)
    assert (wrong.code, 'no asset, folder or output is called "heroo"' in wrong.err) == (1, True)


def test_what_is_left_to_do_is_not_hidden_by_approvals(paid: PaidProject) -> None:
    approve(paid, "*", "--yes")
    assert check(paid).code == 0
    paid.write("specs/hero.yaml", '{"prompt": "a tower"}')
    paid.write("specs/new.yaml", '{"prompt": "a fox"}')
    said = check(paid)
    assert said.code == 2
    assert "required" not in said.out, "the new one has no image to approve yet"
    assert paid.apply().code == 0
    assert "! hero  not approved" in check(paid).out, "another image is open again"


def test_so_many_approvals_of_reviewers(paid: PaidProject) -> None:
    rules(paid, reviewers=[ADA, BOB], min=2, require=["hero"])
    approve(paid, "hero")
    assert "! hero  not approved: approved by ada@x.org on" in check(paid).out
    assert "1 of 2 approvals" in check(paid).out
    refused = paid.run("approve", "hero", "--by", EVE)
    assert (refused.code, "is none of the reviewers" in refused.err) == (1, True)
    rules(paid)
    approve(paid, "hero", by=EVE)
    rules(paid, reviewers=[ADA, BOB], min=2, require=["hero"])
    assert "eve@x.org does not count: not a reviewer" in check(paid).out
    approve(paid, "hero", by=BOB)
    assert check(paid).code == 0


@pytest.mark.parametrize(
    ("review", "fact"),
    [
        ({"reviewers": ["ada lovelace"]}, "review.reviewers[0]: has spaces"),
        ({"reviewers": [ADA], "min": 2}, "review.min: is 2, and there are 1 reviewers"),
        ({"signed": "../keys"}, "review.signed: "),
        ({"signed": "/etc/passwd"}, "review.signed: "),
        ({"signed": ".git/config"}, "review.signed: "),
        ({"min": 0}, "review.min: "),
        ({"require": "hero"}, "review.require: "),
        ({"requires": []}, "review.requires: "),
    ],
)
def test_rules_that_cannot_be_meant(paid: PaidProject, review: dict[str, Any], fact: str) -> None:
    rules(paid, **review)
    said = check(paid)
    assert said.code == 1
    assert fact in said.err
    assert "reconciler.yaml:" in said.err


def test_the_findings_have_a_rule_and_a_place(paid: PaidProject) -> None:
    paid.done("reject", "boss", "--by", BOB, "--note", "too many heads")
    found = check(paid, "--format", "json").json
    assert (found["clean"], found["required"]) == (False, 2)
    assert [(one["asset"], one["state"]) for one in found["unapproved"]] == [("hero", "open")]
    github = check(paid, "--format", "github").out
    assert "file=specs/hero.yaml,line=1" in github
    assert "not approved" in github
    sarif = json.loads(check(paid, "--format", "sarif").out)
    assert {result["ruleId"] for result in sarif["runs"][0]["results"]} == {"rejected", "unapproved"}
    paid.write("specs/boss.yaml", '{"prompt": "a dragon", "freeze": true}')
    assert paid.run("check").code == 0
    frozen = check(paid, "--format", "json").json
    assert [(one["asset"], one["state"]) for one in frozen["unapproved"]] == [("boss", "rejected"), ("hero", "open")]


def test_a_torn_line_is_named_and_a_foreign_one_is_an_error(paid: PaidProject) -> None:
    approve(paid, "*", "--yes")
    (file,) = (paid.root / "reviews").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    torn = check(paid)
    assert torn.code == 2
    assert f"warning: reviews/{file.name}:2: an unfinished line is not read" in torn.err
    assert f"reviews/{file.name}:2" in check(paid).err, "and again, from no cache"
    file.write_bytes(whole + b"approve everything\n")
    for command in (["check", "--require-approved"], ["check"], ["plan"], ["apply", "--yes"], ["review", "--list"]):
        foreign = paid.run(*command)
        assert foreign.code == 1
        assert f"reviews/{file.name}:3: is not JSON" in foreign.err
    assert paid.asked == 2


# Pull requests


def branched(paid: PaidProject) -> None:
    paid.git("init", "-qb", "main")
    commit(paid, "Start")
    paid.git("checkout", "-qb", "theirs")


def test_a_pull_request_is_judged_by_the_rules_of_its_base(paid: PaidProject) -> None:
    rules(paid, reviewers=[ADA])
    branched(paid)
    rules(paid)
    approve(paid, "*", "--yes", by=EVE)
    commit(paid)
    assert check(paid).code == 0
    said = check(paid, "--against", "main")
    assert said.code == 2
    assert "eve@x.org does not count: not a reviewer" in said.out
    approve(paid, "*", "--yes", by=ADA)
    assert check(paid, "--against", MAIN).code == 0


def test_a_rejection_that_a_pull_request_deletes_counts(paid: PaidProject) -> None:
    paid.done("reject", "boss", "--by", BOB, "--note", "too many heads")
    branched(paid)
    for file in (paid.root / "reviews").iterdir():
        file.unlink()
    approve(paid, "*", "--yes", by=EVE)
    commit(paid)
    assert check(paid).code == 0
    said = check(paid, "--against", "main")
    assert said.code == 2
    assert "! boss  rejected by bob@x.org" in said.out


@pytest.mark.parametrize("revision", ["nowhere", "--upload-pack=x", "", "HEAD:specs"])
def test_a_revision_that_is_none(paid: PaidProject, revision: str) -> None:
    branched(paid)
    said = check(paid, f"--against={revision}")
    assert said.code == 1
    assert "--against: git has no commit" in said.err
    assert "hint: " in said.err


def test_a_base_without_the_project(paid: PaidProject) -> None:
    paid.git("init", "-qb", "main")
    paid.git("commit", "-q", "--allow-empty", "-m", "Nothing")
    said = check(paid, "--against", "main")
    assert (said.code, "main has no reconciler.yaml here" in said.err) == (1, True)
    assert paid.run("check", "--against", "main").code == 1


def test_outside_git(paid: PaidProject) -> None:
    assert "the project is in no git repository" in check(paid, "--against", "main").err


# Signatures


def signing(paid: PaidProject, folder: Path, *people: str) -> dict[str, Path]:
    """A key for each person, and the file that allows them."""
    keys, allowed = {}, []
    for person in people:
        keys[person] = folder / person
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys[person])], check=True)
        allowed.append(f"{person} {keys[person].with_suffix('.org.pub').read_text()}")
    paid.write(".github/allowed_signers", "".join(allowed))
    return keys


@needs_ssh_keygen
def test_signed_verdicts(paid: PaidProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = signing(paid, tmp_path, ADA, EVE)
    rules(paid, require=["hero"], signed=".github/allowed_signers")
    paid.git("init", "-qb", "main")
    paid.git("config", "user.email", ADA)
    paid.git("config", "user.signingkey", str(keys[ADA]))
    paid.done("approve", "hero")
    assert check(paid).code == 0
    (file,) = (paid.root / "reviews").iterdir()
    good = file.read_text()
    assert '"sig": "' in good
    wrong_key = paid.run("approve", "hero", "--note", "x", "--by", EVE)
    assert (wrong_key.code, "the verdict would not count" in wrong_key.err) == (1, True)
    assert file.read_text() == good
    file.write_text(good.replace("hero", "boss"))
    forged = check(paid)
    assert forged.code == 2
    assert "ada@x.org does not count: its signature is not valid" in forged.out
    paid.write("reviews/unsigned.jsonl", json.dumps({k: v for k, v in json.loads(good).items() if k != "sig"}) + "\n")
    assert "it is not signed" in check(paid).out
    file.write_text(good)
    assert check(paid).code == 0, "what does not count does not take away"

    allowed = paid.read(".github/allowed_signers")
    time.sleep(0.1)
    assert quick(paid, "check", "--require-approved")[0] == 0
    assert quick(paid, "check", "--require-approved")[0] == 0
    paid.write(".github/allowed_signers", "")
    assert quick(paid, "check", "--require-approved")[0] == 2, "the index knows of the file"
    (paid.root / ".github/allowed_signers").unlink()
    assert "there is no file .github/allowed_signers" in check(paid).err
    paid.write(".github/allowed_signers", allowed)
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = check(paid)
    assert (missing.code, "ssh-keygen cannot be run" in missing.err) == (1, True)


@needs_ssh_keygen
def test_a_forged_rejection_costs_nothing(paid: PaidProject, tmp_path: Path) -> None:
    keys = signing(paid, tmp_path, ADA)
    rules(paid, signed=".github/allowed_signers")
    paid.git("init", "-qb", "main")
    paid.git("config", "user.email", ADA)
    paid.git("config", "user.signingkey", str(keys[ADA]))
    paid.done("reject", "hero", "--note", "bent")
    assert paid.plan() == {"hero": ("hold", "WasRejected")}
    (file,) = (paid.root / "reviews").iterdir()
    file.write_text(file.read_text().replace("bent", "fine"))
    assert paid.plan() == {}
    assert "signature is not valid" in paid.done("review", "--list").out


# The index


def quick(paid: PaidProject, *arguments: str) -> tuple[int, str]:
    """A command as the entry point runs it: from the index alone if that can be."""
    paid._capsys.readouterr()
    code = _answered(list(arguments))
    if code is None:
        said = paid.run(*arguments)
        return said.code, said.out
    return code, paid._capsys.readouterr().out


def test_the_quick_check_and_plan_know_of_reviews(paid: PaidProject) -> None:
    """Each change shows at once, although the index answers what is unchanged."""
    approve(paid, "*", "--yes")
    time.sleep(0.1)  # a file that has just changed gets no entry
    required = ("check", "--require-approved")
    for _ in range(2):
        assert quick(paid, *required) == (0, "nothing to do: 2 assets up to date\nall 2 required images are approved\n")
    assert quick(paid, "check") == (0, "nothing to do: 2 assets up to date\n")
    said = (paid.root / ".reconciler/index").read_bytes()
    assert b"check --require-approved\0" in said
    (file,) = (paid.root / "reviews").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b'"approve"', b'"reject" '))
    assert quick(paid, "check")[0] == 2
    assert quick(paid, *required)[0] == 2
    file.unlink()
    assert quick(paid, "check")[0] == 0
    assert quick(paid, *required)[0] == 2
    file.write_bytes(whole)
    assert quick(paid, *required)[0] == 0
    paid.done("reject", "boss", "--by", BOB, "--note", "no")
    assert quick(paid, *required)[0] == 2


def test_the_quick_check_sees_the_first_verdict(paid: PaidProject) -> None:
    time.sleep(0.1)
    for _ in range(2):
        assert quick(paid, "check")[0] == 0
    paid.done("reject", "boss", "--by", BOB, "--note", "no")
    assert quick(paid, "check")[0] == 2


def test_a_draft_is_not_approved_whatever_a_line_says(paid: PaidProject) -> None:
    approve(paid, "*", "--yes")
    paid.write("specs/draft.yaml", '{"prompt": "a dog", "provider": "draft", "size": "32x32"}')
    paid.apply()
    (file,) = (paid.root / "reviews").iterdir()
    line = json.loads(file.read_text().splitlines()[0])
    entry = paid.lock["draft"]
    forged = line | {"asset": "draft", "content": entry["content"], "recipe": entry["recipe"]["key"]}
    paid.write("reviews/forged.jsonl", json.dumps(forged) + "\n")
    assert "! draft  not approved: it is a draft" in check(paid).out


def test_a_quick_plan_of_one_changed_spec_does_not_restore_a_rejected_image(paid: PaidProject) -> None:
    paid.done("reject", "hero", "--by", ADA, "--note", "bent")
    paid.write("specs/hero.yaml", '{"prompt": "a tower"}')
    paid.apply()
    time.sleep(0.1)
    assert quick(paid, "plan")[0] == 0
    paid.write("specs/hero.yaml", '{"prompt": "a lighthouse"}')
    said = quick(paid, "plan")[1]
    assert said == paid.done("plan").out
    assert "an image for this recipe was rejected by ada@x.org" in said


# Derived files


RULES = """\
og: {size: 32x16, formats: [png], output: "img/${name}-og.png"}
web: {widths: [16], formats: [webp], output: "img/${name}-${width}.${ext}"}
"""


def test_rules_whose_files_need_a_look_of_their_own(scratch: Scratch) -> None:
    scratch.write("reconciler.yaml", "provider: draft\nreview: {derived: [og]}\n")
    scratch.write("specs/hero.yaml", "prompt: A lighthouse\nderive: [og, web]\noutput: art/hero.png\n")
    scratch.write("specs/boss.yaml", "prompt: A dragon\nderive: [og]\noutput: art/boss.png\ntags: [ship]\n")
    scratch.write("specs/_derive.yaml", RULES)
    for name, colour in (("hero", "teal"), ("boss", "orange")):
        scratch.write(f"art/{name}.png", picture(colour))
    scratch.done("adopt", "hero", "boss", "--yes")
    scratch.done("derive")
    scratch.done("approve", "hero", "boss", "--yes", "--by", ADA)
    required = ("check", "--require-approved")
    said = scratch.run(*required)
    assert said.code == 2
    assert "! img/boss-og.png  not approved" in said.out
    assert "2 of 4 required images not approved" in said.out
    assert "hero-16" not in said.out
    found = json.loads(scratch.run(*required, "--format", "sarif").out)["runs"][0]["results"]
    assert {one["message"]["text"].split(":")[0] for one in found} == {"boss", "hero"}
    done = scratch.done("approve", "img/boss-og.png", "hero~og", "--by", ADA, "--yes")
    assert done.out.count("approved ") == 2
    lines = [
        json.loads(line) for file in (scratch.root / "reviews").iterdir() for line in file.read_text().splitlines()
    ]
    assert [(line["asset"], "recipe" in line) for line in lines[2:]] == [("boss~og", False), ("hero~og", False)]
    assert scratch.done(*required).out.endswith("all 4 required images are approved\n")
    assert "approved  img/hero-og.png" in scratch.done("review", "--list").out
    assert scratch.done("review", "--list", "img/hero-16.webp").out.startswith("open      img/hero-16.webp")

    scratch.done("reject", "hero~og", "--by", BOB, "--note", "cropped")
    assert "! img/hero-og.png  rejected by bob@x.org" in scratch.run(*required).out
    assert scratch.run("check").code == 0, "there is nothing to pay for"
    scratch.write("reconciler.yaml", "provider: draft\nreview: {derived: [og], require: ['tag:ship']}\n")
    assert scratch.run(*required).code == 0, "files of assets that are not required are not, either"

    scratch.git("init", "-q")
    scratch.git("add", "-A")
    done = scratch.done("review", "--compact", "--yes")
    assert "5 verdicts kept, 0 dropped" in done.err, "derived.lock names the derived ones"
    assert scratch.run(*required).code == 0

    scratch.edit("specs/_derive.yaml", "32x16", "32x32")
    stale = scratch.run("approve", "img/boss-og.png", "--by", ADA)
    assert (stale.code, "it is not up to date" in stale.err) == (1, True)
    scratch.done("derive")
    assert "! img/boss-og.png  not approved" in scratch.run(*required).out, "another file is open again"
    scratch.write("reconciler.yaml", "provider: draft\nreview: {derived: [ogg]}\n")
    wrong = scratch.run(*required)
    assert (wrong.code, 'review.derived: no rule or bundle is called "ogg"' in wrong.err) == (1, True)
