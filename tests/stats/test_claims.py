"""The declared tests find what is planted, and say so when something was not measured."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.stats.claims import ROLES, judge, judged
from analysis.stats.margins import declared
from analysis.stats.ratios import RATIOS


@pytest.fixture(scope="module")
def study(planted):
    return planted()


@pytest.fixture(scope="module")
def verdicts(study):
    return judge(study)


def test_planted_effects_support_every_claim(verdicts):
    found = {key: each.verdict for key, each in verdicts.items()}
    assert list(found) == ["audit", "hallucination", "complexity", "steering", "minimal"]
    assert set(found.values()) <= {"supported", "partly"}
    assert found["audit"] == found["hallucination"] == "supported"


def test_reversed_effects_contradict(planted):
    backwards = planted(harm=-1.5, cross=-1.0, steer=-5.0)
    found = judge(backwards)
    assert [found[key].verdict for key in ("hallucination", "complexity", "steering")] == [
        "contradicted"
    ] * 3


def test_more_right_objects_alone_do_not_contradict_more_hallucination(planted):
    frame = judged("hallucination", planted(harm=0.0, recall=2.0)).frame.set_index("test")
    assert frame.loc["right objects", "outcome"] == "for"
    assert frame.loc["share of mentions", "outcome"] == "against"  # it divides by them
    assert judged("hallucination", planted(harm=0.0, recall=2.0)).verdict != "contradicted"


def test_better_at_both_levels_is_no_crossover(study):
    units = study.units.copy()
    ahead = units["variant"] == "divprune@64"
    units.loc[ahead, "n_correct"] = 8
    found = judged("complexity", replace(study, units=units))
    assert found.verdict == "mixed"  # complex images for, simple ones against


def test_one_family_a_claim(verdicts):
    for each in verdicts.values():
        decisive, context = (each.frame[each.frame["decisive"] == kind] for kind in (True, False))
        assert (decisive["q"] >= decisive["p"] - 1e-12).all()
        assert context["q"].isna().all()
        keys = ["test", "first", "second", "measure", "split", "level"]
        assert not each.frame.duplicated(keys).any()


def test_p_and_interval_of_a_test_agree(verdicts):
    frame = pd.concat([each.frame for each in verdicts.values()])
    frame = frame[(frame["rule"] == "real") & frame["p"].notna()]
    excluded = (frame["low"] > 0) | (frame["high"] < 0)
    clear = (frame["p"] - 0.05).abs() > 0.005  # the quantiles of 500 draws are that coarse
    assert (excluded == (frame["p"] < 0.05))[clear].all()


def test_without_questions_the_claims_about_scores_have_no_data(study):
    captions = replace(study, units=study.units.drop(columns=["n_correct", "n_answered"]))
    found = judge(captions)
    assert [key for key, each in found.items() if each.verdict == "no data"] == [
        "complexity", "steering", "minimal",
    ]  # fmt: skip
    lacking = found["minimal"].frame.iloc[0]
    assert lacking["method"] == "none: accuracy or ScienceQA was not measured"
    assert np.isnan(lacking["estimate"])


def test_identical_answers_are_undefined(study):
    units = study.units.copy()
    fixed = units.loc[units["variant"] == "bat_fixed@64", "n_correct"].to_numpy()
    units.loc[units["variant"] == "bat_adaptive@64", "n_correct"] = fixed
    found = judged("steering", replace(study, units=units))
    assert found.verdict == "no data"
    assert found.frame["outcome"].tolist().count("undefined") == 1


def test_a_rule_that_no_method_has_is_no_data(study, roles):
    without = roles | {"inverse": [None, None]}
    found = judged("steering", replace(study, roles=without))
    assert found.verdict == "no data"
    assert "no inverse beside fixed" in found.frame["method"].iloc[-1]
    one = roles | {"inverse": ["bat_inverse@64", None]}
    assert len(judged("steering", replace(study, roles=one)).frame) == 3


def test_a_rival_within_the_margin_contradicts_only(study, roles):
    units = study.units
    twin = units[units["variant"] == "divprune@64"].assign(variant="fps@64")
    twin["erank"] *= np.exp(np.random.default_rng(1).normal(0.01, 0.05, size=len(twin)))
    known = roles | {"rivals": ["fps@64"]}
    tied = replace(study, units=pd.concat([units, twin], ignore_index=True), roles=known)
    found = judged("audit", tied)
    assert found.frame.set_index("test").loc["alone", "outcome"] == "equivalent"
    assert found.verdict == "mixed"


def test_captions_that_were_cut_are_left_out_in_a_sensitivity(study):
    frame = judged("hallucination", study).frame
    whole = frame[frame["test"] == "without cut captions"].set_index("measure")
    full = frame[frame["test"] == "invented objects"].iloc[0]
    assert set(whole.index) == {"CHAIR_s", "invented"}
    assert whole.loc["invented", "n"] < full["n"]
    assert not whole["decisive"].any()
    uncut = replace(study, units=study.units.assign(truncated=0.0))
    assert "without cut captions" not in set(judged("hallucination", uncut).frame["test"])


def test_partly_says_how_many(verdicts):
    for each in verdicts.values():
        if each.verdict == "partly":
            assert each.text == f"partly ({each.supported} of {each.decisive})"
        assert each.supported <= each.decisive


def test_open_tests_say_what_would_have_been_found(planted):
    found = judged("complexity", planted(cross=0.0))
    assert found.verdict == "inconclusive"
    assert found.detectable["accuracy"] > 1
    assert found.text.startswith("inconclusive (detectable with power 0.8: accuracy ")


def test_the_declaration_names_known_roles_measures_and_rules():
    for claim in declared()["claims"].values():
        for test in (*claim["decisive"], *claim.get("context", ())):
            assert {test.get(side, "divprune") for side in ("first", "second")} <= set(ROLES)
            assert set(test.get("measure", ())) <= set(RATIOS)
            assert test["rule"] in ("real", "clear")
            assert test["expected"] in (1, -1)


def test_context_does_not_touch_the_verdict(study, verdicts):
    for key, each in verdicts.items():
        alone = judged(key, study, context=False)
        assert alone.frame["decisive"].all()
        assert alone.verdict == each.verdict
        assert alone.frame["q"].tolist() == each.frame.loc[each.frame["decisive"], "q"].tolist()


def test_a_family_without_answers_has_no_data(study):
    units = study.units.copy()
    units.loc[units["variant"] == "divprune@64", "n_correct"] = np.nan
    assert judged("complexity", replace(study, units=units)).verdict == "no data"
