"""A CLIP-L/14-336 tower of random weights, to time what capturing [CLS] attention costs."""

from typing import Any

import torch

from analysis.bench.timing import Work
from analysis.models.clip import capture_tower

_SELECTED = -2
# Share of the tower's forward pass that capturing may take.
_GOAL = 0.02


def clip_tower(device: torch.device) -> Any:
    """Return the tower of LLaVA-1.5 in shape: 24 layers of width 1024, 577 positions."""
    from transformers import CLIPVisionConfig, CLIPVisionModel

    config = CLIPVisionConfig(
        hidden_size=1024,
        intermediate_size=4096,
        projection_dim=768,
        num_hidden_layers=24,
        num_attention_heads=16,
        image_size=336,
        patch_size=14,
    )
    return CLIPVisionModel(config).eval().to(device)


def capture_works(
    device: torch.device,
) -> tuple[dict[str, Work], tuple[tuple[str, float], ...]]:
    """Return what to time, the plain forward pass first, and the goal."""
    tower = clip_tower(device)
    pixels = torch.zeros(1, 3, 336, 336, device=device)
    with torch.no_grad(), capture_tower(tower, _SELECTED) as seen:
        tower(pixels)

    def plain() -> None:
        tower.set_attn_implementation("sdpa")
        tower(pixels)

    def hooked() -> None:
        tower.set_attn_implementation("sdpa")
        with capture_tower(tower, _SELECTED) as capture:
            tower(pixels)
        capture.evidence()

    def eager() -> None:
        tower.set_attn_implementation("eager")
        tower(pixels, output_attentions=True)

    works: dict[str, Work] = {
        "forward pass, sdpa": plain,
        "capture alone": lambda: seen.evidence(),
        "forward pass with capture": hooked,
        "forward pass, eager, output_attentions": eager,
    }
    return works, (("capture alone", _GOAL),)
