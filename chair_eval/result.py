"""What a scoring run returns: the frame, the summary, and how they came about."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chair_eval.tally import BASES, FRAME, CaptionScore, Tally

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Result:
    """A scored set of captions.

    Attributes
    ----------
    about : dict
        Preset, dialects, vocabulary with its digest, rules for unknown and repeated ids, and the
        bootstrap: everything needed to say which CHAIR this is.
    counts : dict of str to int
        Integer counts, the keys of `chair_eval.tally.COUNTS`.
    metrics : dict of str to float
        Ratios in [0, 1], lengths in tokens; NaN where there is nothing to divide by.
    intervals : dict of str to (float, float)
        Bootstrap interval of each metric.
    per_category : list of dict
    captions : list of CaptionScore
        Empty if the captions were streamed.
    tally : Tally
        Counts per caption, for paired comparisons.
    """

    about: Mapping[str, Any]
    counts: Mapping[str, int]
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    per_category: list[dict[str, Any]]
    captions: list[CaptionScore]
    tally: Tally

    @property
    def summary(self) -> dict[str, Any]:
        """Everything but the captions, as plain values."""
        return {
            **self.about,
            "counts": dict(self.counts),
            "metrics": dict(self.metrics),
            "n": {metric: self.counts[base] for metric, base in BASES.items()},
            "intervals": {name: list(pair) for name, pair in self.intervals.items()},
        }

    @cached_property
    def frame(self) -> "pd.DataFrame":
        """One row per caption, columns `FRAME`; the list columns are parallel to ``words``."""
        import pandas as pd

        return pd.DataFrame([scored.row() for scored in self.captions], columns=FRAME)
