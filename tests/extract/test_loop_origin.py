"""A run folder holds rows of one origin, wherever it lies and whatever is asked of it."""

import errno
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from analysis.errors import AgileError, UsageError
from analysis.extract.config import ExtractConfig, Runtime
from analysis.extract.loop import run_extraction
from analysis.runs import TABLES, Run
from analysis.runs.shards import shard_name

QUIET = Runtime(device="cpu", progress=False)


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("b.png", "c.png", "d.png", "e.png"):
        Image.fromarray(rng.integers(0, 255, (20, 30, 3), dtype=np.uint8)).save(folder / name)
    return folder


def config(model, folder, **changes):
    base = {"pruners": ("random",), "keeps": (4,), "max_new_tokens": 3, "shard_size": 2}
    return ExtractConfig(model=str(model), data=f"folder:{folder}", **{**base, **changes})


def lose_a_shard(path):
    for table in TABLES:
        (path / shard_name(table, 1)).unlink()


def test_images_that_came_later_do_not_mix_into_a_begun_run(tiny_folder, pictures, tmp_path):
    out = tmp_path / "run"
    run_extraction(config(tiny_folder, pictures), out, QUIET)
    lose_a_shard(out)
    shutil.copy(pictures / "b.png", pictures / "a.png")
    with pytest.raises(UsageError, match="images: 4 there, 5 now"):
        run_extraction(config(tiny_folder, pictures), out, QUIET)
    (pictures / "a.png").unlink()
    run_extraction(config(tiny_folder, pictures), out, QUIET)
    assert list(Run.open(out).images["image_id"]) == ["b.png", "c.png", "d.png", "e.png"]


def test_a_complete_run_says_so_only_of_the_same_images(tiny_folder, pictures, tmp_path):
    out = tmp_path / "run"
    run_extraction(config(tiny_folder, pictures), out, QUIET)
    (pictures / "e.png").write_bytes((pictures / "b.png").read_bytes() + b"more")
    with pytest.raises(UsageError, match="content of the data set"):
        run_extraction(config(tiny_folder, pictures), out, QUIET)
    shutil.rmtree(pictures)
    assert run_extraction(config(tiny_folder, pictures), out, QUIET).made == 0


def test_other_weights_do_not_go_on_with_a_begun_run(tiny_folder, pictures, tmp_path):
    model, out = shutil.copytree(tiny_folder, tmp_path / "model"), tmp_path / "run"
    run_extraction(config(model, pictures), out, QUIET)
    lose_a_shard(out)
    text = (model / "generation_config.json").read_text()
    (model / "generation_config.json").write_text(text + "\n")
    with pytest.raises(UsageError, match="content of the checkpoint: sha256"):
        run_extraction(config(model, pictures), out, QUIET)


def test_another_dtype_does_not_go_on_with_a_begun_run(tiny_folder, pictures, tmp_path):
    """On a GPU `auto` means the checkpoint's own type, on a CPU float32."""
    out = tmp_path / "run"
    run_extraction(config(tiny_folder, pictures), out, QUIET)
    block = {"model": {"dtype": "bfloat16"}}
    with pytest.raises(UsageError, match="dtype: float32 there, bfloat16 now"):
        Run.open(out).check_origin(block)


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_folder_that_cannot_be_made_is_one_sentence(tiny_folder, pictures, tmp_path, place):
    (tmp_path / "file").write_text("here first")
    with pytest.raises((UsageError, AgileError), match="choose another --out"):
        run_extraction(config(tiny_folder, pictures), tmp_path / place, QUIET)
    assert (tmp_path / "file").read_text() == "here first"


def test_a_place_without_hard_links_holds_runs_too(tiny_folder, pictures, tmp_path, monkeypatch):
    def refuse(*_args):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    out = tmp_path / "run"
    run_extraction(config(tiny_folder, pictures), out, QUIET)
    assert not list(out.glob(".*.tmp"))
    lose_a_shard(out)
    with pytest.raises(UsageError, match="seed: 0 there, 1 now"):
        run_extraction(config(tiny_folder, pictures, seed=1), out, QUIET)
    run_extraction(config(tiny_folder, pictures), out, QUIET)
    assert not Run.open(out).missing


def test_an_unknown_task_is_refused(tiny_folder, pictures):
    with pytest.raises(UsageError, match="task 'captions' is unknown; choose among: caption"):
        config(tiny_folder, pictures, tasks=("captions",))


def test_every_call_tells_what_it_really_ran_on(tiny_folder, pictures, tmp_path):
    """Workers of one run may sit on unlike machines; `auto` says nothing about them."""
    out = tmp_path / "run"
    run_extraction(config(tiny_folder, pictures), out, QUIET)
    lose_a_shard(out)
    run_extraction(config(tiny_folder, pictures), out, QUIET)
    lines = [json.loads(line) for line in (out / "sessions.jsonl").read_text().splitlines()]
    assert [line["made"] for line in lines] == [2, 1]
    whole = Run.open(out).manifest["provenance"]["model"]
    for line in lines:
        used = line["provenance"]["model"]
        assert used == {key: whole[key] for key in ("device", "device_name", "dtype")}
        assert used["device_name"]
