"""Counts of a scored file, the ratios made from them, and their bootstrap intervals."""

import math
from array import array
from collections.abc import Mapping
from typing import Any

from chair_eval.errors import UsageError
from chair_eval.images import ImageKey

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
# What each metric is a share of or a mean over: its n.
BASES = {
    "chair_s": "captions",
    "chair_i": "object_mentions",
    "recall": "gt_types",
    "precision": "mentioned_types",
    "f1": "captions",
    "len": "captions",
    "len_space": "captions",
    "mentions_per_caption": "captions",
    "chair_i_types": "mentioned_types",
}
METRICS = tuple(BASES)
# Resamples times images that are drawn at most; above it fewer resamples are taken.
DRAW_LIMIT = 400_000_000
CHUNK = 500_000
MOST_DRAWS = 1_000_000


class Tally:
    """Counts per caption, kept as integers so that intervals can be computed at the end."""

    def __init__(self) -> None:
        self.rows = array("i")
        self.images = array("i")
        self._numbers: dict[ImageKey, int] = {}

    def add(self, key: ImageKey, row: tuple[int, ...]) -> None:
        """Add one caption's counts, in the order of `COUNTS`."""
        self.rows.extend(row)
        self.images.append(self._numbers.setdefault(key, len(self._numbers)))

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

    def intervals(
        self, *, draws: int = 4000, seed: int = 0, level: float = 0.95
    ) -> dict[str, tuple[float, float]]:
        """Percentile bootstrap interval of every metric, images being the unit.

        All captions of a drawn image come along. A metric without a single defined resample
        gets (NaN, NaN); so does everything when there is no caption or `draws` is 0.
        """
        draws = used_draws(draws, self.n_images)
        if not draws:
            return {name: (math.nan, math.nan) for name in METRICS}
        import numpy as np

        table = self.per_image()
        metrics = ratios(dict(zip(COUNTS, resampled_sums(table, draws, seed).T, strict=True)))
        edges = [(1 - level) / 2, (1 + level) / 2]
        found = {}
        for name in METRICS:
            values = metrics[name][np.isfinite(metrics[name])]
            low, high = np.quantile(values, edges) if values.size else (math.nan, math.nan)
            found[name] = (float(low), float(high))
        return found

    def per_image(self) -> Any:
        """Return the counts summed per image, float64 array (images, counts)."""
        import numpy as np

        rows = np.frombuffer(self.rows, dtype=np.int32).reshape(-1, len(COUNTS))
        images = np.frombuffer(self.images, dtype=np.int32)
        table = np.zeros((self.n_images, len(COUNTS)))
        for column in range(len(COUNTS)):
            table[:, column] = np.bincount(images, rows[:, column], minlength=self.n_images)
        return table

    def image_keys(self) -> list[ImageKey]:
        """Keys of the images, in the order of `per_image`."""
        return list(self._numbers)


def counted(n: int, noun: str) -> str:
    """``1 caption``, ``1,204 captions``."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def check_bootstrap(draws: int, level: float, seed: int = 0) -> None:
    """Raise UsageError for a number of resamples, a level or a seed that is not allowed."""
    if not _is_whole(draws) or not 0 <= draws <= MOST_DRAWS:
        raise UsageError(f"draws is {draws}; allowed: 0 to {MOST_DRAWS:,}")
    if not 0 < level < 1:
        raise UsageError(f"level is {level}; allowed: between 0 and 1")
    if not _is_whole(seed) or seed < 0:
        raise UsageError(f"seed is {seed}; allowed: whole numbers from 0")


def _is_whole(value: object) -> bool:
    return hasattr(value, "__index__")


def used_draws(draws: int, n_images: int) -> int:
    """Resamples that are really taken: at most `DRAW_LIMIT` drawn images, none without images."""
    return min(draws, max(100, DRAW_LIMIT // n_images)) if n_images else 0


def resampled_sums(table: Any, draws: int, seed: int) -> Any:
    """Column sums of `draws` samples of the rows with replacement, array (draws, columns)."""
    import numpy as np

    rng = np.random.default_rng(seed)
    n = len(table)
    step = max(1, min(draws, CHUNK // n))
    sums = []
    for first in range(0, draws, step):
        size = min(step, draws - first)
        picks = rng.integers(0, n, size=(size, n), dtype=np.int64)
        picks += np.arange(size)[:, None] * n
        weights = np.bincount(picks.ravel(), minlength=size * n).reshape(size, n)
        sums.append(weights.astype(np.float64) @ table)
    return np.concatenate(sums)


def ratios(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Every metric from the counts (numbers or arrays); NaN where a denominator is 0.

    CHAIR_s = hallucinated captions / captions; CHAIR_i = hallucinated mentions / mentions;
    recall = recalled / present categories; precision = correct / mentioned categories; F1 is
    their harmonic mean; ``len`` counts merged tokens, ``len_space`` pieces between blanks.
    """
    captions = counts["captions"]
    correct = counts["recalled_types"]
    mentioned, present = counts["mentioned_types"], counts["gt_types"]
    return {
        "chair_s": _divide(counts["hallucinated_captions"], captions),
        "chair_i": _divide(counts["hallucinated_mentions"], counts["object_mentions"]),
        "recall": _divide(correct, present),
        "precision": _divide(correct, mentioned),
        "f1": _divide(2 * correct, present + mentioned),
        "len": _divide(counts["tokens"], captions),
        "len_space": _divide(counts["tokens_space"], captions),
        "mentions_per_caption": _divide(counts["object_mentions"], captions),
        "chair_i_types": _divide(counts["hallucinated_types"], mentioned),
    }


def _divide(top: Any, bottom: Any) -> Any:
    if isinstance(bottom, (int, float)):
        return top / bottom if bottom else math.nan
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(bottom != 0, top / np.where(bottom == 0, 1, bottom), np.nan)
