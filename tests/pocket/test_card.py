"""Estimates of an evaluation, and the card rendered from them."""

import numpy as np
import pandas as pd
import pytest

from analysis.pocket.card import ablation_table, render_card, span
from analysis.pocket.evaluate import mentions
from analysis.pocket.summary import RATES, summarise
from analysis.scenes.questions import SPLITS
from chair_eval.bootstrap import Bootstrap

VARIANTS = ("full", "random@36", "fastervlm@36", "divprune@36")


def made_up_rows(seed=0, count=60):
    """Rows as `observe` makes them: known hallucination rate, entropy rising with number."""
    rng = np.random.default_rng(seed)
    rows = []
    for scene in range(count):
        n = int(rng.integers(1, 13))
        facts = {
            "seed": scene,
            "complexity": "simple" if n <= 3 else "complex" if n >= 7 else "medium",
            "n_objects": n,
            "object_size": rng.uniform(26, 40),
            "texture": rng.random(),
            "theme": ("park", "farm")[scene % 2],
            "entropy": 2 + 0.1 * n,
            "erank": 10 + rng.random(),
            "object_mass": 0.9,
            "object_share": rng.random(),
        }
        for variant in VARIANTS:
            wrong = int(rng.random() < 0.3) + (variant == "divprune@36")
            row = {
                **facts,
                "variant": variant,
                "truncated": 0,
                "n_mentions": 4,
                "n_hallucinated": wrong,
                "any_hallucinated": int(wrong > 0),
                "n_recalled": 3,
                "n_gt": 4 + scene % 2,
                "length": 14,
                "n_asked": 6,
                "n_correct": int(rng.integers(4, 7)),
                "n_yes": 3,
            }
            for split in SPLITS:
                row |= {f"asked_{split}": 2, f"correct_{split}": int(rng.integers(1, 3))}
            rows.append(row)
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def estimates():
    """Estimates of the made-up rows."""
    return summarise(made_up_rows(), Bootstrap(n_resamples=200))


def test_rates_are_ratios_of_sums_with_intervals_around_them(estimates):
    frame = made_up_rows()
    full = frame[frame.variant == "full"]
    found = estimates["variants"]["full"]["all"]
    expected = 100 * full.n_hallucinated.sum() / full.n_mentions.sum()
    assert found["CHAIR_i"][0] == pytest.approx(expected, abs=1e-3)
    for rate in RATES:
        estimate, low, high = found[rate]
        assert np.isnan(low) or low <= estimate <= high
    assert sum(estimates["variants"]["full"][g]["n"] for g in ("simple", "medium", "complex")) == 60


def test_differences_are_paired_and_signed(estimates):
    gap = estimates["differences"]["divprune@36 minus fastervlm@36"]["CHAIR_i"]
    assert gap[0] == pytest.approx(25, abs=8)
    assert gap[1] > 0


def test_causes_find_what_was_put_in(estimates):
    assert estimates["causes"]["entropy"]["n_objects"][0] == pytest.approx(1.0)
    assert abs(estimates["causes"]["erank"]["n_objects"][0]) < 0.4


def test_mentions_count_repeats_and_plurals():
    text = "the image features two people, a dining table and a dog. there is also a person."
    assert mentions(text) == ["person", "dining table", "dog", "person"]


def test_card_shows_its_numbers(estimates):
    cell = {
        "seed": 3,
        "mass": True,
        "dropping": False,
        "CHAIR_i": [12.34, 10, 14],
        "accuracy": [90, 89, 91],
        "random@36 accuracy": [-3, -4, -2],
        "divprune-attention CHAIR_i": [1, 0, 2],
        "entropy~n": [0.5, 0.4, 0.6],
        "object_mass": [0.9, 0.8, 1.0],
    }
    assert "| on | off | 3 | 12.3 [10.0, 14.0] |" in ablation_table([cell])
    report = dict.fromkeys(
        ("mass", "share", "entropy_number", "entropy_texture", "entropy_size", "probe_f1", "n"), 0.3
    )
    names = (
        "scenes language_scenes seed tower_steps tower_batch mass_weight sparse_percent "
        "sparse_keep language_steps language_batch align_steps yes_no_weight "
        "drop_from_percent drop_percent tower_again_steps tower_again_rate "
        "language_again_steps language_again_rate drop_again_percent "
        "language_last_steps language_last_rate stop_weight"
    )
    recipe = dict.fromkeys(names.split(), 1)
    numbers = {
        "vocabulary": 99,
        "parameters": "1 M",
        "recipe": recipe,
        "stop_bias": 1.5,
        "seconds": {"tower": 12.6},
        "test": {**estimates, "scenes": {"count": 60}},
        "dev": None,
        "first_round": estimates["variants"]["full"]["all"],
        "second_round": estimates["variants"]["full"]["all"],
        "ablation": [cell],
        "ablation_note": "small",
        "trial": {"steps": 4, "batch": 9, "contrast": report, "labels": report, "verdict": "no."},
    }
    card = render_card(numbers)
    chair = estimates["variants"]["full"]["all"]["CHAIR_i"]
    assert span(chair) in card
    assert "no evidence about LLaVA" in card
    assert "| tower | 13 s |" in card
