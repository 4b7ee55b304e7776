"""Visual tokens for tests: the formula-defined golden inputs, random fields, odd cases."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from analysis.tokens import VisualTokens

N, C, D, H = 576, 48, 40, 16


def _wave(channels: int, outer, inner, a: list[float], prime: tuple[int, int, int]) -> np.ndarray:
    i = np.arange(N, dtype=float)[:, None]
    j = np.arange(channels, dtype=float)[None]
    noise = (prime[0] * i + prime[1] * j) % prime[2] / prime[2]
    return outer(a[0] * (i + a[1]) * (j + 1)) + a[2] * inner(a[3] * i + a[4] * j**2) + 0.05 * noise


def golden_arrays() -> dict[str, np.ndarray]:
    """Return Xv, Xp and A of methods.md §1.16 in float64."""
    h, i = np.arange(H, dtype=float)[:, None], np.arange(N, dtype=float)[None]
    hash_ = (2654435761 * np.arange(N)[None] + 97 * np.arange(H)[:, None]) % 1000 / 1000
    attention = np.exp(
        1.5 * np.sin(0.05 * (h + 1) + 0.037 * i)
        + 0.8 * np.cos(0.21 * i * (1 + 0.03 * h))
        + 0.3 * hash_
    )
    return {
        "Xv": _wave(C, np.sin, np.cos, [0.013, 1, 0.5, 0.7, 0.31], (7919, 104729, 1009)),
        "Xp": _wave(D, np.cos, np.sin, [0.011, 2, 0.4, 0.9, 0.17], (6101, 15485863, 997)),
        "A": attention / (1.25 * attention.sum(axis=1, keepdims=True)),
    }


def _received(layer: int) -> Tensor:
    """Mean over heads and queries of the attention each patch receives in one layer."""
    q, k = np.arange(577.0)[:, None], np.arange(577.0)[None]
    total = np.zeros((577, 577))
    for h in range(4):
        slow = 1.2 * np.sin(0.02 * (layer + 1) * (k + 1) + 0.3 * h)
        fast = 0.3 * np.cos(0.01 * q * (h + 1)) * np.sin(0.05 * k)
        rows = np.exp(slow + fast + 0.2 * ((7907 * k + 13 * layer) % 101) / 101)
        total += rows / rows.sum(axis=1, keepdims=True)
    return torch.tensor((total / 4).mean(axis=0)[1:], dtype=torch.float32)


def golden_tokens() -> VisualTokens:
    """Return the golden inputs with every field any method reads."""
    arrays = {k: torch.tensor(v, dtype=torch.float32) for k, v in golden_arrays().items()}
    xv, xp = arrays["Xv"], arrays["Xp"]
    j = torch.arange(C, dtype=torch.float32)
    return VisualTokens(
        features=xp,
        encoder_features=xv,
        cls_attention=arrays["A"].mean(dim=0),
        cls_feature=xv.mean(dim=0),
        keys=torch.cat([xp.mean(dim=0)[None], xp]),
        last_keys=torch.cat([xv.mean(dim=0)[None], xv]),
        last_query=3 * torch.sin(0.21 * j),
        object_attention=_received(8),
        received_attention=_received(22),
        image_embeds=xv,
        text_embeds=torch.sin(0.3 * j)[None],
        grid=(24, 24),
    )


def field(channels: int, knots: int, rng: torch.Generator, noise: float = 0.0) -> Tensor:
    """Return a smooth random field (576, channels): white noise on few knots, interpolated."""
    coarse = torch.randn(1, channels, knots, knots, generator=rng)
    fine = interpolate(coarse, size=(24, 24), mode="bicubic", align_corners=True)
    smooth = fine[0].flatten(1).T.contiguous()
    return smooth + noise * torch.randn(N, channels, generator=rng)


def field_tokens(seed: int, knots: int = 8, noise: float = 0.02) -> VisualTokens:
    """Return all fields of an image of 576 tokens, C = 96, D = 128, float32."""
    rng = torch.Generator().manual_seed(seed)
    keys = field(64, knots, rng, noise)
    last = field(96, knots, rng, noise)
    return VisualTokens(
        features=field(128, knots, rng, noise),
        encoder_features=field(96, knots, rng, noise),
        cls_attention=0.8 * field(1, knots, rng, noise)[:, 0].softmax(dim=0),
        cls_feature=torch.randn(96, generator=rng),
        keys=torch.cat([keys.mean(dim=0)[None], keys]),
        last_keys=torch.cat([last.mean(dim=0)[None], last]),
        last_query=torch.randn(96, generator=rng),
        object_attention=field(1, knots, rng, noise)[:, 0].softmax(dim=0),
        received_attention=field(1, knots, rng, noise)[:, 0].softmax(dim=0),
        image_embeds=field(64, knots, rng, noise),
        text_embeds=torch.randn(2, 64, generator=rng),
        grid=(24, 24),
        llm_attention=torch.rand(4, 5, N, generator=rng) / N,
        llm_words=torch.randn(5, 128, generator=rng),
        llm_rotary_bias=1 + torch.rand(5, N, generator=rng),
        llm_keys=field(32, knots, rng, noise),
        llm_word_keys=torch.randn(5, 32, generator=rng),
        llm_states=field(48, knots, rng, noise),
        llm_normed=field(48, knots, rng, noise),
        llm_word_normed=torch.randn(5, 48, generator=rng),
    )


def nearly_square(n: int) -> tuple[int, int]:
    """Return the grid of ``n`` tokens whose sides are most alike."""
    return next((h, n // h) for h in range(int(n**0.5), 0, -1) if n % h == 0)


def random_tokens(
    n: int, seed: int = 0, grid: tuple[int, int] | str | None = "square"
) -> VisualTokens:
    """Return ``n`` tokens with all fields filled from white noise, C = D = 12."""
    rng = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=rng)

    return VisualTokens(
        features=draw(n, 12),
        encoder_features=draw(n, 12),
        cls_attention=0.9 * draw(n).softmax(dim=0),
        cls_feature=draw(12),
        keys=draw(n + 1, 6),
        last_keys=draw(n + 1, 12),
        last_query=draw(12),
        object_attention=draw(n).softmax(dim=0),
        received_attention=draw(n).softmax(dim=0),
        image_embeds=draw(n, 10),
        text_embeds=draw(2, 10),
        grid=nearly_square(n) if grid == "square" else grid,
        llm_attention=draw(2, 3, n).softmax(dim=-1) / 2,
        llm_words=draw(3, 12),
        llm_rotary_bias=draw(3, n),
        llm_keys=draw(n, 8),
        llm_word_keys=draw(3, 8),
        llm_states=draw(n, 9),
        llm_normed=draw(n, 9),
        llm_word_normed=draw(3, 9),
    )
