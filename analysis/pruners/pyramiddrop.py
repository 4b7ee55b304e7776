"""PyramidDrop: drop half of the image tokens again and again (Xing et al., CVPR 2025)."""

from dataclasses import dataclass

from analysis.pruners import Case
from analysis.pruners.checks import check_range
from analysis.pruners.inllm.contract import InsidePruner, Kept, numbers, top, whole_numbers
from analysis.pruners.inllm.schedule import scale_stages
from analysis.pruners.inllm.view import RowView


@dataclass(frozen=True)
class PyramidDrop(InsidePruner):
    """Stages spread over the depth, each ranked with the q and k of the *next* layer.

    The score of an image token is the attention that the last prompt token would pay to
    it in the layer about to run, mean over heads. Positions are re-indexed at each
    stage: tokens move up to close the gaps, and decoding continues from there.

    Parameters
    ----------
    layers
        Layers, joined by ``-``, whose input is pruned, for a model of ``depth`` layers;
        scaled to the depth of the model at hand.
    ratios
        Shares of the image tokens left after each, the original schedule.
    depth
        The depth ``layers`` is given for.
    """

    layers: str = "8-16-24"
    ratios: str = "0.5-0.25-0.125"
    depth: int = 32

    name = "pyramiddrop"
    needs = ("llm_attention",)
    signal = "last prompt token's attention, next layer's q and k"
    position_policy = "reindex"
    licence = "MIT"
    deviations = (
        "Batches are padded on the left; officially on the right.",
        "For a keep other than the original mean (270 of 576) the ratios are solved for, as "
        "ratio ** g with one g for all stages; the lists behind published tables are unknown.",
    )

    def __post_init__(self) -> None:
        """Check the parameters.

        Raises
        ------
        ValueError
            Naming the one that is malformed or out of range.
        """
        check_range("depth", self.depth, 1, 10**6)
        self.stages(self.depth)

    def stages(self, n_layers: int) -> list[tuple[int, float]]:
        """Return the stages, scaled to ``n_layers``."""
        layers = whole_numbers("layers", self.layers)
        return scale_stages(layers, numbers("ratios", self.ratios), self.depth, n_layers)

    def macs(self, case: Case) -> int:
        """Count one query row a stage, and keys of the next layer for the whole sequence."""
        keys = case.shape.hidden * case.shape.kv_heads * case.shape.head_dim
        return case.query_rows + sum((n + case.text_tokens) * keys for _, n, _ in case.stages)

    def choose(self, view: RowView, n_keep: int) -> Kept:
        """Keep the image tokens the next layer's last row would attend to most."""
        row = view.next_attention(view.last).mean(0)[0]
        return Kept(top(row[view.image], n_keep))
