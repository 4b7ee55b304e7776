"""Intervals of correlations hold their level where a plain bootstrap of r is too narrow."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from analysis.stats.correlation import correlate
from analysis.stats.estimate import decimals
from chair_eval.bootstrap import Bootstrap


def frame_of(x, y):
    return pd.DataFrame({"image_id": range(len(x)), "x": x, "y": y})


@pytest.mark.parametrize("n", [30, 100])
def test_coverage_with_unequal_spread(n):
    # y = x / 2 + (0.3 + |x|) e: the slope is 1/2, and BCa on r covers 0.91 of 0.95 here.
    rng = np.random.default_rng(n)
    many = rng.normal(size=2_000_000)
    truth = 0.5 / np.sqrt(0.25 + ((0.3 + np.abs(many)) ** 2).mean())
    hits = 0
    for trial in range(200):
        x, e = rng.normal(size=(2, n))
        y = 0.5 * x + (0.3 + np.abs(x)) * e
        row = correlate(frame_of(x, y), "x", "y", boot=Bootstrap(200, seed=trial)).iloc[0]
        hits += row["low"] <= truth <= row["high"]
    assert 183 <= hits <= 199


def test_many_images_use_t_and_agree_with_the_bootstrap():
    rng = np.random.default_rng(0)
    x = rng.normal(size=1001)
    frame = frame_of(x, 0.4 * x + rng.normal(size=1001))
    large = correlate(frame, "x", "y").iloc[0]
    small = correlate(frame[:1000], "x", "y").iloc[0]
    assert "jackknife" in large["method"]
    assert "bootstrap t" in small["method"]
    assert large["low"] == pytest.approx(small["low"], abs=0.01)
    assert large["high"] == pytest.approx(small["high"], abs=0.01)


def test_equal_fractions_tie_in_ranks():
    y = [0.1 + 0.2, 0.3, 0.3, 0.1 + 0.2, 0.5, 0.6]
    found = correlate(frame_of(range(6), y), "x", "y", kind="spearman", boot=Bootstrap(200))
    assert found["estimate"].item() == pytest.approx(0.845154)
    thirds = np.array([1 / 3, 1 - 2 / 3, 2 / 6, 5 / 7, 1 - 2 / 7, 0.2, 0.9])
    rank = correlate(frame_of(range(7), thirds), "x", "y", kind="spearman", boot=Bootstrap(200))
    assert rank["estimate"].item() == pytest.approx(spearmanr(range(7), thirds.round(12))[0])


def test_digits_are_those_the_resamples_support():
    assert decimals(1.0, 10_000, 2) == 1  # the limit moves by 0.03 from seed to seed
    assert decimals(0.03, 10_000, 2) == 2
    assert decimals(1.0, 2_000, 2) == 0
    assert decimals(1.0, 0, 2) == 2  # nothing was resampled
    assert decimals(np.nan, 2_000, 2) == 2
