"""Every notebook runs from top to bottom, draws, and stays a text rather than a program."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("[0-9]*.py"))
LONGEST_DEFINITION = 20
MOST_BYTES = 400_000


def cells(path, kind):
    return [cell.source for cell in jupytext.read(path).cells if cell.cell_type == kind]


def test_they_are_numbered():
    assert [path.name[:3] for path in NOTEBOOKS] == [f"{number:02d}_" for number in range(1, 7)]


# Generous: the runner may be shared; on an idle machine each takes seconds.
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_draws(path, small_run, monkeypatch):
    monkeypatch.setenv("AGILE_RUN", str(small_run))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = jupytext.read(path)
    where = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=where).execute()
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    shown = [kind for out in outputs for kind in out.get("data", {})]
    assert shown.count("image/png") >= 1
    assert shown.count("text/markdown") >= 1
    said = " ".join(str(out.get("data", {}).get("text/markdown", "")) for out in outputs)
    assert "no evidence about LLaVA" in said
    assert "nan" not in re.findall(r"[a-z]+", said)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_executed_notebook_is_in_step(path):
    """`make notebooks` executes the sources anew."""
    beside = path.with_suffix(".ipynb")
    executed = nbformat.read(beside, as_version=4)
    written = [(cell.cell_type, cell.source) for cell in executed.cells]
    assert written == [(cell.cell_type, cell.source) for cell in jupytext.read(path).cells]
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert {output.get("name") for output in outputs} <= {None, "stdout"}, "no warnings, no bars"
    assert beside.stat().st_size <= MOST_BYTES
    assert not re.search(r"(?<!\w)/(?:home|root|tmp|Users)/", beside.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_reads_as_a_text(path):
    text = cells(path, "markdown")
    first = jupytext.read(path).cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith(f"# {path.name[:2]} · ")
    assert len(text) >= len(cells(path, "code")) / 2
    assert max(len(part.split()) for cell in text for part in cell.split("\n\n")) <= 110


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_uses_the_library_and_defines_little(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else name.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert "analysis" in imported
    if path.name.startswith("04"):
        assert "chair_eval" in imported
    defined = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    assert all(n.end_lineno - n.lineno < LONGEST_DEFINITION for n in defined)
    assert path.name.startswith("06") == bool(defined)


def test_links_lead_to_notebooks():
    stems = {path.stem for path in NOTEBOOKS}
    linked = [
        name
        for path in NOTEBOOKS
        for name in re.findall(r"\]\((\w+)\.ipynb\)", "\n".join(cells(path, "markdown")))
    ]
    assert len(linked) == len(NOTEBOOKS) - 1
    assert set(linked) <= stems


def test_a_missing_run_names_the_command(monkeypatch, tmp_path):
    monkeypatch.setenv("AGILE_RUN", str(tmp_path / "nothing"))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    done = subprocess.run(
        [sys.executable, str(NOTEBOOKS[0])], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "agile extract --model data/pocket" in done.stderr.strip().splitlines()[-1]
