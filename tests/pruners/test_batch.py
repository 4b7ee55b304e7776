"""A batch of images gives what the images give one at a time."""

import pytest
import torch

from analysis.pruners import Pruner, make_pruner
from tests.pruners.inputs import field_tokens, random_tokens
from tests.pruners.test_matrix import FREE, SPECS

# Methods of which the study needs batches without a loop over images.
TOGETHER = ["fastervlm", "divprune", "fps", "agilepruner", "mixture", "visionzip"]


def same(a, b) -> None:
    """Check that two selections are equal in every respect."""
    assert a.indices.tolist() == b.indices.tolist()
    assert a.groups == b.groups
    assert a.info.keys() == b.info.keys()
    for name, value in a.info.items():
        exact = isinstance(value, list | str)
        assert b.info[name] == (value if exact else pytest.approx(value)), name
    assert (a.weights is None) == (b.weights is None)
    if a.weights is not None:
        assert torch.equal(a.weights, b.weights)


@pytest.mark.parametrize("spec", [*SPECS, *FREE])
@pytest.mark.parametrize("sizes", [(30, 30, 30), (30, 31), (12,), ()])
def test_batch_equals_one_at_a_time(spec, sizes):
    pruner = make_pruner(spec)
    seeds = [torch.Generator().manual_seed(i) for i in range(len(sizes))]
    batch = pruner.select_batch([random_tokens(n, i) for i, n in enumerate(sizes)], 11, seeds)
    assert len(batch) == len(sizes)
    for i, (n, together) in enumerate(zip(sizes, batch, strict=True)):
        alone = pruner.select(random_tokens(n, i), 11, torch.Generator().manual_seed(i))
        same(together, alone)


@pytest.mark.parametrize("spec", TOGETHER)
@pytest.mark.parametrize("keep", [16, 49, 128])
def test_smooth_fields_decide_alike_in_a_batch(spec, keep):
    pruner = make_pruner(spec)
    batch = pruner.select_batch([field_tokens(s) for s in (1, 2, 3)], keep)
    for seed, together in zip((1, 2, 3), batch, strict=True):
        same(together, pruner.select(field_tokens(seed), keep))


@pytest.mark.parametrize("name", TOGETHER)
def test_no_loop_over_images(name):
    cls = type(make_pruner(name))
    assert cls._select_many is not Pruner._select_many
    assert cls._select is Pruner._select


def test_keeping_all_in_a_batch():
    for found in make_pruner("visionzip").select_batch([random_tokens(6), random_tokens(6, 1)], 6):
        assert found.indices.tolist() == list(range(6))


def test_generators_must_match_the_batch():
    with pytest.raises(ValueError, match="generators must have 2"):
        make_pruner("random").select_batch([random_tokens(4), random_tokens(4)], 2, [None])


@pytest.mark.parametrize("spec", ["fastervlm", "agilepruner"])
def test_one_bad_image_is_named_in_a_batch(spec):
    bad = random_tokens(6)
    bad.cls_attention[2] = torch.nan
    with pytest.raises(ValueError, match="cls_attention must be finite"):
        make_pruner(spec).select_batch([random_tokens(6), bad], 2)
