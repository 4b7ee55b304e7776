"""The specification curve: a planted effect is found, none gives an even p, choices are counted."""

import numpy as np
import pandas as pd
import pytest

from analysis.stats.crossed import WITHIN, association
from analysis.stats.specification import specification_curve
from analysis.stats.specification_plans import CHOICES
from chair_eval.bootstrap import Bootstrap

KEEPS = (64, 32)


def make_units(n=60, m=6, effect=0.0, seed=0, **more):
    """Return captions of n images by m methods whose kept erank adds ``effect`` log inventions."""
    rng = np.random.default_rng(seed)
    images = {
        "image_id": [f"i{place:04d}" for place in range(n)],
        "n_objects": np.arange(n) % 5,
        "image_erank": np.arange(n) % 7,
        "image_entropy": np.arange(n) % 11,
    }
    rows = []
    for keep in KEEPS:
        for place in range(m):
            erank = place / m + 0.3 * rng.normal(size=n)
            wrong = rng.poisson(np.exp(-0.5 + effect * erank))
            rows.append(
                pd.DataFrame(
                    {
                        **images,
                        "variant": f"m{place}@{keep}",
                        "n_mentions": 3 + rng.poisson(1, size=n) + wrong,
                        "n_hallucinated": wrong,
                        "any_hallucinated": (wrong > 0).astype(float),
                        "erank": erank,
                        "erank_plain": erank + 0.1 * rng.normal(size=n),
                        "pairwise_distance": erank + 0.2 * rng.normal(size=n),
                        "attention_mass": rng.normal(size=n),
                        **more,
                    }
                )
            )
    return pd.concat(rows, ignore_index=True)


def make_sets(m=6):
    names = {keep: [f"m{place}@{keep}" for place in range(m)] for keep in KEEPS}
    return {keep: {"all": each, "fewer": each[:-2]} for keep, each in names.items()}


def curve(units, permutations=199, **more):
    return specification_curve(units, make_sets(), Bootstrap(100), permutations, **more)


def test_every_combination_is_estimated_once_and_sorted():
    frame = curve(make_units()).frame
    assert len(frame) == 3 * 3 * 5 * 2 * 2
    assert not frame[list(CHOICES)].duplicated().any()
    assert frame["estimate"].is_monotonic_increasing
    assert set(frame["n_methods"]) == {4, 6}
    assert "length" not in " ".join(frame["control"].unique())


def test_a_planted_effect_is_found_with_its_sign():
    for effect in (1.0, -1.0):
        found = curve(make_units(effect=effect))
        assert np.sign(found.median) == np.sign(effect)
        assert found.positive == (effect > 0)
        assert found.p == pytest.approx(1 / 200)


def test_without_an_effect_p_is_even():
    drawn = np.array([curve(make_units(n=40, seed=seed), 99).p for seed in range(40)])
    assert 0 <= (drawn <= 0.05).mean() <= 0.15
    assert 0.3 < np.median(drawn) < 0.7


def test_the_plain_specification_is_the_correlation_inside_images():
    units = make_units(effect=0.5)
    part = units[units["variant"].isin(make_sets()[64]["all"])]
    known = association(part, "erank", "n_hallucinated", Bootstrap(100)).set_index("group")
    frame = curve(units).frame.set_index(list(CHOICES))
    found = frame.loc[("invented objects", "erank, centred", "none", "all", 64)]
    assert found["estimate"] == pytest.approx(known.loc[WITHIN, "estimate"])
    assert found["low"] < found["estimate"] < found["high"]


def test_a_control_is_the_partial_correlation_inside_images():
    units = make_units(effect=0.5)
    part = units[units["variant"].isin(make_sets()[32]["fewer"])]
    inner = part.groupby("image_id")[["n_hallucinated", "erank", "attention_mass"]]
    y, x, z = (part[list(inner.obj[["n_hallucinated", "erank", "attention_mass"]])]
               - inner.transform("mean")).to_numpy().T  # fmt: skip
    rest = [v - z * (v @ z) / (z @ z) for v in (x, y)]
    frame = curve(units).frame.set_index(list(CHOICES))
    found = frame.loc[("invented objects", "erank, centred", "kept attention", "fewer", 32)]
    assert found["estimate"] == pytest.approx(np.corrcoef(*rest)[0, 1])


def test_equal_seeds_repeat_and_order_of_rows_does_not_matter():
    units = make_units()
    once, again = curve(units), curve(units.sample(frac=1, random_state=1))
    assert once.p == again.p
    np.testing.assert_allclose(once.frame["estimate"], again.frame["estimate"])


def test_what_is_not_there_is_no_choice():
    units = make_units().drop(columns=["erank_plain", "n_objects"])
    found = curve(units)
    assert set(found.frame["diversity"]) == {"erank, centred", "pairwise distance"}
    assert "slope by objects" not in set(found.frame["control"])
    constant = curve(make_units(n_hallucinated=0, any_hallucinated=0.0))
    assert constant.frame.empty
    assert np.isnan(constant.p)


def test_choices_are_summarised():
    table = curve(make_units(effect=1.0)).by_choice().set_index(["choice", "value"])
    assert table.loc[("methods", "all"), "specifications"] == 3 * 3 * 5 * 2
    assert (table["positive"] == 1).all()


def test_undefined_shares_leave_out_the_image_for_that_outcome_only():
    units = make_units()
    units.loc[units["image_id"] == "i0000", ["n_mentions", "n_hallucinated"]] = 0
    frame = curve(units).frame
    assert set(frame.loc[frame["outcome"] == "share of mentions", "n"]) == {59}
    assert set(frame.loc[frame["outcome"] == "invented objects", "n"]) == {60}
