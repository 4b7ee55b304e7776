"""What the system did is tried again and never stored; what an image is, is."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.datasets.images import UnreadableImageError
from analysis.errors import AgileError, UsageError
from analysis.extract import faults
from analysis.extract.config import ExtractConfig, Runtime
from analysis.extract.faults import is_passing
from analysis.extract.loop import run_extraction
from analysis.models.generation import _Watch
from analysis.runs import Run

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


@pytest.fixture
def failing(monkeypatch):
    """Let Pillow fail on d.png as a disk does, as often as the list that is returned is long."""
    real, left = Image.open, []

    def opened(source, *rest, **options):
        if str(source).endswith("d.png") and left:
            raise left.pop()
        return real(source, *rest, **options)

    monkeypatch.setattr(Image, "open", opened)
    monkeypatch.setattr(faults, "_PAUSES", (0, 0))
    return left


def test_a_fault_that_passes_costs_nothing_and_one_that_stays_ends_the_call(
    tiny_folder, pictures, tmp_path, failing
):
    out = tmp_path / "run"
    failing += [OSError(errno.EIO, os.strerror(errno.EIO))] * 3
    with pytest.raises(AgileError, match=r"image d.png cannot be read .*Input/output error"):
        run_extraction(config(tiny_folder, pictures), out, QUIET)
    assert Run.open(out).finished == [0]
    failing += [OSError(errno.EIO, os.strerror(errno.EIO))] * 2
    report = run_extraction(config(tiny_folder, pictures), out, QUIET)
    assert (report.made, report.images, report.failed) == (1, 4, 0)


@pytest.mark.parametrize("again", [1, 0])
def test_what_an_older_version_stored_of_the_system_is_tried_again(
    tiny_folder, pictures, tmp_path, again
):
    out = tmp_path / "run"
    run_extraction(config(tiny_folder, pictures), out, QUIET)
    run = Run.open(out)
    whole = run.images.to_dict("list")
    reason = "d.png: corrupt or truncated ([Errno 5] Input/output error)" if again else "too small"
    rows = [
        {"image_id": name, "status": status, "reason": reason}
        for name, status in (("d.png", "error"), ("e.png", "ok"))
    ]
    run.write_shard(1, {"images": rows})
    assert run_extraction(config(tiny_folder, pictures), out, QUIET).made == again
    assert (Run.open(out).images["erank"].tolist() == whole["erank"]) is bool(again)


def chained(cause):
    error = UnreadableImageError("x")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (OSError(errno.EIO, "x"), True),
        (chained(PermissionError(errno.EACCES, "x")), True),
        (chained(OSError(errno.ESTALE, "x")), True),
        (chained(OSError("image file is truncated")), False),
        (chained(FileNotFoundError(errno.ENOENT, "x", __file__ + "x")), False),
        (chained(ValueError("too large")), False),
    ],
)
def test_the_system_is_told_from_the_image(error, passing):
    assert is_passing(error) is passing


def test_a_mount_that_is_gone_leaves_an_empty_folder(tmp_path):
    lost = str(tmp_path / "below" / "a.png")
    assert is_passing(FileNotFoundError(errno.ENOENT, "x", lost))


@pytest.mark.parametrize("name", ["captions.jsonl", "e.png"])
def test_content_that_changed_without_its_size_is_not_mixed_in(
    tiny_folder, pictures, tmp_path, name
):
    out = tmp_path / "run"
    (pictures / "captions.jsonl").write_text('{"image": "b.png", "caption": "A dog."}\n')
    run_extraction(config(tiny_folder, pictures), out, QUIET)
    file: Path = pictures / name
    about, content = file.stat(), bytearray(file.read_bytes())
    content[-6] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    with pytest.raises(UsageError, match="content of the data set"):
        run_extraction(config(tiny_folder, pictures), out, QUIET)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_answers_of_logits_that_are_not_finite_end_the_shard(
    tiny_folder, pictures, tmp_path, monkeypatch, value
):
    def load(*arguments):
        adapter = real(*arguments)
        with torch.no_grad():
            adapter.model.get_output_embeddings().weight[5] = value
        return adapter

    from analysis.extract import shard

    real = shard.load_adapter
    monkeypatch.setattr(shard, "load_adapter", load)
    with pytest.raises(AgileError, match=r"logits that are not finite .*--dtype float32"):
        run_extraction(config(tiny_folder, pictures), tmp_path / "run", QUIET)
    assert not Run.open(tmp_path / "run").finished


def test_words_a_configuration_forbids_are_no_fault():
    watch, scores = _Watch(), torch.tensor([[1.0, float("-inf")]])
    assert watch(scores, scores) is scores
    watch.check()
