"""The correlation over methods: exact p-values by hand, leave-one-out by name."""

import numpy as np
import pytest

from analysis.stats.method_level import method_level


def test_three_methods_in_a_row_are_one_of_six_pairings_and_its_mirror():
    found = method_level(["a", "b", "c"], np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]))
    assert found.r == pytest.approx(1)
    assert found.p == pytest.approx(2 / 6)
    assert np.isnan(found.low)
    assert found.n == 3


def test_leaving_one_out_names_the_method_that_carries_it():
    x = np.array([0.0, 1.0, 2.0, 3.0, 20.0])
    y = np.array([1.0, 0.0, 1.0, 0.0, 20.0])
    found = method_level(list("abcde"), x, y)
    assert found.r > 0.98
    assert found.low_without == "e"
    assert found.low < 0


def test_the_exact_p_is_uniform_under_no_relation():
    rng = np.random.default_rng(0)
    p = [method_level(list("abcde"), rng.normal(size=5), rng.normal(size=5)).p for _ in range(200)]
    assert 0.01 < np.mean(np.array(p) <= 0.05 + 1e-12) < 0.1


def test_more_than_eight_methods_draw_their_pairings_from_a_seed():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 11))
    first, again = (method_level([str(i) for i in range(11)], x, y, seed=3) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("y", [[1.0, 1.0, 1.0], [1.0, np.nan, 2.0]])
def test_no_correlation_of_a_constant_or_of_two_methods(y):
    found = method_level(["a", "b", "c"], np.array([1.0, 2.0, 3.0]), np.array(y))
    assert np.isnan(found.r)
    assert np.isnan(found.p)
