"""FastV: keep what the last prompt token looks at (Chen et al., ECCV 2024)."""

from dataclasses import dataclass

from analysis.errors import UsageError
from analysis.pruners import Case
from analysis.pruners.checks import check_range
from analysis.pruners.inllm.contract import InsidePruner, Kept, top
from analysis.pruners.inllm.view import RowView


@dataclass(frozen=True)
class FastV(InsidePruner):
    """One stage after ``full_layers`` layers, ranked by the attention inside the last of them.

    The score of an image token is the attention probability that the last prompt token
    pays to it, mean over heads. Kept tokens keep their positions, and every decoding
    step attends to the set chosen at the prompt.

    Parameters
    ----------
    full_layers
        K, decoder layers that run on all tokens before the pruning (1-based count, so
        the input of layer K, counted from 0, is what shrinks). A model with K or fewer
        layers prunes before its last one.
    dropped
        R, share of the image tokens that the original schedule drops.
    """

    full_layers: int = 2
    dropped: float = 0.5

    name = "fastv"
    needs = ("llm_attention",)
    signal = "last prompt token's attention, layer K-1"
    position_policy = "keep"
    licence = "none at the root (not copied)"
    deviations = (
        "One attention row is computed; no layer runs twice and none needs eager attention.",
        "The padding mask is kept and each row of a batch chooses for itself.",
        "Image positions are looked up, not assumed to start at 35.",
        "keep is the mean over layers; the number kept after layer K follows from it.",
    )

    def __post_init__(self) -> None:
        """Check the parameters.

        Raises
        ------
        ValueError
            Naming the one that is out of range.
        """
        check_range("full_layers", self.full_layers, 1, float("inf"))
        if not 0 <= self.dropped < 1:
            raise UsageError(f"dropped must be at least 0 and below 1, got {self.dropped}.")

    def stages(self, n_layers: int) -> list[tuple[int, float]]:
        """Return the one stage, at layer K."""
        layer = min(self.full_layers, n_layers - 1)
        return [(layer, 1 - self.dropped)] if layer else []

    def original_count(self, n_tokens: int, ratio: float) -> int:
        """Return the authors' count, N times 1 - R, rounded."""
        return max(1, round(n_tokens * ratio))

    def macs(self, case: Case) -> int:
        """Count one query row."""
        return case.query_rows

    def choose(self, view: RowView, n_keep: int) -> Kept:
        """Keep the image tokens with the highest attention from the last prompt token."""
        row = view.attention(view.last).mean(0)[0]
        return Kept(top(row[view.image], n_keep))
