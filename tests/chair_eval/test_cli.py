"""The command: formats, exit codes, messages, and the example of the README."""

import csv
import io
import json
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from chair_eval import PRESETS
from chair_eval.cli import app

EXAMPLE = "data/chair/example_captions.jsonl"
OTHER = "data/chair/example_other.jsonl"
TRUTH = "data/chair/example_ground_truth.jsonl"


@pytest.fixture
def run(root, monkeypatch, tmp_path):
    monkeypatch.chdir(root)
    monkeypatch.setenv("CHAIR_EVAL_CACHE", str(tmp_path / "cache"))

    def invoke(*args, code=0, stdin=None):
        result = CliRunner().invoke(app, [str(arg) for arg in args], input=stdin)
        assert result.exit_code == code, result.output
        return result

    return invoke


def test_table(run):
    text = run(EXAMPLE, "--ground-truth", TRUTH).stdout
    assert "CHAIR_s         62.5 %" in text
    assert max(map(len, text.splitlines())) <= 80
    assert run("score", EXAMPLE, "-g", TRUTH).stdout == text
    assert run("-g", TRUTH, EXAMPLE).stdout == text


def test_the_level_is_printed_as_asked_for(run):
    for level, shown in (("0.999", "99.9% interval"), ("0.9", "90% interval")):
        text = run(EXAMPLE, "-g", TRUTH, "--level", level).stdout
        assert shown in text
        assert max(map(len, text.splitlines())) <= 80


def test_json_is_one_object_with_the_reference_keys(run):
    found = json.loads(
        run(EXAMPLE, "-g", TRUTH, "--preset", "rohrbach2018", "--format", "json").stdout
    )
    assert found["counts"]["captions"] == 8
    assert set(found["counts"]) >= {"hallucinated_mentions", "object_mentions", "tokens_space"}
    assert found["dialect"] == "pattern"
    assert len(found["captions"]) == 8
    assert found["captions"][6]["categories"] == []
    short = json.loads(run(EXAMPLE, "-g", TRUTH, "--format", "json", "--no-captions").stdout)
    assert "captions" not in short
    assert short["counts"] == found["counts"]


def test_empty_ratio_is_null_in_json(run, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"image_id": "fog", "caption": "Fog."}\n')
    found = json.loads(run(path, "-g", TRUTH, "--format", "json").stdout)
    assert found["metrics"]["chair_i"] is None
    assert found["n"]["chair_i"] == 0


def test_csv_and_parquet_have_a_row_per_caption(run, tmp_path):
    rows = list(csv.DictReader(io.StringIO(run(EXAMPLE, "-g", TRUTH, "--format", "csv").stdout)))
    assert len(rows) == 8
    assert json.loads(rows[3]["words"]) == ["sheep", "horse", "cow"]
    path = tmp_path / "out" / "scores.parquet"
    run(EXAMPLE, "-g", TRUTH, "--format", "parquet", "-o", path)
    table = pq.read_table(path)
    assert table.column("hallucinated").to_pylist()[3] == [False, False, True]
    assert json.loads(pq.read_metadata(path).metadata[b"chair_eval"])["counts"]["captions"] == 8


def test_html_and_latex(run, tmp_path):
    page = tmp_path / "page.html"
    run(EXAMPLE, "-g", TRUTH, "--format", "html", "-o", page)
    assert "Thick grey fog" in page.read_text()
    assert r"\begin{tabular}" in run(EXAMPLE, "-g", TRUTH, "--format", "latex").stdout


def test_compare(run):
    text = run("--compare", EXAMPLE, OTHER, "-g", TRUTH).stdout
    assert "paired on 8 images" in text
    found = json.loads(run(EXAMPLE, OTHER, "-g", TRUTH, "--format", "json").stdout)
    assert list(found["files"]) == [EXAMPLE, OTHER]
    assert found["differences"][0]["baseline"] == EXAMPLE
    assert run(EXAMPLE, EXAMPLE, "-g", TRUTH, code=2).output.count("twice") == 1
    run("--compare", EXAMPLE, OTHER, "-g", TRUTH, "--format", "html", code=2)


def test_standard_input(run):
    line = '{"image_id": "fog", "caption": "A dog."}\n'
    assert "CHAIR_i        100.0 %" in run("-", "-g", TRUTH, stdin=line).stdout


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        ([EXAMPLE], 2, "ground truth is missing"),
        ([EXAMPLE, "-g", TRUTH, "--preset", "chair"], 2, "rohrbach2018"),
        ([EXAMPLE, "-g", TRUTH, "--level", "2"], 2, "between 0 and 1"),
        ([EXAMPLE, "-g", TRUTH, "--draws", "9999999999"], 2, "allowed: 0 to 1,000,000"),
        ([EXAMPLE, "-g", TRUTH, "-o", "data"], 2, "a folder"),
        ([EXAMPLE, "-g", TRUTH, "--preset", "opera", "--dialect", "pattern"], 2, "either --preset"),
        (["none.jsonl", "-g", TRUTH], 1, "no such file: none.jsonl"),
        ([EXAMPLE, "-g", "none.parquet"], 1, "ground-truth build"),
        ([EXAMPLE, "-g", TRUTH, "--caption-key", "text"], 1, "line 1: no key 'text'"),
        ([EXAMPLE, "-g", TRUTH, "--colour"], 2, "--colour"),
        ([EXAMPLE, "-g", TRUTH, "--vocabulary", TRUTH, "--strict-words"], 2, "leave out"),
        (["ground-truth", "build", TRUTH, "-o", "x.csv"], 2, "ends in .parquet"),
    ],
)
def test_exit_codes_and_messages(run, args, code, message):
    result = run(*args, code=code)
    assert message in result.output
    assert "Traceback" not in result.output


def test_unknown_images_stop_or_are_skipped(run, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"image_id": "fog", "caption": "Fog."}\n{"image_id": "moon", "caption": "A dog."}\n'
    )
    output = tmp_path / "o.json"
    result = run(path, "-g", TRUTH, "--format", "json", "-o", output, code=1)
    assert "'moon'" in result.output
    assert "line 2" in result.output
    assert list(tmp_path.glob("*")) == [path]  # nothing half-written stays
    result = run(path, "-g", TRUTH, "--unknown", "skip", "--format", "json", "-o", output)
    assert "left out 1 caption of" in result.output
    assert json.loads(output.read_text())["counts"]["hallucinated_mentions"] == 0


def test_repeated_images_are_noted(run, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"image_id": "fog", "caption": "Fog."}\n' * 2)
    assert "1 further caption of" in run(path, "-g", TRUTH).output
    assert "line 2" in run(path, "-g", TRUTH, "--duplicates", "error", code=1).output


def test_strict_words_are_named(run):
    found = json.loads(run(EXAMPLE, "-g", TRUTH, "--strict-words", "--format", "json").stdout)
    assert found["strict_words"] is True
    assert found["vocabulary"] == "coco-strict"
    assert "bus" in found["captions"][2]["categories"]


def test_ground_truth_from_coco_files(run, tmp_path):
    instances, captions = tmp_path / "i.json", tmp_path / "c.json"
    instances.write_text(
        '{"images": [{"id": 1}], "categories": [{"id": 1, "name": "dog"}],'
        ' "annotations": [{"id": 1, "image_id": 1, "category_id": 1}]}'
    )
    captions.write_text(
        '{"images": [{"id": 1}], "annotations": [{"id": 1, "image_id": 1, "caption": "A cat."}]}'
    )
    scored = tmp_path / "a.jsonl"
    scored.write_text('{"image_id": 1, "caption": "A dog and a cat."}\n')
    built = tmp_path / "truth.parquet"
    run("ground-truth", "build", instances, "-c", captions, "-o", built)
    assert "CHAIR_i          0.0 %" in run(scored, "-g", built).stdout
    assert "CHAIR_i         50.0 %" in run(scored, "-g", instances).stdout
    both = run(scored, "-g", instances, "--human-captions", captions)
    assert "CHAIR_i          0.0 %" in both.stdout
    run("ground-truth", "build", instances, "--flavour", "pattern", "-o", built, code=2)


def test_the_version_is_a_command_and_an_option(run):
    assert run("--version").stdout == run("version").stdout
    assert run("version").stdout.strip()


def test_help_is_a_page(run):
    text = run("--help").stdout
    assert "--ground-truth" in text
    assert "chair-eval setup" in text
    assert len(text.splitlines()) < 75
    assert "--captions" in run("ground-truth", "build", "--help").stdout


def test_every_preset(run, nltk_data):
    for preset, (dialect, _) in PRESETS.items():
        found = json.loads(
            run(EXAMPLE, "-g", TRUTH, "--preset", preset, "--format", "json", "--draws", 0,
                "--nltk-data", nltk_data).stdout
        )  # fmt: skip
        assert (found["preset"], found["dialect"]) == (preset, dialect)
        assert found["bootstrap"]["draws"] == 0


def test_imports_stay_light():
    code = (
        "import sys, chair_eval, chair_eval.cli, chair_eval.command\n"
        "heavy = {'torch', 'pandas', 'numpy', 'pyarrow', 'nltk', 'pycocotools', 'analysis'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_ctrl_c_leaves_nothing_and_says_so(root, tmp_path):
    code = (
        "import sys, chair_eval.command, chair_eval.cli as cli\n"
        "def interrupt(*_): raise KeyboardInterrupt\n"
        "chair_eval.command.read_captions = interrupt\n"
        "cli.main()"
    )
    output = tmp_path / "out.json"
    command = [sys.executable, "-c", code, EXAMPLE, "-g", TRUTH, "-o", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.stderr == "chair-eval: interrupted; nothing was written.\n"
    assert done.returncode == 1
    assert list(tmp_path.iterdir()) == []
