"""The embedded LLaVA: its shape, its birth from a trained tower, and how it is saved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import (
    CLIPVisionModel,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
)

from analysis.pocket.dialogue import PATCHES
from analysis.pocket.processor import build_processor, build_tokenizer

_MATCHED_FREQUENCIES = 6
_SPECIAL = ("bos", "eos", "pad")


@dataclass(frozen=True)
class LanguageShape:
    """Width, depth, heads and feed-forward size of the language model."""

    width: int = 192
    layers: int = 4
    heads: int = 6
    feed_forward: int = 512
    match_heads: int = 3


def build_llava(tower: CLIPVisionModel, shape: LanguageShape) -> LlavaForConditionalGeneration:
    """Return a LLaVA around a trained tower; projector and language model are fresh."""
    tokenizer = build_tokenizer()
    special = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in _SPECIAL}
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        intermediate_size=shape.feed_forward,
        max_position_embeddings=1024,
        rms_norm_eps=1e-5,
        initializer_range=0.06,
        **special,
    )
    vision = tower.config.to_dict()
    vision.pop("_name_or_path", None)
    config = LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=PATCHES,
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        projector_hidden_act="gelu",
        tie_word_embeddings=False,
    )
    model = LlavaForConditionalGeneration(config)
    model.model.vision_tower.load_state_dict(tower.state_dict())
    model.model.vision_tower.requires_grad_(False)
    for name, value in special.items():
        setattr(model.generation_config, name, value)
    seed_match_heads(model, shape)
    return model


def seed_match_heads(model: LlavaForConditionalGeneration, shape: LanguageShape) -> None:
    """Let some heads of the first two layers look for tokens that resemble their own.

    Key weights become query weights, restricted to the slowest rotary frequencies so that distance
    hardly matters. A word can then find the patches of its object from the first step on, which
    shortens the time yes/no answers stay at chance.
    """
    size = shape.width // shape.heads
    half = size // 2
    slow = torch.zeros(size)
    count = min(_MATCHED_FREQUENCIES, half)
    slow[half - count : half] = 1
    slow[size - count :] = 1
    with torch.no_grad():
        for layer in model.model.language_model.layers[:2]:
            attention = layer.self_attn
            for head in range(min(shape.match_heads, shape.heads)):
                rows = slice(head * size, (head + 1) * size)
                fresh = torch.randn(size, shape.width) * (2 / shape.width) ** 0.5
                weights = fresh * slow[:, None]
                attention.q_proj.weight[rows] = weights
                attention.k_proj.weight[rows] = weights


def trained_parts(model: LlavaForConditionalGeneration) -> nn.ModuleList:
    """Return what stage two trains: language model, projector, output head."""
    inner = model.model
    return nn.ModuleList([inner.language_model, inner.multi_modal_projector, model.lm_head])


def save_llava(model: LlavaForConditionalGeneration, folder: str | Path) -> Path:
    """Save model and processor so that `from_pretrained` loads them.

    Weights are stored as float16 safetensors; the configuration says float32, which is what a
    plain `from_pretrained` gives back.

    Parameters
    ----------
    model
        Any precision; it is left as it is.
    folder
        Made if missing.
    """
    root = Path(folder)
    state = {key: value.to(torch.float16) for key, value in model.state_dict().items()}
    model.save_pretrained(root, state_dict=state)
    build_processor().save_pretrained(root)
    return root
