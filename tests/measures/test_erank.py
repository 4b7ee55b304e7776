"""Effective rank by singular values: the sentences of its docstring, checked."""

import math

import pytest
import torch

from analysis.measures.erank import effective_rank


def test_rank_one_is_one(rng):
    tokens = torch.outer(torch.randn(30, generator=rng), torch.randn(20, generator=rng))
    assert float(effective_rank(tokens, centred=False)) == pytest.approx(1.0, abs=1e-4)
    assert float(effective_rank(tokens)) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("k", [2, 7, 40])
def test_equal_singular_values_give_their_number(k):
    assert float(effective_rank(3.0 * torch.eye(k), centred=False)) == pytest.approx(k)


def test_two_singular_values_by_hand():
    q = torch.tensor([0.75, 0.25], dtype=torch.float64)
    expected = math.exp(-float((q * q.log()).sum()))
    assert float(effective_rank(torch.diag(4 * q), centred=False)) == pytest.approx(expected)


def test_centring_bounds_by_n_minus_one(rng):
    tokens = torch.randn(12, 500, generator=rng)
    assert 10.5 < float(effective_rank(tokens)) <= 11.0 + 1e-9
    assert float(effective_rank(tokens, centred=False)) > 11.0


@pytest.mark.parametrize("centred", [True, False])
def test_shift_matters_only_without_centring(rng, centred):
    tokens = torch.randn(40, 30, generator=rng, dtype=torch.float64)
    same = math.isclose(
        float(effective_rank(tokens, centred)),
        float(effective_rank(tokens + 5.0, centred)),
        rel_tol=1e-9,
    )
    assert same is centred


@pytest.mark.parametrize("tokens", [torch.zeros(5, 4), torch.full((7, 300), 0.1), torch.ones(1, 9)])
def test_no_variation_is_one_by_convention(tokens):
    assert float(effective_rank(tokens)) == 1.0


@pytest.mark.parametrize(
    "bad", [torch.zeros(3), torch.zeros(0, 4), torch.full((2, 2), torch.nan), torch.zeros(4, 0)]
)
def test_bad_input_names_the_field(bad):
    with pytest.raises(ValueError, match="features"):
        effective_rank(bad)
