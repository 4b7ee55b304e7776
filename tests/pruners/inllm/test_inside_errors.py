"""What `prune_inside` refuses, and how it says so."""

import pytest
import torch
from torch import nn
from transformers import StaticCache

from analysis.pruners.fastv import FastV
from analysis.pruners.inllm import prune_inside


def enter(model, prompt, **kwargs):
    arguments = {"image_mask": prompt.image, "keep": 24, **kwargs}
    with prune_inside(model, FastV(), **arguments) as session:
        prompt.generate(model)
    return session


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"keep": 0}, r"keep must be in \[1, 40\]"),
        ({"keep": 41}, r"keep must be in \[1, 40\]"),
        ({"keep": 25.5}, "keep must be an integer"),
        ({"keep": True}, "keep must be an integer"),
        ({"keep": "24"}, "keep must be an integer"),
        ({"keep": 13}, "keep must be at least 14 for fastv, got 13"),
        ({"image_mask": None}, "image_mask or input_ids"),
        ({"image_mask": torch.ones(3, dtype=torch.bool)}, r"image_mask must be \(B, T\)"),
        ({"attention_mask": torch.ones(1, 3)}, "attention_mask must have the shape"),
        ({"position_policy": "shuffle"}, "position_policy must be one of reindex, keep"),
        ({"input_ids": torch.ones(1, 9)}, "one of them"),
        ({"image_mask": None, "input_ids": torch.ones(1, 9)}, "image_token_id"),
    ],
)
def test_bad_arguments_name_the_field(tools, change, says):
    with pytest.raises(ValueError, match=says):
        enter(tools.llama(), tools.prompt(), **change)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_prompt_that_is_no_number_is_refused(tools, bad):
    prompt, model = tools.prompt(), tools.llama()
    prompt.embeds[0, 5, 2] = bad
    with pytest.raises(ValueError, match="inputs_embeds must be finite"):
        enter(model, prompt)
    assert not any(layer._forward_pre_hooks for layer in model.model.layers)


def test_an_unreachable_keep_is_reached_with_shift(tools):
    model, prompt = tools.llama(), tools.prompt()
    with prune_inside(model, FastV(shift=True), prompt.image, 13) as session:
        prompt.forward(model)
    assert session.schedules[0].layers == (1,)
    assert abs(session.mean_tokens[0] - 13) <= 0.5


def test_a_row_without_image_is_refused(tools):
    prompt = tools.prompt(((3, 6), (3, 6)))
    prompt.image[1] = False
    with pytest.raises(ValueError, match="at least one token in row 1"):
        enter(tools.llama(), prompt)


def test_an_image_at_the_very_end_is_refused(tools):
    prompt = tools.prompt()
    prompt.image[0, -1] = True
    with pytest.raises(ValueError, match="text after the image in row 0"):
        enter(tools.llama(), prompt)


def test_image_tokens_on_padding_are_refused(tools):
    prompt = tools.prompt(((3, 6), (9, 6)))
    prompt.image[0, 0] = True
    with pytest.raises(ValueError, match="marks padding in row 0"):
        enter(tools.llama(), prompt, attention_mask=prompt.mask)


def test_right_padding_is_refused(tools):
    prompt = tools.prompt()
    prompt.mask[0, -1] = 0
    with pytest.raises(ValueError, match="left"):
        enter(tools.llama(), prompt)


def test_another_attention_mask_than_the_models_is_refused(tools):
    prompt = tools.prompt(((3, 6), (9, 6)))
    other = prompt.mask.clone()
    other[0, :2] = 1
    with pytest.raises(ValueError, match="the one the model is called with"):
        enter(tools.llama(), prompt, attention_mask=other)


def test_beams_are_refused(tools):
    model, prompt = tools.llama(), tools.prompt()
    with (
        pytest.raises(ValueError, match="num_beams=1"),
        prune_inside(model, FastV(), prompt.image, 24),
    ):
        prompt.generate(model, num_beams=2)


def test_generating_without_a_cache_is_refused_not_pruned_anew(tools):
    """FastV's latency code prunes anew at every step; one prompt, one choice here."""
    model, prompt = tools.llama(), tools.prompt()
    ids = torch.randint(1, 60, prompt.mask.shape)
    with (
        pytest.raises(ValueError, match="use_cache=True"),
        prune_inside(model, FastV(), prompt.image, 24),
    ):
        model.generate(ids, use_cache=False, max_new_tokens=3)


def test_static_caches_are_refused(tools):
    model, prompt = tools.llama(), tools.prompt()
    cache = StaticCache(config=model.config, max_cache_len=80)
    with (
        pytest.raises(ValueError, match="DynamicCache"),
        prune_inside(model, FastV(), prompt.image, 24),
    ):
        prompt.forward(model, past_key_values=cache)


def test_a_cache_from_elsewhere_is_refused(tools):
    model, prompt = tools.llama(), tools.prompt()
    cache = prompt.forward(model, use_cache=True).past_key_values
    with (
        pytest.raises(ValueError, match="of this with block"),
        prune_inside(model, FastV(), prompt.image, 24),
    ):
        model(input_ids=torch.tensor([[3]]), past_key_values=cache)


def test_a_mask_that_is_not_causal_is_refused(tools):
    model, prompt = tools.llama(), tools.prompt()
    length = prompt.mask.shape[1]
    full = torch.ones(1, 1, length, length, dtype=torch.bool)
    with (
        pytest.raises(ValueError, match="causal"),
        prune_inside(model, FastV(), prompt.image, 24),
    ):
        model(inputs_embeds=prompt.embeds, attention_mask=full)


def test_one_session_at_a_time(tools):
    model, prompt = tools.llama(), tools.prompt()
    with prune_inside(model, FastV(), prompt.image, 24):
        with (
            pytest.raises(ValueError, match="already pruned inside"),
            prune_inside(model, FastV(), prompt.image, 24),
        ):
            pass
        prompt.forward(model)
    assert not any(m._forward_pre_hooks for m in model.modules())


def test_a_model_of_another_kind_is_refused(tools):
    with pytest.raises(ValueError, match="Llama-like decoder"):
        enter(nn.Linear(2, 2), tools.prompt())


def test_a_schedule_for_another_prompt_is_refused(tools):
    own = tools.Schedule(12, tools.N_LAYERS, ((1, 5),))
    with pytest.raises(ValueError, match="schedule is for 12 tokens"):
        enter(tools.llama(), tools.prompt(), keep=None, schedule=own)


def test_keep_and_schedule_exclude_each_other(tools):
    own = tools.Schedule(tools.N_IMAGE, tools.N_LAYERS, ((1, 5),))
    with pytest.raises(ValueError, match="cannot both"):
        enter(tools.llama(), tools.prompt(), schedule=own)


def test_a_model_of_one_layer_cannot_be_pruned_inside(tools):
    with pytest.raises(ValueError, match="cannot prune a model of 1 layer"):
        enter(tools.llama(n_layers=1), tools.prompt())
