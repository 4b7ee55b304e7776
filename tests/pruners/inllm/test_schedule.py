"""Schedules: what keep means, and how a schedule is found for it."""

from itertools import product

import pytest

from analysis.pruners.dart import DART
from analysis.pruners.fastv import FastV
from analysis.pruners.inllm.schedule import Schedule, scale_stages, solve_schedule
from analysis.pruners.pyramiddrop import PyramidDrop
from analysis.pruners.sparsevlm import SparseVLM, SparseVLMv2

ALL = [FastV(), PyramidDrop(), SparseVLM(), SparseVLMv2(), DART()]


@pytest.mark.parametrize("pruner", ALL, ids=lambda p: p.name)
@pytest.mark.parametrize("n_layers", [2, 3, 4, 6, 24, 32, 40])
@pytest.mark.parametrize("n_tokens", [1, 2, 7, 144, 576, 2880])
def test_the_mean_over_layers_is_as_near_keep_as_the_last_stage_allows(pruner, n_layers, n_tokens):
    for keep in {1, n_tokens // 3, n_tokens // 2, n_tokens * 3 // 4, n_tokens - 1, n_tokens}:
        first = pruner.stages(n_layers)[0][0]
        least = (n_tokens * first + n_layers - first) / n_layers
        if keep < least:
            with pytest.raises(ValueError, match=r"keep must be (at least|in \[1)"):
                pruner.schedule(keep, n_tokens, n_layers)
            continue
        schedule = pruner.schedule(keep, n_tokens, n_layers)
        width = n_layers - schedule.stages[-1][0]
        assert abs(schedule.mean - keep) <= width / 2 / n_layers + 1e-9


@pytest.mark.parametrize("keep", range(5, 21))
def test_no_other_whole_schedule_comes_nearer(keep):
    """Against brute force over all schedules of three stages."""
    stages = [(1, 0.5), (2, 0.3), (4, 0.2)]
    solved = solve_schedule(keep, 20, 7, stages, "any")
    means = (
        (20 + a + 2 * b + 3 * c) / 7 for a, b, c in product(range(1, 21), repeat=3) if a >= b >= c
    )
    best = min(abs(mean - keep) for mean in means)
    assert abs(solved.mean - keep) == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize(
    ("pruner", "stages", "mean"),
    [
        (FastV(), ((2, 288),), 306),
        (FastV(dropped=0.75), ((2, 144),), 171),
        (PyramidDrop(), ((8, 288), (16, 144), (24, 72)), 270),
        (SparseVLM(), ((3, 309), (7, 204), (16, 113)), 206.5),
        (SparseVLM(table=128), ((3, 312), (7, 117), (16, 39)), 145.40625),
        (SparseVLM(table=64), ((3, 82), (7, 32), (16, 18)), 82.25),
        (SparseVLMv2(), ((3, 300), (7, 200), (16, 118)), 206.75),
        (DART(), ((2, 124),), 152.25),
        (DART(reduction=0.8888), ((2, 68),), 99.75),
    ],
    ids=lambda value: getattr(value, "label", None),
)
def test_original_schedules_and_their_equivalent_tokens(pruner, stages, mean):
    schedule = pruner.original_schedule(576, 32)
    assert schedule.stages == stages
    assert schedule.mean == mean


@pytest.mark.parametrize(("keep", "kept"), [(192, 166), (128, 98), (64, 30)])
def test_fastv_keeps_what_equals_the_usual_budgets(keep, kept):
    assert FastV().schedule(keep, 576, 32).stages == ((2, kept),)


@pytest.mark.parametrize(("keep", "kept"), [(192, 152), (128, 82), (64, 11)])
def test_fastv_with_three_full_layers(keep, kept):
    assert FastV(full_layers=3).schedule(keep, 576, 32).stages == ((3, kept),)


def test_the_original_mean_gives_the_original_schedule_back():
    assert PyramidDrop().schedule(270, 576, 32).stages == ((8, 288), (16, 144), (24, 72))
    assert FastV().schedule(306, 576, 32).stages == ((2, 288),)


def test_stages_scale_with_the_depth():
    assert [layer for layer, _ in PyramidDrop().stages(40)] == [10, 20, 30]
    assert [layer for layer, _ in PyramidDrop().stages(4)] == [1, 2, 3]
    assert scale_stages((8, 16, 24), (0.5, 0.25, 0.125), 32, 2) == [(1, 0.125)]
    assert scale_stages((8,), (0.5,), 32, 1) == []


def test_shift_reaches_small_budgets_and_leaves_large_ones_alone():
    with pytest.raises(ValueError, match="at least 145 for pyramiddrop, got 64"):
        PyramidDrop().schedule(64, 576, 32)
    shifted = PyramidDrop(shift=True)
    assert shifted.schedule(64, 576, 32).mean == 64
    assert shifted.schedule(300, 576, 32).layers == (8, 16, 24)
    assert shifted.label == "pyramiddrop:shift=true"


def test_info_holds_plain_values():
    info = FastV().schedule(192, 576, 32).info()
    assert info == {
        "schedule": [[2, 166]],
        "n_layers": 32,
        "mean_tokens": 191.625,
        "asked": 192,
    }


@pytest.mark.parametrize(
    ("stages", "says"),
    [
        (((0, 5),), "layer 0 must lie in 1…5"),
        (((2, 5), (2, 4)), "layer 2 must lie in 3…5"),
        (((2, 5), (6, 4)), "layer 6"),
        (((2, 21),), "n_keep 21 at layer 2 must lie in 1…20"),
        (((2, 5), (3, 6)), "n_keep 6 at layer 3 must lie in 1…5"),
        (((2, 0),), "n_keep 0"),
    ],
)
def test_impossible_schedules_are_refused(stages, says):
    with pytest.raises(ValueError, match=says):
        Schedule(20, 6, stages)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: FastV(full_layers=0), "full_layers"),
        (lambda: FastV(dropped=1.0), "dropped"),
        (lambda: PyramidDrop(layers="8-x"), "layers must be numbers"),
        (lambda: PyramidDrop(layers="8-16"), "one ratio each"),
        (lambda: PyramidDrop(layers="16-8-24"), "must increase"),
        (lambda: PyramidDrop(ratios="0.5-0.25-1.5"), "ratios"),
        (lambda: SparseVLM(table=100), "table must be one of"),
        (lambda: SparseVLMv2(heads=0), "heads"),
        (lambda: DART(reduction=2), "reduction"),
        (lambda: DART(order="random"), "order must be one of"),
        (lambda: DART(image_pivots=0), "image_pivots"),
    ],
)
def test_bad_parameters_name_the_field(make, says):
    with pytest.raises(ValueError, match=says):
        make()
