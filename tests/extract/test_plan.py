"""A dry run refuses what the run would refuse, and allows what it would do."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis.errors import AgileError, UsageError
from analysis.extract.config import ExtractConfig, Runtime
from analysis.extract.loop import run_extraction
from analysis.extract.plan import plan
from analysis.runs import Run


def beside_models(name):
    """Import a builder of tiny checkpoints from tests/models."""
    file = Path(__file__).parents[1] / "models" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def next_folder(tmp_path_factory):
    tokenizer = beside_models("tiny").tiny_tokenizer()
    folder = tmp_path_factory.mktemp("tiny-next")
    return str(beside_models("tiny_next").tiny_next(folder, tokenizer))


@pytest.fixture(scope="module")
def qwen_folder(tmp_path_factory):
    return str(beside_models("tiny_qwen").tiny_qwen(tmp_path_factory.mktemp("tiny-qwen")))


def config(model, **changes):
    base = {"data": "scenes:dev:2", "pruners": ("random",), "keeps": (4,)}
    return ExtractConfig(model=model, **{**base, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pruners": ("cdpruner",)}, "cdpruner needs image_embeds, text_embeds"),
        ({"pruners": ("fastv",), "keeps": (2,)}, "keep must be at least .* for fastv"),
        ({"keeps": (17,)}, "keep 17 is larger than the 16 visual tokens"),
    ],
)
def test_it_refuses_as_the_run_does(tiny_folder, tmp_path, changes, message):
    wanted = config(tiny_folder, **changes)
    with pytest.raises(UsageError, match=message):
        plan(wanted, tmp_path / "run")
    with pytest.raises(UsageError, match=message):
        run_extraction(wanted, tmp_path / "run", Runtime(device="cpu", progress=False))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dtype": "float8"}, "dtype is 'float8'; choose one of: auto, float32"),
        ({"prompt": "vicuna"}, "prompt is 'vicuna'"),
        ({"budget": "half"}, "budget is 'half'; choose one of: crop, global"),
        ({"limit": 0}, "limit is 0; it must be at least 1"),
        ({"keeps": (4, 0)}, "every one must be at least 1"),
        ({"pruners": ("fps", "fps")}, "repeats an entry"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_at_once(changes, message):
    with pytest.raises(UsageError, match=message):
        config("m", **changes)


def test_it_does_not_plan_into_a_run_of_another_kind(tiny_folder, tmp_path):
    wanted = config(tiny_folder, max_new_tokens=3)
    run_extraction(wanted, tmp_path / "run", Runtime(device="cpu", progress=False))
    assert plan(wanted, tmp_path / "run").missing == 0
    with pytest.raises(UsageError, match="seed: 0 there, 5 now"):
        plan(config(tiny_folder, max_new_tokens=3, seed=5), tmp_path / "run")


def test_an_image_in_crops_has_more_tokens_than_one_crop(next_folder, tmp_path):
    wanted = config(next_folder, keeps=(20,))
    made = plan(wanted, tmp_path / "none")
    assert "visual tokens differ from image to image, 80 assumed" in made.text()
    assert [variant.label for variant in made.variants] == ["full", "random@20"]


def test_qwen_is_not_asked_for_what_it_has_not(qwen_folder, tmp_path):
    with pytest.raises(UsageError, match="visionzip needs keys"):
        plan(config(qwen_folder, pruners=("visionzip",)), tmp_path / "none")


@pytest.mark.parametrize(("pruner", "keep"), [("fastervlm", 30), ("fastv", 30)])
def test_an_image_with_too_few_tokens_fails_alone(qwen_folder, tmp_path, pruner, keep):
    """Qwen's N follows the image: a budget for a photo is too much for an icon."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, side in (("icon.png", 28), ("photo.png", 200)):
        Image.fromarray(rng.integers(0, 255, (side, side, 3), dtype=np.uint8)).save(folder / name)
    wanted = config(
        qwen_folder, data=f"folder:{folder}", pruners=(pruner,), keeps=(keep,), max_new_tokens=3
    )
    run_extraction(wanted, tmp_path / "run", Runtime(device="cpu", progress=False))
    images = Run.open(tmp_path / "run").images.set_index("image_id")
    assert images.loc["photo.png", "status"] == "ok"
    assert images.loc["icon.png", "status"] == "error"
    assert f"got {keep}" in images.loc["icon.png", "reason"]
    assert set(Run.open(tmp_path / "run").answers["image_id"]) == {"photo.png"}


def test_a_budget_no_image_can_meet_is_an_error(qwen_folder, tmp_path):
    wanted = config(qwen_folder, keeps=(5000,), max_new_tokens=3)
    with pytest.raises(AgileError, match=r"none of the 2 images .* got 5000"):
        run_extraction(wanted, tmp_path / "run", Runtime(device="cpu", progress=False))
    with pytest.raises(AgileError, match="none of the 2 images"):
        run_extraction(wanted, tmp_path / "run", Runtime(device="cpu", progress=False))
