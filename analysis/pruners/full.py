"""No pruning: every token is kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.errors import UsageError
from analysis.pruners import Case, Pruner, Selection
from analysis.selection import everything
from analysis.tokens import VisualTokens


@dataclass(frozen=True)
class Full(Pruner):
    """Keep all N tokens; the reference every pruner is compared with."""

    name = "full"
    signal = "none"

    @property
    def sets_count(self) -> bool:
        """Always: the count is N."""
        return True

    def macs(self, case: Case) -> int:
        """Count nothing."""
        del case
        return 0

    def _select_many(self, batch: Sequence[VisualTokens], keep: int) -> list[Selection]:
        if keep:
            raise UsageError(f"keep must be {batch[0].n} for full, which prunes nothing.")
        return [everything(t.n, self.position_policy, t.device) for t in batch]
