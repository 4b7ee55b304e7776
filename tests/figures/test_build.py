"""Building: identical bytes, nothing to do, failures that stop nobody, provenance."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.errors import UsageError
from analysis.figures import FIGURES
from analysis.figures.base import DEMONSTRATION, Drawn, Recipe
from analysis.figures.build import build
from analysis.figures.save import digest
from analysis.runs import TABLES
from chair_eval.bootstrap import Bootstrap

FAST = Bootstrap(200)
SOME = ("entropy_vs_erank", "overview", "chair_table")


def recipes(names):
    return [FIGURES.get(name) for name in names]


def contents(folder):
    return {path.name: digest(path) for path in folder.iterdir()}


def test_two_builds_give_identical_bytes(run_path, tmp_path):
    for name in ("first", "second"):
        results = build(recipes(SOME), run_path, tmp_path / name, boot=FAST)
        assert [result.state for result in results] == ["built"] * len(SOME)
    first = contents(tmp_path / "first")
    assert first == contents(tmp_path / "second")
    assert {f"overview{end}" for end in (".pdf", ".png", ".svg", ".csv", ".md")} <= set(first)
    assert {"chair_table.tex", "chair_table.csv", "chair_table.md"} <= set(first)


def test_nothing_to_do_builds_nothing_and_touched_files_are_rebuilt(run_path, tmp_path):
    build(recipes(SOME), run_path, tmp_path, boot=FAST)
    again = build(recipes(SOME), run_path, tmp_path, boot=FAST)
    assert {result.state for result in again} == {"fresh"}
    (tmp_path / "overview.csv").write_text("spoiled")
    states = [result.state for result in build(recipes(SOME), run_path, tmp_path, boot=FAST)]
    assert states == ["fresh", "built", "fresh"]


def test_another_seed_or_run_is_out_of_date(run_path, make_run, tmp_path):
    build(recipes(SOME[:1]), run_path, tmp_path / "out", boot=FAST)
    other = build(recipes(SOME[:1]), run_path, tmp_path / "out", boot=Bootstrap(200, seed=1))
    assert other[0].state == "built"
    changed = make_run(tmp_path / "tiny", 30, seed=1)
    assert build(recipes(SOME[:1]), changed, tmp_path / "out", boot=FAST)[0].state == "built"


def test_one_failing_figure_does_not_stop_the_rest(run_path, tmp_path):
    def broken(inputs):
        raise RuntimeError("ink is empty")

    chosen = [Recipe("broken", "", (), broken), *recipes(SOME[:1])]
    results = build(chosen, run_path, tmp_path, boot=FAST)
    assert [result.state for result in results] == ["failed", "built"]
    assert "ink is empty" in results[0].reason
    assert not (tmp_path / "broken.json").exists()


def test_provenance_names_inputs_and_outputs_but_no_time(run_path, tmp_path):
    build(recipes(SOME[:1]), run_path, tmp_path, boot=FAST)
    record = json.loads((tmp_path / "entropy_vs_erank.json").read_text())
    assert record["outputs"]["entropy_vs_erank.png"] == digest(tmp_path / "entropy_vs_erank.png")
    assert {"run_sha256", "code_sha256", "packages", "seed", "n_resamples"} <= set(record)
    assert not {"created", "time", "date"} & set(record)


@pytest.mark.parametrize(("model", "said"), [("data/pocket", True), ("llava-hf/x", False)])
def test_embedded_captions_say_they_are_no_evidence(make_run, tmp_path, model, said):
    run = make_run(tmp_path / "run", 30, model=model)
    build(recipes(SOME[:1]), run, tmp_path / "out", boot=FAST)
    text = (tmp_path / "out" / "entropy_vs_erank.md").read_text()
    assert (DEMONSTRATION in text) is said


def test_no_run_folder_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"run\.json.*agile extract"):
        build(recipes(SOME), tmp_path, tmp_path / "out")


def test_unfinished_shards_are_left_out(run_path, make_run, tmp_path):
    from analysis.figures.inputs import Inputs

    run = tmp_path / "cut"
    shutil.copytree(run_path, run)
    (run / "answers-00002.parquet").unlink()
    assert len(Inputs(run).images) == 50


def test_table_without_picture_writes_no_picture(run_path, tmp_path):
    build(recipes(["chair_table"]), run_path, tmp_path, boot=FAST)
    assert not list(tmp_path.glob("*.png"))


def test_drawn_parts_become_files(run_path, tmp_path):
    import pandas as pd

    frame = pd.DataFrame({"a": [1 / 3]})
    one = Recipe("one", "", (), lambda _: Drawn(None, {"": frame, "more": frame}, "seen", ""))
    build([one], run_path, tmp_path, boot=FAST)
    assert (tmp_path / "one-more.csv").read_text() == "a\n0.3333333333\n"


def test_data_without_annotations_leaves_figures_out_only_when_all_are_asked_for(
    run_path, tmp_path
):
    """A folder of plain images still gets every figure it can have."""
    bare = tmp_path / "bare"
    shutil.copytree(run_path, bare)
    for shard in bare.glob("images-*.parquet"):
        rows = [{**row, "objects": None} for row in pq.read_table(shard).to_pylist()]
        pq.write_table(pa.Table.from_pylist(rows, schema=TABLES["images"]), shard)
    names = ("chair_table", "entropy_vs_erank")
    lenient = build(recipes(names), bare, tmp_path / "a", boot=FAST, lenient=True)
    assert [result.state for result in lenient] == ["skipped", "built"]
    strict = build(recipes(names), bare, tmp_path / "b", boot=FAST)
    assert [result.state for result in strict] == ["failed", "built"]
    assert strict[0].reason
