"""Plots draw what the frame says, and style keeps one look a pruner."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from analysis.catalogue import look
from analysis.plots.claims import claim_forest
from analysis.plots.distribution import violins
from analysis.plots.intervals import band, crosses, curves, errors, forest
from analysis.plots.marked_text import HALLUCINATED, marked_words
from analysis.plots.overlay import boxed_image, kept_mask, square, token_overlay
from analysis.plots.scatter import line_with_band, marginal, scatter
from analysis.plots.specification import choice_grid, sorted_estimates
from analysis.plots.style import drawing, new_figure


@pytest.fixture
def ax():
    with drawing("test"):
        yield new_figure(2).subplots()


def test_width_is_the_pages():
    with drawing("test"):
        assert new_figure(2).get_size_inches()[0] == pytest.approx(5.5)


def test_fonts_are_embedded_and_shipped_with_matplotlib():
    import matplotlib as mpl

    with drawing("salt"):
        assert mpl.rcParams["pdf.fonttype"] == 42
        assert mpl.rcParams["font.serif"] == ["STIXGeneral"]
        assert mpl.rcParams["savefig.bbox"] is None
        assert mpl.rcParams["svg.hashsalt"] == "salt"


def test_forest_draws_each_row_at_its_estimate(ax):
    frame = pd.DataFrame(
        {"label": ["a", "b"], "estimate": [1.0, 2.0], "low": [0, np.nan], "high": [3, np.nan]}
    )
    forest(frame, ax)
    assert [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"] == [1.0, 2.0]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b"]
    assert errors(frame, "estimate", "low", "high").tolist() == [[1, 0], [2, 0]]


def test_crosses_and_curves_use_the_pruners_look(ax):
    frame = pd.DataFrame(
        {
            "variant": ["fps@8"],
            "x": [1.0],
            "x_low": [0.5],
            "x_high": [2.0],
            "y": [3.0],
            "y_low": [2.0],
            "y_high": [4.0],
        }
    )
    crosses(frame, ax)
    assert to_hex(ax.lines[0].get_color()).upper() == look("fps").colour
    table = pd.DataFrame(
        {
            "pruner": "fps",
            "keep": [8, 16],
            "estimate": [1.0, 2.0],
            "low": [0.0, 1.0],
            "high": [2.0, 3.0],
        }
    )
    curves(table, ax, x="keep")
    assert ax.lines[-1].get_xdata().tolist() == [8, 16]


def test_band_is_sorted_along_x(ax):
    frame = pd.DataFrame({"x": [2, 1], "estimate": [5.0, 4.0], "low": [4, 3], "high": [6, 5]})
    band(frame, ax, x="x")
    assert ax.lines[0].get_ydata().tolist() == [4.0, 5.0]


def test_scatter_becomes_pixels_when_crowded(ax):
    few = pd.DataFrame({"x": np.arange(5.0), "y": 1.0, "level": "simple"})
    scatter(few, ax, x="x", y="y", level="level")
    assert not ax.collections[0].get_rasterized()
    many = pd.DataFrame({"x": np.arange(3000.0), "y": 1.0})
    scatter(many, ax, x="x", y="y")
    assert ax.collections[1].get_rasterized()
    marginal(many, ax, column="x")
    assert len(ax.collections) == 3


def test_empty_line_draws_nothing(ax):
    line_with_band(pd.DataFrame(columns=["x", "y", "low", "high"]), ax)
    assert not ax.lines


def test_violins_leave_out_groups_without_values(ax):
    frame = pd.DataFrame({"v": [1.0, 2, 3, 4], "by": ["simple"] * 3 + ["complex"]})
    violins(frame, ax, column="v", by="by", order=["simple", "complex"])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["simple\n(n = 3)"]


def test_kept_mask_ignores_merged_tokens():
    mask = kept_mask([-1, 0, 5], (2, 3))
    assert mask.tolist() == [[True, False, False], [False, False, True]]


def test_overlay_keeps_colour_only_where_tokens_are_kept(ax):
    image = Image.new("RGB", (8, 8), (255, 0, 0))
    token_overlay(image, [0], (2, 2), ax)
    pixels = ax.images[0].get_array()
    assert pixels[0, 0].tolist() == [1, 0, 0]
    assert np.ptp(pixels[7, 7]) == pytest.approx(0)


def test_square_pads_as_the_model_does():
    assert square(Image.new("RGB", (4, 8))).shape == (8, 8, 3)


def test_marked_words_read_the_scorers_own_column():
    row = {"spans": [(2, 5)], "hallucinated": [True], "caption": "a dog here"}
    words = marked_words(row)
    assert words == [("a", ""), ("dog", HALLUCINATED), ("here", "")]
    assert marked_words({**row, "answer": row["caption"], "caption": "a dog here"}) == words
    old = {"spans": row["spans"], "hallucinated": [True], "answer": row["caption"]}
    assert marked_words(old) == words


def test_boxed_image_draws_each_box_and_lists_the_objects(ax):
    boxes = '[{"category": "dog", "bbox": [1, 2, 3, 4]}, {"category": "cup", "bbox": [0, 0, 2, 2]}]'
    boxed_image(Image.new("RGB", (10, 10)), boxes, ["cup", "dog"], ax)
    assert [patch.get_bbox().bounds for patch in ax.patches] == [(1, 2, 3, 4), (0, 0, 2, 2)]
    assert ax.get_xlabel() == "in the image:\ncup, dog"


def test_claim_forest_fills_decisive_points_and_shades_the_expected_side():
    frame = pd.DataFrame(
        {
            "label": ["a", "b"],
            "value": ["1", "2"],
            "estimate": [2.0, -1.0],
            "low": [1.0, -2.0],
            "high": [3.0, 0.5],
            "start": [1.0, 0.0],
            "expected": [1, -1],
            "decisive": [True, False],
            "outcome": ["for", "open"],
        }
    )
    ax = claim_forest(frame, new_figure(2).subplots(), margin=1.0)
    points = [line for line in ax.lines if line.get_marker() == "o"]
    assert [line.get_markerfacecolor() == line.get_color() for line in points] == [True, False]
    first, second = ax.patches
    assert first.get_x() == 1.0
    assert second.get_width() < 0
    dashed = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--"]
    assert dashed == [-1.0, 1.0]
    assert {text.get_text() for text in ax.texts} == {"a", "b", "1", "2"}


def test_specification_curve_marks_each_choice_where_it_was_taken():
    frame = pd.DataFrame(
        {"estimate": [-0.2, 0.3], "low": [-0.4, 0.1], "high": [0.1, 0.5], "keep": [8, 16]}
    )
    above, below = new_figure(3).subplots(2)
    sorted_estimates(frame, above, 0.05)
    choice_grid(frame, below, [("keep", "16"), ("keep", "8")], ["16 tokens", "8 tokens"])
    marks = [list(line.get_xdata()) for line in below.lines if line.get_marker() == "|"]
    assert marks == [[1], [0]]
    assert [text.get_text() for text in below.get_yticklabels()] == ["16 tokens", "8 tokens"]
