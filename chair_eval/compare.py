"""Several caption files of the same images, and the paired differences between them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from chair_eval.errors import ChairError
from chair_eval.result import Result
from chair_eval.tables import SHORT, about_lines, shown
from chair_eval.tally import COUNTS, METRICS, metric_of


@dataclass(frozen=True)
class Comparison:
    """Results of several files and their differences to the first on the images all share.

    Attributes
    ----------
    results : dict of str to Result
        Each file by itself, in the order given.
    n_images : int
        Images that every file has; only those enter the differences.
    n_left_out : int
        Images that some file lacks.
    differences : list of dict
        ``name, baseline, metric, difference, low, high, n``: metric of the file minus that of
        the first, with the paired bootstrap interval (the same images are drawn for both).
    """

    results: Mapping[str, Result]
    n_images: int
    n_left_out: int
    differences: list[dict[str, Any]]

    @property
    def summary(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {
            "files": {name: result.summary for name, result in self.results.items()},
            "n_images": self.n_images,
            "n_images_left_out": self.n_left_out,
            "differences": self.differences,
        }


def compare(
    results: Mapping[str, Result], *, draws: int = 10_000, seed: int = 0, level: float = 0.95
) -> Comparison:
    """Pair results on image id and bootstrap their differences to the first one.

    Raises
    ------
    ChairError
        Fewer than two results, or no image in common.
    UsageError
        `draws`, `seed` or `level` is not allowed.
    """
    import numpy as np

    from chair_eval.bootstrap import Bootstrap, Statistic, bootstrap

    boot = Bootstrap(draws, level, seed)
    if len(results) < 2:
        raise ChairError("a comparison needs at least two files")
    counts = [result.tally.per_image() for result in results.values()]
    everything = set().union(*(keys for keys, _ in counts))
    shared = set(counts[0][0]).intersection(*(keys for keys, _ in counts[1:]))
    if not shared:
        raise ChairError("these files have no image in common, so they cannot be paired")
    order = [key for key in counts[0][0] if key in shared]
    tables = []
    for keys, table in counts:
        rows = {key: row for row, key in enumerate(keys)}
        tables.append(table[[rows[key] for key in order]])
    sums = np.hstack(tables)
    baseline, *others = results
    pairs = [(file, metric) for file in range(1, len(results)) for metric in METRICS]
    statistics = [Statistic(sums, partial(_difference, metric, file)) for file, metric in pairs]
    found = [
        {
            "name": others[file - 1],
            "baseline": baseline,
            "metric": metric,
            "difference": interval.estimate,
            "low": interval.low,
            "high": interval.high,
            "n": len(shared),
        }
        for (file, metric), interval in zip(pairs, bootstrap(statistics, boot), strict=True)
    ]
    return Comparison(dict(results), len(shared), len(everything - shared), found)


def _difference(metric: str, file: int, sums: Any) -> Any:
    """Return a metric of one file minus that of the first; sums (..., files x counts) -> (...)."""
    first, other = (sums[..., at * len(COUNTS) : (at + 1) * len(COUNTS)] for at in (0, file))
    return metric_of(metric, other) - metric_of(metric, first)


def comparison_table(comparison: Comparison) -> str:
    """Return the comparison as lines of at most 80 characters."""
    results = comparison.results
    first = next(iter(results.values()))
    head = f"{'':<30}" + "".join(f"{name:>12}" for name in ("CHAIR_s", "CHAIR_i", "Recall", "Len"))
    lines = [*(line[:80] for line in about_lines(first.about)), "", head, "─" * 78]
    for name, result in results.items():
        values = "".join(f"{shown(metric, result.metrics[metric]):>12}" for metric in SHORT)
        lines.append(f"{_short(name):<30}{values}")
    lines += [
        "",
        f"Difference to {_short(next(iter(results)))}, paired on {comparison.n_images:,} images"
        + (f" ({comparison.n_left_out:,} not in all files)" if comparison.n_left_out else ""),
        "─" * 78,
    ]
    by_name: dict[str, dict[str, dict[str, Any]]] = {}
    for row in comparison.differences:
        by_name.setdefault(row["name"], {})[row["metric"]] = row
    for name, rows in by_name.items():
        lines.append(_short(name))
        for metric in SHORT:
            row = rows[metric]
            edges = (
                ""
                if math.isnan(row["low"])
                else f"  [{_signed(metric, row['low'])}, {_signed(metric, row['high'])}]"
            )
            label = {"chair_s": "CHAIR_s", "chair_i": "CHAIR_i", "recall": "Recall", "len": "Len"}
            lines.append(f"  {label[metric]:<10}{_signed(metric, row['difference']):>8}{edges}")
    return "\n".join(lines)


def _signed(metric: str, value: float) -> str:
    text = shown(metric, value)
    return text if text.startswith(("-", "–")) else f"+{text}"


def _short(name: str) -> str:
    return name if len(name) <= 29 else "…" + name[-28:]
