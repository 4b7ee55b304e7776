"""What entropy, erank and the selection cost by themselves (the paper's Table 10)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from analysis.bench.clock import Clock, Work, check_least
from analysis.bench.pipeline import fresh
from analysis.bench.presets import preset
from analysis.bench.published import erank_svd
from analysis.bench.synthetic import synthetic_tokens
from analysis.errors import UsageError
from analysis.measures.entropy import attention_entropy
from analysis.measures.gram import eranks
from analysis.models.devices import device_name
from analysis.pruners import make_pruner
from analysis.tokens import VisualTokens

if TYPE_CHECKING:
    import pandas as pd

# Batch size → milliseconds of the paper's erank overhead on an RTX 4090 (Table 10).
PUBLISHED = {1: 3.65, 3: 10.21, 5: 16.84, 10: 33.40}


@dataclass(frozen=True)
class OverheadSettings:
    """What is timed.

    Parameters
    ----------
    preset
        Architecture whose number and width of tokens are taken; no model is built.
    keep
        Tokens to keep; 0 takes a ninth of them (64 of 576).
    batches
        Images at a time.
    pruner
        Selection that is timed, erank included.
    clock
        Where, and how often.
    dtype
        In what type the tokens are.
    """

    preset: str = "llava-1.5-7b"
    keep: int = 0
    batches: tuple[int, ...] = tuple(PUBLISHED)
    pruner: str = "agilepruner"
    clock: Clock = field(default_factory=lambda: Clock(torch.device("cpu")))
    dtype: torch.dtype = torch.float32

    def __post_init__(self) -> None:
        """Check ranges.

        Raises
        ------
        UsageError
            Naming field, value and range.
        """
        check_least(self, batches=1)
        if not self.batches:
            raise UsageError("batches is empty; give at least one batch size.")
        if not 0 <= self.keep <= self.n_tokens:
            raise UsageError(f"keep is {self.keep}; it must be 1 to {self.n_tokens}.")
        make_pruner(self.pruner)

    @property
    def n_tokens(self) -> int:
        """Tokens of one crop."""
        return preset(self.preset).patches

    @property
    def kept(self) -> int:
        """Tokens that are kept, a ninth of them unless given."""
        return self.keep or max(1, self.n_tokens // 9)


def usual_erank(batch: Sequence[VisualTokens]) -> Tensor:
    """Effective rank as it is usually computed: singular values, image by image."""
    return torch.stack([erank_svd(tokens.features.float()) for tokens in batch])


def _entropies(batch: Sequence[VisualTokens]) -> Tensor:
    rows = [tokens.cls_attention for tokens in batch if tokens.cls_attention is not None]
    return attention_entropy(torch.stack(rows))


def overhead(settings: OverheadSettings) -> "pd.DataFrame":
    """Time every part at every batch size.

    Returns
    -------
    DataFrame
        One row per part × batch: ``part`` (entropy, erank, selection, all of it, and
        erank by singular values as usually done), ``ms`` for the batch with quartiles,
        ``ms_per_image``, ``paper_ms`` (another device). Nothing is cached between
        repetitions; ``selection`` computes its own erank, ``all`` shares one Gram matrix.
    """
    import pandas as pd

    clock, chosen = settings.clock, preset(settings.preset)
    select = partial(make_pruner(settings.pruner).select_batch, keep=settings.kept)
    parts: dict[str, Work] = {
        "entropy": _entropies,
        "erank": eranks,
        "selection": select,
        "all": lambda batch: (_entropies(batch), eranks(batch), select(batch)),
        "erank, singular values": usual_erank,
    }
    rows = []
    for size in settings.batches:
        drawn = [synthetic_tokens(chosen, clock.device, settings.dtype, i) for i in range(size)]
        for part, work in parts.items():
            taken = clock.time(work, setup=partial(fresh, drawn))
            rows.append(
                {
                    "part": part,
                    "batch": size,
                    "keep": settings.kept,
                    **taken.columns("ms"),
                    "ms_per_image": taken.median / size,
                    "paper_ms": PUBLISHED.get(size, float("nan")),
                }
            )
    return pd.DataFrame(rows).assign(
        preset=settings.preset,
        pruner=settings.pruner,
        n_tokens=settings.n_tokens,
        device=device_name(clock.device),
        dtype=str(settings.dtype).removeprefix("torch."),
        torch=torch.__version__,
        warmups=clock.warmups,
        repeats=clock.repeats,
    )
