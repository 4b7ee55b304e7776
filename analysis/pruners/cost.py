"""What choosing tokens costs by itself, in multiply-accumulates: the sizes it depends on.

Counted (by `Pruner.macs`, beside each method) are the products a method cannot do without
(similarities, attention rows, extra projections, merging); sorting, softmax and comparisons
are not multiplications and are left out.
"""

from dataclasses import dataclass
from typing import Protocol

from analysis.errors import UsageError


class Tower(Protocol):
    """Sizes of a vision tower."""

    @property
    def hidden(self) -> int:
        """Width C."""

    @property
    def heads(self) -> int:
        """Attention heads."""


class Sizes(Protocol):
    """Sizes of a vision-language model."""

    @property
    def name(self) -> str:
        """Shown in messages."""

    @property
    def hidden(self) -> int:
        """Width D of the language model and of projected tokens."""

    @property
    def heads(self) -> int:
        """Query heads."""

    @property
    def kv_heads(self) -> int:
        """Key and value heads."""

    @property
    def head_dim(self) -> int:
        """Width of a head."""

    @property
    def vision(self) -> Tower | None:
        """The tower, if there is one."""


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
    """

    shape: Sizes
    n_tokens: int
    keep: int
    text_tokens: int
    stages: tuple[tuple[int, int, int], ...] = ()

    @property
    def vision(self) -> Tower:
        """The tower; methods before the language model need one."""
        if self.shape.vision is None:
            raise UsageError(f"shape {self.shape.name} has no vision tower to select from.")
        return self.shape.vision

    @property
    def cls_row(self) -> int:
        """One [CLS] query against all keys, all heads: N·C."""
        return self.n_tokens * self.vision.hidden

    @property
    def gram(self) -> int:
        """All cosines of the projected tokens: N²·D (twice a symmetric product)."""
        return self.n_tokens**2 * self.shape.hidden

    @property
    def spectrum(self) -> int:
        """Eigenvalues of the N×N Gram matrix (about 4/3 N³ operations)."""
        return 2 * self.n_tokens**3 // 3

    @property
    def query_rows(self) -> int:
        """One query row per stage: its projection and its products with all keys."""
        width = self.shape.heads * self.shape.head_dim
        return sum(width * (self.shape.hidden + n + self.text_tokens) for _, n, _ in self.stages)
