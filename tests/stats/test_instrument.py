"""Dose-response: planted effects are covered, confounding misleads least squares alone."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis.stats.doses import dose_levels, doses
from analysis.stats.instrument import (
    EFFECT,
    FIRST,
    OBSERVED,
    REDUCED,
    TREND,
    dose_response,
)
from chair_eval.bootstrap import Bootstrap

BOOT = Bootstrap(300)
KEEPS = (8, 16, 32)


def planted(seed, n=300, effect=0.2, confounding=0.8, strength=2.0, trend=0.0, keeps=KEEPS):
    """Units in which a hidden complexity raises both kept erank and inventions."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=n)
    frames = []
    for keep in keeps:
        z = rng.uniform(size=n)
        erank = 8 + strength * z + hidden + rng.normal(0, 0.7, n)
        slope = effect + trend * np.log2(keep / keeps[0])
        invented = 2 + slope * (erank - 8) + confounding * hidden + rng.normal(0, 1, n)
        frames.append(
            pd.DataFrame(
                {
                    "image_id": [f"{place:04d}" for place in range(n)],
                    "variant": f"randomised_share@{keep}",
                    "pruner": "randomised_share",
                    "keep": keep,
                    "erank": erank,
                    "attention_mass": 0.5 + 0.3 * z,
                    "n_hallucinated": invented,
                    "image_erank": 20 + 0.5 * hidden + rng.normal(0, 0.1, n),
                    "instrument": z,
                }
            )
        )
    units = pd.concat(frames, ignore_index=True)
    drawn = units[["image_id", "variant"]].assign(
        info=[json.dumps({"instrument": value}) for value in units.pop("instrument")]
    )
    return doses(units, drawn)


def only(found, group, keep=16, measure="invented"):
    chosen = found[(found["group"] == group) & (found["keep"] == keep)]
    return chosen[chosen["measure"] == measure].iloc[0]


def test_the_effect_is_found_and_least_squares_is_biased():
    found = dose_response(planted(0, n=800), BOOT)
    effect, seen = only(found, EFFECT), only(found, OBSERVED)
    assert effect["low"] < 0.2 < effect["high"]
    assert effect["ar_low"] < 0.2 < effect["ar_high"]
    assert seen["low"] > 0.35  # the hidden complexity's part
    first = only(found, FIRST, measure="erank")
    assert first["low"] < 2.0 < first["high"]
    reduced = only(found, REDUCED)
    assert reduced["estimate"] == pytest.approx(first["estimate"] * effect["estimate"])


def test_without_an_effect_the_confounded_slope_still_excludes_zero():
    found = dose_response(planted(1, n=800, effect=0.0), BOOT)
    effect, seen = only(found, EFFECT), only(found, OBSERVED)
    assert effect["low"] < 0 < effect["high"]
    assert seen["low"] > 0.2


@pytest.mark.parametrize("strength", [2.0, 0.5])
def test_intervals_cover_the_planted_effect(strength):
    hits = {"boot": 0, "ar": 0}
    for seed in range(60):
        found = dose_response(planted(seed, n=120, strength=strength, keeps=(16,)), BOOT)
        row = only(found, EFFECT)
        hits["boot"] += row["low"] <= 0.2 <= row["high"]
        hits["ar"] += row["ar_low"] <= 0.2 <= row["ar_high"]
    # Binomial limits of 0.95 at 60 draws; the bootstrap claims nothing for weak instruments.
    assert hits["ar"] >= 53
    assert strength < 1 or hits["boot"] >= 53


def test_a_weak_dose_is_called_weak_and_its_interval_is_wide():
    row = only(dose_response(planted(3, strength=0.02), BOOT), EFFECT)
    assert row["F"] < 10
    assert row["weak"]
    assert np.isinf(row["ar_high"]) or row["ar_high"] - row["ar_low"] > 2
    strong = only(dose_response(planted(3), BOOT), EFFECT)
    assert not strong["weak"]
    assert strong["F"] > 50


def test_controls_fixed_before_the_draw_only_take_out_noise():
    frame = planted(4, n=800)
    plain = only(dose_response(frame, BOOT, controls=()), EFFECT)
    used = only(dose_response(frame, BOOT), EFFECT)
    assert used["high"] - used["low"] < plain["high"] - plain["low"]
    assert abs(used["estimate"] - plain["estimate"]) < 0.1


def test_a_trend_over_budgets_is_found():
    found = dose_response(planted(5, n=800, trend=0.15), BOOT)
    row = only(found, TREND, keep=0)
    assert row["low"] < 0.15 < row["high"]
    assert row["low"] > 0
    flat = only(dose_response(planted(6, n=800), BOOT), TREND, keep=0)
    assert flat["low"] < 0 < flat["high"]


def test_levels_rise_with_the_dose_and_bins_of_strata_are_the_strata():
    found = dose_levels(planted(7), BOOT)
    means = found[(found["measure"] == "erank") & (found["keep"] == 16)]["estimate"].tolist()
    assert means == sorted(means)
    frame = planted(7, n=8, keeps=(16,))
    assert set(frame["level"]) <= {0, 1, 2, 3}


def test_the_dose_is_read_from_crops_and_missing_where_nothing_was_pruned():
    units = pd.DataFrame(
        {
            "image_id": ["a", "b", "c"],
            "variant": "randomised_erank@4",
            "pruner": "randomised_erank",
            "keep": 4,
            "erank": 1.0,
        }
    )
    info = [{"parts": [{"instrument": 0.0}, {"instrument": 1.0}]}, {}, {"instrument": 1 / 3}]
    drawn = units[["image_id", "variant"]].assign(info=[json.dumps(each) for each in info])
    found = doses(units, drawn).set_index("image_id")
    assert found["instrument"].to_dict() == {"a": 0.5, "c": 1 / 3}
    assert found["level"].to_dict() == {"a": 2, "c": 1}


def test_too_few_images_give_no_row():
    assert dose_response(planted(8, n=4), BOOT).empty
