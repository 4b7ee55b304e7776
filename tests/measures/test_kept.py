"""Measures of kept sets against the plain way of computing each."""

import math

import pytest
import torch

from analysis.measures import measure_table
from analysis.measures.erank import effective_rank
from analysis.measures.kept import coverage, jaccard, kept_measures
from analysis.pruners import Selection, make_pruner
from analysis.tokens import VisualTokens


def chosen(indices: list[int], n: int, weights: torch.Tensor | None = None) -> Selection:
    """Build a selection of the given tokens."""
    return Selection(torch.tensor(indices), ("x",) * len(indices), n, weights)


@pytest.fixture
def tokens(rng) -> VisualTokens:
    attention = torch.rand(36, generator=rng) / 40
    features = torch.randn(36, 20, generator=rng)
    return VisualTokens(features=features, cls_attention=attention, grid=(6, 6))


def test_every_measure_against_its_definition(tokens):
    index = [1, 8, 20, 35]
    found = kept_measures(tokens, chosen(index, 36))
    kept, attention = tokens.features[index], tokens.cls_attention
    assert found["erank"] == pytest.approx(float(effective_rank(kept)), rel=1e-6)
    assert found["erank_plain"] == pytest.approx(float(effective_rank(kept, False)), rel=1e-6)
    mass = float(attention[index].sum() / attention.sum())
    assert found["attention_mass"] == pytest.approx(mass, rel=1e-6)
    assert found["attention_mean"] == pytest.approx(float(attention[index].mean()), rel=1e-6)
    pairs = [(a, b) for a in range(4) for b in range(a)]
    cosines = [float(torch.cosine_similarity(kept[a], kept[b], 0)) for a, b in pairs]
    assert found["pairwise_distance"] == pytest.approx(1 - sum(cosines) / 6, rel=1e-5)


def test_names_are_in_the_catalogue(tokens):
    names = {m.name.removeprefix("kept_") for m in measure_table().values() if m.about == "kept"}
    assert names == set(kept_measures(tokens, chosen([0, 1], 36)))


def test_all_tokens(tokens):
    found = kept_measures(tokens, make_pruner("full").select(tokens, 36))
    assert found["attention_mass"] == pytest.approx(1.0)
    assert found["coverage"] == 1.0
    assert found["erank"] == pytest.approx(tokens.gram.erank())


@pytest.mark.parametrize(
    ("index", "cells"), [([0], 4), ([7], 9), ([7, 10, 25, 28], 36), ([0, 5, 30, 35], 16)]
)
def test_coverage_counts_cells_on_and_beside_kept_tokens(tokens, index, cells):
    assert coverage(tokens, chosen(index, 36)) == pytest.approx(cells / 36)


def test_absent_evidence_is_nan_not_zero(rng):
    bare = VisualTokens(features=torch.randn(7, 5, generator=rng))
    found = kept_measures(bare, chosen([3], 7))
    for name in ("attention_mass", "attention_mean", "coverage", "pairwise_distance"):
        assert math.isnan(found[name]), name
    assert found["erank"] == 1.0


def test_merged_rows_are_measured_as_what_they_merge(tokens, rng):
    weights = torch.zeros(3, 37)
    weights[0, 0] = 1.0
    weights[1, [3, 4]] = 0.5
    weights[2, 9] = 1.0
    found = kept_measures(tokens, chosen([-1, 2, 8], 36, weights))
    rows = weights[1:, 1:] @ tokens.features
    assert found["erank_plain"] == pytest.approx(float(effective_rank(rows, False)), rel=1e-5)
    given = torch.randn(3, 20, generator=rng)
    found = kept_measures(tokens, chosen([-1, 2, 8], 36, weights), given)
    assert found["erank"] == pytest.approx(float(effective_rank(given)), rel=1e-6)


def test_one_hot_weights_measure_as_the_plain_selection(tokens):
    plain = chosen([2, 30, 33], 36)
    merged = chosen([2, 30, 33], 36, plain.matrix())
    assert kept_measures(tokens, merged) == pytest.approx(kept_measures(tokens, plain), rel=1e-6)


def test_jaccard():
    assert jaccard(chosen([1, 2, 3], 9), chosen([2, 3, 4], 9)) == 0.5
    assert jaccard(chosen([1], 9), chosen([1], 9)) == 1.0
    assert jaccard(chosen([1], 9), chosen([2], 9)) == 0.0
    assert jaccard(chosen([-1, 5], 9), chosen([5, -1], 9)) == 1.0
    assert math.isnan(jaccard(chosen([-1], 9), chosen([-1], 9)))
    with pytest.raises(ValueError, match="among 9"):
        jaccard(chosen([1], 9), chosen([1], 8))
