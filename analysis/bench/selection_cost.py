"""What choosing tokens costs by itself, in multiply-accumulates, per method.

Counted are the products a method cannot do without (similarities, attention rows, extra
projections, merging); sorting, softmax and comparisons are not multiplications and are
left out. C is the tower's width, D the language model's, N the image tokens, K those kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from analysis.bench.shapes import ModelShape, VisionShape
from analysis.errors import UsageError
from analysis.pruners import make_pruner

# Share of the words after the image that SparseVLM is taken to use as raters; the true
# number depends on the question and lies below the number of words.
_RATER_SHARE = 0.5
_CDPRUNER_JOINT = 768  # width P of CLIP-L's joint space


@dataclass(frozen=True)
class Case:
    """One selection whose cost is asked for.

    Attributes
    ----------
    shape
        The model.
    n_tokens
        N.
    keep
        K (before the language model).
    text_tokens
        Text tokens of the prompt.
    stages
        (layer, tokens entering the stage, tokens leaving it) inside the language model.
    share
        Share of K taken by attention, where the method has one.
    """

    shape: ModelShape
    n_tokens: int
    keep: int
    text_tokens: int
    stages: tuple[tuple[int, int, int], ...] = ()
    share: float = 0.5

    @property
    def vision(self) -> VisionShape:
        """The tower; methods before the language model need one."""
        if self.shape.vision is None:
            raise UsageError(f"shape {self.shape.name} has no vision tower to select from.")
        return self.shape.vision

    @property
    def cls_row(self) -> int:
        """One [CLS] query against all keys, all heads: N·C."""
        return self.n_tokens * self.vision.hidden

    @property
    def query_width(self) -> int:
        """Numbers in one query, all heads."""
        return self.shape.heads * self.shape.head_dim


def cost_of(pruner: Any, case: Case) -> int:
    """Return the multiply-accumulates of one selection by ``pruner``, as it is set up.

    Raises
    ------
    ValueError
        If the method's cost is not known here.
    """
    if pruner.name == "steered":
        inner = make_pruner(pruner.method.replace("/", ":"))
        total = cost_of(inner, case)
        if pruner.steer == "erank":
            total += _spectrum(case) + (0 if COSTS[inner.name] in _WITH_GRAM else _gram(case))
        return total
    steers = pruner.name == "agilepruner" and (pruner.tau is None or pruner.adaptive_count)
    if pruner.name == "agilepruner" and not (steers and pruner.steer == "erank"):
        return _gram_and_attention(case)
    if pruner.name == "visionzip":
        dominant, contextual = pruner.dominant, pruner.contextual
        if contextual is None and dominant is not None:
            contextual = case.keep - dominant
        return _visionzip(case, contextual)
    if pruner.name == "bat" and not pruner.merge:
        return _bat(case, merge=False)
    return selection_macs(pruner.name, case)


def selection_macs(name: str, case: Case) -> int:
    """Return the multiply-accumulates of one selection by method ``name`` as it is by default.

    Raises
    ------
    ValueError
        If the method's cost is not known here.
    """
    if name not in COSTS:
        raise UsageError(f"no selection cost for {name!r}; known: {', '.join(COSTS)}.")
    return int(COSTS[name](case))


def _nothing(case: Case) -> int:
    del case
    return 0


def _cls_attention(case: Case) -> int:
    return case.cls_row


def _gram(case: Case) -> int:
    """All cosines of the projected tokens: N²·D (twice a symmetric product)."""
    return case.n_tokens**2 * case.shape.hidden


def _gram_and_attention(case: Case) -> int:
    return _gram(case) + case.cls_row


def _gram_and_erank(case: Case) -> int:
    return _gram_and_attention(case) + _spectrum(case)


def _spectrum(case: Case) -> int:
    """Eigenvalues of the N×N Gram matrix (about 4/3 N³ operations)."""
    return 2 * case.n_tokens**3 // 3


def _vispruner(case: Case) -> int:
    """Even against odd places, 8 dropped a round, in the tower's width."""
    diverse = case.keep - int(case.keep * case.share)
    left = case.n_tokens - int(case.keep * case.share)
    total = case.cls_row
    while diverse and left > diverse:
        total += (left + 1) // 2 * (left // 2) * case.vision.hidden
        left -= min(8, left - diverse, left // 2)
    return total


def _visionzip(case: Case, contextual: int | None = None) -> int:
    """Head-mean keys of the rest against the contextual targets, then the averages."""
    contextual = case.keep * 10 // 64 if contextual is None else contextual
    rest = case.n_tokens + 1 - (case.keep - contextual)
    head = case.vision.hidden // case.vision.heads
    return case.cls_row + (rest - contextual) * (contextual * head + case.vision.hidden)


def _prumerge(case: Case) -> int:
    """Single-head scores, K·N key similarities, sums of 32 neighbours and of the rest."""
    width = case.vision.hidden
    return case.cls_row + case.keep * (case.n_tokens + 32) * width + case.n_tokens * width


def _cdpruner(case: Case) -> int:
    """Relevance, kernel, and K steps of the greedy determinant."""
    relevance = case.n_tokens * _CDPRUNER_JOINT * (case.vision.hidden + 1)
    return relevance + _gram(case) + case.keep * (case.keep - 1) // 2 * case.n_tokens


def _hiprune(case: Case) -> int:
    """Full attention maps of two layers, beyond what a fused tower computes."""
    return 2 * (case.n_tokens + 1) ** 2 * case.vision.hidden


def _bat(case: Case, *, merge: bool = True) -> int:
    """Distances of the rest to each other, then the averages where clusters are merged."""
    rest = case.n_tokens - int(case.keep * case.share)
    return case.cls_row + (rest**2 + rest * merge) * case.vision.hidden


def _fastv(case: Case) -> int:
    """One query row per stage: its projection and its products with all keys."""
    row = case.query_width
    return sum(row * (case.shape.hidden + n + case.text_tokens) for _, n, _ in case.stages)


def _pyramiddrop(case: Case) -> int:
    """As FastV, and keys of the next layer for the whole sequence."""
    keys = case.shape.hidden * case.shape.kv_heads * case.shape.head_dim
    return _fastv(case) + sum((n + case.text_tokens) * keys for _, n, _ in case.stages)


def _sparsevlm_rows(case: Case) -> int:
    raters = max(1, round(case.text_tokens * _RATER_SHARE))
    find = case.n_tokens * case.text_tokens * case.shape.hidden
    return find + raters * _fastv(case)


def _sparsevlm(case: Case) -> int:
    """Raters, their rows, and clustering the best 30 % of the dropped."""
    total = _sparsevlm_rows(case)
    for _, entering, leaving in case.stages:
        members = int(max(0, entering - leaving) * 0.3) + 1
        total += (members**2 + members) * case.shape.hidden
    return total


def _sparsevlm_v2(case: Case) -> int:
    """Raters, their rows, and the rotary bias of each row."""
    raters = max(1, round(case.text_tokens * _RATER_SHARE))
    bias = sum(raters * (n + case.text_tokens) * case.shape.head_dim for _, n, _ in case.stages)
    return _sparsevlm_rows(case) + bias


def _dart(case: Case) -> int:
    """Eight pivots against all image tokens."""
    return sum(8 * n * case.shape.hidden for _, n, _ in case.stages)


COSTS: dict[str, Callable[[Case], Any]] = {
    "full": _nothing,
    "random": _nothing,
    "fastervlm": _cls_attention,
    "quartile": _cls_attention,
    "vispruner": _vispruner,
    "divprune": _gram,
    "fps": _gram,
    "visionzip": _visionzip,
    "prumerge": _prumerge,
    "prumerge_plus": _prumerge,
    "prumerge_plus_fixed": _prumerge,
    "cdpruner": _cdpruner,
    "hiprune": _hiprune,
    "bat": _bat,
    "mixture": _gram_and_attention,
    "agilepruner": _gram_and_erank,
    "fastv": _fastv,
    "pyramiddrop": _pyramiddrop,
    "sparsevlm": _sparsevlm,
    "sparsevlm_v2": _sparsevlm_v2,
    "dart": _dart,
}

# Methods whose work already includes all cosines of the projected tokens.
_WITH_GRAM = (_gram, _gram_and_attention, _gram_and_erank, _cdpruner)
