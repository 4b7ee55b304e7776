"""Products of resampled counts: right, multiplied once, and bounded."""

import numpy as np

from chair_eval.products import Products


class Counted:
    """Resampled counts that remember how often they were asked for."""

    def __init__(self, n=20, resamples=50):
        rng = np.random.default_rng(0)
        self.table = rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(float)
        self.asked = 0

    def __call__(self):
        self.asked += 1
        yield from np.array_split(self.table, 3)


def test_products_are_those_of_the_counts():
    counts, table = Counted(), np.random.default_rng(1).normal(size=(20, 4))
    found = Products().of(table, "draw", counts)
    np.testing.assert_allclose(found, counts.table @ table)


def test_a_column_is_multiplied_once_whatever_stands_beside_it():
    counts, kept = Counted(), Products()
    table = np.random.default_rng(1).normal(size=(20, 4))
    first = kept.of(table, "draw", counts)
    again = kept.of(table[:, [2, 0, 2]], "draw", counts)
    assert counts.asked == 1
    assert (again == first[:, [2, 0, 2]]).all()
    kept.of(table, "another draw", counts)
    assert counts.asked == 2


def test_memory_is_bounded_and_the_oldest_goes_first():
    counts, table = Counted(), np.random.default_rng(1).normal(size=(20, 4))
    kept = Products(room=2 * 50 * 8)
    found = kept.of(table, "draw", counts)
    np.testing.assert_allclose(found, counts.table @ table)
    assert len(kept) == 2
    kept.of(table[:, 3:], "draw", counts)
    assert counts.asked == 1
    kept.of(table[:, :1], "draw", counts)
    assert counts.asked == 2
