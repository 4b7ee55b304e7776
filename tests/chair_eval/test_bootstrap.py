"""Intervals: known answers, equal seeds, nominal coverage, degenerate data."""

import numpy as np
import pytest
from scipy import stats as reference

from analysis.stats.ratios import ratio
from chair_eval.bootstrap import Bootstrap, Statistic, bootstrap
from chair_eval.errors import UsageError

FAST = Bootstrap(n_resamples=500)


def mean_statistic(values):
    return Statistic(np.column_stack([values, np.ones_like(values)]), ratio)


def test_counts_draw_every_resample_with_n_images():
    counts = np.concatenate(list(FAST.counts(37)))
    assert counts.shape == (500, 37)
    assert (counts.sum(axis=1) == 37).all()


def test_equal_seeds_give_equal_intervals_and_other_seeds_do_not():
    statistic = mean_statistic(np.random.default_rng(1).normal(size=80))
    first, again = bootstrap([statistic], FAST)[0], bootstrap([statistic], FAST)[0]
    other = bootstrap([statistic], Bootstrap(500, seed=1))[0]
    assert first == again
    assert first.low != other.low


def test_interval_and_p_are_one_construction():
    values = np.random.default_rng(5).gamma(1, size=150) - 0.9
    found = bootstrap([mean_statistic(values)], Bootstrap())[0]
    assert found.test(found.low) == pytest.approx(0.05, abs=0.003)
    assert found.test(found.high) == pytest.approx(0.05, abs=0.003)
    assert found.test(found.estimate) > 0.8
    assert found.p == found.test(0.0)
    assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


def test_equivalence_is_the_interval_of_twice_the_tail_inside_the_margin():
    values = np.random.default_rng(6).normal(0.1, 1, size=400)
    found = bootstrap([mean_statistic(values)], Bootstrap(level=0.9))[0]
    outer = max(abs(found.low), abs(found.high))
    assert found.within(outer) == pytest.approx(0.05, abs=0.003)
    assert found.within(1.5 * outer) < 0.05 < found.within(0.8 * outer)
    assert found.within(0) == 1


def test_no_interval_has_no_p():
    found = bootstrap([mean_statistic(np.ones(50))], FAST)[0]
    assert np.isnan([found.p, found.test(), found.within(1)]).all()


def test_ten_thousand_resamples_hold_the_first_decimal_of_a_limit():
    assert Bootstrap().n_resamples == 10_000
    statistic = mean_statistic(np.random.default_rng(7).normal(0, 100 / 6, size=300))
    lows = [bootstrap([statistic], Bootstrap(seed=seed))[0].low for seed in range(8)]
    assert np.ptp(lows) < 0.2
    assert np.std(lows) == pytest.approx(2.7 * 0.96 / 100, rel=0.8)


def test_resamples_are_drawn_once_and_in_the_same_order():
    first, again = (np.concatenate(list(FAST.counts(37))) for _ in range(2))
    assert (first == again).all()
    assert first.dtype == np.float64


def test_agrees_with_scipy_bca():
    values = np.random.default_rng(2).exponential(size=120)
    ours = bootstrap([mean_statistic(values)], Bootstrap(20_000))[0]
    theirs = reference.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    assert ours.low == pytest.approx(theirs.low, abs=0.01)
    assert ours.high == pytest.approx(theirs.high, abs=0.01)


def test_ratio_of_sums_covers_at_its_nominal_rate():
    rng = np.random.default_rng(3)
    hits = 0
    for trial in range(200):
        mentions = rng.poisson(4, size=100) + 1
        rate = rng.beta(2, 8, size=100)
        wrong = rng.binomial(mentions, rate)
        sums = np.column_stack([wrong, mentions]).astype(float)
        found = bootstrap([Statistic(sums, ratio)], Bootstrap(400, seed=trial))[0]
        hits += found.low <= 0.2 <= found.high
    assert 180 <= hits <= 198


def test_detectable_effect_is_found_with_power_080():
    rng = np.random.default_rng(4)
    effect = bootstrap([mean_statistic(rng.normal(size=400))], FAST)[0].detectable
    draws = rng.normal(effect, 1, size=(2000, 400))
    z = draws.mean(axis=1) / (draws.std(axis=1, ddof=1) / 20)
    assert (np.abs(z) > 1.96).mean() == pytest.approx(0.8, abs=0.06)


def test_no_image_is_nan_and_n_zero():
    found = bootstrap([Statistic(np.zeros((0, 2)), ratio)], FAST)[0]
    assert np.isnan(found.estimate)
    assert found.n == 0


def test_constant_values_have_an_estimate_but_no_interval():
    found = bootstrap([mean_statistic(np.full(50, 3.0))], FAST)[0]
    assert found.estimate == 3.0
    assert np.isnan(found.low)
    assert "same value" in found.method


@pytest.mark.parametrize(
    ("field", "value"), [("n_resamples", -1), ("n_resamples", 10**7), ("level", 1.0), ("seed", -1)]
)
def test_wrong_parameters_are_named(field, value):
    with pytest.raises(UsageError, match=field):
        Bootstrap(**{field: value})


def test_statistics_over_different_images_are_refused():
    with pytest.raises(UsageError, match="cannot share resamples"):
        bootstrap([mean_statistic(np.ones(3)), mean_statistic(np.ones(4))], FAST)
