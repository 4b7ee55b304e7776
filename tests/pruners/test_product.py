"""Products of rows and the largest of each row, against the plain formulations."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.pruners.product import largest, row_products


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7), (64, 576, 96)])
def test_products_are_those_of_the_rows(shape, dtype):
    rows, others, width = shape
    draw = torch.Generator().manual_seed(0)
    left = torch.randn(rows, width, generator=draw).to(dtype)
    right = torch.randn(width, others, generator=draw).to(dtype).T
    found = row_products(left, right)
    assert found.dtype == dtype
    torch.testing.assert_close(found, left @ right.mT)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_the_largest_of_each_row_ties_to_the_lowest_index(data):
    rows, columns = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 40))
    count = data.draw(st.integers(1, columns))
    # Few different values, so that most thresholds are tied.
    draw = torch.Generator().manual_seed(data.draw(st.integers(0, 999)))
    values = torch.randint(0, 4, (rows, columns), generator=draw).float()
    values[:, 0] = -torch.inf
    marks = largest(values, count)
    for row, mark in zip(values, marks, strict=True):
        expected = torch.sort(row, descending=True, stable=True).indices[:count]
        assert mark.nonzero().flatten().tolist() == sorted(expected.tolist())
