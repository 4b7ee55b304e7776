"""Quartile keeps one quarter of the raster positions, and fills up by attention."""

import pytest
import torch

from analysis.errors import UsageError
from analysis.pruners import make_pruner
from analysis.tokens import VisualTokens


def image(n=16, seed=0):
    random = torch.Generator().manual_seed(seed)
    return VisualTokens(
        features=torch.randn(n, 5, generator=random),
        cls_attention=torch.rand(n, generator=random) / n,
        grid=(4, n // 4) if n % 4 == 0 else None,
    )


@pytest.mark.parametrize("quarter", range(4))
@pytest.mark.parametrize("n", [16, 18, 7])
def test_the_best_of_the_quarter_come_first(n, quarter):
    tokens = image(n)
    low, high = quarter * n // 4, (quarter + 1) * n // 4
    attention = tokens.cls_attention.tolist()
    ranked = sorted(range(n), key=lambda i: (-attention[i], i))
    inside = [i for i in ranked if low <= i < high]
    outside = [i for i in ranked if not low <= i < high]
    for keep in range(1, n):
        selection = make_pruner(f"quartile:quartile={quarter}").select(tokens, keep)
        wanted = (inside + outside)[:keep]
        assert selection.indices.tolist() == sorted(wanted)
        labelled = zip(selection.indices.tolist(), selection.groups, strict=True)
        held = {i for i, group in labelled if group == "fill"}
        assert held == set(wanted) - set(inside)
        assert selection.info["filled"] == len(held)


def test_four_quarters_tile_every_image():
    for n in (4, 5, 16, 23, 144, 577):
        tokens = image(n, seed=n)
        found = []
        for quarter in range(4):
            size = (quarter + 1) * n // 4 - quarter * n // 4
            found += make_pruner(f"quartile:quartile={quarter}").select(tokens, size).kept.tolist()
        assert sorted(found) == list(range(n))


def test_ties_go_to_the_lowest_index():
    tokens = VisualTokens(features=torch.eye(8), cls_attention=torch.full((8,), 0.1))
    selection = make_pruner("quartile:quartile=2").select(tokens, 3)
    assert selection.indices.tolist() == [0, 4, 5]


def test_a_batch_equals_one_by_one():
    batch = [image(seed=s) for s in range(5)]
    pruner = make_pruner("quartile:quartile=1")
    for together, tokens in zip(pruner.select_batch(batch, 6), batch, strict=True):
        assert together.indices.tolist() == pruner.select(tokens, 6).indices.tolist()


def test_a_fifth_quarter_is_refused():
    with pytest.raises(UsageError, match=r"quartile must be in \[0, 3\], got 4"):
        make_pruner("quartile:quartile=4")
