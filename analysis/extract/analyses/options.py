"""The options of ``agile analyse`` and ``agile calibrate``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.errors import UsageError
from analysis.models.options import LoadOptions
from analysis.options import check, option
from analysis.registry import Registry

#: File a checkpoint's averages are read from.
CALIBRATION = "calibration.json"


@dataclass(frozen=True)
class AnalyseOptions:
    """What to make of a run.

    Parameters
    ----------
    analyses
        Their names; see `analysis.runs.ANALYSES`.
    limit
        Images, from the first of the run on.
    keep
        Tokens kept by the threshold and sensitivity analyses; None is a quarter of N.
    seed
        Seed of the corruptions.
    device
        auto, cpu, cuda, …
    progress
        Show a progress bar when standard error is a terminal.
    """

    analyses: tuple[str, ...] = option(
        "Comma-separated names.", ("threshold", "sensitivity", "corruption", "attention")
    )
    limit: int = option("Use this many images of the run.", 100, low=1)
    keep: int | None = option("Tokens kept by threshold and sensitivity; default N/4.", None, low=1)
    seed: int = option("Seed of the corruptions.", 0)
    device: str = option("auto, cpu, cuda, cuda:1, …", "auto")
    progress: bool = True

    def __post_init__(self) -> None:
        """Check names and ranges.

        Raises
        ------
        UsageError
            Naming the field, the value and what is allowed.
        """
        from analysis.runs.schemas import ANALYSES

        known: Registry[Any] = Registry("analysis")
        for name, schema in ANALYSES.items():
            known.register(name)(schema)
        for name in self.analyses:
            known.get(name)
        if not self.analyses:
            raise UsageError(f"no analysis is asked for; choose from: {', '.join(ANALYSES)}.")
        check(self)


@dataclass(frozen=True)
class CalibrateOptions(LoadOptions):
    """What to measure averages of.

    Parameters
    ----------
    model, device, dtype, …
        See :class:`analysis.models.options.LoadOptions`.
    data
        Spec of the data set.
    limit
        Images; drawn at random where the data set has more.
    seed
        Seed of that draw.
    batch_size
        Images in one pass of the tower.
    out
        File to write; None means ``calibration.json`` in the checkpoint's folder.
    """

    data: str = option("Data set, such as scenes:train or folder:PATH.")
    limit: int = option("Images, drawn at random where there are more.", 1000, low=2)
    seed: int = option("Seed of that draw.", 0, low=0)
    batch_size: int = option("Images in one pass of the tower.", 16, low=1)
    out: Path | None = option("File; default calibration.json beside a local checkpoint.", None)

    def __post_init__(self) -> None:
        """Check ranges, and that there is a place to write to.

        Raises
        ------
        UsageError
            Naming the field, the value and what is allowed.
        """
        check(self)
        if self.out is None and not Path(self.model).is_dir():
            raise UsageError(
                f"{self.model!r} is no folder to put {CALIBRATION} into; name a file with --out."
            )

    @property
    def file(self) -> Path:
        """Where the averages go."""
        return Path(self.model) / CALIBRATION if self.out is None else self.out
