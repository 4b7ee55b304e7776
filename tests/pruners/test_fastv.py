"""FastV's stage."""

import pytest
import torch

from analysis.errors import UsageError
from analysis.pruners.fastv import FastV
from analysis.pruners.inllm.contract import top
from analysis.tokens import VisualTokens


@pytest.mark.parametrize(("n_layers", "layer"), [(32, 2), (3, 2), (2, 1)])
def test_the_stage_follows_two_full_layers(n_layers, layer):
    assert FastV().stages(n_layers) == [(layer, 0.5)]


def test_a_model_of_one_layer_has_no_stage():
    assert FastV().stages(1) == []


def test_without_attention_the_message_says_how_it_runs_in_a_model():
    tokens = VisualTokens(features=torch.randn(9, 4))
    with pytest.raises(UsageError, match=r"needs llm_attention.*prune_inside"):
        FastV().select(tokens, 4)


@pytest.mark.parametrize(("dropped", "kept"), [(0.5, 288), (0.7, 173), (0.75, 144), (0.9, 58)])
def test_the_original_count_is_rounded(dropped, kept):
    assert FastV(dropped=dropped).original_schedule(576, 32).stages == ((2, kept),)


@pytest.mark.parametrize("dropped", [-0.1, 1.0])
def test_a_share_out_of_range_is_named(dropped):
    with pytest.raises(UsageError, match="dropped must be at least 0 and below 1"):
        FastV(dropped=dropped)


def test_ties_go_to_the_lowest_index_and_order_is_kept():
    assert top(torch.tensor([0.5, 1.0, 0.5, 2.0, 0.5]), 3).tolist() == [0, 1, 3]


def test_its_label_names_what_differs_from_the_default():
    assert FastV().label == "fastv"
    assert FastV(full_layers=3).label == "fastv:full_layers=3"
