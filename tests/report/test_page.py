"""The static page: complete, escaped, and consistent with the records."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from analysis.errors import AgileError
from analysis.figures import FIGURES
from analysis.figures.build import build
from analysis.figures.inputs import Inputs
from analysis.report.page import explorer_rows, gallery, write_report
from analysis.runs import TABLES
from chair_eval.bootstrap import Bootstrap

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


def test_a_run_without_captions_still_shows_what_was_kept(tmp_path):
    run = synthetic.make_run(tmp_path / "run", 8, pruners=("fastervlm", "divprune"))
    for file in run.glob("answers-*.parquet"):
        answers = pd.read_parquet(file).query("task != 'caption'")
        table = pa.Table.from_pandas(answers, TABLES["answers"], preserve_index=False)
        pq.write_table(table, file)
    inputs = Inputs(run, Bootstrap(200))
    build([FIGURES.get("entropy_vs_erank")], run, tmp_path / "figures", boot=Bootstrap(200))
    found = rows(write_report(inputs, tmp_path / "figures", tmp_path / "page", most_images=3))
    assert [len(row["said"]["divprune@16"]["kept"]) for row in found] == [16] * 3
    assert {said["text"] for row in found for said in row["said"].values()} == {""}


def test_a_figure_whose_last_build_failed_is_not_shown(inputs, tmp_path):
    build([FIGURES.get("entropy_vs_erank")], inputs.path, tmp_path, boot=Bootstrap(200))
    assert [each["name"] for each in gallery(tmp_path)] == ["entropy_vs_erank"]
    (tmp_path / "entropy_vs_erank.json").unlink()
    assert gallery(tmp_path) == []


def test_images_whose_ids_differ_in_punctuation_keep_their_own_picture(inputs, tmp_path):
    images = inputs.images.head(2).copy()
    real = images["image_id"].tolist()
    images["image_id"] = ["a/b", "a-b"]
    twin = Inputs(inputs.path, inputs.boot)
    assert len(twin.kept) > 0
    twin.images = images
    twin.pixels = dict(zip(["a/b", "a-b"], map(inputs.pixels, real), strict=True)).__getitem__
    (tmp_path / "images").mkdir()
    found = explorer_rows(twin, tmp_path, 2)
    assert found[0]["image"] != found[1]["image"]
    shown = [Image.open(tmp_path / row["image"]).tobytes() for row in found]
    assert shown == [inputs.pixels(name).convert("RGB").tobytes() for name in real]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not here")
def test_an_emoji_does_not_shift_the_marks(root):
    script = (root / "analysis/report/explorer.js.j2").read_text()
    marked = script[script.index("function marked") : script.index("for (const id of")]
    code = """
        const document = { createElement: () => ({}) };
        const cell = { parts: [], append(part) { this.parts.push(part.textContent ?? part); } };
        marked(cell, { text: "\U0001f600 a dog \U0001f600 runs", marks: [[4, 7, true]] });
        console.log(JSON.stringify(cell.parts));
    """
    done = subprocess.run(["node", "-e", marked + code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["\U0001f600 a ", "dog", " \U0001f600 runs"]
