"""Models, images and tokens of the exact published sizes with random numbers, for timing only.

No checkpoint, tokenizer or image is needed: pixels are noise, prompts are numbers of
the right length. What a model says is meaningless; how long it takes is not.
"""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from analysis.bench.presets import Preset
from analysis.errors import AgileError
from analysis.models import LoadOptions
from analysis.models.llava15 import Llava15
from analysis.models.llava_next import LlavaNext
from analysis.tokens import VisualTokens

# vicuna_v1 puts 35 tokens before the image; "describe this image in detail" and
# ASSISTANT: are 15 after it.
BEFORE, AFTER = 35, 15
# Rank of the synthetic features; a photograph's erank is about 90 (the release's average).
_RANK = 160


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


def config_of(chosen: Preset) -> Any:
    """Build the transformers configuration of a preset."""
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaNextConfig

    rows = chosen.text["vocab_size"] + chosen.added_rows
    shared: dict[str, Any] = {
        "vision_config": CLIPVisionConfig(**chosen.vision),
        "text_config": LlamaConfig(**chosen.text | {"vocab_size": rows}),
        "image_seq_length": chosen.patches,
        "image_token_index": rows - 1,
    }
    if not chosen.tiles:
        return LlavaConfig(**shared)
    return LlavaNextConfig(**shared, image_grid_pinpoints=chosen.pinpoints)


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

    adapter, make = (
        (LlavaNext, LlavaNextForConditionalGeneration)
        if chosen.tiles
        else (Llava15, LlavaForConditionalGeneration)
    )
    torch.manual_seed(0)
    try:
        with torch.device(device):
            model = make._from_config(config_of(chosen), dtype=dtype, attn_implementation="sdpa")
    except torch.OutOfMemoryError as error:
        raise AgileError(
            f"{chosen.name} does not fit on {device} in {dtype}; choose a smaller --preset."
        ) from error
    model.eval().requires_grad_(False)
    processor = SimpleNamespace(
        image_processor=SyntheticImages(chosen.vision["image_size"], chosen.tiles, device, dtype),
        tokenizer=SyntheticTokenizer(),
        chat_template=None,
        image_token="<image>",
    )
    return adapter(model, processor, LoadOptions(chosen.name, device=str(device)))


def synthetic_tokens(
    chosen: Preset, device: torch.device, dtype: torch.dtype = torch.float32, seed: int = 0
) -> VisualTokens:
    """Draw one crop's worth of evidence; features of limited rank, as photographs have.

    Parameters
    ----------
    chosen
        Whose number and widths of tokens are taken.
    device, dtype
        Where and in what type the tokens are; attention is float32.
    seed
        Of the generator on ``device``.
    """
    n, width, encoder = chosen.patches, chosen.text["hidden_size"], chosen.vision["hidden_size"]
    source = torch.Generator(device).manual_seed(seed)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=source, device=device).to(dtype)

    rank = min(_RANK, n // 2)
    return VisualTokens(
        features=noise(n, rank) @ noise(rank, width) + noise(n, width),
        encoder_features=noise(n, encoder),
        cls_attention=torch.softmax(2 * noise(n).float(), 0) * 0.9,
        cls_feature=noise(encoder),
        keys=noise(n + 1, encoder // chosen.vision["num_attention_heads"]),
        last_keys=noise(n + 1, encoder),
        last_query=0.1 * noise(encoder),
        grid=(chosen.side, chosen.side),
    )
