"""From pixels to tokens, step by step, so that every step can be timed on its own."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from analysis.errors import UsageError
from analysis.models import Request
from analysis.models.anyres import AnyresTokens
from analysis.models.crops import select_batch
from analysis.models.generation import Batch
from analysis.models.llava15 import Llava15
from analysis.pruners.base import Pruner, Selection
from analysis.tokens import VisualTokens

QUESTION = "Please describe this image in detail."
# CDPruner reads CLIP's joint space, which the model does not hold; noise of its width.
_JOINT = 768


@dataclass(frozen=True, eq=False)
class Pipeline:
    """One way of answering a batch of images.

    Parameters
    ----------
    adapter
        Model with random weights.
    pruner
        The rule.
    keep
        Its budget; None for the unpruned model.
    batch
        Number of images.
    """

    adapter: Llava15
    pruner: Pruner
    keep: int | None
    batch: int

    @property
    def inside(self) -> bool:
        """Whether the rule works inside the language model."""
        return self.pruner.prunes == "in LLM"

    def reachable(self, n: int) -> "Pipeline":
        """Let an in-model rule start earlier where it could not reach its budget otherwise.

        Parameters
        ----------
        n
            Visual tokens of one image.
        """
        if not self.inside or self.keep is None:
            return self
        try:
            self.mean_tokens(n, 0.0)
        except UsageError:
            earlier = dataclasses.replace(self.pruner, shift=True)  # type: ignore[call-arg]
            return dataclasses.replace(self, pruner=earlier)
        return self

    def mean_tokens(self, n: int, n_out: float) -> float:
        """Mean over layers of the image tokens entering each.

        Parameters
        ----------
        n
            Visual tokens of one image.
        n_out
            Those that enter the language model: the answer for rules before it.

        Raises
        ------
        UsageError
            When an in-model rule cannot reach the budget.
        """
        schedule = getattr(self.pruner, "schedule", None)
        if schedule is None or self.keep is None:
            return n_out
        layers = self.adapter.model.config.text_config.num_hidden_layers
        return float(schedule(self.keep, n, layers).mean)

    def encode(self) -> list[VisualTokens]:
        """Run the tower once, with the hooks this rule needs."""
        images = [Image.new("RGB", (1, 1))] * self.batch
        needs = frozenset() if self.inside else frozenset(self.pruner.needs)
        return [with_joint_space(t, needs) for t in self.adapter.encode(images, needs)]

    def select(self, tokens: Sequence[VisualTokens]) -> list[Selection] | None:
        """Choose tokens; None where nothing is pruned before the language model."""
        if self.keep is None or self.inside:
            return None
        sources = [torch.Generator().manual_seed(i) for i in range(len(tokens))]
        return select_batch(self.pruner, tokens, self.keep, sources)

    def assemble(
        self, tokens: Sequence[VisualTokens], selections: Sequence[Selection] | None
    ) -> Batch:
        """Form the prompt of the language model."""
        chosen = [None] * len(tokens) if selections is None else selections
        pairs = zip(tokens, chosen, strict=True)
        return self.adapter.collate([Request(QUESTION, t, s) for t, s in pairs])

    def session(self, prompt: Batch) -> AbstractContextManager[Any]:
        """Context in which the language model prunes inside, or does not."""
        if not self.inside or self.keep is None:
            return nullcontext()
        from analysis.pruners.inllm import prune_inside

        return prune_inside(
            self.adapter.model,
            self.pruner,  # type: ignore[arg-type]
            image_mask=prompt.image,
            keep=self.keep,
            attention_mask=prompt.mask,
        )

    def prefill(self, prompt: Batch, **options: Any) -> Any:
        """Run the prompt through the language model; only the last logits are made."""
        mask = None if bool(prompt.mask.all()) else prompt.mask
        if prompt.positions is not None:
            options["position_ids"] = prompt.positions
        with torch.no_grad():
            return self.adapter.model(
                inputs_embeds=prompt.embeds,
                attention_mask=mask,
                use_cache=True,
                logits_to_keep=1,
                **options,
            )

    def decode(self, prompt: Batch, output: Any, steps: int) -> Tensor:
        """Feed ``steps`` tokens greedily, one after the other, after a prefill."""
        token = output.logits[:, -1].argmax(-1, keepdim=True)
        mask = None if bool(prompt.mask.all()) else prompt.mask
        position = None if prompt.positions is None else prompt.positions[:, -1:]
        with torch.no_grad():
            for _ in range(steps):
                options: dict[str, Any] = {}
                if mask is not None:
                    mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
                    options["attention_mask"] = mask
                if position is not None:
                    position = position + 1
                    options["position_ids"] = position
                output = self.adapter.model(
                    input_ids=token, past_key_values=output.past_key_values, **options
                )
                token = output.logits[:, -1].argmax(-1, keepdim=True)
        return token

    def first_token(self) -> Tensor:
        """Everything from pixels on the device to the first new token."""
        tokens = self.encode()
        prompt = self.assemble(tokens, self.select(tokens))
        with self.session(prompt):
            return self.prefill(prompt).logits[:, -1].argmax(-1)

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """Set the model up for this way of working and put it back afterwards."""
        yield


@dataclass(frozen=True, eq=False)
class EagerTower(Pipeline):
    """The usual way to [CLS] attention: an eager tower that returns all its maps."""

    def encode(self) -> list[VisualTokens]:
        """Run the tower with ``output_attentions=True`` and read one row of one map."""
        images = [Image.new("RGB", (1, 1))] * self.batch
        pixels = self.adapter.pixel_inputs(images)["pixel_values"]
        layer = self.adapter.model.config.vision_feature_layer
        with torch.no_grad():
            out = self.adapter.tower(pixels, output_attentions=True, output_hidden_states=True)
            encoded = out.hidden_states[layer][:, 1:]
            features = self.adapter.project(encoded)
        attention = out.attentions[layer][:, :, 0, 1:].mean(1)
        rows = zip(features, encoded, attention, strict=True)
        return [VisualTokens(features=f, encoder_features=e, cls_attention=a) for f, e, a in rows]

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """Switch the tower to eager attention."""
        model = self.adapter.model
        model.set_attn_implementation({"vision_config": "eager"})
        try:
            yield
        finally:
            model.set_attn_implementation({"vision_config": "sdpa"})


@dataclass(frozen=True, eq=False)
class FullMaps(Pipeline):
    """The usual way to prune inside: eager attention that returns every layer's map."""

    def prefill(self, prompt: Batch, **options: Any) -> Any:
        """Run the prompt with ``output_attentions=True``."""
        return super().prefill(prompt, output_attentions=True, **options)

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """Switch the language model to eager attention."""
        model = self.adapter.model
        model.set_attn_implementation({"text_config": "eager"})
        try:
            yield
        finally:
            model.set_attn_implementation({"text_config": "sdpa"})


def fresh(tokens: Sequence[VisualTokens]) -> list[VisualTokens]:
    """Return the same tokens without what was cached about them (Gram matrix, checks)."""
    copies: list[VisualTokens] = []
    for one in tokens:
        if isinstance(one, AnyresTokens):
            parts = tuple(dataclasses.replace(part) for part in one.parts)
            copies.append(dataclasses.replace(one, parts=parts))
        else:
            copies.append(dataclasses.replace(one))
    return copies


def with_joint_space(tokens: VisualTokens, needs: frozenset[str]) -> VisualTokens:
    """Add noise in place of CLIP's joint embeddings where a rule reads them."""
    if "image_embeds" not in needs:
        return tokens
    source = torch.Generator(tokens.device).manual_seed(0)

    def noisy(one: VisualTokens) -> dict[str, Any]:
        shape = (one.n + 1, _JOINT)
        noise = torch.randn(shape, generator=source, device=one.device)
        return {"image_embeds": noise[1:], "text_embeds": noise[:1]}

    if isinstance(tokens, AnyresTokens):
        parts = tuple(dataclasses.replace(part, **noisy(part)) for part in tokens.parts)
        return dataclasses.replace(tokens, parts=parts, **noisy(tokens))
    return dataclasses.replace(tokens, **noisy(tokens))


def cache_bytes(output: Any) -> int:
    """Bytes of keys and values a prefill left behind, all rows."""
    return sum(
        state.numel() * state.element_size()
        for layer in output.past_key_values.layers
        for state in (layer.keys, layer.values)
    )
