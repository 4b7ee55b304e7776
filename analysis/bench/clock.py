"""One piece of work timed alone: CUDA events on a GPU, medians with quartiles."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from analysis.errors import UsageError

# A GPU's clocks and caches settle within this many repetitions.
GPU_WARMUPS = 20


@dataclass(frozen=True)
class Duration:
    """Distribution of one measured duration.

    Attributes
    ----------
    median, low, high
        Median and quartiles in milliseconds.
    n
        Timed repetitions; 0 where nothing was measured (all values NaN).
    """

    median: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, milliseconds: list[float]) -> "Duration":
        """Summarise single durations."""
        if not milliseconds:
            return cls(float("nan"), float("nan"), float("nan"), 0)
        low, median, high = np.quantile(milliseconds, (0.25, 0.5, 0.75))
        return cls(float(median), float(low), float(high), len(milliseconds))

    def columns(self, name: str) -> dict[str, float]:
        """Columns ``name_ms, name_ms_q1, name_ms_q3`` of a table."""
        return {
            f"{name}_ms": self.median,
            f"{name}_ms_q1": self.low,
            f"{name}_ms_q3": self.high,
        }


@dataclass(frozen=True)
class Clock:
    """How often to repeat, and where.

    Parameters
    ----------
    device
        Where the work runs.
    warmups
        Untimed repetitions first; at least 20 on a GPU.
    repeats
        Timed repetitions.
    """

    device: torch.device
    warmups: int = GPU_WARMUPS
    repeats: int = 20

    def __post_init__(self) -> None:
        """Check counts.

        Raises
        ------
        UsageError
            Naming field, value and range.
        """
        least = GPU_WARMUPS if self.device.type == "cuda" else 0
        if self.warmups < least:
            raise UsageError(
                f"warmups is {self.warmups}; on {self.device.type} it must be at least {least}."
            )
        if self.repeats < 1:
            raise UsageError(f"repeats is {self.repeats}; it must be at least 1.")

    def time(
        self,
        work: Callable[..., object],
        setup: Callable[[], object] | None = None,
        warmups: int | None = None,
    ) -> Duration:
        """Run ``work`` repeatedly and return how long it takes.

        Parameters
        ----------
        work
            What is timed; called with what ``setup`` returns, or with nothing.
        setup
            Untimed preparation of every repetition.
        warmups
            Untimed repetitions, where they differ from the clock's.
        """
        taken = []
        first = self.warmups if warmups is None else warmups
        for turn in range(first + self.repeats):
            ready = () if setup is None else (setup(),)
            duration = self._once(work, ready)
            if turn >= first:
                taken.append(duration)
        return Duration.of(taken)

    def _once(self, work: Callable[..., object], arguments: tuple[object, ...]) -> float:
        if self.device.type != "cuda":
            start = time.perf_counter()
            work(*arguments)
            return (time.perf_counter() - start) * 1e3
        # Events are recorded on the current device, which need not be the one that works.
        with torch.cuda.device(self.device):
            self.synchronise()
            first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            first.record()
            work(*arguments)
            last.record()
            self.synchronise()
        return float(first.elapsed_time(last))

    def synchronise(self) -> None:
        """Wait for a GPU."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def peak_gib(self, work: Callable[[], object]) -> float:
        """Peak of allocated memory while ``work`` runs, in GiB; NaN on a CPU."""
        if self.device.type != "cuda":
            return float("nan")
        torch.cuda.reset_peak_memory_stats(self.device)
        work()
        self.synchronise()
        return float(torch.cuda.max_memory_allocated(self.device)) / 2**30


def device_slug(device: torch.device) -> str:
    """Part of a file name that tells devices apart: ``cpu`` or ``nvidia-h200``."""
    if device.type != "cuda":
        return device.type
    return re.sub(r"[^a-z0-9]+", "-", torch.cuda.get_device_name(device).lower()).strip("-")


def matmul_ceiling(clock: Clock, dtype: torch.dtype, size: int = 8192) -> float:
    """Speed of a large dense product on this device, in TFLOP/s (two per multiply-add).

    Parameters
    ----------
    clock
        Repetitions and device.
    dtype
        Type of both factors.
    size
        Rows and columns of the square factors.
    """
    left = torch.randn(size, size, device=clock.device).to(dtype)
    right = torch.randn(size, size, device=clock.device).to(dtype)
    taken = clock.time(lambda: left @ right)
    return 2 * size**3 / (taken.low * 1e-3) / 1e12
