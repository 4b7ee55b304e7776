"""The one training loop: AdamW with warm-up, cosine and clipping over shuffled batches."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

logger = logging.getLogger(__name__)

WORK = Path("data/runs/pocket-work")
"""Where trainings leave their stages, unless told otherwise."""

Group = dict[str, object]
Loss = tuple[Tensor, Callable[[], str]]
"""The loss of a step, and what the log says of it."""


@dataclass(frozen=True)
class Descent:
    """How a module is trained.

    Attributes
    ----------
    name
        What the log calls it.
    steps, batch, rate
        Optimiser steps, scenes per step, peak learning rate.
    betas, warm_up, floor
        AdamW's; steps of linear warm-up (at most a quarter of all); share of the peak that the
        cosine ends on.
    log_every
        Steps from one log line to the next.
    """

    name: str
    steps: int
    batch: int
    rate: float
    betas: tuple[float, float]
    warm_up: int
    floor: float
    log_every: int

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step: linear warm-up, then cosine to the floor."""
        rise = min(1.0, (step + 1) / min(self.warm_up, max(1, self.steps // 4)))
        fall = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return self.rate * rise * (fall * (1 - self.floor) + self.floor)

    def run(
        self,
        module: nn.Module,
        groups: list[Group],
        batches: Iterator[np.ndarray],
        loss_of: Callable[[int, np.ndarray], Loss],
        done: Callable[[int], None] = lambda _: None,
    ) -> float:
        """Train a module and return the wall time of the loop in seconds.

        Parameters
        ----------
        module
            Whose gradients are clipped to norm 1.
        groups
            From `decayed`.
        batches
            From `shuffled`.
        loss_of
            Gives the loss of a step on the rows of its batch.
        done
            Called with the number of steps done after each.
        """
        optimiser = torch.optim.AdamW(groups, lr=self.rate, betas=self.betas)
        started = time.monotonic()
        for step in range(self.steps):
            loss, said = loss_of(step, next(batches))
            for group in optimiser.param_groups:
                group["lr"] = 0.0 if step < group["first_step"] else self.rate_at(step)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(module.parameters(), 1.0)
            optimiser.step()
            if step % self.log_every == 0 or step == self.steps - 1:
                speed = (step + 1) * self.batch / (time.monotonic() - started)
                logger.info(
                    "%s %d/%d: %s, %.0f scenes/s", self.name, step, self.steps, said(), speed
                )
            done(step + 1)
        return time.monotonic() - started


def shuffled(count: int, batch: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield sorted index batches for ever, each epoch in a new order."""
    while True:
        order = rng.permutation(count)
        for start in range(0, count - batch + 1, batch):
            yield np.sort(order[start : start + batch])


def decayed(module: nn.Module, first_step: int = 0) -> list[Group]:
    """Split trained parameters into matrices (decayed by 0.05) and vectors (not).

    They rest before `first_step`.
    """
    trained = [p for p in module.parameters() if p.requires_grad]
    split = ([p for p in trained if p.ndim >= 2], 0.05), ([p for p in trained if p.ndim < 2], 0.0)
    return [
        {"params": params, "weight_decay": decay, "first_step": first_step}
        for params, decay in split
        if params
    ]


def begin(threads: int) -> None:
    """Set up a training script: log with times, a fixed number of CPU threads."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(threads)
