import math

import numpy as np
import pandas as pd
import pytest

from analysis.scores.pope import pope_table


def answers(rows):
    return pd.DataFrame(
        [
            {
                "image_id": str(number),
                "variant": variant,
                "pruner": variant,
                "keep": 64,
                "task": "yesno",
                "question_id": f"{split}-{number}",
                "split": split,
                "answer": answer,
                "label": label,
            }
            for number, (variant, split, label, answer) in enumerate(rows)
        ]
    )


def one_split(pairs, variant="full", split="random"):
    return [(variant, split, label, answer) for label, answer in pairs]


def test_written_out_case():
    # tp 3, fp 1, tn 2, fn 2 of 8
    pairs = [
        ("yes", "Yes"), ("yes", "Yes, it is."), ("yes", "yes"), ("yes", "No"), ("yes", "not sure"),
        ("no", "Yes"), ("no", "No, there is not."), ("no", "no"),
    ]  # fmt: skip
    row = pope_table(answers(one_split(pairs))).iloc[0]
    assert (row["tp"], row["fp"], row["tn"], row["fn"]) == (3, 1, 2, 2)
    assert row["accuracy"] == 5 / 8
    assert row["precision"] == 3 / 4
    assert row["recall"] == 3 / 5
    assert row["f1"] == pytest.approx(2 * 0.75 * 0.6 / (0.75 + 0.6), abs=1e-15)
    assert row["yes_share"] == 4 / 8
    assert (row["n"], row["n_neither"], row["n_missing"]) == (8, 0, 0)


def test_answers_that_are_neither_are_counted_and_officially_a_yes():
    pairs = [("yes", "maybe"), ("no", "a dog"), ("no", "No"), ("yes", "Yes")]
    official = pope_table(answers(one_split(pairs))).iloc[0]
    assert official["n_neither"] == 2
    assert official["accuracy"] == 3 / 4
    assert official["yes_share"] == 3 / 4
    strict = pope_table(answers(one_split(pairs)), neither="wrong").iloc[0]
    assert strict["n_neither"] == 2
    assert strict["accuracy"] == 2 / 4
    assert strict["yes_share"] == 1 / 4
    assert (strict["tp"], strict["fp"], strict["tn"], strict["fn"]) == (1, 0, 1, 1)
    assert strict["precision"] == 1.0
    assert strict["recall"] == 1 / 2
    with pytest.raises(ValueError, match="neither='no'"):
        pope_table(answers(one_split(pairs)), neither="no")


def test_empty_denominators_are_nan_not_zero():
    row = pope_table(answers(one_split([("no", "No"), ("no", "no")]))).iloc[0]
    assert row["accuracy"] == 1
    assert math.isnan(row["precision"])
    assert math.isnan(row["recall"])
    assert math.isnan(row["f1"])
    missing = pope_table(answers(one_split([("no", None)]))).iloc[0]
    assert math.isnan(missing["accuracy"])
    assert (missing["n"], missing["n_missing"]) == (0, 1)


def test_mean_row_is_the_unweighted_mean_of_three_splits():
    rows = []
    for split, right in (("random", 4), ("popular", 3), ("adversarial", 2)):
        good, bad = [("yes", "yes")] * right, [("yes", "no")] * (4 - right)
        rows += one_split([*good, *bad, ("no", "no")], split=split)
    table = pope_table(answers(rows))
    assert table["split"].tolist() == ["random", "popular", "adversarial", "mean"]
    mean = table.iloc[-1]
    assert mean["accuracy"] == pytest.approx((1 + 0.8 + 0.6) / 3)
    assert mean["f1"] == pytest.approx((1 + 6 / 7 + 2 / 3) / 3)
    assert mean["n"] == 15
    two = pope_table(answers(rows[:10]))
    assert "mean" not in set(two["split"])


def test_variants_are_kept_apart():
    rows = one_split([("yes", "yes")], "a") + one_split([("yes", "no")], "b")
    table = pope_table(answers(rows))
    assert dict(zip(table["variant"], table["accuracy"], strict=True)) == {"a": 1.0, "b": 0.0}


def test_no_answers_give_no_rows():
    assert len(pope_table(answers(one_split([("yes", "yes")])).iloc[:0])) == 0


def test_equals_a_plain_restatement_of_the_official_loop():
    rng = np.random.default_rng(0)
    said = ["Yes", "No", "no.", "Yes, but no", "It is not. Yes", "maybe", "no, yes", "NO"]
    pairs = [
        (str(rng.choice(["yes", "no"])), said[int(rng.integers(len(said)))]) for _ in range(400)
    ]
    tp = tn = fp = fn = 0
    for label, answer in pairs:
        sentence = answer[: answer.index(".")] if "." in answer else answer
        words = sentence.replace(",", "").split(" ")
        no = any(word in words for word in ("No", "no", "not"))
        tp += (not no) and label == "yes"
        fp += (not no) and label == "no"
        fn += no and label == "yes"
        tn += no and label == "no"
    row = pope_table(answers(one_split(pairs))).iloc[0]
    assert (row["tp"], row["fp"], row["tn"], row["fn"]) == (tp, fp, tn, fn)
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    assert row["f1"] == pytest.approx(2 * precision * recall / (precision + recall), abs=1e-12)
    assert row["yes_share"] == (tp + fp) / 400
