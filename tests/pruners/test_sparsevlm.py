"""SparseVLM's tables, recycling rule and clustering."""

import math

import pytest
import torch

from analysis.pruners.sparsevlm import SparseVLM, SparseVLMv2, cluster, merge, recycled, split


@pytest.mark.parametrize(
    ("entering", "kept", "leaving"),
    [(576, 300, 309), (309, 200, 204), (204, 110, 113), (576, 303, 312), (312, 110, 117),
     (117, 36, 39), (576, 66, 82), (82, 30, 32), (32, 17, 18)],
)  # fmt: skip
def test_the_split_is_the_inverse_of_the_released_tables(entering, kept, leaving):
    members, clusters = recycled(entering - kept)
    assert kept + clusters == leaving
    assert split(entering, leaving) == (kept, members)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 37, 144, 576])
def test_every_count_can_be_left(n):
    for n_keep in range(1, n + 1):
        n_top, members = split(n, n_keep)
        clusters = n_keep - n_top
        assert 1 <= n_top <= n_keep
        assert n_top == n_keep or 1 <= clusters <= members <= n - n_top


def test_keeping_everything_merges_nothing():
    assert split(576, 576) == (576, 0)


def test_version_2_merges_nothing_and_keeps_positions():
    assert (SparseVLM().merges, SparseVLMv2().merges) == (True, False)
    assert (SparseVLM().position_policy, SparseVLMv2().position_policy) == ("reindex", "keep")
    assert SparseVLMv2().original_schedule(576, 32).stages == ((3, 300), (7, 200), (16, 118))


def test_blobs_are_found():
    generator = torch.Generator().manual_seed(0)
    middles = torch.tensor([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    points = torch.cat([m + 0.1 * torch.randn(7, 2, generator=generator) for m in middles])
    assignment, centres = cluster(points, 3)
    assert len(set(centres.tolist())) == 3
    for blob in range(3):
        assert len(set(assignment[7 * blob : 7 * blob + 7].tolist())) == 1
    assert assignment[centres].tolist() == [0, 1, 2]


@pytest.mark.parametrize("n_clusters", [1, 2, 4, 9, 30])
def test_clusters_equal_the_definition_written_as_loops(n_clusters):
    points = torch.randn(30, 6, generator=torch.Generator().manual_seed(3))
    apart = [[float((a - b).norm()) / 6**0.5 for b in points] for a in points]
    near = [sorted(row)[:n_clusters] for row in apart]
    density = [math.exp(-sum(d * d for d in row) / n_clusters) for row in near]
    order = sorted(range(30), key=lambda i: -density[i])  # stable: the lower index first
    gap = [min((apart[i][j] for j in order[: order.index(i)]), default=None) for i in range(30)]
    far = max(max(row) for row in apart)
    score = [rho * (far if g is None else g) for rho, g in zip(density, gap, strict=True)]
    peaks = sorted(range(30), key=lambda i: -score[i])[:n_clusters]
    join = [min(range(n_clusters), key=lambda c: row[peaks[c]]) for row in apart]
    assignment, centres = cluster(points, n_clusters)
    assert centres.tolist() == peaks
    assert assignment.tolist() == join


@pytest.mark.parametrize("n_clusters", [1, 2, 5, 6])
def test_equal_points_give_the_lowest_indices(n_clusters):
    assignment, centres = cluster(torch.ones(6, 3), n_clusters)
    assert centres.tolist() == list(range(n_clusters))
    assert sorted(set(assignment.tolist())) == list(range(n_clusters))


def test_merged_tokens_are_plain_means_of_their_members():
    states = torch.randn(12, 5, generator=torch.Generator().manual_seed(1))
    members = torch.tensor([9, 2, 4, 7, 1])
    merged = merge(states, members, 2)
    assert torch.allclose(merged.weights.sum(1), torch.ones(2))
    assert set(merged.weights.sum(0).nonzero().flatten().tolist()) == set(members.tolist())
    assert set(merged.representative.tolist()) <= set(members.tolist())
    for row, weights in enumerate(merged.weights):
        assert torch.allclose(merged.states[row], states[weights > 0].mean(0), atol=1e-6)
