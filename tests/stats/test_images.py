"""Image means, changes, attention geometry, ties: known answers."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from analysis.catalogue import is_method, parameters
from analysis.stats.attention import (
    binned,
    box_mask,
    cumulative,
    entropy,
    object_attention,
    position_profile,
    stack,
    top_share,
)
from analysis.stats.estimate import COLUMNS, estimates, records
from analysis.stats.hallucination import associations, hallucination_rate, paired_units
from analysis.stats.images import image_changes, image_means
from chair_eval.bootstrap import Bootstrap

FAST = Bootstrap(n_resamples=300)


def table(rng, n=200, shift=2.0):
    base = rng.normal(10, 3, size=n)
    ids = np.arange(n).astype(str)
    clean = pd.DataFrame({"image_id": ids, "kind": "clean", "erank": base})
    moved = clean.assign(kind="moved", erank=base + shift + rng.normal(0, 0.1, size=n))
    return pd.concat([clean, moved], ignore_index=True)


def test_paired_change_is_narrower_than_the_means_suggest():
    frame = table(np.random.default_rng(0))
    means = image_means(frame, "kind", ["erank"], FAST).set_index("group")
    change = image_changes(frame, "kind", "clean", ["erank"], FAST).iloc[0]
    assert change["low"] < 2.0 < change["high"]
    assert change["high"] - change["low"] < 0.1 * (means["high"] - means["low"]).iloc[0]


def test_change_counts_only_images_with_both():
    frame = table(np.random.default_rng(0)).iloc[:-50]
    assert image_changes(frame, "kind", "clean", ["erank"], FAST)["n"].item() == 150


def test_no_estimates_keep_the_columns():
    assert list(estimates([]).columns) == list(COLUMNS)
    assert records(pd.DataFrame({"a": [1]})) == [{"a": 1}]


def test_parameters_of_a_spec():
    assert parameters("bat:attention_share=0.2:x=y@16") == {"attention_share": "0.2", "x": "y"}
    assert parameters("bat@16") == {}
    assert is_method("agilepruner:erank_avg=33.0@16")
    assert not is_method("agilepruner:tau=0.1@16")


def test_uniform_attention_has_no_preference():
    flat = stack([[1.0] * 16])
    assert entropy(flat)[0] == pytest.approx(np.log(16))
    assert cumulative(flat)[0] == pytest.approx(np.linspace(0, 1, 51))
    assert top_share(flat).sum() == pytest.approx(1)


def test_late_attention_lies_in_the_last_quarter():
    late = stack([np.arange(16) ** 3.0])
    assert top_share(late)[0].tolist() == [0, 0, 0, 1]
    assert entropy(stack([[0.0, 0.0, 1.0, 0.0]]))[0] == 0
    assert cumulative(late)[0][-1] == pytest.approx(1)
    assert (np.diff(cumulative(late)[0]) >= -1e-12).all()


@pytest.mark.parametrize(
    ("n", "expected"),
    [(14, [3, 4, 3, 4]), (16, [4, 4, 4, 4]), (3, [0, 1, 1, 1]), (577, [144, 144, 144, 145])],
)
def test_quarters_of_positions_are_those_of_the_quartile_pruner(n, expected):
    places = binned(np.arange(n), n, 4)
    assert np.bincount(places, minlength=4).tolist() == expected
    bounds = [quarter * n // 4 for quarter in range(5)]
    for quarter, (low, high) in enumerate(pairwise(bounds)):
        assert (places[low:high] == quarter).all()


def test_top_share_of_a_number_of_tokens_that_four_does_not_divide():
    rising = stack([np.arange(1.0, 15.0)])
    assert top_share(rising)[0].tolist() == [0, 0, 0, 1]  # the top 4 of 14 fill the last quarter
    assert top_share(stack([[1.0] * 3]))[0].tolist() == [0, 1, 0, 0]  # token 0 lies in [0, 1)


def test_profile_ignores_merged_tokens():
    profile = position_profile([[-1, 0, 1, 15]], 16)
    assert profile[0, 0] == pytest.approx(2 / 3)
    assert profile[0, -1] == pytest.approx(1 / 3)


def test_box_in_a_padded_image_moves_with_the_padding():
    whole = box_mask([[0, 0, 200, 100]], (200, 100), (4, 4), padded=True).reshape(4, 4)
    assert whole.sum(axis=1).tolist() == [0, 4, 4, 0]
    left = box_mask([[0, 0, 50, 100]], (200, 100), (4, 4), padded=False)
    assert left.sum() == 0


def test_object_attention_is_one_where_attention_is_flat():
    images = pd.DataFrame(
        {
            "image_id": ["a"],
            "cls_attention": [[0.05] * 16],
            "boxes": ['[{"category": "dog", "bbox": [0, 0, 40, 40]}]'],
            "width": 80,
            "height": 80,
            "grid_h": 4,
            "grid_w": 4,
            "n_tokens": 16,
        }
    )
    found = object_attention(images, padded=True)
    assert found["density"].item() == pytest.approx(1)
    assert found["area"].item() == pytest.approx(0.25)


def units(rng, n=300, link=0.15, methods="ab"):
    """Some variants an image; more erank, more inventions within the image."""
    frames = []
    scene = rng.normal(0, 3, size=n)
    for place, name in enumerate(f"{letter}@8" for letter in methods):
        extra = 2.0 * place / (len(methods) - 1)
        erank = 10 + scene + extra + rng.normal(0, 1, size=n)
        mentions = rng.poisson(6, size=n) + 1
        chance = np.clip(0.25 + link * (erank - 11 - scene) / 3, 0.01, 0.99)
        frames.append(
            pd.DataFrame(
                {
                    "image_id": np.arange(n).astype(str),
                    "variant": name,
                    "erank": erank,
                    "n_objects": rng.integers(1, 9, size=n),
                    "log_length": rng.normal(2, 0.2, size=n),
                    "n_mentions": mentions,
                    "n_hallucinated": rng.binomial(mentions, chance),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def test_ties_find_what_is_planted_inside_images_only():
    spoken = hallucination_rate(units(np.random.default_rng(1), methods="abcdef"))
    found = associations(spoken, "erank", boot=FAST).set_index("group")
    assert found.loc["within image", "low"] > 0
    assert found.loc["within image and method", "low"] > 0
    assert found.loc["between images", "low"] < 0.1
    assert "between images, given objects" in found.index
    assert not found.index.str.contains("length").any()  # a consequence of the outcome


def test_ties_find_nothing_where_nothing_is():
    spoken = hallucination_rate(units(np.random.default_rng(2), link=0.0, methods="abcd"))
    found = associations(spoken, "erank", boot=FAST).set_index("group").loc["within image"]
    assert found["low"] < 0 < found["high"]


def test_silent_captions_have_no_rate():
    frame = units(np.random.default_rng(3), n=5).assign(n_mentions=0)
    assert hallucination_rate(frame).empty


def test_pairs_subtract_on_shared_images():
    frame = units(np.random.default_rng(3), n=20)
    lone = frame[(frame["variant"] == "a@8") | (frame["image_id"].astype(int) < 7)]
    found = paired_units(lone, "b@8", "a@8", ["erank"])
    assert len(found) == 7
    assert found["erank"].mean() == pytest.approx(2, abs=1.5)
