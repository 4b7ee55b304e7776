"""``agile bench …`` writes its table and says so; wrong usage is one sentence."""

import json

import pandas as pd
import pytest
import torch
import typer
from typer.testing import CliRunner

from analysis.bench.output import write_table
from analysis.commands.bench import register
from analysis.errors import UsageError


@pytest.fixture
def agile():
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)

    def call(*arguments):
        return CliRunner().invoke(app, ["bench", *map(str, arguments)])

    return call


def test_model_writes_csv_and_provenance(agile, tmp_path):
    out = tmp_path / "deep" / "model.csv"
    few = ("--warmups", 0, "--repeats", 1, "--new-tokens", 1, "--batches", 1)
    done = agile("model", "--pruners", "fastervlm", "--keeps", "7", *few, "--out", out)
    assert done.exit_code == 0, done.output
    assert f"4 rows in {out}" in done.output.replace("\n", "")
    table = pd.read_csv(out)
    assert table["variant"].tolist()[:2] == ["full", "fastervlm"]
    assert json.loads(out.with_suffix(".json").read_text())["benchmark"] == "model"


def test_overhead_and_flops(agile, tmp_path):
    out = tmp_path / "o.csv"
    done = agile(
        "overhead", "--preset", "tiny", "--warmups", 0, "--repeats", 1, "--batches", 1, "--out", out
    )
    assert done.exit_code == 0, done.output
    assert len(pd.read_csv(out)) == 5
    out = tmp_path / "f.csv"
    done = agile("flops", "--pruners", "full,visionzip", "--keeps", "576,64", "--out", out)
    assert done.exit_code == 0, done.output
    full = pd.read_csv(out).iloc[0]
    assert full["prefill_tmacs_two_matrix"] == pytest.approx(3.146, abs=1e-3)


def test_extract(agile, tmp_path):
    out = tmp_path / "e.csv"
    done = agile(
        "extract", "--model", "tiny", "--limit", 1, "--pruners", "fastervlm", "--keeps", "7",
        "--max-new-tokens", 2, "--repeats", 1, "--out", out,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert pd.read_csv(out)["answers"].tolist() == [1, 1, 1]


def test_wrong_usage_is_named(agile):
    for arguments, message in (
        (("model", "--keeps", "many"), "keeps is 'many'"),
        (("model", "--dtype", "float8"), "dtype is 'float8'"),
        (("model", "--preset", "llava"), "unknown preset"),
        (("flops", "--preset", "llava"), "unknown shape"),
    ):
        done = agile(*arguments)
        assert isinstance(done.exception, UsageError)
        assert message in str(done.exception)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_no_gpu_is_one_sentence(agile):
    done = agile("model", "--device", "cuda")
    assert "not available here; use --device cpu" in str(done.exception)


def test_tables_are_written_with_their_provenance(tmp_path):
    path = write_table(pd.DataFrame({"a": [1.0]}), tmp_path / "x.csv", benchmark="x")
    assert path.read_text() == "a\n1\n"
    assert "created" in json.loads(path.with_suffix(".json").read_text())
