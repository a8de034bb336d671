"""Where images come from: the marks of derived files, the report, the check, and the statement of a release."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.core.digest import content_hash
from reconciler.core.provenance.marks import find_marks
from reconciler.core.provenance.source_type import COMPOSITE, TRAINED
from reconciler.core.provenance.statement import pre_authentication, signed_text_of
from reconciler.store.documents.signatures import sign
from tests.cli.conftest import Scratch, picture
from tests.core.provenance.authority import authority, signed
from tests.core.provenance.carriers import marked
from tests.core.provenance.test_credentials import needs_c2pa
from tests.needs import needs_ssh_keygen

RULES = "web: {widths: [32], formats: [webp, jpeg], output: 'site/${name}.${ext}'}\n"


def made_by_a_model(project: Scratch) -> None:
    """`hero` is a generated image from which two files are derived; all other assets are drafts."""
    project.write("specs/_derive.yaml", RULES)
    project.write("specs/hero.yaml", (project.root / "specs/hero.yaml").read_text() + "derive: [web]\n")
    project.write("assets/hero.png", picture())
    project.done("adopt", "hero", "--generated", "--model", "gemini-3-pro-image")
    project.done("derive")


def names(project: Scratch, path: str) -> tuple[str, ...]:
    return find_marks(memoryview(project.read(path))).names


@pytest.fixture
def site(project: Scratch) -> Scratch:
    made_by_a_model(project)
    return project


def test_derived_files_are_marked_by_default_and_masters_stay_as_they_are(site: Scratch) -> None:
    assert site.read("assets/hero.png") == picture()
    for path in ("site/hero.webp", "site/hero.jpg"):
        assert find_marks(memoryview(site.read(path))).xmp.source_type == TRAINED
    site.done("check")


def test_another_setting_makes_the_files_anew_and_no_other_thing(site: Scratch) -> None:
    lock = (site.root / "assets.lock").read_bytes()
    for setting, wanted in (("none", ()), ("iptc+cn, producer: Example Ltd", ("iptc", "cn")), ("iptc", ("iptc",))):
        text = "".join(line for line in site.read("reconciler.yaml").decode().splitlines(True) if "mark" not in line)
        site.write("reconciler.yaml", f"{text}provenance: {{mark: {setting}}}\n")
        assert site.run("check").code == 2
        site.done("derive")
        site.done("check")
        assert names(site, "site/hero.webp") == wanted
    assert (site.root / "assets.lock").read_bytes() == lock


def test_a_retouched_image_is_a_composite_and_a_persons_own_is_not_marked(site: Scratch) -> None:
    site.write("assets/hero.png", picture("red"))
    site.done("adopt", "hero")
    site.done("derive")
    assert site.lock["hero"]["made"]["provider"] == "imported"
    assert find_marks(memoryview(site.read("site/hero.jpg"))).xmp.source_type == COMPOSITE


@needs_c2pa
def test_files_of_rules_are_signed_and_name_the_image_that_they_are_made_from(
    site: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = authority("Example Studio")
    site.write("certs/chain.pem", by.chain)
    site.write("specs/_bundles.yaml", "app: {icons: {from: hero, sets: [favicon], output: site/icons}}\n")
    site.done("derive")
    icons = json.loads(site.read("derived.lock"))["sets"]["app"]
    settings = "provenance: {mark: c2pa, certificate: certs/chain.pem}\n"
    site.write("reconciler.yaml", site.read("reconciler.yaml").decode() + settings)
    said = site.run("derive")
    assert (said.code, "there is no key to sign with" in said.err) == (1, True)
    key = site.root.parent / "key.pem"
    key.write_bytes(by.key)
    monkeypatch.setenv("RECONCILER_C2PA_KEY", str(key))
    site.done("derive")
    site.done("check", "--require-marks")
    assert site.read("assets/hero.png") == picture()
    assert names(site, "site/hero.webp") == ("c2pa", "iptc")
    assert names(site, "site/icons/favicon-96.png") == ("iptc",), "an icon set is a bundle"
    assert json.loads(site.read("derived.lock"))["sets"]["app"] == icons, "and not made anew"
    anchors = str(site.write("anchors.pem", by.root))
    said = site.done("provenance", "hero", "--verify", "--anchors", anchors, "--format", "json")
    seen = {one["path"]: one["seen"]["c2pa"] for one in said.json["files"]}
    assert seen["site/hero.jpg"] == {"state": "trusted", "issuer": "Example Studio", "problems": []}
    assert seen["assets/hero.png"] is None
    lock = site.read("derived.lock")
    site.done("derive")
    assert site.read("derived.lock") == lock, "nothing is signed again"
    data = site.read("site/hero.webp")
    site.write("site/hero.webp", data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    assert site.run("provenance", "hero", "--verify", "--anchors", anchors).code == 2
    assert by.key not in b"".join(path.read_bytes() for path in site.root.rglob("*") if path.is_file())


@needs_c2pa
@pytest.mark.parametrize(
    ("certificate", "key", "words"),
    [
        (None, "key", "there is no file"),
        (b"no certificate", "key", "cannot be signed"),
        ("other", "key", "cannot be signed"),
        ("chain", b"no key", "no private key in PEM"),
    ],
)
def test_a_file_that_cannot_be_signed_is_not_made(
    site: Scratch, monkeypatch: pytest.MonkeyPatch, certificate: bytes | str | None, key: bytes | str, words: str
) -> None:
    by = authority("Example Studio")
    given = {"chain": by.chain, "other": authority("Somebody Else").chain, "key": by.key}
    if certificate is not None:
        site.write("chain.pem", given[certificate] if isinstance(certificate, str) else certificate)
    path = site.root.parent / "key.pem"
    path.write_bytes(given[key] if isinstance(key, str) else key)
    monkeypatch.setenv("RECONCILER_C2PA_KEY", str(path))
    before = site.read("site/hero.webp")
    settings = "provenance: {mark: c2pa, certificate: chain.pem}\n"
    site.write("reconciler.yaml", site.read("reconciler.yaml").decode() + settings)
    said = site.run("derive")
    assert said.code == 1
    assert words in said.out + said.err
    assert site.read("site/hero.webp") == before


def test_a_label_without_a_producer_is_an_error(site: Scratch) -> None:
    site.write("reconciler.yaml", site.read("reconciler.yaml").decode() + "provenance: {mark: iptc+cn}\n")
    assert "there is no producer" in site.run("validate").err


def test_the_report_says_where_each_file_comes_from(site: Scratch) -> None:
    site.write(
        "specs/hero.yaml", site.read("specs/hero.yaml").decode() + "license: CC0-1.0\ncredit: Ada\nalt: A light\n"
    )
    files = {one["path"]: one for one in site.done("provenance", "--format", "json").json["files"]}
    hero, small, pair = files["assets/hero.png"], files["site/hero.webp"], files["assets/pair.png"]
    assert (hero["generated"], hero["digital_source_type"], hero["made"]["model"]) == (
        True,
        TRAINED,
        "gemini-3-pro-image",
    )
    assert (hero["license"], hero["credit"], hero["alt"], hero["terms"]["vendor"]) == (
        "CC0-1.0",
        "Ada",
        "A light",
        "Google",
    )
    assert "SynthID cannot be read here" in hero["watermark"]
    assert hero["recipe"] == site.lock["hero"]["recipe"]["key"]
    assert (small["derived"], small["assets"], small["generated"]) == ("hero~web", ["hero"], True)
    assert pair["references"] == [
        {
            "content": site.lock["mascot"]["content"],
            "origin": "asset",
            "asset": "mascot",
            "path": None,
            "digital_source_type": None,
        }
    ]
    assert not pair["generated"], "a draft"
    text = site.done("provenance", "hero").out
    assert "3 files, 3 of them generated" in text
    assert "mascot" not in text
    rows = site.done("provenance", "site/hero.webp", "--format", "csv").out.splitlines()[1:]
    assert [row.partition(",")[0] for row in rows] == ["site/hero.webp"]


def test_the_bytes_are_read_only_where_that_is_asked_for(site: Scratch) -> None:
    (site.root / "assets/mascot.png").unlink()
    site.write("site/hero.jpg", picture("red", "jpeg"))
    assert "mascot" in site.done("provenance").out
    said = site.run("provenance", "--verify", "--format", "json")
    assert said.code == 2
    seen = {one["path"]: one["seen"] for one in said.json["files"]}
    assert seen["site/hero.webp"]["file"] == "as locked"
    assert seen["site/hero.webp"]["marks"] == ["iptc"]
    assert seen["assets/mascot.png"]["file"] == "missing"
    assert (seen["site/hero.jpg"]["file"], seen["site/hero.jpg"]["marks"]) == ("not as locked", [])
    site.done("provenance", "assets/pair.png", "--verify")


def test_a_file_outside_is_not_opened(site: Scratch, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "hero.webp").write_bytes(site.read("site/hero.webp"))
    shutil.rmtree(site.root / "site")
    (site.root / "site").symlink_to(outside)
    said = site.run("provenance", "site/hero.webp", "--verify", "--format", "json")
    assert said.json["files"][0]["seen"]["file"] == "not readable"


@needs_c2pa
def test_a_manifest_is_verified_against_the_authorities_that_the_user_names(site: Scratch) -> None:
    site.write("assets/hero.png", signed("png", "Example Studio"))
    site.done("adopt", "hero", "--generated")
    anchors = site.write("anchors.pem", authority("Example Studio").root)
    foreign = site.write("foreign.pem", authority("Somebody Else").root)
    for path, state in ((anchors, "trusted"), (foreign, "valid")):
        said = site.done("provenance", "hero", "--verify", "--anchors", str(path), "--format", "json")
        assert said.json["files"][0]["seen"]["c2pa"]["state"] == state
    assert "C2PA valid (Example Studio): signingCredential.untrusted" in site.done("provenance", "hero", "--verify").out
    assert "has no certificates" in site.run("provenance", "--verify", "--anchors", "reconciler.yaml").err


def test_terms_of_the_project_override_the_table(site: Scratch) -> None:
    terms = "{gemini-3-pro-image: {vendor: House, url: 'https://h.example', says: ours, read: '2026-11-01'}}"
    site.write("reconciler.yaml", site.read("reconciler.yaml").decode() + f"provenance: {{terms: {terms}}}\n")
    assert "ours, https://h.example, read on 2026-11-01" in site.done("provenance", "hero").out


def test_another_program_reads_the_spdx_document(site: Scratch) -> None:
    spdx = pytest.importorskip("spdx_python_model", reason="NOT TESTED, spdx-python-model is not installed")
    site.write("specs/hero.yaml", site.read("specs/hero.yaml").decode() + "license: CC0-1.0\ncredit: Ada\n")
    out = site.done("provenance", "--format", "spdx").out
    objects = spdx.v3_0_1.SHACLObjectSet()
    spdx.v3_0_1.JSONLDDeserializer().deserialize_data(json.loads(out), objects)
    assert not objects.missing_ids
    files = list(objects.foreach_type("software_File"))
    assert {one.name for one in files} >= {"assets/hero.png", "site/hero.jpg"}
    assert [one.name for one in objects.foreach_type("ai_AIPackage")] == ["gemini-3-pro-image"]
    assert site.done("provenance", "--format", "spdx").out == out, "the same each time"


def test_a_shipped_file_without_a_mark_is_a_finding(site: Scratch) -> None:
    said = site.done("check", "--require-marks")
    assert "marked as generated: 2 files" in said.out, "the master is no shipped file, and drafts are not generated"
    site.write("reconciler.yaml", site.read("reconciler.yaml").decode() + "provenance: {mark: none}\n")
    site.done("derive")
    site.done("check")
    said = site.run("check", "--require-marks")
    assert said.code == 2
    assert "! site/hero.jpg  no mark that it is generated" in said.out
    assert "2 of 2 generated files without a mark" in said.out
    assert "write provenance: {mark: iptc}" in said.out
    found = site.run("check", "--require-marks", "--format", "json").json
    assert (found["clean"], [one["path"] for one in found["unmarked"]]) == (False, ["site/hero.jpg", "site/hero.webp"])
    lines = site.run("check", "--require-marks", "--format", "github").out.splitlines()
    assert any("specs/hero.yaml" in line and "line=3" in line and "unmarked" in line for line in lines), lines
    assert site.run("check", "mascot", "--require-marks").code == 0


def test_a_master_that_is_shipped_needs_a_mark_of_its_own(site: Scratch) -> None:
    site.write("assets/mascot.png", picture("red"))
    site.done("adopt", "mascot", "--generated")
    said = site.run("check", "--require-marks", "--exclude", "pair")
    assert said.code == 2
    assert "! assets/mascot.png  no mark" in said.out
    assert "derive a file from it" in said.out
    site.write("assets/mascot.png", marked("png", TRAINED))
    site.done("adopt", "mascot", "--generated")
    assert "marked as generated: 3 files" in site.run("check", "--require-marks", "--exclude", "pair").out


def a_key(site: Scratch, name: str) -> str:
    path = site.root.parent / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)], check=True)
    return str(path)


def signers_of(site: Scratch, name: str, key: str) -> str:
    public = Path(f"{key}.pub").read_text()
    return str(site.write(f"{name}.signers", f"{name}@x.org {public}"))


def test_a_release_is_stated_and_verified(site: Scratch) -> None:
    out = site.done("release", "manifest").out
    statement = json.loads(out)
    assert [each["name"] for each in statement["subject"]] == [
        "assets/hero.png", "assets/mascot.png", "assets/pair.png", "site/hero.jpg", "site/hero.webp",
    ]  # fmt: skip
    for each in statement["subject"]:
        assert content_hash(site.read(each["name"])) == f"sha256:{each['digest']['sha256']}"
    assert "A lighthouse" not in out
    assert "A lighthouse" in site.done("release", "manifest", "--with-prompts").out
    site.done("release", "manifest", "-o", "r.jsonl")
    assert site.read("r.jsonl").decode() == out
    said = site.done("release", "verify", "r.jsonl")
    assert "5 files: as stated" in said.out
    assert "not signed; the lockfiles and specs of this project say the same" in said.out
    site.write("r.jsonl", out.replace('"model":"gemini-3-pro-image"', '"model":"a-camera"'))
    assert site.run("release", "verify", "r.jsonl").code == 2
    site.write("r.jsonl", out)
    site.write("site/hero.jpg", picture("red", "jpeg"))
    (site.root / "assets/pair.png").unlink()
    said = site.run("release", "verify", "r.jsonl", "--format", "json")
    assert said.code == 2
    assert said.json["wrong"] == {"assets/pair.png": "missing", "site/hero.jpg": "not as stated"}
    assert "not as locked" in site.run("release", "manifest").err


@needs_ssh_keygen
def test_a_signed_release_with_one_changed_byte_is_refused(site: Scratch) -> None:
    key, other = a_key(site, "ada"), a_key(site, "eve")
    ada, eve = signers_of(site, "ada", key), signers_of(site, "eve", other)
    site.done("release", "manifest", "--key", key, "-o", "r.jsonl")
    assert "signed by ada@x.org" in site.done("release", "verify", "r.jsonl", "--signers", ada).out
    assert "signed by a key that is not known here" in site.done("release", "verify", "r.jsonl").out
    said = site.run("release", "verify", "r.jsonl", "--signers", eve)
    assert (said.code, "not of an allowed signer" in said.err) == (1, True)
    whole = site.read("r.jsonl")
    for at in (12, len(whole) // 3, whole.index(b"payloadType") + 20, whole.index(b'"sig"') + 60, len(whole) - 8):
        site.write("r.jsonl", whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert site.run("release", "verify", "r.jsonl", "--signers", ada).code == 1, at
    site.done("release", "manifest", "-o", "plain.jsonl")
    said = site.run("release", "verify", "plain.jsonl", "--signers", ada)
    assert (said.code, "it is not signed" in said.err) == (1, True)


@needs_ssh_keygen
def test_a_signature_for_another_purpose_is_none(site: Scratch) -> None:
    key = a_key(site, "ada")
    text = site.done("release", "manifest").out.strip()
    for_reviews = sign(pre_authentication(text), key)
    site.write("r.jsonl", signed_text_of(text, for_reviews) + "\n")
    said = site.run("release", "verify", "r.jsonl", "--signers", signers_of(site, "ada", key))
    assert said.code == 1
    assert "signature is not" in said.err


def test_a_manifest_replaces_a_manifest_and_no_other_file(site: Scratch) -> None:
    site.done("release", "manifest", "-o", "r.jsonl")
    site.done("release", "manifest", "-o", "r.jsonl")
    said = site.run("release", "manifest", "-o", "specs/hero.yaml")
    assert (said.code, "is not a statement of a release" in said.err) == (1, True)
    assert site.read("specs/hero.yaml").startswith(b"prompt")


def test_a_statement_of_a_stranger_opens_no_file_outside(site: Scratch) -> None:
    text = site.done("release", "manifest").out
    site.write("r.jsonl", text.replace("assets/hero.png", "../hero.png"))
    said = site.run("release", "verify", "r.jsonl")
    assert (said.code, "the statement is refused" in said.err) == (1, True)
