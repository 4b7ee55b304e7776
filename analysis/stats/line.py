"""A least-squares line with its bootstrap band, for drawing over scatters."""

import numpy as np
import pandas as pd

from chair_eval.bootstrap import Bootstrap


def regression_band(
    frame: pd.DataFrame, x: str, y: str, boot: Bootstrap | None = None, points: int = 60
) -> pd.DataFrame:
    """Fit y on x and return the line with its pointwise percentile band over images.

    Parameters
    ----------
    frame
        One row per image.
    x, y
        Columns; rows with a missing value are dropped.
    boot
        Resampling; the default when ``None``.
    points
        Places along x, from its smallest to its largest value.

    Returns
    -------
    DataFrame
        Columns ``x, y, low, high``; empty with fewer than three images or a constant x.
    """
    boot = boot or Bootstrap()
    data = frame[[x, y]].dropna().to_numpy(dtype=float)
    if len(data) < 3 or np.ptp(data[:, 0]) == 0:
        return pd.DataFrame(columns=["x", "y", "low", "high"])
    centre = data.mean(axis=0)
    a, b = (data - centre).T
    sums = np.column_stack([np.ones_like(a), a, b, a * a, a * b])
    grid = np.linspace(data[:, 0].min(), data[:, 0].max(), points)
    draws = np.concatenate([counts @ sums for counts in boot.counts(len(data))])

    def lines(total: np.ndarray) -> np.ndarray:
        size, sx, sy, sxx, sxy = total.T
        slope = (size * sxy - sx * sy) / (size * sxx - sx * sx)
        intercept = (sy - slope * sx) / size
        return np.asarray(centre[1] + intercept[:, None] + slope[:, None] * (grid - centre[0]))

    with np.errstate(divide="ignore", invalid="ignore"):
        band = lines(draws)
    band = band[np.isfinite(band).all(axis=1)]  # a resample of one place has no line
    low, high = np.quantile(band, [(1 - boot.level) / 2, (1 + boot.level) / 2], axis=0)
    return pd.DataFrame(
        {"x": grid, "y": lines(sums.sum(axis=0)[None])[0], "low": low, "high": high}
    )
