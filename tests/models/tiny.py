"""Tiny checkpoints in the hub's layout, built from config classes; no network."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

TEXT = (
    "a chat between a curious user and an artificial intelligence assistant . "
    "the gives helpful , detailed polite answers to 's questions user : "
    "please describe this image in detail is there cat dog person car yes no ? "
    "features one two and of with on near"
)
SIZE, PATCH = 56, 14


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """Word-level tokenizer with the special tokens of LLaVA-1.5's."""
    words = ["<unk>", "<s>", "</s>", "<pad>", "<image>"]
    words += sorted(set(TEXT.split()) | {"USER", "ASSISTANT", "A", "The"})
    raw = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        extra_special_tokens={"image_token": "<image>"},
    )


def tiny_llava(folder: Path, seed: int = 0, layers: int = 4, scale: float = 0.2) -> Path:
    """Save a random LLaVA-1.5 of a few thousand parameters and return its folder."""
    torch.manual_seed(seed)
    tokenizer = tiny_tokenizer()
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=scale,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=3,
    )
    vision = CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=4,
        num_attention_heads=4,
        image_size=SIZE,
        patch_size=PATCH,
        initializer_range=scale,
    )
    config = LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=(SIZE // PATCH) ** 2,
    )
    model = LlavaForConditionalGeneration(config).eval()
    with torch.no_grad():
        for parameter in model.model.vision_tower.parameters():
            if parameter.ndim >= 2:
                parameter.normal_(std=0.15)
    model.generation_config.eos_token_id = 2
    model.generation_config.pad_token_id = 3
    model.save_pretrained(folder)
    images = CLIPImageProcessorPil(
        size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE}
    )
    LlavaProcessor(
        images,
        tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    ).save_pretrained(folder)
    return folder
