"""The whole training at toy size: resumes stage by stage, and ends in a loadable checkpoint."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
import typer
from transformers import AutoProcessor, LlavaForConditionalGeneration
from typer.testing import CliRunner

from analysis.pocket import train
from analysis.pocket.calibrate import calibrate_stops, unit_direction
from analysis.pocket.llava import LanguageShape
from analysis.pocket.stage_one import TowerRecipe
from analysis.pocket.stage_two import LanguageRecipe
from analysis.pocket.tower import TowerShape

_TOWER = TowerRecipe(
    steps=2, batch=3, compiled=False, shape=TowerShape(width=16, layers=3, heads=2)
)
_LANGUAGE = LanguageRecipe(
    steps=2,
    batch=3,
    align_steps=2,
    shape=LanguageShape(width=24, layers=2, heads=2, feed_forward=32, match_heads=1),
)


@pytest.fixture(scope="module")
def toy():
    """A recipe that takes seconds."""
    return train.PocketRecipe(
        scenes=6,
        language_scenes=5,
        tower=_TOWER,
        language=_LANGUAGE,
        tower_again=_TOWER,
        language_again=_LANGUAGE,
        language_last=_LANGUAGE,
    ).seeded(1)


def test_seeds_of_the_trainings_differ(toy):
    assert (toy.tower.seed, toy.tower_again.seed, toy.language_last.seed) == (3, 4, 5)
    assert toy.seeded(0).tower.seed == 0


def test_a_stopped_training_goes_on_where_it_was(toy, tmp_path, monkeypatch):
    small = partial(calibrate_stops, seeds=range(2))
    monkeypatch.setattr(train, "calibrate_stops", small)
    work = tmp_path / "work"
    first = train.run_stages(toy, work, tmp_path / "out")
    times = json.loads((work / "seconds.json").read_text())
    assert {"scenes", "tower", "language", "tower again", "language again"} <= set(times)

    def forbidden(*_args, **_kwargs):
        raise AssertionError("a finished stage ran again")

    monkeypatch.setattr(train, "train_tower", forbidden)
    monkeypatch.setattr(train, "train_language", forbidden)
    again = train.run_stages(toy, work, tmp_path / "again")
    assert json.loads((work / "seconds.json").read_text()) == times
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    loaded = LlavaForConditionalGeneration.from_pretrained(tmp_path / "out")
    assert loaded.config.vision_feature_layer == -2
    assert AutoProcessor.from_pretrained(tmp_path / "out").patch_size == 12


def test_options_reach_the_recipe(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(train, "run_stages", lambda *arguments: seen.append(arguments))
    app = typer.Typer()
    app.command()(train.main)
    options = ["--seed", "2", "--tower-steps", "7", "--no-compile", "--work", str(tmp_path)]
    assert CliRunner().invoke(app, options).exit_code == 0
    recipe, work, out = seen[0]
    assert recipe.tower == replace(TowerRecipe(), steps=7, seed=6, compiled=False)
    assert not recipe.tower_again.compiled
    assert (work, out) == (tmp_path, Path("data/pocket"))


def test_unit_direction_finds_the_constant():
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(200, 12, generator=generator)
    states[:, 3] += 5
    projected = states.double() @ unit_direction(states)
    assert projected.mean() == pytest.approx(1, abs=0.1)
    assert projected.std() < 0.3


def test_stop_bias_raises_only_stops(root):
    folder = root / "data" / "pocket"
    plain = LlavaForConditionalGeneration.from_pretrained(folder)
    changed = calibrate_stops(folder, amount=1.0, seeds=range(3))
    moved = (changed.lm_head.weight.float() != plain.lm_head.weight.float()).any(1)
    vocabulary = AutoProcessor.from_pretrained(folder).tokenizer.get_vocab()
    assert set(moved.nonzero().flatten().tolist()) == {vocabulary["."], vocabulary["</s>"]}
