"""Verdicts follow from outcomes by rule, and outcomes from interval, q and margin."""

import numpy as np
import pandas as pd
import pytest

from analysis.stats.verdicts import VERDICTS, outcome, point, verdict


def frame_of(*outcomes, decisive=True, needed=True):
    rows = {"outcome": list(outcomes), "decisive": decisive, "needed": needed}
    return pd.DataFrame(rows, index=range(len(outcomes)))


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["for", "for"], "supported"),
        (["for", "open"], "partly"),
        (["for", "equivalent"], "partly"),
        (["equivalent", "equivalent"], "equivalent"),
        (["against", "open"], "contradicted"),
        (["against", "equivalent"], "contradicted"),
        (["for", "against"], "mixed"),
        (["open", "equivalent"], "inconclusive"),
        (["open"], "inconclusive"),
        (["for", "undefined"], "no data"),
        (["against", "undefined"], "no data"),
        (["undefined"], "no data"),
        ([], "no data"),
    ],
)
def test_verdict_follows_from_the_outcomes(outcomes, expected):
    assert verdict(frame_of(*outcomes)) == expected
    assert expected in VERDICTS


def test_undefined_decisive_evidence_is_never_dropped():
    context = frame_of("for", decisive=False)
    decisive = frame_of("undefined")
    assert verdict(pd.concat([decisive, context])) == "no data"


def test_context_does_not_decide():
    frame = pd.concat([frame_of("for"), frame_of("against", "undefined", decisive=False)])
    assert verdict(frame) == "supported"


def test_an_open_test_that_is_not_needed_does_not_stand_in_the_way():
    frame = pd.concat([frame_of("for"), frame_of("open", needed=False)])
    assert verdict(frame) == "supported"
    assert verdict(pd.concat([frame_of("for"), frame_of("against", needed=False)])) == "mixed"


def test_a_tie_contradicts_only():
    assert verdict(frame_of("for", "equivalent"), only=True) == "mixed"
    assert verdict(frame_of("for", "open"), only=True) == "partly"
    assert verdict(frame_of("equivalent", "equivalent"), only=True) == "equivalent"


def row(**given):
    usual = {"estimate": 3.0, "q": 0.01, "p_equivalent": 1.0, "margin": 1.0, "expected": 1}
    return usual | {"rule": "real"} | given


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "for"),
        ({"expected": -1}, "against"),
        ({"q": 0.06}, "open"),
        ({"estimate": 0.9}, "open"),  # it differs from 0, but not by what is of interest
        ({"estimate": 0.4, "p_equivalent": 0.001}, "equivalent"),
        ({"q": np.nan}, "undefined"),
        ({"estimate": np.nan}, "undefined"),
        ({"rule": "clear"}, "for"),
        ({"rule": "clear", "estimate": 0.4}, "against"),  # q is about the margin: clearly below it
        ({"margin": 0.0, "estimate": 0.1}, "for"),
    ],
)
def test_outcome_of_one_test(given, expected):
    assert outcome(row(**given), 0.05) == expected


def test_the_test_point_is_zero_or_the_margin_on_the_expected_side():
    assert point(row()) == 0
    assert point(row(rule="clear")) == 1
    assert point(row(rule="clear", expected=-1)) == -1
