"""Send every case with its official SDK. Runs where the SDKs are installed, and imports nothing of this project.

Input, as JSON on stdin: `urls`, `key`, `pictures` (a folder), `cases`. Output: the SDKs' versions. One request a case.
"""

from __future__ import annotations

import json
import mimetypes
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import openai
from google import genai
from google.genai import errors, types

mimetypes.add_type("image/webp", ".webp")


def main() -> None:
    given = json.load(sys.stdin)
    pictures = Path(given["pictures"])
    for case in given["cases"]:
        send = _openai if case["sdk"] == "openai" else _google
        send(case, given["urls"][case["dialect"]], given["key"], pictures)
    json.dump({name: version(name) for name in ("openai", "google-genai")}, sys.stdout)


def _openai(case: dict[str, Any], url: str, key: str, pictures: Path) -> None:
    client = openai.OpenAI(api_key=key, base_url=f"{url}/v1", max_retries=0)
    method = getattr(client.images, case["call"].rpartition(".")[2])
    try:
        method(**{name: _opened(value, pictures) for name, value in case["said"].items()})
    except openai.APIStatusError:
        return
    raise SystemExit(f"{case['name']}: was to be refused")


def _opened(value: Any, pictures: Path) -> Any:
    if isinstance(value, list):
        return [_opened(item, pictures) for item in value]
    if isinstance(value, dict) and "file" in value:
        return (pictures / value["file"]).open("rb")
    return value


def _google(case: dict[str, Any], url: str, key: str, pictures: Path) -> None:
    said = dict(case["said"])
    through = {"Authorization": f"Bearer {key}"} if case["dialect"] == "gravitex" else {}
    options: dict[str, Any] = {"base_url": url, "headers": through}
    if version_ := said.pop("version", "v1beta"):
        options["api_version"] = version_
    client = genai.Client(api_key=key, http_options=types.HttpOptions(**options))
    config = types.GenerateContentConfig(
        response_modalities=["IMAGE"], image_config=types.ImageConfig(**said["image"]), **said.get("config", {})
    )
    contents = [_content(content, pictures) for content in said["contents"]]
    try:
        client.models.generate_content(model=said["model"], contents=contents, config=config)
    except errors.APIError:
        return
    raise SystemExit(f"{case['name']}: was to be refused")


def _content(value: Any, pictures: Path) -> Any:
    if isinstance(value, dict) and "role" in value:
        return types.Content(role=value["role"], parts=[_part(part, pictures) for part in value["parts"]])
    return value if isinstance(value, str) else _part(value, pictures)


def _part(value: Any, pictures: Path) -> types.Part:
    if isinstance(value, str):
        return types.Part.from_text(text=value)
    path = pictures / value["file"]
    return types.Part.from_bytes(data=path.read_bytes(), mime_type=mimetypes.guess_type(path.name)[0] or "")


if __name__ == "__main__":
    main()
