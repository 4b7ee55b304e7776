"""LLaVA-NeXT (Vicuna and Mistral 7B): the image as a whole and in up to four tiles."""

from typing import Any, ClassVar

import torch
from PIL import Image
from torch import Tensor

from analysis.models.anyres import AnyresTokens, CropSelection, anyres_tokens
from analysis.models.llava15 import Llava15
from analysis.models.preprocess import Aspect
from analysis.models.prompts import PromptStyle
from analysis.selection import Selection
from analysis.tokens import VisualTokens

# Vicuna's vocabulary (32000 + added tokens); larger LLaMA vocabularies are LLaMA 3's.
_VICUNA_VOCABULARY = 32100
# Crops of a large image: the whole and four tiles.
_CROPS = 5


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
    architecture: ClassVar[str] = "LlavaNextForConditionalGeneration"
    default_aspect: ClassVar[Aspect] = "anyres"
    aspects: ClassVar[tuple[Aspect, ...]] = ("anyres",)

    @classmethod
    def image_tokens(cls, config: Any) -> tuple[int | None, int]:
        """Return None, as N follows the size of each image, and the patches of all crops."""
        return None, super().image_tokens(config)[1] * _CROPS

    @property
    def default_prompt(self) -> PromptStyle:
        """Conversation of the original code for this language model."""
        text = self.model.config.text_config
        if text.model_type == "mistral":
            return "mistral_instruct"
        vicuna = text.model_type == "llama" and text.vocab_size <= _VICUNA_VOCABULARY
        return "vicuna_v1" if vicuna else "chat_template"

    def pixel_inputs(self, images: list[Image.Image]) -> dict[str, Tensor]:
        """Preprocess images into what the tower takes.

        Returns
        -------
        dict
            ``pixel_values`` (B, crops, 3, S, S), padded with empty crops, and
            ``image_sizes`` (B, 2), height and width of the images as they came.
        """
        ready = [image.convert("RGB") for image in images]
        out = self.processor.image_processor(images=ready, return_tensors="pt")
        return {
            "pixel_values": self.on_tower(out["pixel_values"]),
            "image_sizes": out["image_sizes"],
        }

    def assemble(
        self, features: list[Tensor], fields: dict[str, Tensor], inputs: dict[str, Tensor]
    ) -> list[VisualTokens]:
        """Make one `AnyresTokens` per image from the evidence of all crops."""
        found: list[VisualTokens] = []
        start = 0
        for tokens, size in zip(features, inputs["image_sizes"], strict=True):
            end = start + self._n_crops(size)
            own = {name: value[start:end] for name, value in fields.items()}
            found.append(anyres_tokens(tokens, own, self._layout(end - start, size)))
            start = end
        return found

    def merged(self, tokens: VisualTokens, selection: Selection) -> Tensor:
        """Return the (K, C) merged tokens; crops merge on their own, each with its [CLS]."""
        if (
            isinstance(tokens, AnyresTokens)
            and isinstance(selection, CropSelection)
            and selection.crops
        ):
            return selection.merged(tokens)
        return super().merged(tokens, selection)

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
        patches = super().image_tokens(config)[1]
        numbers = torch.arange(crops * patches, dtype=torch.float64).view(crops, patches, 1)
        packed, _ = self.model.model.pack_image_features(
            [numbers],
            size[None],
            vision_feature_select_strategy=config.vision_feature_select_strategy,
            image_newline=torch.tensor([-1.0], dtype=torch.float64),
        )
        layout: Tensor = packed[0][:, 0].long()
        return layout
