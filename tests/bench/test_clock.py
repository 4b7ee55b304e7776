"""Medians with quartiles, works in turn, setup left out, and what may not be asked."""

import math

import pytest
import torch

from analysis.bench import clock as module
from analysis.bench.clock import Clock, Duration, device_slug, matmul_ceiling
from analysis.errors import UsageError
from analysis.models.devices import device_name

CPU = torch.device("cpu")


def test_median_and_quartiles():
    found = Duration.of([4.0, 1.0, 2.0, 3.0, 5.0])
    assert (found.low, found.median, found.high, found.n) == (2.0, 3.0, 4.0, 5)
    assert found.best == 1.0
    assert found.columns("x_ms") == {"x_ms": 3.0, "x_ms_q1": 2.0, "x_ms_q3": 4.0}
    assert found.columns("s", 1e-3)["s_q3"] == pytest.approx(0.004)


def test_nothing_measured_is_not_zero():
    found = Duration.of([])
    assert found.n == 0
    assert math.isnan(found.median)


def test_warmups_run_and_are_not_counted():
    calls = []
    found = Clock(CPU, warmups=3, repeats=4).time(lambda: calls.append(1))
    assert len(calls) == 7
    assert found.n == 4


class Time:
    """A clock that only work moves."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def work(self, seconds):
        self.now += seconds


@pytest.fixture
def passing(monkeypatch):
    now = Time()
    monkeypatch.setitem(module.CLOCKS, "wall", now)
    return now


def test_setup_is_not_timed_and_feeds_the_work(passing):
    seen = []

    def setup():
        passing.work(9.0)
        return len(seen)

    def work(given):
        seen.append(given)
        passing.work(0.25)

    found = Clock(CPU, 1, 3).time(work, setup=setup)
    assert seen == [0, 1, 2, 3]
    assert found == Duration(250.0, 250.0, 250.0, 250.0, 3)


def test_alternatives_are_timed_in_turn():
    calls = []
    works = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    found = Clock(CPU, 2, 3).together(works)
    assert calls == ["a", "a", "b", "b"] + ["a", "b"] * 3
    assert {t.n for t in found.values()} == {3}
    assert all(0 <= t.best <= t.low <= t.median <= t.high for t in found.values())


def test_no_further_round_begins_after_the_time_is_up(passing):
    found = Clock(CPU, 0, 99, seconds=2.5).time(lambda: passing.work(1.0))
    assert found.n == 3


def test_short_work_fills_its_block_and_long_work_runs_once(passing):
    calls = {"short": 0, "long": 0}

    def work(name, seconds):
        calls[name] += 1
        passing.work(seconds)

    works = {"short": lambda: work("short", 0.001), "long": lambda: work("long", 0.03)}
    found = Clock(CPU, 1, 2, block=0.02).together(works)
    # Warmed up, sized, and two rounds: of 20 calls each, or of one.
    assert calls == {"short": 1 + 1 + 2 * 20, "long": 1 + 1 + 2}
    assert found["short"].best == pytest.approx(1.0)
    assert found["long"].best == pytest.approx(30.0)


def test_peak_memory_is_a_gpu_figure():
    assert math.isnan(Clock(CPU, 0, 1).peak_gib(lambda: None))


def test_a_gpu_needs_twenty_warmups():
    with pytest.raises(UsageError, match="on cuda it must be at least 20"):
        Clock(torch.device("cuda"), 5, 1)
    assert Clock(torch.device("cuda"), 1, 1, block=0.02).warmups == 1
    with pytest.raises(UsageError, match="repeats is 0; it must be at least 1"):
        Clock(CPU, 0, 0)


def test_names_of_a_cpu():
    assert device_slug(CPU) == "cpu"
    assert "threads)" in device_name(CPU)


def test_ceiling_is_a_speed():
    assert matmul_ceiling(Clock(CPU, 0, 2), torch.float32, 64) > 0
