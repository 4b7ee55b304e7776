"""Attention and what a caption says: objects mentioned and missed, tokens kept and inventions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.stats.estimate import estimated, estimates
from analysis.stats.ratios import difference, ratio
from chair_eval.bootstrap import Array, Bootstrap, Statistic

# Kept tokens are ranked by attention and cut into this many parts.
PARTS = 8


def column_means(values: Array) -> list[Statistic]:
    """Return the mean of each column over images; (n, k) → k statistics, none without images."""
    ones = np.ones(len(values))
    columns = values.T if len(values) else ()
    return [Statistic(np.column_stack([column, ones]), ratio) for column in columns]


def object_states(
    objects: pd.DataFrame, scored: pd.DataFrame, variants: Sequence[str], boot: Bootstrap
) -> pd.DataFrame:
    """Estimate the attention density of objects a caption mentions and misses, and the gap.

    Parameters
    ----------
    objects
        One row an image × category, as `analysis.stats.attention.object_attention` returns.
    scored
        Captions with ``image_id, variant`` and ``recalled``, the categories each mentions.
    variants
        Whose captions.
    boot
        Resampling.

    Returns
    -------
    DataFrame
        Estimates whose ``group`` is ``mentioned``, ``missed`` or ``mentioned - missed``, with
        ``variant`` and the number of ``objects``.
    """
    found = []
    for variant in variants:
        said = scored[scored["variant"] == variant].set_index("image_id")["recalled"]
        part = objects[objects["image_id"].isin(said.index)]
        if part.empty:
            continue
        named = {str(image): set(words) for image, words in said.items()}
        pairs = zip(part["image_id"], part["category"], strict=True)
        hit = np.asarray([category in named[str(image)] for image, category in pairs], dtype=bool)
        sums = _state_sums(part, hit)
        statistics = {
            "mentioned": Statistic(sums[:, :2], ratio),
            "missed": Statistic(sums[:, 2:], ratio),
            "mentioned - missed": Statistic(sums, difference),
        }
        rows = estimated("attention density in boxes", statistics, boot, variant=variant)
        counts = (hit.sum(), (~hit).sum(), len(hit))
        found += [{**row, "objects": int(n)} for row, n in zip(rows, counts, strict=True)]
    return estimates(found)


def _state_sums(part: pd.DataFrame, hit: NDArray[np.bool_]) -> Array:
    """Return per image the density and number of objects mentioned, then of those missed."""
    owner, ids = pd.factorize(part["image_id"])
    value = part["density"].to_numpy()
    weights = (value * hit, hit * 1.0, value * ~hit, ~hit * 1.0)
    columns = [np.bincount(owner, weights=each, minlength=len(ids)) for each in weights]
    return np.column_stack(columns).astype(np.float64)


def kept_profile(
    vectors: Mapping[Any, Any],
    kept: Mapping[Any, Any],
    scored: pd.DataFrame,
    variants: Sequence[str],
    boot: Bootstrap,
) -> pd.DataFrame:
    """Estimate the attention of kept tokens by rank, for captions with and without inventions.

    Parameters
    ----------
    vectors
        Image id → its attention over all tokens, (N,).
    kept
        (Image id, variant) → indices kept; merged tokens (-1) are left out.
    scored
        Captions with ``image_id, variant, n_mentions, n_hallucinated``.
    variants
        Whose kept tokens.
    boot
        Resampling.

    Returns
    -------
    DataFrame
        Estimates whose ``group`` is ``invented`` or ``clean``, with ``variant`` and ``part`` (1,
        the strongest, to `PARTS`).
    """
    found = []
    for variant in variants:
        rows = scored[(scored["variant"] == variant) & (scored["n_mentions"] > 0)]
        wrong = rows["n_hallucinated"].to_numpy() > 0
        parts = np.asarray([_ranked(vectors[i], kept[(i, variant)]) for i in rows["image_id"]])
        for name, chosen in (("invented", wrong), ("clean", ~wrong)):
            for place, mean in enumerate(column_means(parts[chosen]), start=1):
                measure = "attention of kept token (1 = uniform)"
                found += estimated(measure, {name: mean}, boot, variant=variant, part=place)
    return estimates(found)


def _ranked(attention: object, indices: object) -> Array:
    """Return mean attention × N of kept tokens in `PARTS` parts, strongest first."""
    vector = np.asarray(attention, dtype=np.float64)
    vector = vector / vector.sum() * len(vector)
    chosen = np.asarray(indices, dtype=np.int64)
    ranked = np.sort(vector[chosen[chosen >= 0]])[::-1]
    return np.asarray(
        [part.mean() if len(part) else np.nan for part in np.array_split(ranked, PARTS)]
    )
