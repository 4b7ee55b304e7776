"""What entropy, erank and the selection cost by themselves (the paper's Table 10)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from analysis.bench.clock import Clock, Duration
from analysis.bench.pipeline import fresh
from analysis.bench.presets import preset
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
# Rank of the synthetic features; a photograph's erank is about 90 (the release's average).
_RANK = 160


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
    device, dtype
        Where and in what type the tokens are.
    warmups, repeats
        See `Clock`.
    """

    preset: str = "llava-1.5-7b"
    keep: int = 0
    batches: tuple[int, ...] = tuple(PUBLISHED)
    pruner: str = "agilepruner"
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    warmups: int = 20
    repeats: int = 20

    def __post_init__(self) -> None:
        """Check ranges.

        Raises
        ------
        UsageError
            Naming field, value and range.
        """
        if not self.batches or min(self.batches) < 1:
            raise UsageError(f"batches is {self.batches}; all must be at least 1.")
        if not 0 <= self.keep <= self.n_tokens:
            raise UsageError(f"keep is {self.keep}; it must be 1 to {self.n_tokens}.")
        make_pruner(self.pruner)

    @property
    def n_tokens(self) -> int:
        """Tokens of one crop."""
        vision = preset(self.preset).vision
        return int((vision["image_size"] // vision["patch_size"]) ** 2)


def synthetic(settings: OverheadSettings, batch: int) -> list[VisualTokens]:
    """Draw tokens of the preset's sizes; features of limited rank, as photographs have."""
    chosen = preset(settings.preset)
    n, width = settings.n_tokens, chosen.text["hidden_size"]
    encoder = chosen.vision["hidden_size"]
    source = torch.Generator(settings.device).manual_seed(0)

    def noise(*shape: int) -> Tensor:
        drawn = torch.randn(*shape, generator=source, device=settings.device)
        return drawn.to(settings.dtype)

    rank = min(_RANK, n // 2)
    return [
        VisualTokens(
            features=noise(n, rank) @ noise(rank, width) + noise(n, width),
            encoder_features=noise(n, encoder),
            cls_attention=torch.softmax(2 * noise(n).float(), 0) * 0.9,
            cls_feature=noise(encoder),
        )
        for _ in range(batch)
    ]


def usual_erank(batch: Sequence[VisualTokens]) -> Tensor:
    """Effective rank as it is usually computed: singular values, image by image."""
    found = []
    for tokens in batch:
        centred = tokens.features.float() - tokens.features.float().mean(0)
        shares = torch.linalg.svdvals(centred)
        shares = shares / shares.sum()
        found.append(torch.exp(torch.special.entr(shares).sum()))
    return torch.stack(found)


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

    clock = Clock(settings.device, settings.warmups, settings.repeats)
    rows = []
    for batch in settings.batches:
        tokens = synthetic(settings, batch)
        for part, work in _parts(settings).items():
            taken = clock.time(work, setup=partial(fresh, tokens))
            rows.append(_row(settings, part, batch, taken))
    about: dict[str, Any] = {
        "preset": settings.preset,
        "pruner": settings.pruner,
        "n_tokens": settings.n_tokens,
        "device": device_name(settings.device),
        "dtype": str(settings.dtype).removeprefix("torch."),
        "torch": torch.__version__,
        "warmups": settings.warmups,
        "repeats": settings.repeats,
    }
    return pd.DataFrame(rows).assign(**about)


def _parts(settings: OverheadSettings) -> dict[str, Callable[[Sequence[VisualTokens]], Any]]:
    pruner = make_pruner(settings.pruner)
    keep = settings.keep or max(1, settings.n_tokens // 9)

    def all_of_it(batch: Sequence[VisualTokens]) -> Any:
        return _entropies(batch), eranks(batch), pruner.select_batch(batch, keep)

    return {
        "entropy": _entropies,
        "erank": eranks,
        "selection": lambda batch: pruner.select_batch(batch, keep),
        "all": all_of_it,
        "erank, singular values": usual_erank,
    }


def _row(settings: OverheadSettings, part: str, batch: int, taken: Duration) -> dict[str, Any]:
    return {
        "part": part,
        "batch": batch,
        "keep": settings.keep or max(1, settings.n_tokens // 9),
        "ms": taken.median,
        "ms_q1": taken.low,
        "ms_q3": taken.high,
        "ms_per_image": taken.median / batch,
        "paper_ms": PUBLISHED.get(batch, float("nan")),
    }
