"""Sizes of the models whose cost is counted, and reading them from a config."""

from dataclasses import dataclass
from typing import Any

from analysis.errors import UsageError


@dataclass(frozen=True)
class VisionShape:
    """Sizes of the vision tower and the projector.

    Attributes
    ----------
    n_layers, hidden, intermediate, heads
        Of the encoder. All layers count: LLaVA reads the last but one, but the code runs
        them all.
    patches
        Patches per crop, [CLS] not counted.
    patch_inputs
        Numbers in one patch, 3 * 14 * 14.
    crops
        Crops per image: 1, or 5 for LLaVA-NeXT (base and four tiles).
    """

    n_layers: int = 24
    hidden: int = 1024
    intermediate: int = 4096
    heads: int = 16
    patches: int = 576
    patch_inputs: int = 588
    crops: int = 1


@dataclass(frozen=True)
class ModelShape:
    """Sizes of a vision-language model that decide what a forward pass costs.

    Attributes
    ----------
    name
        Shown in tables.
    n_layers, hidden, intermediate
        Decoder layers L, width d, MLP width m.
    heads, kv_heads, head_dim
        Query heads, key/value heads (fewer with grouped queries), width of a head.
    vocab
        Rows of the output head.
    vision
        Tower and projector; None for a text-only model.
    """

    name: str
    n_layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    vision: VisionShape | None = None

    def __post_init__(self) -> None:
        """Check that all sizes are positive and heads divide.

        Raises
        ------
        ValueError
            Naming the field.
        """
        sizes = ("n_layers", "hidden", "intermediate", "heads", "kv_heads", "head_dim", "vocab")
        for field in sizes:
            if getattr(self, field) < 1:
                raise UsageError(f"{field} must be at least 1, got {getattr(self, field)}.")
        if self.heads % self.kv_heads:
            raise UsageError(f"kv_heads must divide heads {self.heads}, got {self.kv_heads}.")

    @property
    def image_tokens(self) -> int:
        """Image tokens N of one image without pruning (row separators not counted)."""
        return 0 if self.vision is None else self.vision.patches * self.vision.crops

    @classmethod
    def from_config(cls, config: Any, name: str | None = None) -> "ModelShape":
        """Read the sizes from a transformers config of LLaVA, LLaVA-NeXT or Llama.

        Raises
        ------
        ValueError
            If the config lacks a size.
        """
        text = getattr(config, "text_config", config)
        heads = _size(text, "num_attention_heads")
        head_dim = getattr(text, "head_dim", None) or _size(text, "hidden_size") // heads
        return cls(
            name=name or str(getattr(config, "model_type", "model")),
            n_layers=_size(text, "num_hidden_layers"),
            hidden=_size(text, "hidden_size"),
            intermediate=_size(text, "intermediate_size"),
            heads=heads,
            kv_heads=getattr(text, "num_key_value_heads", None) or heads,
            head_dim=head_dim,
            vocab=_size(text, "vocab_size"),
            vision=_vision(config),
        )


def _vision(config: Any) -> VisionShape | None:
    vision = getattr(config, "vision_config", None)
    if vision is None:
        return None
    patch = _size(vision, "patch_size")
    channels = int(getattr(vision, "num_channels", 3))
    return VisionShape(
        n_layers=_size(vision, "num_hidden_layers"),
        hidden=_size(vision, "hidden_size"),
        intermediate=_size(vision, "intermediate_size"),
        heads=_size(vision, "num_attention_heads"),
        patches=(_size(vision, "image_size") // patch) ** 2,
        patch_inputs=channels * patch**2,
        crops=5 if hasattr(config, "image_grid_pinpoints") else 1,
    )


def _size(config: Any, field: str) -> int:
    value = getattr(config, field, None)
    if not isinstance(value, int):
        raise UsageError(f"config must have {field}, got {type(config).__name__} without it.")
    return value
