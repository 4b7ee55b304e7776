"""Counting captions into a table, and the table in the repository."""

import json
from pathlib import Path

import pandas as pd
import pytest

from analysis.scores.released import COLUMNS, PART, main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def files(tmp_path):
    captions = tmp_path / "captions.jsonl"
    padding = "and then there is more of it " * 3
    rows = [
        {"image_id": 1, "caption": f"A dog and a cat. {padding} A dog sits by a car."},
        {"image_id": 2, "caption": "Nothing to see."},
    ]
    captions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    truth = tmp_path / "truth.jsonl"
    known = [{"image_id": 1, "objects": ["dog", "bench"]}, {"image_id": 2, "objects": ["cup"]}]
    truth.write_text("".join(json.dumps(row) + "\n" for row in known))
    return captions, truth


def test_counts_by_category_and_part(files, tmp_path):
    captions, truth = files
    out = tmp_path / "counts.csv"
    assert main([f"M:greedy:{captions}", "--ground-truth", str(truth), "--out", str(out)]) == 0
    table = pd.read_csv(out, keep_default_na=False)
    assert tuple(table.columns) == COLUMNS
    one = table[table["image_id"] == 1].set_index(["category", "part"])
    assert one.loc[("dog", 0), ["mentions", "hallucinated"]].tolist() == [1, 0]
    assert one.loc[("cat", 0), ["mentions", "hallucinated"]].tolist() == [1, 1]
    assert one.loc[("car", 28 // PART), ["mentions", "hallucinated"]].tolist() == [1, 1]
    assert set(one["n_gt"]) == {2}
    assert set(one["n_recalled"]) == {1}
    two = table[table["image_id"] == 2]
    assert two[["category", "mentions", "n_gt"]].to_numpy().tolist() == [["", 0, 1]]


@pytest.mark.parametrize(("file", "code"), [("no-colons.jsonl", 2), ("M:greedy:missing.jsonl", 1)])
def test_refusals_are_one_sentence(files, tmp_path, capsys, file, code):
    arguments = [file, "--ground-truth", str(files[1]), "--out", str(tmp_path / "x.csv")]
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == code
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_the_table_in_the_repository_has_the_reference_counts():
    path = ROOT / "data" / "published" / "released" / "captions.csv"
    table = pd.read_csv(path, keep_default_na=False)
    pooled = table.groupby(["model", "decoding"])[["mentions", "hallucinated"]].sum()
    assert pooled.loc[("LLaVA-1.5", "greedy")].tolist() == [3739, 478]
    captions = table.drop_duplicates(["model", "decoding", "image_id"])
    assert captions.groupby(["model", "decoding"]).size().tolist() == [500] * 6
    llava = captions[(captions["model"] == "LLaVA-1.5") & (captions["decoding"] == "greedy")]
    assert llava[["length", "n_gt", "n_recalled"]].sum().tolist() == [48446, 1524, 1216]
