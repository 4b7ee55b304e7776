"""The trainings: seeded, finite, and equivalent to the plain model."""

import math

import numpy as np
import pytest
import torch
from transformers import LlavaForConditionalGeneration

from analysis.pocket.dialogue import IGNORED, PATCHES, DialogueMaker, attention_mask
from analysis.pocket.dropping import DropRecipe, drop_tokens
from analysis.pocket.llava import LanguageShape, build_llava, save_llava
from analysis.pocket.processor import build_tokenizer
from analysis.pocket.stage_one import TowerRecipe, train_tower
from analysis.pocket.stage_two import (
    LanguageRecipe,
    cache_features,
    packed_logits,
    train_language,
)
from analysis.pocket.store import SceneStore, build_store
from analysis.pocket.tower import TowerShape, build_tower, to_pixels, tower_pass
from analysis.pocket.trial import attention_report, usable

TINY = TowerShape(width=16, layers=3, heads=2)
SMALL = LanguageShape(width=24, layers=2, heads=2, feed_forward=32, match_heads=1)


def tower_recipe(**changes):
    """Return a recipe of two tiny steps."""
    return TowerRecipe(steps=2, batch=4, compiled=False, shape=TINY, **changes)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Twelve training scenes, drawn by one process."""
    return build_store("train", 12, tmp_path_factory.mktemp("store"), workers=1)


@pytest.fixture(scope="module")
def tower():
    """An untrained tiny tower."""
    torch.manual_seed(0)
    return build_tower(TINY).eval()


@pytest.fixture(scope="module")
def features(tower, store, tmp_path_factory):
    """The tower's features of the store."""
    return cache_features(tower, store, tmp_path_factory.mktemp("features") / "f.npy")


def test_store_is_reopened_with_the_same_bytes(store, tmp_path):
    again = build_store("train", 12, tmp_path, workers=1)
    reopened = build_store("train", 12, tmp_path, workers=1)
    for other in (again, reopened):
        assert np.array_equal(store.images, other.images)
        assert np.array_equal(store.labels, other.labels)
        assert store.facts == other.facts
    assert store.count_matrix().sum(1).tolist() == store.column("n_objects").tolist()


@pytest.mark.parametrize("objective", ["labels", "contrast"])
def test_tower_training_is_finite_and_seeded(store, objective):
    first, seconds = train_tower(store, tower_recipe(objective=objective))
    again, _ = train_tower(store, tower_recipe(objective=objective))
    other, _ = train_tower(store, tower_recipe(objective=objective, seed=1))
    weights = [next(iter(t.encoder.parameters())) for t in (first, again, other)]
    assert torch.isfinite(weights[0]).all()
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert seconds > 0


def test_unknown_objective_names_the_allowed_ones():
    with pytest.raises(ValueError, match="labels and contrast"):
        TowerRecipe(objective="mystery")


def test_tower_pass_equals_the_model(tower, store):
    pixels = to_pixels(store.images[:3])
    tower.set_attn_implementation("eager")
    with torch.no_grad():
        states = tower_pass(tower, pixels)
        plain = tower(pixels, output_hidden_states=True, output_attentions=True)
        subset = tower_pass(tower, pixels, torch.arange(PATCHES).expand(3, -1))
    tower.set_attn_implementation("sdpa")
    row = plain.attentions[-2].mean(1)[:, 0, 1:]
    torch.testing.assert_close(states.penultimate, plain.hidden_states[-2])
    torch.testing.assert_close(states.attention, row / row.sum(-1, keepdim=True))
    torch.testing.assert_close(subset.penultimate, states.penultimate)


def test_attention_report_has_sane_numbers(tower, store):
    report = attention_report(tower, store)
    assert 0 < report["mass"] < 1
    assert 0 < report["share"] < 1
    assert not usable(report, twin_f1=1.0)


def test_language_training_is_finite_and_seeded(tower, store, features):
    recipe = LanguageRecipe(steps=2, batch=4, align_steps=2, drop_from=0.5, shape=SMALL)
    first, _ = train_language(tower, store, features, recipe)
    again, _ = train_language(tower, store, features, recipe)
    for name, value in first.state_dict().items():
        assert torch.isfinite(value).all(), name
        assert torch.equal(value, again.state_dict()[name]), name


def test_packed_dialogues_equal_the_plain_model(tower, store, features):
    torch.manual_seed(1)
    model = build_llava(tower, SMALL).eval()
    maker = DialogueMaker(build_tokenizer(), np.random.default_rng(0))
    packed = maker.pack(store.facts[:2])
    kept = drop_tokens(
        torch.from_numpy(features[:2].astype(np.float32)), DropRecipe(share=0), torch.Generator()
    )
    with torch.no_grad():
        logits, targets = packed_logits(model, kept, maker, packed)
    number = int(packed.segments[0].max())
    mine = packed.segments[0] == number
    ids = torch.cat(
        [
            torch.tensor(maker.prefix),
            torch.full((PATCHES,), model.config.image_token_id),
            packed.ids[0][mine],
        ]
    )[None]
    with torch.no_grad():
        plain = model(input_ids=ids, pixel_values=to_pixels(store.images[:1])).logits
    trained = packed.labels[0][mine] != IGNORED
    count = int((packed.labels[0] != IGNORED).sum())
    last = slice(count - int(trained.sum()), count)
    expected = plain[0, len(maker.prefix) + PATCHES :][trained]
    torch.testing.assert_close(logits[last], expected, atol=5e-3, rtol=1e-2)
    assert targets[last].tolist() == packed.labels[0][mine][trained].tolist()


def test_mask_is_causal_and_keeps_dialogues_apart():
    mask = attention_mask(torch.tensor([[1, 1, 2, -1]]), prefix=2)[0, 0]
    assert mask[3].tolist() == [True, True, True, True, False, False]
    assert mask[4].tolist() == [True, True, False, False, True, False]


def test_dropping_keeps_order_and_is_seeded():
    features = torch.randn(3, PATCHES, 5, generator=torch.Generator().manual_seed(0))
    kept, again = (
        drop_tokens(features, DropRecipe(share=1.0), torch.Generator().manual_seed(4))
        for _ in range(2)
    )
    assert torch.equal(kept.places, again.places)
    assert (kept.places.diff(dim=1) > 0).all()
    assert torch.equal(kept.features[1, 0], features[1, kept.places[1, 0]])
    counts = [
        drop_tokens(features, DropRecipe(share=1.0), torch.Generator().manual_seed(s)).places.shape[
            1
        ]
        for s in range(60)
    ]
    assert min(counts) < 12 < 80 < max(counts) <= PATCHES
    with pytest.raises(ValueError, match="fewest is 0"):
        DropRecipe(fewest=0)


def test_saved_model_loads_in_half_size(tower, tmp_path):
    model = build_llava(tower, SMALL)
    folder = save_llava(model, tmp_path / "pocket")
    loaded = LlavaForConditionalGeneration.from_pretrained(folder)
    n_bytes = (folder / "model.safetensors").stat().st_size
    assert math.isclose(n_bytes, 2 * sum(p.numel() for p in model.parameters()), rel_tol=0.3)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name].float(), value, atol=1e-3, rtol=1e-3)


def test_dialogues_hold_a_caption_and_balanced_questions(store):
    maker = DialogueMaker(build_tokenizer(), np.random.default_rng(0))
    packed = maker.pack(store.facts * 5)
    said = packed.labels[(packed.labels == maker.yes) | (packed.labels == maker.no)]
    assert 0.35 < float((said == maker.yes).float().mean()) < 0.65
    assert len(said) > 3 * len(packed.ids)


def test_store_of_a_slice(store):
    part = SceneStore(store.images[:5], store.labels[:5], store.facts[:5])
    assert len(part) == 5
