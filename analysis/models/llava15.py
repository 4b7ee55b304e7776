"""LLaVA-1.5 (7B, 13B and the embedded Pocket LLaVA): CLIP tower, MLP projector, LLaMA."""

from typing import Any, ClassVar

import torch
from PIL import Image

from analysis.errors import UsageError
from analysis.models.base import MODELS, LoadOptions
from analysis.models.capture import capture_tower, encoder_layers, evidence
from analysis.models.loading import load_model, load_processor
from analysis.models.preprocess import Aspect, prepare
from analysis.models.splicing import SplicingAdapter
from analysis.tokens import VisualTokens

# HiPrune's object layer: the 9th of CLIP-L's 24, scaled to other depths.
_OBJECT_LAYER = 9 / 24


@MODELS.register("llava")
class Llava15(SplicingAdapter):
    """Adapter of ``LlavaForConditionalGeneration`` on stock transformers.

    The tower runs once per image on its own attention implementation; hooks read the
    [CLS] attention of the layer that produces the features.
    """

    family: ClassVar[str] = "llava"
    summary: ClassVar[str] = (
        "LLaVA-1.5 7B/13B and Pocket LLaVA; CLIP tower with [CLS], N = 576 (144)"
    )
    default_aspect: ClassVar[Aspect] = "pad"

    @classmethod
    def load(cls, options: LoadOptions) -> "Llava15":
        """Load model and processor from a hub id or a folder.

        Raises
        ------
        UsageError
            When the checkpoint is missing or selects its features in a way that leaves
            no single [CLS] attention (several layers, or no [CLS] token dropped).
        """
        from transformers import LlavaForConditionalGeneration

        processor = load_processor(options)
        return cls(load_model(LlavaForConditionalGeneration, options), processor, options)

    def __init__(self, model: Any, processor: Any, options: LoadOptions) -> None:
        super().__init__(model, processor, options)
        config = model.config
        if not isinstance(config.vision_feature_layer, int):
            raise UsageError(
                f"vision_feature_layer {config.vision_feature_layer} lists several layers; "
                "the [CLS] attention needs exactly one, as in LLaVA-1.5."
            )
        if config.vision_feature_select_strategy != "default":
            raise UsageError(
                f"vision_feature_select_strategy {config.vision_feature_select_strategy!r} keeps "
                "[CLS] among the tokens; use a checkpoint with 'default'."
            )
        self.tower = model.model.vision_tower
        self.n_layers = len(encoder_layers(self.tower))
        self.object_layer = max(1, round(_OBJECT_LAYER * self.n_layers))

    @property
    def n_tokens(self) -> int | None:
        """Visual tokens of every image: (image size / patch size) squared."""
        vision = self.model.config.vision_config
        return int((vision.image_size // vision.patch_size) ** 2)

    @classmethod
    def offers(cls) -> frozenset[str]:
        """Fields of VisualTokens that :meth:`encode` can fill."""
        return frozenset(
            {
                "features",
                "encoder_features",
                "cls_attention",
                "cls_feature",
                "keys",
                "last_keys",
                "last_query",
                "object_attention",
                "received_attention",
            }
        )

    def pixel_values(self, images: list[Image.Image]) -> torch.Tensor:
        """Preprocess images into (B, 3, S, S) on the model's device and dtype."""
        mean = self.processor.image_processor.image_mean
        ready = [prepare(image, self.image_aspect, mean) for image in images]
        pixels = self.processor.image_processor(images=ready, return_tensors="pt")["pixel_values"]
        first = next(self.tower.parameters())
        values: torch.Tensor = pixels.to(first.device, first.dtype)
        return values

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
            One per image; the grid is square.
        """
        pixels = self.pixel_values(images)
        layer = self.model.config.vision_feature_layer
        with (
            torch.no_grad(),
            capture_tower(self.tower, layer, needs, self.object_layer) as seen,
        ):
            output = self.model.model.get_image_features(pixel_values=pixels)
            fields = evidence(seen, needs, self.n_layers, self.object_layer)
        side = round(fields["cls_attention"].shape[1] ** 0.5)
        found = []
        for i, features in enumerate(output.pooler_output):
            own: dict[str, Any] = {name: value[i] for name, value in fields.items()}
            found.append(VisualTokens(features=features, grid=(side, side), **own))
        return found
