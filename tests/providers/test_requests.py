"""What is said on the wire, for each type of provider, series of models and endpoint: a request is a pure function."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.digest import content_hash
from reconciler.core.outcome import Rejected
from reconciler.core.recipe import Recipe
from reconciler.engine.references import LocalReferences
from reconciler.providers.http.origins import Base
from reconciler.providers.http.request import WireRequest
from reconciler.providers.http.spool_file import stream
from reconciler.providers.keys import base_of
from reconciler.providers.models.table import model_table
from reconciler.providers.requests.build import build_wire_request
from reconciler.providers.requests.prepared import PreparedRequest, prepare
from reconciler.testing.gateway.wire import multipart
from tests.providers.builders import SHARED, a_dialect, a_picture, a_recipe, a_request, settings_for, turns


@pytest.fixture
def red(tmp_path: Path) -> Path:
    return a_picture(tmp_path / "red.png")


@pytest.fixture
def blue(tmp_path: Path) -> Path:
    return a_picture(tmp_path / "blue.jpg", form="jpeg", colour="blue")


def uri(path: Path) -> str:
    kind = "jpeg" if path.suffix == ".jpg" else "png"
    return f"data:image/{kind};base64," + base64.b64encode(path.read_bytes()).decode()


def built(kind: str, recipe: Recipe, files: Sequence[Path] = (), **settings: Any) -> WireRequest | Rejected:
    ready = prepare(a_request(recipe, files), SHARED)
    assert isinstance(ready, PreparedRequest)
    chosen = settings_for(kind, **{"base_url": "http://localhost:1", **settings})
    base = base_of(chosen)
    assert isinstance(base, Base)
    return build_wire_request(a_dialect(chosen), ready, chosen, base, model_table())


async def _body(request: WireRequest) -> bytes:
    return b"".join([piece async for piece in stream(request.pieces)])


def sent(kind: str, recipe: Recipe, files: Sequence[Path] = (), **settings: Any) -> tuple[str, Any]:
    """The path, and the JSON body or the parts of the form as (name, file name, type, data)."""
    request = built(kind, recipe, files, **settings)
    assert isinstance(request, WireRequest), request
    body = asyncio.run(_body(request))
    assert len(body) == request.length
    path = request.url.removeprefix("http://localhost:1")
    kind = dict(request.headers)["Content-Type"]
    if kind == "application/json":
        return path, json.loads(body)
    return path, [(part.name, part.filename, part.content_type, part.data) for part in multipart(body, kind)]


GENERATIONS = "/v1/images/generations"
DOCUMENTED = {
    "model": "gemini-2.5-flash-image",
    "prompt": "a cat",
    "size": "16:9",
    "quality": "high",
    "n": 1,
    "response_format": "b64_json",
    "image_size": "2K",
    "mime_type": "image/png",
    "response_modalities": "image",
}


def test_the_gateways_own_example() -> None:
    assert sent("gravitex", a_recipe(size="16:9", quality="high", image_size="2K")) == (GENERATIONS, DOCUMENTED)


def test_pictures_as_contents_or_as_image_and_always_a_prompt(red: Path, blue: Path) -> None:
    recipe = make_recipe(red, blue)
    parts = [{"text": "a cat"}, {"image": uri(red)}, {"image": uri(blue)}]
    path, body = sent("gravitex", recipe, (red, blue))
    assert (path, body["prompt"]) == (GENERATIONS, "a cat")
    assert body["contents"] == [{"role": "user", "parts": parts}]
    assert "image" not in body
    _, body = sent("gravitex", recipe, (red, blue), reference_encoding="image")
    assert (body["prompt"], body["image"]) == ("a cat", [uri(red), uri(blue)])
    assert "contents" not in body
    _, body = sent("gravitex", make_recipe(red), (red,), reference_encoding="image")
    assert body["image"] == uri(red)


def make_recipe(*files: Path, **fields: Any) -> Recipe:
    return a_recipe(**{"references": tuple(content_hash(file.read_bytes()) for file in files), **fields})


def test_a_conversation_ends_in_the_prompt(red: Path, blue: Path) -> None:
    said = turns(("user", "a dog"), ("model", blue))
    recipe = make_recipe(red, turns=said)
    _, body = sent("gravitex", recipe, (red, blue))
    assert body["prompt"] == "a cat"
    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "a dog"}]},
        {"role": "model", "parts": [{"image": uri(blue)}]},
        {"role": "user", "parts": [{"text": "a cat"}, {"image": uri(red)}]},
    ]
    assert isinstance(built("gravitex", recipe, (red, blue), reference_encoding="image"), Rejected)


def test_a_conversation_may_stand_for_the_prompt(red: Path) -> None:
    recipe = make_recipe(red, prompt="", turns=turns(("user", "a dog"), ("model", "hm"), ("user", "a red dog")))
    _, body = sent("gravitex", recipe, (red,))
    assert body["prompt"] == "a red dog"
    assert body["contents"][-1] == {"role": "user", "parts": [{"text": "a red dog"}, {"image": uri(red)}]}
    assert len(body["contents"]) == 3


@pytest.mark.parametrize(
    ("quality", "image_size", "said"),
    [
        ("high", "2K", "high"), ("", "2K", "high"), ("low", "2k", "low"), ("medium", "4K", "medium"),
        ("high", "1K", "high"), ("hd", "1K", "hd"), ("", "1K", "standard"), ("medium", "1K", "medium"),
        ("high", "", "high"), ("", "", None),
    ],
)  # fmt: skip
def test_quality_is_sent_as_written_or_says_what_image_size_says(
    quality: str, image_size: str, said: str | None
) -> None:
    _, body = sent("gravitex", a_recipe(quality=quality, image_size=image_size))
    assert body.get("quality") == said


@pytest.mark.parametrize(
    ("size", "said"), [("16:9", "16:9"), ("1536x1024", "3:2"), ("1376x768", "16:9"), ("auto", None)]
)
def test_gemini_is_asked_for_ratios(size: str, said: str | None) -> None:
    assert sent("gravitex", a_recipe(size=size))[1].get("size") == said


@pytest.mark.parametrize(("kind", "settings"), [("gemini", {}), ("gravitex", {"endpoint": "native"})])
def test_native(red: Path, kind: str, settings: dict[str, str]) -> None:
    params = {"seed": 1, "safetySettings": [], "imageConfig": {"x": 1}}
    recipe = make_recipe(red, model="gemini-3-pro-image", size="16:9", image_size="2k", quality="high", params=params)
    path, body = sent(kind, recipe, (red,), **settings)
    assert path == "/v1beta/models/gemini-3-pro-image:generateContent"
    data = base64.b64encode(red.read_bytes()).decode()
    assert body == {
        "contents": [
            {"role": "user", "parts": [{"text": "a cat"}, {"inlineData": {"mimeType": "image/png", "data": data}}]}
        ],
        "generationConfig": {
            "responseModalities": ["IMAGE"],
            "imageConfig": {"aspectRatio": "16:9", "imageSize": "2K", "x": 1},
            "seed": 1,
        },
        "safetySettings": [],
    }


def test_a_model_of_one_size_is_not_told_it_and_a_name_stays_in_its_place() -> None:
    _, body = sent("gemini", a_recipe(image_size="1K"))
    assert body["generationConfig"]["imageConfig"] == {"aspectRatio": "1:1"}
    path, _ = sent("gemini", a_recipe(model="../x?y#z"))
    assert path == "/v1beta/models/..%2Fx%3Fy%23z:generateContent"


@pytest.mark.parametrize("kind", ["gravitex", "openai"])
def test_gpt_generation_and_edit(red: Path, blue: Path, kind: str) -> None:
    said = {"model": "gpt-image-2", "prompt": "a cat", "n": 1, "size": "1360x768", "quality": "low",
            "background": "opaque", "output_format": "webp"}  # fmt: skip
    fields = {"model": "gpt-image-2", "size": "16:9", "quality": "low", "background": "opaque", "format": "webp"}
    path, body = sent(kind, a_recipe(**fields))
    assert path == GENERATIONS
    assert {**body, "size": said["size"]} == said
    width, height = map(int, body["size"].split("x"))
    assert width % 16 == height % 16 == 0
    assert width / height == pytest.approx(16 / 9, rel=0.03)
    mask = content_hash(red.read_bytes())
    path, parts = sent(kind, make_recipe(red, blue, mask=mask, **fields), (red, blue, red))
    assert path == "/v1/images/edits"
    assert {name: data.decode() for name, file, _, data in parts if not file} == {k: str(v) for k, v in body.items()}
    assert [part for part in parts if part[1]] == [
        ("image[]", "image-1.png", "image/png", red.read_bytes()),
        ("image[]", "image-2.jpeg", "image/jpeg", blue.read_bytes()),
        ("mask", "mask.png", "image/png", red.read_bytes()),
    ]


def test_edits_as_json(red: Path, blue: Path) -> None:
    settings = {"endpoint": "edits", "reference_encoding": "image"}
    path, body = sent("gravitex", make_recipe(red, blue, model="qwen-image-edit-plus"), (red, blue), **settings)
    assert (path, body["image"]) == ("/v1/images/edits", [uri(red), uri(blue)])
    assert isinstance(built("gravitex", a_recipe(model="gpt-image-2"), endpoint="edits"), Rejected)


def test_gpt_never_says_response_format_and_its_largest_size_fits() -> None:
    for ratio in ("16:9", "1:1", "3:1", "9:16", "21:9"):
        _, body = sent("openai", a_recipe(model="gpt-image-2", size=ratio, image_size="4K"))
        width, height = map(int, body["size"].split("x"))
        assert width * height <= 8_294_400
        assert max(width, height) <= 3840
        assert width % 16 == height % 16 == 0
        across, down = map(int, ratio.split(":"))
        assert width / height == pytest.approx(across / down, rel=0.03)
        assert "response_format" not in body


def test_seedream_and_qwen(red: Path) -> None:
    recipe = make_recipe(red, model="doubao-seedream-4-5-251128", size="", image_size="2K")
    path, body = sent("gravitex", recipe, (red,))
    assert path == GENERATIONS
    assert body == {"model": "doubao-seedream-4-5-251128", "prompt": "a cat", "image": uri(red), "n": 1, "size": "2K"}
    params = {"watermark": False, "seed": 7}
    _, body = sent("gravitex", a_recipe(model="doubao-seedream-4-0-250828", size="1536x1024", params=params))
    assert {**body} == {"model": "doubao-seedream-4-0-250828", "prompt": "a cat", "n": 1, "size": "1536x1024", **params}
    _, body = sent("gravitex", a_recipe(model="qwen-image-plus", size="4:3", params={"negative_prompt": "dogs"}))
    assert body == {"model": "qwen-image-plus", "prompt": "a cat", "n": 1, "size": "1472x1140",
                    "response_format": "b64_json", "negative_prompt": "dogs"}  # fmt: skip
    path, _ = sent("gravitex", make_recipe(red, model="qwen-image-edit-plus"), (red,))
    assert path == "/v1/images/edits"


def test_a_server_of_openais_shape_is_told_pixels(red: Path) -> None:
    _, body = sent("openai", a_recipe(model="sd", size="1:1"), base_url="http://localhost:1/v1")
    assert body == {"model": "sd", "prompt": "a cat", "n": 1, "size": "1024x1024", "response_format": "b64_json"}
    path, _ = sent("openai", make_recipe(red, model="sd"), (red,))
    assert path == "/v1/images/edits"


def test_a_parameter_is_passed_and_null_takes_a_field_out() -> None:
    params = {"response_format": None, "quality": "ultra", "steps": 4, "lora": {"a": 1}}
    _, body = sent("openai", a_recipe(model="sd", params=params))
    assert body == {"model": "sd", "prompt": "a cat", "n": 1, "size": "1024x1024", "quality": "ultra", "steps": 4,
                    "lora": {"a": 1}}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "fields", "settings"),
    [
        *[("openai", {"model": "sd", "params": {name: 2}}, {}) for name in ("n", "prompt", "model", "image", "stream")],
        ("gemini", {"params": {"generationConfig": {"candidateCount": 4}}}, {}),
        ("openai", {"model": ""}, {}),
        ("openai", {"model": "sd", "prompt": ""}, {}),
        ("openai", {"model": "sd", "turns": turns(("user", "x"))}, {}),
        ("openai", {"model": "sd"}, {"endpoint": "native"}),
        ("gemini", {}, {"endpoint": "edits"}),
        ("gravitex", {}, {"endpoint": "edits"}),
        ("gravitex", {"model": "gpt-image-2"}, {"endpoint": "native"}),
        ("openai", {"model": "sd", "size": "16-9"}, {}),
    ],
)
def test_what_cannot_be_said_is_rejected_before_it_is_sent(kind: str, fields: Any, settings: Any) -> None:
    assert isinstance(built(kind, a_recipe(**fields), **settings), Rejected)


def test_a_mask_is_for_edits(red: Path) -> None:
    mask = content_hash(red.read_bytes())
    for kind, model in (("gravitex", "gemini-2.5-flash-image"), ("gemini", "gemini-2.5-flash-image"), ("openai", "sd")):
        assert isinstance(built(kind, a_recipe(model=model, mask=mask), (red,)), Rejected)


def test_a_picture_must_be_there_unchanged_and_of_a_known_format(red: Path, tmp_path: Path) -> None:
    request = a_request(make_recipe(red), (red,))
    a_picture(red, colour="green")
    assert "has changed" in str(prepare(request, SHARED))
    red.unlink()
    assert "cannot read the reference red.png" in str(prepare(request, SHARED))
    text = tmp_path / "words.png"
    text.write_text("no picture")
    assert "is not a PNG" in str(prepare(a_request(make_recipe(text), (text,)), SHARED))
    gif = a_picture(tmp_path / "a.gif", form="gif")
    assert "takes no gif" in str(built("gravitex", make_recipe(gif), (gif,)))
    assert prepare(a_request(make_recipe(gif)), LocalReferences()) == Rejected(
        f"the reference {content_hash(gif.read_bytes())} is not available"
    )


@pytest.mark.parametrize(
    ("model", "image_size"),
    [("gemini-2.5-flash-image", "2K"), ("gemini-2.5-flash-image", "3K"), ("gemini-3-pro-image-preview", "3K")],
)
@pytest.mark.parametrize("pictures", [0, 1])
def test_the_examples_of_the_gateway_go_out_as_written(model: str, image_size: str, pictures: int, red: Path) -> None:
    recipe = make_recipe(*[red] * pictures, model=model, size="16:9", quality="high", image_size=image_size)
    _, body = sent("gravitex", recipe, (red,) * pictures)
    assert (body["size"], body["quality"], body["image_size"]) == ("16:9", "high", image_size)


def test_a_parameter_can_be_left_out() -> None:
    _, body = sent("gravitex", a_recipe(params={"response_format": None}))
    assert "response_format" not in body
    assert body["mime_type"] == "image/png"
