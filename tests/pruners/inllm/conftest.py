"""Tiny random models, prompts, and a cache-free recomputation to check the engine against."""

from dataclasses import dataclass

import pytest
import torch
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlamaForCausalLM,
    LlavaConfig,
    LlavaForConditionalGeneration,
)

from analysis.pruners.dart import DART
from analysis.pruners.fastv import FastV
from analysis.pruners.inllm import Schedule, prune_inside
from analysis.pruners.pyramiddrop import PyramidDrop
from analysis.pruners.sparsevlm import SparseVLM, SparseVLMv2

METHODS = [FastV(), PyramidDrop(), SparseVLM(), SparseVLMv2(), DART(), DART(order="sorted")]
N_IMAGE = 40
N_LAYERS = 6


def llama_config(n_layers=N_LAYERS):
    return LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=n_layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.15,
        bos_token_id=1,
        eos_token_id=None,
        pad_token_id=0,
    )


@dataclass
class Prompt:
    """Left-padded rows of embeddings: prefix, image, question."""

    embeds: torch.Tensor
    mask: torch.Tensor
    image: torch.Tensor

    def row(self, index):
        real = self.mask[index].bool()
        return Prompt(
            self.embeds[index : index + 1, real],
            self.mask[index : index + 1, real],
            self.image[index : index + 1, real],
        )

    def forward(self, model, **kwargs):
        with torch.no_grad():
            return model(inputs_embeds=self.embeds, attention_mask=self.mask, **kwargs)

    def generate(self, model, steps=5, **kwargs):
        return model.generate(
            inputs_embeds=self.embeds,
            attention_mask=self.mask,
            max_new_tokens=steps,
            do_sample=False,
            return_dict_in_generate=True,
            output_logits=True,
            **kwargs,
        )


def make_prompt(shapes=((3, 6),), seed=1, n_image=N_IMAGE, width=32):
    """Build rows with (prefix, question) lengths and ``n_image`` image tokens each."""
    generator = torch.Generator().manual_seed(seed)
    length = max(before + n_image + after for before, after in shapes)
    embeds = torch.randn(len(shapes), length, width, generator=generator)
    mask = torch.zeros(len(shapes), length, dtype=torch.long)
    image = torch.zeros(len(shapes), length, dtype=torch.bool)
    for row, (before, after) in enumerate(shapes):
        start = length - (before + n_image + after)
        mask[row, start:] = 1
        image[row, start + before : start + before + n_image] = True
    return Prompt(embeds, mask, image)


def make_llama(attention="sdpa", seed=0, n_layers=N_LAYERS):
    torch.manual_seed(seed)
    config = llama_config(n_layers)
    config._attn_implementation = attention
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name:  # ones by default, which hides a norm left out
                weight.uniform_(0.2, 1.8)
    return model


def make_llava(seed=0):
    torch.manual_seed(seed)
    vision = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=24,
        patch_size=4,
    )
    config = LlavaConfig(vision_config=vision, text_config=llama_config(), image_token_id=63)
    return LlavaForConditionalGeneration(config).eval()


def recompute(model, prompt, session, new_ids, row=0):
    """Logits (t', V) of prompt and new tokens of one unpadded row, without any cache.

    Runs the layers one after another on everything, drops (or merges) what the session
    says at each stage and rebuilds positions and a causal mask from scratch.
    """
    decoder = model.model
    x = torch.cat((prompt.embeds, model.get_input_embeddings()(new_ids)[None]), dim=1)
    image = prompt.image[0].nonzero().flatten()
    positions = torch.arange(x.shape[1])
    stages = {stage.layer: stage.choices[row] for stage in session.stages}
    for index, layer in enumerate(decoder.layers):
        if index in stages:
            kept = stages[index]
            first, end = int(image[0]), int(image[-1]) + 1
            parts = [x[0, :first], x[0, image[kept.index]]]
            old = [positions[:first], positions[image[kept.index]]]
            if kept.merged is not None:
                parts.append(kept.merged.weights @ x[0, image])
                old.append(positions[image[kept.merged.representative]])
            x = torch.cat([*parts, x[0, end:]])[None]
            positions = torch.cat([*old, positions[end:]])
            if session.position_policy == "reindex":
                positions = torch.arange(len(positions))
            image = first + torch.arange(kept.count)
        causal = torch.full((x.shape[1], x.shape[1]), float("-inf")).triu(1)[None, None]
        rotary = decoder.rotary_emb(x, positions[None])
        with torch.no_grad():
            x = layer(x, attention_mask=causal, position_embeddings=rotary)
    return model.lm_head(decoder.norm(x))[0].detach()


@pytest.fixture(params=["sdpa", "eager"])
def attention(request):
    return request.param


@pytest.fixture(params=METHODS, ids=lambda pruner: pruner.label)
def pruner(request):
    return request.param


@pytest.fixture
def llama(attention):
    return make_llama(attention)


@pytest.fixture
def tools():
    """Give tests the builders of this file without an import."""
    return Tools()


class Tools:
    """Builders and the reference, as attributes."""

    METHODS, N_IMAGE, N_LAYERS = METHODS, N_IMAGE, N_LAYERS
    prompt = staticmethod(make_prompt)
    llama = staticmethod(make_llama)
    llava = staticmethod(make_llava)
    recompute = staticmethod(recompute)
    prune_inside = staticmethod(prune_inside)
    Schedule = Schedule
