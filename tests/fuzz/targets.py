"""The readers of foreign files: each target takes bytes, and gives an answer or one clear error.

A target raises `Broken` where a rule of docs/security.md does not hold: an error of another type, text that a terminal
or a CI log would obey, a path outside, a value that is not the same after it was written and read, too much time.
"""

from __future__ import annotations

import atexit
import io
import os
import re
import shutil
import tempfile
import time
import unicodedata
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from reconciler.core.derived.atlas_data import earlier_layout
from reconciler.core.derived.atlas_packing import AtlasSettings, Layout, Placement, Sprite, pack_atlas
from reconciler.core.derived.derived_lock import derived_path, dump_derived, load_derived
from reconciler.core.derived.derived_plan import DerivedLocks, Sources, plan_derived
from reconciler.core.derived.read import read_derivation
from reconciler.core.digest import AssetId, ContentHash, RecipeKey, content_hash
from reconciler.core.errors import BucketError, InvalidInput, LockfileError, ReconcilerError
from reconciler.core.events import settle
from reconciler.core.images.sniff import sniff
from reconciler.core.lock.lockfile import Lock, dumps, loads, verify_recipe_keys
from reconciler.core.lock.text_merge import merge_texts
from reconciler.core.provenance.marks import find_marks
from reconciler.core.provenance.statement import read_statement
from reconciler.core.provenance.xmp import read_xmp
from reconciler.core.recipe import Recipe
from reconciler.core.reviews.rules import ReviewRules
from reconciler.core.reviews.verdict import read_verdict, verdict_line
from reconciler.core.reviews.verdicts import ReviewState, rejections, standings
from reconciler.core.specs.document import Document
from reconciler.core.specs.expand import SpecTree, expand
from reconciler.core.specs.graph import whole_problems
from reconciler.core.specs.paths import BadPath, picture_path, project_path
from reconciler.core.specs.settings import MAX_ASSETS, Settings
from reconciler.core.team.claim import (
    Take,
    decide_claim,
    decode_claim,
    decode_claim_end,
    encode_claim,
    settle_claims,
)
from reconciler.core.team.keys_file import read_keys
from reconciler.core.team.layout import ReceiptName
from reconciler.core.team.own_claims import decode_own_claim, encode_own_claim
from reconciler.core.team.receipt import BadReceipt
from reconciler.core.team.roots import decode_doomed, decode_root
from reconciler.project.import_manifests import read_manifest
from reconciler.project.load import load_specs
from reconciler.project.saved_plan import read_plan
from reconciler.project.workspace import Workspace
from reconciler.providers.http.client import HttpAnswer
from reconciler.providers.responses.json_stream import scan
from reconciler.providers.responses.receive import Expected, receive
from reconciler.providers.secret import NO_KEY_SENT
from reconciler.report.reviews import ReviewedAsset, reviews_json, reviews_text
from reconciler.store.documents.project import parse_lock
from reconciler.store.documents.reviews import parse_reviews
from reconciler.store.index.parsed_specs import ParsedCache
from reconciler.store.index.snapshot import MAGIC, compare
from reconciler.store.objects.spool import SpoolDir
from reconciler.store.schemas.validate import schema_problems
from reconciler.store.state.journal import Journal
from reconciler.store.team.catalogue_file import decode_catalogue, encode_catalogue
from reconciler.store.yaml import loader as yaml
from reconciler.team.receipt_keys import ReceiptReader
from tests.fuzz.workflow_targets import job_texts, workflow_texts

SECONDS = 0.5
SECONDS_PER_KIB = 0.02
"""The most CPU time for an input: the first number, and the second for each KiB of it."""
_ROOT = Path(tempfile.mkdtemp(prefix="reconciler-fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
atexit.register(shutil.rmtree, _ROOT, ignore_errors=True)
SEPARATOR = b"\n--\n"
"""Between the parts of an index."""
_FORMATS = Path(__file__).parents[1] / "formats"
_TEAM_KEYS = (_FORMATS / "reconciler-v1.keys").read_bytes()
_TEAM_RECEIPT = (_FORMATS / "receipt-v1.json").read_bytes()
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


class Broken(Exception):
    """A rule does not hold for an input."""


def run(name: str, data: bytes) -> None:
    """Give an input to a target. `Broken` says which rule does not hold."""
    begin = time.process_time()
    try:
        TARGETS[name](data)
    except ReconcilerError as error:
        _is_clean(str(error))
    took = time.process_time() - begin
    if took > SECONDS + SECONDS_PER_KIB * len(data) / 1024:
        raise Broken(f"{took:.1f} s of CPU for {len(data):,} bytes")


def _is_clean(text: str) -> None:
    for line in text.split("\n"):
        if re.match(r"\s*::", line) or re.search(r"##[A-Za-z]*\[", line):
            raise Broken(f"a workflow command: {line[:80]!r}")
    hidden = {char for char in text if char != "\n" and unicodedata.category(char) in _HIDDEN}
    if hidden:
        raise Broken(f"unescaped {sorted(map(ascii, hidden))[:5]}")


def _spec(data: bytes) -> None:
    _expanded(SpecTree({"a.yaml": _known("spec", data)}))


def _defaults(data: bytes) -> None:
    document = yaml.parse(data, file="specs/_defaults.yaml")
    if document.value is not None and not schema_problems("defaults", document):
        _expanded(SpecTree({"a.yaml": yaml.parse(b"prompt: x", file="specs/a.yaml")}, {"": document}))


def _styles(data: bytes) -> None:
    document = yaml.parse(data, file="specs/_styles.yaml")
    if isinstance(document.value, dict) and not schema_problems("styles", document):
        names = ", ".join(repr(name) for name in list(document.value)[:3] if name.isalnum())
        spec = yaml.parse(f"prompt: x\nstyle: [{names}]".encode(), file="specs/a.yaml")
        _expanded(SpecTree({"a.yaml": spec}, {}, document))


def _known(kind: str, data: bytes) -> Document:
    document = yaml.parse(data, file=f"specs/{kind}.yaml")
    problems = schema_problems(kind, document)
    if problems:
        raise InvalidInput(problems)
    return document


def _expanded(tree: SpecTree) -> None:
    found = expand(Settings(), None, tree)
    problems = (*found.problems, *whole_problems(found.specs, found.broken, partial=bool(found.problems)))
    _is_clean("\n".join(map(str, problems)))
    if len(found.specs) > MAX_ASSETS:
        raise Broken(f"{len(found.specs):,} assets")
    for spec in found.specs.values():
        if isinstance(picture_path(spec.output), BadPath):
            raise Broken(f"an output outside: {spec.output!r}")
        spec.base_recipe.key()


def _project(data: bytes) -> None:
    root = _ROOT / "project"
    (root / "specs").mkdir(parents=True, exist_ok=True)
    (root / "reconciler.yaml").write_bytes(data)
    load_specs(Workspace(root, strict=True))


def _lockfile(data: bytes) -> None:
    lock = parse_lock(_ROOT, data)
    for entry in lock.entries.values():
        if isinstance(picture_path(entry.output), BadPath):
            raise Broken(f"an output outside: {entry.output!r}")
    if loads(dumps(lock)) != lock:
        raise Broken("the lockfile is another one after it was written and read")
    verify_recipe_keys(lock)


def _merge(data: bytes) -> None:
    """Three lockfiles, as the merge driver gets them."""
    base, ours, theirs, *_ = (*data.decode("utf-8", "replace").split("\f"), "", "", "")
    merged = merge_texts(base, ours, theirs)
    if dumps(loads(merged)) != merged:
        raise Broken("a merge is not in its normal form")


def _journal(data: bytes) -> None:
    """Lines of events get the frames that make them sound; other bytes are the file as it is."""
    path = _ROOT / "journal"
    framed = b"".join(b"%d %08x %s\n" % (len(one), zlib.crc32(one), one) for one in data.splitlines())
    path.write_bytes(framed if data[:1] == b"{" else data)
    settle(Lock(), Journal(path).read())


def _plan(data: bytes) -> None:
    path = _ROOT / "plan.json"
    path.write_bytes(data)
    read_plan(path)


def _parsed(data: bytes) -> None:
    path = _ROOT / "parsed"
    path.write_bytes(data)
    cache = ParsedCache(path, racy=lambda _: False)
    cache.load()
    for name in ("specs/a.yaml", "a"):
        cache.value(name, os.lstat(path))


def _index(data: bytes) -> None:
    """Six parts get the head that makes them sound; other bytes are the file as it is."""
    parts = data.split(SEPARATOR)
    if len(parts) == 6:
        body = b"".join(parts)
        data = MAGIC + b"%d %d %d %d %d %d %d\n" % (*map(len, parts), zlib.crc32(body)) + body
    root = _ROOT / "project"
    (root / "specs").mkdir(parents=True, exist_ok=True)
    (root / "index").write_bytes(data)
    found = compare(str(root), "check", index="index")
    if found is not None:
        _is_clean(found.said)


def _answer(data: bytes) -> None:
    """A head line with the status and the content type, then the body."""
    scan(io.BytesIO(data))
    head, _, body = data.partition(b"\n")
    status = int(head[:3]) if head[:3].isdigit() and head[:3] >= b"100" else 200
    spool = SpoolDir(_ROOT / "spool", ())
    path, stream = spool.open()
    with stream:
        stream.write(body)
    headers = {"content-type": head[4:].decode("latin-1")}
    receive(
        HttpAnswer(status, headers, path, len(body), True), spool, Expected(Recipe("x"), None, 1 << 20, NO_KEY_SENT)
    )
    for left in (_ROOT / "spool").iterdir():
        left.unlink()


def _picture(data: bytes) -> None:
    sniff(data)


def _manifest(data: bytes) -> None:
    """A manifest of another tool. Nothing outside of its folder is named as a file."""
    path = _ROOT / "manifest.yaml"
    path.write_bytes(data)
    for kind in ("bananarama", "hokusai"):
        try:
            found = read_manifest(_ROOT, kind, path)
        except ReconcilerError as error:
            _is_clean(str(error))
            continue
        for _, row in found.rows:
            if isinstance(row, Mapping) and str(row["output"]).startswith(("/", "..")):
                raise Broken(f"an output outside: {row['output']}")


def _marks(data: bytes) -> None:
    """A picture with metadata, or a packet of XMP."""
    find_marks(memoryview(data))
    read_xmp(data)


def _atlas(data: bytes) -> None:
    """A data file of an atlas, whose layout is kept."""
    found = pack_atlas([Sprite("sword", 20, 30), Sprite("shield", 8, 8)], AtlasSettings(), _layout_of(data))
    if not isinstance(found, Layout) or {one.sprite.id for one in found.placements} != {"sword", "shield"}:
        raise Broken("a sprite is missing")
    for one in found.placements:
        width, height = found.pages[one.page]
        if one.x < 1 or one.y < 1 or one.x + one.sprite.width >= width or one.y + one.sprite.height >= height:
            raise Broken(f"{one} lies outside its page")
    if max(map(max, found.pages)) > 2048 or len(found.pages) > 2:
        raise Broken(f"pages of {found.pages}")


def _layout_of(data: bytes) -> tuple[Placement, ...]:
    return earlier_layout(data.decode("utf-8", "replace"))


def _verdicts(data: bytes) -> None:
    """A file of verdicts. Whatever the bytes are, nothing is approved that no line approves."""
    found = parse_reviews([("reviews/a.jsonl", data)]).verdicts
    for verdict in found:
        if read_verdict(verdict_line(verdict), verdict.place) != verdict:
            raise Broken("a verdict is another one after it was written and read")
    results = standings(found, ReviewRules())
    if b"approve" not in data and any(one.state is ReviewState.APPROVED for one in results.values()):
        raise Broken("approved by nobody")
    if b"reject" in data and len(rejections(found, ReviewRules()).contents) > len(found):
        raise Broken("more rejections than lines")
    listed = [ReviewedAsset(AssetId("a"), "a.png", content, one, required=True) for content, one in results.items()]
    for printed in (reviews_text(listed), reviews_json(listed)):
        _is_clean("\n".join(printed.out))


def _statement(data: bytes) -> None:
    """A statement of a release: what is read is in the one form, and names no path outside."""
    found = read_statement(data)
    if found.text.encode() not in (data.removesuffix(b"\n"), found.text.encode() if found.signature else b""):
        raise Broken("a statement in another form")
    if any(isinstance(project_path(path), BadPath) for path in found.subjects):
        raise Broken("a path outside")


def _derived(data: bytes) -> None:
    """A lock of derived files."""
    lock = load_derived(data.decode("utf-8", "replace"), file="derived.lock", content_of=lambda _: None)
    for _, path, _ in lock.lines():
        if isinstance(derived_path(path), BadPath):
            raise Broken(f"a derived file outside: {path!r}")
    if not lock.merged and load_derived(dump_derived(lock.sets), file="x", content_of=lambda _: None).sets != {
        name: block for name, block in lock.sets.items() if block
    }:
        raise Broken("the lock is another one after it was written and read")


def _rules(data: bytes) -> None:
    _derivation(SpecTree(_DERIVING, derive=_known("derive", data)))


def _bundles(data: bytes) -> None:
    rules = yaml.parse(_RULES, file="specs/_derive.yaml")
    _derivation(SpecTree(_DERIVING, derive=rules, bundles=_known("bundles", data)))


_RULES = b"web: {widths: [8, 16], formats: [webp, png], output: 'o/${name}-${width}.${ext}'}\nicon: {formats: [png]}\n"
_DERIVING = {
    f"{name}.yaml": yaml.parse(f"prompt: {name}\nderive: [web]\ntags: [t]".encode(), file=f"specs/{name}.yaml")
    for name in ("a", "b")
}


def _derivation(tree: SpecTree) -> None:
    expanded = expand(Settings(), None, tree)
    found, problems = read_derivation(Settings(), tree, expanded.specs, partial=False)
    _is_clean("\n".join(map(str, problems)))
    for each in found.asset_sets():
        for want in each.wants:
            if isinstance(derived_path(want.path), BadPath):
                raise Broken(f"a derived file outside: {want.path!r}")
    if not problems:
        images = Sources({asset: ContentHash(f"sha256:{'0' * 64}") for asset in expanded.specs})
        plan_derived(found, DerivedLocks(), images, {}, restorable=lambda *_: False)


def _receipt(data: bytes) -> None:
    """An object of a team's store. Nobody signs with the keys of the seed, so no change of it is believed."""
    listed, _ = read_keys(_TEAM_KEYS)
    name = ReceiptName(RecipeKey("r1:" + "0" * 64), content_hash(b""))
    for reader, believes in ((ReceiptReader(listed), data == _TEAM_RECEIPT), (ReceiptReader(None), True)):
        found = reader.read(data, name)
        if isinstance(found, BadReceipt):
            _is_clean(found.fact)
        elif not believes or (found.key, found.stored.content) != (name.key, name.content):
            raise Broken("a receipt is believed that nobody has signed")


def _keys(data: bytes) -> None:
    """`reconciler.keys`: each key that is listed is one of its lines, and every other line is a problem."""
    keys, problems = read_keys(data)
    _is_clean("\n".join(map(str, problems)))
    lines = [line for line in data.split(b"\n") if line.strip() and not line.strip().startswith(b"#")]
    if len(problems) > len(lines) or len(keys.names) > len(lines):
        raise Broken("more than its lines")


def _root(data: bytes) -> None:
    """A root, or a list of garbage, of a team's store."""
    for read in (decode_root, decode_doomed):
        with suppress(BucketError):
            if not all(len(content) == 71 for content in read(data, "roots/p/main.json").contents):
                raise Broken("no content")


def _workflow(data: bytes) -> None:
    for text in workflow_texts(data):
        _is_clean(text)


def _job(data: bytes) -> None:
    for text in job_texts(data):
        _is_clean(text)


def _claim(data: bytes) -> None:
    """A claim or an end of a team's store: whatever it is, nobody buys beside it without consent."""
    key = RecipeKey("r1:" + "0" * 64)
    claim, end = decode_claim(key, 1, data), decode_claim_end(data)
    state = settle_claims([claim], {} if end is None else {1: end})
    now = datetime(2026, 11, 28, 12, tzinfo=UTC)
    found = decide_claim(state, own=(), consented=(), unusable=(), retried=(), now=now)
    if isinstance(found, Take) and (end is None or end.attempt != claim.attempt):
        raise Broken("an open claim is passed over")
    if decode_claim(key, 1, encode_claim(claim)) != claim:
        raise Broken("not the same claim")


def _catalogue(data: bytes) -> None:
    """What a checkout knows of its team's store."""
    for read, write in ((decode_catalogue, encode_catalogue), (decode_own_claim, encode_own_claim)):
        try:
            found = read(data)
        except LockfileError as error:
            _is_clean(str(error))
            continue
        if read(write(found)) != found:  # type: ignore[arg-type]  # each writes what it reads
            raise Broken("not the same")


TARGETS: dict[str, Callable[[bytes], None]] = {
    "spec": _spec,
    "defaults": _defaults,
    "styles": _styles,
    "project": _project,
    "lockfile": _lockfile,
    "merge": _merge,
    "journal": _journal,
    "plan": _plan,
    "parsed": _parsed,
    "index": _index,
    "answer": _answer,
    "picture": _picture,
    "marks": _marks,
    "statement": _statement,
    "atlas": _atlas,
    "verdicts": _verdicts,
    "derived": _derived,
    "rules": _rules,
    "bundles": _bundles,
    "manifest": _manifest,
    "receipt": _receipt,
    "keys": _keys,
    "root": _root,
    "workflow": _workflow,
    "job": _job,
    "claim": _claim,
    "catalogue": _catalogue,
}
