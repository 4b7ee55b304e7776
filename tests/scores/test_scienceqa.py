import math

import pandas as pd
import pytest

from analysis.scores.scienceqa import read_choice, scienceqa_scores, scienceqa_table


def answers(rows, variant="full"):
    return pd.DataFrame(
        [
            {
                "image_id": str(number),
                "variant": variant,
                "pruner": variant,
                "keep": 64,
                "task": "choice",
                "question_id": "q0",
                "split": None,
                "answer": answer,
                "label": label,
            }
            for number, (label, answer) in enumerate(rows)
        ]
    )


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("B", "B"),
        (" C ", "C"),
        ("B. the sample", "B"),
        ("B\nbecause", "B"),  # a line break counts as a full stop and a blank
        ("The answer is D.", "D"),
        ("I think so. The answer is A", "A"),
        ("The answer is A or B. The answer is C.", "C"),  # the form with a full stop goes first
        ("b", None),
        ("B.the sample", None),
        ("B)", None),
        ("F", None),
        ("the answer is A", None),
        ("", None),
    ],
)
def test_letters_are_read_as_llavas_scorer_reads_them(answer, letter):
    assert read_choice(answer) == letter


def test_accuracy_counts_unread_as_wrong_and_leaves_missing_out():
    rows = [("A", "A"), ("B", "B. x"), ("C", "none of them"), ("A", "D"), ("B", None), (None, "A")]
    row = scienceqa_table(answers(rows)).iloc[0]
    assert row["accuracy"] == 2 / 4
    assert (row["n"], row["n_unread"], row["n_missing"]) == (4, 1, 2)
    scored = scienceqa_scores(answers(rows))
    assert scored["correct"].isna().tolist() == [False] * 4 + [True] * 2
    assert scored["prediction"].tolist()[:2] == ["A", "B"]


def test_nothing_scored_is_nan_or_no_row():
    assert math.isnan(scienceqa_table(answers([("A", None)])).iloc[0]["accuracy"])
    assert len(scienceqa_table(answers([("A", "A")]).iloc[:0])) == 0
