"""Hallucination by part, length and category from a table of counts with planted rates."""

import pandas as pd
import pytest

from analysis.scores.released import COLUMNS
from analysis.stats.released import caption_units, decoding_effects, rates, subsets
from chair_eval.bootstrap import Bootstrap


@pytest.fixture(scope="module")
def table():
    """100 images; the second part invents half of its mentions under greedy, none under beam."""
    rows = []
    for image in range(100):
        length = 20 + image
        for decoding, wrong in (("greedy", image % 2), ("beam", 0)):
            head = ("M", decoding, image, length, 2, 1)
            rows.append((*head, "dog", 0, 1, 0))
            rows.append((*head, "cat", 1, 1, wrong))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_units_pool_a_caption(table):
    units = caption_units(table).set_index(["variant", "image_id"])
    assert units.loc[("M greedy", "1"), ["n_mentions", "n_hallucinated"]].tolist() == [2, 1]
    assert len(units) == 200


def test_every_level_resamples_every_image(table):
    sizes = {(split, level): len(units) for split, level, units in subsets(table, least=10)}
    assert sizes["part", "1"] == 200
    assert {level for split, level in sizes if split == "length"} == {"short", "medium", "long"}
    assert {level for split, level in sizes if split == "category"} == {"cat", "dog"}


def test_planted_rates_are_found(table):
    found = rates(table, Bootstrap(200)).set_index(["split", "level", "group"])["estimate"]
    assert found["part", "0", "M greedy"] == 0
    assert found["part", "1", "M greedy"] == pytest.approx(50)
    assert found["part", "1", "M beam"] == 0


def test_decodings_are_compared_on_the_same_images(table):
    found = decoding_effects(table, Bootstrap(200)).set_index(["split", "level", "measure"])
    whole = found.loc["all", "all", "CHAIR_i"]
    assert whole["estimate"] == pytest.approx(-25)
    assert whole["high"] < 0
    assert found.loc["part", "1", "CHAIR_i"]["estimate"] == pytest.approx(-50)
    assert found.loc["all", "all", "length"]["estimate"] == 0
