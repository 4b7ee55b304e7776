"""What the statistics of a study cost: ``agile bench findings``.

A study as large as its images say is drawn from a seed, counts and kept measures only: nothing is
extracted and no caption is scored. Every table of `analysis.figures.statistics` and the judged
claims are then made once, in one process; the table goes to ``data/bench/findings.csv``. The study
has no downsampling and no randomised design, whose tables stay empty.
"""

import resource
import sys
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.bench.output import as_command
from analysis.bench.settings import Findings
from analysis.figures.findings import findings
from analysis.figures.inputs import Inputs
from analysis.figures.statistics import STATISTICS
from chair_eval.bootstrap import Bootstrap

# Kept erank of a method per unit of the image's, as of LLaVA-1.5 in the paper's Table 1.
_ERANK = {
    "random": 0.16,
    "fastervlm": 0.13,
    "vispruner": 0.17,
    "agilepruner": 0.2,
    "divprune": 0.26,
    "fps": 0.25,
}
_KEEPS = (128, 64, 32)
_TOKENS = 576
# 2 ** 10 bytes on Linux, 1 on macOS.
_UNIT = 1 if sys.platform == "darwin" else 1024


class Drawn(Inputs):
    """A study that was drawn instead of read: 6 methods at 3 budgets and the whole model.

    Parameters
    ----------
    n
        Images.
    boot
        Resampling of every estimate.
    seed
        Seed of the drawing.
    """

    def __init__(self, n: int, boot: Bootstrap, seed: int = 0) -> None:
        self.path, self.boot = Path("drawn"), boot
        self._n, self._rng = n, np.random.default_rng(seed)

    @property
    def config(self) -> dict[str, Any]:
        """Model, data and limit of the drawn study."""
        return {"model": "drawn", "data": "drawn", "limit": self._n, "study": True}

    @cached_property
    def images(self) -> pd.DataFrame:
        """Images with entropy and erank that go together."""
        scene = self._rng.normal(size=self._n)
        erank = 85 + 20 * scene
        return pd.DataFrame(
            {
                "image_id": [f"{place:09d}" for place in range(self._n)],
                "dataset": "drawn",
                "n_tokens": _TOKENS,
                "entropy": 4.7 + 0.1 * scene + 0.05 * self._rng.normal(size=self._n),
                "erank": erank,
                "erank_plain": erank - 5 + self._rng.normal(size=self._n),
                "n_objects": 1 + self._rng.poisson(2, size=self._n),
                "complexity": None,
                "meta": "{}",
            }
        )

    @cached_property
    def kept(self) -> pd.DataFrame:
        """Kept measures of every image and variant."""
        variants = [("full", "full", _TOKENS)]
        variants += [(f"{name}@{keep}", name, keep) for name in _ERANK for keep in _KEEPS]
        return pd.concat([self._kept(*each) for each in variants], ignore_index=True)

    def _kept(self, variant: str, pruner: str, keep: int) -> pd.DataFrame:
        share = _ERANK.get(pruner, 0.3) * (keep / 64) ** 0.5
        noise = self._rng.normal(size=(3, self._n))
        erank = self.images["erank"].to_numpy() * share * np.exp(0.05 * noise[0])
        mass = np.clip(0.9 - share + 0.05 * noise[1], 0, 1)
        return pd.DataFrame(
            {
                "image_id": self.images["image_id"],
                "variant": variant,
                "pruner": pruner,
                "keep": keep,
                "n_out": keep,
                "erank": erank,
                "erank_plain": erank * 0.97,
                "attention_mass": mass,
                "attention_mean": mass / keep,
                "pairwise_distance": 0.5 + share + 0.02 * noise[2],
                "coverage": 0.5 + 0.02 * noise[2],
            }
        )

    @cached_property
    def chair_counts(self) -> pd.DataFrame:
        """Counts of captions whose inventions grow a little with kept erank."""
        counts = self.kept[["image_id", "variant"]].copy()
        right = self._rng.poisson(3, size=len(counts))
        wrong = self._rng.poisson(0.4 + 0.01 * self.kept["erank"])
        length = 12 * (right + wrong) + 5
        return counts.assign(
            n_mentions=right + wrong,
            n_hallucinated=wrong,
            n_recalled=right,
            n_gt=right + 2,
            length=length,
            truncated=(right + wrong > 9).astype(float),
            n_right=right,
            any_hallucinated=(wrong > 0).astype(float),
            log_length=np.log(length),
        )

    @cached_property
    def question_counts(self) -> pd.DataFrame:
        """Six yes/no questions an image."""
        counts = self.kept[["image_id", "variant"]].copy()
        correct = self._rng.binomial(6, 0.85, size=len(counts)).astype(float)
        return counts.assign(
            n_correct=correct,
            n_answered=6.0,
            f1_numerator=2.0 * np.floor(correct / 2),
            f1_denominator=2.0 * np.floor(correct / 2) + (6 - correct),
        )


def run(options: Findings) -> Iterator[pd.DataFrame]:
    """Yield the table after every step."""
    inputs = Drawn(options.images, Bootstrap(options.resamples, seed=options.seed), options.seed)
    rows = [
        {
            **_timed("study drawn", lambda: inputs.units),
            "images": options.images,
            "variants": len(inputs.variants),
            "resamples": inputs.boot.drawn(options.images),
        }
    ]
    steps: dict[str, Callable[[], object]] = {
        f"table {name}": (lambda make=make: make(inputs))  # type: ignore[misc]
        for name, make in STATISTICS.items()
    }
    steps["findings"] = lambda: findings(inputs)
    for name, step in steps.items():
        rows.append({**rows[0], **_timed(name, step)})
        yield pd.DataFrame(rows)
    spent = sum(float(row["cpu_s"]) for row in rows[1:])
    yield pd.DataFrame([*rows, {**rows[-1], "step": "statistics and findings", "cpu_s": spent}])


def _timed(name: str, work: Callable[[], object]) -> dict[str, Any]:
    """Do some work and return its processor time, and the peak memory of the process so far."""
    before = time.process_time()
    work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
    return {"step": name, "cpu_s": time.process_time() - before, "peak_gib": peak / 2**30}


if __name__ == "__main__":
    as_command("findings")
