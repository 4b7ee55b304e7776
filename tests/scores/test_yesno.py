import subprocess
import sys
from types import SimpleNamespace

import pandas as pd
import pytest

from analysis.errors import UsageError
from analysis.runs import Run
from analysis.scores.yesno import answers_of, is_neither, read_mme, read_pope, yesno_scores


def answers(rows, variant="full"):
    """Build an answers table from (image, split, label, answer) rows."""
    return pd.DataFrame(
        [
            {
                "image_id": image,
                "variant": variant,
                "pruner": variant.split("@")[0],
                "keep": 576,
                "task": "yesno",
                "question_id": f"q{number}",
                "split": split,
                "question": "?",
                "answer": answer,
                "label": label,
                "n_new_tokens": 2,
                "truncated": False,
            }
            for number, (image, split, label, answer) in enumerate(rows)
        ]
    )


@pytest.mark.parametrize(
    ("answer", "pope", "mme", "neither"),
    [
        ("Yes", "yes", "yes", False),
        ("yes", "yes", "yes", False),
        ("No", "no", "no", False),
        (" no ", "no", "no", False),
        ("No, there is not.", "no", "no", False),
        ("Yes. There is no dog.", "yes", "yes", False),  # POPE reads up to the first full stop
        ("There is no dog.", "no", "other", False),
        ("It is not there", "no", "other", False),
        ("NO", "yes", "no", False),  # POPE looks for No, no, not: these three spellings
        ("No!", "yes", "no", False),
        ("Maybe", "yes", "other", True),
        ("", "yes", "other", True),
        ("Know", "yes", "no", True),  # MME looks for letters in the first four characters
        ("A yes", "yes", "other", False),
        ("It isn't", "yes", "other", False),
        ("nothing", "yes", "no", True),
    ],
)
def test_readings_follow_the_official_scorers(answer, pope, mme, neither):
    assert read_pope(answer) == pope
    assert read_mme(answer) == mme
    assert is_neither(answer) is neither


def test_one_row_an_answer_with_nullable_correctness():
    table = answers(
        [
            ("1", "random", "yes", "Yes"),
            ("1", "random", "No", "Yes"),
            ("2", "popular", "no", "dunno"),
            ("3", "popular", None, "yes"),
            ("4", "popular", "no", None),
        ]
    )
    scored = yesno_scores(table)
    assert scored["correct"].dtype == "boolean"
    assert scored["correct"].tolist()[:3] == [True, False, False]
    assert scored["correct"].isna().tolist() == [False, False, False, True, True]
    assert scored["neither"].tolist()[:3] == [False, False, True]
    assert scored["label"].tolist()[1] == "no"
    assert scored["answer"].tolist()[0] == "Yes"
    mme = yesno_scores(table, reading="mme")
    assert mme["prediction"].tolist()[:3] == ["yes", "yes", "other"]


def test_other_tasks_are_left_out_and_nothing_gives_an_empty_frame():
    table = answers([("1", "random", "yes", "yes")])
    table["task"] = "caption"
    scored = yesno_scores(table)
    assert len(scored) == 0
    assert {"image_id", "variant", "pruner", "keep", "split", "label", "answer", "correct"} <= set(
        scored.columns
    )


def test_wrong_input_is_named():
    table = answers([("1", "random", "perhaps", "yes")])
    with pytest.raises(ValueError, match="label 'perhaps'"):
        yesno_scores(table)
    with pytest.raises(ValueError, match="reading='x'"):
        yesno_scores(table, reading="x")
    with pytest.raises(ValueError, match="lacks the column label"):
        yesno_scores(table.drop(columns="label"))
    with pytest.raises(TypeError, match="int is no run"):
        yesno_scores(3)


def test_answers_come_from_a_table_a_run_or_a_folder(tmp_path):
    table = answers([("1", "random", "yes", "yes"), ("2", "random", "no", "no")])
    assert answers_of(table) is table
    assert answers_of(SimpleNamespace(answers=table)) is table
    assert answers_of(SimpleNamespace(answers=lambda: table)) is table
    run = Run.create(tmp_path / "run", {"n_shards": 2, "config": {}})
    for index, row in enumerate(table.to_dict("records")):
        run.write_shard(index, {"answers": [row]})
    assert answers_of(tmp_path / "run")["image_id"].tolist() == ["1", "2"]
    with pytest.raises(UsageError, match="make a run with: agile extract"):
        answers_of(tmp_path / "empty")


def test_scorers_import_no_torch_and_no_matplotlib():
    code = (
        "import sys, analysis.scores.pope, analysis.scores.mme, analysis.scores.scienceqa; "
        "import analysis.datasets.scenes; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'matplotlib', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
