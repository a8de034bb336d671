"""A model for museq: it paints one colour, made of the words, with nothing but Pillow. What it does is in the words."""

import hashlib
import re
import time
from typing import Any

from muse.modalities.image_generation.protocol import ImageResult
from PIL import Image

MANIFEST = {
    "model_id": "painter",
    "modality": "image/generation",
    "hf_repo": "nobody/painter",
    "description": "paints one colour",
    "license": "MIT",
    "pip_extras": [],
    "system_packages": [],
    "capabilities": {
        "device": "cpu",
        "memory_gb": 0.1,
        "max_concurrency": 1,
        "supports_img2img": True,
        "supports_inpainting": True,
    },
}


class Model:
    """museq calls it by these names."""

    model_id = "painter"
    default_size = (256, 256)

    def __init__(self, **given: object) -> None:
        self._given = given

    def generate(
        self, prompt: str, *, width: int, height: int, init_image: Image.Image | None = None, **given: object
    ) -> Any:
        """`for 0.3 s` takes its time, `broken` fails. A picture to begin with becomes the left half."""
        slow = re.search(r"for ([0-9.]+) s", prompt)
        time.sleep(float(slow.group(1)) if slow else 0)
        if "broken" in prompt:
            raise RuntimeError("out of paint")
        image = Image.new("RGB", (width, height), tuple(hashlib.sha256(prompt.encode()).digest()[:3]))
        if init_image is not None:
            image.paste(init_image.convert("RGB").resize((width // 2, height)), (0, 0))
        return ImageResult(image, width, height, 0, {"prompt": prompt})

    def inpaint(self, prompt: str, *, width: int, height: int, init_image: Image.Image, mask_image: Image.Image) -> Any:
        """As above; white of the mask is painted over."""
        made = self.generate(prompt, width=width, height=height)
        under = init_image.convert("RGB").resize((width, height))
        under.paste(made.image, (0, 0), mask_image.convert("L").resize((width, height)))
        return ImageResult(under, width, height, 0, made.metadata)
