"""What all families share: visual tokens are spliced into the prompt's embeddings."""

from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from analysis.errors import UsageError
from analysis.models.base import Answer, LoadOptions, Request, device_name
from analysis.models.fingerprint import fingerprint
from analysis.models.generation import Batch, Row, collate, greedy, kept_positions
from analysis.models.preprocess import ASPECTS, Aspect
from analysis.models.prompts import PromptStyle, render, resolve_style, token_ids
from analysis.pruners.base import PositionPolicy
from analysis.tokens import VisualTokens


class SplicingAdapter:
    """Common ground of adapters whose model takes ``inputs_embeds``.

    Parameters
    ----------
    model
        A loaded ``…ForConditionalGeneration``.
    processor
        Its processor.
    options
        How it was loaded.
    """

    family: ClassVar[str]
    default_aspect: ClassVar[Aspect] = "pad"
    aspects: ClassVar[tuple[Aspect, ...]] = ASPECTS
    # What pruning inside does to positions; None leaves it to the method.
    inside_policy: ClassVar[PositionPolicy | None] = None

    def __init__(self, model: Any, processor: Any, options: LoadOptions) -> None:
        self.model = model
        self.processor = processor
        self.options = options
        self.prompt_style: PromptStyle = resolve_style(
            options.prompt, processor, self.default_prompt
        )
        self.image_aspect: Aspect = self._aspect(options.image_aspect)
        self._ids: dict[str, tuple[list[int], list[int]]] = {}

    @property
    def default_prompt(self) -> PromptStyle:
        """Conversation that ``auto`` means."""
        return "vicuna_v1"

    def _aspect(self, chosen: str) -> Aspect:
        """Check the image geometry asked for against what the family can do."""
        if chosen == "auto":
            return self.default_aspect
        for aspect in self.aspects:
            if aspect == chosen:
                return aspect
        raise UsageError(
            f"image_aspect {chosen!r} does not fit {self.family}, which always uses "
            f"{self.default_aspect}; leave it at auto."
        )

    @property
    def device(self) -> torch.device:
        """Device of the input embeddings."""
        device: torch.device = self.model.get_input_embeddings().weight.device
        return device

    def prompt(self, question: str) -> str:
        """Render the full prompt of a question."""
        return render(self.prompt_style, self.processor, question)

    def prompt_ids(self, question: str) -> tuple[list[int], list[int]]:
        """Text ids before and after the image, cached per question."""
        if question not in self._ids:
            self._ids[question] = token_ids(
                self.processor, self.prompt(question), self.prompt_style
            )
        return self._ids[question]

    def project(self, encoder_features: Tensor) -> Tensor:
        """Send (K, C) encoder tokens through the projector to (K, D)."""
        projected: Tensor = self.model.model.multi_modal_projector(encoder_features)
        return projected

    def fed(self, tokens: VisualTokens, selection: Any | None) -> Tensor:
        """Return the (K, D) tokens the language model sees.

        Merged tokens are formed before the projector and sent through it, as the
        original merging methods do.
        """
        if selection is None:
            return tokens.features
        if selection.weights is None:
            return tokens.features[selection.indices.to(tokens.device)]
        merged = selection.apply(tokens.encoder_features, tokens.cls_feature)
        with torch.no_grad():
            return self.project(merged.to(tokens.features.dtype))

    def row(self, request: Request) -> Row:
        """Build one prompt of a batch from a request."""
        before, after = self.prompt_ids(request.question)
        visual = self.fed(request.tokens, request.selection)
        positions = None
        selection = request.selection
        if selection is not None and selection.position_policy == "keep":
            positions = kept_positions(
                len(before), len(after), request.tokens.n, selection.indices.cpu()
            )
        return Row(before, visual, after, positions)

    def collate(self, requests: list[Request]) -> Batch:
        """Left-pad the prompts of several requests into one batch."""
        return collate([self.row(r) for r in requests], self.model.get_input_embeddings())

    def generate(
        self, requests: list[Request], max_new_tokens: int, pruner: Any = None, keep: int = 0
    ) -> list[Answer]:
        """Answer all requests in one left-padded batch.

        Parameters
        ----------
        requests
            Any number of questions, with their tokens and selections.
        max_new_tokens
            Upper limit of new tokens.
        pruner
            A pruner that works inside the language model, or None.
        keep
            Its mean number of image tokens entering a layer.

        Returns
        -------
        list of Answer
            In the order of the requests.
        """
        if not requests:
            return []
        batch = self.collate(requests)
        if pruner is None:
            return greedy(self.model, self.processor.tokenizer, batch, max_new_tokens)
        from analysis.pruners.inllm import prune_inside

        inside = prune_inside(
            self.model,
            pruner,
            image_mask=batch.image,
            keep=keep,
            attention_mask=batch.mask,
            position_policy=self.inside_policy,
        )
        with inside as session:
            answers = greedy(self.model, self.processor.tokenizer, batch, max_new_tokens)
        kept = session.selections()
        return [replace(a, selection=s) for a, s in zip(answers, kept, strict=True)]

    def describe(self) -> dict[str, Any]:
        """Facts for the provenance block: family, dtype, device, prompt, preprocessing."""
        config = self.model.config
        question = "Please describe this image in detail."
        before, after = self.prompt_ids(question)
        return {
            "family": self.family,
            "id": self.options.model,
            "revision": getattr(config, "_commit_hash", None) or self.options.revision,
            "fingerprint": fingerprint(self.options.model),
            "parameters": self.model.num_parameters(),
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "device": str(self.device),
            "device_name": device_name(self.device),
            "attention": self.options.attention,
            "image_processor": type(self.processor.image_processor).__name__,
            "image_aspect": self.image_aspect,
            "prompt_style": self.prompt_style,
            "prompt_example": self.prompt(question),
            "prompt_ids": {"before": before, "after": after},
        }
