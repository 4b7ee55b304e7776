"""The static page: complete, escaped, and consistent with the records."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from analysis.errors import AgileError
from analysis.figures import FIGURES
from analysis.figures.build import build
from analysis.figures.inputs import Inputs
from analysis.report.page import gallery, write_report
from analysis.stats.bootstrap import Bootstrap

_SPEC = importlib.util.spec_from_file_location(
    "synthetic_run", Path(__file__).parents[1] / "figures" / "synthetic.py"
)
synthetic = importlib.util.module_from_spec(_SPEC)
sys.modules.setdefault("synthetic_run", synthetic)
_SPEC.loader.exec_module(synthetic)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    run = synthetic.make_run(tmp_path_factory.mktemp("runs") / "tiny", 20)
    return Inputs(run, Bootstrap(200))


@pytest.fixture(scope="module")
def page(inputs, tmp_path_factory):
    figures = tmp_path_factory.mktemp("figures")
    chosen = [FIGURES.get(name) for name in ("entropy_vs_erank", "chair_table")]
    build(chosen, inputs.path, figures, boot=Bootstrap(200))
    return write_report(inputs, figures, tmp_path_factory.mktemp("page"), most_images=5)


def rows(page):
    text = (page.parent / "rows.js").read_text()
    return json.loads(text.removeprefix("const ROWS = ").rstrip(";\n"))


def test_page_links_only_files_that_exist(page):
    text = page.read_text()
    for name in ("entropy_vs_erank.png", "chair_table.tex", "explorer.js", "rows.js"):
        assert name in text
        assert (page.parent / name).is_file()
    assert "http" not in text


def test_page_says_the_embedded_model_is_no_evidence(page):
    assert "no evidence about LLaVA" in page.read_text()


def test_explorer_has_each_image_with_its_kept_tokens(page):
    found = rows(page)
    assert len(found) == 5
    for row in found:
        assert (page.parent / row["image"]).is_file()
        assert len(row["said"]["divprune@16"]["kept"]) == 16
        assert len(row["said"]["full"]["kept"]) == 144


def test_marks_cut_the_scored_words(page):
    for row in rows(page):
        for said in row["said"].values():
            for start, end, bad in said["marks"]:
                word = said["text"][start:end]
                assert word
                assert bad is (word not in row["objects"])


def test_empty_folder_names_the_command(inputs, tmp_path):
    assert gallery(tmp_path) == []
    with pytest.raises(AgileError, match="agile figures all"):
        write_report(inputs, tmp_path, tmp_path / "out")
