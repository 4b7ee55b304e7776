"""``agile figures chair_table`` and ``chair-eval RUN`` print the same intervals for a run."""

import importlib.util
import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from analysis.commands.figures import draw
from chair_eval.cli import app

METRICS = {"CHAIR_s": "chair_s", "CHAIR_i": "chair_i", "recall": "recall"}


@pytest.fixture
def run_path(root, tmp_path):
    file = root / "tests/figures/synthetic.py"
    spec = importlib.util.spec_from_file_location("synthetic_run_of_chair", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make_run(tmp_path / "tiny", 40, pruners=("divprune", "fps"), keeps=(16,))


def test_both_commands_give_the_same_intervals(run_path, tmp_path):
    draw(["chair_table"], run_path, tmp_path / "figures", seed=0, resamples=10_000, force=True)
    drawn = pd.read_csv(next(tmp_path.rglob("chair_table*.csv")))
    result = CliRunner().invoke(app, [str(run_path), "--format", "json"])
    scored = json.loads(result.stdout)["files"]
    assert set(scored) == {"full", "divprune@16", "fps@16"} == set(drawn["group"])
    checked = 0
    for row in drawn.itertuples():
        if row.measure in METRICS:
            found = scored[row.group]["intervals"][METRICS[row.measure]]
            assert [100 * edge for edge in found] == pytest.approx([row.low, row.high], rel=1e-9)
            assert row.low < row.high
            checked += 1
    assert checked == 9


def test_one_variant_has_the_interval_it_has_among_all(run_path):
    def scored(*options):
        result = CliRunner().invoke(app, [str(run_path), *options, "--format", "json"])
        return json.loads(result.stdout)

    alone = scored("--variant", "fps@16", "--no-captions")
    assert alone["intervals"] == scored()["files"]["fps@16"]["intervals"]
