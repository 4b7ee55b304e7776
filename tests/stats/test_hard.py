"""Hard samples: exactly those the baseline gets wrong, question by question."""

import numpy as np
import pandas as pd
import pytest

from analysis.stats.hard import against_downsampling, hard_scores, hard_units
from chair_eval.bootstrap import Bootstrap

BOOT = Bootstrap(200)
# Right (1) or wrong (0) answers to two questions about each of three images.
RIGHT = {
    "downsample@4": [[1, 0], [1, 1], [0, 0]],
    "other@4": [[0, 1], [1, 0], [1, 0]],
    "full": [[1, 1], [1, 1], [1, 0]],
}
# Invented, mentioned, recalled and annotated objects.
SAID = {
    "downsample@4": [(0, 2, 2, 2), (1, 3, 1, 2), (0, 1, 1, 3)],
    "other@4": [(1, 2, 1, 2), (0, 2, 2, 2), (2, 4, 2, 3)],
    "full": [(0, 2, 2, 2), (0, 2, 2, 2), (0, 3, 3, 3)],
}
NAMES = ["n_hallucinated", "n_mentions", "n_recalled", "n_gt"]


@pytest.fixture
def answers():
    rows = [
        {
            "image_id": f"i{place}",
            "variant": variant,
            "task": "yesno",
            "question_id": f"q{number}",
            "correct": float(right),
        }
        for variant, images in RIGHT.items()
        for place, verdicts in enumerate(images)
        for number, right in enumerate(verdicts)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def units(answers):
    right = answers.groupby(["image_id", "variant"])["correct"].agg(["sum", "count"])
    frame = right.set_axis(["n_correct", "n_answered"], axis=1).astype(float).reset_index()
    said = [
        {"image_id": f"i{place}", "variant": variant, **dict(zip(NAMES, row, strict=True))}
        for variant, images in SAID.items()
        for place, row in enumerate(images)
    ]
    frame = frame.merge(pd.DataFrame(said), on=["image_id", "variant"])
    return frame.assign(any_hallucinated=(frame["n_hallucinated"] > 0).astype(float), keep=4)


def test_questions_are_chosen_one_by_one(units, answers):
    found = hard_units(units, answers, "downsample@4", ["other@4", "full"])
    other = found[found["variant"] == "other@4"].set_index("image_id")
    assert other["n_correct"].fillna(-1).tolist() == [1, -1, 1]
    assert other["n_answered"].fillna(-1).tolist() == [1, -1, 2]


def test_captions_are_hard_where_the_baseline_invents_or_misses(units, answers):
    found = hard_units(units, answers, "downsample@4", ["other@4"]).set_index("image_id")
    assert found["n_hallucinated"].fillna(-1).tolist() == [-1, 0, -1]
    assert found["n_recalled"].fillna(-1).tolist() == [-1, 2, 2]


def test_scores_stand_beside_each_other_with_n(units, answers):
    found = hard_scores(units, answers, "downsample@4", list(RIGHT), BOOT)
    rows = found.set_index(["measure", "group", "samples"])
    assert rows.loc[("accuracy", "other@4", "hard"), "estimate"] == pytest.approx(200 / 3)
    assert rows.loc[("accuracy", "other@4", "hard"), "n_samples"] == 3
    assert rows.loc[("accuracy", "other@4", "all"), "n_samples"] == 6
    assert rows.loc[("accuracy", "full", "hard"), "estimate"] == pytest.approx(200 / 3)
    assert rows.loc[("recall", "other@4", "hard"), "estimate"] == pytest.approx(400 / 5)
    assert ("accuracy", "downsample@4", "all") in rows.index
    assert ("accuracy", "downsample@4", "hard") not in rows.index


def test_a_run_without_captions_or_without_questions_has_the_rest(units, answers):
    asked = units.drop(columns=[*NAMES, "any_hallucinated"])
    found = hard_scores(asked, answers, "downsample@4", ["other@4"], BOOT)
    assert set(found["measure"]) == {"accuracy"}
    told = units.drop(columns=["n_correct", "n_answered"])
    found = hard_scores(told, answers.iloc[:0], "downsample@4", ["other@4"], BOOT)
    assert set(found["measure"]) == {"recall", "CHAIR_i", "CHAIR_s"}


def test_nothing_wrong_leaves_no_hard_row(units, answers):
    perfect = answers.assign(correct=1.0)
    kind = units.assign(n_hallucinated=0, n_recalled=units["n_gt"], any_hallucinated=0.0)
    found = hard_scores(kind, perfect, "downsample@4", ["other@4"], BOOT)
    assert set(found["samples"]) == {"all"}


def test_comparison_with_the_baseline_is_one_family(units):
    rng = np.random.default_rng(0)
    many = pd.concat(
        [
            units.assign(image_id=units["image_id"] + f"-{place}", n_correct=rng.integers(0, 3, 9))
            for place in range(30)
        ]
    )
    found = against_downsampling(many, "downsample@4", ["other@4", "downsample@4"], BOOT)
    assert set(found["first"]) == {"other@4"}
    assert found["q"].notna().any()
    assert against_downsampling(many, "downsample@4", [], BOOT).empty
