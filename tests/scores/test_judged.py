"""One verdict a question; their sums are the counts every score is made of."""

import pandas as pd

from analysis.benchmarks import MME
from analysis.scores.counts import Part, count_questions, judged_answers

COLUMNS = ["image_id", "task", "question_id", "split", "label", "answer"]


def part(rows, dataset="scenes"):
    answers = pd.DataFrame(rows, columns=COLUMNS).assign(variant="v@4", pruner="v", keep=4)
    images = pd.DataFrame({"image_id": answers["image_id"].unique(), "dataset": dataset})
    return Part(images, answers)


YESNO = part(
    [
        ("a", "yesno", "q0", "s", "yes", "Yes."),
        ("a", "yesno", "q1", "s", "no", "maybe"),
        ("b", "yesno", "q0", "s", "no", "No"),
        ("b", "yesno", "q1", "s", None, "No"),
    ]
)
CHOICES = part([("a", "choice", "c0", None, "B", "B"), ("b", "choice", "c0", None, "A", "hm")])


def test_verdicts_add_up_to_the_counts():
    found = judged_answers([YESNO], [CHOICES])
    counts = count_questions([YESNO], [CHOICES])
    sums = found.groupby("task")["correct"].agg(["sum", "count"])
    assert sums.loc["yesno"].tolist() == [counts["n_correct"].sum(), counts["n_answered"].sum()]
    wanted = [counts["n_choices_correct"].sum(), counts["n_choices"].sum()]
    assert sums.loc["choice"].tolist() == wanted


def test_what_has_no_label_has_no_verdict():
    found = judged_answers([YESNO], [])
    assert found[["image_id", "question_id"]].to_numpy().tolist() == [
        ["a", "q0"],
        ["a", "q1"],
        ["b", "q0"],
    ]
    assert found["correct"].tolist() == [1.0, 0.0, 1.0]


def test_mme_is_read_as_mme_reads():
    rows = [("a", "yesno", "q0", "OCR", "yes", "maybe"), ("a", "yesno", "q1", "OCR", "no", "no")]
    assert judged_answers([part(rows, MME)], [])["correct"].tolist() == [0.0, 1.0]
    assert judged_answers([part(rows)], [])["correct"].tolist() == [1.0, 1.0]


def test_no_questions_are_an_empty_table():
    found = judged_answers([], [])
    assert found.empty
    assert set(found) == {"image_id", "variant", "task", "question_id", "correct"}
