"""Threshold and sensitivity tables: defaults, directions and what a knob must change."""

import dataclasses

import pytest
import torch

from analysis.extract.analyses.base import DETAILED
from analysis.extract.analyses.sensitivity import (
    encode_both,
    log_threshold,
    settings,
)
from analysis.extract.analyses.sensitivity import (
    rows as sensitivity_rows,
)
from analysis.extract.analyses.threshold import TAUS
from analysis.extract.analyses.threshold import rows as threshold_rows
from analysis.pruners import make_pruner


def test_zero_tau_is_attention_and_a_high_one_is_more_diverse(bench, items):
    for item in items:
        tokens = bench.encode(item)
        rows = threshold_rows(bench, item)
        assert [row["tau"] for row in rows] == list(TAUS)
        attended = make_pruner("fastervlm").select(tokens, 4).indices.tolist()
        assert rows[0]["indices"] == attended
        assert rows[0]["n_survivors"] == rows[0]["keep"] == 4
        masses = [row["attention_mass"] for row in rows]
        assert max(masses) == pytest.approx(masses[0])
        for row in rows:
            assert 0 < row["n_survivors"] <= len(row["indices"]) == 4


def test_indices_are_stored_for_the_first_images_only(bench, items):
    later = dataclasses.replace(items[0], index=DETAILED)
    assert all(row["indices"] is None for row in threshold_rows(bench, later))


def test_every_knob_has_one_default_that_equals_the_default_selection(bench, items):
    rows = sensitivity_rows(bench, items[0])
    knobs = {row["knob"] for row in rows}
    assert knobs == {
        "tau_max", "erank_avg", "step", "centring", "layer", "signal", "map"
    }  # fmt: skip
    for knob in knobs:
        default = [row for row in rows if row["knob"] == knob and row["is_default"]]
        assert len(default) == 1
        assert default[0]["jaccard"] == 1
        assert default[0]["guide"] == pytest.approx(bench.encode(items[0]).gram.erank())
        assert len([row for row in rows if row["knob"] == knob]) >= 2


def test_the_last_layer_goes_through_the_same_pass_and_projector(bench, items, adapter):
    tokens, last = encode_both(bench, items[1])
    with torch.no_grad():
        states = adapter.tower(
            adapter.pixel_inputs([items[1].image])["pixel_values"], output_hidden_states=True
        ).hidden_states
        expected = adapter.project(states[-1][0, 1:])
    assert (last.features - expected).abs().max() < 1e-5
    assert torch.equal(tokens.features, bench.encode(items[1]).features)
    assert not torch.equal(last.cls_attention, tokens.cls_attention)


def test_plain_centring_acts_through_its_own_average(bench, items):
    tokens = bench.encode(items[0])
    plain = tokens.gram.erank(centred=False)
    setting = next(s for s in settings(bench, tokens, None) if s.value == "plain")
    assert setting.guide == plain
    ratio = tokens.gram.erank() / setting.pruner.erank_avg
    assert ratio == pytest.approx(plain / bench.averages.erank_plain)


def test_the_log_map_gives_half_the_cap_to_an_average_image():
    assert log_threshold(90, 90, 0.25) == pytest.approx(0.125)
    assert log_threshold(1e9, 90, 0.25) == 0.25
    assert log_threshold(1, 90, 0.25) == 0
    assert log_threshold(0, 90, 0.25) == 0
    assert log_threshold(60, 90, 0.25) < log_threshold(120, 90, 0.25)
