"""The specifications of `analysis.stats.specification`: what is correlated, on which cells."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.stats.estimate import row
from analysis.stats.studentised import around
from chair_eval.bootstrap import Array, Bootstrap, Interval

# Choice → columns that it takes; a control of an image (objects, complexity) is held constant by
# looking inside images, so it enters as what it does to the slope.
OUTCOMES = {
    "share of mentions": "hallucinated",
    "invented objects": "n_hallucinated",
    "any invented": "any_hallucinated",
}
MEASURES = {
    "erank, centred": "erank",
    "erank, plain": "erank_plain",
    "pairwise distance": "pairwise_distance",
}
NO_CONTROL = "none"
SLOPES = {
    "slope by objects": "n_objects",
    "slope by image erank": "image_erank",
    "slope by image entropy": "image_entropy",
}
CONTROLS = {NO_CONTROL: "", **SLOPES, "kept attention": "attention_mass"}
CHOICES = ("outcome", "diversity", "control", "methods", "keep")
_FEWEST_METHODS = 3
_NOTHING = 1e-9
_EVERYWHERE = {*MEASURES.values(), *filter(None, CONTROLS.values())}


@dataclass(frozen=True)
class Budget:
    """The cells of one budget.

    Parameters
    ----------
    values
        Column of the units → (images, methods); NaN where a cell lacks it.
    methods
        Variants, in the order of the columns.
    images
        Place of each row's image among all images of the study.
    """

    values: Mapping[str, Array]
    methods: tuple[str, ...]
    images: NDArray[np.int64]


def budget_of(units: pd.DataFrame, sets: Mapping[str, Sequence[str]]) -> Budget:
    """Lay out the columns of one budget's variants as images × methods."""
    names = list(dict.fromkeys(name for group in sets.values() for name in group))
    wanted = [*OUTCOMES.values(), *MEASURES.values(), *filter(None, CONTROLS.values())]
    columns = [name for name in wanted if name in units]
    part = units[units["variant"].isin(names)]
    part = part.assign(variant=part["variant"].astype(str), image_id=part["image_id"].astype(str))
    wide = part.pivot(index="image_id", columns="variant", values=columns)
    values = {
        name: wide.reindex(columns=[(name, each) for each in names]).to_numpy(float)
        for name in columns
    }
    # A measure that a whole method lacks (a merged token has no attention) is no choice here.
    values = {name: v for name, v in values.items() if np.isfinite(v).any(axis=0).all()}
    ids = np.searchsorted(np.unique(units["image_id"].astype(str)), wide.index.to_numpy(str))
    return Budget(values, tuple(names), ids)


@dataclass(frozen=True)
class Plan:
    """Specifications that share budget, methods and outcome: unit vectors to multiply with.

    Parameters
    ----------
    labels
        The choices of each of the s specifications.
    outcome
        Shape (images, methods).
    columns, images
        Which columns and rows of its `Budget` these are.
    along, given
        Shape (images * methods, s): the measure given the control, and the control, centred inside
        images and of length 1 (0 without a control).
    """

    labels: list[dict[str, object]]
    outcome: Array
    columns: NDArray[np.int64]
    images: NDArray[np.int64]
    along: Array
    given: Array

    def correlations(self, outcome: Array) -> Array:
        """Return r of every specification, (s, b), for outcomes (images, methods, b)."""
        y = outcome - outcome.mean(axis=1, keepdims=True)
        y = y.reshape(len(self.along), -1)
        left = (y**2).sum(axis=0) - (self.given.T @ y) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            found = (self.along.T @ y) / np.sqrt(np.where(left > _NOTHING, left, np.nan))
        return np.asarray(np.clip(found, -1, 1))

    def estimates(self, boot: Bootstrap) -> Iterator[dict[str, object]]:
        """Yield a row a specification; those whose outcome does not vary are left out."""
        n, m = self.outcome.shape
        found = self.correlations(self.outcome[:, :, None])[:, 0]
        y = (self.outcome - self.outcome.mean(axis=1, keepdims=True)).ravel()
        for place, labels in enumerate(self.labels):
            if np.isfinite(r := float(found[place])):
                rest = y - self.given[:, place] * (self.given[:, place] @ y)
                interval = _clustered(r, self.along[:, place], rest, n, m, boot.level)
                yield row(
                    "r inside images", " · ".join(str(labels[name]) for name in CHOICES),
                    interval, boot.seed, **labels, p=interval.p, n_methods=m,
                )  # fmt: skip


def _clustered(r: float, x: Array, y: Array, n: int, m: int, level: float) -> Interval:
    """Return the interval of r whose error is clustered over images and over methods.

    The influence of a cell on r is xy - r (x² + y²) / 2 with x and y of length 1 (first order of
    the correlation); both sums of squares are added, which errs on the wide side.
    """
    y = y / np.linalg.norm(y)
    cells = (x * y - r * (x**2 + y**2) / 2).reshape(n, m)
    over_images = (cells.sum(axis=1) ** 2).sum() * n / (n - 1)
    over_methods = (cells.sum(axis=0) ** 2).sum() * m / (m - 1)
    error = float(np.sqrt(over_images + over_methods)) / (1 - r**2) if abs(r) < 1 else 0.0
    if error <= _NOTHING:
        return Interval(r, np.nan, np.nan, np.nan, np.nan, n, "none: undefined")
    what = f"error clustered over images and {m} methods, t"
    return around(r, error, n, level, m - 1, what)


def plans_of(keep: int, budget: Budget, sets: Mapping[str, Sequence[str]]) -> Iterator[Plan]:
    """Yield the plans of one budget."""
    place = {name: column for column, name in enumerate(budget.methods)}
    for methods, names in sets.items():
        chosen = np.array([place[name] for name in names], dtype=np.int64)
        if len(chosen) < _FEWEST_METHODS:
            continue
        for outcome, column in OUTCOMES.items():
            if column in budget.values:
                labels = {"outcome": outcome, "methods": methods, "keep": keep}
                plan = _plan(budget, chosen, column, labels)
                if plan is not None:
                    yield plan


def _plan(
    budget: Budget, chosen: NDArray[np.int64], outcome: str, labels: Mapping[str, object]
) -> Plan | None:
    """Return the plan over the images that have every value; ``None`` where nothing varies."""
    needed = [budget.values[name][:, chosen] for name in budget.values if name in _EVERYWHERE]
    cells = np.isfinite(np.hstack([budget.values[outcome], *needed]))
    whole: NDArray[np.bool_] = np.all(cells, axis=1)
    if whole.sum() < 4:
        return None
    known, along, given = [], [], []
    for diversity, column in MEASURES.items():
        for control, other in CONTROLS.items():
            pair = _vectors(budget, chosen, whole, column, control, other)
            if pair is not None:
                known.append({**labels, "diversity": diversity, "control": control})
                along.append(pair[0])
                given.append(pair[1])
    if not known:
        return None
    values = budget.values[outcome][whole][:, chosen]
    images = np.flatnonzero(whole)
    return Plan(known, values, chosen, images, np.column_stack(along), np.column_stack(given))


def _vectors(
    budget: Budget, chosen: NDArray[np.int64], whole: NDArray[np.bool_], column: str,
    control: str, other: str,
) -> tuple[Array, Array] | None:  # fmt: skip
    """Return measure given control, and control, as unit vectors; ``None`` if either is gone."""
    if column not in budget.values or (other and other not in budget.values):
        return None
    x = _inside(budget.values[column][whole][:, chosen])
    if x is None or not other:
        return None if x is None else (x.ravel(), np.zeros(x.size))
    level = budget.values[other][whole][:, chosen]
    held = _inside(x * _scaled(level) if control in SLOPES else level)
    if held is None:
        return None
    rest = x - held * float((x * held).sum())
    size = float(np.linalg.norm(rest))
    return (rest.ravel() / size, held.ravel()) if size > 1e-6 else None


def _inside(values: Array) -> Array | None:
    """Return deviations from each image's mean, of length 1; ``None`` where nothing varies."""
    away = values - values.mean(axis=1, keepdims=True)
    size = float(np.linalg.norm(away))
    return away / size if size > 1e-9 * max(1.0, float(np.abs(values).max())) else None


def _scaled(values: Array) -> Array:
    spread = values.std()
    return np.asarray((values - values.mean()) / spread if spread > 0 else np.zeros_like(values))
