"""Scored captions as counts, the ratios pooled from them, and their bootstrap intervals."""

import math
from array import array
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from chair_eval.images import ImageKey
from chair_eval.mentions import Matches

if TYPE_CHECKING:
    from chair_eval.bootstrap import Bootstrap

COUNTS = (
    "captions",
    "hallucinated_captions",
    "hallucinated_mentions",
    "object_mentions",
    "recalled_types",
    "gt_types",
    "tokens",
    "tokens_space",
    "mentioned_types",
    "hallucinated_types",
)
# Columns of the table of captions.
FRAME = (
    *("image_id", "caption", "words", "categories", "spans", "indices", "hallucinated"),
    *("recalled", "missed", "n_mentions", "n_hallucinated", "n_recalled", "n_gt"),
    *("tokens", "tokens_space"),
)
# Metric → the counts summed above and below its fraction line.
RATIOS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "chair_s": (("hallucinated_captions",), ("captions",)),
    "chair_i": (("hallucinated_mentions",), ("object_mentions",)),
    "recall": (("recalled_types",), ("gt_types",)),
    "precision": (("recalled_types",), ("mentioned_types",)),
    "f1": (("recalled_types", "recalled_types"), ("gt_types", "mentioned_types")),
    "len": (("tokens",), ("captions",)),
    "len_space": (("tokens_space",), ("captions",)),
    "mentions_per_caption": (("object_mentions",), ("captions",)),
    "chair_i_types": (("hallucinated_types",), ("mentioned_types",)),
}
METRICS = tuple(RATIOS)
# What each metric is a share of or a mean over: its n.
BASES = {metric: below[0] for metric, (_, below) in RATIOS.items()} | {"f1": "captions"}


def ratios(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Pool counts into metrics: the one definition of CHAIR's numbers.

    CHAIR_s = hallucinated captions / captions; CHAIR_i = hallucinated mentions / mentions;
    recall = recalled / present categories; precision = correct / mentioned categories; F1 is
    their harmonic mean; ``len`` counts merged tokens, ``len_space`` pieces between blanks.

    Parameters
    ----------
    counts : mapping of str to number, array or Series
        Sums of some of `COUNTS` over the captions of a group.

    Returns
    -------
    dict
        Every metric whose counts are there, in [0, 1] or in tokens; NaN where a denominator is 0.
    """
    known = set(counts)
    return {
        metric: pooled(metric, counts)
        for metric, (above, below) in RATIOS.items()
        if known.issuperset(above + below)
    }


def pooled(metric: str, counts: Mapping[str, Any]) -> Any:
    """Return one metric; see `ratios`."""
    top, bottom = (sum(counts[name] for name in names) for names in RATIOS[metric])
    if isinstance(bottom, (int, float)):
        return top / bottom if bottom else math.nan
    import numpy as np

    return top / np.where(bottom == 0, np.nan, bottom)


def metric_of(metric: str, sums: Any) -> Any:
    """Return one metric from sums of `COUNTS` in the last axis; array (..., 10) → (...)."""
    return pooled(metric, dict(zip(COUNTS, sums.T, strict=True))).T


class CaptionScore(NamedTuple):
    """One scored caption; `hallucinated` is parallel to ``matches.words``."""

    image_id: Any
    key: ImageKey
    caption: str
    matches: Matches
    hallucinated: list[bool]
    recalled: list[str]
    missed: list[str]

    def counts(self) -> tuple[int, ...]:
        """Return the counts in the order of `COUNTS`."""
        wrong = sum(self.hallucinated)
        mentioned = len(set(self.matches.categories))
        correct = len(self.recalled)
        return (
            1,
            1 if wrong else 0,
            wrong,
            len(self.hallucinated),
            correct,
            correct + len(self.missed),
            self.matches.n_tokens,
            self.caption.count(" ") + 1,
            mentioned,
            mentioned - correct,
        )

    def row(self) -> dict[str, Any]:
        """Return plain values, keys `FRAME`."""
        found = self.matches
        _, _, wrong, mentions, recalled, present, tokens, pieces, *_ = self.counts()
        values = (
            *(self.image_id, self.caption, found.words, found.categories, found.spans),
            *(found.indices, self.hallucinated, self.recalled, self.missed),
            *(mentions, wrong, recalled, present, tokens, pieces),
        )
        return dict(zip(FRAME, values, strict=True))


class Tally:
    """Counts per caption, kept as integers so that intervals can be computed at the end.

    Parameters
    ----------
    categories : iterable of str
        Names in the order of the table of categories.
    """

    def __init__(self, categories: Iterable[str]) -> None:
        self.rows = array("i")
        self.images = array("i")
        self._numbers: dict[ImageKey, int] = {}
        self._ids: list[Any] = []
        self._categories = {name: [0, 0, 0, 0] for name in categories}

    def add(self, scored: CaptionScore) -> None:
        """Add one caption."""
        number = self._numbers.setdefault(scored.key, len(self._numbers))
        if number == len(self._ids):
            self._ids.append(scored.image_id)
        self.rows.extend(scored.counts())
        self.images.append(number)
        counts = self._categories
        for category, wrong in zip(scored.matches.categories, scored.hallucinated, strict=True):
            counts[category][0] += 1
            counts[category][1] += wrong
        for category in scored.recalled:
            counts[category][2] += 1
        for category in scored.missed:
            counts[category][3] += 1

    def per_category(self) -> list[dict[str, Any]]:
        """One row per category that is mentioned or present, with its rates (NaN if empty)."""
        return [
            {
                "category": name,
                "mentions": mentions,
                "hallucinated": wrong,
                "hallucination_rate": wrong / mentions if mentions else math.nan,
                "present": recalled + missed,
                "recalled": recalled,
                "recall": recalled / (recalled + missed) if recalled + missed else math.nan,
            }
            for name, (mentions, wrong, recalled, missed) in self._categories.items()
            if mentions or recalled or missed
        ]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def n_images(self) -> int:
        """Different images seen."""
        return len(self._numbers)

    def counts(self) -> dict[str, int]:
        """Sum of every count over the captions."""
        width = len(COUNTS)
        return {name: sum(self.rows[i::width]) for i, name in enumerate(COUNTS)}

    def intervals(self, boot: "Bootstrap") -> dict[str, tuple[float, float]]:
        """BCa bootstrap interval of every metric, images being the unit.

        All captions of a drawn image come along. (NaN, NaN) where there is no interval: fewer
        than two images, no resamples, nothing to divide by, or a metric that never varies.
        """
        from chair_eval.bootstrap import Statistic, bootstrap

        _, table = self.per_image()
        statistics = [Statistic(table, partial(metric_of, metric)) for metric in METRICS]
        found = zip(METRICS, bootstrap(statistics, boot), strict=True)
        return {metric: (interval.low, interval.high) for metric, interval in found}

    def per_image(self) -> tuple[list[ImageKey], Any]:
        """Return the images' keys and their counts, float64 array (images, counts).

        The images are in the order of the bootstrap: ascending by their id as text.
        """
        import numpy as np

        rows = np.frombuffer(self.rows, dtype=np.int32).reshape(-1, len(COUNTS))
        images = np.frombuffer(self.images, dtype=np.int32)
        order = sorted(range(self.n_images), key=list(map(str, self._ids)).__getitem__)
        table = np.empty((self.n_images, len(COUNTS)))
        for column in range(len(COUNTS)):
            sums = np.bincount(images, rows[:, column], minlength=self.n_images)
            table[:, column] = sums[order]
        keys = list(self._numbers)
        return [keys[number] for number in order], table


def counted(n: int, noun: str) -> str:
    """``1 caption``, ``1,204 captions``."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")
