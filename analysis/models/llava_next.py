"""LLaVA-NeXT (Vicuna and Mistral 7B): the image as a whole and in up to four tiles."""

from typing import Any, ClassVar

import torch
from PIL import Image
from torch import Tensor

from analysis.models.anyres import AnyresTokens, CropSelection, anyres_tokens
from analysis.models.base import MODELS, LoadOptions
from analysis.models.capture import capture_tower, evidence
from analysis.models.llava15 import Llava15
from analysis.models.loading import load_model, load_processor
from analysis.models.preprocess import Aspect
from analysis.models.prompts import PromptStyle
from analysis.tokens import VisualTokens

# Vicuna's vocabulary (32000 + added tokens); larger LLaMA vocabularies are LLaMA 3's.
_VICUNA_VOCABULARY = 32100


@MODELS.register("llava_next")
class LlavaNext(Llava15):
    """Adapter of ``LlavaNextForConditionalGeneration`` on stock transformers.

    ``encode`` returns `AnyresTokens`: the packed list the unpruned model reads (crop 0,
    then unpadded tile rows closed by separators) and one `VisualTokens` per crop. How
    a budget is spent over crops, and what becomes of separators, is `CropPolicy`'s.
    """

    family: ClassVar[str] = "llava_next"
    summary: ClassVar[str] = (
        "LLaVA-NeXT 7B (Vicuna, Mistral); anyres: crop 0 and up to 4 tiles, N up to 2928"
    )
    default_aspect: ClassVar[Aspect] = "anyres"
    aspects: ClassVar[tuple[Aspect, ...]] = ("anyres",)

    @classmethod
    def load(cls, options: LoadOptions) -> "LlavaNext":
        """Load model and processor from a hub id or a folder.

        Raises
        ------
        UsageError
            When the checkpoint is missing or leaves no single [CLS] attention.
        """
        from transformers import LlavaNextForConditionalGeneration

        processor = load_processor(options)
        return cls(load_model(LlavaNextForConditionalGeneration, options), processor, options)

    @property
    def default_prompt(self) -> PromptStyle:
        """Conversation of the original code for this language model."""
        text = self.model.config.text_config
        if text.model_type == "mistral":
            return "mistral_instruct"
        vicuna = text.model_type == "llama" and text.vocab_size <= _VICUNA_VOCABULARY
        return "vicuna_v1" if vicuna else "chat_template"

    @property
    def n_tokens(self) -> int | None:
        """None: N follows the size of each image."""
        return None

    def pixel_inputs(self, images: list[Image.Image]) -> tuple[Tensor, Tensor]:
        """Preprocess images.

        Returns
        -------
        tuple of Tensor
            (B, crops, 3, S, S) pixels, padded with empty crops, and (B, 2) sizes
            (height, width) of the images as they came.
        """
        ready = [image.convert("RGB") for image in images]
        out = self.processor.image_processor(images=ready, return_tensors="pt")
        first = next(self.tower.parameters())
        return out["pixel_values"].to(first.device, first.dtype), out["image_sizes"]

    def encode(
        self, images: list[Image.Image], needs: frozenset[str] = frozenset()
    ) -> list[VisualTokens]:
        """Run the vision tower once over all crops of the images.

        Parameters
        ----------
        images
            RGB images of any size.
        needs
            Evidence wanted beyond features, encoder features and [CLS] attention.

        Returns
        -------
        list of VisualTokens
            One `AnyresTokens` per image.
        """
        pixels, sizes = self.pixel_inputs(images)
        layer = self.model.config.vision_feature_layer
        with (
            torch.no_grad(),
            capture_tower(self.tower, layer, needs, self.object_layer) as seen,
        ):
            output = self.model.model.get_image_features(pixel_values=pixels, image_sizes=sizes)
            fields = evidence(seen, needs, self.n_layers, self.object_layer)
        counts = [self._n_crops(size) for size in sizes]
        found: list[VisualTokens] = []
        for i, (features, count) in enumerate(zip(output.pooler_output, counts, strict=True)):
            start = sum(counts[:i])
            own = {name: value[start : start + count] for name, value in fields.items()}
            found.append(anyres_tokens(features, own, self._layout(count, sizes[i])))
        return found

    def fed(self, tokens: VisualTokens, selection: Any | None) -> Tensor:
        """Return the (K, D) tokens the language model sees.

        Merging methods work crop by crop, each with the crop's own [CLS].
        """
        if (
            isinstance(tokens, AnyresTokens)
            and isinstance(selection, CropSelection)
            and selection.weights is not None
            and selection.crops
        ):
            merged = selection.merged(tokens)
            with torch.no_grad():
                return self.project(merged.to(tokens.features.dtype))
        return super().fed(tokens, selection)

    def _n_crops(self, size: Tensor) -> int:
        """Crops of an image of ``size`` (height, width): the whole and its tiles."""
        from transformers.models.llava_next.modeling_llava_next import image_size_to_num_patches

        config = self.model.config
        return int(
            image_size_to_num_patches(
                size, config.image_grid_pinpoints, config.vision_config.image_size
            )
        )

    def _layout(self, crops: int, size: Tensor) -> Tensor:
        """Where the packed list comes from: crop * patches + patch, -1 for separators.

        The model packs its features with the same call, so the two cannot differ.
        """
        config = self.model.config
        patches = (config.vision_config.image_size // config.vision_config.patch_size) ** 2
        numbers = torch.arange(crops * patches, dtype=torch.float64).view(crops, patches, 1)
        packed, _ = self.model.model.pack_image_features(
            [numbers],
            size[None],
            vision_feature_select_strategy=config.vision_feature_select_strategy,
            image_newline=torch.tensor([-1.0], dtype=torch.float64),
        )
        layout: Tensor = packed[0][:, 0].long()
        return layout
