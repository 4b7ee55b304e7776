"""The world the shipped model was trained in: any other byte asks for a new training."""

import hashlib
import json
from dataclasses import asdict

import pytest

from analysis.scenes.captions import captions_for
from analysis.scenes.glyphs import glyphs
from analysis.scenes.questions import questions_for
from analysis.scenes.scene import make_scene, split_seeds
from analysis.scenes.world import CATEGORIES

_PIXELS_AND_LABELS = {
    "train": "e4cf58eba0de6387",
    "dev": "4b676b296ef61623",
    "test": "fca83eed87cc1b73",
}
_TEXTS = {
    "train": "f5f2ecbcbc498aa4",
    "dev": "7143c4a27a158499",
    "test": "99514b8bc3165f22",
}


def digest(parts):
    """Return 16 hex digits of the SHA-256 of some bytes."""
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def scenes_of(split):
    """Draw the first 100 scenes of a split."""
    return [make_scene(seed) for seed in split_seeds(split)[:100]]


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_scenes_are_drawn_as_ever(split):
    scenes = scenes_of(split)
    assert {scene.complexity for scene in scenes} == {"simple", "medium", "complex"}
    drawn = [scene.image.tobytes() + scene.patch_labels.tobytes() for scene in scenes]
    objects = [json.dumps([asdict(item) for item in scene.objects]).encode() for scene in scenes]
    assert digest([*drawn, *objects]) == _PIXELS_AND_LABELS[split]
    texts = [
        json.dumps([captions_for(scene), [asdict(item) for item in questions_for(scene)]])
        for scene in scenes
    ]
    assert digest(text.encode() for text in texts) == _TEXTS[split]


def test_every_category_has_its_glyph():
    assert sorted(glyphs()) == sorted(CATEGORIES)
