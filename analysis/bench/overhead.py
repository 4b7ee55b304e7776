"""What entropy, erank and the selection cost by themselves (the paper's Table 10)."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from analysis.bench.clock import Work
from analysis.bench.pipeline import fresh
from analysis.bench.published import erank_svd
from analysis.bench.settings import Overhead
from analysis.bench.synthetic import synthetic_tokens
from analysis.measures.entropy import attention_entropy
from analysis.measures.gram import eranks
from analysis.pruners import make_pruner
from analysis.tokens import VisualTokens

if TYPE_CHECKING:
    import pandas as pd

# Batch size → milliseconds of the paper's erank overhead on an RTX 4090 (Table 10).
PUBLISHED = {1: 3.65, 3: 10.21, 5: 16.84, 10: 33.40}


def usual_erank(batch: Sequence[VisualTokens]) -> Tensor:
    """Effective rank as it is usually computed: singular values, image by image."""
    return torch.stack([erank_svd(tokens.features.float()) for tokens in batch])


def _entropies(batch: Sequence[VisualTokens]) -> Tensor:
    rows = [tokens.cls_attention for tokens in batch if tokens.cls_attention is not None]
    return attention_entropy(torch.stack(rows))


def run(settings: Overhead) -> Iterator["pd.DataFrame"]:
    """Time every part at every batch size.

    Yields
    ------
    DataFrame
        One row per part × batch so far: ``part`` (entropy, erank, selection, all of it, and
        erank by singular values as usually done), ``ms`` for the batch with quartiles,
        ``ms_per_image``, ``paper_ms`` (another device). Nothing is cached between
        repetitions; ``selection`` computes its own erank, ``all`` shares one Gram matrix.
    """
    import pandas as pd

    clock, chosen = settings.clock, settings.architecture
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
        drawn = [
            synthetic_tokens(chosen, clock.device, settings.torch_dtype, i) for i in range(size)
        ]
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
        facts = {"pruner": settings.pruner, "n_tokens": chosen.patches}
        yield pd.DataFrame(rows).assign(**settings.facts(**facts))
