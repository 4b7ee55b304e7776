"""The table of `agile bench flops`: every pruner at every keep, both forms side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.bench.flops import Cost, Priced, cost, pruned_cost
from analysis.bench.macs import FORMULAS
from analysis.bench.shapes import ModelShape
from analysis.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = [
    "pruner",
    "keep",
    "mean_tokens",
    "n",
    "prefill_tmacs_two_matrix",
    "prefill_tmacs",
    "decode_tmacs",
    "head_tmacs",
    "vision_tmacs",
    "projector_tmacs",
    "selection_gmacs",
    "total_tflops",
    "cache_mib",
    "prefill_share",
    "note",
]


def flops_table(
    shape: ModelShape,
    pruners: Sequence[Priced],
    keeps: Sequence[int],
    *,
    text_tokens: int = 30,
    new_tokens: int = 1,
) -> "pd.DataFrame":
    """Tabulate the cost of every pruner at every ``keep``, both forms side by side.

    Returns
    -------
    DataFrame
        One row per pruner × keep: ``pruner, keep, mean_tokens, n`` (mean prompt length),
        ``prefill_tmacs_two_matrix`` (the form papers print), ``prefill_tmacs``,
        ``decode_tmacs``, ``head_tmacs``, ``vision_tmacs``, ``projector_tmacs``,
        ``selection_gmacs``, ``total_tflops``, ``cache_mib``, ``prefill_share`` (of the
        unpruned prefill, SwiGLU form), ``model, text_tokens, new_tokens, formula,
        formula_two_matrix, note``.
        Where a ``keep`` is out of a method's reach its numbers are NaN and ``note`` says why.
    """
    import pandas as pd

    full = cost(shape, shape.image_tokens, text_tokens=text_tokens).prefill
    rows = []
    for pruner in pruners:
        for keep in keeps:
            own = any(getattr(pruner, a, False) for a in ("sets_count", "adaptive_count"))
            note = "sets its own count; priced as if that were keep" if own else ""
            row: dict[str, float | int | str] = {"pruner": pruner.label, "keep": keep, "note": note}
            try:
                counted, mean = pruned_cost(
                    shape, pruner, keep, text_tokens=text_tokens, new_tokens=new_tokens
                )
                paper, _ = pruned_cost(
                    shape, pruner, keep, text_tokens=text_tokens, form="two_matrix"
                )
                row |= _row(counted, paper, mean, text_tokens, full)
            except UsageError as error:
                row["note"] = str(error)
            rows.append(row)
    return pd.DataFrame(rows, columns=_COLUMNS).assign(
        model=shape.name,
        text_tokens=text_tokens,
        new_tokens=new_tokens,
        formula=FORMULAS["swiglu"],
        formula_two_matrix=FORMULAS["two_matrix"],
    )


def _row(
    counted: Cost, paper: Cost, mean: float, text_tokens: int, full: int
) -> dict[str, float | int | str]:
    return {
        "mean_tokens": mean,
        "n": mean + text_tokens,
        "prefill_tmacs_two_matrix": paper.prefill / 1e12,
        "prefill_tmacs": counted.prefill / 1e12,
        "decode_tmacs": counted.decode / 1e12,
        "head_tmacs": counted.head / 1e12,
        "vision_tmacs": counted.vision / 1e12,
        "projector_tmacs": counted.projector / 1e12,
        "selection_gmacs": counted.selection / 1e9,
        "total_tflops": counted.flops / 1e12,
        "cache_mib": counted.cache_bytes / 2**20,
        "prefill_share": counted.prefill / full,
    }
