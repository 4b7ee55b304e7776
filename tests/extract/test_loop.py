"""The extraction loop keeps its promises: one pass, resume, refusal, nothing lost."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from analysis.errors import AgileError, UsageError
from analysis.extract.config import ExtractConfig, Runtime
from analysis.extract.loop import run_extraction
from analysis.measures.entropy import attention_entropy
from analysis.runs import KEYS, TABLES, Run

PRUNERS = ("random", "fastervlm", "divprune")
QUIET = Runtime(device="cpu", progress=False)


def config(model, **changes):
    base = {
        "model": model,
        "data": "scenes:dev:7",
        "pruners": PRUNERS,
        "keeps": (5, 3),
        "max_new_tokens": 6,
        "max_answer_tokens": 3,
        "shard_size": 2,
    }
    return ExtractConfig(**{**base, **changes})


@pytest.fixture(scope="module")
def finished(tiny_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "whole"
    run_extraction(config(tiny_folder), out, QUIET)
    return Run.open(out)


def test_every_image_variant_and_question_has_one_row(finished):
    assert len(finished.images) == 7
    assert (finished.images["status"] == "ok").all()
    assert len(finished.kept) == 7 * 7
    questions = finished.answers.groupby(["image_id", "variant"]).size()
    assert questions.nunique() == 1
    for table, keys in KEYS.items():
        assert not finished.table(table).to_pandas().duplicated(keys).any()


def test_records_follow_their_schema(finished):
    for table, schema in TABLES.items():
        assert finished.table(table).schema.equals(schema, check_metadata=True)


def test_measures_can_be_recomputed_from_what_is_stored(finished):
    row = finished.images.iloc[0]
    attention = torch.tensor(np.asarray(row["cls_attention"]), dtype=torch.float64)
    assert abs(float(attention_entropy(attention)) - row["entropy"]) < 1e-6
    kept = finished.kept[
        (finished.kept["image_id"] == row["image_id"]) & (finished.kept["variant"] == "fastervlm@5")
    ].iloc[0]
    assert len(kept["indices"]) == kept["n_out"] == 5
    mass = float(attention[np.asarray(kept["indices"])].sum() / attention.sum())
    assert abs(mass - kept["attention_mass"]) < 1e-6


def test_kept_features_give_the_stored_erank(finished, tiny_folder):
    """The stored kept erank equals the float64 SVD of the tokens the record names."""
    from analysis.datasets import load_dataset
    from analysis.models import LoadOptions, load

    adapter = load(LoadOptions(tiny_folder, device="cpu"))
    data = load_dataset("scenes:dev:7")
    for _, row in finished.kept[finished.kept["variant"] == "divprune@5"].iterrows():
        tokens = adapter.encode([data.image(row["image_id"])])[0]
        x = tokens.features[list(row["indices"])].double()
        for column, matrix in (("erank", x - x.mean(0)), ("erank_plain", x)):
            s = torch.linalg.svdvals(matrix)
            q = s / s.sum()
            q = q[q > 0]
            expected = float(torch.exp(-(q * q.log()).sum()))
            assert row[column] == pytest.approx(expected, rel=1e-4)


def test_a_second_call_makes_nothing_and_loads_no_model(finished, tiny_folder, monkeypatch):
    monkeypatch.setattr("analysis.models.load", None)
    report = run_extraction(config(tiny_folder), finished.path, QUIET)
    assert report.made == 0
    assert report.images == 7


def test_another_configuration_is_refused_by_name(finished, tiny_folder):
    with pytest.raises(UsageError, match="seed: 0 there, 3 now"):
        run_extraction(config(tiny_folder, seed=3), finished.path, QUIET)


def rows(path):
    return {name: Run.open(path).table(name).to_pylist() for name in TABLES}


def test_two_workers_make_the_same_rows(finished, tiny_folder, tmp_path):
    for worker in (1, 0):
        run_extraction(
            config(tiny_folder),
            tmp_path / "shared",
            Runtime(device="cpu", progress=False, worker=worker, workers=2),
        )
    assert rows(tmp_path / "shared") == rows(finished.path)


def test_batch_size_does_not_change_the_answers(finished, tiny_folder, tmp_path):
    run_extraction(
        config(tiny_folder),
        tmp_path / "small",
        Runtime(device="cpu", progress=False, batch_size=1),
    )
    assert rows(tmp_path / "small")["answers"] == rows(finished.path)["answers"]


def test_killed_and_restarted_ends_with_the_same_rows(finished, tiny_folder, tmp_path):
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "analysis.cli", "extract", "--model", tiny_folder]
    command += ["--data", "scenes:dev:7", "--pruners", ",".join(PRUNERS), "--keeps", "5,3"]
    command += ["--max-new-tokens", "6", "--max-answer-tokens", "3", "--shard-size", "2"]
    command += ["--device", "cpu", "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if list(out.glob("answers-*.parquet")):
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode in (-signal.SIGKILL, 0)
    first = Run.open(out)
    assert first.missing or process.returncode == 0
    # A shard cut in the middle: its images are there, its answers are not.
    (out / "answers-00000.parquet").unlink(missing_ok=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert rows(out) == rows(finished.path)


def test_a_full_disk_loses_nothing(tiny_folder, tmp_path, monkeypatch):
    real = pq.write_table
    calls = []

    def full_disk(table, path, **kwargs):
        calls.append(path)
        if len(calls) == 5:
            Path(path).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        real(table, path, **kwargs)

    monkeypatch.setattr("pyarrow.parquet.write_table", full_disk)
    with pytest.raises(AgileError, match=r"no space left .* finished shards are kept"):
        run_extraction(config(tiny_folder), tmp_path / "disk", QUIET)
    run = Run.open(tmp_path / "disk")
    assert 0 in run.finished
    assert not list(run.path.glob(".*.tmp"))
    monkeypatch.setattr("pyarrow.parquet.write_table", real)
    run_extraction(config(tiny_folder), tmp_path / "disk", QUIET)
    assert not Run.open(tmp_path / "disk").missing


def test_out_of_memory_names_a_smaller_batch(tiny_folder, tmp_path, monkeypatch):
    from analysis.models.llava15 import Llava15

    def fail(*_args, **_kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Llava15, "generate", fail)
    with pytest.raises(AgileError, match="--batch-size 4"):
        run_extraction(config(tiny_folder), tmp_path / "oom", Runtime(device="cpu", batch_size=8))


def test_bad_images_are_reported_and_the_run_goes_on(tiny_folder, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)).save(folder / "a.png")
    (folder / "b.jpg").write_bytes(b"this is no picture")
    Image.new("L", (30, 50), 128).save(folder / "c.png")
    wanted = config(tiny_folder, data=f"folder:{folder}")
    report = run_extraction(wanted, tmp_path / "run", QUIET)
    assert (report.images, report.failed) == (3, 1)
    images = Run.open(tmp_path / "run").images.set_index("image_id")
    bad = images[images["status"] == "error"]
    assert len(bad) == 1
    assert bad["reason"].iloc[0]
    assert np.isnan(bad["entropy"].iloc[0])


def test_a_run_where_everything_failed_is_an_error(tiny_folder, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "b.jpg").write_bytes(b"this is no picture")
    with pytest.raises(AgileError, match="none of the 1 images"):
        run_extraction(config(tiny_folder, data=f"folder:{folder}"), tmp_path / "run", QUIET)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pruners": ("fastervllm",)}, "did you mean fastervlm"),
        ({"keeps": (17,)}, "keep 17 is larger than the 16 visual tokens"),
        ({"data": "scene:dev:7"}, "did you mean scenes"),
        ({"offset": 7}, "offset 7 leaves none"),
        ({"pruners": ("fastv",), "keeps": (2,)}, "keep must be at least .* for fastv"),
        ({"pruners": ("cdpruner",)}, "needs .*text_embeds"),
    ],
)
def test_wrong_requests_are_one_sentence(tiny_folder, tmp_path, changes, message):
    with pytest.raises(UsageError, match=message):
        run_extraction(config(tiny_folder, **changes), tmp_path / "x", QUIET)
    assert not (tmp_path / "x").exists()


def test_command_line_exit_codes(tmp_path):
    command = [sys.executable, "-m", "analysis.cli", "extract", "--data", "scenes"]
    env = {**os.environ, "HF_HUB_OFFLINE": "1"}
    for extra in (["--out", str(tmp_path)], ["--model", "no/such-model", "--out", str(tmp_path)]):
        done = subprocess.run(
            [*command, *extra], capture_output=True, text=True, check=False, env=env
        )
        assert done.returncode == 2
        assert done.stderr.strip().splitlines()[-1].startswith("agile: ")
        assert "Traceback" not in done.stderr


def test_dry_run_prints_the_plan_and_writes_nothing(tiny_folder, tmp_path):
    from analysis.extract.plan import plan

    made = plan(config(tiny_folder), tmp_path / "none")
    assert made.generations == made.n_questions * 7
    assert "variants     7" in made.text()
    assert not (tmp_path / "none").exists()


def test_a_broken_manifest_is_one_sentence(tmp_path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(AgileError, match="not valid JSON"):
        Run.open(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({"schema_version": 99}))
    with pytest.raises(AgileError, match="schema version 99"):
        Run.open(tmp_path)


def test_in_model_pruners_report_what_they_kept(tiny_folder, tmp_path):
    wanted = config(tiny_folder, pruners=("fastv", "visionzip"), keeps=(12,), data="scenes:dev:3")
    run_extraction(wanted, tmp_path / "inside", QUIET)
    kept = Run.open(tmp_path / "inside").kept.set_index("variant")
    fastv = kept.loc["fastv@12"]
    assert (fastv["n_out"] < 16).all()
    assert fastv["info"].str.contains("schedule").all()
    assert (kept.loc["visionzip@12"]["n_out"] == 12).all()
    assert kept["erank"].notna().all()
