"""Find the decoder of a Llama-like model and say no to what cannot be pruned inside."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from analysis.errors import UsageError

# Where model classes keep their decoder, the outermost wrapper first.
_PATHS = ("model.language_model", "language_model.model", "language_model", "model", "")


@dataclass(frozen=True, eq=False)
class Decoder:
    """The parts of a Llama-like decoder that pruning needs.

    Attributes
    ----------
    module
        The module with ``layers``, ``norm`` and ``rotary_emb``.
    layers
        Its decoder layers that actually run.
    """

    module: Any
    layers: list[nn.Module]

    @property
    def n_layers(self) -> int:
        """Number of decoder layers."""
        return len(self.layers)

    @property
    def implementation(self) -> str:
        """Name of the attention implementation, such as sdpa."""
        return str(self.module.config._attn_implementation)

    @property
    def positions_are_spatial(self) -> bool:
        """Whether positions have rows for time, height and width (M-RoPE)."""
        rope = getattr(self.module.config, "rope_parameters", None) or {}
        return "mrope_section" in rope


def find_decoder(model: nn.Module) -> Decoder:
    """Locate the decoder of LLaVA, Llama and their likes.

    Raises
    ------
    ValueError
        If there is none, or its attention is not Llama's (separate q and k
        projections, no query/key norm, full attention in every layer).
    """
    for path in _PATHS:
        module = _reach(model, path)
        if all(hasattr(module, name) for name in ("layers", "norm", "rotary_emb")):
            layers = list(module.layers[: module.config.num_hidden_layers])
            _check(model, layers)
            return Decoder(module, layers)
    raise UsageError(
        f"model must hold a Llama-like decoder (layers, norm, rotary_emb), "
        f"got {type(model).__name__}; use a LLaVA or Llama model."
    )


def _reach(model: nn.Module, path: str) -> Any:
    module: Any = model
    for name in filter(None, path.split(".")):
        module = getattr(module, name, None)
    return module


def _check(model: nn.Module, layers: list[nn.Module]) -> None:
    for layer in layers:
        attention: Any = getattr(layer, "self_attn", None)
        needed = ("q_proj", "k_proj", "head_dim", "scaling")
        odd = [name for name in ("q_norm", "k_norm") if hasattr(attention, name)]
        if odd or not all(hasattr(attention, name) for name in needed):
            raise UsageError(
                f"model must attend as Llama does, got {type(attention).__name__} in "
                f"{type(model).__name__}; use a LLaVA or Llama model."
            )
        if getattr(attention, "sliding_window", None):
            raise UsageError(
                f"model must attend to everything before it, got a sliding window in "
                f"{type(model).__name__}; use a model without one."
            )
