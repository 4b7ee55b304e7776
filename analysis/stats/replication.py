"""Replication of the claims on a second run: the same verdict, and by how much tests differ."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.stats.claims import Judgement, Study, statistics
from analysis.stats.estimate import estimates, records, row
from analysis.stats.margins import declared
from chair_eval.bootstrap import Array, Bootstrap, Interval, Statistic, bootstrap

PAIRED, INDEPENDENT = "paired", "independent"
_KEYS = ["test", "measure", "compared", "split", "level"]


@dataclass(frozen=True)
class Replication:
    """One claim in two runs.

    Parameters
    ----------
    first, second
        Its verdicts, of `analysis.stats.verdicts.VERDICTS`.
    frame
        Decisive tests that both runs estimated: first minus second run with its interval, and the
        columns `replicate` names.
    lacking
        Decisive tests that one of the runs has no estimate of.
    """

    first: str
    second: str
    frame: pd.DataFrame
    lacking: int

    @property
    def same(self) -> bool:
        """Whether both verdicts are the same."""
        return self.first == self.second

    @property
    def apart(self) -> int:
        """How many tests differ: the interval of the difference excludes 0."""
        if self.frame.empty:
            return 0
        return int(((self.frame["low"] > 0) | (self.frame["high"] < 0)).sum())


def images_of(first: Study, second: Study) -> str:
    """Return ``"the same images"``, ``"other images"`` or ``"partly the same images"``, by id."""
    ids = [set(study.units["image_id"].astype(str)) for study in (first, second)]
    if ids[0] == ids[1]:
        return "the same images"
    return "partly the same images" if ids[0] & ids[1] else "other images"


def replicate(
    first: Study, second: Study, judged: tuple[dict[str, Judgement], dict[str, Judgement]]
) -> dict[str, Replication]:
    """Compare what two runs say about every claim.

    Parameters
    ----------
    first, second
        The runs.
    judged
        Their judgements, by claim.

    Returns
    -------
    dict of str to Replication
        By claim. Estimates in ``frame`` are first minus second run; further columns: ``test, split,
        level, compared`` (methods without their budget), ``first_estimate, second_estimate`` and
        ``how``. ``paired``: both runs hold the same images, which are drawn together (BCa).
        ``independent``: other or partly other images, or a correlation over methods too; limits by
        the method of variance estimates recovery (Zou & Donner 2008), which is on the wide side
        where images are shared.
    """
    paired = images_of(first, second) == "the same images"
    found = {}
    for key, declaration in declared()["claims"].items():
        sides = [_decisive(each[key]) for each in judged]
        both = sides[0].merge(sides[1], on=_KEYS, suffixes=("_1", "_2"))
        total = max(map(len, sides))
        known: dict[tuple[str, ...], tuple[Statistic, Statistic]] = {}
        if paired:
            known = _together(declaration["decisive"], first, second)
        rows = list(_rows(both, known, first.boot))
        found[key] = Replication(
            judged[0][key].verdict, judged[1][key].verdict, estimates(rows), total - len(rows)
        )
    return found


def _compared(first: str, second: str, test: str) -> str:
    """Name what is compared without budgets, which may differ between runs."""
    pair = f"{first} - {second}" if first else test
    return re.sub(r"@\d+", "", pair)


def _decisive(judgement: Judgement) -> pd.DataFrame:
    """Return the decisive tests that have an interval, with the column ``compared``."""
    frame = judgement.frame[judgement.frame["decisive"]].dropna(subset=["low", "high"])
    columns = frame[["first", "second", "test"]].itertuples(index=False)
    frame = frame.assign(compared=[_compared(*map(str, each)) for each in columns])
    kept = [*_KEYS, "estimate", "low", "high", "se", "n", "method"]
    return frame[kept].drop_duplicates(_KEYS)


def _together(
    tests: list[dict[str, Any]], first: Study, second: Study
) -> dict[tuple[str, ...], tuple[Statistic, Statistic]]:
    """Return the statistics of both runs over the same rows, by the keys of the test."""
    sides = [dict(_statistics(tests, study)) for study in (first, second)]
    shared = [key for key in sides[0] if key in sides[1]]
    pairs = {key: (sides[0][key], sides[1][key]) for key in shared}
    return {key: each for key, each in pairs.items() if len(each[0].sums) == len(each[1].sums)}


def _statistics(
    tests: list[dict[str, Any]], study: Study
) -> Iterator[tuple[tuple[str, ...], Statistic]]:
    for test in tests:
        for labels, each in statistics(test, study):
            if isinstance(each, Statistic):
                compared = _compared(labels.get("first", ""), labels.get("second", ""), "")
                rest = (labels["measure"], compared, labels.get("split", ""))
                yield (str(test["test"]), *rest, labels.get("level", "")), each


def _rows(
    both: pd.DataFrame, known: dict[tuple[str, ...], tuple[Statistic, Statistic]], boot: Bootstrap
) -> Iterator[dict[str, object]]:
    """Yield first minus second run of every test."""
    for each in records(both):
        key = tuple(str(each[name]) for name in _KEYS)
        pair = known.get(key)
        found = bootstrap([_gap(*pair)], boot)[0] if pair else _recovered(each)
        labels = {name: each[name] for name in ("test", "split", "level", "compared")}
        yield row(
            str(each["measure"]), key[2], found, boot.seed, **labels,
            first_estimate=each["estimate_1"], second_estimate=each["estimate_2"],
            how=PAIRED if pair else INDEPENDENT,
        )  # fmt: skip


def _gap(first: Statistic, second: Statistic) -> Statistic:
    """Return first minus second over images that both have."""
    edge = first.sums.shape[1]

    def function(sums: Array) -> Array:
        return np.asarray(first.function(sums[..., :edge]) - second.function(sums[..., edge:]))

    sizes = [each.n for each in (first, second) if each.n is not None]
    return Statistic(np.hstack([first.sums, second.sums]), function, min(sizes, default=None))


def _recovered(each: dict[str, Any]) -> Interval:
    """Return the interval of the difference of two independent estimates from their limits."""
    first, second = each["estimate_1"], each["estimate_2"]
    down = np.hypot(first - each["low_1"], each["high_2"] - second)
    up = np.hypot(each["high_1"] - first, second - each["low_2"])
    gap, se = first - second, float(np.hypot(each["se_1"], each["se_2"]))
    n = int(min(each["n_1"], each["n_2"]))
    return Interval(gap, gap - down, gap + up, se, np.nan, n, "recovered from both intervals")
