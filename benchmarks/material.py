"""What the benchmarks work on: models, pictures and a clip, made when they are needed."""

import random
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from internvl.model import Model, load_model, new_model
from internvl.model.attention import attend_on_cpu
from internvl.model.tokenizer import token_id
from internvl.training.geometry import Geometry, original_config
from internvl.training.scenes.canvas import Canvas

NANO = Path("assets/nano")
TOKENIZER = Path("tests/data/golden/tiny-300m-qwen2")
VOCABULARY = 151674
ONE_B = Geometry(
    patch_size=14,
    vision_width=1024,
    vision_layers=24,
    vision_heads=16,
    width=896,
    layers=24,
    heads=14,
    kv_heads=2,
    ffn=4864,
    context=32768,
)
"""The shape of InternVL2_5-1B."""


class Endless(Model):
    """A model whose answers end by their length alone."""

    @property
    def stop_id(self) -> int:
        """A token that is never chosen."""
        return token_id(self.tokenizer, "<|endoftext|>")


def endless(model: Model) -> Endless:
    """The model, sharing its network."""
    return Endless(**{item.name: getattr(model, item.name) for item in fields(model)})


def nano(device: str = "cpu") -> Model:
    """The embedded model."""
    return load_model(NANO, device=device)


def one_b(device: str = "cpu") -> Model:
    """Random bf16 weights in the shape of InternVL2_5-1B, whose own can't be fetched everywhere."""
    config = original_config(ONE_B, TOKENIZER)
    config["llm_config"]["vocab_size"] = VOCABULARY
    torch.manual_seed(0)
    model = new_model(config, TOKENIZER, "1B shape, random weights", torch.bfloat16, device)
    if device == "cpu":  # as `load_model` does
        attend_on_cpu(model.network)
    return model


def write_picture(path: Path, size: tuple[int, int], seed: int = 0) -> Path:
    """A picture of shapes on a noisy ground, in the format of its suffix."""
    rng = random.Random(seed)
    noise = np.random.default_rng(seed).integers(90, 166, (size[1], size[0], 3), dtype=np.uint8)
    canvas = Canvas(*size, (128, 128, 128))
    canvas.image.paste(Image.fromarray(noise))
    for _ in range(30):
        rgb = (rng.randrange(256), rng.randrange(256), rng.randrange(256))
        centre = (rng.uniform(0, size[0]), rng.uniform(0, size[1]))
        canvas.shape(rng.choice(("circle", "star", "heart")), "red", rgb, centre, size[1] / 12)
    canvas.image.save(path, quality=92)
    return path


def write_clip(path: Path, seconds: int = 60, size: tuple[int, int] = (1280, 720)) -> Path:
    """An H.264 clip of a moving disc, 30 frames a second."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(30 * seconds):
            canvas = Canvas(*size, (30, 60, 90))
            x = size[0] * (number % 300) / 300
            canvas.shape("circle", "red", (220, 40, 40), (x, size[1] / 2), 60)
            for packet in stream.encode(
                av.VideoFrame.from_ndarray(np.asarray(canvas.image), "rgb24")
            ):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path
