"""Rows read through hooks equal eager attention, and their descriptions add up."""

import math

import numpy as np
import pytest
import torch

from analysis.extract.analyses.attention import (
    cls_rows,
    describe,
    question,
    text_rows,
)
from analysis.extract.analyses.attention import (
    rows as attention_rows,
)
from analysis.models import LoadOptions, load
from analysis.models.exchange import Request

ASKED = "please describe this image in detail ."


@pytest.fixture(scope="module")
def eager(tiny_folder):
    return load(LoadOptions(tiny_folder, device="cpu", attention="eager"))


def test_the_last_row_of_every_decoder_layer_equals_eager(bench, items, eager):
    for item in items:
        tokens = bench.encode(item)
        ours = text_rows(bench, tokens, ASKED)
        batch = eager.collate([Request(ASKED, tokens)])
        with torch.no_grad():
            maps = eager.model(
                inputs_embeds=batch.embeds, attention_mask=batch.mask, output_attentions=True
            ).attentions
        assert len(ours) == len(maps) == 4
        for row, layer in zip(ours, maps, strict=True):
            expected = layer[0, :, -1].mean(0)[batch.image[0]]
            assert (row - expected).abs().max() < 1e-5


def test_the_cls_row_of_every_vision_layer_equals_eager(bench, items, eager):
    tokens, ours = cls_rows(bench, items[0])
    pixels = eager.pixel_inputs([items[0].image])["pixel_values"]
    with torch.no_grad():
        maps = eager.tower(pixels, output_attentions=True).attentions
    assert len(ours) == len(maps)
    for row, layer in zip(ours, maps, strict=True):
        assert (row - layer[0, :, 0, 1:].mean(0)).abs().max() < 1e-5
    assert torch.equal(ours[-2], tokens.cls_attention)


def hooks(model):
    """Every hook there is; transformers installs some of its own at the first call."""
    return [
        (name, list(found))
        for name, module in model.named_modules()
        for found in (module._forward_hooks, module._forward_pre_hooks)
        if found
    ]


def test_hooks_are_gone_and_nothing_is_changed(bench, items):
    before = bench.encode(items[1]).features
    attention_rows(bench, items[1])
    there = hooks(bench.adapter.model)
    attention_rows(bench, items[1])
    assert hooks(bench.adapter.model) == there
    assert torch.equal(before, bench.encode(items[1]).features)


def test_every_layer_has_one_row_and_shares_sum_to_one(bench, items):
    rows = attention_rows(bench, items[2])
    assert [(r["source"], r["layer"]) for r in rows] == [
        (source, layer) for source in ("cls", "text") for layer in range(4)
    ]
    for row in rows:
        assert row["n_tokens"] == 16
        assert 0 <= row["entropy"] <= math.log(16) + 1e-9
        assert len(row["top_share"]) == 4
        assert sum(row["top_share"]) == pytest.approx(1)
        assert len(row["profile"]) == 16
        assert sum(row["profile"]) == pytest.approx(1)
        curve = np.array(row["cumulative"])
        assert curve.shape == (51,)
        assert curve[0] == 0
        assert curve[-1] == pytest.approx(1)
        assert (np.diff(curve) >= -1e-12).all()
        assert (np.diff(curve, 2) <= 1e-12).all()  # most attended first: never steeper again


def test_a_hand_made_attention_is_described_as_it_is():
    attention = torch.zeros(8)
    attention[[6, 7]] = torch.tensor([0.3, 0.1])
    row = describe(attention)
    assert row["top_share"] == [0, 0, 0, 1]
    assert row["entropy"] == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert row["cumulative"][6] == pytest.approx(0.75 * 8 * 0.12)  # 12 % of 8 tokens
    assert row["cumulative"][13] == pytest.approx(1.0)  # 26 % are two tokens and more
    assert np.flatnonzero(row["profile"]).tolist() == [13, 15]


def test_uniform_attention_gives_a_straight_line():
    row = describe(torch.full((20,), 0.01))
    assert row["entropy"] == pytest.approx(math.log(20))
    assert row["cumulative"] == pytest.approx(np.linspace(0, 1, 51))
    assert row["top_share"] == [1, 0, 0, 0]  # ties go to the lowest index


def test_the_caption_question_is_asked(items):
    asked = question(items[0].sample)
    assert asked in {q.text for q in items[0].sample.questions if q.task == "caption"}
