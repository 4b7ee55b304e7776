"""Images and methods as units: planted slopes inside and between, and honest few methods."""

import numpy as np
import pandas as pd
import pytest

from analysis.stats.correlation import correlate_within
from analysis.stats.crossed import IMAGES, INNER, METHODS, WITHIN, Crossed, association
from chair_eval.bootstrap import Bootstrap

FAST = Bootstrap(400)


def units(rng, n=200, m=8, method=0.0, inner=0.0, spread=1.0):
    """``method`` is the slope of the methods' means, ``inner`` the one inside image and method."""
    level = spread * rng.normal(size=m)
    x = level + rng.normal(size=(n, 1)) + rng.normal(size=(n, m))
    deviation = x - x.mean(1, keepdims=True) - level
    y = method * level + inner * deviation + rng.normal(size=(n, m))
    return pd.DataFrame(
        {
            "image_id": np.repeat([f"i{k:04d}" for k in range(n)], m),
            "variant": np.tile([f"m{k}@8" for k in range(m)], n),
            "erank": x.ravel(),
            "wrong": y.ravel(),
        }
    )


def test_within_images_is_the_correlation_of_deviations():
    frame = units(np.random.default_rng(0), method=0.5)
    found = association(frame, "erank", "wrong", FAST).set_index("group")
    plain = correlate_within(frame, "erank", "wrong", boot=FAST).iloc[0]
    assert found.loc[WITHIN, "estimate"] == pytest.approx(plain["estimate"])
    # Few methods are no thousand rows: the honest interval is wider.
    assert np.ptp(found.loc[WITHIN, ["low", "high"]]) > 2 * (plain["high"] - plain["low"])


def test_slopes_inside_and_between_methods_are_told_apart():
    frame = units(np.random.default_rng(1), method=1.0, inner=-0.6)
    found = association(frame, "erank", "wrong", FAST).set_index("group")
    assert found.loc[METHODS, "estimate"] > 0.8
    assert found.loc[INNER, "high"] < 0
    assert 0 < found.loc[WITHIN, "share"] < 1
    own = found[found.index.str.startswith("method ")]
    assert len(own) == 8
    assert (own["estimate"] < 0).all()
    assert IMAGES in found.index


def test_methods_alone_do_not_pass_for_evidence():
    seen = 0
    for trial in range(60):
        rng = np.random.default_rng(trial)
        frame = units(rng, n=60, m=6, spread=2.0)
        shift = dict(zip(frame["variant"].unique(), rng.normal(size=6), strict=True))
        frame["wrong"] += frame["variant"].map(shift)  # methods differ, but not by erank
        row = association(frame, "erank", "wrong", Bootstrap(200, seed=trial)).iloc[0]
        seen += row["low"] > 0 or row["high"] < 0
    assert seen <= 6  # images alone as units "see" it in most


def test_leaving_out_a_method_shows_who_carries_it():
    frame = units(np.random.default_rng(2))
    odd = frame["variant"] == "m3@8"
    frame.loc[odd, ["erank", "wrong"]] += 12.0
    row = association(frame, "erank", "wrong", FAST).set_index("group").loc[WITHIN]
    assert row["without"] == "m3@8"
    assert row["lowest"] < 0.2 < row["estimate"]
    assert row["lowest"] <= row["highest"]


def test_images_that_a_method_lacks_are_left_out():
    frame = units(np.random.default_rng(3), n=30)
    data = Crossed.of(frame.iloc[1:], "erank", "wrong")
    assert data.x.shape == (29, 8)


@pytest.mark.parametrize("m", [1, 2])
def test_too_few_methods_have_no_interval(m):
    found = association(units(np.random.default_rng(4), n=30, m=m), "erank", "wrong", FAST)
    groups = found.set_index("group")
    assert np.isnan(groups.loc[METHODS, "low"])
    assert np.isnan(groups.loc[WITHIN, "low"]) == (m == 1)


def test_without_resamples_there_are_estimates_and_no_limits():
    frame = units(np.random.default_rng(0), n=30)
    found = association(frame, "erank", "wrong", Bootstrap(0)).set_index("group").loc[WITHIN]
    assert np.isfinite(found["estimate"])
    assert np.isnan(found["low"])
