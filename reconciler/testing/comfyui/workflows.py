"""A workflow as ComfyUI exports it with File > Export (API), and the inputs that a spec fills in."""

from __future__ import annotations

from typing import Any

FILL = {"Positive.text": "prompt", "Sampler.seed": "seed", "Size.width": "width", "Size.height": "height"}


def a_workflow() -> dict[str, Any]:
    """Text to image with one checkpoint. Its nodes have the numbers of ComfyUI's own example."""
    return {
        "3": {
            "inputs": {
                "seed": 156680208700286,
                "steps": 20,
                "cfg": 8.0,
                "sampler_name": "euler",
                "scheduler": "normal",
                "denoise": 1,
                "model": ["4", 0],
                "positive": ["6", 0],
                "negative": ["7", 0],
                "latent_image": ["5", 0],
            },
            "class_type": "KSampler",
            "_meta": {"title": "Sampler"},
        },
        "4": {
            "inputs": {"ckpt_name": "toy.safetensors"},
            "class_type": "CheckpointLoaderSimple",
            "_meta": {"title": "Load Checkpoint"},
        },
        "5": {
            "inputs": {"width": 512, "height": 512, "batch_size": 1},
            "class_type": "EmptyLatentImage",
            "_meta": {"title": "Size"},
        },
        "6": {
            "inputs": {"text": "a bottle", "clip": ["4", 1]},
            "class_type": "CLIPTextEncode",
            "_meta": {"title": "Positive"},
        },
        "7": {
            "inputs": {"text": "text, watermark", "clip": ["4", 1]},
            "class_type": "CLIPTextEncode",
            "_meta": {"title": "Negative"},
        },
        "8": {
            "inputs": {"samples": ["3", 0], "vae": ["4", 2]},
            "class_type": "VAEDecode",
            "_meta": {"title": "VAE Decode"},
        },
        "9": {
            "inputs": {"filename_prefix": "ComfyUI", "images": ["8", 0]},
            "class_type": "SaveImage",
            "_meta": {"title": "Save"},
        },
    }
