"""One image at the size of LLaVA-1.5-7B, and the work done on it, shared or alone."""

from dataclasses import replace

import torch
from torch import Tensor

from analysis.bench import published
from analysis.measures.kept import kept_measures
from analysis.pruners import Pruner
from analysis.tokens import VisualTokens

N, D, C = 576, 4096, 1024
# The study's budgets, for the row on everything at once.
STUDY_KEEPS = (32, 64, 128)


def image(device: torch.device, seed: int = 0) -> VisualTokens:
    """Return one image's worth of evidence; singular values fall as i^-0.5."""
    rng = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=rng)

    fall = torch.arange(1, D + 1, dtype=torch.float32) ** -0.5
    tokens = VisualTokens(
        features=draw(N, D) * fall,
        encoder_features=draw(N, C),
        cls_attention=0.8 * draw(N).softmax(dim=0),
        cls_feature=draw(C),
        keys=draw(N + 1, 64),
        last_keys=draw(N + 1, C),
        last_query=0.1 * draw(C),
        grid=(24, 24),
    )
    return tokens.to(device)


def shared(tokens: VisualTokens, rules: list[Pruner]) -> None:
    """Do the work of one image as the extractor does: everything from one Gram matrix."""
    tokens = fresh(tokens)
    tokens.gram.erank(centred=True)
    tokens.gram.erank(centred=False)
    for rule in rules:
        for keep in STUDY_KEEPS:
            kept_measures(tokens, rule.select(tokens, keep))


def alone(tokens: VisualTokens, rules: list[Pruner]) -> None:
    """Do the same with nothing shared between measures and selections."""
    published.erank_svd(tokens.features, True)
    published.erank_svd(tokens.features, False)
    for rule in rules:
        for keep in STUDY_KEEPS:
            own = fresh(tokens)
            if rule.name == "agilepruner":
                value = published.erank_svd(own.features, True)
                own.gram.remember_erank(value, centred=True)
            published.measures_alone(own, rule.select(own, keep))


def merged(rule: Pruner, tokens: VisualTokens, keep: int) -> Tensor:
    """Return the (K, C) merged tokens of a method that merges before the projector."""
    if tokens.encoder_features is None:
        raise ValueError("encoder_features must be given")
    return rule.select(tokens, keep).apply(tokens.encoder_features)


def fresh(tokens: VisualTokens) -> VisualTokens:
    """Return the same tokens without anything computed from them."""
    return replace(tokens)
