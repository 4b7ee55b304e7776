"""How often each kind of interval holds the value it is an interval of."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np
import pandas as pd

from analysis.stats.simulation.kinds import KINDS
from chair_eval.bootstrap import Bootstrap

SIZES = (30, 100, 500, 5000)
# From this many images on an interval of 95 % should cover in 93 to 97 % of the samples.
FROM, LOW, HIGH = 100, 0.93, 0.97
NARROW, WIDE = "too narrow", "too wide"
_BATCH = 10


@dataclass(frozen=True)
class CoveragePlan:
    """What to simulate.

    Parameters
    ----------
    simulations
        Samples per kind and size.
    sizes
        Numbers of images.
    n_resamples, level, seed
        Bootstrap samples and level of each interval, and the seed of it all.
    kinds
        Names of `analysis.stats.simulation.kinds.KINDS`.
    """

    simulations: int = 1000
    sizes: Sequence[int] = SIZES
    n_resamples: int = 1000
    level: float = 0.95
    seed: int = 0
    kinds: Sequence[str] = tuple(KINDS)

    def samples(self, kind: str, n_images: int) -> int:
        """Return how many samples are drawn: a fifth of a slow kind above 1,000 images."""
        few = KINDS[kind].slow and n_images > 1000
        return max(self.simulations // 5, 1) if few else self.simulations


Hit = tuple[str, bool, bool]


def hits(
    plan: CoveragePlan, kind: str, n_images: int, truth: Mapping[str, float], numbers: range
) -> list[Hit]:
    """Return, per sample and interval, its name, whether it has limits and whether they hold."""
    place, found = list(KINDS).index(kind), []
    for number in numbers:
        rng = np.random.default_rng([plan.seed, place, n_images, number])
        boot = Bootstrap(plan.n_resamples, plan.level, plan.seed + number)
        for name, (_, low, high) in KINDS[kind].limits(rng, n_images, boot).items():
            known = bool(np.isfinite(low) and np.isfinite(high))
            found.append((name, known, bool(low <= truth[name] <= high)))
    return found


def covered(plan: CoveragePlan, processes: int = 1) -> Iterator[pd.DataFrame]:
    """Simulate; yield the table after every size and kind.

    Parameters
    ----------
    plan
        What to simulate.
    processes
        How many work at once; the result does not depend on it.

    Yields
    ------
    DataFrame
        One row per interval × size so far: ``interval, n_images, covered`` (0 to 1, of the
        intervals that have limits), ``error`` (its standard error), ``defined`` (share that has
        limits), ``verdict`` (``too narrow`` or ``too wide`` where ``covered`` is beyond 0.93 to
        0.97 by more than two standard errors), ``simulations, n_resamples, seed``.
    """
    rows: list[dict[str, object]] = []
    with ProcessPoolExecutor(processes) as pool:
        truths = {kind: KINDS[kind].truth() for kind in plan.kinds}
        for n_images in plan.sizes:
            for kind in plan.kinds:
                total = plan.samples(kind, n_images)
                parts = [range(at, min(at + _BATCH, total)) for at in range(0, total, _BATCH)]
                found = pool.map(partial(hits, plan, kind, n_images, truths[kind]), parts)
                rows += _rows(plan, kind, n_images, list(chain.from_iterable(found)))
                yield pd.DataFrame(rows)


def _rows(
    plan: CoveragePlan, kind: str, n_images: int, found: list[Hit]
) -> list[dict[str, object]]:
    """Return the row of every interval of a kind at one size."""
    rows = []
    for name in dict.fromkeys(each[0] for each in found):
        own = [inside for about, defined, inside in found if about == name and defined]
        share = float(np.mean(own)) if own else np.nan
        error = float(np.sqrt(share * (1 - share) / len(own))) if own else np.nan
        rows.append(
            {
                "interval": name,
                "n_images": n_images,
                "covered": round(share, 4),
                "error": round(error, 4),
                "defined": round(len(own) / plan.samples(kind, n_images), 4),
                "verdict": _said(share, error),
                "simulations": plan.samples(kind, n_images),
                "n_resamples": plan.n_resamples,
                "seed": plan.seed,
            }
        )
    return rows


def _said(share: float, error: float) -> str:
    """Name a coverage that lies outside the goal by more than chance."""
    if share + 2 * error < LOW:
        return NARROW
    return WIDE if share - 2 * error > HIGH else ""
