"""Ratios, paired differences and crossover: planted effects are recovered."""

import numpy as np
import pandas as pd
import pytest

from analysis.benchmarks import COGNITION, PERCEPTION
from analysis.errors import UsageError
from analysis.stats.complexity import by_level, crossover, kind_of, splits, terciles
from analysis.stats.images import image_changes
from analysis.stats.line import regression_band
from analysis.stats.paired import benjamini_hochberg, compare, same_keep_pairs
from analysis.stats.ratios import summarise
from chair_eval.bootstrap import Bootstrap

FAST = Bootstrap(n_resamples=300)


def planted(rng, n=150, effect=0.10, interaction=0.0):
    """Units of two variants; ``b`` hallucinates ``effect`` more, more so on complex images."""
    level = np.where(np.arange(n) % 2 == 0, "simple", "complex")
    ease = rng.normal(0, 0.03, size=n)
    frames = []
    for name, shift in (("a@8", 0.0), ("b@8", effect)):
        extra = np.where(level == "complex", interaction, 0.0) * (name == "b@8")
        mentions = rng.poisson(5, size=n) + 1
        rate = np.clip(0.2 + shift + extra + ease, 0, 1)
        frames.append(
            pd.DataFrame(
                {
                    "image_id": [f"{place:04d}" for place in range(n)],
                    "variant": name,
                    "keep": 8,
                    "n_mentions": mentions,
                    "n_hallucinated": rng.binomial(mentions, rate),
                }
            )
        )
    units = pd.concat(frames, ignore_index=True)
    return units, pd.Series(level, index=frames[0]["image_id"])


def test_summary_is_the_ratio_of_sums():
    units, _ = planted(np.random.default_rng(0))
    found = summarise(units, ["CHAIR_i"], FAST).set_index("group")
    part = units[units["variant"] == "a@8"]
    truth = 100 * part["n_hallucinated"].sum() / part["n_mentions"].sum()
    assert found.loc["a@8", "estimate"] == pytest.approx(truth)
    assert found.loc["a@8", "low"] < truth < found.loc["a@8", "high"]


def test_absent_data_is_an_absent_row():
    units, _ = planted(np.random.default_rng(0))
    units.loc[units["variant"] == "b@8", "n_mentions"] = np.nan
    assert summarise(units, ["CHAIR_i"], FAST)["group"].tolist() == ["a@8"]


def test_unknown_measure_is_named():
    units, _ = planted(np.random.default_rng(0))
    with pytest.raises(UsageError, match="chair_x"):
        summarise(units, ["chair_x"], FAST)


def test_paired_difference_covers_at_its_nominal_rate():
    hits = 0
    for trial in range(200):
        units, _ = planted(np.random.default_rng(trial), n=80)
        boot = Bootstrap(300, seed=trial)
        found = compare(units, ["CHAIR_i"], [("b@8", "a@8")], boot).iloc[0]
        hits += found["low"] <= 10 <= found["high"]
    assert 180 <= hits <= 198


def test_interaction_covers_at_its_nominal_rate():
    hits = 0
    for trial in range(200):
        units, level = planted(np.random.default_rng(trial), n=100, interaction=0.15)
        boot = Bootstrap(300, seed=trial)
        found = crossover(units, level, ["CHAIR_i"], "a@8", "b@8", boot)
        found = found[found["group"] == "interaction"].iloc[0]
        hits += found["low"] <= 15 <= found["high"]
    assert 180 <= hits <= 198


def test_false_discoveries_are_controlled_over_the_table():
    units, _ = planted(np.random.default_rng(1))
    found = compare(units, ["CHAIR_i"], [("a@8", "b@8"), ("b@8", "a@8")], FAST)
    assert "q" not in found  # a family is declared, not whatever was put in one table
    found = benjamini_hochberg(found)
    assert (found["q"] >= found["p"]).all()
    assert found["estimate"].tolist() == pytest.approx(
        [-found["estimate"][1], found["estimate"][1]]
    )


def test_a_family_is_the_rows_it_is_given():
    frame = pd.DataFrame({"p": [0.01, 0.04, 0.5, np.nan]})
    found = benjamini_hochberg(frame, pd.Series([True, True, False, True]))["q"]
    assert found.tolist()[:2] == pytest.approx([0.02, 0.04])
    assert found.isna().tolist() == [False, False, True, True]


@pytest.mark.parametrize(
    ("simple", "dense", "both", "better", "expected"),
    [
        ((-3, -1), (1, 3), (2, 6), 1, "crossover"),
        ((1, 3), (-3, -1), (-6, -2), 1, "reversed crossover"),
        ((1, 3), (-3, -1), (-6, -2), -1, "crossover"),  # less of it is better
        ((1, 3), (4, 6), (1, 5), 1, "interaction"),  # diversity is ahead at both
        ((-1, 1), (1, 3), (0.1, 4), 1, "interaction"),
        ((-1, 1), (-1, 3), (-1, 4), 1, "neither"),
        ((np.nan, np.nan), (1, 3), (np.nan, np.nan), 1, "neither"),
    ],
)
def test_a_crossover_is_two_signs(simple, dense, both, better, expected):
    ends = {"simple": simple, "complex": dense, "interaction": both}
    rows = [{"group": name, "low": low, "high": high} for name, (low, high) in ends.items()]
    assert kind_of(pd.DataFrame(rows), better) == expected


def test_pairs_share_the_budget():
    units, _ = planted(np.random.default_rng(1))
    more = units.assign(variant=units["variant"].str[0] + "@4", keep=4)
    pairs = same_keep_pairs(pd.concat([units, more]))
    assert pairs == [("a@4", "b@4"), ("a@8", "b@8")]


def test_unpaired_images_do_not_enter():
    units, _ = planted(np.random.default_rng(1))
    lone = units[(units["variant"] == "a@8") | (units["image_id"] < "0100")]
    assert compare(lone, ["CHAIR_i"], [("a@8", "b@8")], FAST)["n"].item() == 100


def test_crossover_names_missing_variant():
    units, level = planted(np.random.default_rng(1))
    with pytest.raises(UsageError, match="c@8"):
        crossover(units, level, ["CHAIR_i"], "c@8", "b@8", FAST)


def test_terciles_are_thirds_and_keep_missing():
    labels = terciles(pd.Series([3.0, 1.0, 2.0, np.nan, 5.0, 4.0, 6.0]))
    assert labels.tolist()[:3] == ["medium", "simple", "simple"]
    assert labels.isna().tolist() == [False, False, False, True, False, False, False]


def test_splits_lists_what_the_run_has():
    images = pd.DataFrame(
        {"image_id": ["a", "b", "c"], "entropy": [1.0, 2, 3], "erank": 1.0, "complexity": None}
    )
    assert splits(images).columns.tolist() == ["erank terciles", "entropy terciles"]


def test_by_level_estimates_each_level():
    units, level = planted(np.random.default_rng(1))
    found = by_level(units, level, ["CHAIR_i"], ["a@8"], FAST)
    assert found["level"].tolist() == ["simple", "complex"]
    assert found["n"].tolist() == [75, 75]


def test_regression_band_holds_the_planted_line():
    rng = np.random.default_rng(2)
    x = rng.uniform(0, 10, size=200)
    frame = pd.DataFrame({"x": x, "y": 1 + 2 * x + rng.normal(size=200)})
    band = regression_band(frame, "x", "y", FAST)
    truth = 1 + 2 * band["x"]
    assert ((band["low"] <= truth) & (truth <= band["high"])).mean() > 0.9


def mme_units(rng, chances, per=20):
    """One variant's points on images of every MME subtask; each question right with a chance."""
    frames = []
    for subtask, chance in chances.items():
        right = rng.binomial(2, chance, size=per)
        points = 50.0 * right + 100 * (right == 2)
        frames.append(pd.DataFrame({f"mme:{subtask}": points}))
    units = pd.concat(frames, ignore_index=True)
    return units.assign(image_id=[f"{n:04d}" for n in range(len(units))], variant="a@8", keep=8)


def test_interval_of_the_mme_score_covers_at_its_rate():
    chances = dict(zip((*PERCEPTION, *COGNITION), np.linspace(0.5, 0.95, 14), strict=True))
    truth = sum(100 * (chance + chance**2) for chance in chances.values())
    hits = 0
    for seed in range(200):
        units = mme_units(np.random.default_rng(seed), chances)
        found = summarise(units, ["MME"], Bootstrap(300, seed=seed)).iloc[0]
        hits += found["low"] <= truth <= found["high"]
    assert 180 <= hits <= 198


def test_a_total_counts_only_images_and_needs_every_part():
    chances = dict.fromkeys((*PERCEPTION, *COGNITION), 0.8)
    units = mme_units(np.random.default_rng(0), chances, per=6)
    found = summarise(units, ["MME", "MME_OCR"], FAST).set_index("measure")
    assert found["n"].to_dict() == {"MME": 84, "MME_OCR": 6}
    points = units.filter(like="mme:").mean().sum()
    assert found.loc["MME", "estimate"] == pytest.approx(points)
    without = units.assign(**{"mme:OCR": np.nan})
    assert np.isnan(summarise(without, ["MME"], FAST)["estimate"].item())


def test_an_image_without_a_value_under_one_variant_is_not_compared():
    rng = np.random.default_rng(0)
    units = pd.DataFrame(
        {
            "image_id": [f"{n:03d}" for n in range(40)] * 2,
            "variant": ["a@8"] * 40 + ["b@8"] * 40,
            "keep": 8,
            "erank": rng.normal(10, 1, size=80),
        }
    )
    units.loc[40:59, "erank"] = np.nan
    found = compare(units, ["erank"], [("a@8", "b@8")], FAST).iloc[0]
    wide = units.pivot(index="image_id", columns="variant", values="erank").dropna()
    assert found["n"] == len(wide) == 20
    assert found["estimate"] == pytest.approx((wide["a@8"] - wide["b@8"]).mean())


def test_changes_need_their_reference():
    frame = pd.DataFrame({"image_id": ["a", "b"], "level": "x", "erank": [1.0, 2.0]})
    with pytest.raises(UsageError, match="no erank of 'clean'"):
        image_changes(frame, "level", "clean", ["erank"], FAST)
