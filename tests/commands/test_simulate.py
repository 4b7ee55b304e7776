"""`agile simulate`: small tables, added to, and put in a page."""

import subprocess
import sys

import pandas as pd


def agile(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "analysis.cli", "simulate", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_tables_grow_and_fill_the_page(tmp_path):
    page = tmp_path / "page.md"
    marks = ("verdicts", "coverage")
    page.write_text("\n".join(f"<!-- simulated {name} -->\n<!-- end {name} -->" for name in marks))
    small = ("--resamples", 200, "--processes", 1, "--out", tmp_path)
    for truth in ("rival ties", "recall only"):
        done = agile("--studies", 1, "--samples", 0, "--truths", truth, "--images", 60, *small)
        assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "verdicts.csv")
    assert table["truth"].tolist() == ["rival ties", "recall only"]
    assert (tmp_path / "verdicts.json").exists()
    done = agile("--studies", 0, "--samples", 0, "--page", page, *small)
    assert "verdicts from" in done.stdout
    assert "| rival ties | audit | 1 |" in page.read_text()


def test_an_unknown_truth_is_named():
    done = agile("--truths", "nul")
    assert done.returncode == 2
    assert "unknown truth 'nul'; choose from: null" in done.stderr
