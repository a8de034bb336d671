"""Sound inputs of each target, from which a fuzzer starts: examples, fixtures of the formats, a small project."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from reconciler.core.derived.atlas_data import Atlas, AtlasFrame, data_texts
from reconciler.core.derived.work import ATLAS_DATA
from reconciler.core.images.sniff import FORMATS
from reconciler.core.provenance.source_type import TRAINED
from reconciler.core.provenance.statement import signed_text_of
from reconciler.core.provenance.xmp import xmp_packet
from reconciler.store.documents.lock_parts import packed_parts, part_files
from reconciler.store.index.snapshot import MAGIC
from reconciler.testing.comfyui import a_workflow
from tests.core.provenance.carriers import marked
from tests.fuzz.targets import SEPARATOR

_ROOT = Path(__file__).parents[2]
_ATLAS = Atlas(
    "items",
    (AtlasFrame("sword", 0, 1, 1, 20, 30, 64, 64, 4, 5), AtlasFrame("shield", 1, 1, 1, 8, 8, 8, 8)),
    ((23, 33), (11, 11)),
)
_PROJECT = """\
provider: draft
outputs: assets
limits: {assets: 50}
cascade: ask
budget: {per_run: 2.5, images: 3}
review: {require: ["tag:ship", a], reviewers: [ada@example.com, bob@example.com], min: 2, signed: .github/signers}
defaults: {model: m, size: "16:9", tags: [web]}
providers: {own: {type: openai, base_url: "http://127.0.0.1:9", api_key_env: OWN_KEY, concurrency: 2}}
models: {m: {ratios: ["16:9"], prices: {1K: "0.01"}, free_pixels: {multiple: 16}}}
"""
_SPEC = """\
prompt: A ${finish} ${item} on ${ground}.
id: ${item}-${finish}
style: [flat]
vars: {ground: "$$grass"}
references: [art/a.png, {asset: hero}]
turns: [{role: user, parts: [{text: "x ${item}"}, {file: art/a.png}]}]
params: {seed: 7, extra: {a: [1, 2.5, true, null]}}
output: icons/${item}/${finish}.webp
matrix:
  item: [sword, 2, true]
  finish: [matte, gold]
  include: [{item: sword, finish: rust, note: old}]
  exclude: [{item: 2, finish: gold}]
"""

_STATUS = {"status_str": "error", "messages": [["execution_error", {"node_id": "2", "exception_message": "no"}]]}
_IMAGES = {"1": {"images": [{"filename": "a.png", "subfolder": "", "type": "output"}]}}
_JOBS = (
    {"id": "x", "status": "completed", "outputs": _IMAGES, "execution_status": {"status_str": "success"}},
    {"id": "x", "status": "failed", "execution_error": {"node_id": "2", "exception_message": "no"}},
    {"x": {"outputs": _IMAGES, "status": _STATUS, "prompt": [1, "x", {}, {}, ["1"]]}},
    {"queue_running": [[1, "x", {}, {}, []]], "queue_pending": []},
    {"error": {"message": "no", "details": "x"}, "node_errors": {"2": {"errors": [{"message": "no", "details": "x"}]}}},
    {"system": {"comfyui_version": "0.3.76", "pytorch_version": "2.9.1"}},
    {"python_module": "custom_nodes.pack", "api_node": True},
)
_RULES = """\
web:
  widths: [640, 1280]
  formats: [avif, webp, jpeg]
  quality: {avif: 55, jpeg: 80}
  aspect: "16:9"
  fit: cover
  output: public/img/${name}-${width}.${ext}
icon:
  ops: [{key: {colour: auto, from: 18}}, {trim: {padding: 2}}, {resize: {size: 64x64}}, {palette: {colours: 16}}]
  densities: [1, 2]
  formats: [png]
  output: sprites/${id}${at}-${key8}.png
  commit: false
"""
_BUNDLES = """\
items: {atlas: {from: ["a*", "tag:t"], use: icon, max: 64x64, padding: 2, data: [godot, css], output: atlas/x}}
app: {icons: {from: a, sets: [favicon, pwa], background: "#1b2430", padding: 10%, name: App, output: public/icons}}
images: {manifest: {from: "tag:t", use: web, sizes: 100vw, output: images.json, html: snippets, url: public}}
"""


_LOCKS = [path.read_bytes() for path in sorted((_ROOT / "tests/formats").glob("lockfile*.lock"))]

_DECK = "defaults: {style: flat, n: 2}\noutput-dir: out\nimages:\n- {name: a, description: 'A $b', aspect-ratio: 3:2}\n"
_TARGETS = """\
defaults: {image_model: m}
loops: {a: [x, y]}
targets: {"[a].png": {prompt: "A [a]", width: 8, height: 8, reference_images: [b.png]}, b.png: {prompt: b}}
"""


def _parts() -> bytes:
    """A lockfile with a file for each spec, as it is read."""
    root = _ROOT / "tests/formats/lockfile-parts-v3"
    return packed_parts({path: (root / path).read_bytes() for path in part_files(root)})


def seeds() -> dict[str, list[bytes]]:
    """Inputs by the name of the target."""
    with tempfile.TemporaryDirectory() as folder:
        plan, index, parsed, lockfile = _of_project(Path(folder))
    specs = [path.read_bytes() for path in (_ROOT / "specs").rglob("[!_]*.y*ml")]
    picture = next(path.read_bytes() for path in sorted((_ROOT / "assets").rglob("*.png")))
    body = json.dumps({"data": [{"b64_json": "iVBORw0KGgo="}], "usage": {"input_tokens": 3}}).encode()
    fault = json.dumps({"error": {"message": "no", "code": "content_policy", "details": [{"a": 1}]}}).encode()
    return {
        "spec": [*specs, _SPEC.encode()],
        "defaults": [b"model: m\nsize: '1:1'\ntags: [a]\nvars: {a: 1}\nparams: {seed: 1}\nprompt_prefix: x\n"],
        "styles": [b"flat: {prompt_suffix: ', flat', params: {seed: 1}}\nink: {vars: {a: b}}\n"],
        "project": [_PROJECT.encode(), (_ROOT / "reconciler.yaml").read_bytes()],
        "lockfile": [lockfile, _parts(), *_LOCKS],
        "merge": [b"\f".join((b"", lockfile, _LOCKS[0])), b"\f".join((_LOCKS[0], _LOCKS[1], _LOCKS[0]))],
        "journal": [path.read_bytes() for path in (_ROOT / "tests/formats").glob("journal*")],
        "plan": [plan],
        "parsed": [parsed],
        "index": [index],
        "answer": [
            b"200 application/json\n" + body,
            b"400 application/json\n" + fault,
            b"200 image/png\n" + picture[:4_000],
            b"502 text/html\n<html><title>Bad</title></html>",
            b"200 text/event-stream\ndata: " + body + b"\n\n",
        ],
        "verdicts": [path.read_bytes() for path in (_ROOT / "tests/formats").glob("reviews*.jsonl")],
        "derived": [path.read_bytes() for path in (_ROOT / "tests/formats").glob("derived*.lock")],
        "rules": [_RULES.encode()],
        "bundles": [_BUNDLES.encode()],
        "manifest": [_DECK.encode(), _TARGETS.encode()],
        "receipt": [(_ROOT / "tests/formats/receipt-v1.json").read_bytes()],
        "keys": [(_ROOT / "tests/formats/reconciler-v1.keys").read_bytes()],
        "root": [path.read_bytes() for path in sorted((_ROOT / "tests/formats").glob("team-*-v1.json"))],
        "workflow": [json.dumps(a_workflow()).encode(), b'{"nodes": [], "links": []}'],
        "job": [json.dumps(each).encode() for each in _JOBS],
        "claim": (_ROOT / "tests/formats/claims-v1.jsonl").read_bytes().splitlines(keepends=True),
        "catalogue": [(_ROOT / f"tests/formats/{name}-v1.json").read_bytes() for name in ("catalogue", "own-claim")],
        "picture": [picture[:4_000]],
        "statement": [
            (_ROOT / "tests/formats/release-v1.intoto.jsonl").read_bytes(),
            signed_text_of((_ROOT / "tests/formats/release-v1.intoto.jsonl").read_text().strip(), "AAAA").encode(),
        ],
        "marks": [*(marked(form, TRAINED, "{}") for form in FORMATS), xmp_packet(TRAINED).encode()],
        "atlas": [text.encode() for kind in ATLAS_DATA for _, text in data_texts(_ATLAS, kind)],
    }


def _of_project(root: Path) -> tuple[bytes, bytes, bytes, bytes]:
    """The plan file, the parts of the index, the cache of parsed specs and the lockfile of a small project."""
    (root / "specs").mkdir()
    (root / "reconciler.yaml").write_text("provider: draft\n")
    (root / "specs/a.yaml").write_text("prompt: a\nsize: 32x32\n")
    (root / "specs/b.yaml").write_text("prompt: b\nsize: 32x32\nreferences: [{asset: a}]\n")
    for command in (["apply", "--yes"], ["check"], ["plan", "-o", "plan.json"]):
        program = "from reconciler.cli.entry_point import entry; entry()"
        subprocess.run([sys.executable, "-c", program, "-C", str(root), *command], check=True, capture_output=True)
    head, _, body = (root / ".reconciler/index").read_bytes().removeprefix(MAGIC).partition(b"\n")
    parts, at = [], 0
    for size in map(int, head.split()[:-1]):
        parts.append(body[at : at + size])
        at += size
    parsed = json.dumps({"for": "", "specs": {"specs/a.yaml": [1, 2, 3, 4, {"prompt": "a"}]}}).encode()
    return (
        (root / "plan.json").read_bytes(),
        SEPARATOR.join(parts),
        parsed,
        (root / "assets.lock").read_bytes(),
    )
