"""The requests that the services accept, with the size and format of their images, and the errors for all others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from reconciler.testing.gateway.parsed_request import ParsedRequest

DIALECTS = ("gravitex", "gemini", "openai", "local")
MODELS = (
    "gemini-2.5-flash-image",
    "gemini-3-pro-image-preview",
    "gemini-3-pro-image",
    "gemini-3.1-flash-image-preview",
    "gpt-image-1",
    "gpt-image-1.5",
    "gpt-image-2",
    "doubao-seedream-4-5-251128",
    "qwen-image-plus",
    "qwen-image-edit-plus",
)
PRICES = {
    "gemini-2.5-flash": "0.039",
    "gemini-3-pro": "0.134",
    "gemini-3.1-flash": "0.067",
    "gpt-image-1.5": "0.034",
    "gpt-image-1": "0.042",
}
"""By prefix; the rest costs 0.04."""
NATIVE_RATIOS = frozenset({"1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"})
WIDE_RATIOS = frozenset({"1:4", "4:1", "1:8", "8:1"})
FLASH_1K = {
    (1, 1): (1024, 1024), (3, 2): (1248, 832), (4, 3): (1184, 864), (5, 4): (1152, 896),
    (16, 9): (1344, 768), (21, 9): (1536, 672),
}  # fmt: skip
PRO_1K = {
    (1, 1): (1024, 1024), (3, 2): (1264, 848), (4, 3): (1200, 896), (5, 4): (1152, 928),
    (16, 9): (1376, 768), (21, 9): (1584, 672),
}  # fmt: skip
SCALES = {"512": 0.5, "1K": 1, "2K": 2, "3K": 3, "4K": 4}
GATEWAY_SIZES = {"1024x1024": "1:1", "1536x1024": "3:2", "1024x1536": "2:3", "1792x1024": "16:9", "1024x1792": "9:16"}
GPT_SIZES = frozenset({(1024, 1024), (1536, 1024), (1024, 1536)})
QWEN_SIZES = frozenset({(1328, 1328), (1664, 928), (928, 1664), (1472, 1140), (1140, 1472)})


@dataclass(frozen=True, slots=True)
class AcceptedRequest:
    """A valid request, and the image that is served for it."""

    route: str
    """images or native"""
    model: str
    width: int = 1024
    height: int = 1024
    form: str = "png"
    count: int = 1
    answer: str = "b64"
    """b64 or url"""
    variant: str = "opaque"
    text_only: bool = False

    @property
    def amount(self) -> str:
        """US dollars, as a decimal string."""
        price = next((price for prefix, price in PRICES.items() if self.model.startswith(prefix)), "0.04")
        return str(Decimal(price) * self.count)

    def __str__(self) -> str:
        return f"{self.width}x{self.height} {self.form} x{self.count}"


class InvalidRequest(Exception):
    """The error for a request that is not served. `text`: a plain body instead of JSON."""

    def __init__(self, status: int, message: str, code: str = "invalid_request", *, text: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.text = status, message, code, text


def accept(dialect: str, request: ParsedRequest, *, gateway: str) -> AcceptedRequest:
    """The image that a request gets. Raises InvalidRequest. `gateway`: "documented" or "source"."""
    if not request.fields:
        raise InvalidRequest(400, "the body is neither a JSON object nor a form")
    if b"" in request.references:
        raise InvalidRequest(400, "an image is not base64", "invalid_image")
    if request.edits and not request.references:
        raise InvalidRequest(400, "an edit needs an image")
    if request.route == "native":
        return _native(request)
    if dialect == "gravitex" and not request.fields.get("prompt"):
        raise InvalidRequest(500, "convert request failed: prompt is required", "convert_request_failed")
    if not request.prompt:
        raise InvalidRequest(400, "missing required parameter: 'prompt'", "missing_required_parameter")
    if dialect not in {"gravitex", "openai"}:
        return _strict(request)
    if not request.model:
        raise InvalidRequest(400, "you must provide a model")
    if request.model.startswith(("gpt-", "chatgpt-")):
        return _gpt(request)
    if dialect == "openai":
        raise InvalidRequest(404, f"the model '{request.model}' does not exist", "model_not_found")
    if request.model.startswith("gemini"):
        return _gateway_gemini(request, gateway)
    return _by_pixels(request)


def _native(request: ParsedRequest) -> AcceptedRequest:
    config = request.fields.get("generationConfig") or {}
    image = config.get("imageConfig") or {}
    ratio, size = image.get("aspectRatio", "1:1"), image.get("imageSize", "1K")
    wide = WIDE_RATIOS if "3.1" in request.model else frozenset()
    if not request.fields.get("contents"):
        raise InvalidRequest(400, "contents is not specified")
    if ratio not in NATIVE_RATIOS | wide:
        raise InvalidRequest(400, f"invalid aspectRatio '{ratio}'")
    if size not in {"1K", "2K", "4K"} | ({"512"} if wide else set()):
        raise InvalidRequest(400, f"invalid imageSize '{size}'")
    if "imageSize" in image and "2.5-flash" in request.model:
        raise InvalidRequest(400, "imageSize is not supported by this model")
    width, height = gemini_pixels(request.model, ratio, size)
    text_only = "IMAGE" not in config.get("responseModalities", ["TEXT", "IMAGE"])
    return AcceptedRequest("native", request.model, width, height, gemini_format(request.model), text_only=text_only)


def gemini_format(model: str) -> str:
    """Nothing in a request changes it."""
    return "png" if "2.5-flash" in model else "jpeg"


def gemini_pixels(model: str, ratio: str, size: str) -> tuple[int, int]:
    """The size that the models draw: near the ratio, not equal to it."""
    across, down = (int(number) for number in ratio.split(":"))
    table = FLASH_1K if "2.5-flash" in model else PRO_1K
    scale = 1 if "2.5-flash" in model else SCALES.get(size, 1)
    long, short = max(across, down), min(across, down)
    area = 1024 * 1024
    fallback = (round((area * long / short) ** 0.5 / 16) * 16, round((area * short / long) ** 0.5 / 16) * 16)
    width, height = (round(side * scale) for side in table.get((long, short), fallback))
    return (width, height) if across >= down else (height, width)


def _gateway_gemini(request: ParsedRequest, gateway: str) -> AcceptedRequest:
    fields = request.fields
    size = str(fields.get("size", "1:1"))
    _count(fields, 128)
    if "×" in size:
        raise InvalidRequest(400, "size an unexpected error occurred in the parameter, please use 'x' instead of '×'")
    ratio = size if ":" in size else GATEWAY_SIZES.get(size, "1:1")
    if not re.fullmatch(r"[1-9]\d?:[1-9]\d?", ratio):
        raise InvalidRequest(400, f"invalid aspect ratio '{ratio}'")
    by_quality = "2K" if fields.get("quality") in {"hd", "high", "2K"} else "1K"
    image_size = str(fields.get("image_size", by_quality)) if gateway == "documented" else by_quality
    if image_size not in SCALES:
        raise InvalidRequest(400, f"invalid image_size '{image_size}'")
    width, height = gemini_pixels(request.model, ratio, image_size)
    return AcceptedRequest("images", request.model, width, height, gemini_format(request.model))


def _gpt(request: ParsedRequest) -> AcceptedRequest:
    fields = request.fields
    if "response_format" in fields:
        raise InvalidRequest(400, "Unknown parameter: 'response_format'.", "unknown_parameter")
    width, height = (1024, 1024) if fields.get("size", "auto") == "auto" else _pixels(fields["size"])
    free = request.model.startswith("gpt-image-2")
    sound = free and width % 16 == height % 16 == 0 and 655_360 <= width * height <= 8_294_400
    if not (sound and width <= 3 * height and height <= 3 * width) and (width, height) not in GPT_SIZES:
        raise InvalidRequest(400, f"Invalid value: '{fields['size']}'.", "invalid_value")
    if fields.get("quality", "auto") not in {"low", "medium", "high", "auto"}:
        raise InvalidRequest(400, f"Invalid value: '{fields['quality']}' for quality.", "invalid_value")
    form, background = str(fields.get("output_format", "png")), fields.get("background", "auto")
    if form not in {"png", "jpeg", "webp"} or (background == "transparent" and (free or form == "jpeg")):
        raise InvalidRequest(400, "Transparent background is not supported, or not with this format.", "invalid_value")
    variant = "transparent" if background == "transparent" else "opaque"
    return AcceptedRequest("images", request.model, width, height, form, _count(fields, 10), variant=variant)


def _by_pixels(request: ParsedRequest) -> AcceptedRequest:
    """Seedream responds with a URL, Qwen with either; both accept pixels only. So does an unknown model."""
    fields, seedream = request.fields, request.model.startswith("doubao")
    size = str(fields.get("size", "1024x1024"))
    named = seedream and size in SCALES
    width, height = (int(1024 * SCALES[size]),) * 2 if named else _pixels(size)
    if request.model.startswith("qwen") and (width, height) not in QWEN_SIZES:
        raise InvalidRequest(400, f"size {size} is not one of 1328x1328, 1664x928, 928x1664, 1472x1140, 1140x1472")
    answer = "url" if seedream or fields.get("response_format", "url") == "url" else "b64"
    form = "jpeg" if seedream else "png"
    return AcceptedRequest("images", request.model, width, height, form, _count(fields, 15), answer)


def _strict(request: ParsedRequest) -> AcceptedRequest:
    """An OpenAI-shaped server that knows WxH and nothing else."""
    fields = request.fields
    found = re.fullmatch(r"(\d+)x(\d+)", str(fields.get("size", "512x512")))
    if not found:
        raise InvalidRequest(422, "size: value is not a valid WxH", "value_error")
    width, height = int(found.group(1)), int(found.group(2))
    answer = "url" if fields.get("response_format") == "url" else "b64"
    form = str(fields.get("output_format", "png"))
    return AcceptedRequest("images", request.model, width, height, form, _count(fields, 10), answer)


def _pixels(size: Any) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{2,4})x(\d{2,4})", str(size))
    if not found:
        raise InvalidRequest(400, f"Invalid size '{size}'.", "invalid_value")
    return int(found.group(1)), int(found.group(2))


def _count(fields: Any, most: int) -> int:
    try:
        count = int(fields.get("n", 1))
    except ValueError:
        count = 0
    if not 1 <= count <= most:
        raise InvalidRequest(400, f"n must be between 1 and {most}")
    return count
