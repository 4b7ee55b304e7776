"""The model benchmark at tiny size: rows, baselines, counts, and what it leaves behind."""

import dataclasses
import math

import pandas as pd
import pytest
import torch

from analysis.bench.flops import cost
from analysis.bench.model import (
    RATIOS,
    TEXT,
    Bench,
    against_full,
    run,
)
from analysis.bench.pipeline import EagerTower, FullMaps, Pipeline, cache_bytes, fresh
from analysis.bench.presets import preset
from analysis.bench.settings import Model
from analysis.bench.shapes import ModelShape
from analysis.bench.synthetic import build, config_of
from analysis.catalogue import METHODS
from analysis.errors import UsageError
from analysis.pruners import make_pruner

CPU = torch.device("cpu")
ONCE = {"device": "cpu", "warmups": 0, "repeats": 1}


def last(settings):
    *_, table = run(settings)
    return table


@pytest.fixture(scope="module")
def adapter():
    return build(preset("tiny"), CPU, torch.float32)


@pytest.fixture(scope="module")
def table():
    return last(Model(keeps=(21,), batches=(2,), **ONCE, new_tokens=1))


def test_every_pruner_and_both_usual_ways_are_timed(table):
    usual = {"fastervlm, eager tower", "fastv, full maps"}
    assert set(table["pruner"]) == set(METHODS.names())
    assert usual <= set(table["variant"])
    assert table.loc[table["note"] == "", "prefill_ms"].gt(0).all()
    noted = table[table["prefill_ms"].isna()]
    assert (noted["note"] != "").all()


def test_rows_say_where_they_were_measured(table):
    for name in ("device", "dtype", "torch", "ceiling_tflops_per_s", "weights_gib", "preset"):
        assert table[name].nunique() == 1
    assert (table["warmups"] == 0).all()
    assert table["peak_gib"].isna().all()  # a GPU's figure


def test_ratios_are_to_the_unpruned_model_of_the_same_batch():
    few = {"pruners": ("fastervlm",), "keeps": (21,), "baselines": False}
    both = last(Model(**few, batches=(1, 2), **ONCE, new_tokens=1))
    for batch, rows in both.groupby("batch"):
        full = rows[rows["variant"] == "full"].iloc[0]
        assert full["ttft_vs_full"] == 1
        assert full["n_out"] == 64
        one = rows[rows["variant"] == "fastervlm"].iloc[0]
        assert one["ttft_vs_full"] == pytest.approx(one["ttft_ms"] / full["ttft_ms"])
        assert one["kv_bytes_vs_full"] == pytest.approx((21 + TEXT) / (64 + TEXT))
        assert one["batch"] == batch


def test_counted_operations_follow_the_formula(table, adapter):
    shape = ModelShape.from_config(adapter.model.config)
    row = table[table["variant"] == "fastervlm"].iloc[0]
    counted = cost(shape, 21, text_tokens=TEXT)
    assert row["prefill_tflops"] == pytest.approx(2 * (counted.prefill + counted.head) / 1e12)
    speed = 2 * row["prefill_tflops"] / (row["prefill_ms"] * 1e-3)
    assert row["achieved_tflops_per_s"] == pytest.approx(speed)


def test_cache_bytes_are_measured_as_counted(adapter):
    way = Pipeline(adapter, make_pruner("fastervlm"), 7, 2)
    tokens = way.encode()
    output = way.prefill(way.assemble(tokens, way.select(tokens)))
    shape = ModelShape.from_config(adapter.model.config)
    one = cost(shape, 7, text_tokens=TEXT).cache_bytes  # two bytes a number
    assert cache_bytes(output) == 2 * one * 2  # rows, and four bytes


def test_rules_that_keep_as_many_share_the_language_models_time(adapter):
    bench = Bench(Model(**ONCE, new_tokens=1), adapter)
    rows = [
        bench.row(name, Pipeline(adapter, make_pruner(name), 7, 1))
        for name in ("fastervlm", "divprune")
    ]
    assert rows[0]["prefill_ms"] == rows[1]["prefill_ms"]
    assert len(bench._after) == 1


def test_rules_that_cannot_reach_the_budget_start_earlier_and_say_so(adapter):
    bench = Bench(Model(**ONCE, new_tokens=1), adapter)
    row = bench.row("fastv", Pipeline(adapter, make_pruner("fastv"), 14, 1))
    assert row["note"] == "timed as fastv:shift=true"
    assert row["mean_tokens"] == pytest.approx(14, abs=0.5)
    lost = bench.row("fastv", Pipeline(adapter, make_pruner("fastv"), 4, 1))
    assert "keep must be at least" in lost["note"]
    assert "prefill_ms" not in lost


def test_a_rule_that_fails_keeps_the_other_rows(adapter, monkeypatch):
    bench = Bench(Model(**ONCE, new_tokens=1), adapter)
    way = Pipeline(adapter, make_pruner("fastervlm"), 7, 1)
    monkeypatch.setattr(Pipeline, "select", lambda *_: torch.zeros(2) @ torch.zeros(3))
    assert "size" in bench.row("fastervlm", way)["note"]


def test_the_eager_tower_gives_the_same_selection(adapter):
    rule = make_pruner("fastervlm")
    own = Pipeline(adapter, rule, 9, 2)
    usual = EagerTower(adapter, rule, 9, 2)
    with usual.prepared():
        chosen = usual.select(usual.encode())
    assert [s.indices.tolist() for s in own.select(own.encode())] == [
        s.indices.tolist() for s in chosen
    ]
    assert adapter.model.config.vision_config._attn_implementation == "sdpa"


def test_full_maps_gives_the_same_first_token_and_is_undone(adapter):
    rule = make_pruner("fastv:shift=true")
    own, usual = Pipeline(adapter, rule, 21, 2), FullMaps(adapter, rule, 21, 2)
    with usual.prepared():
        tokens = usual.encode()
        prompt = usual.assemble(tokens, None)
        with usual.session(prompt):
            output = usual.prefill(prompt)
        maps = output.attentions
        assert len(maps) == 8
        assert maps[0].shape == (2, 4, 64 + TEXT, 64 + TEXT)
    with own.session(prompt):
        expected = own.prefill(prompt)
    assert torch.allclose(output.logits, expected.logits, atol=1e-4)
    assert adapter.model.config.text_config._attn_implementation == "sdpa"


def test_decoding_equals_generate(adapter):
    way = Pipeline(adapter, make_pruner("divprune"), 7, 2)
    tokens = way.encode()
    prompt = way.assemble(tokens, way.select(tokens))
    output = way.prefill(prompt)
    last = way.decode(prompt, output, 5)
    expected = adapter.model.generate(
        inputs_embeds=prompt.embeds,
        attention_mask=prompt.mask,
        max_new_tokens=6,
        min_new_tokens=6,
        do_sample=False,
    )
    assert last.flatten().tolist() == expected[:, -1].tolist()


def test_fresh_tokens_carry_nothing_over(adapter):
    tokens = Pipeline(adapter, make_pruner("divprune"), 7, 1).encode()
    gram = tokens[0].gram
    assert fresh(tokens)[0].gram is not gram
    assert fresh(tokens)[0].features is tokens[0].features


def test_tiles_are_timed_too():
    settings = Model(
        preset="tiny-next",
        pruners=("fastervlm", "visionzip", "cdpruner", "pyramiddrop"),
        keeps=(71,),
        batches=(1,),
        **ONCE,
        new_tokens=1,
    )
    found = last(settings)
    assert found[found["variant"] == "full"]["n_out"].item() == 336
    outside = found[found["variant"].isin(["fastervlm", "visionzip", "cdpruner"])]
    assert (outside["n_out"] == 71).all()
    assert not found["variant"].str.contains("eager").any()


def test_presets_have_the_published_sizes():
    for name in ("llava-1.5-7b", "llava-1.5-13b", "llava-next-7b"):
        chosen = preset(name)
        built = ModelShape.from_config(config_of(chosen), name)
        assert built == dataclasses.replace(chosen.shape, vocab=32064)
        assert chosen.shape.vocab == 32000
        assert chosen.keeps[0] == chosen.shape.image_tokens


def test_full_of_another_batch_is_not_borrowed():
    frame = pd.DataFrame(
        {
            "variant": ["full", "a"],
            "batch": [1, 8],
            **{name: [2.0, 1.0] for name in RATIOS},
        }
    )
    assert math.isnan(against_full(frame)["ttft_vs_full"].iloc[1])


def test_wrong_settings_are_named_before_a_model_is_built():
    with pytest.raises(UsageError, match="unknown preset 'llava'"):
        Model(preset="llava")
    with pytest.raises(UsageError, match="keeps are"):
        Model(keeps=(0,))
    with pytest.raises(UsageError, match="batches is empty"):
        Model(batches=())
    with pytest.raises(UsageError, match="unknown pruner"):
        Model(pruners=("fastvlm",))
