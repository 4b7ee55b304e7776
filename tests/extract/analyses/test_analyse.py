"""`agile analyse`: schemas, resume, refusals, and shards written whole or not at all."""

import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from analysis.errors import AgileError, UsageError
from analysis.extract.analyses.loop import analyse, run_averages
from analysis.extract.analyses.options import AnalyseOptions
from analysis.runs import ANALYSES, TABLES, Run
from analysis.runs.shards import shard_name


def options(*names, **changes):
    base = {"analyses": names or tuple(ANALYSES), "limit": 12, "device": "cpu", "progress": False}
    return AnalyseOptions(**{**base, **changes})


def made_with(run, **config):
    """Let the run say that it was made with another configuration, its shards sealed anew."""
    rows = [
        {table: pq.read_table(run.path / shard_name(table, i)).to_pylist() for table in TABLES}
        for i in range(run.n_shards)
    ]
    manifest = json.loads((run.path / "run.json").read_text())
    manifest["config"] |= config
    (run.path / "run.json").write_text(json.dumps(manifest))
    other = Run.open(run.path)
    for index, each in enumerate(rows):
        other.write_shard(index, each)


def read(run, table):
    files = sorted(run.path.glob(f"analysis-{table}-*.parquet"))
    return pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)


def test_all_tables_follow_their_schema_and_cover_the_images(run):
    made = analyse(run.path, options())
    assert made == dict.fromkeys(ANALYSES, 2)
    for table, schema in ANALYSES.items():
        for file in run.path.glob(f"analysis-{table}-*.parquet"):
            stored = pq.read_schema(file)
            assert stored.remove_metadata().equals(schema.remove_metadata())
            assert all(field.metadata[b"meaning"] for field in stored)
        assert set(read(run, table)["image_id"]) == set(run.images["image_id"])
    again = Run.open(run.path)
    assert again.manifest == run.manifest
    assert len(again.images) == 12


def test_clean_measures_equal_the_records(run):
    analyse(run.path, options("corruption", limit=3))
    clean = read(run, "corruption").query("corruption == 'clean'").set_index("image_id")
    records = run.images.set_index("image_id").loc[clean.index]
    for column in ("entropy", "erank", "erank_plain"):
        assert clean[column].to_numpy() == pytest.approx(records[column].to_numpy(), rel=1e-4)


def test_a_second_call_loads_no_model_and_a_missing_shard_is_made_alike(run, monkeypatch):
    analyse(run.path, options("threshold"))
    whole = read(run, "threshold")
    (run.path / "analysis-threshold-00001.parquet").unlink()
    assert analyse(run.path, options("threshold")) == {"threshold": 1}
    pd.testing.assert_frame_equal(read(run, "threshold"), whole)
    monkeypatch.setattr("analysis.extract.resolve.load", None)
    assert analyse(run.path, options("threshold")) == {"threshold": 0}
    assert analyse(run.path, options("threshold", limit=4)) == {"threshold": 0}


def test_a_larger_limit_goes_on_where_a_smaller_one_ended(run):
    analyse(run.path, options("threshold", limit=3))
    assert read(run, "threshold")["image_id"].nunique() == 3
    assert analyse(run.path, options("threshold", limit=11)) == {"threshold": 2}
    assert read(run, "threshold")["image_id"].nunique() == 11
    assert not read(run, "threshold").duplicated(["image_id", "tau"]).any()


def test_other_settings_are_made_anew(run):
    analyse(run.path, options("threshold", limit=2))
    assert analyse(run.path, options("threshold", limit=2, keep=7)) == {"threshold": 1}
    assert set(read(run, "threshold")["keep"]) == {7}


def test_a_full_disk_leaves_no_half_shard(run, monkeypatch):
    real = pq.write_table

    def full_disk(table, path, **kwargs):
        if "analysis-sensitivity" in str(path):
            Path(path).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        real(table, path, **kwargs)

    monkeypatch.setattr("pyarrow.parquet.write_table", full_disk)
    with pytest.raises(AgileError, match="no space left"):
        analyse(run.path, options("threshold", "sensitivity", limit=2))
    names = sorted(file.name for file in run.path.glob("*analysis*"))
    assert names == ["analysis-threshold-00000.parquet"]


def test_an_unfinished_run_is_refused(run):
    (run.path / "kept-00001.parquet").unlink()
    with pytest.raises(UsageError, match="lacks 1 of 2 shards"):
        analyse(run.path, options())


def test_changed_data_is_refused(run):
    made_with(run, data="scenes:dev:5")
    with pytest.raises(UsageError, match="no longer holds the 12 images"):
        analyse(run.path, options())


def test_averages_come_from_the_run_where_nothing_is_calibrated(run):
    found = run_averages(run)
    assert found.erank == 90
    assert found.entropy == pytest.approx(run.images["entropy"].mean())
    ratio = run.images["erank_plain"].mean() / run.images["erank"].mean()
    assert found.erank_plain == pytest.approx(90 * ratio)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"analyses": ("treshold",)}, "did you mean threshold"),
        ({"analyses": ()}, "no analysis is asked for"),
        ({"limit": 0}, "limit is 0"),
        ({"keep": 0}, "keep is 0"),
    ],
)
def test_wrong_options_are_one_sentence(changes, message):
    with pytest.raises(UsageError, match=message):
        AnalyseOptions(**changes)


def test_the_command_line_makes_tables_and_refuses_names(run):
    command = [sys.executable, "-m", "analysis.cli", "analyse", "--run", str(run.path)]
    done = subprocess.run(
        [*command, "--analyses", "treshold"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("agile: unknown analysis 'treshold'")
    done = subprocess.run(
        [*command, "--tables", "threshold", "--limit", "2", "--device", "cpu"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "threshold 1 new shards" in done.stdout


def test_tables_of_other_weights_do_not_join_a_run(run, tmp_path):
    model = Path(shutil.copytree(run.config["model"], tmp_path / "model"))
    (model / "generation_config.json").write_text("{}")
    made_with(run, model=str(model))
    with pytest.raises(UsageError, match="content of the checkpoint"):
        analyse(run.path, options("threshold"))
