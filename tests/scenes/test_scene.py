"""Scenes: seeded, split, independent causes, true boxes."""

import itertools
from collections import Counter

import numpy as np
import pytest
from scipy.stats import spearmanr

from analysis.errors import UsageError
from analysis.scenes.scene import draw_parameters, make_scene, split_seeds
from analysis.scenes.world import CATEGORIES, CATEGORY_IDS, GRID, PATCH, SIZE, themes


@pytest.fixture(scope="module")
def scenes():
    """Sixty development scenes."""
    return [make_scene(seed) for seed in split_seeds("dev")[5000:5060]]


def test_same_seed_same_bytes():
    first, again, other = make_scene(10_000_001), make_scene(10_000_001), make_scene(10_000_002)
    assert first.image.tobytes() == again.image.tobytes()
    assert first.objects == again.objects
    assert np.array_equal(first.patch_labels, again.patch_labels)
    assert first.image.tobytes() != other.image.tobytes()


def test_splits_never_share_a_seed():
    ranges = sorted((split_seeds(name) for name in ("train", "dev", "test")), key=min)
    for low, high in itertools.pairwise(ranges):
        assert low.stop <= high.start


def test_unknown_split_says_what_exists():
    with pytest.raises(UsageError, match=r"'val'.*train, dev, test"):
        split_seeds("val")


def test_number_size_texture_and_theme_are_independent():
    drawn = [draw_parameters(np.random.default_rng(seed)) for seed in range(1500)]
    theme_names = list(themes())
    columns = [
        [p.n_objects for p in drawn],
        [p.object_size for p in drawn],
        [p.texture for p in drawn],
    ]
    columns += [[float(p.theme == theme) for p in drawn] for theme in theme_names]
    rho = np.abs(np.corrcoef(np.array(columns)))
    causes, mixed = rho[:3, :3], rho[:3, 3:]
    assert (causes[~np.eye(3, dtype=bool)] < 0.09).all()
    assert (mixed < 0.09).all()
    assert {p.n_objects for p in drawn} == set(range(1, 13))


def test_drawn_sizes_follow_the_parameter_and_not_the_number(scenes):
    sides = [np.mean([(o.bbox[2] * o.bbox[3]) ** 0.5 for o in s.objects]) for s in scenes]
    sizes = [s.object_size for s in scenes]
    assert spearmanr(sides, sizes).statistic > 0.6
    assert abs(spearmanr(sides, [s.n_objects for s in scenes]).statistic) < 0.35


def test_boxes_and_areas_lie_in_the_image(scenes):
    for scene in scenes:
        assert scene.image.size == (SIZE, SIZE)
        assert scene.image.mode == "RGB"
        for item in scene.objects:
            x, y, w, h = item.bbox
            assert x >= 0
            assert y >= 0
            assert x + w <= SIZE
            assert y + h <= SIZE
            assert 0 <= item.area <= w * h
            assert item.category in CATEGORY_IDS


def test_patch_labels_name_present_categories_inside_boxes(scenes):
    for scene in scenes:
        for patch in np.flatnonzero(scene.patch_labels):
            name = CATEGORIES[scene.patch_labels[patch] - 1]
            top, left = patch // GRID * PATCH, patch % GRID * PATCH
            assert any(
                o.category == name
                and o.bbox[0] < left + PATCH
                and o.bbox[0] + o.bbox[2] > left
                and o.bbox[1] < top + PATCH
                and o.bbox[1] + o.bbox[3] > top
                for o in scene.objects
            )


def test_complexity_follows_the_number(scenes):
    for scene in scenes:
        n = len(scene.objects)
        expected = "simple" if n <= 3 else "complex" if n >= 7 else "medium"
        assert scene.complexity == expected
        assert sum(scene.counts.values()) == n == scene.n_objects
    assert set(Counter(s.complexity for s in scenes)) == {"simple", "medium", "complex"}


def test_plain_scenes_are_plain():
    seeds = split_seeds("dev")[:200]
    plain = next(s for s in map(make_scene, seeds) if s.texture < 0.05)
    busy = next(s for s in map(make_scene, seeds) if s.texture > 0.9)
    spread = [np.asarray(s.image)[s_mask(s)].std(axis=0).mean() for s in (plain, busy)]
    assert spread[0] < 5 < spread[1]


def s_mask(scene):
    """Pixels of patches that no object touches."""
    free = np.ones((SIZE, SIZE), bool)
    for item in scene.objects:
        x, y, w, h = (int(v) for v in item.bbox)
        free[max(0, y - 2) : y + h + 2, max(0, x - 2) : x + w + 2] = False
    return free
