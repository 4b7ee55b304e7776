"""Intervals hold the planted value; the table says where they do not."""

import numpy as np
import pytest

from analysis.stats.simulation.coverage import NARROW, WIDE, CoveragePlan, _said, covered
from analysis.stats.simulation.kinds import KINDS
from chair_eval.bootstrap import Bootstrap


@pytest.fixture(scope="module")
def table():
    *_, last = covered(CoveragePlan(40, (60,), 200, kinds=("pearson", "within", "crossed")))
    return last.set_index("interval")


def test_most_intervals_hold_the_truth(table):
    assert (table["covered"] >= 0.85).all()
    assert (table["defined"] == 1).all()
    assert (table["simulations"] == 40).all()


def test_a_verdict_is_more_than_chance():
    assert _said(0.92, 0.002) == NARROW
    assert _said(0.92, 0.01) == ""
    assert _said(0.99, 0.002) == WIDE
    assert _said(0.95, 0.001) == ""


def test_slow_kinds_draw_fewer_samples_of_many_images():
    plan = CoveragePlan(100)
    assert plan.samples("spearman", 5000) == 20
    assert plan.samples("spearman", 500) == plan.samples("study", 5000) == 100


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_limits_around_its_estimate(kind):
    found = KINDS[kind].limits(np.random.default_rng(0), 120, Bootstrap(200))
    assert found
    for name, (estimate, low, high) in found.items():
        assert low <= estimate <= high, name


def test_exact_truths_are_where_many_rows_lie():
    found = KINDS["crossed"].exact
    rng = np.random.default_rng(1)
    drawn = [KINDS["crossed"].limits(rng, 300, Bootstrap(0)) for _ in range(200)]
    for name, value in found.items():
        middle = np.median([each[name][0] for each in drawn])
        assert middle == pytest.approx(value, abs=0.12)
