"""One clock for every bench: works timed in turn, medians with quartiles, events on a GPU."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, nan
from typing import Any

import numpy as np
import torch

from analysis.errors import UsageError

# A GPU's clocks and caches settle within this many repetitions.
GPU_WARMUPS = 20
# Wall time, or the processor time of this process: on a machine shared with other work
# only the latter says what a piece of work costs (with one thread; threads that wait
# for others would be counted).
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}

Work = Callable[..., object]


@dataclass(frozen=True)
class Duration:
    """Distribution of one measured duration.

    Attributes
    ----------
    best, median, low, high
        Fastest repetition, median and quartiles in milliseconds. What other processes do
        to a machine only adds, so ``best`` is what ratios of short works are taken of.
    n
        Timed repetitions; 0 where nothing was measured (all values NaN).
    """

    best: float
    median: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, milliseconds: list[float]) -> "Duration":
        """Summarise single durations."""
        if not milliseconds:
            return cls(nan, nan, nan, nan, 0)
        best, low, median, high = np.quantile(milliseconds, (0, 0.25, 0.5, 0.75)).tolist()
        return cls(best, median, low, high, len(milliseconds))

    def columns(self, name: str, scale: float = 1.0) -> dict[str, float]:
        """Columns ``name, name_q1, name_q3`` of a table, in milliseconds times ``scale``."""
        values = {name: self.median, f"{name}_q1": self.low, f"{name}_q3": self.high}
        return {key: value * scale for key, value in values.items()}


@dataclass(frozen=True)
class Clock:
    """How often to repeat, and where.

    Parameters
    ----------
    device
        Where the work runs; on a GPU its events are read, elsewhere ``kind``.
    warmups
        Untimed repetitions first; at least 20 on a GPU, except in blocks.
    repeats
        Timed repetitions.
    kind
        Key of `CLOCKS`.
    block
        Seconds that a short work fills in one repetition by running again and again; the
        mean is taken. Alternatives are then compared with their own data in the caches,
        not with what the one before left there.
    seconds
        Begin no further repetition after this long; one is always done.
    """

    device: torch.device
    warmups: int = GPU_WARMUPS
    repeats: int = 20
    kind: str = "wall"
    block: float = 0.0
    seconds: float = inf

    def __post_init__(self) -> None:
        """Check counts.

        Raises
        ------
        UsageError
            Naming field, value and range.
        """
        least = GPU_WARMUPS if self.device.type == "cuda" and not self.block else 0
        if self.warmups < least:
            raise UsageError(
                f"warmups is {self.warmups}; on {self.device.type} it must be at least {least}."
            )
        if self.repeats < 1:
            raise UsageError(f"repeats is {self.repeats}; it must be at least 1.")

    def time(self, work: Work, **options: Any) -> Duration:
        """Time one piece of work alone; options are those of `together`."""
        return self.together({"": work}, **options)[""]

    def together(
        self,
        works: Mapping[str, Work],
        setup: Work | None = None,
        warmups: int | None = None,
    ) -> dict[str, Duration]:
        """Warm every work up, then time all of them ``repeats`` rounds in turn.

        Interleaved, a busy moment of the machine hits all alternatives.

        Parameters
        ----------
        works
            Name and what is timed; called with what ``setup`` returns, or with nothing.
        setup
            Untimed preparation of every repetition.
        warmups
            Untimed repetitions, where they differ from the clock's.
        """
        first = self.warmups if warmups is None else warmups
        calls = {}
        for name, work in works.items():
            for _ in range(first):
                self._once(work, setup)
            once = self._once(work, setup) if self.block else inf
            calls[name] = max(1, round(self.block * 1e3 / max(once, 1e-3)))
        taken: dict[str, list[float]] = {name: [] for name in works}
        read = CLOCKS[self.kind]
        start = read()
        for done in range(self.repeats):
            if done and read() - start > self.seconds:
                break
            for name, work in works.items():
                taken[name].append(self._once(work, setup, calls[name]))
        return {name: Duration.of(times) for name, times in taken.items()}

    def _once(self, work: Work, setup: Work | None, calls: int = 1) -> float:
        """Return the mean time of ``calls`` calls in a row, in milliseconds."""
        ready = () if setup is None else (setup(),)
        if self.device.type != "cuda":
            read = CLOCKS[self.kind]
            start = read()
            for _ in range(calls):
                work(*ready)
            return (read() - start) * 1e3 / calls
        # Events are recorded on the current device, which need not be the one that works.
        with torch.cuda.device(self.device):
            self.synchronise()
            first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            first.record()
            for _ in range(calls):
                work(*ready)
            last.record()
            self.synchronise()
        return float(first.elapsed_time(last)) / calls

    def synchronise(self) -> None:
        """Wait for a GPU."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def peak_gib(self, work: Work) -> float:
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
    left, right = (torch.randn(size, size, device=clock.device).to(dtype) for _ in range(2))
    return 2 * size**3 / (clock.time(lambda: left @ right).low * 1e-3) / 1e12
