"""A worker for `type: command` that draws with diffusers. The protocol is in docs/local-models.md of reconciler.

Standard output belongs to the protocol alone: whatever a library prints goes to standard error.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROTOCOL = 1
_OURS = frozenset({"prompt", "width", "height", "generator", "image", "mask_image", "num_images_per_prompt", "seed"})
"""Arguments of a pipeline that the request itself gives."""
_SHOWN = 20


class UnusableRequestError(Exception):
    """A request that this pipeline cannot draw, in words for people."""


class Painter:
    """A loaded pipeline. `model` is a folder or a name on the Hugging Face Hub."""

    def __init__(self, model: str, *, device: str = "", dtype: str = "", offline: bool = False) -> None:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it, CUDA is not deterministic
        import torch
        from diffusers import AutoPipelineForText2Image

        self._torch = torch
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.dtype = dtype or ("bfloat16" if self.device.startswith("cuda") else "float32")
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.benchmark = False
        self._text: Any = AutoPipelineForText2Image.from_pretrained(
            model, torch_dtype=getattr(torch, self.dtype), local_files_only=offline
        ).to(self.device)
        self._text.set_progress_bar_config(disable=True)
        self._others: dict[str, Any] = {}

    def environment(self) -> dict[str, str]:
        """The versions and the hardware, on which the bytes of an image depend."""
        import diffusers

        card = self._torch.cuda.get_device_name() if self.device.startswith("cuda") else ""
        return {
            "torch": self._torch.__version__,
            "diffusers": diffusers.__version__,
            "device": self.device,
            "dtype": self.dtype,
            **({"card": card} if card else {}),
        }

    def draw(self, asked: Mapping[str, Any]) -> None:
        """Draw one request into its file `out`. UnusableRequestError, or an error of torch or diffusers."""
        from PIL import Image

        recipe = asked["recipe"]
        if recipe.get("turns") or len(asked["references"]) > 1:
            raise UnusableRequestError("diffusers takes one prompt and at most one reference")
        arguments = {name: value for name, value in recipe.get("params", {}).items() if name != "seed"}
        pipeline = self._text
        if asked["references"]:
            size = (asked["width"], asked["height"])
            with Image.open(asked["references"][0]) as opened:
                arguments["image"] = opened.convert("RGB").resize(size)
            pipeline = self._other("inpaint" if asked["mask"] else "image")
            if asked["mask"]:
                with Image.open(asked["mask"]) as opened:
                    arguments["mask_image"] = opened.convert("L").resize(size)
        else:
            arguments |= {"width": asked["width"], "height": asked["height"]}
        known = inspect.signature(pipeline.__call__).parameters
        unknown = sorted(name for name in recipe.get("params", {}) if name not in known and name != "seed")
        taken = sorted(name for name in recipe.get("params", {}) if name in _OURS - {"seed"})
        if unknown or taken:
            offered = ", ".join(sorted(known.keys() - _OURS)[:_SHOWN])
            raise UnusableRequestError(f"params: {', '.join(unknown + taken)} cannot be set; it takes {offered}")
        # the noise is drawn on the CPU: every device then begins with the same
        generator = self._torch.Generator("cpu").manual_seed(asked["seed"])
        with self._torch.inference_mode():
            made = pipeline(prompt=recipe["prompt"], generator=generator, **arguments)
        if any(getattr(made, "nsfw_content_detected", None) or ()):
            raise UnusableRequestError("the safety checker of the pipeline blacked the image out")
        made.images[0].save(asked["out"], "PNG")

    def free(self) -> None:
        """Give memory of the card back after an error."""
        if self.device.startswith("cuda"):
            self._torch.cuda.empty_cache()

    def _other(self, kind: str) -> Any:
        """The pipeline for an image as input, of the same weights."""
        if kind not in self._others:
            from diffusers import AutoPipelineForImage2Image, AutoPipelineForInpainting

            made = {"image": AutoPipelineForImage2Image, "inpaint": AutoPipelineForInpainting}[kind]
            self._others[kind] = made.from_pipe(self._text)
            self._others[kind].set_progress_bar_config(disable=True)
        return self._others[kind]


def serve(painter: Painter, name: str, *, out: int) -> None:
    """Answer every line of standard input on the descriptor `out`, until it ends or says stop."""
    for line in sys.stdin:
        asked = json.loads(line)
        if "stop" in asked:
            return
        if "hello" in asked:
            ready = {"name": name, "deterministic": True, "environment": painter.environment()}
            _say(out, {"v": PROTOCOL, "ready": ready})
            continue
        answer: dict[str, Any]
        try:
            painter.draw(asked)
        except UnusableRequestError as error:
            answer = {"failed": str(error)}
        except Exception as error:  # noqa: BLE001 - torch and diffusers raise anything; the next request may do
            painter.free()
            answer = {"failed": f"{type(error).__name__}: {error}"[:2_000]}
        else:
            answer = {"done": {}}
        _say(out, {"id": asked["id"], **answer})


def _say(out: int, message: Mapping[str, Any]) -> None:
    data = f"{json.dumps(message)}\n".encode()
    while data:
        data = data[os.write(out, data) :]


def main() -> None:
    """Read the arguments, load the pipeline, and serve."""
    parser = argparse.ArgumentParser(prog="reconciler-diffusers", description="A worker of reconciler for diffusers.")
    parser.add_argument("--model", required=True, help="a folder, or a name on the Hugging Face Hub")
    parser.add_argument("--device", default="", help="cuda, cuda:1, mps, cpu; default: cuda if there is one")
    parser.add_argument("--dtype", default="", choices=["", "float32", "float16", "bfloat16"])
    parser.add_argument("--offline", action="store_true", help="download nothing")
    given = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # reconciler ends its workers
    out = os.dup(1)
    os.dup2(2, 1)
    painter = Painter(given.model, device=given.device, dtype=given.dtype, offline=given.offline)
    with contextlib.suppress(BrokenPipeError):
        serve(painter, Path(given.model).name, out=out)


if __name__ == "__main__":
    main()
