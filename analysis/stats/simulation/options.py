"""The options of ``agile simulate``."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.errors import UsageError
from analysis.options import check, option
from analysis.stats.simulation.truths import TRUTHS

if TYPE_CHECKING:
    from analysis.stats.simulation.coverage import CoveragePlan
    from analysis.stats.simulation.power import Plan


@dataclass(frozen=True)
class SimulateOptions:
    """What to simulate.

    Parameters
    ----------
    studies, samples
        Studies per truth and samples per interval; 0 leaves verdicts or coverage out.
    images, questions
        Size of a study.
    sizes
        Images of the samples.
    truths
        Names of `analysis.stats.simulation.truths.TRUTHS`; all when empty.
    resamples, seed, processes
        Bootstrap samples of each interval, seed, and how many work at once.
    out
        Folder of ``verdicts.csv`` and ``coverage.csv``.
    page
        Page whose marked places get the tables; ``None`` for no page.
    """

    studies: int = option("Studies per truth; 0 leaves the verdicts out.", 200, low=0)
    samples: int = option("Samples per interval; 0 leaves the coverage out.", 1000, low=0)
    sizes: tuple[int, ...] = option("Images of a sample.", (30, 100, 500, 5000))
    images: int = option("Images of a study.", 500, low=30)
    questions: int = option("Yes/no questions an image.", 6, low=1)
    truths: tuple[str, ...] = option("Comma-separated names of truths; all when not given.", ())
    resamples: int = option("Bootstrap samples of each interval.", 1000, low=200)
    seed: int = option("Seed.", 0, low=0)
    processes: int = option("Processes.", 2, low=1)
    out: Path = option("Folder of the tables.", Path("data/bench"))
    page: Path | None = option("Page that gets the tables.", None)

    def __post_init__(self) -> None:
        """Check names and ranges.

        Raises
        ------
        UsageError
            Naming the field, the value and what is allowed.
        """
        check(self)
        if not all(size >= 30 for size in self.sizes):
            raise UsageError(f"sizes is {self.sizes}; each must be at least 30.")
        if unknown := [name for name in self.truths if name not in TRUTHS]:
            raise UsageError(f"unknown truth {unknown[0]!r}; choose from: {', '.join(TRUTHS)}.")

    @property
    def plan(self) -> "Plan":
        """What `analysis.stats.simulation.power.rates` takes."""
        from analysis.stats.simulation.power import Plan

        chosen = self.truths or tuple(TRUTHS)
        return Plan(self.studies, self.images, self.questions, self.resamples, self.seed, chosen)

    @property
    def coverage(self) -> "CoveragePlan":
        """What `analysis.stats.simulation.coverage.covered` takes."""
        from analysis.stats.simulation.coverage import CoveragePlan

        return CoveragePlan(self.samples, self.sizes, n_resamples=self.resamples, seed=self.seed)
