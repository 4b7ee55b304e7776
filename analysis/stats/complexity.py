"""Simple and complex images: terciles, and whether the families swap places between them."""

from collections.abc import Sequence
from math import ceil

import numpy as np
import pandas as pd

from analysis.errors import UsageError
from analysis.stats.estimate import estimated, estimates, stacked
from analysis.stats.ratios import Ratio, Sums, difference, rules, summarise, sums
from chair_eval.bootstrap import Array, Bootstrap, Statistic

SIMPLE, MEDIUM, COMPLEX = "simple", "medium", "complex"
INTERACTION, CROSSOVER = "interaction", "crossover"


def terciles(values: pd.Series) -> pd.Series:
    """Label each value simple, medium or complex by thirds of the values; NaN stays missing.

    Ties are split by order of appearance, so the thirds are of equal size.
    """
    ranks = values.rank(method="first")
    count = max(int(values.notna().sum()), 1)
    return ranks.map(lambda rank: (SIMPLE, MEDIUM, COMPLEX)[ceil(3 * rank / count) - 1], "ignore")


def splits(images: pd.DataFrame) -> pd.DataFrame:
    """Return every way this run can tell simple from complex images.

    Parameters
    ----------
    images
        One row per image with ``image_id, entropy, erank`` and perhaps ``complexity``.

    Returns
    -------
    DataFrame
        Indexed by ``image_id``; columns ``entropy terciles``, ``erank terciles`` and, where the
        data set brings one, ``data set`` with labels simple, medium, complex.
    """
    found = pd.DataFrame(index=pd.Index(images["image_id"], name="image_id"))
    if images["complexity"].notna().any():
        found["data set"] = images["complexity"].to_numpy()
    for name in ("erank", "entropy"):
        if images[name].notna().any():
            found[f"{name} terciles"] = terciles(images[name]).to_numpy()
    return found


def by_level(
    units: pd.DataFrame,
    labels: pd.Series,
    measures: Sequence[str],
    variants: Sequence[str],
    boot: Bootstrap | None = None,
) -> pd.DataFrame:
    """Estimate measures per variant on simple and on complex images.

    Parameters
    ----------
    units
        One row per image × variant.
    labels
        Level of each image, indexed by ``image_id``.
    measures, variants
        What to estimate, for whom.
    boot
        Resampling; the default when ``None``.

    Returns
    -------
    DataFrame
        Estimates with the extra columns ``variant`` and ``level``.
    """
    frames = []
    chosen = units[units["variant"].isin(list(variants))]
    levels = chosen["image_id"].map(labels)
    for level in (SIMPLE, MEDIUM, COMPLEX):
        part = chosen[levels == level]
        if len(part):
            found = summarise(part, measures, boot)
            frames.append(found.assign(variant=found["group"], level=level))
    return stacked(frames)


def crossover(
    units: pd.DataFrame,
    labels: pd.Series,
    measures: Sequence[str],
    attention: str,
    diversity: str,
    boot: Bootstrap | None = None,
) -> pd.DataFrame:
    """Test whether diversity's advantage over attention depends on complexity.

    Parameters
    ----------
    units
        One row per image × variant.
    labels
        Level of each image, indexed by ``image_id``.
    measures
        Keys of `analysis.stats.ratios.RATIOS`.
    attention, diversity
        The two variants.
    boot
        Resampling; the default when ``None``.

    Returns
    -------
    DataFrame
        Per measure three estimates of "diversity minus attention": on simple images, on complex
        images, and ``interaction`` = complex minus simple (the same images under both methods, so
        paired), each with ``p`` and ``detectable`` (smallest true effect found with power 0.8).

    Raises
    ------
    UsageError
        If a variant is not in the frame.
    """
    rows = []
    for measure, rule in rules(measures, units.columns).items():
        gaps = level_gaps(units, labels, rule, diversity, attention)
        pair = {"attention": attention, "diversity": diversity}
        rows += estimated(measure, gaps, boot, also=("p", "detectable"), **pair)
    return estimates(rows)


def level_gaps(
    units: pd.DataFrame, labels: pd.Series, rule: Ratio, first: str, second: str
) -> dict[str, Statistic]:
    """Return first minus second: ``interaction`` (complex minus simple), ``simple``, ``complex``.

    Arguments and errors as in `crossover`.
    """
    known = sums(units, rule)
    if lacking := [name for name in (second, first) if name not in known.of]:
        raise UsageError(f"no {rule.label or rule.numerator} of {', '.join(lacking)} in this run.")
    return gaps_by_level(known, labels, first, second)


def gaps_by_level(known: Sums, labels: pd.Series, first: str, second: str) -> dict[str, Statistic]:
    """Return the three gaps of `level_gaps` from what each image adds."""
    level = labels.reindex(known.images)
    simple, dense = (
        known.gap(first, second, (level == name).to_numpy()) for name in (SIMPLE, COMPLEX)
    )
    n = (dense.n or 0) + (simple.n or 0)
    both = Statistic(np.hstack([dense.sums, simple.sums]), _interaction, n)
    return {INTERACTION: both, SIMPLE: simple, COMPLEX: dense}


def kind_of(frame: pd.DataFrame, better: int = 1) -> str:
    """Name what the three gaps of one measure and split show.

    Parameters
    ----------
    frame
        Rows with ``group`` simple, complex and interaction, ``low`` and ``high``.
    better
        1 when more of the measure is better, -1 when less is.

    Returns
    -------
    str
        ``"crossover"``: attention is better on simple and diversity on complex images, both
        intervals without 0; ``"reversed crossover"``: the other way round; ``"interaction"``: the
        gap differs, but the two do not swap places; ``"neither"``.
    """
    sides = {
        str(row["group"]): better * (int(row["low"] > 0) - int(row["high"] < 0))
        for row in frame.to_dict("records")
    }
    ends = (sides.get(SIMPLE, 0), sides.get(COMPLEX, 0))
    if ends == (-1, 1):
        return CROSSOVER
    if ends == (1, -1):
        return f"reversed {CROSSOVER}"
    return INTERACTION if sides.get(INTERACTION, 0) else "neither"


def _interaction(sums: Array) -> Array:
    """Return the gap of the first half of the sums minus that of the second."""
    half = sums.shape[-1] // 2
    return difference(sums[..., :half]) - difference(sums[..., half:])
