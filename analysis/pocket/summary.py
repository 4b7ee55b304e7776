"""Estimates of an evaluation: rates by group, causes of entropy and erank, pruners compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis.stats.correlation import correlate
from chair_eval.bootstrap import Bootstrap, Statistic, bootstrap

Numbers = dict[str, Any]

RATES: dict[str, tuple[str, str]] = {
    "CHAIR_i": ("n_hallucinated", "n_mentions"),
    "CHAIR_s": ("any_hallucinated", ""),
    "recall": ("n_recalled", "n_gt"),
    "yes/no accuracy": ("n_correct", "n_asked"),
    "yes share": ("n_yes", "n_asked"),
    "accuracy random": ("correct_random", "asked_random"),
    "accuracy popular": ("correct_popular", "asked_popular"),
    "accuracy adversarial": ("correct_adversarial", "asked_adversarial"),
}
"""Name of a rate to its columns; an empty denominator is the number of scenes."""

CAUSES: tuple[str, ...] = ("n_objects", "object_size", "texture")
"""The numeric causes of a scene."""


def _ratio(sums: np.ndarray) -> np.ndarray:
    return np.asarray(100 * sums[..., 0] / sums[..., 1])


def _difference(sums: np.ndarray) -> np.ndarray:
    return _ratio(sums[..., 2:]) - _ratio(sums[..., :2])


def _mean(sums: np.ndarray) -> np.ndarray:
    return np.asarray(sums[..., 0] / sums[..., 1])


def _columns(frame: pd.DataFrame, rate: str) -> np.ndarray:
    top, bottom = RATES[rate]
    below = frame[bottom].to_numpy(float) if bottom else np.ones(len(frame))
    return np.stack([frame[top].to_numpy(float), below], 1)


def _estimates(statistics: list[Statistic], boot: Bootstrap) -> list[list[float]]:
    found = bootstrap(statistics, boot)
    return [[round(float(v), 3) for v in (i.estimate, i.low, i.high)] for i in found]


def rates(frame: pd.DataFrame, boot: Bootstrap) -> Numbers:
    """Return every rate in per cent as [estimate, low, high] for one variant's rows."""
    statistics = [Statistic(_columns(frame, rate), _ratio) for rate in RATES]
    return dict(zip(RATES, _estimates(statistics, boot), strict=True)) | {"n": len(frame)}


def differences(frame: pd.DataFrame, low: str, high: str, boot: Bootstrap) -> Numbers:
    """Return variant `high` minus variant `low`, paired over scenes, in points."""
    first = frame[frame.variant == low].sort_values("seed")
    second = frame[frame.variant == high].sort_values("seed")
    statistics = [
        Statistic(np.concatenate([_columns(first, rate), _columns(second, rate)], 1), _difference)
        for rate in RATES
    ]
    return dict(zip(RATES, _estimates(statistics, boot), strict=True)) | {"n": len(first)}


def causes(frame: pd.DataFrame, boot: Bootstrap) -> Numbers:
    """Return how entropy and erank go with each cause of a scene.

    Parameters
    ----------
    frame
        One row per scene.
    boot
        Resampling.

    Returns
    -------
    dict
        Spearman correlations with number, size and texture, and means per theme and complexity,
        each as [estimate, low, high].
    """
    found: Numbers = {}
    for measure in ("entropy", "erank"):
        rows: Numbers = {}
        for cause in CAUSES:
            table = correlate(frame, cause, measure, kind="spearman", unit="seed", boot=boot)
            rows[cause] = [round(float(table[c].iloc[0]), 3) for c in ("estimate", "low", "high")]
        for group in ("theme", "complexity"):
            for value, part in frame.groupby(group):
                sums = np.stack([part[measure].to_numpy(float), np.ones(len(part))], 1)
                rows[f"{group} {value}"] = _estimates([Statistic(sums, _mean)], boot)[0]
        found[measure] = rows
    table = correlate(frame, "entropy", "erank", kind="spearman", unit="seed", boot=boot)
    columns = ("estimate", "low", "high")
    found["entropy with erank"] = [round(float(table[c].iloc[0]), 3) for c in columns]
    for name in ("object_mass", "object_share"):
        sums = np.stack([frame[name].to_numpy(float), np.ones(len(frame))], 1)
        found[name] = _estimates([Statistic(sums, _mean)], boot)[0]
    return found


def summarise(frame: pd.DataFrame, boot: Bootstrap | None = None) -> Numbers:
    """Return all estimates of `evaluate.observe`'s rows, with 95 % intervals over scenes."""
    boot = boot or Bootstrap()
    variants = list(frame.variant.unique())
    result: Numbers = {"variants": {}, "differences": {}}
    for variant in variants:
        rows = frame[frame.variant == variant]
        groups = {"all": rows} | {str(k): part for k, part in rows.groupby("complexity")}
        result["variants"][variant] = {name: rates(part, boot) for name, part in groups.items()}
        result["variants"][variant]["truncated"] = int(rows.truncated.sum())
    pairs = [("full", name) for name in variants if name != "full" and "full" in variants]
    if {"fastervlm@36", "divprune@36"} <= set(variants):
        pairs.append(("fastervlm@36", "divprune@36"))
    for low, high in pairs:
        result["differences"][f"{high} minus {low}"] = differences(frame, low, high, boot)
    result["causes"] = causes(frame[frame.variant == variants[0]], boot)
    return result
