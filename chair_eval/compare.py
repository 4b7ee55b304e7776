"""Several caption files of the same images, and the paired differences between them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chair_eval.errors import ChairError
from chair_eval.result import Result
from chair_eval.tables import SHORT, about_lines, shown
from chair_eval.tally import COUNTS, METRICS, check_bootstrap, ratios, resampled_sums, used_draws


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
    results: Mapping[str, Result], *, draws: int = 4000, seed: int = 0, level: float = 0.95
) -> Comparison:
    """Pair results on image id and bootstrap their differences to the first one.

    Raises
    ------
    ChairError
        Fewer than two results, or no image in common.
    UsageError
        `draws` or `level` is not allowed.
    """
    import numpy as np

    check_bootstrap(draws, level, seed)
    if len(results) < 2:
        raise ChairError("a comparison needs at least two files")
    keys = [result.tally.image_keys() for result in results.values()]
    shared = set(keys[0]).intersection(*keys[1:])
    everything = set().union(*keys)
    if not shared:
        raise ChairError("these files have no image in common, so they cannot be paired")
    tables = []
    for names, result in zip(keys, results.values(), strict=True):
        rows = {key: row for row, key in enumerate(names)}
        order = [rows[key] for key in keys[0] if key in shared]
        tables.append(result.tally.per_image()[order])
    sums = (
        resampled_sums(np.hstack(tables), used_draws(draws, len(shared)), seed) if draws else None
    )
    drawn = [_ratios(part) for part in np.split(sums, len(tables), 1)] if sums is not None else []
    whole = [_ratios(table.sum(axis=0)) for table in tables]
    edges = [(1 - level) / 2, (1 + level) / 2]
    names = list(results)
    found = []
    for i in range(1, len(names)):
        for metric in METRICS:
            low, high = math.nan, math.nan
            if drawn:
                values = drawn[i][metric] - drawn[0][metric]
                values = values[np.isfinite(values)]
                low, high = np.quantile(values, edges) if values.size else (low, high)
            found.append(
                {
                    "name": names[i],
                    "baseline": names[0],
                    "metric": metric,
                    "difference": float(whole[i][metric] - whole[0][metric]),
                    "low": float(low),
                    "high": float(high),
                    "n": len(shared),
                }
            )
    return Comparison(dict(results), len(shared), len(everything - shared), found)


def _ratios(sums: Any) -> dict[str, Any]:
    return ratios(dict(zip(COUNTS, sums.T, strict=True)))


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
