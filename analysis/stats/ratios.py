"""Every score and measure of a group of images as a ratio of sums over images, or a sum of such.

CHAIR_i, CHAIR_s, recall, F1, a mean: each is "sum of a over images / sum of b over images". MME's
total is the sum of one mean a subtask, POPE's F1 the mean of one F1 a split. So one piece of code
estimates, compares and splits them all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.benchmarks import COGNITION, PERCEPTION, SPLITS
from analysis.errors import UsageError
from analysis.stats.estimate import estimated, estimates
from chair_eval.bootstrap import Array, Bootstrap, Statistic


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
    "invented": Ratio("n_hallucinated", "", 1, "invented objects a caption", -1),
    "right": Ratio("n_right", "", 1, "right mentions a caption", 1),
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

    def value(self, variant: str) -> Statistic:
        """Return the measure of a variant over the images that add to a denominator."""
        sums = self.of[variant]
        return Statistic(sums, ratio, int((sums[:, 1::2] > 0).any(axis=1).sum()))

    def gap(self, first: str, second: str, among: NDArray[np.bool_] | None = None) -> Statistic:
        """Return first minus second over the images that have a value under both.

        ``among`` (n,) limits it to some of the images.
        """
        both = self.known[first] & self.known[second]
        both = both if among is None else both & among
        sums = np.hstack([self.of[first], self.of[second]]) * both[:, None]
        return Statistic(sums, difference, int((sums[:, 1::2] > 0).any(axis=1).sum()))


def rules(
    measures: Sequence[str] | Mapping[str, Ratio], columns: Iterable[object]
) -> dict[str, Ratio]:
    """Return the rule of each measure, checked against the columns there are.

    Parameters
    ----------
    measures
        Keys of `RATIOS`, or rules of one's own under their names.
    columns
        Columns of the frame they will read.

    Raises
    ------
    UsageError
        If a measure is unknown or its columns are not in the frame.
    """
    found, known = {}, set(columns)
    for name in measures:
        if isinstance(measures, Mapping):
            found[name] = measures[name]
        elif name in RATIOS:
            found[name] = RATIOS[name]
        else:
            raise UsageError(f"unknown measure {name!r}; choose one of: {', '.join(RATIOS)}.")
        if lacking := [column for column in found[name].columns if column not in known]:
            raise UsageError(f"measure {name!r} needs the columns {', '.join(lacking)}.")
    return found


def sums(units: pd.DataFrame, rule: Ratio, by: str = "variant") -> Sums:
    """Return what each image adds to a measure under each variant.

    Parameters
    ----------
    units
        One row per image × variant, with the columns of the rule; rows without a value count
        nothing.
    rule
        The measure; its sums are multiplied by its scale.
    by
        Column that takes the place of the variant.
    """
    codes = [_coded(units[name]) for name in ("image_id", by)]
    (rows, images), (columns, names) = codes
    cells, shape = rows * len(names) + columns, (len(images), len(names))
    tables, counted = [], []
    for numerator, denominator in rule.terms:
        top = units[numerator].to_numpy(dtype=float, na_value=np.nan) * rule.scale
        seen = np.isfinite(top)
        bottom = units[denominator].to_numpy(float, na_value=np.nan) if denominator else seen * 1.0
        seen &= np.isfinite(bottom)
        at, size = cells[seen], len(images) * len(names)
        counted.append(np.bincount(at, minlength=size).reshape(shape) > 0)
        tables += [
            np.bincount(at, weights=part[seen], minlength=size).reshape(shape)
            for part in (top, bottom)
        ]
    known = np.any(counted, axis=0)
    kept = known.any(axis=1)
    stacked = np.stack(tables, axis=2)[kept]
    held = {str(n): j for j, n in enumerate(names) if known[:, j].any()}
    return Sums(
        pd.Index(images[kept]),
        {name: np.ascontiguousarray(stacked[:, j]) for name, j in held.items()},
        {name: known[kept, j] for name, j in held.items()},
    )


def _coded(keys: pd.Series) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """Return each row's place among the sorted values, and those values."""
    found = keys.astype("category").cat.remove_unused_categories()
    order = found.cat.categories.argsort()
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return place[found.cat.codes.to_numpy()], found.cat.categories.to_numpy()[order]


def summarise(
    units: pd.DataFrame,
    measures: Sequence[str] | Mapping[str, Ratio],
    boot: Bootstrap | None = None,
    *,
    by: str = "variant",
) -> pd.DataFrame:
    """Estimate each measure for each variant.

    Parameters
    ----------
    units
        One row per image × variant.
    measures
        Keys of `analysis.stats.ratios.RATIOS`, or rules of one's own under their names.
    boot
        Resampling; the default when ``None``.
    by
        Column that takes the place of the variant.

    Returns
    -------
    DataFrame
        Estimates; ``group`` is the variant. Variants without a value have no row.
    """
    rows = []
    for measure, rule in rules(measures, units.columns).items():
        known = sums(units, rule, by)
        rows += estimated(measure, {name: known.value(name) for name in known.of}, boot)
    return estimates(rows)


def plain(columns: Sequence[str]) -> dict[str, Ratio]:
    """Return the rules of plain means of columns, unscaled."""
    return {name: Ratio(name) for name in columns}
