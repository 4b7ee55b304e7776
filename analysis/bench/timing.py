"""Time alternatives side by side: interleaved, so that a busy moment hits all of them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

Work = Callable[[], object]
Clock = Callable[[], float]

# Wall time, or the processor time of this process: on a machine shared with other work
# only the latter says what a piece of work costs (with one thread; threads that wait
# for others would be counted).
CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, "cpu": time.process_time}


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one piece of work.

    Attributes
    ----------
    best
        Fastest round: what other processes do to a machine only adds, so this is what
        ratios are taken of.
    median
        Median round.
    repeats
        How many rounds there were.
    """

    best: float
    median: float
    repeats: int


def time_together(
    works: Mapping[str, Work],
    repeats: int,
    cuda: bool = False,
    seconds: float = 15.0,
    clock: Clock = time.perf_counter,
    block: float = 0.02,
) -> dict[str, Timing]:
    """Run every piece of work once to warm up, then all of them ``repeats`` rounds in turn.

    In a round a short piece of work is run again and again until it has filled a block of
    time, and its mean is taken: alternatives are compared with their own data in the
    caches, not with what the one before left there.

    Parameters
    ----------
    works
        Name and a function without arguments.
    repeats
        Rounds, at least 1.
    cuda
        Wait for the GPU before the clock is read.
    seconds
        Begin no further round after this long by ``clock``; one round is always done.
    clock
        What is read before and after, in seconds.
    block
        Seconds a piece of work fills in a round; it is run at least once.
    """
    calls = {}
    for name, work in works.items():
        work()
        once = _milliseconds(work, cuda, clock)
        calls[name] = max(1, round(block * 1000.0 / max(once, 1e-3)))
    taken: dict[str, list[float]] = {name: [] for name in works}
    start = clock()
    for done in range(repeats):
        if done and clock() - start > seconds:
            break
        for name, work in works.items():
            taken[name].append(_milliseconds(work, cuda, clock, calls[name]))
    return {
        name: Timing(min(times), sorted(times)[len(times) // 2], len(times))
        for name, times in taken.items()
    }


def _milliseconds(work: Work, cuda: bool, clock: Clock, calls: int = 1) -> float:
    """Return the mean time of ``calls`` calls in a row."""
    if cuda:
        torch.cuda.synchronize()
    start = clock()
    for _ in range(calls):
        work()
    if cuda:
        torch.cuda.synchronize()
    return (clock() - start) * 1000.0 / calls
