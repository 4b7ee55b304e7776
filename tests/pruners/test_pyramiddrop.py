"""PyramidDrop's stages."""

import pytest

from analysis.pruners.pyramiddrop import PyramidDrop


def test_the_default_halves_three_times():
    assert PyramidDrop().stages(32) == [(8, 0.5), (16, 0.25), (24, 0.125)]


def test_other_lists_are_written_with_dashes():
    other = PyramidDrop(layers="4-12", ratios="0.3-0.1")
    assert other.stages(32) == [(4, 0.3), (12, 0.1)]
    assert other.original_schedule(576, 32).stages == ((4, 172), (12, 57))
    assert other.label == "pyramiddrop:layers=4-12:ratios=0.3-0.1"


@pytest.mark.parametrize("keep", [192, 240, 288, 400])
def test_solved_schedules_keep_the_shape(keep):
    schedule = PyramidDrop().schedule(keep, 576, 32)
    counts = [n for _, n in schedule.stages]
    assert schedule.mean == keep
    # The shares stay powers of each other: second = first squared, third = first cubed.
    first, second, third = (n / 576 for n in counts)
    assert second == pytest.approx(first**2, abs=0.01)
    assert third == pytest.approx(first**3, abs=0.01)
