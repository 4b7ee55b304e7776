"""Every score and measure of a group of images as a ratio of sums over images, or a sum of such.

CHAIR_i, CHAIR_s, recall, F1, a mean: each is "sum of a over images / sum of b over images". MME's
total is the sum of one mean a subtask, POPE's F1 the mean of one F1 a split. So one piece of code
estimates, compares and splits them all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.datasets.mme import COGNITION, PERCEPTION
from analysis.datasets.pope import SPLITS
from analysis.errors import UsageError
from analysis.stats.estimate import estimates, row
from chair_eval.bootstrap import Array, Bootstrap, Statistic, bootstrap


@dataclass(frozen=True)
class Ratio:
    """A measure of a group of images.

    Parameters
    ----------
    numerator, denominator
        Columns of the frame of units (one row per image × variant); an empty denominator
        means the plain mean over the units that have a value.
    scale
        Factor of the printed number: 100 for percentages.
    label
        Axis label with unit.
    better
        1 when more is better, -1 when less is better, 0 when neither.
    more
        Further pairs of columns; the measure is the sum of all the ratios.
    """

    numerator: str
    denominator: str = ""
    scale: float = 1.0
    label: str = ""
    better: int = 0
    more: tuple[tuple[str, str], ...] = ()

    @property
    def terms(self) -> tuple[tuple[str, str], ...]:
        """Pairs of numerator and denominator whose ratios are added."""
        return ((self.numerator, self.denominator), *self.more)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns it reads."""
        return tuple(name for term in self.terms for name in term if name)


def _mme(subtasks: Sequence[str], label: str) -> Ratio:
    """Return the sum of the scores of MME subtasks (column ``mme:SUBTASK``: points an image)."""
    first, *rest = (f"mme:{name}" for name in subtasks)
    return Ratio(first, "", 1, label, 1, tuple((name, "") for name in rest))


def _mean_f1(splits: Sequence[str]) -> Ratio:
    """Return the unweighted mean of F1 over POPE's splits."""
    first, *rest = ((f"f1_numerator:{name}", f"f1_denominator:{name}") for name in splits)
    return Ratio(*first, 100 / len(splits), "POPE F$_1$, mean of splits (%)", 1, tuple(rest))


RATIOS: dict[str, Ratio] = {
    "CHAIR_i": Ratio("n_hallucinated", "n_mentions", 100, "CHAIR$_i$ (%)", -1),
    "CHAIR_s": Ratio("any_hallucinated", "", 100, "CHAIR$_s$ (%)", -1),
    "recall": Ratio("n_recalled", "n_gt", 100, "object recall (%)", 1),
    "length": Ratio("length", "", 1, "caption length (words)"),
    "accuracy": Ratio("n_correct", "n_answered", 100, "yes/no accuracy (%)", 1),
    "F1": Ratio("f1_numerator", "f1_denominator", 100, "yes/no F$_1$ (%)", 1),
    "ScienceQA": Ratio("n_choices_correct", "n_choices", 100, "ScienceQA accuracy (%)", 1),
    "POPE": _mean_f1(SPLITS),
    "accuracy_plus": Ratio("n_pairs_correct", "n_pairs", 100, "MME accuracy+ (%)", 1),
    "MME": _mme((*PERCEPTION, *COGNITION), "MME score (of 2800)"),
    "MME_perception": _mme(PERCEPTION, "MME perception (of 2000)"),
    "MME_cognition": _mme(COGNITION, "MME cognition (of 800)"),
    **{
        f"MME_{name}": _mme([name], f"MME {name.replace('_', ' ')} (of 200)")
        for name in (*PERCEPTION, *COGNITION)
    },
    "erank": Ratio("erank", "", 1, "effective rank of kept tokens"),
    "erank_plain": Ratio("erank_plain", "", 1, "effective rank of kept tokens (not centred)"),
    "attention_mass": Ratio("attention_mass", "", 100, "[CLS] attention kept (%)"),
    "attention_mean": Ratio("attention_mean", "", 1, "mean [CLS] attention of a kept token"),
    "pairwise_distance": Ratio("pairwise_distance", "", 1, "mean cosine distance of kept tokens"),
    "coverage": Ratio("coverage", "", 1, "spatial coverage (0 to 1)"),
    "n_out": Ratio("n_out", "", 1, "tokens given to the language model"),
}


def present(columns: Iterable[object], measures: Sequence[str]) -> list[str]:
    """Return those measures all of whose columns are there, in the order given."""
    known = set(columns)
    return [name for name in measures if known.issuperset(RATIOS[name].columns)]


def ratio(sums: Array) -> Array:
    """Return the sum over terms of first over second sum; (..., 2 terms) → (...).

    NaN where a second sum is 0: a total with an empty part is no total.
    """
    top, bottom = sums[..., 0::2], sums[..., 1::2]
    return np.where(bottom > 0, top / bottom, np.nan).sum(axis=-1)


def difference(sums: Array) -> Array:
    """Return the ratio of the first half of the sums minus that of the second; (..., p) → (...)."""
    half = sums.shape[-1] // 2
    return ratio(sums[..., :half]) - ratio(sums[..., half:])


@dataclass(frozen=True)
class Sums:
    """What each image adds to a measure, per variant.

    Parameters
    ----------
    images
        Image ids, one a row, sorted.
    of
        Variant → (n, 2 terms): numerator and denominator of each term; 0 where there is no value.
    known
        Variant → (n,): whether the image has a value, be it 0 of 0.
    """

    images: pd.Index
    of: dict[str, Array]
    known: dict[str, NDArray[np.bool_]]

    def counted(self, *variants: str) -> int:
        """Return how many images add to a denominator under any of the variants."""
        return int(np.any([self.of[name][:, 1::2] > 0 for name in variants], axis=(0, 2)).sum())

    def paired(self, first: str, second: str) -> "Sums":
        """Return the sums of two variants over the images that have a value under both."""
        both = self.known[first] & self.known[second]
        names = (first, second)
        of = {name: self.of[name] * both[:, None] for name in names}
        return Sums(self.images, of, dict.fromkeys(names, both))


def parts(units: pd.DataFrame, measure: str) -> list[pd.DataFrame]:
    """Return numerator and denominator of each term of a measure per unit, times its scale.

    Parameters
    ----------
    units
        One row per image × variant, with the columns `RATIOS` names.
    measure
        Key of `RATIOS`.

    Returns
    -------
    list of DataFrame
        One a term: columns ``image_id, variant, a, b``; rows without a value are left out.

    Raises
    ------
    UsageError
        If the measure is unknown or its columns are not in the frame.
    """
    if measure not in RATIOS:
        raise UsageError(f"unknown measure {measure!r}; choose one of: {', '.join(RATIOS)}.")
    rule = RATIOS[measure]
    if lacking := [name for name in rule.columns if name not in units.columns]:
        raise UsageError(f"measure {measure!r} needs the columns {', '.join(lacking)}.")
    found = []
    for numerator, denominator in rule.terms:
        top = units[numerator].astype(float)
        bottom = units[denominator].astype(float) if denominator else top.notna() * 1.0
        part = units[["image_id", "variant"]].assign(a=top * rule.scale, b=bottom)
        found.append(part[part["a"].notna() & part["b"].notna()])
    return found


def sums(units: pd.DataFrame, measure: str) -> Sums:
    """Return what each image adds to a measure under each variant; arguments as in `parts`."""
    tables: list[pd.DataFrame] = []
    for part in parts(units, measure):
        cells = part.groupby(["image_id", "variant"], sort=True, observed=True)[["a", "b"]].sum()
        tables += [cells[name].unstack() for name in ("a", "b")]
    if len(tables) > 2:  # terms may know different images and variants
        images = sorted(set().union(*(table.index for table in tables)))
        names = sorted(set().union(*(table.columns for table in tables)))
        tables = [table.reindex(index=images, columns=names) for table in tables]
    of, known = {}, {}
    for name in tables[0].columns:
        stacked = np.column_stack([table[name].to_numpy(dtype=float) for table in tables])
        known[str(name)] = np.isfinite(stacked[:, 1::2]).any(axis=1)
        of[str(name)] = np.nan_to_num(stacked)
    return Sums(pd.Index(tables[0].index), of, known)


def summarise(
    units: pd.DataFrame, measures: Sequence[str], boot: Bootstrap | None = None
) -> pd.DataFrame:
    """Estimate each measure for each variant.

    Parameters
    ----------
    units
        One row per image × variant.
    measures
        Keys of `analysis.stats.ratios.RATIOS`.
    boot
        Resampling; the default when ``None``.

    Returns
    -------
    DataFrame
        Estimates; ``group`` is the variant. Variants without a value have no row.
    """
    boot = boot or Bootstrap()
    rows = []
    for measure in measures:
        known = sums(units, measure)
        found = [Statistic(each, ratio, known.counted(name)) for name, each in known.of.items()]
        rows += [
            row(measure, name, each, boot.seed)
            for name, each in zip(known.of, bootstrap(found, boot), strict=True)
        ]
    return estimates(rows)
