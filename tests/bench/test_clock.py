"""Medians with quartiles, setup left out of the time, and what may not be asked."""

import math
import time

import pytest
import torch

from analysis.bench.clock import Clock, Duration, device_slug, matmul_ceiling
from analysis.errors import UsageError
from analysis.models.devices import device_name

CPU = torch.device("cpu")


def test_median_and_quartiles():
    found = Duration.of([4.0, 1.0, 2.0, 3.0, 5.0])
    assert (found.low, found.median, found.high, found.n) == (2.0, 3.0, 4.0, 5)
    assert found.columns("x") == {"x_ms": 3.0, "x_ms_q1": 2.0, "x_ms_q3": 4.0}


def test_nothing_measured_is_not_zero():
    found = Duration.of([])
    assert found.n == 0
    assert math.isnan(found.median)


def test_warmups_run_and_are_not_counted():
    calls = []
    found = Clock(CPU, warmups=3, repeats=4).time(lambda: calls.append(1))
    assert len(calls) == 7
    assert found.n == 4


def test_setup_is_not_timed_and_feeds_the_work():
    seen = []

    def setup():
        time.sleep(0.02)
        return len(seen)

    found = Clock(CPU, 1, 3).time(seen.append, setup=setup)
    assert seen == [0, 1, 2, 3]
    assert found.high < 20


def test_work_is_timed():
    found = Clock(CPU, 0, 2).time(lambda: time.sleep(0.01))
    assert found.median >= 10


def test_peak_memory_is_a_gpu_figure():
    assert math.isnan(Clock(CPU, 0, 1).peak_gib(lambda: None))


def test_a_gpu_needs_twenty_warmups():
    with pytest.raises(UsageError, match="on cuda it must be at least 20"):
        Clock(torch.device("cuda"), 5, 1)
    with pytest.raises(UsageError, match="repeats is 0"):
        Clock(CPU, 0, 0)


def test_names_of_a_cpu():
    assert device_slug(CPU) == "cpu"
    assert "threads)" in device_name(CPU)


def test_ceiling_is_a_speed():
    assert matmul_ceiling(Clock(CPU, 0, 2), torch.float32, 64) > 0
