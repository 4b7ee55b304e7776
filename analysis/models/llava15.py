"""LLaVA-1.5 (7B, 13B and the embedded Pocket LLaVA): CLIP tower, MLP projector, LLaMA."""

from typing import Any, ClassVar

import torch
from PIL import Image
from torch import Tensor, nn

from analysis.errors import UsageError
from analysis.models.base import Adapter
from analysis.models.clip import EVIDENCE, capture_tower, encoder_layers
from analysis.models.options import LoadOptions
from analysis.models.preprocess import prepare
from analysis.tokens import VisualTokens


class Llava15(Adapter):
    """Adapter of ``LlavaForConditionalGeneration`` on stock transformers.

    The tower runs once per image on its own attention implementation; hooks read the
    [CLS] attention of the layer that produces the features.

    Raises
    ------
    UsageError
        When the checkpoint selects its features in a way that leaves no single [CLS]
        attention (several layers, or no [CLS] token dropped).
    """

    family: ClassVar[str] = "llava"
    summary: ClassVar[str] = (
        "LLaVA-1.5 7B/13B and Pocket LLaVA; CLIP tower with [CLS], N = 576 (144)"
    )
    architecture: ClassVar[str] = "LlavaForConditionalGeneration"
    offers: ClassVar[frozenset[str]] = EVIDENCE | {"features"}

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
        encoder_layers(self.tower)  # refuses a tower of another kind before it is needed

    @classmethod
    def image_tokens(cls, config: Any) -> tuple[int | None, int]:
        """Return (image size / patch size) squared, the same for every image."""
        patches = int((config.vision_config.image_size // config.vision_config.patch_size) ** 2)
        return patches, patches

    @property
    def tower(self) -> nn.Module:
        """The vision tower."""
        tower: nn.Module = self.model.model.vision_tower
        return tower

    def encode(
        self, images: list[Image.Image], needs: frozenset[str] = frozenset()
    ) -> list[VisualTokens]:
        """Run the vision tower once over the images; see `Adapter.encode`."""
        inputs = self.pixel_inputs(images)
        layer = self.model.config.vision_feature_layer
        with torch.no_grad(), capture_tower(self.tower, layer, needs) as seen:
            output = self.model.model.get_image_features(**inputs)
            fields = seen.evidence(needs)
        return self.assemble(output.pooler_output, fields, inputs)

    def pixel_inputs(self, images: list[Image.Image]) -> dict[str, Tensor]:
        """Preprocess images into what the tower takes: (B, 3, S, S) ``pixel_values``."""
        mean = self.processor.image_processor.image_mean
        ready = [prepare(image, self.image_aspect, mean) for image in images]
        pixels = self.processor.image_processor(images=ready, return_tensors="pt")["pixel_values"]
        return {"pixel_values": self.on_tower(pixels)}

    def on_tower(self, pixels: Tensor) -> Tensor:
        """Return pixels on the tower's device, in its type."""
        first = next(self.tower.parameters())
        return pixels.to(first.device, first.dtype)

    def assemble(
        self, features: list[Tensor], fields: dict[str, Tensor], _inputs: dict[str, Tensor]
    ) -> list[VisualTokens]:
        """Make the tokens of each image from projected features and evidence, batch first."""
        side = round(fields["cls_attention"].shape[1] ** 0.5)
        found = []
        for i, tokens in enumerate(features):
            own: dict[str, Any] = {name: value[i] for name, value in fields.items()}
            found.append(VisualTokens(features=tokens, grid=(side, side), **own))
        return found

    def project(self, encoder_features: Tensor) -> Tensor:
        """Send (K, C) encoder tokens through the projector to (K, D)."""
        projected: Tensor = self.model.model.multi_modal_projector(encoder_features)
        return projected
