"""The Gram matrix gives what SVD and pairwise distances give, only faster."""

import pytest
import torch

from analysis.measures.erank import effective_rank
from analysis.measures.gram import Gram, cosine_distances, eranks
from analysis.tokens import VisualTokens


def spectrum(rng: torch.Generator, power: float, n: int = 576, d: int = 4096) -> torch.Tensor:
    """(n, d) float32 tokens whose singular values fall as i^power."""
    left = torch.linalg.qr(torch.randn(n, n, generator=rng, dtype=torch.float64)).Q
    right = torch.linalg.qr(torch.randn(d, n, generator=rng, dtype=torch.float64)).Q
    sigma = torch.arange(1, n + 1, dtype=torch.float64) ** power
    return (left * sigma @ right.T * 100).float()


@pytest.mark.parametrize("power", [-0.5, -1.0, -2.0])
def test_erank_within_1e4_of_the_float64_svd(rng, power):
    tokens = spectrum(rng, power)
    gram = Gram.of(tokens)
    for centred in (True, False):
        exact = float(effective_rank(tokens, centred))
        assert gram.erank(centred=centred) == pytest.approx(exact, rel=1e-4)
    kept = torch.arange(3, 576, 9)
    exact = float(effective_rank(tokens[kept]))
    assert gram.erank(kept) == pytest.approx(exact, rel=1e-4)


def test_float32_would_not_be_enough(rng):
    """The reason for float64: the same in float32 misses by more than allowed."""
    tokens = spectrum(rng, -2.0)
    values = torch.linalg.eigvalsh(tokens @ tokens.T).clamp_min(0).sqrt().double()
    shares = values / values.sum()
    single = float(torch.special.entr(shares).sum().exp())
    exact = float(effective_rank(tokens, centred=False))
    assert abs(single - exact) / exact > 1e-3


@pytest.mark.parametrize("shape", [(1, 5), (2, 2), (50, 7), (9, 200)])
def test_small_and_rank_deficient_sets(rng, shape):
    tokens = torch.randn(*shape, generator=rng)
    tokens = torch.cat([tokens, tokens[:1], torch.zeros(1, shape[1])])
    for centred in (True, False):
        exact = float(effective_rank(tokens, centred))
        assert Gram.of(tokens).erank(centred=centred) == pytest.approx(exact, rel=1e-5)


def test_large_common_offset_does_not_leak_into_the_centred_rank(rng):
    tokens = torch.randn(60, 80, generator=rng).double()
    exact = float(effective_rank(tokens))
    assert Gram.of(tokens + 1000.0).erank() == pytest.approx(exact, rel=1e-5)


def test_constant_tokens_have_rank_one(rng):
    tokens = torch.randn(1, 64, generator=rng).repeat(100, 1)
    assert Gram.of(tokens).erank() == 1.0
    assert Gram.of(tokens).erank(centred=False) == pytest.approx(1.0, abs=1e-4)


def test_batch_of_eranks_equals_one_at_a_time(rng):
    images = [VisualTokens(features=torch.randn(40, 24, generator=rng)) for _ in range(3)]
    fresh = [VisualTokens(features=t.features) for t in images]
    together = eranks(images).tolist()
    assert together == pytest.approx([t.gram.erank() for t in fresh], rel=1e-12)


def test_distances_of_zero_tokens(rng):
    tokens = torch.randn(6, 8, generator=rng)
    tokens[[1, 4]] = 0.0
    distance = cosine_distances(tokens)
    assert distance[1, 4] == distance[1, 1] == 0.0
    assert torch.equal(distance[1, [0, 2, 3, 5]], torch.ones(4))


def test_distances_are_computed_once(rng):
    gram = Gram.of(torch.randn(6, 8, generator=rng))
    assert not gram.has_distance
    assert gram.cosine_distance() is gram.cosine_distance()


@pytest.mark.parametrize("bad", [torch.zeros(4), torch.zeros(0, 3), torch.zeros(3, 0)])
def test_what_is_no_matrix_names_the_field(bad):
    with pytest.raises(ValueError, match="features"):
        Gram.of(bad)
