"""The model of hallucination per mention: planted odds are recovered, or it says why not."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from analysis.stats.mentions import mention_model

TERMS = ["erank", "log_length"]


def mentions(rng, n=300, odds=1.8):
    frames = []
    for keep in (8, 16):
        erank, length = rng.normal(size=n), rng.normal(size=n)
        total = rng.poisson(5, size=n) + 1
        chance = 1 / (1 + np.exp(1.5 - np.log(odds) * erank - 0.4 * length))
        frames.append(
            pd.DataFrame(
                {
                    "image_id": np.arange(n).astype(str),
                    "keep": keep,
                    "erank": erank,
                    "log_length": length,
                    "n_mentions": total,
                    "n_hallucinated": rng.binomial(total, chance),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def test_mention_model_recovers_the_planted_odds():
    found = mention_model(mentions(np.random.default_rng(0)), ["erank", "log_length"])
    found = found.set_index("group")
    assert found.loc["erank", "low"] < 1.8 ** found.loc["erank", "sd"] < found.loc["erank", "high"]
    assert found.loc["erank", "n"] == 300


def test_a_step_is_the_deviation_inside_budgets():
    units = mentions(np.random.default_rng(0))
    units["erank"] += 10.0 * (units["keep"] == 16)
    inside = units.groupby("keep")["erank"].transform(lambda values: values - values.mean())
    found = mention_model(units, ["erank"]).iloc[0]
    assert found["sd"] == pytest.approx(np.sqrt((inside**2).sum() / (len(units) - 2)))
    assert units["erank"].std() > 4 * found["sd"]
    assert found["low"] < 1.8 ** found["sd"] < found["high"]


def test_the_level_of_the_intervals_is_the_callers():
    units = mentions(np.random.default_rng(0))
    narrow, wide = (mention_model(units, ["erank"], level=level).iloc[0] for level in (0.8, 0.99))
    assert wide["low"] < narrow["low"] < narrow["high"] < wide["high"]
    assert wide["method"].endswith("level=0.99")


def test_opposite_slopes_inside_and_between_images_are_told_apart():
    rng = np.random.default_rng(3)
    scene = np.repeat(rng.normal(size=400), 4)
    inner = rng.normal(size=1600)
    total = rng.poisson(5, size=1600) + 1
    chance = 1 / (1 + np.exp(1.5 - 0.7 * scene + 0.5 * inner))
    units = pd.DataFrame(
        {
            "image_id": np.repeat(np.arange(400), 4),
            "keep": 8,
            "erank": scene + inner,
            "n_mentions": total,
            "n_hallucinated": rng.binomial(total, chance),
        }
    )
    found = mention_model(units, ["erank"]).set_index("group")
    assert found.loc["erank within", "high"] < 1 < found.loc["erank between", "low"]


def test_mention_model_equals_gee_over_single_mentions():
    units = mentions(np.random.default_rng(1), n=120)
    units = units[units["keep"] == 8]
    ours = mention_model(units, ["erank"]).iloc[0]
    rows = units.loc[units.index.repeat(units["n_mentions"])].copy()
    order = rows.groupby("image_id").cumcount()
    rows["wrong"] = (order < rows["n_hallucinated"]).astype(float)
    rows["x"] = (rows["erank"] - units["erank"].mean()) / units["erank"].std()
    gee = sm.GEE(
        rows["wrong"],
        sm.add_constant(rows[["x"]]),
        groups=rows["image_id"],
        family=sm.families.Binomial(),
        cov_struct=sm.cov_struct.Independence(),
    ).fit()
    assert np.log(ours["estimate"]) == pytest.approx(gee.params["x"], abs=1e-6)
    width = np.log(ours["high"]) - np.log(ours["low"])
    assert width == pytest.approx(np.diff(gee.conf_int().loc["x"]).item(), rel=0.02)


def test_mention_model_without_hallucinations_is_empty():
    units = mentions(np.random.default_rng(1)).assign(n_hallucinated=0)
    assert mention_model(units, ["erank"]).empty


def test_a_mention_model_says_why_it_has_no_estimate():
    units = mentions(np.random.default_rng(0))
    cases = {
        "need more than 4 images": units[units["image_id"].isin(["0", "1", "2"])],
        "linearly dependent": units.assign(log_length=3 - 2 * units["erank"]),
        "without error": units.assign(
            n_hallucinated=units["n_mentions"].where(units["erank"] > 0, 0)
        ),
    }
    for why, frame in cases.items():
        found = mention_model(frame, TERMS)
        assert found["group"].tolist() == TERMS
        assert found[["estimate", "low", "high", "p"]].isna().all(axis=None)
        assert found["method"].str.contains(why).all(), why


def test_a_mention_model_leaves_out_terms_without_values():
    units = mentions(np.random.default_rng(0)).assign(attention_mass=np.nan)
    with_it = mention_model(units, [*TERMS, "attention_mass", "never"])
    pd.testing.assert_frame_equal(with_it, mention_model(units, TERMS))
