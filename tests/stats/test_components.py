"""Mediation by verbosity: planted direct and indirect effects, and what rho does to them."""

import numpy as np
import pandas as pd
import pytest

from analysis.stats.components import mediation
from analysis.stats.paired import compare
from chair_eval.bootstrap import Bootstrap

FAST = Bootstrap(500)


def units(rng, n=3000, direct=0.3, verbosity=1.0, slope=0.2):
    """The first method makes captions longer by ``verbosity`` right mentions, on average."""
    base, wild = rng.normal(6, 2, size=n), rng.normal(0, 1, size=n)
    frames = []
    for variant, on in (("a@8", 1), ("b@8", 0)):
        right = base + on * verbosity + rng.normal(size=n)
        wrong = 1 + wild + on * direct + slope * right + rng.normal(0, 0.5, size=n)
        ids = [f"i{k:05d}" for k in range(n)]
        frames.append(
            pd.DataFrame(
                {"image_id": ids, "variant": variant, "n_right": right, "n_hallucinated": wrong}
            )
        )
    return pd.concat(frames, ignore_index=True)


def test_total_is_direct_plus_indirect_as_planted():
    found = mediation(units(np.random.default_rng(0)), "a@8", "b@8", FAST)
    plain = found[found["rho"] == 0].set_index("group")
    for name, truth in (("total", 0.5), ("direct", 0.3), ("indirect", 0.2)):
        assert plain.loc[name, "low"] < truth < plain.loc[name, "high"]
    both = plain.loc["direct", "estimate"] + plain.loc["indirect", "estimate"]
    assert plain.loc["total", "estimate"] == pytest.approx(both)


def test_total_is_the_paired_component():
    frame = units(np.random.default_rng(1), n=200)
    total = mediation(frame, "a@8", "b@8", FAST, rhos=[0.0]).iloc[0]
    paired = compare(frame, ["invented"], [("a@8", "b@8")], FAST).iloc[0]
    for name in ("estimate", "low", "high", "n"):
        assert total[name] == pytest.approx(paired[name])


def test_the_indirect_effect_vanishes_at_its_rho():
    frame = units(np.random.default_rng(2))
    found = mediation(frame, "a@8", "b@8", FAST).set_index("group")
    root = found.loc["rho of no indirect effect", "estimate"]
    there = mediation(frame, "a@8", "b@8", FAST, rhos=[root]).set_index("group")
    assert there.loc["indirect", "estimate"] == pytest.approx(0, abs=1e-9)
    by_rho = found.loc["indirect"].sort_values("rho")["estimate"]
    assert by_rho.is_monotonic_decreasing


def test_more_right_mentions_without_a_link_mediate_nothing():
    frame = units(np.random.default_rng(3), slope=0.0)
    plain = mediation(frame, "a@8", "b@8", FAST, rhos=[0.0]).set_index("group")
    assert plain.loc["indirect", "low"] < 0 < plain.loc["indirect", "high"]
    assert plain.loc["direct", "low"] > 0
