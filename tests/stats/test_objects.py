"""Attention on mentioned and missed objects, and of kept tokens, on numbers done by hand."""

import numpy as np
import pandas as pd
import pytest

from analysis.stats.objects import PARTS, column_means, kept_profile, object_states
from chair_eval.bootstrap import Bootstrap, bootstrap

FAST = Bootstrap(200)


def test_column_means_are_means_and_nothing_without_images():
    values = np.array([[1.0, 10.0], [3.0, 30.0]])
    assert [each.estimate for each in bootstrap(column_means(values), FAST)] == [2, 20]
    assert column_means(np.empty((0, 2))) == []


def test_mentioned_and_missed_objects_are_told_apart():
    objects = pd.DataFrame(
        {"image_id": ["1", "1", "2"], "category": ["dog", "cup", "dog"], "density": [4.0, 1.0, 2.0]}
    )
    scored = pd.DataFrame(
        {"image_id": ["1", "2"], "variant": "full", "recalled": [["dog"], ["dog"]]}
    )
    found = object_states(objects, scored, ["full", "absent"], FAST).set_index("group")
    assert found["estimate"].to_dict() == {"mentioned": 3, "missed": 1, "mentioned - missed": 2}
    assert found["objects"].to_dict() == {"mentioned": 2, "missed": 1, "mentioned - missed": 3}


def test_kept_tokens_are_ranked_by_attention_and_merged_ones_left_out():
    attention = np.arange(1.0, 2 * PARTS + 1)
    scored = pd.DataFrame(
        {"image_id": ["1"], "variant": "fps@8", "n_mentions": 2, "n_hallucinated": [0]}
    )
    kept = {("1", "fps@8"): [-1, *range(PARTS)]}
    found = kept_profile({"1": attention}, kept, scored, ["fps@8"], FAST)
    assert found["group"].unique().tolist() == ["clean"]
    expected = attention[:PARTS][::-1] / attention.mean()
    assert found["estimate"].tolist() == pytest.approx(expected.tolist())
    assert found["part"].tolist() == list(range(1, PARTS + 1))
