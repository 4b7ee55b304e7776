"""The row every statistic returns: a number, its interval, and how it was made."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from chair_eval.bootstrap import Bootstrap, Interval, Statistic, bootstrap

COLUMNS = ("measure", "group", "estimate", "low", "high", "n", "method", "seed")


def row(
    measure: str, group: str, interval: Interval, seed: int, **extra: object
) -> dict[str, object]:
    """Return one estimate as a dictionary.

    Parameters
    ----------
    measure
        What was estimated, such as ``"CHAIR_i"``.
    group
        Whom it was estimated for, such as ``"fastervlm@36"``.
    interval
        Estimate, limits and number of images.
    seed
        Seed of the resampling.
    extra
        Further columns, written after the eight of `COLUMNS`.
    """
    return {
        "measure": measure,
        "group": group,
        "estimate": interval.estimate,
        "low": interval.low,
        "high": interval.high,
        "n": interval.n,
        "method": interval.method,
        "seed": seed,
        **extra,
    }


def estimated(
    measure: str,
    statistics: Mapping[str, Statistic],
    boot: Bootstrap | None = None,
    *,
    also: Sequence[str] = (),
    **extra: object,
) -> list[dict[str, object]]:
    """Estimate several statistics on the same resampled images, one row each.

    Parameters
    ----------
    measure
        What was estimated.
    statistics
        Group → statistic, all over the same images.
    boot
        Resampling; the default when ``None``.
    also
        Further fields of `Interval` to write, such as ``p`` and ``detectable``.
    extra
        Further columns, equal in every row.
    """
    boot = boot or Bootstrap()
    rows = []
    for group, each in zip(statistics, bootstrap(list(statistics.values()), boot), strict=True):
        fields = {name: getattr(each, name) for name in also}
        rows.append(row(measure, group, each, boot.seed, **extra, **fields))
    return rows


def intervals_of(found: Sequence[Statistic | Interval], boot: Bootstrap) -> list[Interval]:
    """Return the intervals of statistics, those over equally many images resampled together.

    Intervals among them are passed on as they are.
    """
    sizes: dict[int, list[int]] = {}
    for place, each in enumerate(found):
        if isinstance(each, Statistic):
            sizes.setdefault(len(each.sums), []).append(place)
    known = {i: each for i, each in enumerate(found) if isinstance(each, Interval)}
    for places in sizes.values():
        group = [each for each in (found[i] for i in places) if isinstance(each, Statistic)]
        known |= dict(zip(places, bootstrap(group, boot), strict=True))
    return [known[place] for place in range(len(found))]


def estimates(rows: Iterable[Mapping[str, object]]) -> pd.DataFrame:
    """Return rows as a frame whose first columns are always `COLUMNS`.

    No rows give an empty frame with those columns, never a row of zeros.
    """
    frame = pd.DataFrame(list(rows))
    if frame.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    rest = [name for name in frame.columns if name not in COLUMNS]
    return frame[[*COLUMNS, *rest]]


def stacked(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return the frames of estimates that have rows as one; the first, empty, when none has."""
    known = list(frames) or [estimates([])]
    filled = [frame for frame in known if len(frame)] or known[:1]
    return pd.concat(filled, ignore_index=True)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as dictionaries, in order."""
    return [{str(name): value for name, value in each.items()} for each in frame.to_dict("records")]


def decimals(se: float, n_resamples: int, most: int) -> int:
    """Return how many decimals of a limit another seed would leave as they are.

    Parameters
    ----------
    se
        Standard error of the estimate; NaN or 0 when nothing was resampled.
    n_resamples
        Bootstrap samples; 0 for limits without Monte-Carlo error.
    most
        Decimals wanted.

    Notes
    -----
    The Monte-Carlo error of a 95 % limit is about 2.7 se / sqrt(B), the standard error of the 2.5 %
    quantile of B normal draws. The last decimal is at least twice that.
    """
    if not (np.isfinite(se) and se > 0 and n_resamples):
        return most
    error = 2.7 * se / np.sqrt(n_resamples)
    return int(np.clip(np.floor(-np.log10(2 * error)), 0, most))
