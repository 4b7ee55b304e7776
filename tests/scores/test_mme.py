import math

import pandas as pd
import pytest

from analysis.benchmarks import SUBTASKS
from analysis.scores.mme import mme_table


def answers(rows, variant="full"):
    return pd.DataFrame(
        [
            {
                "image_id": image,
                "variant": variant,
                "pruner": variant,
                "keep": 64,
                "task": "yesno",
                "question_id": f"q{number}",
                "split": subtask,
                "answer": answer,
                "label": label,
            }
            for number, (subtask, image, label, answer) in enumerate(rows)
        ]
    )


def pair(subtask, image, first, second):
    return [(subtask, image, "yes", first), (subtask, image, "no", second)]


def test_written_out_case():
    # image 1 both right, image 2 one right, image 3 none (one is neither): 3/6 and 1/3
    rows = pair("count", "1", "Yes", "No") + pair("count", "2", "Yes", "Yes, two")
    rows += pair("count", "3", "I think so", "yes")
    row = mme_table(answers(rows)).set_index("subtask").loc["count"]
    assert row["accuracy"] == 3 / 6
    assert row["accuracy_plus"] == pytest.approx(1 / 3)
    assert row["score"] == pytest.approx(50 + 100 / 3)
    assert (row["n_images"], row["n"], row["n_neither"]) == (3, 6, 1)
    assert row["group"] == "perception"


def test_totals_sum_the_scores_of_all_subtasks():
    rows = [row for name in SUBTASKS for row in pair(name, f"{name}/1", "Yes", "No")]
    rows += pair("OCR", "OCR/2", "No", "No")  # OCR: 3 of 4, 1 of 2 → 125
    table = mme_table(answers(rows))
    totals = table[table["subtask"] == "total"].set_index("group")["score"]
    assert totals["perception"] == pytest.approx(9 * 200 + 125)
    assert totals["cognition"] == pytest.approx(800)
    assert totals["all"] == pytest.approx(2725)
    assert len(table) == 14 + 3
    assert table["subtask"].tolist()[:14] == list(SUBTASKS)


def test_a_total_without_all_its_subtasks_is_nan():
    table = mme_table(answers(pair("OCR", "1", "Yes", "No")))
    totals = table[table["subtask"] == "total"].set_index("group")
    assert totals["score"].map(math.isnan).all()
    assert totals.loc["perception", "n_images"] == 1
    assert totals.loc["cognition", "n_images"] == 0


def test_the_same_file_name_in_two_subtasks_is_two_images():
    rows = pair("count", "count/1", "Yes", "No") + pair("color", "color/1", "No", "No")
    table = mme_table(answers(rows)).set_index("subtask")
    assert table.loc["count", "accuracy_plus"] == 1
    assert table.loc["color", "accuracy_plus"] == 0


def test_unpaired_unknown_and_unlabelled_are_errors():
    with pytest.raises(ValueError, match="image '1' has 1 answers"):
        mme_table(answers(pair("count", "1", "Yes", "No")[:1]))
    with pytest.raises(ValueError, match="split='counting' is no MME subtask"):
        mme_table(answers(pair("counting", "1", "Yes", "No")))
    rows = answers(pair("count", "7", "Yes", "No"))
    rows.loc[0, "label"] = None
    with pytest.raises(ValueError, match="image '7' has a question without"):
        mme_table(rows)


def test_no_answers_give_no_rows():
    assert len(mme_table(answers(pair("count", "1", "Yes", "No")).iloc[:0])) == 0


def test_equals_the_mean_over_images_that_lmms_eval_takes():
    said = ["Yes", "No", "other", "no", "yes", "none", "Yes", "No"]
    rows = [
        row
        for number in range(20)
        for row in pair("scene", str(number), said[number % 8], said[(3 * number + 1) % 8])
    ]
    total = 0.0
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        right = [answer.lower()[:2] == label[:2] for _, _, label, answer in (first, second)]
        total += 100 * sum(right) / 2 + 100 * all(right)
    table = mme_table(answers(rows)).set_index("subtask")
    assert table.loc["scene", "score"] == pytest.approx(total / 20)
