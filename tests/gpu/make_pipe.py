"""Write a Stable Diffusion pipeline with random weights, small enough for a test. It needs no network.

`python make_pipe.py OUT [--width 32]`: the channels of the first block of the UNet. 512 takes about 50 ms a step on a
large card. Weights depend on the width and the seed alone.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path


def tokenizer_files(folder: Path) -> tuple[str, str]:
    """A vocabulary of single bytes, as CLIP writes them, and no merges."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [256 + index for index in range(256 - len(printable))]
    letters = [chr(number) for number in (*printable, *others)]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary, merges = folder / "vocab.json", folder / "merges.txt"
    vocabulary.write_text(json.dumps({word: number for number, word in enumerate(words)}))
    merges.write_text("#version: 0.2\n")
    return str(vocabulary), str(merges)


def make(out: Path, width: int, seed: int = 0) -> None:
    """Write the pipeline into a folder."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(seed)
    unet = UNet2DConditionModel(
        block_out_channels=(width, width * 2),
        layers_per_block=2,
        sample_size=32,
        in_channels=4,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
        norm_num_groups=min(32, width),
    )
    vae = AutoencoderKL(
        block_out_channels=[32, 64],
        in_channels=3,
        out_channels=3,
        down_block_types=["DownEncoderBlock2D", "DownEncoderBlock2D"],
        up_block_types=["UpDecoderBlock2D", "UpDecoderBlock2D"],
        latent_channels=4,
    )
    with tempfile.TemporaryDirectory() as folder:
        vocabulary, merges = tokenizer_files(Path(folder))
        tokenizer = CLIPTokenizer(vocabulary, merges, model_max_length=77)
        text = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(tokenizer),
                hidden_size=32,
                intermediate_size=37,
                num_attention_heads=4,
                num_hidden_layers=5,
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=1,
            )
        )
        pipeline = StableDiffusionPipeline(
            vae=vae,
            text_encoder=text,
            tokenizer=tokenizer,
            unet=unet,
            scheduler=DDIMScheduler(
                clip_sample=False, set_alpha_to_one=False, beta_schedule="scaled_linear", steps_offset=1
            ),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipeline.save_pretrained(out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--width", type=int, default=32)
    given = parser.parse_args()
    make(given.out, given.width)
