"""``agile bench …`` writes its table and says so; wrong usage is one sentence."""

import dataclasses
import json

import pandas as pd
import pytest
import torch
import typer
from typer.testing import CliRunner

from analysis.bench import pruners
from analysis.bench.clock import CLOCKS
from analysis.bench.output import as_command, write_table, write_tables
from analysis.bench.pruners import Comparison
from analysis.commands.bench import COMMANDS, register
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


def test_pruners_are_written_comparison_by_comparison(agile, tmp_path, monkeypatch):
    spent = []
    monkeypatch.setitem(CLOCKS, "wall", lambda: sum(spent))
    works = {"slow": lambda: spent.append(1.0), "ours": lambda: spent.append(0.25)}
    both = [
        Comparison("adding", works, "64", (("ours", limit),), repeats=3) for limit in (0.5, 0.1)
    ]
    monkeypatch.setattr(pruners, "comparisons", lambda *_: iter(both))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    out = tmp_path / "p.csv"
    done = agile("pruners", "--out", out, "--rounds", 1)
    assert done.exit_code == 0, done.output
    table = pd.read_csv(out, keep_default_na=False)
    assert table["variant"].tolist() == ["slow", "ours"] * 2
    assert table["met"].tolist() == ["", "yes", "", "no"]
    assert f"4 rows in {out}" in done.output.replace("\n", "")
    assert "1 goals missed" in done.output
    assert json.loads(out.with_suffix(".json").read_text())["benchmark"] == "p"


@pytest.mark.parametrize("name", ["extract", "pruners"])
def test_modules_are_the_commands_of_their_name(name, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["python -m", "--help"])
    with pytest.raises(SystemExit) as done:
        as_command(name)
    assert done.value.code == 0
    assert f"agile bench {name}" in capsys.readouterr().out


def test_wrong_usage_is_named(agile):
    for arguments, message in (
        (("model", "--keeps", "many"), "--keeps 'many' must be whole numbers"),
        (("model", "--dtype", "float8"), "dtype is 'float8'"),
        (("model", "--preset", "llava"), "unknown preset"),
        (("pruners", "--clock", "sun"), "clock is 'sun'; choose one of: wall, cpu"),
        (("flops", "--preset", "llava"), "unknown preset"),
    ):
        done = agile(*arguments)
        assert isinstance(done.exception, UsageError)
        assert message in str(done.exception)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_no_gpu_is_one_sentence(agile):
    done = agile("model", "--device", "cuda")
    assert "not available here; use --device cpu" in str(done.exception)


def test_an_interrupted_run_keeps_what_is_done(tmp_path, caplog):
    def tables(done):
        yield from (pd.DataFrame({"a": range(1, rows + 1)}) for rows in range(1, done + 1))
        raise KeyboardInterrupt

    path = tmp_path / "x.csv"
    assert len(write_tables(tables(2), path)) == 2
    assert path.read_text() == "a\n1\n2\n"
    assert "interrupted after 2 rows" in caplog.text
    with pytest.raises(KeyboardInterrupt):
        write_tables(tables(0), path)


def test_options_are_the_fields_of_the_settings(agile):
    for name, (options, _) in COMMANDS.items():
        said = agile(name, "--help").output
        for each in dataclasses.fields(options):
            assert f"--{each.name.replace('_', '-')}" in said
        assert "--out" in said


def test_tables_are_written_with_their_provenance(tmp_path):
    path = write_table(pd.DataFrame({"a": [1.0]}), tmp_path / "x.csv", benchmark="x")
    assert path.read_text() == "a\n1\n"
    assert "created" in json.loads(path.with_suffix(".json").read_text())


def test_findings_times_every_table(agile, tmp_path):
    out = tmp_path / "f.csv"
    done = agile("findings", "--images", 40, "--resamples", 100, "--out", out)
    assert done.exit_code == 0, done.output
    table = pd.read_csv(out).set_index("step")
    assert {"table claims", "findings", "statistics and findings"} <= set(table.index)
    assert (table["cpu_s"] >= 0).all()
    assert (table["peak_gib"] > 0).all()
    parts = table["cpu_s"].drop(["study drawn", "statistics and findings"]).sum()
    assert table.loc["statistics and findings", "cpu_s"] == pytest.approx(parts, rel=1e-3)
    assert set(table["variants"]) == {19}
