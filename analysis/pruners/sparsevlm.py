"""SparseVLM: let the relevant words of the question rate the image (Zhang et al., ICML 2025)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from analysis.errors import UsageError
from analysis.pruners import Case
from analysis.pruners.clusters import density_peaks
from analysis.pruners.inllm.contract import InsidePruner, Kept, Merged, top, whole_numbers
from analysis.pruners.inllm.schedule import scale_stages
from analysis.pruners.inllm.view import RowView
from analysis.pruners.ranking import rank

# Tokens kept at the three stages for 576 image tokens, in the released code; the keys
# are the nominal budgets (means over layer *outputs*).
TABLES = {192: (300, 200, 110), 128: (303, 110, 36), 96: (238, 48, 26), 64: (66, 30, 17)}
TABLES_V2 = {192: (300, 200, 118), 128: (238, 108, 60), 96: (246, 54, 28), 64: (66, 34, 20)}


@dataclass(frozen=True)
class _Raters(InsidePruner):
    """What both versions share: the raters, the layers, the tables.

    Parameters
    ----------
    layers
        Layers, joined by ``-`` and counted from 0, whose *output* is pruned, in a model
        of 32; scaled to the depth at hand.
    table
        Nominal budget of the original schedule (192, 128, 96 or 64), whose shape other
        budgets take over.
    """

    layers: str = "2-6-15"
    table: int = 192

    signal = "rater words' attention to the image"
    licence = "Apache-2.0"
    tables: ClassVar[dict[int, tuple[int, int, int]]] = TABLES

    def __post_init__(self) -> None:
        """Check the parameters.

        Raises
        ------
        ValueError
            Naming the one that is malformed or out of range.
        """
        if self.table not in self.tables:
            raise UsageError(f"table must be one of {sorted(self.tables)}, got {self.table}.")
        self.stages(32)

    def stages(self, n_layers: int) -> list[tuple[int, float]]:
        """Return the stages, scaled to ``n_layers``; ratios as in the chosen table."""
        layers = [layer + 1 for layer in whole_numbers("layers", self.layers)]
        return scale_stages(layers, [n / 576 for n in self._lengths(576)], 32, n_layers)

    def original_count(self, n_tokens: int, ratio: float) -> int:
        """Return the table's count, scaled from 576 to ``n_tokens``."""
        lengths = dict(zip(self._lengths(576), self._lengths(n_tokens), strict=True))
        return lengths[round(ratio * 576)]

    def macs(self, case: Case) -> int:
        """Count finding the raters, and their rows in each stage."""
        find = case.n_tokens * case.text_tokens * case.shape.hidden
        return find + _n_raters(case) * case.query_rows

    def mark(self, view: RowView) -> Tensor:
        """Mark the raters: words after the image that the image tokens point at.

        Each image token spreads a softmax (of plain dot products of embeddings) over the
        words; raters are the words whose mean share exceeds the mean. Where none does
        (all words alike), all are raters.
        """
        words = view.text
        states = view.hidden.float()
        share = (states[view.image] @ states[words].T).softmax(-1).mean(0)
        chosen = share > share.mean()
        marked = torch.zeros(states.shape[0], dtype=torch.bool, device=states.device)
        marked[words] = chosen if bool(chosen.any()) else True
        return marked

    def _lengths(self, n_tokens: int) -> list[int]:
        """Image tokens that leave each stage of the table, for ``n_tokens`` image tokens."""
        return [max(1, round(n * n_tokens / 576)) for n in self.tables[self.table]]


def _n_raters(case: Case) -> int:
    """Raters the cost is counted with; the true number depends on the question."""
    return max(1, round(case.text_tokens * 0.5))


def rater_rows(view: RowView) -> Tensor:
    """Slots of the raters that `_Raters.mark` found at the embedding."""
    if view.marked is None:
        raise ValueError("marked must hold the raters; mark() makes them at the embedding")
    return view.marked.nonzero().flatten()


@dataclass(frozen=True)
class SparseVLM(_Raters):
    """Version 1: keep the best rated, merge the best of the rest, re-index positions.

    Of P dropped tokens the best rated ``int(0.3 P) + 1`` are clustered (DPC-kNN) into
    ``int(that / 10) + 1`` groups, and each group's mean stands at the end of the image
    block. The counts of a schedule include these merged tokens.
    """

    name = "sparsevlm"
    needs = ("llm_attention", "llm_words", "llm_states")
    merges = True
    position_policy = "reindex"
    deviations = (
        "Clustering adds no random noise: equally dense tokens rank by index.",
        "keep is the mean over layer inputs; the released tables count layer outputs.",
        "Where a stage is to leave fewer tokens than the recycling rule alone makes, all but one "
        "are kept tokens and one is merged.",
        "A stage that keeps everything merges nothing.",
    )

    def macs(self, case: Case) -> int:
        """Count the raters' rows, and clustering the best 30 % of the dropped."""
        members = (int(max(0, entering - left) * 0.3) + 1 for _, entering, left in case.stages)
        return super().macs(case) + sum((m**2 + m) * case.shape.hidden for m in members)

    def choose(self, view: RowView, n_keep: int) -> Kept:
        """Keep the best rated and merge the best of the rest, ``n_keep`` together."""
        scores = view.attention(rater_rows(view)).mean((0, 1))[view.image]
        n_top, n_members = split(view.n, n_keep)
        if n_top == n_keep:
            return Kept(top(scores, n_top))
        kept, members = rank(scores)[: n_top + n_members].split([n_top, n_members])
        return Kept(kept.sort().values, merge(view.hidden[view.image], members, n_keep - n_top))

    def _lengths(self, n_tokens: int) -> list[int]:
        lengths, entering = [], n_tokens
        for kept in super()._lengths(n_tokens):
            n_top = min(kept, entering)
            entering = n_top + (recycled(entering - n_top)[1] if n_top < entering else 0)
            lengths.append(entering)
        return lengths


def recycled(n_dropped: int) -> tuple[int, int]:
    """Members and clusters that version 1 makes of ``n_dropped`` (at least 1) tokens."""
    members = int(n_dropped * 0.3) + 1
    return members, int(members / 10) + 1


def split(n: int, n_keep: int) -> tuple[int, int]:
    """Split ``n_keep`` of ``n`` into kept tokens and merged ones by the recycling rule.

    Returns
    -------
    n_top, n_members
        Tokens kept as they are, and dropped tokens that are merged into the remaining
        ``n_keep - n_top``. The inverse of the released tables: (576, 309) gives (300, 83).
    """
    if n_keep == n:
        return n, 0
    for n_top in range(n_keep - 1, 0, -1):
        members, clusters = recycled(n - n_top)
        if n_top + clusters <= n_keep:
            # Counts rise by 0 or 1 with n_top, so the first fit from above is exact.
            return n_top, members
    n_top = max(1, n_keep - 1)
    return n_top, recycled(n - n_top)[0]


def merge(states: Tensor, members: Tensor, n_clusters: int) -> Merged:
    """Cluster the ``members`` of ``states`` (n, D) and average each cluster."""
    assignment, centres = cluster(states[members].float(), n_clusters)
    groups = torch.zeros(n_clusters, states.shape[0], device=states.device)
    groups[assignment, members] = 1.0
    weights = groups / groups.sum(1, keepdim=True)
    return Merged((weights @ states.float()).to(states.dtype), weights, members[centres])


def cluster(points: Tensor, n_clusters: int) -> tuple[Tensor, Tensor]:
    """Cluster ``points`` (m, D), float32, by `density_peaks`: assignment and centres.

    The density of a point is exp(-mean of the squared distances to its ``n_clusters``
    nearest ones, itself included), distances being Euclidean over sqrt(D); for the
    densest the largest distance of all counts.
    """
    distance = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
    distance = distance / points.shape[1] ** 0.5
    nearest = distance.sort(dim=1).values[:, :n_clusters]
    density = (-nearest.square().mean(1)).exp()
    return density_peaks(distance, density, n_clusters, distance.max())


@dataclass(frozen=True)
class SparseVLMv2(_Raters):
    """Version 2 (SparseVLM+): corrected attention, chosen heads, nothing merged.

    Attention is divided by what rotary embedding alone would favour (all-ones queries
    and keys), and only the heads whose raters attend to the image most are averaged.

    Parameters
    ----------
    heads
        Heads averaged in a model of 32; scaled to the number of heads at hand.
    """

    heads: int = 14

    name = "sparsevlm_v2"
    needs = ("llm_attention", "llm_words", "llm_rotary_bias")
    position_policy = "keep"
    tables: ClassVar[dict[int, tuple[int, int, int]]] = TABLES_V2
    deviations = (
        "keep is the mean over layer inputs; the released tables count layer outputs.",
        "14 of 32 heads is read as a share where a model has another number of heads.",
        "A rotary bias of exactly 0 divides as 1e-6.",
    )

    def __post_init__(self) -> None:
        """Check the parameters.

        Raises
        ------
        ValueError
            Naming the one that is malformed or out of range.
        """
        super().__post_init__()
        if not 1 <= self.heads <= 32:
            raise UsageError(f"heads must be in [1, 32], got {self.heads}.")

    def macs(self, case: Case) -> int:
        """Count the raters' rows, and the rotary bias of each."""
        slots = sum(n + case.text_tokens for _, n, _ in case.stages)
        return super().macs(case) + _n_raters(case) * slots * case.shape.head_dim

    def choose(self, view: RowView, n_keep: int) -> Kept:
        """Keep the best rated after both corrections."""
        rows = rater_rows(view)
        bias = view.rotary_bias(rows)
        bias = torch.where(bias == 0, 1e-6, bias)
        ratings = (view.attention(rows) / bias)[..., view.image]
        n_heads = max(1, int(self.heads * ratings.shape[0] / 32 + 0.5))
        heads = top(ratings.sum((1, 2)), n_heads)
        return Kept(top(ratings[heads].mean((0, 1)), n_keep))
