"""The contract of a model adapter: what a family gives, and what all families share.

Visual tokens are spliced into the embeddings of the prompt, so no model code is touched.
"""

import logging
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import torch
from PIL import Image
from torch import Tensor, nn

from analysis.models.devices import device_name
from analysis.models.exchange import Answer, Outline, Request
from analysis.models.fingerprint import fingerprint
from analysis.models.generation import Batch, Row, collate, greedy, kept_positions
from analysis.models.loading import load_model, load_processor
from analysis.models.options import LoadOptions
from analysis.models.preprocess import ASPECTS, Aspect, resolve_aspect
from analysis.models.prompts import PromptStyle, render, resolve_style, token_ids
from analysis.pruners.base import Pruner
from analysis.pruners.inllm import prune_inside
from analysis.pruners.inllm.decoder import find_decoder
from analysis.selection import PositionPolicy, Selection
from analysis.tokens import VisualTokens

log = logging.getLogger(__name__)

#: Visual tokens of LLaVA-1.5's images, assumed where a configuration does not say.
USUAL_TOKENS = 576


class Adapter(ABC):
    """One model family behind one interface; see :mod:`analysis.models.llava15`.

    A family says what stands first here, gives `encode`, and overrides what it does
    differently.

    Attributes
    ----------
    family, summary
        Name in the registry and one line for ``agile ls models``.
    architecture
        Name of its class in transformers.
    offers
        Fields of `VisualTokens` that `encode` can fill.
    default_aspect, aspects
        What ``auto`` means, and which geometries the family knows.
    inside_policy
        What pruning inside does to positions; None leaves it to the method.

    Parameters
    ----------
    model
        A loaded ``…ForConditionalGeneration`` that takes ``inputs_embeds``.
    processor
        Its processor: ``tokenizer``, ``image_processor``, ``chat_template``.
    options
        How it was loaded.
    """

    family: ClassVar[str]
    summary: ClassVar[str]
    architecture: ClassVar[str]
    offers: ClassVar[frozenset[str]]
    default_aspect: ClassVar[Aspect] = "pad"
    aspects: ClassVar[tuple[Aspect, ...]] = ASPECTS
    inside_policy: ClassVar[PositionPolicy | None] = None

    def __init__(self, model: Any, processor: Any, options: LoadOptions) -> None:
        self.model = model
        self.processor = processor
        self.options = options
        self.prompt_style: PromptStyle = resolve_style(
            options.prompt, processor, self.default_prompt
        )
        self.image_aspect = resolve_aspect(
            options.image_aspect, self.family, self.default_aspect, self.aspects
        )
        self._ids: dict[str, tuple[list[int], list[int]]] = {}

    @classmethod
    def load(cls, options: LoadOptions) -> "Adapter":
        """Load model and processor from a hub id or a folder.

        Raises
        ------
        UsageError
            When the checkpoint is missing, or is one the family cannot read.
        """
        processor = cls.read_processor(options)
        return cls(load_model(cls.architecture, options), processor, options)

    @staticmethod
    def read_processor(options: LoadOptions) -> Any:
        """Load the processor."""
        return load_processor(options)

    @classmethod
    def image_tokens(cls, _config: Any) -> tuple[int | None, int]:
        """Return N of every image, None where it differs, and what to reckon with then."""
        return None, USUAL_TOKENS

    @classmethod
    def outline(cls, config: Any) -> Outline:
        """Return what a checkpoint's configuration says without its weights."""
        depth = getattr(config.get_text_config(), "num_hidden_layers", None)
        return Outline(cls.family, cls.offers, *cls.image_tokens(config), depth)

    @property
    def n_tokens(self) -> int | None:
        """Visual tokens of every image, None where it differs from image to image."""
        return self.image_tokens(self.model.config)[0]

    @cached_property
    def depth(self) -> int | None:
        """Decoder layers, None for a model that cannot be pruned inside."""
        try:
            return find_decoder(self.model).n_layers
        except ValueError as error:
            log.info("nothing is pruned inside the language model: %s", error)
            return None

    @property
    def max_new_tokens(self) -> int | None:
        """The checkpoint's own limit of new tokens, None where it has none."""
        limit: int | None = self.model.generation_config.max_new_tokens
        return limit

    @property
    def n_parameters(self) -> int:
        """Parameters of the whole model."""
        return sum(p.numel() for p in self.model.parameters())

    @property
    def device(self) -> torch.device:
        """Device of the input embeddings."""
        device: torch.device = self.model.get_input_embeddings().weight.device
        return device

    @property
    def default_prompt(self) -> PromptStyle:
        """Conversation that ``auto`` means."""
        return "vicuna_v1"

    @property
    def tower(self) -> nn.Module | None:
        """CLIP-like tower whose layers attend from [CLS], None where there is none."""
        return None

    @abstractmethod
    def encode(
        self, images: list[Image.Image], needs: frozenset[str] = frozenset()
    ) -> list[VisualTokens]:
        """Run the vision tower once over the images.

        Parameters
        ----------
        images
            RGB images of any size.
        needs
            Evidence wanted beyond features, encoder features and [CLS] attention.

        Returns
        -------
        list of VisualTokens
            One per image.
        """

    @abstractmethod
    def project(self, encoder_features: Tensor) -> Tensor:
        """Send (K, C) encoder tokens through the projector to (K, D)."""

    def fed(self, tokens: VisualTokens, selection: Selection | None) -> Tensor:
        """Return the (K, D) tokens the language model sees.

        Merged tokens are formed before the projector and sent through it, as the
        original merging methods do.
        """
        if selection is None:
            return tokens.features
        if selection.weights is None:
            return tokens.features[selection.indices.to(tokens.device)]
        with torch.no_grad():
            return self.project(self.merged(tokens, selection).to(tokens.features.dtype))

    def merged(self, tokens: VisualTokens, selection: Selection) -> Tensor:
        """Return the (K, C) tokens of a merging method, before the projector."""
        if tokens.encoder_features is None:
            raise ValueError("encoder_features must be collected to merge tokens")
        return selection.apply(tokens.encoder_features, tokens.cls_feature)

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

    def forward(self, batch: Batch, **options: Any) -> Any:
        """Run a batch through the language model; only the last position's logits are made.

        ``options`` (``use_cache`` and the like) go to the model and win over the batch's own.
        """
        with torch.no_grad():
            return self.model(**{**batch.inputs(), "logits_to_keep": 1, **options})

    def inside(self, pruner: Pruner, batch: Batch, keep: int) -> AbstractContextManager[Any]:
        """Return the context in which a pruner works inside the language model on a batch.

        ``keep`` is the mean number of image tokens entering a layer.
        """
        return prune_inside(
            self.model,
            pruner,  # type: ignore[arg-type]
            image_mask=batch.image,
            keep=keep,
            attention_mask=batch.mask,
            position_policy=self.inside_policy,
        )

    def generate(
        self,
        requests: list[Request],
        max_new_tokens: int,
        pruner: Pruner | None = None,
        keep: int = 0,
    ) -> list[Answer]:
        """Answer all requests in one left-padded batch.

        Parameters
        ----------
        requests
            Any number of questions, with their tokens and selections.
        max_new_tokens
            Upper limit of new tokens.
        pruner, keep
            A pruner that works inside the language model, and its budget; see `inside`.

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
        with self.inside(pruner, batch, keep) as session:
            answers = greedy(self.model, self.processor.tokenizer, batch, max_new_tokens)
        kept = session.selections()
        return [replace(a, selection=s) for a, s in zip(answers, kept, strict=True)]

    def describe(self) -> dict[str, Any]:
        """Facts for the provenance block: family, dtype, device, prompt, preprocessing."""
        question = "Please describe this image in detail."
        before, after = self.prompt_ids(question)
        return {
            "family": self.family,
            "id": self.options.model,
            "revision": getattr(self.model.config, "_commit_hash", None) or self.options.revision,
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
