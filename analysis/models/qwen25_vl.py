"""Qwen2.5-VL 7B: native resolution, no [CLS], positions in three dimensions (M-RoPE)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import torch
from PIL import Image
from torch import Tensor

from analysis.errors import UsageError
from analysis.models.base import Adapter
from analysis.models.clip import received_attention
from analysis.models.exchange import Request
from analysis.models.generation import Row, kept_positions
from analysis.models.hooks import Recorder, recording
from analysis.models.loading import load_parts
from analysis.models.options import LoadOptions
from analysis.models.preprocess import Aspect
from analysis.models.prompts import PromptStyle
from analysis.selection import PositionPolicy
from analysis.tokens import VisualTokens


@dataclass
class QwenProcessor:
    """What `Adapter` reads of a processor.

    Stock ``Qwen2_5_VLProcessor`` cannot be built without a video processor, which in
    turn needs torchvision; images need neither.
    """

    image_processor: Any
    tokenizer: Any
    chat_template: str | None
    image_token: str = "<|image_pad|>"

    def apply_chat_template(self, conversation: list[dict[str, Any]], **options: Any) -> str:
        """Render a conversation with the checkpoint's template."""
        rendered: str = self.tokenizer.apply_chat_template(
            conversation, chat_template=self.chat_template, **options
        )
        return rendered


class Qwen25VL(Adapter):
    """Adapter of ``Qwen2_5_VLForConditionalGeneration`` on stock transformers.

    One visual token is a merge unit of 2 x 2 patches, N follows the image's size. The
    tower has no [CLS] and attends within windows except in a few layers. ``cls_attention``
    holds what stands in for it: attention received in the last full-attention vision
    layer, mean over heads and query rows, averaged over a unit's patches and put back
    into row-major order (so it sums to 1/4). ``encoder_features`` are the merger's
    input, the four normalised patches side by side.

    Kept tokens always hold the M-RoPE positions of the unpruned prompt, whatever the
    pruner's policy: a unit's position is where it is in the picture. So do tokens that
    survive pruning inside the language model.

    Raises
    ------
    UsageError
        When a prompt other than its own is asked for, or no layer attends fully.
    """

    family: ClassVar[str] = "qwen2_5_vl"
    summary: ClassVar[str] = (
        "Qwen2.5-VL 7B; native resolution, no [CLS]: received attention of the last "
        "full-attention layer"
    )
    architecture: ClassVar[str] = "Qwen2_5_VLForConditionalGeneration"
    offers: ClassVar[frozenset[str]] = frozenset(
        {
            "features",
            "encoder_features",
            "cls_attention",
            "object_attention",
            "received_attention",
        }
    )
    default_aspect: ClassVar[Aspect] = "native"
    aspects: ClassVar[tuple[Aspect, ...]] = ("native",)
    inside_policy: ClassVar[PositionPolicy | None] = "keep"

    @staticmethod
    def read_processor(options: LoadOptions) -> QwenProcessor:
        """Load tokenizer and image processor."""
        return QwenProcessor(*load_parts(options))

    def __init__(self, model: Any, processor: Any, options: LoadOptions) -> None:
        super().__init__(model, processor, options)
        if self.prompt_style != "chat_template":
            raise UsageError(
                f"prompt {self.prompt_style!r} does not fit {self.family}; use chat_template."
            )
        self.visual = model.model.visual
        full = sorted(self.visual.fullatt_block_indexes)
        if not full:
            raise UsageError(
                "this Qwen2.5-VL tower has no full-attention layer, so nothing stands in for "
                "[CLS] attention; use a checkpoint with fullatt_block_indexes."
            )
        middle = len(self.visual.blocks) // 2 - 1  # HiPrune's object layer: 16th of 32
        self.last_layer = full[-1]
        self.object_layer = min(full, key=lambda layer: abs(layer - middle))

    @property
    def default_prompt(self) -> PromptStyle:
        """Its own template; the image stands between vision markers."""
        return "chat_template"

    def pixel_inputs(self, images: list[Image.Image]) -> dict[str, Tensor]:
        """Preprocess images into (S, patch) ``pixel_values`` and a (B, 3) grid of patches."""
        ready = [image.convert("RGB") for image in images]
        out = self.processor.image_processor(images=ready, return_tensors="pt")
        first = next(self.visual.parameters())
        return {
            "pixel_values": out["pixel_values"].to(first.device, first.dtype),
            "image_grid_thw": out["image_grid_thw"].to(first.device),
        }

    def encode(
        self, images: list[Image.Image], needs: frozenset[str] = frozenset()
    ) -> list[VisualTokens]:
        """Run the vision tower once over the images; the grid counts merge units."""
        inputs = self.pixel_inputs(images)
        with torch.no_grad(), self._capture(needs) as seen:
            output = self.model.model.get_image_features(**inputs)
            fields = self._evidence(seen, inputs["image_grid_thw"], needs)
        merge = self.visual.spatial_merge_size
        found, start = [], 0
        grids = inputs["image_grid_thw"].tolist()
        for features, (_, height, width) in zip(output.pooler_output, grids, strict=True):
            end = start + len(features)
            own: dict[str, Any] = {name: value[start:end] for name, value in fields.items()}
            side = (height // merge, width // merge)
            found.append(VisualTokens(features=features, grid=side, **own))
            start = end
        return found

    @contextmanager
    def _capture(self, needs: frozenset[str]) -> Iterator[Recorder]:
        """Record what evidence is made of: joint projections, rotary angles, merger input."""
        middle = {self.object_layer} if "object_attention" in needs else set()
        with recording() as seen:
            for layer in {self.last_layer} | middle:
                attention = self.visual.blocks[layer].attn
                seen.output(("qkv", layer), attention.qkv)
                seen.arguments(("given", layer), attention)
            seen.output("merged", self.visual.merger.ln_q)
            yield seen

    def _evidence(self, seen: Recorder, grid: Tensor, needs: frozenset[str]) -> dict[str, Tensor]:
        """Turn what the hooks saw into fields over all images' units, row-major."""
        order = unwindowed(self.visual, grid)

        def received(layer: int) -> Tensor:
            patches = self._received(seen, layer)
            return patches.view(-1, self.visual.spatial_merge_unit).mean(1)[order]

        last = received(self.last_layer)
        fields = {
            "cls_attention": last,
            "encoder_features": seen["merged"].reshape(len(last), -1)[order],
        }
        if "received_attention" in needs:
            fields["received_attention"] = last
        if "object_attention" in needs:
            fields["object_attention"] = received(self.object_layer)
        return fields

    def _received(self, seen: Recorder, layer: int) -> Tensor:
        """Attention every patch receives in a full-attention layer, (S,), 1 per image."""
        from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import apply_rotary_pos_emb_vision

        states, given = seen["qkv", layer], seen["given", layer]
        heads = self.visual.config.num_heads
        query, key, _ = states.view(len(states), 3, heads, -1).unbind(1)
        query, key = apply_rotary_pos_emb_vision(query, key, *given["position_embeddings"])
        edges = given["cu_seqlens"].tolist()
        parts = [received_attention(query[a:b], key[a:b]) for a, b in pairwise(edges)]
        return torch.cat(parts)

    def project(self, encoder_features: Tensor) -> Tensor:
        """Send (K, 4C) units through the merger's MLP to (K, D)."""
        projected: Tensor = self.visual.merger.mlp(encoder_features)
        return projected

    def row(self, request: Request) -> Row:
        """Build one prompt of a batch from a request.

        Raises
        ------
        UsageError
            For a selection with tokens that stand for no place in the image.
        """
        before, after = self.prompt_ids(request.question)
        visual = self.fed(request.tokens, request.selection)
        positions = self.positions(len(before), len(after), request.tokens)
        if request.selection is not None:
            indices = request.selection.indices.cpu()
            if bool((indices < 0).any()):
                raise UsageError(
                    f"{self.family} places tokens by where they are in the image, and this "
                    "selection holds some that are nowhere; use a pruner that does not merge."
                )
            kept = kept_positions(len(before), len(after), request.tokens.n, indices)
            positions = positions[:, kept]
        return Row(before, visual, after, positions)

    def positions(self, before: int, after: int, tokens: VisualTokens) -> Tensor:
        """M-RoPE positions (3, before + N + after) of the unpruned prompt.

        Parameters
        ----------
        before, after
            Number of text tokens before and after the image.
        tokens
            All visual tokens of the image.
        """
        if tokens.grid is None:
            raise UsageError(f"{self.family} needs the grid of the image's tokens, got None.")
        merge = self.visual.spatial_merge_size
        height, width = tokens.grid
        kinds = torch.tensor([[0] * before + [1] * tokens.n + [0] * after])
        ids = kinds * self.model.config.image_token_id
        grid = torch.tensor([[1, height * merge, width * merge]])
        found, _ = self.model.model.get_rope_index(ids, kinds, image_grid_thw=grid)
        positions: Tensor = found[:, 0]
        return positions

    def describe(self) -> dict[str, Any]:
        """Facts for the provenance block, with what this family does differently."""
        return {
            **super().describe(),
            "cls_attention": f"received attention of vision layer {self.last_layer}",
            "positions": "M-RoPE positions of the unpruned prompt",
        }


def unwindowed(visual: Any, grid_thw: Tensor) -> Tensor:
    """Order that undoes the tower's window permutation, over merge units.

    Parameters
    ----------
    visual
        ``model.model.visual``.
    grid_thw
        (B, 3) patches in time, height and width.

    Returns
    -------
    Tensor
        (units,) long: row-major unit → its place in window order.
    """
    from transformers.vision_utils import get_vision_window_index

    index, _ = get_vision_window_index(
        grid_thw,
        spatial_merge_size=visual.spatial_merge_size,
        window_size=visual.window_size,
        patch_size=visual.patch_size,
    )
    return torch.as_tensor(index).argsort()
