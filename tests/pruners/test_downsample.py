"""Downsampling: plain average pooling where it fits, exact counts where it does not."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import avg_pool2d

from analysis.catalogue import DESIGN, METHODS, is_method
from analysis.errors import UsageError
from analysis.models.anyres import AnyresTokens
from analysis.models.crops import CropPolicy
from analysis.models.crops import select as select_in_crops
from analysis.pruners import make_pruner
from analysis.pruners.downsample import bands_of
from tests.pruners.inputs import random_tokens

POOL = make_pruner("downsample")


@pytest.mark.parametrize(
    ("grid", "keep", "block"),
    [((24, 24), 64, (3, 3)), ((12, 12), 36, (2, 2)), ((12, 12), 8, (6, 3)), ((6, 8), 12, (2, 2))],
)
def test_blocks_that_fit_the_grid_are_plain_average_pooling(grid, keep, block):
    tokens = random_tokens(grid[0] * grid[1], grid=grid)
    found = POOL.select(tokens, keep).apply(tokens.encoder_features)
    picture = tokens.encoder_features.T.reshape(1, -1, *grid)
    wanted = avg_pool2d(picture, block)[0].flatten(1).T
    torch.testing.assert_close(found, wanted)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(height=st.integers(1, 14), width=st.integers(1, 14), data=st.data())
def test_every_count_of_every_grid(height, width, data):
    keep = data.draw(st.integers(1, height * width))
    tokens = random_tokens(height * width, grid=(height, width))
    found = POOL.select(tokens, keep)
    assert found.n_kept == keep
    assert found.indices.tolist() == sorted(set(found.indices.tolist()))
    weights = found.matrix()
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(keep))
    assert bool((weights[:, 0] == 0).all())
    assert bool((weights[:, 1:].sum(dim=0) > 0).all()), "a token that counts nowhere"


def test_a_constant_image_stays_constant_and_its_mean_stays_with_equal_cells():
    tokens = random_tokens(144, grid=(12, 12))
    flat = replace(tokens, encoder_features=torch.ones(144, 12))
    assert torch.allclose(POOL.select(flat, 31).apply(flat.encoder_features), torch.ones(31, 12))
    pooled = POOL.select(tokens, 16).apply(tokens.encoder_features)
    torch.testing.assert_close(pooled.mean(dim=0), tokens.encoder_features.mean(dim=0))


def test_cells_are_nearly_square():
    assert bands_of((12, 12), 16) == 4
    assert bands_of((24, 24), 128) == 11
    assert bands_of((24, 12), 8) == 4
    assert bands_of((1, 9), 4) == 1


def test_without_a_grid_it_is_one_sentence():
    with pytest.raises(UsageError, match=r"downsample needs the grid .* grid = \(rows, columns\)"):
        POOL.select(random_tokens(9, grid=None), 4)


@pytest.mark.parametrize("budget", ["crop", "global"])
def test_an_image_in_crops_is_pooled_crop_by_crop(budget):
    parts = (random_tokens(9, grid=(3, 3)), random_tokens(4, seed=1, grid=(2, 2)))
    places = (torch.arange(9), torch.tensor([9, 10, 12, 13]))
    newline = torch.zeros(15, dtype=torch.bool)
    newline[[11, 14]] = True
    tokens = AnyresTokens(
        features=torch.randn(15, 12),
        crop=torch.tensor([0] * 9 + [1, 1, -1, 1, 1, -1]),
        newline=newline,
        parts=parts,
        places=places,
    )
    found = select_in_crops(POOL, tokens, 6, None, CropPolicy(budget))
    assert found.n_kept == 6
    assert found.info["counts"] == [3, 3]


def test_it_is_compared_and_the_design_is_not():
    assert is_method("downsample")
    assert METHODS.get("downsample").family == "none"
    assert not any(is_method(name) for name in DESIGN)
