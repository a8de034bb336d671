"""The inputs, each said twice: as a recipe of ours, and as the call that a user of the SDK would write.

A name such as `red.png` stands for the file in `pictures/`; the SDK is given that file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OPENAI, GOOGLE = "openai", "google-genai"
GENERATE, EDIT, CONTENT = "images.generate", "images.edit", "models.generate_content"
GPT, FLASH, PRO, SEEDREAM, QWEN = (
    "gpt-image-2", "gemini-2.5-flash-image", "gemini-3-pro-image", "doubao-seedream-4-5-251128", "qwen-image-edit-plus",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One input. `call` is the SDK's method and `said` its arguments; `{"file": name}` is an open file."""

    name: str
    sdk: str
    dialect: str
    call: str
    said: Mapping[str, Any]
    recipe: Mapping[str, Any]
    references: tuple[str, ...] = ()
    mask: str = ""
    turns: tuple[tuple[str, tuple[str, ...]], ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    status: int = 503
    """What the fake answers the SDK: 503 is that it understood and was told to be busy."""


def file(name: str) -> dict[str, str]:
    return {"file": name}


def said(role: str, *parts: str | dict[str, str]) -> dict[str, Any]:
    return {"role": role, "parts": list(parts)}


LOOK = {"quality": "low", "background": "opaque", "output_format": "webp"}
OUR_LOOK = {"quality": "low", "background": "opaque", "format": "webp"}
WIDE = {"model": FLASH, "prompt": "a cat", "size": "16:9"}
NATIVE = {"aspect_ratio": "16:9"}
PLAIN = {"model": GPT, "prompt": "a cat", "size": "1536x1024"}
DIALOGUE = (("user", ("a dog",)), ("model", ("blue.jpg",)))

CASES = (
    Case("words", OPENAI, "openai", GENERATE, PLAIN, PLAIN),
    Case("any size", OPENAI, "openai", GENERATE, {"model": GPT, "prompt": "a cat"}, {"model": GPT, "size": "auto"}),
    Case("look", OPENAI, "openai", GENERATE, {**PLAIN, "size": "2048x1152", **LOOK},
         {**PLAIN, "size": "2048x1152", **OUR_LOOK}),
    Case("odd words", OPENAI, "openai", GENERATE, {**PLAIN, "prompt": 'Ünï "q" \\ \n\u2028 日本 \U0001f600'},
         {**PLAIN, "prompt": 'Ünï "q" \\ \n\u2028 日本 \U0001f600'}),
    Case("parameters", OPENAI, "openai", GENERATE, {**PLAIN, "moderation": "low", "output_compression": 80},
         {**PLAIN, "params": {"moderation": "low", "output_compression": 80}}),
    Case("one picture", OPENAI, "openai", EDIT, {**PLAIN, "image": file("red.png")}, PLAIN, ("red.png",)),
    Case("pictures", OPENAI, "openai", EDIT,
         {**PLAIN, "image": [file("red.png"), file("blue.jpg"), file("green.webp")], **LOOK},
         {**PLAIN, **OUR_LOOK}, ("red.png", "blue.jpg", "green.webp")),
    Case("mask", OPENAI, "openai", EDIT,
         {**PLAIN, "image": file("red.png"), "mask": file("mask.png"), "input_fidelity": "high"},
         {**PLAIN, "params": {"input_fidelity": "high"}}, ("red.png",), "mask.png"),
    Case("odd words in a form", OPENAI, "openai", EDIT,
         {**PLAIN, "prompt": 'Ünï "q"\n--x\n日本', "image": file("red.png")},
         {**PLAIN, "prompt": 'Ünï "q"\n--x\n日本'}, ("red.png",)),
    Case("own server", OPENAI, "local", GENERATE,
         {"model": "toy", "prompt": "a cat", "size": "512x512", "response_format": "b64_json"},
         {"model": "toy", "size": "512x512"}),
    Case("own server, seed", OPENAI, "local", GENERATE,
         {"model": "toy", "prompt": "a cat", "size": "512x512", "response_format": "b64_json",
          "extra_body": {"seed": 7, "lora": {"a": 1}}},
         {"model": "toy", "size": "512x512", "params": {"seed": 7, "lora": {"a": 1}}}),
    Case("own server, picture", OPENAI, "local", EDIT,
         {"model": "toy", "prompt": "a cat", "size": "512x512", "response_format": "b64_json",
          "image": file("blue.jpg")},
         {"model": "toy", "size": "512x512"}, ("blue.jpg",)),
    Case("gateway, gpt", OPENAI, "gravitex", GENERATE, {**PLAIN, **LOOK}, {**PLAIN, **OUR_LOOK}),
    Case("gateway, gpt, pictures", OPENAI, "gravitex", EDIT,
         {**PLAIN, "image": [file("red.png"), file("blue.jpg")], "mask": file("mask.png")},
         PLAIN, ("red.png", "blue.jpg"), "mask.png"),
    Case("gateway, gpt, one picture", OPENAI, "gravitex", EDIT, {**PLAIN, "image": file("red.png")},
         PLAIN, ("red.png",)),
    Case("gateway, gemini", OPENAI, "gravitex", GENERATE,
         {**WIDE, "quality": "high", "response_format": "b64_json",
          "extra_body": {"image_size": "2K", "mime_type": "image/png", "response_modalities": "image"}},
         {**WIDE, "quality": "high", "image_size": "2K"}),
    Case("gateway, seedream", OPENAI, "gravitex", GENERATE,
         {"model": SEEDREAM, "prompt": "a cat", "size": "2K", "extra_body": {"watermark": False, "seed": 7}},
         {"model": SEEDREAM, "size": "", "image_size": "2K", "format": "jpeg",
          "params": {"watermark": False, "seed": 7}}),
    Case("gateway, qwen", OPENAI, "gravitex", EDIT,
         {"model": QWEN, "prompt": "a cat", "size": "1664x928", "response_format": "b64_json",
          "image": [file("red.png"), file("blue.jpg")], "extra_body": {"negative_prompt": "dogs"}},
         {"model": QWEN, "size": "16:9", "params": {"negative_prompt": "dogs"}}, ("red.png", "blue.jpg")),
    Case("native words", GOOGLE, "gemini", CONTENT, {"model": FLASH, "contents": ["a cat"], "image": NATIVE}, WIDE),
    Case("native seed", GOOGLE, "gemini", CONTENT,
         {"model": PRO, "contents": ["a cat"], "image": {**NATIVE, "image_size": "2K"}, "config": {"seed": 7}},
         {**WIDE, "model": PRO, "image_size": "2K", "params": {"seed": 7}}),
    Case("native parameters", GOOGLE, "gemini", CONTENT,
         {"model": PRO, "contents": ["a cat"], "image": NATIVE,
          "config": {"temperature": 0.5, "system_instruction": "flat colours", "safety_settings": [
              {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]}},
         {**WIDE, "model": PRO, "params": {
             "temperature": 0.5, "systemInstruction": {"parts": [{"text": "flat colours"}], "role": "user"},
             "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]}}),
    Case("native picture", GOOGLE, "gemini", CONTENT,
         {"model": FLASH, "contents": ["a cat", file("red.png")], "image": NATIVE}, WIDE, ("red.png",)),
    Case("native pictures", GOOGLE, "gemini", CONTENT,
         {"model": FLASH, "contents": ["a cat", file("red.png"), file("blue.jpg"), file("green.webp")],
          "image": NATIVE}, WIDE, ("red.png", "blue.jpg", "green.webp")),
    Case("native turns", GOOGLE, "gemini", CONTENT,
         {"model": FLASH, "image": NATIVE, "contents": [
             said("user", "a dog"), said("model", file("blue.jpg")), said("user", "a cat", file("red.png"))]},
         WIDE, ("red.png",), turns=DIALOGUE),
    Case("native through the gateway", GOOGLE, "gravitex", CONTENT,
         {"model": FLASH, "contents": ["a cat", file("red.png")], "image": NATIVE}, WIDE, ("red.png",),
         settings={"endpoint": "native"}),
    Case("native, the SDK's own version", GOOGLE, "gemini", CONTENT,
         {"model": FLASH, "contents": ["a cat"], "image": NATIVE, "version": ""}, WIDE, status=404),
)  # fmt: skip
