"""From pixels to tokens, step by step, so that every step can be timed on its own."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from PIL import Image
from torch import Tensor

from analysis.errors import UsageError
from analysis.models.anyres import AnyresTokens
from analysis.models.crops import select_batch
from analysis.models.exchange import Request
from analysis.models.generation import Batch
from analysis.models.llava15 import Llava15
from analysis.pruners import Pruner, Selection
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
    # Part of the model, as its config names it, that must run eager attention.
    eager: ClassVar[str | None] = None

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
            return replace(self, pruner=replace(self.pruner, shift=True))  # type: ignore[call-arg]
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
        return float(schedule(self.keep, n, self.adapter.depth).mean)

    def encode(self) -> list[VisualTokens]:
        """Run the tower once, with the hooks this rule needs."""
        needs = frozenset() if self.inside else frozenset(self.pruner.needs)
        encoded = self.adapter.encode(self.images, needs)
        return [with_joint_space(t) for t in encoded] if "image_embeds" in needs else encoded

    @property
    def images(self) -> list[Image.Image]:
        """Placeholders: the model's image processor makes noise of them."""
        return [Image.new("RGB", (1, 1))] * self.batch

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
        return self.adapter.inside(self.pruner, prompt, self.keep)

    def prefill(self, prompt: Batch, **options: Any) -> Any:
        """Run the prompt through the language model; only the last logits are made."""
        mask = padding(prompt)
        return self.adapter.forward(prompt, attention_mask=mask, use_cache=True, **options)

    @torch.no_grad()
    def decode(self, prompt: Batch, output: Any, steps: int) -> Tensor:
        """Feed ``steps`` tokens greedily, one after the other, after a prefill."""
        mask, positions = padding(prompt), prompt.positions
        options: dict[str, Any] = {}
        token = output.logits[:, -1].argmax(-1, keepdim=True)
        for _ in range(steps):
            if mask is not None:
                mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
            if positions is not None:
                options["position_ids"] = positions = positions[:, -1:] + 1
            past = output.past_key_values
            output = self.adapter.model(
                input_ids=token, attention_mask=mask, past_key_values=past, **options
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
        switch = self.adapter.model.set_attn_implementation
        if self.eager:
            switch({self.eager: "eager"})
        try:
            yield
        finally:
            if self.eager:
                switch({self.eager: "sdpa"})


@dataclass(frozen=True, eq=False)
class EagerTower(Pipeline):
    """The usual way to [CLS] attention: an eager tower that returns all its maps."""

    eager: ClassVar[str | None] = "vision_config"

    def encode(self) -> list[VisualTokens]:
        """Run the tower with ``output_attentions=True`` and read one row of one map."""
        pixels = self.adapter.pixel_inputs(self.images)["pixel_values"]
        layer = self.adapter.model.config.vision_feature_layer
        with torch.no_grad():
            out = self.adapter.tower(pixels, output_attentions=True, output_hidden_states=True)
            encoded = out.hidden_states[layer][:, 1:]
            features = self.adapter.project(encoded)
        attention = out.attentions[layer][:, :, 0, 1:].mean(1)
        return list(map(VisualTokens, features, encoded, attention))


@dataclass(frozen=True, eq=False)
class FullMaps(Pipeline):
    """The usual way to prune inside: eager attention that returns every layer's map."""

    eager: ClassVar[str | None] = "text_config"

    def prefill(self, prompt: Batch, **options: Any) -> Any:
        """Run the prompt with ``output_attentions=True``."""
        return super().prefill(prompt, output_attentions=True, **options)


def padding(prompt: Batch) -> Tensor | None:
    """Return the prompt's attention mask, or None where no row is padded."""
    return None if bool(prompt.mask.all()) else prompt.mask


def renewed(
    tokens: VisualTokens, change: Callable[[VisualTokens], dict[str, Any]] = lambda _: {}
) -> VisualTokens:
    """Return the same tokens, all crops included, with other fields and nothing cached.

    Parameters
    ----------
    tokens
        Tokens of one image; their Gram matrix and checks are left behind.
    change
        Fields to set, given the tokens of the image or of one of its crops.
    """
    fields = change(tokens)
    if isinstance(tokens, AnyresTokens):
        fields["parts"] = tuple(renewed(part, change) for part in tokens.parts)
    return replace(tokens, **fields)


def fresh(batch: Sequence[VisualTokens]) -> list[VisualTokens]:
    """Return the same images without what was cached about them."""
    return [renewed(tokens) for tokens in batch]


def with_joint_space(tokens: VisualTokens) -> VisualTokens:
    """Add noise in place of CLIP's joint embeddings."""
    source = torch.Generator(tokens.device).manual_seed(0)

    def noisy(one: VisualTokens) -> dict[str, Any]:
        noise = torch.randn(one.n + 1, _JOINT, generator=source, device=one.device)
        return {"image_embeds": noise[1:], "text_embeds": noise[:1]}

    return renewed(tokens, noisy)


def cache_bytes(output: Any) -> int:
    """Bytes of keys and values a prefill left behind, all rows."""
    return sum(
        state.numel() * state.element_size()
        for layer in output.past_key_values.layers
        for state in (layer.keys, layer.values)
    )
