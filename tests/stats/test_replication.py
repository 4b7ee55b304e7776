"""Replication: verdicts side by side, differences paired where the images are the same."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.stats.claims import judge
from analysis.stats.replication import images_of, replicate
from tests.stats.conftest import make_study


def compared(first, second):
    return replicate(first, second, (judge(first), judge(second)))


def test_a_run_against_itself_has_the_same_verdicts_and_no_difference():
    study = make_study(n=120)
    found = compared(study, study)
    assert images_of(study, study) == "the same images"
    for each in found.values():
        assert each.same
        assert (each.frame["estimate"] == 0).all()
    audit = found["audit"].frame
    assert set(audit["how"]) == {"paired"}
    assert len(audit) == 3


def test_other_images_are_independent_and_a_true_difference_is_seen():
    first, second = make_study(0, harm=1.5), make_study(1, harm=-1.5)
    images = second.images.assign(image_id="other" + second.images["image_id"])
    units = second.units.assign(image_id="other" + second.units["image_id"])
    second = replace(second, units=units, images=images)
    assert images_of(first, second) == "other images"
    found = compared(first, second)["hallucination"]
    assert not found.same
    pair = found.frame[found.frame["test"] == "invented objects"].iloc[0]
    assert pair["how"] == "independent"
    assert pair["low"] > 0
    assert pair["estimate"] == pytest.approx(pair["first_estimate"] - pair["second_estimate"])
    assert found.apart >= 2


def test_pairing_is_narrower_where_images_agree():
    first = make_study(0, n=200)
    noise = np.random.default_rng(1).binomial(1, 0.1, len(first.units))
    second = replace(
        first, units=first.units.assign(n_hallucinated=first.units["n_hallucinated"] + noise)
    )
    paired = compared(first, second)["hallucination"].frame.set_index("test")
    moved = replace(
        second,
        units=second.units.assign(image_id="x" + second.units["image_id"]),
        images=second.images.assign(image_id="x" + second.images["image_id"]),
    )
    apart = compared(first, moved)["hallucination"].frame.set_index("test")
    width = [(each["high"] - each["low"])["invented objects"] for each in (paired, apart)]
    assert width[0] < 0.7 * width[1]
    assert paired.loc["association", "how"] == "independent"


def test_partly_the_same_images_are_taken_as_independent():
    first = make_study(0, n=120)
    part = first.images["image_id"].tolist()[:80]
    second = replace(
        first,
        units=first.units[first.units["image_id"].isin(part)],
        images=first.images[first.images["image_id"].isin(part)],
    )
    assert images_of(first, second) == "partly the same images"
    assert set(compared(first, second)["audit"].frame["how"]) == {"independent"}


def test_budgets_may_differ_and_what_one_run_lacks_is_counted():
    first = make_study(0, n=120)
    renamed = {
        role: [name and name.replace("@64", "@128") for name in names]
        for role, names in first.roles.items()
    }
    units = first.units.assign(variant=first.units["variant"].str.replace("@64", "@128"))
    found = compared(first, replace(first, units=units, roles=renamed))
    assert len(found["audit"].frame) == 3
    bare = replace(first, roles={**first.roles, "adaptive": [], "inverse": []})
    steering = compared(first, bare)["steering"]
    assert steering.lacking == 4
    assert steering.frame.empty
    assert not steering.same
