"""Corruptions keep the size, grow with severity, repeat with the seed, and are all measured."""

import numpy as np
import pytest
from PIL import Image

from analysis.errors import UsageError
from analysis.extract.analyses import optics
from analysis.extract.analyses.corruption import rows as corruption_rows
from analysis.extract.analyses.corruptions import CORRUPTIONS, SEVERITIES, corrupt


@pytest.fixture(scope="module")
def picture():
    rng = np.random.default_rng(0)
    colours = [optics.noise_clouds((224, 260), rng) for _ in range(3)]
    x = np.stack(colours, 2)
    x[60:120, 80:160] = (0.9, 0.3, 0.1)
    return Image.fromarray((x * 255).astype(np.uint8))


def distance(a, b):
    return np.abs(np.asarray(a, float) - np.asarray(b, float)).mean()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_severity_grows_and_size_stays(picture, name):
    moved = [distance(picture, corrupt(picture, name, level, 0, "a")) for level in range(1, 6)]
    assert moved[0] > 0.2
    assert moved == sorted(moved)
    worst = corrupt(picture, name, 5, 0, "a")
    assert worst.size == picture.size
    assert worst.mode == "RGB"


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_equal_seeds_give_equal_pixels_and_tiny_images_work(picture, name):
    assert corrupt(picture, name, 3, 7, "a") == corrupt(picture, name, 3, 7, "a")
    assert corrupt(Image.new("L", (3, 2), 90), name, 5, 0, "a").size == (3, 2)


@pytest.mark.parametrize("name", ["gaussian noise", "fog", "elastic", "motion blur"])
def test_seed_and_image_decide_the_draw(picture, name):
    first = corrupt(picture, name, 3, 0, "a")
    assert corrupt(picture, name, 3, 1, "a") != first
    assert corrupt(picture, name, 3, 0, "b") != first


def test_wrong_names_and_levels_are_one_sentence(picture):
    with pytest.raises(UsageError, match="unknown corruption 'frost'"):
        corrupt(picture, "frost", 1, 0, "a")
    with pytest.raises(UsageError, match="severity must be 1 to 5, got 0"):
        corrupt(picture, "fog", 0, 0, "a")


def test_kernels_keep_the_mean_of_a_flat_image():
    flat = np.full((20, 30, 3), 0.4)
    for kernel in (optics.disc(3.2), optics.line(9, 0.7), optics.disc(0.1), optics.line(0.1, 0)):
        assert kernel.sum() == pytest.approx(1)
        assert optics.filtered(flat, kernel) == pytest.approx(flat)
    assert optics.zoomed(flat, 1.3) == pytest.approx(flat)


def test_one_row_for_every_corruption_and_severity(bench, items):
    rows = corruption_rows(bench, items[0])
    assert [r["corruption"] for r in rows].count("clean") == 1
    assert len(rows) == 1 + len(CORRUPTIONS) * len(SEVERITIES)
    tokens = bench.encode(items[0])
    assert rows[0]["severity"] == 0
    assert rows[0]["erank"] == pytest.approx(tokens.gram.erank(), rel=1e-4)
    assert all(1 <= row["erank"] <= 16 and row["entropy"] > 0 for row in rows)
    assert len({round(row["erank"], 6) for row in rows}) > len(rows) / 2
