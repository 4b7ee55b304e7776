"""Make the model stop sooner: a constant added to the logits of full stop and end.

LLaMA's output head has no bias. Its inputs share a constant component, though, so a direction on
which every caption position projects to about 1 can be found by least squares; adding a multiple of
it to a word's row of the head works as a bias of that word.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from analysis.models import LoadOptions, load
from analysis.models.exchange import Request
from analysis.scenes.captions import CAPTION_PROMPT
from analysis.scenes.scene import make_scene

STOP_BIAS = 1.4
"""Logits added to stops; chosen on development scenes between hallucination and recall."""
CALIBRATION_SEEDS = range(70_000, 70_150)
"""Scenes of the train split whose captions give the direction."""


def unit_direction(states: Tensor) -> Tensor:
    """Return v (C,) float64 with states @ v closest to 1, for states (m, C)."""
    ones = torch.ones(len(states), 1, dtype=torch.float64)
    solution: Tensor = torch.linalg.lstsq(states.double(), ones).solution
    return solution[:, 0]


def calibrate_stops(
    folder: Path, amount: float = STOP_BIAS, seeds: Sequence[int] = CALIBRATION_SEEDS
) -> Any:
    """Load a checkpoint and add `amount` to the logits of "." and the end token.

    Parameters
    ----------
    folder
        The checkpoint; it is not changed.
    amount
        Logits to add.
    seeds
        Scenes to caption for the direction.

    Returns
    -------
    LlavaForConditionalGeneration
        The changed model.
    """
    adapter = load(LoadOptions(model=str(folder)))
    model, tokenizer = adapter.model, adapter.processor.tokenizer
    seen: list[Tensor] = []
    hook = model.lm_head.register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0].detach().reshape(-1, inputs[0].shape[-1]))
    )
    try:
        tokens = adapter.encode([make_scene(seed).image for seed in seeds])
        adapter.generate([Request(CAPTION_PROMPT, one) for one in tokens], 96)
    finally:
        hook.remove()
    stops = tokenizer.convert_tokens_to_ids([".", tokenizer.eos_token])
    with torch.no_grad():
        model.lm_head.weight[stops] += (amount * unit_direction(torch.cat(seen))).float()
    return model
