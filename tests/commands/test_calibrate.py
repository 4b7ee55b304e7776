"""`agile calibrate` writes means with interval, n and seed, and extract reads them."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from analysis.datasets import load_dataset
from analysis.errors import AgileError, UsageError
from analysis.extract.analyses.calibration import calibrate, drawn
from analysis.extract.analyses.options import CalibrateOptions
from analysis.extract.config import ExtractConfig
from analysis.extract.variants import calibration, make_variants
from analysis.measures.entropy import attention_entropy
from analysis.measures.erank import effective_rank
from analysis.models import LoadOptions, load

_file = Path(__file__).parents[1] / "models" / "tiny.py"
_spec = importlib.util.spec_from_file_location("tiny", _file)
tiny = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tiny)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(tiny.tiny_llava(tmp_path_factory.mktemp("tiny")))


def options(folder, **changes):
    base = {"data": "scenes:dev:9", "limit": 5, "batch_size": 2, "device": "cpu"}
    return CalibrateOptions(model=folder, **{**base, **changes})


def test_the_means_are_those_of_the_drawn_images(folder, tmp_path):
    wanted = options(folder, out=tmp_path / "c.json")
    found = calibrate(wanted, progress=False)
    assert json.loads((tmp_path / "c.json").read_text()) == found
    data = load_dataset("scenes:dev:9")
    ids = drawn(data, 5, 0)
    adapter = load(LoadOptions(folder, device="cpu"))
    tokens = [adapter.encode([data.image(i)])[0] for i in ids]
    expected = {
        "erank": [float(effective_rank(t.features)) for t in tokens],
        "erank_plain": [float(effective_rank(t.features, centred=False)) for t in tokens],
        "entropy": [float(attention_entropy(t.cls_attention)) for t in tokens],
    }
    for name, values in expected.items():
        assert found[f"{name}_avg"] == pytest.approx(np.mean(values), rel=1e-5)
        low, high = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
        assert found[f"{name}_avg_low"] == pytest.approx(low, rel=1e-4)
        assert found[f"{name}_avg_high"] == pytest.approx(high, rel=1e-4)
    assert (found["n"], found["failed"], found["seed"]) == (5, 0, 0)
    assert found["data"] == "scenes:dev:9"


def test_the_draw_is_seeded_and_in_order():
    data = load_dataset("scenes:dev:9")
    assert drawn(data, 9, 0) == data.ids()
    assert drawn(data, 4, 1) == drawn(data, 4, 1)
    assert drawn(data, 4, 1) != drawn(data, 4, 2)
    assert drawn(data, 4, 1) == [i for i in data.ids() if i in drawn(data, 4, 1)]


def test_extract_reads_what_was_written(folder):
    found = calibrate(options(folder), progress=False)
    averages = calibration(folder)
    assert averages == {k: found[k] for k in ("erank_avg", "entropy_avg")}
    config = ExtractConfig(folder, "scenes", pruners=("agilepruner",), keeps=(4,), full=False)
    assert make_variants(config, 16, averages)[0].pruner.erank_avg == found["erank_avg"]
    Path(folder, "calibration.json").unlink()


def test_unreadable_images_are_counted(folder, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    data = load_dataset("scenes:dev:2")
    for number, image_id in enumerate(data.ids()):
        data.image(image_id).save(images / f"{number}.png")
    (images / "bad.png").write_bytes(b"no picture")
    wanted = options(folder, data=f"folder:{images}", out=tmp_path / "c.json")
    found = calibrate(wanted, progress=False)
    assert (found["n"], found["failed"]) == (2, 1)
    (images / "0.png").unlink()
    with pytest.raises(AgileError, match="only 1 of 2 images"):
        calibrate(wanted, progress=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"limit": 1}, "limit is 1; it must be at least 2"),
        ({"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_wrong_options_are_one_sentence(folder, changes, message):
    with pytest.raises(UsageError, match=message):
        options(folder, **changes)


def test_a_hub_model_needs_a_file_name():
    with pytest.raises(UsageError, match="name a file with --out"):
        CalibrateOptions("some/model", "scenes")


def test_the_command_line_says_what_it_measured(folder, tmp_path):
    command = [sys.executable, "-m", "analysis.cli", "calibrate", "--model", folder]
    command += ["--data", "scenes:dev:3", "--device", "cpu", "--out", str(tmp_path / "c.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "over 3 images (0 unusable)" in done.stdout
    assert (tmp_path / "c.json").is_file()


def test_memory_that_runs_out_names_a_smaller_batch(folder, tmp_path, monkeypatch):
    import torch

    from analysis.models.llava15 import Llava15

    def fail(*_args):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Llava15, "encode", fail)
    for size, remedy in ((4, "--batch-size 2"), (1, "larger device")):
        with pytest.raises(AgileError, match=remedy):
            calibrate(options(folder, batch_size=size, out=tmp_path / "c.json"), progress=False)


def test_an_image_the_model_refuses_is_left_out(folder, tmp_path, monkeypatch):
    """Qwen's processor refuses strips; the others of their batch count all the same."""
    from analysis.models.llava15 import Llava15

    encode, refused = Llava15.encode, []

    def picky(adapter, images, *needs):
        refused.extend(images[1:2] if len(refused) < 1 else [])
        if any(image is refused[0] for image in images):
            raise ValueError("absolute aspect ratio must be smaller than 200, got 700.0")
        return encode(adapter, images, *needs)

    monkeypatch.setattr(Llava15, "encode", picky)
    found = calibrate(options(folder, batch_size=3, out=tmp_path / "c.json"), progress=False)
    assert (found["n"], found["failed"]) == (4, 1)
