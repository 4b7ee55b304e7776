r"""Multiply-accumulates of the parts of a model, and bytes of its cache.

A decoder layer on n tokens, d wide, with an MLP m wide, costs

.. math:: (2 + 2 g) n d^2 + 2 n^2 d + k\, n d m

g being key/value heads over query heads (1 without grouped queries). With g = 1 this is
the :math:`4nd^2 + 2n^2d + k\,ndm` of the literature. k = 3 is what SwiGLU really does
(gate, up, down), k = 2 the form that FastV, DivPrune and AgilePruner's table print.
"""

from collections.abc import Sequence
from typing import Literal

from analysis.bench.shapes import ModelShape, VisionShape
from analysis.errors import UsageError

Form = Literal["swiglu", "two_matrix"]
FORMULAS: dict[str, str] = {
    "swiglu": "sum over layers of 4nd^2 + 2n^2d + 3ndm",
    "two_matrix": "sum over layers of 4nd^2 + 2n^2d + 2ndm",
}


def layer_macs(shape: ModelShape, n_query: int, n_keys: int, form: Form = "swiglu") -> int:
    """Multiply-accumulates of one decoder layer.

    Parameters
    ----------
    n_query
        Tokens that go through the layer.
    n_keys
        Tokens they attend to. Causal masking is not discounted, as in the literature.
    form
        ``"swiglu"`` counts three MLP matrices, ``"two_matrix"`` two.

    Raises
    ------
    ValueError
        If ``form`` is neither, or a count is negative.
    """
    if form not in FORMULAS:
        raise UsageError(f"form must be one of {', '.join(FORMULAS)}, got {form!r}.")
    if n_query < 0 or n_keys < 0:
        raise UsageError(f"n_query and n_keys must be at least 0, got {n_query} and {n_keys}.")
    query, key = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    project = 2 * n_query * shape.hidden * (query + key)
    attend = 2 * n_query * n_keys * query
    mlp = (3 if form == "swiglu" else 2) * n_query * shape.hidden * shape.intermediate
    return project + attend + mlp


def prefill_macs(shape: ModelShape, lengths: Sequence[int], form: Form = "swiglu") -> int:
    """Count the decoder layers on a prompt of ``lengths[i]`` tokens in layer i (text included)."""
    check_lengths(shape, lengths)
    return sum(layer_macs(shape, n, n, form) for n in lengths)


def decode_macs(
    shape: ModelShape, lengths: Sequence[int], new_tokens: int, form: Form = "swiglu"
) -> int:
    """Count the decoder layers on an answer whose first token comes from the prompt pass.

    Step t = 1…new_tokens-1 feeds one token that attends to ``lengths[i] + t`` in layer i.
    """
    check_lengths(shape, lengths)
    steps = max(0, new_tokens - 1)
    fixed = steps * layer_macs(shape, 1, 0, form) * len(lengths)
    seen = sum(steps * n + steps * (steps + 1) // 2 for n in lengths)
    return fixed + 2 * seen * shape.heads * shape.head_dim


def cache_bytes(
    shape: ModelShape, lengths: Sequence[int], new_tokens: int = 1, dtype_bytes: int = 2
) -> int:
    """Bytes of keys and values after the last step (fp16 by default)."""
    check_lengths(shape, lengths)
    tokens = sum(n + max(0, new_tokens - 1) for n in lengths)
    return 2 * tokens * shape.kv_heads * shape.head_dim * dtype_bytes


def vision_macs(vision: VisionShape) -> int:
    """Multiply-accumulates of the tower: patch embedding and all layers, all crops."""
    n, width = vision.patches + 1, vision.hidden
    layer = 4 * n * width**2 + 2 * n**2 * width + 2 * n * width * vision.intermediate
    return vision.crops * (vision.patches * vision.patch_inputs * width + vision.n_layers * layer)


def projector_macs(shape: ModelShape, n_tokens: int) -> int:
    """Multiply-accumulates of LLaVA's two-layer projector on ``n_tokens``."""
    width = 0 if shape.vision is None else shape.vision.hidden
    return n_tokens * (width * shape.hidden + shape.hidden**2) if width else 0


def check_lengths(shape: ModelShape, lengths: Sequence[int]) -> None:
    """Check that there is one length per decoder layer.

    Raises
    ------
    ValueError
        If there are more or fewer.
    """
    if len(lengths) != shape.n_layers:
        raise UsageError(
            f"image_tokens must be one number or {shape.n_layers} (one per layer), "
            f"got {len(lengths)}."
        )
