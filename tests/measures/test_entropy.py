"""Attention entropy: the sentences of its docstring, checked."""

import math

import pytest
import torch

from analysis.measures.entropy import attention_entropy


def test_one_token_takes_all():
    assert float(attention_entropy(torch.tensor([0.0, 0.7, 0.0]))) == 0.0


@pytest.mark.parametrize("n", [1, 2, 144, 576, 2880])
def test_uniform_is_ln_n(n):
    assert float(attention_entropy(torch.full((n,), 0.4 / n))) == pytest.approx(math.log(n))


def test_only_proportions_matter(rng):
    row = torch.rand(576, generator=rng)
    assert float(attention_entropy(row)) == pytest.approx(float(attention_entropy(row * 7)))


def test_against_the_formula(rng):
    row = torch.rand(50, generator=rng, dtype=torch.float64)
    p = [float(v) / float(row.sum()) for v in row]
    assert float(attention_entropy(row)) == pytest.approx(-sum(v * math.log(v) for v in p))


def test_rows_of_a_batch_are_independent(rng):
    rows = torch.rand(3, 20, generator=rng)
    alone = torch.stack([attention_entropy(row) for row in rows])
    assert torch.equal(attention_entropy(rows), alone)


def test_half_precision_is_computed_in_double():
    assert attention_entropy(torch.full((100,), 0.01, dtype=torch.float16)).dtype == torch.float64


@pytest.mark.parametrize("bad", [[0.1, float("nan")], [0.1, float("inf")], [0.2, -0.1], [0.0, 0.0]])
def test_what_is_no_distribution_names_the_field(bad):
    with pytest.raises(ValueError, match="cls_attention"):
        attention_entropy(torch.tensor(bad))
