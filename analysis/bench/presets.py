"""Models of the exact published architectures with random weights, for timing only.

No checkpoint, tokenizer or image is needed: pixels are noise, prompts are numbers of
the right length. What a model says is meaningless; how long it takes is not.
"""

from dataclasses import dataclass, field
from typing import Any

import torch

from analysis.errors import UsageError
from analysis.models import LoadOptions
from analysis.models.llava15 import Llava15
from analysis.models.llava_next import LlavaNext

# vicuna_v1 puts 35 tokens before the image; "describe this image in detail" and
# ASSISTANT: are 15 after it.
BEFORE, AFTER = 35, 15
_CLIP_L = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
    "projection_dim": 768,
    "vocab_size": 32000,
}
_VICUNA_7B = {
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "vocab_size": 32064,
    "max_position_embeddings": 4096,
    "rms_norm_eps": 1e-5,
}
_VICUNA_13B = _VICUNA_7B | {
    "hidden_size": 5120,
    "intermediate_size": 13824,
    "num_hidden_layers": 40,
    "num_attention_heads": 40,
}
_TINY_CLIP = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "image_size": 112,
    "patch_size": 14,
}
_TINY_LLAMA = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 8,
    "num_attention_heads": 4,
    "vocab_size": 128,
}
_PINPOINTS = [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]


@dataclass(frozen=True)
class Preset:
    """One architecture and the budgets it is timed with.

    Attributes
    ----------
    name
        As on the command line.
    vision, text
        Sizes of the tower and the language model.
    keeps
        Budgets; the first is the unpruned number of patches.
    tiles
        Whether the image is seen as a whole and in four tiles.
    """

    name: str
    vision: dict[str, Any]
    text: dict[str, Any]
    keeps: tuple[int, ...]
    tiles: bool = False


_LLAVA_KEEPS = (576, 192, 128, 64, 32)
PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset("llava-1.5-7b", _CLIP_L, _VICUNA_7B, _LLAVA_KEEPS),
        Preset("llava-1.5-13b", _CLIP_L, _VICUNA_13B, _LLAVA_KEEPS),
        Preset("llava-next-7b", _CLIP_L, _VICUNA_7B, (2880, 640, 320), tiles=True),
        Preset("tiny", _TINY_CLIP, _TINY_LLAMA, (64, 21, 14, 7, 4)),
        Preset("tiny-next", _TINY_CLIP, _TINY_LLAMA, (320, 71, 36), tiles=True),
    )
}


def preset(name: str) -> Preset:
    """Return a preset by name.

    Raises
    ------
    UsageError
        When there is none of that name.
    """
    if name not in PRESETS:
        raise UsageError(f"unknown preset {name!r}; choose one of: {', '.join(PRESETS)}.")
    return PRESETS[name]


@dataclass
class SyntheticTokenizer:
    """Answers with prompts of the right length and nothing else."""

    eos_token_id: int = 2
    pad_token_id: int = 0
    unk_token_id: int | None = None
    bos_token: str | None = None

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        """Return 35 ids for the conversation's opening and 15 for what follows the image."""
        del add_special_tokens
        return [5] * (BEFORE if text.startswith("A chat between") else AFTER)

    def decode(self, ids: list[int], skip_special_tokens: bool = True) -> str:
        """Return as many words as there are tokens."""
        del skip_special_tokens
        return " ".join("word" for _ in ids)


@dataclass
class SyntheticImages:
    """Image processor that turns every image into noise that is on the device already."""

    size: int
    tiles: bool
    device: torch.device
    dtype: torch.dtype
    image_mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    _made: dict[int, dict[str, torch.Tensor]] = field(default_factory=dict)

    def __call__(self, images: list[Any], return_tensors: str = "pt") -> dict[str, torch.Tensor]:
        """Return pixels of ``len(images)`` images, the very same on every call."""
        del return_tensors
        if len(images) not in self._made:
            self._made[len(images)] = self._make(len(images))
        return self._made[len(images)]

    def _make(self, count: int) -> dict[str, torch.Tensor]:
        source = torch.Generator(self.device).manual_seed(0)
        shape = (count, *((5,) if self.tiles else ()), 3, self.size, self.size)
        pixels = torch.randn(shape, generator=source, device=self.device, dtype=torch.float32)
        found = {"pixel_values": pixels.to(self.dtype)}
        if self.tiles:
            found["image_sizes"] = torch.full((count, 2), 2 * self.size)
        return found


@dataclass
class SyntheticProcessor:
    """The parts of a processor that adapters read."""

    image_processor: SyntheticImages
    tokenizer: SyntheticTokenizer
    chat_template: str | None = None
    image_token: str = "<image>"


def config_of(chosen: Preset) -> Any:
    """Build the transformers configuration of a preset."""
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaNextConfig

    side = chosen.vision["image_size"] // chosen.vision["patch_size"]
    shared: dict[str, Any] = {
        "vision_config": CLIPVisionConfig(**chosen.vision),
        "text_config": LlamaConfig(**chosen.text),
        "image_seq_length": side**2,
        "image_token_index": chosen.text["vocab_size"] - 1,
    }
    if not chosen.tiles:
        return LlavaConfig(**shared)
    unit = chosen.vision["image_size"] / 336
    points = [[int(h * unit), int(w * unit)] for h, w in _PINPOINTS]
    return LlavaNextConfig(**shared, image_grid_pinpoints=points)


def build(chosen: Preset, device: torch.device, dtype: torch.dtype) -> Llava15:
    """Build the model on the device and wrap it in its adapter.

    Parameters
    ----------
    chosen
        The architecture.
    device, dtype
        Where and in what type weights are drawn.

    Returns
    -------
    Llava15
        Or its NeXT relative, on sdpa.

    Raises
    ------
    AgileError
        When the weights do not fit into memory.
    """
    from transformers import LlavaForConditionalGeneration, LlavaNextForConditionalGeneration

    from analysis.errors import AgileError

    model_class = (
        LlavaNextForConditionalGeneration if chosen.tiles else LlavaForConditionalGeneration
    )
    torch.manual_seed(0)
    try:
        with torch.device(device):
            model = model_class._from_config(
                config_of(chosen), dtype=dtype, attn_implementation="sdpa"
            ).eval()
    except torch.OutOfMemoryError as error:
        raise AgileError(
            f"{chosen.name} does not fit on {device} in {dtype}; choose a smaller --preset."
        ) from error
    model.requires_grad_(False)
    images = SyntheticImages(chosen.vision["image_size"], chosen.tiles, device, dtype)
    processor = SyntheticProcessor(images, SyntheticTokenizer())
    adapter = LlavaNext if chosen.tiles else Llava15
    return adapter(model, processor, LoadOptions(chosen.name, device=str(device)))
