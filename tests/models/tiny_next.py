"""A tiny LLaVA-NeXT checkpoint in the hub's layout; anyres over tiles of 56 pixels."""

from pathlib import Path

import torch
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    LlavaNextProcessor,
    MistralConfig,
)
from transformers.models.llava_next.image_processing_pil_llava_next import (
    LlavaNextImageProcessorPil,
)

SIZE, PATCH = 56, 14
PINPOINTS = [[56, 112], [112, 56], [112, 112], [168, 56], [56, 168]]


def text_config(tokenizer, kind, scale):
    """LLaMA or Mistral of two layers."""
    chosen = {"llama": LlamaConfig, "mistral": MistralConfig}[kind]
    return chosen(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=scale,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=3,
    )


def tiny_next(folder: Path, tokenizer, kind: str = "llama", scale: float = 0.2) -> Path:
    """Save a random LLaVA-NeXT and return its folder."""
    torch.manual_seed(3)
    vision = CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        image_size=SIZE,
        patch_size=PATCH,
        initializer_range=scale,
    )
    config = LlavaNextConfig(
        vision_config=vision,
        text_config=text_config(tokenizer, kind, scale),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_grid_pinpoints=PINPOINTS,
        image_seq_length=(SIZE // PATCH) ** 2,
    )
    model = LlavaNextForConditionalGeneration(config).eval()
    with torch.no_grad():
        for parameter in model.model.vision_tower.parameters():
            if parameter.ndim >= 2:
                parameter.normal_(std=0.15)
    model.generation_config.eos_token_id = 2
    model.generation_config.pad_token_id = 3
    model.save_pretrained(folder)
    images = LlavaNextImageProcessorPil(
        size={"shortest_edge": SIZE},
        crop_size={"height": SIZE, "width": SIZE},
        image_grid_pinpoints=PINPOINTS,
    )
    LlavaNextProcessor(
        images,
        tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    ).save_pretrained(folder)
    return folder
