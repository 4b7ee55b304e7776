"""A run as `chair-eval` reads it."""

import importlib.metadata
import subprocess
import sys

import pytest

from analysis.errors import UsageError
from analysis.runs import Run, captions
from chair_eval.errors import ChairError


def test_captions_of_one_variant(run):
    assert captions.is_run(run.path)
    assert not captions.is_run(run.path.parent)
    assert captions.variants(run.path) == ["full", "fps@9"]
    found = list(captions.records(run.path, "fps@9"))
    assert [record.image_id for record in found] == list("012345")
    assert found[1].caption == "fps@9 of 1."
    with pytest.raises(ChairError, match="choose one with --variant: full, fps@9"):
        list(captions.records(run.path))
    with pytest.raises(UsageError, match="make a run with"):
        captions.variants(run.path.parent)


def test_ground_truth_is_what_the_records_list(run):
    truth = captions.ground_truth(run.path)
    assert truth.objects[1] == {"cat", "dog"}
    assert 2 not in truth.objects


def test_a_run_without_captions_or_annotations(tmp_path):
    run = Run.create(tmp_path / "run", {"n_shards": 1, "config": {}})
    run.write_shard(0, {"images": [{"image_id": "1", "status": "ok"}]})
    assert captions.variants(run.path) == []
    with pytest.raises(ChairError, match="--ground-truth"):
        captions.ground_truth(run.path)
    missing = {"image_id": "1", "variant": "full", "task": "caption", "answer": None}
    run.write_shard(0, {"answers": [missing]})
    with pytest.raises(ChairError, match="the caption of image 1 is missing"):
        list(captions.records(run.path))


def test_chair_eval_finds_this_reader_by_name():
    (entry,) = (
        each
        for each in importlib.metadata.entry_points(group="chair_eval.readers")
        if each.name == "run"
    )
    assert entry.load() is captions


def test_a_run_is_read_without_torch():
    code = "import sys, analysis.runs.captions; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
