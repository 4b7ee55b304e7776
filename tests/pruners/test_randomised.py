"""Drawn doses: blind to the image, recorded, and the same for the same seed."""

from dataclasses import replace

import pytest
import torch

from analysis.errors import UsageError
from analysis.pruners import make_pruner
from tests.pruners.inputs import random_tokens


def select(spec, tokens, keep, seed):
    return make_pruner(spec).select(tokens, keep, torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def tokens():
    return random_tokens(64, seed=3)


def test_the_share_is_uniform_and_the_selection_is_the_mixture_at_it(tokens):
    drawn = [select("randomised_share", tokens, 9, seed).info["instrument"] for seed in range(300)]
    assert min(drawn) < 0.05
    assert max(drawn) > 0.95
    assert abs(sum(drawn) / 300 - 0.5) < 0.05
    found = select("randomised_share", tokens, 9, 7)
    plain = make_pruner(f"mixture:attention_share={found.info['attention_share']}")
    assert found.indices.tolist() == plain.select(tokens, 9).indices.tolist()


def test_the_draw_is_blind_to_the_image(tokens):
    other = random_tokens(64, seed=9)
    for spec in ("randomised_share", "randomised_erank"):
        first, second = (select(spec, image, 9, 5).info["instrument"] for image in (tokens, other))
        assert first == second


def test_a_higher_stratum_has_a_higher_erank(tokens):
    found = [select("randomised_erank", tokens, 9, seed) for seed in range(120)]
    by_stratum = [[], [], [], []]
    for each in found:
        by_stratum[each.info["stratum"]].append(tokens.gram.erank(each.indices))
        low, high = each.info["eranks"]
        assert low - 1e-5 <= by_stratum[each.info["stratum"]][-1] <= high + 1e-5
    means = [sum(values) / len(values) for values in by_stratum]
    assert means == sorted(means)
    assert {each.info["instrument"] for each in found} == {0.0, 1 / 3, 2 / 3, 1.0}


def test_the_strata_use_no_attention(tokens):
    blind = replace(tokens, cls_attention=None)
    assert (
        select("randomised_erank", blind, 9, 2).indices.tolist()
        == select("randomised_erank", tokens, 9, 2).indices.tolist()
    )


@pytest.mark.parametrize("spec", ["draws=6", "strata=1", "draws=2"])
def test_an_order_that_cannot_be_cut_is_refused(spec):
    with pytest.raises(UsageError, match=r"draws|strata"):
        make_pruner(f"randomised_erank:{spec}")
