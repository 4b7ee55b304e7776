"""Figures of cost: drawn where benches were run, left out quietly where not."""

import pandas as pd
import pytest

from analysis.figures import FIGURES
from analysis.figures import bench as source
from analysis.figures.build import build
from chair_eval.bootstrap import Bootstrap

NAMES = ("efficiency", "table_erank_cost")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "bench_folder", lambda: tmp_path)
    return tmp_path


def fill(folder):
    rows = [
        {"pruner": name, "keep": keep, "prefill_tmacs": keep / cost, "prefill_share": keep / 576,
         "model": "llava-1.5-7b", "text_tokens": 30}
        for name, cost in (("fastervlm", 200), ("divprune", 200), ("vispruner", 150))
        for keep in (64, 128, 576)
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(folder / "flops-llava-1.5-7b.csv", index=False)
    timed = pd.DataFrame(
        {"variant": ["full", "divprune@64"], "keep": [576, 64], "batch": 1, "ttft_ms": [90.0, 30.0]}
    )
    timed.to_csv(folder / "model-llava-1.5-7b-cpu.csv", index=False)
    cost = {"part": "erank", "batch": [1, 3], "ms": [3.0, 9.0], "ms_q1": 2.5, "ms_q3": 9.5}
    cost |= {"paper_ms": [3.65, 10.21], "device": "a machine", "repeats": 20}
    pd.DataFrame(cost).to_csv(folder / "overhead-cpu.csv", index=False)


def test_benches_that_were_never_run_are_skipped(folder, run_path, tmp_path):
    chosen = [FIGURES.get(name) for name in NAMES]
    results = build(chosen, run_path, tmp_path / "out", boot=Bootstrap(200))
    assert [result.state for result in results] == ["skipped", "skipped"]
    assert "agile bench flops" in results[0].reason


def test_cost_is_counted_and_timed(folder, inputs):
    fill(folder)
    found = FIGURES.get("efficiency").build(inputs)
    assert len(found.figure.axes) == 2
    lines = found.figure.axes[0].lines  # the two that cost the same share one
    assert [line.get_label() for line in lines] == ["FasterVLM, DivPrune", "VisPruner"]
    legend = [text.get_text() for text in found.figure.legends[0].get_texts()]
    assert legend == ["FasterVLM, DivPrune", "VisPruner", "all tokens", "DivPrune"]
    assert "11%" in found.caption
    table = FIGURES.get("table_erank_cost").build(inputs)
    assert "3.65" in table.latex
    assert "3.00 ms at batch 1" in table.caption
