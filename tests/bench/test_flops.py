"""The accounting: published numbers, closed forms, and counts on a real tiny model."""

import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPVisionConfig, LlamaConfig, LlamaForCausalLM, LlavaConfig

from analysis.bench.flops import PUBLISHED, cost, pruned_cost, remarks, run
from analysis.bench.macs import (
    FORMULAS,
    cache_bytes,
    decode_macs,
    layer_macs,
    prefill_macs,
    projector_macs,
    vision_macs,
)
from analysis.bench.presets import preset
from analysis.bench.settings import Flops
from analysis.bench.shapes import ModelShape, VisionShape
from analysis.catalogue import METHODS
from analysis.pruners import Pruner, make_pruner
from analysis.pruners.cost import Case
from analysis.pruners.fastervlm import FasterVLM
from analysis.pruners.fastv import FastV
from analysis.pruners.visionzip import VisionZip

LLAVA = preset("llava-1.5-7b").shape


@pytest.mark.parametrize(("what", "n", "printed", "form"), PUBLISHED)
def test_the_papers_efficiency_table_is_reproduced(what, n, printed, form):
    assert round(prefill_macs(LLAVA, [n] * 32, form) / 1e12, 2) == printed


def test_the_published_numbers_to_four_digits_and_what_they_are_with_swiglu():
    tera = {
        (n, form): prefill_macs(LLAVA, [n] * 32, form) / 1e12
        for n in (605, 95)
        for form in FORMULAS
    }
    assert tera[605, "two_matrix"] == pytest.approx(3.141, abs=5e-4)
    assert tera[95, "two_matrix"] == pytest.approx(0.4805, abs=5e-5)
    assert tera[605, "swiglu"] == pytest.approx(4.01, abs=5e-3)
    assert tera[95, "swiglu"] == pytest.approx(0.62, abs=5e-3)


def test_no_single_number_of_text_tokens_prints_both_published_figures():
    for text_tokens in range(100):
        costs = [cost(LLAVA, n, text_tokens=text_tokens, form="two_matrix") for n in (576, 64)]
        printed = [round(c.prefill / 1e12, 2) for c in costs]
        assert printed != [3.14, 0.48]


@pytest.mark.parametrize("text_tokens", [22, 24, 25])
def test_vispruners_91_percent_is_32_tokens_with_a_short_question(text_tokens):
    """VisPruner states a cut of 91 %; ours to infer: 32 of 576 tokens, two-matrix form."""
    full = cost(LLAVA, 576, text_tokens=text_tokens, form="two_matrix").prefill
    cut = cost(LLAVA, 32, text_tokens=text_tokens, form="two_matrix").prefill
    assert round(100 * (1 - cut / full)) == 91


def test_a_layer_is_the_formula_of_the_literature():
    n, d, m = 605, 4096, 11008
    assert layer_macs(LLAVA, n, n, "two_matrix") == 4 * n * d**2 + 2 * n**2 * d + 2 * n * d * m
    assert layer_macs(LLAVA, n, n, "swiglu") == 4 * n * d**2 + 2 * n**2 * d + 3 * n * d * m


def tiny(kv_heads=2):
    return LlamaConfig(
        vocab_size=50,
        hidden_size=32,
        intermediate_size=80,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=kv_heads,
    )


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_the_count_equals_what_torch_counts(kv_heads):
    """Prefill and one decoding step of a real model, grouped queries included."""
    config = tiny(kv_heads)
    config._attn_implementation = "eager"
    model = LlamaForCausalLM(config).eval()
    shape = ModelShape.from_config(config)
    ids = torch.arange(1, 12)[None]
    with torch.no_grad():
        with FlopCounterMode(display=False) as prompt:
            out = model(ids, use_cache=True, logits_to_keep=1)
        with FlopCounterMode(display=False) as step:
            model(ids[:, :1], past_key_values=out.past_key_values)
    counted = cost(shape, 0, text_tokens=11, new_tokens=2)
    rotary = 2 * config.head_dim // 2  # the angles are a matrix product too: one per token
    assert prompt.get_total_flops() <= 2 * (counted.prefill + 32 * 50) + 11 * rotary
    assert prompt.get_total_flops() >= 2 * (counted.prefill + 32 * 50)
    assert 0 <= step.get_total_flops() - 2 * (counted.decode + 32 * 50) <= rotary
    cache = out.past_key_values
    held = sum(t.numel() * 4 for layer in cache.layers for t in (layer.keys, layer.values))
    assert held == cache_bytes(shape, [11] * 3, new_tokens=2, dtype_bytes=4)


def test_decoding_adds_up_step_by_step():
    lengths = list(range(20, 52))
    by_hand = sum(layer_macs(LLAVA, 1, n + t) for t in range(1, 8) for n in lengths)
    assert decode_macs(LLAVA, lengths, new_tokens=8) == by_hand
    assert decode_macs(LLAVA, lengths, new_tokens=1) == 0


def test_grouped_queries_shrink_projections_and_cache_only():
    grouped = ModelShape("gqa", 32, 4096, 11008, 32, 8, 128, 32000, VisionShape())
    saved = layer_macs(LLAVA, 10, 10) - layer_macs(grouped, 10, 10)
    assert saved == 2 * 10 * 4096 * 24 * 128
    assert cache_bytes(LLAVA, [10] * 32) == 4 * cache_bytes(grouped, [10] * 32)


def test_the_cache_of_llava_is_half_a_mebibyte_per_token():
    assert cache_bytes(LLAVA, [1] * 32) == 2**19


def test_tower_and_projector_of_llava():
    # timm lists ViT-L/14 at 336 pixels with 191.1 GMACs.
    assert vision_macs(VisionShape()) / 1e9 == pytest.approx(191.1, rel=0.005)
    assert projector_macs(LLAVA, 576) == 576 * (1024 * 4096 + 4096**2)
    assert vision_macs(VisionShape(crops=5)) == 5 * vision_macs(VisionShape())


def test_parts_add_up_and_a_mac_is_two_flops():
    counted = cost(LLAVA, 64, text_tokens=30, new_tokens=20, selection=7)
    parts = (
        counted.prefill, counted.decode, counted.head, counted.vision, counted.projector, 7,
    )  # fmt: skip
    assert counted.macs == sum(parts)
    assert counted.flops == 2 * counted.macs
    assert counted.head == 20 * 4096 * 32000


def test_pruning_inside_is_counted_layer_by_layer():
    schedule = FastV().schedule(192, 576, 32)
    counted, mean = pruned_cost(LLAVA, FastV(), 192)
    assert mean == schedule.mean == 191.625
    by_hand = 2 * layer_macs(LLAVA, 606, 606) + 30 * layer_macs(LLAVA, 196, 196)
    assert counted.prefill == by_hand
    assert counted.cache_bytes == 2**14 * (2 * 606 + 30 * 196)
    assert counted.selection == 4096 * (4096 + 576 + 30)


def test_equal_keep_costs_nearly_the_same_inside_and_before():
    inside, _ = pruned_cost(LLAVA, FastV(), 192)
    before, _ = pruned_cost(LLAVA, FasterVLM(), 192)
    assert inside.prefill == pytest.approx(before.prefill, rel=0.02)
    assert inside.prefill > before.prefill


def test_merging_before_the_projector_projects_fewer():
    merged, _ = pruned_cost(LLAVA, VisionZip(), 64)
    plain, _ = pruned_cost(LLAVA, FasterVLM(), 64)
    assert plain.projector == 9 * merged.projector


def test_selection_costs_by_hand():
    assert make_pruner("full").macs(Case(LLAVA, 576, 64, 30)) == 0
    assert make_pruner("fastervlm").macs(Case(LLAVA, 576, 64, 30)) == 576 * 1024
    assert make_pruner("divprune").macs(Case(LLAVA, 576, 64, 30)) == 576**2 * 4096
    # 64 rounds for K = 64, r = .5: 544 left, 8 dropped a round, even times odd.
    rounds = sum((n // 2) ** 2 for n in range(544, 32, -8))
    assert make_pruner("vispruner").macs(Case(LLAVA, 576, 64, 30)) == 1024 * (576 + rounds)
    case = Case(LLAVA, 576, 64, 30, stages=((2, 576, 100),))
    assert make_pruner("dart").macs(case) == 8 * 576 * 4096


@pytest.mark.parametrize(
    ("spec", "same_as"),
    [
        ("agilepruner:tau=0.2", "mixture"),
        ("agilepruner:steer=entropy", "mixture"),
        ("agilepruner:tau=0.2:adaptive_count=true", "agilepruner"),
        ("steered:method=mixture", "agilepruner"),
        ("steered:method=mixture:steer=entropy", "mixture"),
        ("steered:method=vispruner:steer=entropy", "vispruner"),
        ("visionzip:contextual=10", "visionzip"),
        ("visionzip:dominant=54", "visionzip"),
    ],
)
def test_parameters_that_change_the_work_change_its_price(spec, same_as):
    case = Case(LLAVA, 576, 64, 30)
    assert make_pruner(spec).macs(case) == make_pruner(same_as).macs(case)


def test_steering_another_method_adds_an_erank_and_its_gram_matrix():
    case = Case(LLAVA, 576, 64, 30)
    extra = make_pruner("steered:method=bat").macs(case) - make_pruner("bat").macs(case)
    assert extra == 576**2 * 4096 + 2 * 576**3 // 3


def test_bat_without_merging_projects_everything_and_saves_the_averages():
    merged, _ = pruned_cost(LLAVA, make_pruner("bat"), 64)
    plain, _ = pruned_cost(LLAVA, make_pruner("bat:merge=false"), 64)
    assert plain.projector == 9 * merged.projector
    assert merged.selection - plain.selection == (576 - 32) * 1024
    assert not make_pruner("steered:method=bat/merge=false").merges


@pytest.mark.parametrize("name", METHODS.names())
def test_every_method_has_a_price(name):
    assert pruned_cost(LLAVA, make_pruner(name), 192)[0].selection >= 0


def test_methods_that_set_their_count_are_marked():
    rules = ("prumerge", "agilepruner:adaptive_count=true", "divprune")
    (table,) = run(Flops(pruners=rules, keeps=(64,)))
    notes = table.note.tolist()
    assert ["sets its own count" in note for note in notes] == [True, True, False]


def test_the_published_numbers_are_said_with_their_n_and_formula():
    (table,) = run(Flops(pruners=("full",), keeps=(576,)))
    first, second = remarks(Flops(), table)
    assert remarks(Flops(preset="llava-next-7b"), table) == []
    assert "3.14 T" in first
    assert "n = 605 is 3.141 T" in first
    assert "n = 95 is 0.4805 T" in second
    assert FORMULAS["two_matrix"] in second


def test_no_selection_costs_more_than_a_fifth_of_what_it_saves():
    saved = cost(LLAVA, 576).prefill - cost(LLAVA, 64).prefill
    for name in METHODS:
        case = Case(LLAVA, 576, 64, 30, stages=((8, 576, 64), (16, 64, 32)))
        assert make_pruner(name).macs(case) < saved / 5, name


def test_the_table_has_a_row_for_each_pruner_and_keep():
    names = ("full", "divprune", "fastv", "pyramiddrop")
    (table,) = run(Flops(pruners=names, keeps=(192, 64)))
    assert len(table) == 8
    row = table[(table.pruner == "divprune") & (table.keep == 64)].iloc[0]
    assert row.prefill_tmacs_two_matrix == pytest.approx(0.4754, abs=1e-4)
    assert row.n == 94
    full = table[table.pruner == "full"]
    assert full.prefill_share.tolist() == [1.0, 1.0]
    assert full.mean_tokens.tolist() == [576, 576]
    lost = table[(table.pruner == "pyramiddrop") & (table.keep == 64)].iloc[0]
    assert math.isnan(lost.prefill_tmacs)
    assert "at least 145" in lost.note
    assert table.formula.unique().tolist() == [FORMULAS["swiglu"]]


def test_shapes_are_read_from_configs():
    vision = CLIPVisionConfig(
        hidden_size=1024,
        intermediate_size=4096,
        num_hidden_layers=24,
        num_attention_heads=16,
        image_size=336,
        patch_size=14,
    )
    text = LlamaConfig(
        hidden_size=4096,
        intermediate_size=11008,
        num_hidden_layers=32,
        num_attention_heads=32,
        vocab_size=32000,
    )
    config = LlavaConfig(vision_config=vision, text_config=text)
    assert ModelShape.from_config(config, "llava-1.5-7b") == LLAVA
    assert ModelShape.from_config(tiny()).kv_heads == 2
    assert preset("llava-next-7b").shape.image_tokens == 2880


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: layer_macs(LLAVA, 1, 1, "gelu"), "form must be one of swiglu, two_matrix"),
        (lambda: layer_macs(LLAVA, -1, 1), "n_query"),
        (lambda: prefill_macs(LLAVA, [5] * 31), r"32 \(one per layer\), got 31"),
        (lambda: cost(LLAVA, 64, new_tokens=0), "new_tokens at least 1"),
        (lambda: pruned_cost(LLAVA, FastV(), 577), r"keep must be in \[1, 576\]"),
        (lambda: pruned_cost(LLAVA, FastV(), 0), "keep must be"),
        (lambda: preset("llava-2"), "choose one of: llava-1.5-7b"),
        (lambda: ModelShape.from_config(object()), "num_attention_heads"),
        (lambda: ModelShape("x", 0, 1, 1, 1, 1, 1, 1), "n_layers"),
        (lambda: ModelShape("x", 1, 1, 1, 3, 2, 1, 1), "kv_heads must divide"),
        (lambda: Pruner().macs(Case(LLAVA, 576, 64, 30)), "no selection cost"),
    ],
)
def test_bad_requests_name_the_field(call, says):
    with pytest.raises(ValueError, match=says):
        call()
