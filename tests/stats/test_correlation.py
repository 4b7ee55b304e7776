"""Correlations: planted values are recovered at the nominal rate."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats as reference

from analysis.errors import UsageError
from analysis.stats.correlation import _Ranker, correlate, correlate_within
from chair_eval.bootstrap import Bootstrap

FAST = Bootstrap(n_resamples=300)


def planted(rng, n, rho):
    x = rng.normal(size=n)
    y = rho * x + np.sqrt(1 - rho**2) * rng.normal(size=n)
    return pd.DataFrame({"image_id": np.arange(n).astype(str), "x": x, "y": y})


def coverage(make, truth, trials=200, **options):
    hits = 0
    for trial in range(trials):
        frame = make(np.random.default_rng(trial))
        found = correlate(frame, "x", "y", boot=Bootstrap(300, seed=trial), **options).iloc[0]
        hits += found["low"] <= truth <= found["high"]
    return hits / trials


def test_pearson_equals_scipy():
    frame = planted(np.random.default_rng(0), 90, 0.5)
    found = correlate(frame, "x", "y", boot=FAST).iloc[0]
    assert found["estimate"] == pytest.approx(reference.pearsonr(frame["x"], frame["y"])[0])
    assert found["n"] == 90


def test_spearman_equals_scipy_with_ties():
    rng = np.random.default_rng(0)
    frame = planted(rng, 90, 0.5).round(0)
    found = correlate(frame, "x", "y", kind="spearman", boot=FAST).iloc[0]
    assert found["estimate"] == pytest.approx(reference.spearmanr(frame["x"], frame["y"])[0])


def test_pearson_interval_covers_at_its_nominal_rate():
    assert 0.90 <= coverage(lambda rng: planted(rng, 100, 0.6), 0.6) <= 0.99


def test_spearman_interval_covers_at_its_nominal_rate():
    truth = 6 / np.pi * np.arcsin(0.6 / 2)
    rate = coverage(lambda rng: planted(rng, 100, 0.6), truth, kind="spearman")
    assert 0.90 <= rate <= 0.99


def confounded(rng, n=120):
    """Two columns that share a cause, and are unrelated given it but for a planted 0.3."""
    cause = rng.normal(size=n)
    frame = planted(rng, n, 0.3)
    frame["x"] += 2 * cause
    frame["y"] += 2 * cause
    frame["cause"] = cause
    return frame


def test_partial_correlation_recovers_what_confounding_hides():
    frame = confounded(np.random.default_rng(5), 4000)
    plain = correlate(frame, "x", "y", boot=FAST).iloc[0]["estimate"]
    partial = correlate(frame, "x", "y", controls=["cause"], boot=FAST).iloc[0]["estimate"]
    assert plain > 0.8
    assert partial == pytest.approx(0.3, abs=0.05)


def test_partial_interval_covers_at_its_nominal_rate():
    assert 0.90 <= coverage(confounded, 0.3, controls=["cause"]) <= 0.99


def test_partial_equals_the_correlation_of_residuals():
    frame = confounded(np.random.default_rng(6))
    design = np.column_stack([np.ones(len(frame)), frame["cause"]])
    left = [
        frame[name] - design @ np.linalg.lstsq(design, frame[name], rcond=None)[0]
        for name in ("x", "y")
    ]
    found = correlate(frame, "x", "y", controls=["cause"], boot=FAST).iloc[0]
    assert found["estimate"] == pytest.approx(np.corrcoef(*left)[0, 1])


def clustered(rng, n=80, per=4):
    """Rows of one image share a large effect: treating rows as units would be overconfident."""
    frame = pd.concat([planted(rng, n, 0.0)] * per, ignore_index=True)
    frame["x"] += 0.1 * rng.normal(size=len(frame))
    return frame


def test_rows_of_one_image_are_resampled_together():
    assert 0.90 <= coverage(clustered, 0.0) <= 0.99


def test_within_image_correlation_ignores_what_is_constant_per_image():
    rng = np.random.default_rng(7)
    frame = pd.concat([planted(rng, 400, -0.5) for _ in range(3)], ignore_index=True)
    scene = frame["image_id"].astype(int) * 0.05
    frame["x"] += scene
    frame["y"] += scene
    between = correlate(frame, "x", "y", boot=FAST).iloc[0]["estimate"]
    within = correlate_within(frame, "x", "y", boot=FAST).iloc[0]
    assert between > 0.5
    assert within["low"] <= -0.5 <= within["high"]


def test_equal_seeds_give_equal_rows():
    frame = planted(np.random.default_rng(8), 60, 0.2)
    for kind in ("pearson", "spearman"):
        first = correlate(frame, "x", "y", kind=kind, boot=FAST)
        pd.testing.assert_frame_equal(first, correlate(frame, "x", "y", kind=kind, boot=FAST))


def test_missing_values_are_dropped_and_counted():
    frame = planted(np.random.default_rng(9), 60, 0.2)
    frame.loc[:9, "y"] = np.nan
    assert correlate(frame, "x", "y", boot=FAST).iloc[0]["n"] == 50


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_constant_column_gives_nan_not_zero(kind):
    frame = planted(np.random.default_rng(9), 30, 0.2).assign(y=1.0)
    assert np.isnan(correlate(frame, "x", "y", kind=kind, boot=FAST).iloc[0]["estimate"])


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_empty_frame_gives_nan_and_n_zero(kind):
    frame = planted(np.random.default_rng(9), 30, 0.2).iloc[:0]
    found = correlate(frame, "x", "y", kind=kind, boot=FAST).iloc[0]
    assert found["n"] == 0
    assert np.isnan(found["estimate"])


def test_unknown_column_and_kind_are_named():
    frame = planted(np.random.default_rng(9), 30, 0.2)
    with pytest.raises(UsageError, match="z"):
        correlate(frame, "x", "z")
    with pytest.raises(UsageError, match="kendall"):
        correlate(frame, "x", "y", kind="kendall")


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
@pytest.mark.parametrize("controls", [(), ("c",), ("c", "d")])
def test_too_few_images_for_a_correlation_give_none(kind, controls):
    least = 4 + len(controls)
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(least, 4)), columns=["x", "y", "c", "d"])
    frame["image_id"] = range(least)
    given = {"controls": controls, "kind": kind, "boot": Bootstrap(200)}
    assert np.isfinite(correlate(frame, "x", "y", **given)["estimate"].item())
    lacking = correlate(frame.iloc[1:], "x", "y", **given).iloc[0]
    assert np.isnan(lacking["estimate"])
    assert lacking["method"] == f"none: fewer than {least} images"


def points(n=40):
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=["x", "y", "c"])
    return frame.assign(image_id=range(n))


@pytest.mark.parametrize("value", [0.1, 1e8 + 0.1, -3e-9])
@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_a_constant_column_has_no_correlation_whatever_its_rounding(value, kind):
    found = correlate(points().assign(y=value), "x", "y", kind=kind, boot=Bootstrap(200)).iloc[0]
    assert np.isnan(found["estimate"])
    assert np.isnan(found["low"])
    assert found["n"] == 40


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_a_control_that_is_the_column_leaves_nothing_to_correlate(kind):
    frame = points().assign(d=lambda f: 2 * f["x"] + 3)
    found = correlate(frame, "x", "y", controls=["d"], kind=kind, boot=Bootstrap(200))
    assert np.isnan(found["estimate"].item())


def test_infinite_values_are_dropped_like_missing_ones():
    frame = points()
    frame.loc[3, "y"], frame.loc[4, "x"], frame.loc[5, "y"] = np.inf, -np.inf, np.nan
    found = correlate(frame, "x", "y", boot=Bootstrap(200))
    clean = correlate(frame.drop(index=[3, 4, 5]), "x", "y", boot=Bootstrap(200))
    pd.testing.assert_frame_equal(found, clean)
    assert found["n"].item() == 37


@pytest.mark.parametrize("way", [correlate, correlate_within])
def test_a_missing_column_is_named(way):
    with pytest.raises(UsageError, match="no column z"):
        way(points(), "x", "z")


@pytest.mark.parametrize("controls", [(), ("z",)])
def test_rank_correlations_of_many_images_have_the_intervals_of_the_bootstrap(controls):
    rng = np.random.default_rng(0)
    x, noise, other = rng.normal(size=(3, 1200))
    y = x + noise
    frame = pd.DataFrame(
        {"image_id": range(1200), "x": x.round(1), "y": y.round(1), "z": (x + other).round(0)}
    )
    boot = Bootstrap(1000)
    found = correlate(frame, "x", "y", kind="spearman", controls=controls, boot=boot).iloc[0]
    assert "jackknife" in found["method"]
    values = frame[["x", "y", *controls]].to_numpy()
    ranker = _Ranker(values)
    drawn = np.concatenate([ranker.correlation(counts) for counts in boot.counts(1200)])
    spread = np.arctanh(drawn).std()
    width = np.arctanh(found["high"]) - np.arctanh(found["low"])
    assert width / (2 * 1.96) == pytest.approx(spread, rel=0.08)
